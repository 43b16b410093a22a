//! Timeouts and non-blocking mode, which clones share.

use std::io::{ErrorKind, Read, Write};
use std::time::{Duration, Instant};

use super::{assert_kind, tcp_pair, within_patience};
use crate::net::{TcpListener, UdpSocket, UnixDatagram, UnixListener, UnixStream};

const SHORT: Duration = Duration::from_millis(30);

/// Runs the same checks on a socket of each type that has timeouts.
macro_rules! for_each_with_timeouts {
    ($socket:ident => $check:block) => {{
        let $socket = tcp_pair().0;
        $check
        let $socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        $check
        let $socket = UnixStream::pair().unwrap().0;
        $check
        let $socket = UnixDatagram::pair().unwrap().0;
        $check
    }};
}

#[test]
fn a_timeout_of_zero_is_invalid_and_changes_nothing() {
    within_patience(|| {
        for_each_with_timeouts!(socket => {
            socket.set_read_timeout(Some(SHORT)).unwrap();
            assert_kind(socket.set_read_timeout(Some(Duration::ZERO)), ErrorKind::InvalidInput);
            assert_kind(socket.set_write_timeout(Some(Duration::ZERO)), ErrorKind::InvalidInput);
            assert_eq!(socket.read_timeout().unwrap(), Some(SHORT));
            assert_eq!(socket.write_timeout().unwrap(), None);
        });
        let addr = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let connected = crate::net::TcpStream::connect_timeout(&addr, Duration::ZERO);
        assert_kind(connected, ErrorKind::InvalidInput);
    });
}

#[test]
fn timeouts_are_kept_exactly_shared_by_clones_and_taken_back() {
    within_patience(|| {
        for_each_with_timeouts!(socket => {
            let clone = socket.try_clone().unwrap();
            let odd = Duration::from_nanos(1_234_567_891);
            socket.set_read_timeout(Some(odd)).unwrap();
            clone.set_write_timeout(Some(SHORT)).unwrap();
            assert_eq!(clone.read_timeout().unwrap(), Some(odd));
            assert_eq!(socket.write_timeout().unwrap(), Some(SHORT));
            clone.set_read_timeout(None).unwrap();
            assert_eq!(socket.read_timeout().unwrap(), None);
            socket.set_read_timeout(Some(Duration::MAX)).unwrap();
            assert!(socket.read_timeout().unwrap() > Some(Duration::from_secs(1 << 33)));
        });
    });
}

#[test]
fn receiving_ends_with_would_block_when_the_timeout_is_over_and_not_before() {
    within_patience(|| {
        let began = Instant::now();
        let mut calls = 0;
        let mut buf = [0; 8];
        let (mut client, _server) = tcp_pair();
        client.set_read_timeout(Some(SHORT)).unwrap();
        let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
        udp.set_read_timeout(Some(SHORT)).unwrap();
        let (mut unix, _other) = UnixStream::pair().unwrap();
        unix.set_read_timeout(Some(SHORT)).unwrap();
        let (datagram, _peer) = UnixDatagram::pair().unwrap();
        datagram.set_read_timeout(Some(SHORT)).unwrap();
        for result in [
            client.read(&mut buf),
            client.peek(&mut buf),
            udp.recv(&mut buf),
            udp.recv_from(&mut buf).map(|got| got.0),
            udp.peek(&mut buf),
            udp.peek_from(&mut buf).map(|got| got.0),
            unix.read(&mut buf),
            unix.peek(&mut buf),
            datagram.recv(&mut buf),
            datagram.recv_from(&mut buf).map(|got| got.0),
            datagram.peek(&mut buf),
        ] {
            calls += 1;
            let error = result.expect_err("nothing to receive");
            assert_eq!(error.raw_os_error(), Some(libc::EAGAIN));
        }
        assert!(began.elapsed() >= SHORT * calls);
    });
}

