//! Owns `UnixDatagram`: datagrams between processes of one machine. Waiting is `socket`'s, and
//! `retry`'s where the kernel reports no event.

use std::fmt;
use std::io;
use std::net::Shutdown;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, IntoRawFd, OwnedFd, RawFd};
use std::os::unix::net::{self, SocketAddr};
use std::path::Path;
use std::time::Duration;

use super::retry::retry_blocked;
use super::socket::Socket;
use super::sys;
use super::traits::{as_std, closable, shutdown, socket_type, timeouts};
use crate::ready::{Direction, Limit};

socket_type! {
    /// A Unix datagram socket: [`std::os::unix::net::UnixDatagram`] that parks the coroutine
    /// instead of blocking the thread.
    ///
    /// Outside a coroutine the same calls block the thread. Datagrams are not lost: a full queue
    /// makes senders wait. Receiving takes one datagram a call; what doesn't fit the buffer is
    /// lost. The path is not removed when the socket is dropped, as in std.
    ///
    /// # Examples
    ///
    /// ```
    /// use lif::net::UnixDatagram;
    ///
    /// let (a, b) = UnixDatagram::pair()?;
    /// a.send(b"ping")?;
    /// let mut buf = [0; 16];
    /// assert_eq!(b.recv(&mut buf)?, 4);
    /// # std::io::Result::Ok(())
    /// ```
    UnixDatagram, net::UnixDatagram
}
timeouts!(UnixDatagram);
closable!(UnixDatagram);
shutdown!(UnixDatagram);

as_std! { UnixDatagram:
    /// Makes the socket at an address the peer of this one.
    connect_addr(socket_addr: &SocketAddr) -> ();
    /// The address of the peer.
    peer_addr() -> SocketAddr;
    /// The address that the socket is bound to, if any.
    local_addr() -> SocketAddr;
}

impl UnixDatagram {
    /// Makes a socket bound to `path`, which must not exist yet.
    ///
    /// Never parks. As in std.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](io::ErrorKind::InvalidInput) for a path that is too long (108 bytes on
    /// Linux) or contains a zero byte; `AddrInUse` if it exists.
    pub fn bind<P: AsRef<Path>>(path: P) -> io::Result<UnixDatagram> {
        UnixDatagram::bind_addr(&SocketAddr::from_pathname(path)?)
    }

    /// Makes a socket bound to an address: a path, or on Linux an abstract name.
    ///
    /// Never parks. As in std.
    ///
    /// # Errors
    ///
    /// `AddrInUse` if the address is taken.
    pub fn bind_addr(socket_addr: &SocketAddr) -> io::Result<UnixDatagram> {
        UnixDatagram::fresh(net::UnixDatagram::bind_addr(socket_addr)?)
    }

    /// Makes a socket without an address.
    ///
    /// Never parks. As in std.
    ///
    /// # Errors
    ///
    /// Fails when the process has no descriptors left.
    pub fn unbound() -> io::Result<UnixDatagram> {
        UnixDatagram::fresh(net::UnixDatagram::unbound()?)
    }

    /// Makes two sockets that are each other's peer.
    ///
    /// Never parks. As in std.
    ///
    /// # Errors
    ///
    /// Fails when the process has no descriptors left.
    pub fn pair() -> io::Result<(UnixDatagram, UnixDatagram)> {
        let (a, b) = net::UnixDatagram::pair()?;
        Ok((UnixDatagram::fresh(a)?, UnixDatagram::fresh(b)?))
    }

    fn fresh(std: net::UnixDatagram) -> io::Result<UnixDatagram> {
        Ok(UnixDatagram { socket: Socket::fresh(std)? })
    }

    /// Makes the socket at `path` the peer of this one.
    ///
    /// Never parks. As in std.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](io::ErrorKind::InvalidInput) for a path that can't be an address;
    /// `NotFound` or `ConnectionRefused` if nobody is bound there.
    pub fn connect<P: AsRef<Path>>(&self, path: P) -> io::Result<()> {
        self.socket.std().connect(path)
    }

