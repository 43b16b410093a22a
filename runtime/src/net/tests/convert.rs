//! Conversions from and to std types and descriptors, and what goes along.

use std::io::{ErrorKind, Read, Write};
use std::net;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, IntoRawFd, OwnedFd};
use std::os::unix::net as unix;
use std::time::Duration;

use socket2::SockRef;

use super::{TempPath, assert_kind, tcp_pair, within_patience};
use crate::net::{TcpListener, TcpStream, UdpSocket, UnixDatagram, UnixListener, UnixStream};

const TIMEOUT: Duration = Duration::from_secs(3);

fn is_nonblocking(fd: impl AsFd) -> bool {
    SockRef::from(&fd).nonblocking().unwrap()
}

fn is_cloexec(fd: BorrowedFd<'_>) -> bool {
    // SAFETY: F_GETFD reads flags and touches no memory.
    let flags = unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_GETFD) };
    assert_ne!(flags, -1);
    flags & libc::FD_CLOEXEC != 0
}

/// From a std socket and back, in each mode, by each of the ways.
macro_rules! goes_both_ways {
    ($ours:ty, $std:ty, $make:expr) => {{
        let std: $std = $make;
        let ours = <$ours>::from(std);
        assert!(is_nonblocking(&ours));
        let std = <$std>::from(ours);
        assert!(!is_nonblocking(&std));

        std.set_nonblocking(true).unwrap();
        let ours = <$ours>::from(std);
        let number = ours.as_raw_fd();
        let fd = OwnedFd::from(ours);
        assert_eq!(fd.as_raw_fd(), number);
        assert!(is_nonblocking(&fd));

        let ours = <$ours>::from(fd);
        ours.set_nonblocking(false).unwrap();
        assert!(is_nonblocking(&ours));
        let raw = ours.into_raw_fd();
        // SAFETY: `into_raw_fd` gave up an open descriptor.
        let ours = unsafe { <$ours>::from_raw_fd(raw) };
        assert!(!is_nonblocking(OwnedFd::from(ours)));
    }};
}

#[test]
fn mode_goes_along_both_ways_for_every_type() {
    within_patience(|| {
        let (path, other) = (TempPath::new(), TempPath::new());
        goes_both_ways!(
            TcpListener,
            net::TcpListener,
            net::TcpListener::bind("127.0.0.1:0").unwrap()
        );
        goes_both_ways!(TcpStream, net::TcpStream, tcp_pair().0.into());
        goes_both_ways!(UdpSocket, net::UdpSocket, net::UdpSocket::bind("127.0.0.1:0").unwrap());
        goes_both_ways!(UnixListener, unix::UnixListener, unix::UnixListener::bind(&path).unwrap());
        goes_both_ways!(UnixStream, unix::UnixStream, unix::UnixStream::pair().unwrap().0);
        goes_both_ways!(
            UnixDatagram,
            unix::UnixDatagram,
            unix::UnixDatagram::bind(&other).unwrap()
        );
    });
}

#[test]
fn non_blocking_std_sockets_stay_so_here() {
    within_patience(|| {
        let std = net::UdpSocket::bind("127.0.0.1:0").unwrap();
        std.set_nonblocking(true).unwrap();
        assert_kind(UdpSocket::from(std).recv(&mut [0; 8]), ErrorKind::WouldBlock);
    });
}

#[test]
fn timeouts_go_along_both_ways() {
    within_patience(|| {
        let std = net::UdpSocket::bind("127.0.0.1:0").unwrap();
        std.set_read_timeout(Some(TIMEOUT)).unwrap();
        std.set_write_timeout(Some(TIMEOUT * 2)).unwrap();
        let ours = UdpSocket::from(std);
        assert_eq!(ours.read_timeout().unwrap(), Some(TIMEOUT));
        assert_eq!(ours.write_timeout().unwrap(), Some(TIMEOUT * 2));
        ours.set_read_timeout(Some(TIMEOUT * 3)).unwrap();
        ours.set_write_timeout(None).unwrap();
        let std = net::UdpSocket::from(ours);
        assert_eq!(std.read_timeout().unwrap(), Some(TIMEOUT * 3));
        assert_eq!(std.write_timeout().unwrap(), None);
    });
}

#[test]
fn a_converted_stream_still_carries_data() {
    within_patience(|| {
        let (client, server) = tcp_pair();
        let mut client = net::TcpStream::from(client);
        client.write_all(b"std").unwrap();
        let mut server = TcpStream::from(net::TcpStream::from(server));
        let mut buf = [0; 3];
        server.read_exact(&mut buf).unwrap();
        assert_eq!(&buf, b"std");
    });
}

#[test]
fn a_descriptor_that_is_no_socket_converts_and_fails_in_use() {
    within_patience(|| {
        let file = std::fs::File::open("/dev/null").unwrap();
        let stream = TcpStream::from(OwnedFd::from(file));
        assert_eq!(stream.read_timeout().unwrap(), None);
        assert_eq!((&stream).read(&mut [0]).unwrap_err().raw_os_error(), Some(libc::ENOTSOCK));
    });
}

#[test]
fn every_descriptor_is_close_on_exec_and_non_blocking() {
    within_patience(|| {
        let path = TempPath::new();
        let (client, server) = tcp_pair();
        let listener = UnixListener::bind(&path).unwrap();
        let (a, b) = (UnixStream::connect(&path).unwrap(), listener.accept().unwrap().0);
        let fds: Vec<OwnedFd> = [
            TcpListener::bind("127.0.0.1:0").unwrap().as_fd(),
            client.as_fd(),
            client.try_clone().unwrap().as_fd(),
            server.as_fd(),
            UdpSocket::bind("127.0.0.1:0").unwrap().as_fd(),
            listener.as_fd(),
            a.as_fd(),
            b.as_fd(),
            UnixStream::pair().unwrap().1.as_fd(),
            UnixDatagram::unbound().unwrap().as_fd(),
            UnixDatagram::pair().unwrap().0.as_fd(),
        ]
        .into_iter()
        .inspect(|fd| assert!(is_cloexec(*fd)))
        .map(|fd| fd.try_clone_to_owned().unwrap())
        .collect();
        assert!(fds.iter().all(is_nonblocking));
    });
}

#[test]
fn sockets_can_be_sent_and_shared() {
    within_patience(|| {
        fn check<T: Send + Sync + 'static>() {}
        check::<TcpListener>();
        check::<TcpStream>();
        check::<UdpSocket>();
        check::<UnixListener>();
        check::<UnixStream>();
        check::<UnixDatagram>();
    });
}
