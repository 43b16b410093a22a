//! TCP streams and listeners: data, ends, errors.

use std::io::{ErrorKind, IoSlice, IoSliceMut, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr};
use std::thread;
use std::time::Duration;

use super::{assert_kind, tcp_pair, within_patience};
use crate::net::{TcpListener, TcpStream};

#[test]
fn bytes_arrive_in_order_through_references() {
    within_patience(|| {
        let (client, server) = tcp_pair();
        (&client).write_all(b"hello").unwrap();
        let mut buf = [0; 5];
        (&server).read_exact(&mut buf).unwrap();
        assert_eq!(&buf, b"hello");
    });
}

#[test]
fn more_than_the_buffers_hold_is_carried_both_ways() {
    within_patience(|| {
        let (client, server) = tcp_pair();
        let data: Vec<u8> = (0..8 << 20).map(|i: u32| (i % 251) as u8).collect();
        let echo = thread::spawn(move || std::io::copy(&mut &server, &mut &server).unwrap());
        let writer = thread::spawn({
            let (client, data) = (client.try_clone().unwrap(), data.clone());
            move || {
                (&client).write_all(&data).unwrap();
                client.shutdown(Shutdown::Write).unwrap();
            }
        });
        let mut back = Vec::new();
        let mut chunk = [0; 10_000];
        while back.len() < data.len() {
            let n = (&client).read(&mut chunk).unwrap();
            assert_ne!(n, 0);
            back.extend_from_slice(&chunk[..n]);
        }
        writer.join().unwrap();
        drop(client);
        assert_eq!(echo.join().unwrap(), data.len() as u64);
        assert!(back == data);
    });
}

#[test]
fn half_close_ends_the_peers_reading_only() {
    within_patience(|| {
        let (mut client, mut server) = tcp_pair();
        client.shutdown(Shutdown::Write).unwrap();
        assert_eq!(server.read(&mut [0; 8]).unwrap(), 0);
        server.write_all(b"still").unwrap();
        drop(server);
        let mut text = String::new();
        client.read_to_string(&mut text).unwrap();
        assert_eq!(text, "still");
        assert_kind(client.write(b"x"), ErrorKind::BrokenPipe);
    });
}

#[test]
fn reading_after_shutdown_of_that_side_gives_the_end() {
    within_patience(|| {
        let (mut client, _server) = tcp_pair();
        client.shutdown(Shutdown::Read).unwrap();
        assert_eq!(client.read(&mut [0; 8]).unwrap(), 0);
    });
}

#[test]
fn reset_by_the_peer_reaches_the_reader_and_then_writing_fails_without_a_signal() {
    within_patience(|| {
        let (mut client, server) = tcp_pair();
        server.set_linger(Some(Duration::ZERO)).unwrap();
        drop(server);
        assert_kind(client.read(&mut [0; 8]), ErrorKind::ConnectionReset);
        assert_kind(client.write(b"x"), ErrorKind::BrokenPipe);
        assert_kind(client.write_vectored(&[IoSlice::new(b"x")]), ErrorKind::BrokenPipe);
    });
}

/// An address that is taken, but where nobody listens.
fn bound_only() -> (socket2::Socket, SocketAddr) {
    let socket = crate::net::sys::stream_socket(socket2::Domain::IPV4).unwrap();
    socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).unwrap();
    let addr = socket.local_addr().unwrap().as_socket().unwrap();
    (socket, addr)
}

#[test]
fn connect_is_refused_where_nobody_listens() {
    within_patience(|| {
        let (_held, deaf) = bound_only();
        assert_kind(TcpStream::connect(deaf), ErrorKind::ConnectionRefused);
        let limited = TcpStream::connect_timeout(&deaf, Duration::from_secs(10));
        assert_kind(limited, ErrorKind::ConnectionRefused);
    });
}

#[test]
fn connect_tries_every_address_and_gives_the_last_error() {
    within_patience(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let good = listener.local_addr().unwrap();
        let (_held, bad) = bound_only();
        let stream = TcpStream::connect(&[bad, good][..]).unwrap();
        assert_eq!(stream.peer_addr().unwrap(), good);
        assert_kind(TcpStream::connect(&[bad, bad][..]), ErrorKind::ConnectionRefused);
        assert_kind(TcpStream::connect(&[][..]), ErrorKind::InvalidInput);
        assert_kind(TcpListener::bind(&[][..]), ErrorKind::InvalidInput);
    });
}

#[test]
fn connect_resolves_names() {
    within_patience(|| {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let stream = TcpStream::connect(format!("localhost:{port}")).unwrap();
        assert_eq!(stream.peer_addr().unwrap().port(), port);
    });
}

/// The queue of one is full, and the kernel drops what comes after it.
#[test]
#[cfg(target_os = "linux")]
fn connect_timeout_ends_when_nobody_answers() {
    within_patience(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.socket.options().listen(0).unwrap();
        let addr = listener.local_addr().unwrap();
        let mut kept = Vec::new();
        let error = loop {
            assert!(kept.len() < 16, "the queue never fills");
            match TcpStream::connect_timeout(&addr, Duration::from_millis(100)) {
                Ok(stream) => kept.push(stream),
                Err(e) => break e,
            }
        };
        assert_eq!(error.kind(), ErrorKind::TimedOut);
    });
}