    /// Receives one datagram and the address that it came from.
    ///
    /// Parks until one arrives, the read timeout passes, [`shutdown`](Self::shutdown) or
    /// [`close`](Self::close). As in std.
    ///
    /// # Errors
    ///
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) at the timeout;
    /// [`Closed`](crate::net::Closed) after `close`.
    pub fn recv_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        let nothing = || Ok((0, SocketAddr::from_pathname("")?));
        self.receive(nothing, |_| self.socket.std().recv_from(buf))
    }

    /// Receives one datagram.
    ///
    /// Parks as [`recv_from`](Self::recv_from) does. As in std.
    ///
    /// # Errors
    ///
    /// Those of `recv_from`.
    pub fn recv(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.receive(|| Ok(0), |fd| sys::recv(fd, buf))
    }

    /// Like [`recv`](Self::recv), but leaves the datagram in the queue.
    ///
    /// The signature is std's, where it isn't stable yet.
    ///
    /// # Errors
    ///
    /// Those of `recv`.
    pub fn peek(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.receive(|| Ok(0), |fd| sys::peek(fd, buf))
    }

    /// Receives by `op`; gives `nothing` when the reading side was shut down, as a blocking call
    /// does. The kernel is asked about that only before the coroutine would park.
    fn receive<T>(
        &self,
        nothing: impl Fn() -> io::Result<T>,
        mut op: impl FnMut(BorrowedFd<'_>) -> io::Result<T>,
    ) -> io::Result<T> {
        let limit = self.socket.mode().read_limit();
        self.socket.source().io(Direction::Read, limit, |fd| match op(fd) {
            Err(e)
                if e.kind() == io::ErrorKind::WouldBlock
                    && !limit.nonblocking
                    && sys::reading_has_ended(fd) =>
            {
                nothing()
            }
            done => done,
        })
    }

    /// Sends one datagram to the socket at `path`.
    ///
    /// Parks while its queue is full; see [`send_to_addr`](Self::send_to_addr). As in std.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](io::ErrorKind::InvalidInput) for a path that can't be an address, else
    /// those of `send_to_addr`.
    pub fn send_to<P: AsRef<Path>>(&self, buf: &[u8], path: P) -> io::Result<usize> {
        self.send_to_addr(buf, &SocketAddr::from_pathname(path)?)
    }

    /// Sends one datagram to the socket at an address.
    ///
    /// Parks while that socket's queue is full, until there is room, the write timeout passes,
    /// or [`close`](Self::close). Linux reports no event for the queue of a socket that isn't
    /// the peer, so the coroutine tries again after sleeps of 50 µs, growing to 10 ms: to send
    /// much to one socket, [`connect`](Self::connect) to it and [`send`](Self::send). macOS and
    /// the BSDs give an error instead of waiting. As in std otherwise.
    ///
    /// # Errors
    ///
    /// `NotFound` or `ConnectionRefused` if nobody is bound there,
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) at the timeout, the kernel's if the datagram is
    /// too long, [`Closed`](crate::net::Closed) after `close`.
    pub fn send_to_addr(&self, buf: &[u8], socket_addr: &SocketAddr) -> io::Result<usize> {
        let once = Limit { timeout: None, nonblocking: true };
        retry_blocked(self.socket.mode().write_limit(), || {
            self.socket
                .source()
                .io(Direction::Write, once, |_| self.socket.std().send_to_addr(buf, socket_addr))
        })
    }

    /// Sends one datagram to the peer.
    ///
    /// Parks while the peer's queue is full, until there is room, the write timeout passes,
    /// [`shutdown`](Self::shutdown) or [`close`](Self::close). As in std.
    ///
    /// # Errors
    ///
    /// `NotConnected` without a peer, `ConnectionRefused` or `BrokenPipe` if it is gone,
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) at the timeout, the kernel's if the datagram is
    /// too long, [`Closed`](crate::net::Closed) after `close`.
    pub fn send(&self, buf: &[u8]) -> io::Result<usize> {
        self.socket.send(|fd| sys::send(fd, buf))
    }
}
