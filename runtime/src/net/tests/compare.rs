//! Options and printed forms, side by side with std on the same descriptor.

use std::fmt::Debug;
use std::io;
use std::net::{self, Ipv4Addr, Ipv6Addr};
use std::os::unix::net as unix;
use std::time::Duration;

use super::{TempPath, tcp_pair, within_patience};
use crate::net::{TcpListener, TcpStream, UdpSocket, UnixDatagram, UnixListener, UnixStream};

/// The outcome of a call without what may differ: the error's text is the kernel's.
fn outcome<T: Debug>(result: io::Result<T>) -> String {
    format!("{:?}", result.map_err(|e| (e.kind(), e.raw_os_error())))
}

/// The same call on ours and on std's gives the same.
macro_rules! same {
    ($ours:expr, $std:expr; $($call:ident($($arg:expr),*)),* $(,)?) => {
        $(
            let (ours, std) = ($ours.$call($($arg),*), $std.$call($($arg),*));
            assert_eq!(outcome(ours), outcome(std), stringify!($call));
        )*
    };
}

#[test]
fn tcp_options_are_stds() {
    within_patience(|| {
        let (client, _server) = tcp_pair();
        let std = net::TcpStream::from(client.try_clone().unwrap());
        same!(client, std;
        peer_addr(), local_addr(), nodelay(), ttl(), take_error(),
        set_nodelay(true), nodelay(), set_ttl(7), ttl(), set_ttl(0), set_ttl(999),
        set_read_timeout(Some(Duration::from_secs(2))), read_timeout(), write_timeout());
        assert!(std.nodelay().unwrap());
        assert_eq!(std.ttl().unwrap(), 7);

        let listener = TcpListener::bind("[::1]:0").or_else(|_| TcpListener::bind("127.0.0.1:0"));
        let listener = listener.unwrap();
        let std = net::TcpListener::from(listener.try_clone().unwrap());
        same!(listener, std; local_addr(), ttl(), set_ttl(9), ttl(), take_error());
    });
}

#[test]
fn linger_is_kept_and_taken_back() {
    within_patience(|| {
        let (client, _server) = tcp_pair();
        assert_eq!(client.linger().unwrap(), None);
        client.set_linger(Some(Duration::from_secs(5))).unwrap();
        assert_eq!(client.linger().unwrap(), Some(Duration::from_secs(5)));
        client.set_linger(None).unwrap();
        assert_eq!(client.linger().unwrap(), None);
    });
}

#[test]
#[cfg(any(target_os = "linux", target_os = "android"))]
fn quickack_can_be_turned_off() {
    within_patience(|| {
        let (client, _server) = tcp_pair();
        client.set_quickack(false).unwrap();
        assert!(!client.quickack().unwrap());
    });
}

#[test]
fn udp_options_are_stds() {
    within_patience(|| {
        let ours = UdpSocket::bind("127.0.0.1:0").unwrap();
        let std = net::UdpSocket::from(ours.try_clone().unwrap());
        let group = Ipv4Addr::new(224, 0, 0, 251);
        let bad = Ipv4Addr::new(10, 0, 0, 1);
        let local = Ipv4Addr::LOCALHOST;
        same!(ours, std;
        local_addr(), peer_addr(), ttl(), set_ttl(5), ttl(), take_error(),
        broadcast(), set_broadcast(true), broadcast(),
        multicast_loop_v4(), set_multicast_loop_v4(false), multicast_loop_v4(),
        multicast_ttl_v4(), set_multicast_ttl_v4(3), multicast_ttl_v4(),
        multicast_loop_v6(), set_multicast_loop_v6(false),
        join_multicast_v4(&bad, &local), leave_multicast_v4(&group, &local),
        join_multicast_v6(&Ipv6Addr::LOCALHOST, 0), leave_multicast_v6(&Ipv6Addr::LOCALHOST, 0));
        ours.join_multicast_v4(&group, &local).unwrap();
        ours.leave_multicast_v4(&group, &local).unwrap();

        if let Ok(ours) = UdpSocket::bind("[::1]:0") {
            let std = net::UdpSocket::from(ours.try_clone().unwrap());
            same!(ours, std;
                local_addr(), ttl(),
                multicast_loop_v6(), set_multicast_loop_v6(false), multicast_loop_v6());
        }
    });
}

