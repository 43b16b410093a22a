//! Errors: of descriptors that can't be registered, and of sockets that fail later.

use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::time::Duration;

use lif_poller::{Interest, Mode};
use socket2::{Domain, SockRef, Socket, Type};

use crate::common::{A, Fixture, add_error, first, tcp_pair, unix_pair, watched};

#[test]
fn reset_is_an_error_readable_and_writable() {
    watched(|| {
        for interest in [Interest::READ, Interest::BOTH] {
            let mut f = Fixture::new();
            let (mut near, far) = tcp_pair();
            f.edge(&near, A, interest);
            f.now();
            // With data unread on the far side, or no linger, closing resets.
            SockRef::from(&far)
                .set_linger(Some(Duration::ZERO))
                .unwrap();
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
        bound
            .bind(&std::net::SocketAddr::from(([127, 0, 0, 1], 0)).into())
            .unwrap();
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

#[cfg(target_os = "linux")]
#[test]
fn regular_file_cant_be_polled() {
    let f = Fixture::new();
    let file = File::open(std::env::current_exe().unwrap()).unwrap();
    assert_eq!(
        add_error(&f.poller, file.as_fd(), Interest::READ),
        Some(libc::EPERM)
    );
    f.poller.delete(file.as_fd()).unwrap();
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

#[cfg(target_os = "linux")]
#[test]
fn number_that_became_a_file_fails_with_eperm() {
    use std::os::fd::OwnedFd;
    watched(|| {
        let mut f = Fixture::new();
        let (near, mut far) = unix_pair();
        let number = near.as_raw_fd();
        let duplicate = near.try_clone().unwrap();
        f.edge(&near, A, Interest::READ);
        // A file that can't be polled takes the place of the socket under the same number.
        let file = File::open(std::env::current_exe().unwrap()).unwrap();
        // SAFETY: both are open; `near` owns its number before and after, only for another file.
        assert_eq!(unsafe { libc::dup2(file.as_raw_fd(), number) }, number);
        let near: OwnedFd = near.into();
        let again = f.poller.add(near.as_fd(), A, Interest::READ, Mode::Edge);
        assert_eq!(again.unwrap_err().raw_os_error(), Some(libc::EPERM));
        drop(near);
        // epoll keeps what a duplicate keeps open, under the old token: that is the case which
        // only a delete before the close reaches, and which generations are for.
        far.write_all(b"x").unwrap();
        assert!(f.now().iter().all(|event| event.token() == A));
        drop(duplicate);
        f.silent();
    });
}
