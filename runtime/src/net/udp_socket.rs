//! Owns `UdpSocket`: datagrams over IP and their options. Waiting is `socket`'s.

use std::fmt;
use std::io;
use std::net::{self, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, IntoRawFd, OwnedFd, RawFd};
use std::time::Duration;

use super::addrs::{ToSocketAddrs, each_addr, no_addresses};
use super::socket::Socket;
use super::traits::{as_std, closable, socket_type, timeouts};

socket_type! {
    /// A UDP socket: [`std::net::UdpSocket`] that parks the coroutine instead of blocking the
    /// thread.
    ///
    /// Outside a coroutine the same calls block the thread. Receiving takes one datagram a call;
    /// what doesn't fit the buffer is lost. Sending parks only while the send buffer is full.
    ///
    /// # Examples
    ///
    /// ```
    /// use lif::net::UdpSocket;
    ///
    /// let a = UdpSocket::bind("127.0.0.1:0")?;
    /// let b = UdpSocket::bind("127.0.0.1:0")?;
    /// a.send_to(b"ping", b.local_addr()?)?;
    /// let mut buf = [0; 16];
    /// assert_eq!(b.recv_from(&mut buf)?, (4, a.local_addr()?));
    /// # std::io::Result::Ok(())
    /// ```
    UdpSocket, net::UdpSocket
}
timeouts!(UdpSocket);
closable!(UdpSocket);

as_std! { UdpSocket:
    /// The address that the socket is connected to.
    peer_addr() -> SocketAddr;
    /// The address that the socket is bound to.
    local_addr() -> SocketAddr;
    /// Allows sending to broadcast addresses (SO_BROADCAST).
    set_broadcast(broadcast: bool) -> ();
    /// Whether sending to broadcast addresses is allowed (SO_BROADCAST).
    broadcast() -> bool;
    /// Sets whether IPv4 multicasts come back to this host (IP_MULTICAST_LOOP).
    set_multicast_loop_v4(multicast_loop_v4: bool) -> ();
    /// Whether IPv4 multicasts come back to this host (IP_MULTICAST_LOOP).
    multicast_loop_v4() -> bool;
    /// Sets how many hops IPv4 multicasts may take (IP_MULTICAST_TTL).
    set_multicast_ttl_v4(multicast_ttl_v4: u32) -> ();
    /// How many hops IPv4 multicasts may take (IP_MULTICAST_TTL).
    multicast_ttl_v4() -> u32;
    /// Sets whether IPv6 multicasts come back to this host (IPV6_MULTICAST_LOOP).
    set_multicast_loop_v6(multicast_loop_v6: bool) -> ();
    /// Whether IPv6 multicasts come back to this host (IPV6_MULTICAST_LOOP).
    multicast_loop_v6() -> bool;
    /// Sets how many hops packets may take (IP_TTL).
    set_ttl(ttl: u32) -> ();
    /// How many hops packets may take (IP_TTL).
    ttl() -> u32;
    /// Joins an IPv4 multicast group on the interface with that address
    /// ([`UNSPECIFIED`](Ipv4Addr::UNSPECIFIED): any).
    join_multicast_v4(multiaddr: &Ipv4Addr, interface: &Ipv4Addr) -> ();
    /// Joins an IPv6 multicast group on the interface with that number (0: any).
    join_multicast_v6(multiaddr: &Ipv6Addr, interface: u32) -> ();
    /// Leaves an IPv4 multicast group that was joined with the same arguments.
    leave_multicast_v4(multiaddr: &Ipv4Addr, interface: &Ipv4Addr) -> ();
    /// Leaves an IPv6 multicast group that was joined with the same arguments.
    leave_multicast_v6(multiaddr: &Ipv6Addr, interface: u32) -> ();
}

impl UdpSocket {
    /// Binds to the first of `addr`'s addresses that is free. Port 0 chooses a free port.
    ///
    /// Parks only while a name is looked up. As in std.
    ///
    /// # Errors
    ///
    /// The error of the last address that was tried, or of the lookup;
    /// [`InvalidInput`](io::ErrorKind::InvalidInput) if there was no address.
    pub fn bind<A: ToSocketAddrs>(addr: A) -> io::Result<UdpSocket> {
        each_addr(addr, |addr| {
            Ok(UdpSocket { socket: Socket::fresh(net::UdpSocket::bind(addr)?)? })
        })
    }

    /// Makes the first of `addr`'s addresses that can be reached the peer of this socket.
    ///
    /// From then on [`send`](Self::send) sends there, and nothing else is received. Parks only
    /// while a name is looked up. As in std.
    ///
    /// # Errors
    ///
    /// The error of the last address that was tried, or of the lookup;
    /// [`InvalidInput`](io::ErrorKind::InvalidInput) if there was no address.
    pub fn connect<A: ToSocketAddrs>(&self, addr: A) -> io::Result<()> {
        each_addr(addr, |addr| self.socket.std().connect(addr))
    }

    /// Receives one datagram and the address that it came from.
    ///
    /// Parks until one arrives, the read timeout passes, or [`close`](Self::close). As in std.
    ///
    /// # Errors
    ///
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) at the timeout; an error that an earlier
    /// datagram sent met on its way; [`Closed`](crate::net::Closed) after `close`.
    pub fn recv_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.socket.receive(|_| self.socket.std().recv_from(buf))
    }

    /// Like [`recv_from`](Self::recv_from), but leaves the datagram in the queue.
    ///
    /// # Errors
    ///
    /// Those of `recv_from`.
    pub fn peek_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.socket.receive(|_| self.socket.std().peek_from(buf))
    }

    /// Receives one datagram: on a connected socket, one of its peer.
    ///
    /// Parks as [`recv_from`](Self::recv_from) does. As in std.
    ///
    /// # Errors
    ///
    /// Those of `recv_from`; on a connected socket also `ConnectionRefused`.
    pub fn recv(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.socket.receive(|_| self.socket.std().recv(buf))
    }

    /// Like [`recv`](Self::recv), but leaves the datagram in the queue.
    ///
    /// # Errors
    ///
    /// Those of `recv`.
    pub fn peek(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.socket.receive(|_| self.socket.std().peek(buf))
    }

    /// Sends one datagram to the first of `addr`'s addresses.
    ///
    /// Parks while a name is looked up, and while the send buffer is full, until there is room
    /// or the write timeout passes. As in std.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](io::ErrorKind::InvalidInput) if there was no address,
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) at the timeout, the kernel's if the datagram is
    /// too long, [`Closed`](crate::net::Closed) after `close`.
    pub fn send_to<A: ToSocketAddrs>(&self, buf: &[u8], addr: A) -> io::Result<usize> {
        let addr = addr.to_socket_addrs()?.next().ok_or_else(no_addresses)?;
        self.socket.send(|_| self.socket.std().send_to(buf, addr))
    }

    /// Sends one datagram to the peer given by [`connect`](Self::connect).
    ///
    /// Parks as [`send_to`](Self::send_to) does, without a lookup. As in std.
    ///
    /// # Errors
    ///
    /// Those of `send_to`, and the kernel's if there is no peer.
    pub fn send(&self, buf: &[u8]) -> io::Result<usize> {
        self.socket.send(|_| self.socket.std().send(buf))
    }
}
