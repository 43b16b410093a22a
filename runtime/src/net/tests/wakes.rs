//! What ends the wait of another: close and shutdown.

use std::io::{ErrorKind, Read, Write};
use std::net::Shutdown;
use std::sync::Arc;

use super::{TempPath, assert_kind, ended_by, is_closed, tcp_pair, within_patience};
use crate::net::{TcpListener, TcpStream, UdpSocket, UnixDatagram, UnixListener, UnixStream};

/// Closes a shared socket while another thread is in `call` on it.
macro_rules! close_ends {
    ($socket:expr, |$name:ident| $call:expr) => {{
        let $name = Arc::new($socket);
        let closer = Arc::clone(&$name);
        let result = ended_by(
            {
                let $name = Arc::clone(&$name);
                move || $call.map(drop)
            },
            move || closer.close(),
        );
        assert!(is_closed(result));
        // And it stays so.
        assert!(is_closed($call.map(drop)));
        $name
    }};
}

#[test]
fn close_ends_every_wait_and_later_calls_fail() {
    within_patience(|| {
        let (path, other) = (TempPath::new(), TempPath::new());
        close_ends!(TcpListener::bind("127.0.0.1:0").unwrap(), |listener| { listener.accept() });
        close_ends!(UnixListener::bind(&path).unwrap(), |listener| listener.accept());
        let udp = close_ends!(UdpSocket::bind("127.0.0.1:0").unwrap(), |udp| udp.recv(&mut [0; 8]));
        let to = udp.local_addr().expect("the address can still be read");
        assert!(is_closed(udp.recv_from(&mut [0; 8])));
        assert!(is_closed(udp.peek(&mut [0; 8])));
        assert!(is_closed(udp.send_to(b"x", to)));
        let datagram =
            close_ends!(UnixDatagram::bind(&other).unwrap(), |d| d.recv_from(&mut [0; 8]));
        assert!(is_closed(datagram.send(b"x")));
        assert!(is_closed(datagram.send_to(b"x", &other)));
        datagram.close();
        assert!(is_closed(datagram.recv(&mut [0; 8])));
    });
}

#[test]
fn close_does_not_reach_clones() {
    within_patience(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let clone = listener.try_clone().unwrap();
        listener.close();
        let addr = listener.local_addr().unwrap();
        let client = TcpStream::connect(addr).unwrap();
        assert_eq!(clone.accept().unwrap().1, client.local_addr().unwrap());
    });
}

#[test]
fn shutdown_wakes_a_blocked_reader() {
    within_patience(|| {
        let (client, _server) = tcp_pair();
        let reader = Arc::new(client);
        let ender = Arc::clone(&reader);
        let read = ended_by(
            move || (&*reader).read(&mut [0; 8]),
            move || ender.shutdown(Shutdown::Read).unwrap(),
        );
        assert_eq!(read.unwrap(), 0);

        let (a, _b) = UnixStream::pair().unwrap();
        let clone = a.try_clone().unwrap();
        let read = ended_by(
            move || (&a).read(&mut [0; 8]),
            move || clone.shutdown(Shutdown::Both).unwrap(),
        );
        assert_eq!(read.unwrap(), 0);
    });
}

/// Linux tells a blocking receiver of a datagram socket that its side has ended, but not a
/// non-blocking one; data that was there before still comes first.
#[test]
fn shutdown_wakes_a_blocked_receiver_of_datagrams() {
    within_patience(|| {
        let (a, b) = UnixDatagram::pair().unwrap();
        let a = Arc::new(a);
        let (reader, ender) = (Arc::clone(&a), Arc::clone(&a));
        let end = move || ender.shutdown(Shutdown::Read).unwrap();
        assert_eq!(ended_by(move || reader.recv(&mut [0; 8]), end).unwrap(), 0);
        let (n, from) = a.recv_from(&mut [0; 8]).unwrap();
        assert!(n == 0 && from.is_unnamed());
        a.set_nonblocking(true).unwrap();
        let std = std::os::unix::net::UnixDatagram::from(a.try_clone().unwrap());
        let kind = |result: std::io::Result<usize>| result.map_err(|e| e.kind());
        assert_eq!(kind(a.recv(&mut [0; 8])), kind(std.recv(&mut [0; 8])));
        drop(b);

        let (a, b) = UnixDatagram::pair().unwrap();
        b.send(b"before").unwrap();
        a.shutdown(Shutdown::Read).unwrap();
        assert_eq!(a.recv(&mut [0; 8]).unwrap(), 6);
        assert_eq!(a.recv(&mut [0; 8]).unwrap(), 0);
    });
}

#[test]
fn shutdown_wakes_a_blocked_writer() {
    within_patience(|| {
        let (client, _server) = tcp_pair();
        let clone = client.try_clone().unwrap();
        let written = ended_by(
            move || (&client).write_all(&vec![0; 64 << 20]),
            move || clone.shutdown(Shutdown::Write).unwrap(),
        );
        assert_kind(written, ErrorKind::BrokenPipe);
    });
}

#[test]
fn a_peer_that_goes_wakes_a_blocked_writer() {
    within_patience(|| {
        let (client, server) = tcp_pair();
        let written =
            ended_by(move || (&client).write_all(&vec![0; 64 << 20]), move || drop(server));
        let kind = written.unwrap_err().kind();
        assert!(matches!(kind, ErrorKind::ConnectionReset | ErrorKind::BrokenPipe), "{kind:?}");
    });
}
