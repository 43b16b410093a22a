//! Owns `TcpListener`: binding and accepting. Waiting is `socket`'s.

use std::fmt;
use std::io;
use std::iter::FusedIterator;
use std::net::{self, SocketAddr};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, IntoRawFd, OwnedFd, RawFd};

use socket2::{Domain, SockAddr};

use super::addrs::{ToSocketAddrs, each_addr};
use super::incoming::{Incoming, incoming};
use super::socket::Socket;
use super::sys;
use super::tcp_stream::TcpStream;
use super::traits::{as_std, closable, socket_type};
use crate::ready::{Direction, Limit};

socket_type! {
    /// A TCP socket that waits for connections: [`std::net::TcpListener`] that parks the
    /// coroutine instead of blocking the thread.
    ///
    /// Outside a coroutine the same calls block the thread. Several may accept at once, through
    /// references or clones; each connection goes to one of them.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::io::{Read, Write};
    /// use lif::net::{TcpListener, TcpStream};
    ///
    /// let listener = TcpListener::bind("127.0.0.1:0")?;
    /// let addr = listener.local_addr()?;
    /// let server = std::thread::spawn(move || {
    ///     for stream in listener.incoming().take(1) {
    ///         stream?.write_all(b"hello")?;
    ///     }
    ///     std::io::Result::Ok(())
    /// });
    /// let mut text = String::new();
    /// TcpStream::connect(addr)?.read_to_string(&mut text)?;
    /// assert_eq!(text, "hello");
    /// server.join().unwrap()
    /// # ?; std::io::Result::Ok(())
    /// ```
    TcpListener, net::TcpListener
}
closable!(TcpListener);
incoming!(TcpListener, TcpStream);

as_std! { TcpListener:
    /// The address that the listener is bound to: tells the port that was chosen for port 0.
    local_addr() -> SocketAddr;
    /// Sets how many hops packets may take (IP_TTL).
    set_ttl(ttl: u32) -> ();
    /// How many hops packets may take (IP_TTL).
    ttl() -> u32;
}

impl TcpListener {
    /// Listens on the first of `addr`'s addresses that can be bound.
    ///
    /// Parks only while a name is looked up. Port 0 chooses a free one. The address can be bound
    /// again at once after an earlier listener is gone (SO_REUSEADDR). As in std, except for the
    /// queue of connections not yet accepted: std's holds 128, ours as many as the system allows
    /// (`net.core.somaxconn` on Linux).
    ///
    /// # Errors
    ///
    /// The error of the last address that was tried, or of the lookup;
    /// [`InvalidInput`](io::ErrorKind::InvalidInput) if there was no address.
    pub fn bind<A: ToSocketAddrs>(addr: A) -> io::Result<TcpListener> {
        each_addr(addr, |addr| listen(addr, sys::BACKLOG, false, None))
    }

    /// Takes the next connection, with the address of its client.
    ///
    /// Parks until a client connects or [`close`](Self::close) is called. As in std.
    ///
    /// # Errors
    ///
    /// Those of accept(2): among them that the client is gone again (`ConnectionAborted`), and
    /// that the process has no descriptors left, after which the connection still waits in the
    /// queue. [`Closed`](crate::net::Closed) after `close`.
    pub fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        let (socket, peer) = self.socket.accept()?;
        let peer = peer.as_socket().ok_or(io::ErrorKind::InvalidInput)?;
        Ok((TcpStream { socket }, peer))
    }

    /// Takes the next connection, if there is a permit when it is there; the permit goes with it.
    /// `None` if there was none. Waits whatever the mode of the listener.
    pub(super) fn accept_permitted<P>(
        &self,
        mut permit: impl FnMut() -> Option<P>,
    ) -> io::Result<Option<(TcpStream, SocketAddr, P)>> {
        let limit = Limit { timeout: None, nonblocking: false };
        self.socket.source().io(Direction::Read, limit, |fd| match permit() {
            Some(permit) => accept_one(fd).map(|(stream, peer)| Some((stream, peer, permit))),
            None => Ok(None),
        })
    }

    /// Takes a connection that is in the queue; never waits, and is no point of cancellation.
    pub(super) fn accept_queued(&self) -> io::Result<(TcpStream, SocketAddr)> {
        accept_one(self.socket.fd())
    }
}

fn accept_one(fd: BorrowedFd<'_>) -> io::Result<(TcpStream, SocketAddr)> {
    let (fd, peer) = sys::accept(fd)?;
    let peer = peer.as_socket().ok_or(io::ErrorKind::InvalidInput)?;
    Ok((TcpStream { socket: Socket::new(fd) }, peer))
}

/// Listens on `addr`. `spread`: others may listen on the same port and share its connections,
/// where the system can do that; `bound`: a listener of ours is among them already.
pub(super) fn listen(
    addr: &SocketAddr,
    backlog: libc::c_int,
    spread: bool,
    bound: Option<&TcpListener>,
) -> io::Result<TcpListener> {
    let socket = sys::stream_socket(Domain::for_address(*addr))?;
    socket.set_reuse_address(true)?;
    let early = bound.is_some() || !sys::SPREADS_AFTER_BIND;
    if spread && early {
        sys::set_spread(&socket)?;
    }
    if let Some(bound) = bound
        && addr.is_ipv6()
    {
        socket.set_only_v6(bound.socket.options().only_v6()?)?;
    }
    socket.bind(&SockAddr::from(*addr))?;
    if spread && !early {
        sys::set_spread(&socket)?;
    }
    socket.listen(backlog)?;
    Ok(TcpListener { socket: Socket::new(socket.into()) })
}
