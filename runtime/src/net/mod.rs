//! Sockets with std's names and meaning that park the coroutine instead of blocking the thread.
//!
//! A program written against [`std::net`] and [`std::os::unix::net`] ports by changing its
//! imports: `use lif::net::*` has the types, the address types and the traits of `std::net`, and
//! the Unix types beside them ([`UnixSocketAddr`] is std's own Unix address, under a name that
//! doesn't collide). Every call works on a plain thread too, where it blocks that thread.
//!
//! [`serve`] is what most servers do with a listener: accept on all workers, up to a limit, and
//! end gracefully.
//!
//! What is ours: names are resolved without stalling a worker ([`ToSocketAddrs`]), a TCP
//! listener's queue is as long as the system allows, and listeners and datagram sockets have
//! `close`. Every descriptor is close-on-exec, and no call raises SIGPIPE.
//!
//! The module owns these types and what they share. It doesn't poll, park or schedule: each wait
//! is the readiness layer's, or a series of sleeps in the few places where a kernel gives no event.

mod addrs;
mod closed;
mod incoming;
mod mode;
mod retry;
mod serve;
mod socket;
mod sys;
mod tcp_listener;
mod tcp_stream;
mod traits;
mod udp_socket;
mod unix_datagram;
mod unix_listener;
mod unix_stream;

#[cfg(test)]
mod tests;

pub use std::net::{
    AddrParseError, IpAddr, Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, SocketAddrV4, SocketAddrV6,
};
pub use std::os::unix::net::SocketAddr as UnixSocketAddr;

pub use addrs::ToSocketAddrs;
pub use closed::Closed;
pub use incoming::Incoming;
pub use serve::{Drained, ServeMetrics, ServeOptions, Server, serve};
pub use tcp_listener::TcpListener;
pub use tcp_stream::TcpStream;
pub use udp_socket::UdpSocket;
pub use unix_datagram::UnixDatagram;
pub use unix_listener::UnixListener;
pub use unix_stream::UnixStream;