#[test]
fn sending_to_a_full_buffer_ends_with_would_block_when_the_timeout_is_over() {
    within_patience(|| {
        let chunk = vec![0; 64 << 10];
        let (mut client, _server) = tcp_pair();
        client.set_write_timeout(Some(SHORT)).unwrap();
        let (mut unix, _other) = UnixStream::pair().unwrap();
        unix.set_write_timeout(Some(SHORT)).unwrap();
        let (datagram, _peer) = UnixDatagram::pair().unwrap();
        datagram.set_write_timeout(Some(SHORT)).unwrap();
        assert_kind(
            (0..10_000).try_for_each(|_| client.write(&chunk).map(drop)),
            ErrorKind::WouldBlock,
        );
        assert_kind(
            (0..10_000).try_for_each(|_| unix.write(&chunk).map(drop)),
            ErrorKind::WouldBlock,
        );
        assert_kind(
            (0..10_000).try_for_each(|_| datagram.send(b"x").map(drop)),
            ErrorKind::WouldBlock,
        );
    });
}

#[test]
fn non_blocking_mode_is_shared_by_clones_and_left_again() {
    within_patience(|| {
        let mut buf = [0; 8];
        let (mut client, mut server) = tcp_pair();
        let mut clone = client.try_clone().unwrap();
        client.set_nonblocking(true).unwrap();
        assert_kind(clone.read(&mut buf), ErrorKind::WouldBlock);
        assert_kind(clone.peek(&mut buf), ErrorKind::WouldBlock);
        clone.set_nonblocking(false).unwrap();
        let sender = std::thread::spawn(move || {
            std::thread::sleep(SHORT);
            server.write_all(b"x").unwrap();
        });
        assert_eq!(client.read(&mut buf).unwrap(), 1);
        sender.join().unwrap();
    });
}

#[test]
fn in_non_blocking_mode_nothing_waits() {
    within_patience(|| {
        let mut buf = [0; 8];
        let path = super::TempPath::new();
        let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
        tcp.set_nonblocking(true).unwrap();
        assert_kind(tcp.accept(), ErrorKind::WouldBlock);
        assert_kind(tcp.incoming().next().unwrap(), ErrorKind::WouldBlock);
        let unix = UnixListener::bind(&path).unwrap();
        unix.set_nonblocking(true).unwrap();
        assert_kind(unix.accept(), ErrorKind::WouldBlock);
        let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
        udp.set_nonblocking(true).unwrap();
        assert_kind(udp.recv_from(&mut buf), ErrorKind::WouldBlock);
        let (stream, _other) = UnixStream::pair().unwrap();
        stream.set_nonblocking(true).unwrap();
        assert_kind((&stream).read(&mut buf), ErrorKind::WouldBlock);
        let (datagram, _peer) = UnixDatagram::pair().unwrap();
        datagram.set_nonblocking(true).unwrap();
        assert_kind(datagram.recv(&mut buf), ErrorKind::WouldBlock);
        let full = (0..10_000).try_for_each(|_| datagram.send(b"x").map(drop));
        assert_kind(full, ErrorKind::WouldBlock);
    });
}

#[test]
fn a_std_clone_in_blocking_mode_does_not_make_streams_block() {
    within_patience(|| {
        let mut buf = [0; 8];
        let (mut client, _server) = tcp_pair();
        drop(std::net::TcpStream::from(client.try_clone().unwrap()));
        assert!(!socket2::SockRef::from(&client).nonblocking().unwrap());
        client.set_nonblocking(true).unwrap();
        assert_kind(client.read(&mut buf), ErrorKind::WouldBlock);
        assert_kind(client.peek(&mut buf), ErrorKind::WouldBlock);
        let mut bufs = [std::io::IoSliceMut::new(&mut buf)];
        assert_kind(client.read_vectored(&mut bufs), ErrorKind::WouldBlock);
        let chunk = vec![0; 64 << 10];
        let full = (0..10_000).try_for_each(|_| client.write(&chunk).map(drop));
        assert_kind(full, ErrorKind::WouldBlock);
        let parts = [std::io::IoSlice::new(&chunk)];
        assert_kind(client.write_vectored(&parts), ErrorKind::WouldBlock);
    });
}