#[test]
fn peek_leaves_the_data() {
    within_patience(|| {
        let (mut client, mut server) = tcp_pair();
        client.write_all(b"abc").unwrap();
        let mut buf = [0; 8];
        assert_eq!(server.peek(&mut buf[..2]).unwrap(), 2);
        assert_eq!(server.peek(&mut buf).unwrap(), 3);
        assert_eq!(server.read(&mut buf).unwrap(), 3);
        assert_eq!(&buf[..3], b"abc");
    });
}

/// The kernel ends a read at an urgent mark, though more data is there: such a short read must
/// not count as "drained".
#[test]
#[cfg(target_os = "linux")]
fn data_after_an_urgent_byte_is_read() {
    within_patience(|| {
        let (client, mut server) = tcp_pair();
        (&client).write_all(b"ab").unwrap();
        client.socket.options().send_out_of_band(b"!").unwrap();
        (&client).write_all(b"cde").unwrap();
        let mut buf = [0; 64];
        assert_eq!(server.read(&mut buf).unwrap(), 2);
        assert_eq!(server.read(&mut buf).unwrap(), 3);
        assert_eq!(&buf[..3], b"cde");
    });
}

#[test]
fn vectored_calls_fill_and_send_all_buffers() {
    within_patience(|| {
        let (mut client, mut server) = tcp_pair();
        let parts = [IoSlice::new(b"ab"), IoSlice::new(b""), IoSlice::new(b"cde")];
        assert_eq!(client.write_vectored(&parts).unwrap(), 5);
        let (mut a, mut b) = ([0; 4], [0; 4]);
        let mut into = [IoSliceMut::new(&mut a), IoSliceMut::new(&mut b)];
        assert_eq!(server.read_vectored(&mut into).unwrap(), 5);
        assert_eq!((&a, b[0]), (b"abcd", b'e'));
    });
}

#[test]
fn vectored_calls_take_only_as_many_buffers_as_the_kernel_does() {
    within_patience(|| {
        let (mut client, mut server) = tcp_pair();
        let parts = vec![IoSlice::new(b"x"); 3000];
        assert_eq!(client.write_vectored(&parts).unwrap(), 1024);
        let mut bytes = vec![[0u8; 1]; 3000];
        let mut into: Vec<_> = bytes.iter_mut().map(|byte| IoSliceMut::new(byte)).collect();
        assert_eq!(server.read_vectored(&mut into).unwrap(), 1024);
    });
}

#[test]
fn empty_writes_send_nothing_and_empty_reads_take_nothing() {
    within_patience(|| {
        let (mut client, mut server) = tcp_pair();
        assert_eq!(client.write(&[]).unwrap(), 0);
        assert_eq!(client.write_vectored(&[]).unwrap(), 0);
        client.write_all(b"x").unwrap();
        assert_eq!(server.peek(&mut [0]).unwrap(), 1);
        assert_eq!(server.read(&mut []).unwrap(), 0);
        assert_eq!(server.read_vectored(&mut []).unwrap(), 0);
        assert_eq!(server.read(&mut [0; 2]).unwrap(), 1);
    });
}

#[test]
fn incoming_gives_one_connection_a_step() {
    within_patience(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let clients: Vec<_> = (0..3).map(|_| TcpStream::connect(addr).unwrap()).collect();
        for (client, stream) in clients.iter().zip(listener.incoming()) {
            assert_eq!(stream.unwrap().peer_addr().unwrap(), client.local_addr().unwrap());
        }
        assert_eq!(listener.incoming().size_hint(), (usize::MAX, None));
    });
}

#[test]
fn clones_share_the_connection_and_its_listener() {
    within_patience(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let other = listener.try_clone().unwrap();
        drop(listener);
        let mut client = TcpStream::connect(other.local_addr().unwrap()).unwrap();
        let (server, _) = other.accept().unwrap();
        let mut clone = server.try_clone().unwrap();
        drop(server);
        client.write_all(b"x").unwrap();
        assert_eq!(clone.read(&mut [0; 8]).unwrap(), 1);
    });
}

#[test]
fn the_port_can_be_bound_again_at_once() {
    within_patience(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let client = TcpStream::connect(addr).unwrap();
        drop(listener.accept().unwrap());
        drop(listener);
        TcpListener::bind(addr).unwrap();
        drop(client);
    });
}

#[test]
fn take_error_gives_the_error_once() {
    within_patience(|| {
        let (client, server) = tcp_pair();
        assert!(client.take_error().unwrap().is_none());
        (&client).write_all(b"unread").unwrap();
        assert_eq!(server.peek(&mut [0; 8]).unwrap(), 6);
        drop(server);
        // The reset is in when reading would no longer wait.
        assert_eq!(
            client.socket.source().wait(crate::ready::Direction::Read, unlimited()).ok(),
            Some(())
        );
        let error = client.take_error().unwrap().expect("an error is pending");
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        assert!(client.take_error().unwrap().is_none());
    });
}

fn unlimited() -> crate::ready::Limit {
    crate::ready::Limit { timeout: None, nonblocking: false }
}
