//! Owns the error of a socket that was closed with `close`. Knows no socket.

use std::error::Error;
use std::fmt;
use std::io;

/// The inner error of every call on a listener or datagram socket after its `close`.
///
/// Calls that were waiting when `close` came fail with it too. It travels inside an [`io::Error`]
/// of kind [`BrokenPipe`](io::ErrorKind::BrokenPipe), which no accept or receive loop retries
/// (as many do with `ConnectionAborted` and `Interrupted`) and no system call gives to one.
///
/// # Examples
///
/// ```
/// use lif::net::{Closed, TcpListener};
///
/// let listener = TcpListener::bind("127.0.0.1:0")?;
/// listener.close();
/// let error = listener.accept().unwrap_err();
/// assert!(error.get_ref().is_some_and(|inner| inner.is::<Closed>()));
/// # std::io::Result::Ok(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Closed;

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the socket was closed by `close`")
    }
}

impl Error for Closed {}

impl From<Closed> for io::Error {
    fn from(closed: Closed) -> io::Error {
        io::Error::new(io::ErrorKind::BrokenPipe, closed)
    }
}