#[test]
fn unix_addresses_are_stds() {
    within_patience(|| {
        let path = TempPath::new();
        let ours = UnixListener::bind(&path).unwrap();
        let std = unix::UnixListener::from(ours.try_clone().unwrap());
        same!(ours, std; local_addr(), take_error());
        let ours = UnixStream::connect(&path).unwrap();
        let std = unix::UnixStream::from(ours.try_clone().unwrap());
        same!(ours, std; local_addr(), peer_addr(), take_error());
        let ours = UnixDatagram::unbound().unwrap();
        let std = unix::UnixDatagram::from(ours.try_clone().unwrap());
        same!(ours, std; local_addr(), peer_addr(), take_error());
        same!(ours, std; connect("/nowhere"), connect("a\0b"));
    });
}

#[test]
fn every_type_prints_as_std_does() {
    within_patience(|| {
        fn check<Std: Debug>(ours: impl Debug + Into<Std>) {
            let printed = (format!("{ours:?}"), format!("{ours:#?}"));
            let std: Std = ours.into();
            assert_eq!(printed, (format!("{std:?}"), format!("{std:#?}")));
        }
        let (path, other) = (TempPath::new(), TempPath::new());
        let (client, server) = tcp_pair();
        let incoming = TcpListener::bind("127.0.0.1:0").unwrap();
        assert_eq!(
            format!("{:?}", incoming.incoming()),
            format!("Incoming {{ listener: {incoming:?} }}")
        );
        check::<net::TcpStream>(client);
        check::<net::TcpStream>(server);
        check::<net::TcpListener>(incoming);
        check::<net::UdpSocket>(UdpSocket::bind("127.0.0.1:0").unwrap());
        let listener = UnixListener::bind(&path).unwrap();
        check::<unix::UnixStream>(UnixStream::connect(&path).unwrap());
        check::<unix::UnixListener>(listener);
        check::<unix::UnixDatagram>(UnixDatagram::bind(&other).unwrap());
        check::<unix::UnixDatagram>(UnixDatagram::pair().unwrap().0);
    });
}

#[test]
fn bind_and_connect_fail_as_std_does() {
    within_patience(|| {
        let held = TcpListener::bind("127.0.0.1:0").unwrap();
        let taken = held.local_addr().unwrap();
        let long = "x".repeat(200);
        macro_rules! fails_alike {
        ($($ours:expr, $std:expr;)*) => {
            $( assert_eq!(outcome($ours.map(drop)), outcome($std.map(drop))); )*
        };
    }
        fails_alike! {
            TcpListener::bind(taken), net::TcpListener::bind(taken);
            TcpListener::bind("192.0.2.1:1"), net::TcpListener::bind("192.0.2.1:1");
            TcpListener::bind("nonsense"), net::TcpListener::bind("nonsense");
            TcpStream::connect("127.0.0.1:99999"), net::TcpStream::connect("127.0.0.1:99999");
            UdpSocket::bind("192.0.2.1:1"), net::UdpSocket::bind("192.0.2.1:1");
            UnixListener::bind("/nowhere/at/all"), unix::UnixListener::bind("/nowhere/at/all");
            UnixListener::bind(&long), unix::UnixListener::bind(&long);
            UnixListener::bind("a\0b"), unix::UnixListener::bind("a\0b");
            UnixStream::connect("/nowhere/at/all"), unix::UnixStream::connect("/nowhere/at/all");
            UnixStream::connect(&long), unix::UnixStream::connect(&long);
            UnixStream::connect(""), unix::UnixStream::connect("");
            UnixDatagram::bind("/nowhere/at/all"), unix::UnixDatagram::bind("/nowhere/at/all");
        }
        drop(held);
    });
}
