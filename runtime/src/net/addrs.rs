//! Owns the way from what a user calls an address to socket addresses. The resolver of the
//! system does the work, on another thread if it may take time. Opens no socket.

use std::io;
use std::iter;
use std::net::{self, IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::option;
use std::slice;
use std::vec;

/// What can be turned into socket addresses: std's trait of the same name, with a resolver that
/// doesn't stall.
///
/// It is implemented for the same types with the same results. Addresses in numbers are read at
/// once. A name is looked up by the system's resolver through [`blocking`](crate::blocking): the
/// coroutine parks until the answer is there, and its worker goes on with others.
///
/// # Examples
///
/// ```
/// use lif::net::ToSocketAddrs;
///
/// let mut addrs = ("127.0.0.1", 80).to_socket_addrs()?;
/// assert_eq!(addrs.next(), Some(([127, 0, 0, 1], 80).into()));
/// assert!("localhost:80".to_socket_addrs()?.all(|addr| addr.ip().is_loopback()));
/// # std::io::Result::Ok(())
/// ```
pub trait ToSocketAddrs {
    /// Gives the addresses, in the order in which they should be tried.
    type Iter: Iterator<Item = SocketAddr>;

    /// Finds the addresses. Parks while a name is looked up.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](io::ErrorKind::InvalidInput) for a string that is no address; otherwise
    /// whatever the resolver reports.
    fn to_socket_addrs(&self) -> io::Result<Self::Iter>;
}

/// Types whose addresses std gives without asking anybody.
macro_rules! at_once {
    ($($ty:ty),*) => {
        $(
            impl ToSocketAddrs for $ty {
                type Iter = option::IntoIter<SocketAddr>;

                fn to_socket_addrs(&self) -> io::Result<Self::Iter> {
                    net::ToSocketAddrs::to_socket_addrs(self)
                }
            }
        )*
    };
}

at_once!(SocketAddr, SocketAddrV4, SocketAddrV6, (IpAddr, u16), (Ipv4Addr, u16), (Ipv6Addr, u16));

impl ToSocketAddrs for (&str, u16) {
    type Iter = vec::IntoIter<SocketAddr>;

    fn to_socket_addrs(&self) -> io::Result<Self::Iter> {
        let (host, port) = *self;
        resolve((host, port), host.parse().ok().map(|ip| SocketAddr::new(ip, port)))
    }
}

impl ToSocketAddrs for (String, u16) {
    type Iter = vec::IntoIter<SocketAddr>;

    fn to_socket_addrs(&self) -> io::Result<Self::Iter> {
        (self.0.as_str(), self.1).to_socket_addrs()
    }
}

impl ToSocketAddrs for str {
    type Iter = vec::IntoIter<SocketAddr>;

    fn to_socket_addrs(&self) -> io::Result<Self::Iter> {
        resolve(self, self.parse().ok())
    }
}

impl ToSocketAddrs for String {
    type Iter = vec::IntoIter<SocketAddr>;

    fn to_socket_addrs(&self) -> io::Result<Self::Iter> {
        self.as_str().to_socket_addrs()
    }
}

impl<'a> ToSocketAddrs for &'a [SocketAddr] {
    type Iter = iter::Cloned<slice::Iter<'a, SocketAddr>>;

    fn to_socket_addrs(&self) -> io::Result<Self::Iter> {
        Ok(self.iter().cloned())
    }
}

impl<T: ToSocketAddrs + ?Sized> ToSocketAddrs for &T {
    type Iter = T::Iter;

    fn to_socket_addrs(&self) -> io::Result<T::Iter> {
        (**self).to_socket_addrs()
    }
}

/// The address itself if it was in numbers, else what std's resolver finds for `name`.
fn resolve<N>(name: N, numeric: Option<SocketAddr>) -> io::Result<vec::IntoIter<SocketAddr>>
where
    N: net::ToSocketAddrs<Iter = vec::IntoIter<SocketAddr>> + Send,
{
    match numeric {
        Some(addr) => Ok(vec![addr].into_iter()),
        None => crate::blocking(move || name.to_socket_addrs()),
    }
}

/// Tries `op` with each address until it succeeds; fails with the error of the last one.
pub(super) fn each_addr<A: ToSocketAddrs, T>(
    addrs: A,
    mut op: impl FnMut(&SocketAddr) -> io::Result<T>,
) -> io::Result<T> {
    let mut last = None;
    for addr in addrs.to_socket_addrs()? {
        match op(&addr) {
            Ok(done) => return Ok(done),
            Err(e) => last = Some(e),
        }
    }
    Err(last.unwrap_or_else(no_addresses))
}

/// The error for a name that stands for no address.
pub(super) fn no_addresses() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, "no socket address to use")
}
