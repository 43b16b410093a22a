//! Owns `TcpStream`: connecting, and the options of a TCP connection. Waiting is `socket`'s.

use std::fmt;
use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::net::{self, Shutdown, SocketAddr};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, IntoRawFd, OwnedFd, RawFd};
use std::time::Duration;

use socket2::{Domain, SockAddr};

use super::addrs::{ToSocketAddrs, each_addr};
use super::socket::Socket;
use super::sys;
use super::traits::{as_std, shutdown, socket_type, stream_io, timeouts};

socket_type! {
    /// A TCP connection: [`std::net::TcpStream`] that parks the coroutine instead of blocking
    /// the thread.
    ///
    /// Outside a coroutine the same calls block the thread. It can be moved to another thread or
    /// shared by reference; one side may read while another writes. Dropping it closes the
    /// connection when no clone is left.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::io::{Read, Write};
    /// use lif::net::{Shutdown, TcpListener, TcpStream};
    ///
    /// let listener = TcpListener::bind("127.0.0.1:0")?;
    /// let mut client = TcpStream::connect(listener.local_addr()?)?;
    /// let (mut server, _peer) = listener.accept()?;
    ///
    /// client.write_all(b"ping")?;
    /// client.shutdown(Shutdown::Write)?;
    /// let mut text = String::new();
    /// server.read_to_string(&mut text)?;
    /// assert_eq!(text, "ping");
    /// # std::io::Result::Ok(())
    /// ```
    TcpStream, net::TcpStream
}
timeouts!(TcpStream);
stream_io!(TcpStream);
shutdown!(TcpStream);

as_std! { TcpStream:
    /// The address of the other end.
    peer_addr() -> SocketAddr;
    /// The address of this end.
    local_addr() -> SocketAddr;
    /// Sends small writes at once instead of gathering them (TCP_NODELAY).
    set_nodelay(nodelay: bool) -> ();
    /// Whether small writes are sent at once (TCP_NODELAY).
    nodelay() -> bool;
    /// Sets how many hops packets may take (IP_TTL).
    set_ttl(ttl: u32) -> ();
    /// How many hops packets may take (IP_TTL).
    ttl() -> u32;
}

impl TcpStream {
    /// Connects to the first of `addr`'s addresses that accepts.
    ///
    /// Parks while a name is looked up, then until the kernel reports that the connection stands
    /// or failed; the kernel's own limit applies (about two minutes on Linux for a host that
    /// doesn't answer). As in std.
    ///
    /// # Errors
    ///
    /// The error of the last address that was tried, or of the lookup;
    /// [`InvalidInput`](io::ErrorKind::InvalidInput) if there was no address.
    pub fn connect<A: ToSocketAddrs>(addr: A) -> io::Result<TcpStream> {
        each_addr(addr, |addr| connect_one(addr, None))
    }

    /// Connects to one address, for at most `timeout`.
    ///
    /// Parks until the kernel reports the outcome or the time is over. As in std.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](io::ErrorKind::InvalidInput) for a timeout of zero,
    /// [`TimedOut`](io::ErrorKind::TimedOut) when the time is over, else why it failed.
    pub fn connect_timeout(addr: &SocketAddr, timeout: Duration) -> io::Result<TcpStream> {
        if timeout.is_zero() {
            let reason = "a timeout must be longer than zero";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, reason));
        }
        connect_one(addr, Some(timeout))
    }

    /// Receives without taking: the next read sees the same data again.
    ///
    /// Parks like a read, until there is data, the end of it, or the read timeout. As in std.
    ///
    /// # Errors
    ///
    /// Those of a read.
    pub fn peek(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.socket.receive(|fd| sys::peek(fd, buf))
    }

    /// Sets what closing does with data that is not yet sent (SO_LINGER); whole seconds.
    ///
    /// `None`: the kernel sends it in the background. Zero: it is thrown away, and the peer sees
    /// a reset. Any other time makes close(2), and so the drop of the last clone, block its
    /// *thread* for up to that long, on Linux for non-blocking descriptors too. Never parks. The
    /// signature is std's, where it isn't stable yet.
    ///
    /// # Errors
    ///
    /// Fails as the system call does.
    pub fn set_linger(&self, linger: Option<Duration>) -> io::Result<()> {
        self.socket.options().set_linger(linger)
    }

    /// What closing does with data that is not yet sent (SO_LINGER). Never parks.
    ///
    /// # Errors
    ///
    /// Fails as the system call does.
    pub fn linger(&self) -> io::Result<Option<Duration>> {
        self.socket.options().linger()
    }

    /// Acknowledges at once instead of waiting for data to send along (TCP_QUICKACK).
    ///
    /// The kernel may leave the mode again by itself. Never parks. As std's extension for Linux.
    ///
    /// # Errors
    ///
    /// Fails as the system call does.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    pub fn set_quickack(&self, quickack: bool) -> io::Result<()> {
        self.socket.options().set_tcp_quickack(quickack)
    }

    /// Whether data is acknowledged at once (TCP_QUICKACK). Never parks.
    ///
    /// # Errors
    ///
    /// Fails as the system call does.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    pub fn quickack(&self) -> io::Result<bool> {
        self.socket.options().tcp_quickack()
    }
}

fn connect_one(addr: &SocketAddr, timeout: Option<Duration>) -> io::Result<TcpStream> {
    let connecting = sys::stream_socket(Domain::for_address(*addr))?;
    let started = connecting.connect(&SockAddr::from(*addr));
    let socket = Socket::new(connecting.into());
    socket.finish_connect(started, timeout)?;
    Ok(TcpStream { socket })
}
