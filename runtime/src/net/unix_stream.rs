//! Owns `UnixStream`: connecting to a path or an abstract name. Waiting is `socket`'s.

use std::fmt;
use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::net::Shutdown;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, IntoRawFd, OwnedFd, RawFd};
use std::os::unix::net::{self, SocketAddr};
use std::path::Path;
use std::time::Duration;

use socket2::Domain;

use super::retry::retry_blocked;
use super::socket::{Socket, view};
use super::sys;
use super::traits::{as_std, shutdown, socket_type, stream_io, timeouts};

socket_type! {
    /// A connection between processes of one machine: [`std::os::unix::net::UnixStream`] that
    /// parks the coroutine instead of blocking the thread.
    ///
    /// Outside a coroutine the same calls block the thread. It can be moved to another thread or
    /// shared by reference; one side may read while another writes.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::io::{Read, Write};
    /// use lif::net::UnixStream;
    ///
    /// let (mut a, mut b) = UnixStream::pair()?;
    /// a.write_all(b"ping")?;
    /// drop(a);
    /// let mut text = String::new();
    /// b.read_to_string(&mut text)?;
    /// assert_eq!(text, "ping");
    /// # std::io::Result::Ok(())
    /// ```
    UnixStream, net::UnixStream
}
timeouts!(UnixStream);
stream_io!(UnixStream);
shutdown!(UnixStream);

as_std! { UnixStream:
    /// The address of the other end.
    peer_addr() -> SocketAddr;
    /// The address of this end.
    local_addr() -> SocketAddr;
}

impl UnixStream {
    /// Connects to the listener at `path`.
    ///
    /// Parks while the listener's queue is full; see [`connect_addr`](Self::connect_addr). As in
    /// std.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](io::ErrorKind::InvalidInput) for a path that is too long (108 bytes on
    /// Linux) or contains a zero byte; `NotFound` or `ConnectionRefused` if nobody listens there.
    pub fn connect<P: AsRef<Path>>(path: P) -> io::Result<UnixStream> {
        UnixStream::connect_addr(&SocketAddr::from_pathname(path)?)
    }

    /// Connects to the listener at an address: a path, or on Linux an abstract name.
    ///
    /// The connection stands as soon as it is in the listener's queue. If the queue is full,
    /// Linux lets a connect wait only by blocking its thread; here the coroutine tries again
    /// after sleeps of 50 µs, growing to 10 ms. So those who wait don't come in in the order in
    /// which they began. macOS and the BSDs refuse instead of waiting. As in std otherwise.
    ///
    /// # Errors
    ///
    /// `NotFound` or `ConnectionRefused` if nobody listens there.
    pub fn connect_addr(socket_addr: &SocketAddr) -> io::Result<UnixStream> {
        let socket: Socket<net::UnixStream> = Socket::new(sys::stream_socket(Domain::UNIX)?.into());
        let limit = socket.mode().write_limit();
        retry_blocked(limit, || {
            // It is the same connect(2), which std offers for an open descriptor only here.
            let started = view::<net::UnixDatagram>(socket.fd()).connect_addr(socket_addr);
            socket.finish_connect(started, None)
        })?;
        Ok(UnixStream { socket })
    }

    /// Makes two sockets that are connected with each other.
    ///
    /// Never parks. As in std.
    ///
    /// # Errors
    ///
    /// Fails when the process has no descriptors left.
    pub fn pair() -> io::Result<(UnixStream, UnixStream)> {
        let (a, b) = net::UnixStream::pair()?;
        Ok((UnixStream { socket: Socket::fresh(a)? }, UnixStream { socket: Socket::fresh(b)? }))
    }

    /// Receives without taking: the next read sees the same data again.
    ///
    /// Parks like a read, until there is data, the end of it, or the read timeout. The signature
    /// is std's, where it isn't stable yet.
    ///
    /// # Errors
    ///
    /// Those of a read.
    pub fn peek(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.socket.receive(|fd| sys::peek(fd, buf))
    }
}
