//! Owns `UnixListener`: binding and accepting. Waiting is `socket`'s.

use std::fmt;
use std::io;
use std::iter::FusedIterator;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, IntoRawFd, OwnedFd, RawFd};
use std::os::unix::net::{self, SocketAddr};
use std::path::Path;

use socket2::SockAddr;

use super::incoming::{Incoming, incoming};
use super::socket::Socket;
use super::traits::{as_std, closable, socket_type};
use super::unix_stream::UnixStream;

socket_type! {
    /// A Unix socket that waits for connections: [`std::os::unix::net::UnixListener`] that parks
    /// the coroutine instead of blocking the thread.
    ///
    /// Outside a coroutine the same calls block the thread. The path is not removed when the
    /// listener is dropped, as in std.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::io::{Read, Write};
    /// use lif::net::{UnixListener, UnixStream};
    ///
    /// let path = std::env::temp_dir().join(format!("lif-doc-{}", std::process::id()));
    /// let listener = UnixListener::bind(&path)?;
    /// UnixStream::connect(&path)?.write_all(b"hello")?;
    /// std::fs::remove_file(&path)?;
    ///
    /// let mut text = String::new();
    /// listener.accept()?.0.read_to_string(&mut text)?;
    /// assert_eq!(text, "hello");
    /// # std::io::Result::Ok(())
    /// ```
    UnixListener, net::UnixListener
}
closable!(UnixListener);
incoming!(UnixListener, UnixStream);

as_std! { UnixListener:
    /// The address that the listener is bound to.
    local_addr() -> SocketAddr;
}

impl UnixListener {
    /// Listens at `path`, which must not exist yet.
    ///
    /// Never parks. As in std.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](io::ErrorKind::InvalidInput) for a path that is too long (108 bytes on
    /// Linux) or contains a zero byte; `AddrInUse` if it exists.
    pub fn bind<P: AsRef<Path>>(path: P) -> io::Result<UnixListener> {
        Ok(UnixListener { socket: Socket::fresh(net::UnixListener::bind(path)?)? })
    }

    /// Listens at an address: a path, or on Linux an abstract name.
    ///
    /// Never parks. As in std.
    ///
    /// # Errors
    ///
    /// `AddrInUse` if the address is taken.
    pub fn bind_addr(socket_addr: &SocketAddr) -> io::Result<UnixListener> {
        Ok(UnixListener { socket: Socket::fresh(net::UnixListener::bind_addr(socket_addr)?)? })
    }

    /// Takes the next connection, with the address of its client (mostly unnamed).
    ///
    /// Parks until a client connects or [`close`](Self::close) is called. As in std.
    ///
    /// # Errors
    ///
    /// Those of accept(2), as that the process has no descriptors left;
    /// [`Closed`](crate::net::Closed) after `close`.
    pub fn accept(&self) -> io::Result<(UnixStream, SocketAddr)> {
        let (socket, peer) = self.socket.accept()?;
        let stream = UnixStream { socket };
        let peer = client_addr(&peer, &stream)?;
        Ok((stream, peer))
    }
}

impl<'a> IntoIterator for &'a UnixListener {
    type Item = io::Result<UnixStream>;
    type IntoIter = Incoming<'a, UnixListener>;

    fn into_iter(self) -> Self::IntoIter {
        self.incoming()
    }
}

/// Turns the address of an accepted client into std's type, which can't be made from raw parts.
///
/// Abstract names, and paths that fill the kernel's field to the last byte (they may, and then
/// `from_pathname` refuses them), are rare: for them std asks the kernel itself.
fn client_addr(raw: &SockAddr, stream: &UnixStream) -> io::Result<SocketAddr> {
    match raw.as_pathname().map(SocketAddr::from_pathname) {
        Some(Ok(addr)) => Ok(addr),
        None if raw.is_unnamed() => SocketAddr::from_pathname(""),
        _ => stream.peer_addr(),
    }
}
