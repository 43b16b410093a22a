//! UDP: datagrams, peers, errors.

use std::io::ErrorKind;
use std::net::SocketAddr;

use super::{assert_kind, within_patience};
use crate::net::UdpSocket;

fn bound() -> (UdpSocket, SocketAddr) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let addr = socket.local_addr().unwrap();
    (socket, addr)
}

#[test]
fn datagrams_keep_their_bounds_and_their_sender() {
    within_patience(|| {
        let (a, from) = bound();
        let (b, to) = bound();
        for datagram in [&b"one"[..], b"", b"three"] {
            assert_eq!(a.send_to(datagram, to).unwrap(), datagram.len());
        }
        let mut buf = [0; 8];
        assert_eq!(b.peek_from(&mut buf).unwrap(), (3, from));
        assert_eq!(b.peek(&mut buf).unwrap(), 3);
        assert_eq!(b.recv_from(&mut buf).unwrap(), (3, from));
        assert_eq!(b.recv_from(&mut buf).unwrap(), (0, from));
        assert_eq!(b.recv(&mut buf[..2]).unwrap(), 2);
        assert_eq!(&buf[..2], b"th");
    });
}

#[test]
fn a_connected_socket_hears_its_peer_only() {
    within_patience(|| {
        let (a, a_addr) = bound();
        let (b, b_addr) = bound();
        let (stranger, _) = bound();
        b.connect(a_addr).unwrap();
        assert_eq!(b.peer_addr().unwrap(), a_addr);
        stranger.send_to(b"no", b_addr).unwrap();
        a.send_to(b"yes", b_addr).unwrap();
        let mut buf = [0; 8];
        assert_eq!(b.recv(&mut buf).unwrap(), 3);
        assert_eq!(b.send(b"back").unwrap(), 4);
        assert_eq!(a.recv_from(&mut buf).unwrap(), (4, b_addr));
    });
}

#[test]
fn a_peer_that_is_gone_is_an_error_of_the_next_receive() {
    within_patience(|| {
        let (a, _) = bound();
        let (b, gone) = bound();
        a.connect(gone).unwrap();
        drop(b);
        a.send(b"anybody?").unwrap();
        assert_kind(a.recv(&mut [0; 8]), ErrorKind::ConnectionRefused);
    });
}

#[test]
fn sending_without_an_address_or_a_peer_fails() {
    within_patience(|| {
        let (a, _) = bound();
        assert_kind(a.send_to(b"x", &[][..]), ErrorKind::InvalidInput);
        assert_eq!(a.send(b"x").unwrap_err().raw_os_error(), Some(libc::EDESTADDRREQ));
        assert_eq!(
            a.send_to(&[0; 70_000], "127.0.0.1:9").unwrap_err().raw_os_error(),
            Some(libc::EMSGSIZE)
        );
    });
}

#[test]
fn names_are_resolved() {
    within_patience(|| {
        let (a, _) = bound();
        let (b, to) = bound();
        a.send_to(b"x", ("localhost", to.port())).unwrap();
        assert_eq!(b.recv(&mut [0; 8]).unwrap(), 1);
        a.connect(("localhost", to.port())).unwrap();
    });
}
