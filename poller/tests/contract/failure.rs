//! Errors: of descriptors that can't be registered, and of sockets that fail later.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::os::fd::BorrowedFd;
use std::time::Duration;

use lif_poller::Interest;
use socket2::{Domain, SockRef, Socket, Type};

use crate::common::{A, Fixture, add_error, first, tcp_pair, watched};

#[test]
fn reset_is_an_error_readable_and_writable() {
    watched(|| {
        for interest in [Interest::READ, Interest::BOTH] {
            let mut f = Fixture::new();
            let (mut near, far) = tcp_pair();
            f.edge(&near, A, interest);
            f.now();
            // With data unread on the far side, or no linger, closing resets.
            SockRef::from(&far).set_linger(Some(Duration::ZERO)).unwrap();
            drop(far);
            let event = first(&f.next(), |event| event.is_error());
            assert!(event.is_readable() && event.is_writable(), "{event:?}");
            let error = near.read(&mut [0]).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        }
    });
}

#[test]
fn refused_connection_wakes_the_writer() {
    watched(|| {
        let mut f = Fixture::new();
        // A bound socket that doesn't listen keeps its port and refuses.
        let bound = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        bound.bind(&std::net::SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.set_nonblocking(true).unwrap();
        let started = socket.connect(&bound.local_addr().unwrap());
        let in_progress = |e: &std::io::Error| e.raw_os_error() == Some(libc::EINPROGRESS);
        if started.as_ref().err().is_some_and(in_progress) {
            f.edge(&socket, A, Interest::WRITE);
            let event = first(&f.next(), |event| event.is_writable());
            assert!(event.is_readable() && event.is_error(), "{event:?}");
            let error = TcpStream::from(socket).take_error().unwrap().unwrap();
            assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        } else {
            assert_eq!(started.unwrap_err().kind(), ErrorKind::ConnectionRefused);
        }
    });
}

#[test]
fn pipe_whose_reader_left_is_writable() {
    watched(|| {
        let mut f = Fixture::new();
        let (read, mut write) = std::io::pipe().unwrap();
        f.edge(&write, A, Interest::WRITE);
        first(&f.next(), |event| event.is_writable());
        drop(read);
        let event = first(&f.next(), |event| event.is_writable());
        assert!(event.is_error() || event.is_write_closed(), "{event:?}");
        assert!(event.is_readable());
        assert_eq!(write.write(&[1]).unwrap_err().kind(), ErrorKind::BrokenPipe);
    });
}

#[test]
fn pipe_whose_writer_left_is_readable() {
    watched(|| {
        let mut f = Fixture::new();
        let (mut read, write) = std::io::pipe().unwrap();
        f.edge(&read, A, Interest::READ);
        f.silent();
        drop(write);
        assert!(first(&f.next(), |event| event.is_read_closed()).is_readable());
        assert_eq!(read.read(&mut [0]).unwrap(), 0);
    });
}

#[test]
fn closed_descriptor_fails_to_add_and_deletes_well() {
    let f = Fixture::new();
    // SAFETY: no process here has so many descriptors, so the number is of none: nothing that
    // anyone owns is touched, and the system answers EBADF.
    let closed = unsafe { BorrowedFd::borrow_raw(1 << 29) };
    for interest in [Interest::READ, Interest::WRITE, Interest::BOTH] {
        assert_eq!(add_error(&f.poller, closed, interest), Some(libc::EBADF));
    }
    f.poller.delete(closed).unwrap();
}
