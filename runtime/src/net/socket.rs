//! Owns what all six socket types are made of: a descriptor with its readiness, and the mode
//! that clones share. The public types add names and documentation, and nothing else waits.
//!
//! Whatever doesn't wait (options, addresses, `Debug`) is std's own code, run on a borrowed view
//! of the descriptor, so it can't differ from std.

use std::io::{self, IoSlice, IoSliceMut};
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::net::Shutdown;
use std::ops::Deref;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::sync::Arc;
use std::time::Duration;

use socket2::{SockAddr, SockRef};

use super::mode::Mode;
use super::sys;
use crate::ready::{Direction, Limit, Source};

/// The std type behind one of our types.
pub(super) trait Kind: AsFd + From<OwnedFd> + Into<OwnedFd> {
    /// Whether a plain read that fills only a part of its buffer has emptied the queue.
    ///
    /// Only on TCP. A Unix stream also ends a read where descriptors or credentials were sent
    /// along, whatever the reader asked for, and a datagram socket after each datagram.
    const SHORT_READ_MEANS_DRAINED: bool = false;
}

impl Kind for std::net::TcpStream {
    const SHORT_READ_MEANS_DRAINED: bool = true;
}
impl Kind for std::net::TcpListener {}
impl Kind for std::net::UdpSocket {}
impl Kind for std::os::unix::net::UnixStream {}
impl Kind for std::os::unix::net::UnixListener {}
impl Kind for std::os::unix::net::UnixDatagram {}

/// A socket of the std type `S` that parks where `S` would block.
pub(super) struct Socket<S> {
    source: Source,
    mode: Arc<Mode>,
    std: PhantomData<fn() -> S>,
}

/// A borrowed descriptor, seen as the type `S`.
pub(super) struct View<'fd, S> {
    std: ManuallyDrop<S>,
    fd: PhantomData<BorrowedFd<'fd>>,
}

impl<S> Deref for View<'_, S> {
    type Target = S;

    fn deref(&self) -> &S {
        &self.std
    }
}

/// Looks at `fd` as at another type that owns a descriptor, for the calls that it already has.
pub(super) fn view<S: From<OwnedFd>>(fd: BorrowedFd<'_>) -> View<'_, S> {
    // SAFETY: `fd` is open as long as the view lives (its lifetime), and `ManuallyDrop` on the
    // next line keeps the view from closing what it doesn't own.
    let unowned = unsafe { OwnedFd::from_raw_fd(fd.as_raw_fd()) };
    View { std: ManuallyDrop::new(S::from(unowned)), fd: PhantomData }
}

impl<S: Kind> Socket<S> {
    /// Wraps a descriptor that nobody else has seen and that is non-blocking already.
    pub(super) fn new(fd: OwnedFd) -> Socket<S> {
        Socket { source: Source::new(fd), mode: Arc::default(), std: PhantomData }
    }

    /// Wraps a socket that was just made by std.
    pub(super) fn fresh(std: S) -> io::Result<Socket<S>> {
        let fd = std.into();
        sys::prepare(fd.as_fd())?;
        Ok(Socket::new(fd))
    }

    /// Takes over a socket with a past: its mode and timeouts go on as they are.
    ///
    /// There is no way to report an error here, and std's conversions have none. What can fail is
    /// fcntl(2) on an open descriptor, which only a system call filter does, and the options of a
    /// descriptor that is no socket. Then the descriptor stays as it is: calls on it are as
    /// correct as std's, but may block the thread.
    pub(super) fn adopt(std: S) -> Socket<S> {
        let fd: OwnedFd = std.into();
        let socket = SockRef::from(&fd);
        let mode = Mode::new(
            socket.read_timeout().unwrap_or(None),
            socket.write_timeout().unwrap_or(None),
            socket.nonblocking().unwrap_or(false),
        );
        // An error has nowhere to go, see above.
        drop(sys::prepare(fd.as_fd()));
        Socket { source: Source::new(fd), mode: Arc::new(mode), std: PhantomData }
    }

    /// Gives the descriptor away, blocking again unless the user had asked for non-blocking.
    ///
    /// An error of fcntl(2) can't be reported, as in `adopt`; the descriptor then stays
    /// non-blocking.
    pub(super) fn into_fd(self) -> OwnedFd {
        let fd = self.source.into_fd();
        if !self.mode.nonblocking() {
            // An error has nowhere to go, see above.
            drop(SockRef::from(&fd).set_nonblocking(false));
        }
        fd
    }

    /// Another descriptor for the same open file.
    pub(super) fn try_clone(&self) -> io::Result<Socket<S>> {
        let fd = self.fd().try_clone_to_owned()?;
        Ok(Socket { source: Source::new(fd), mode: Arc::clone(&self.mode), std: PhantomData })
    }

    pub(super) fn fd(&self) -> BorrowedFd<'_> {
        self.source.fd()
    }

    pub(super) fn source(&self) -> &Source {
        &self.source
    }

    pub(super) fn mode(&self) -> &Mode {
        &self.mode
    }

    /// The socket as std's type, for calls that don't wait.
    pub(super) fn std(&self) -> View<'_, S> {
        view(self.fd())
    }

    /// The socket as socket2's type, for options that std hasn't.
    pub(super) fn options(&self) -> View<'_, socket2::Socket> {
        view(self.fd())
    }

    /// Receives from a stream, by the shortest way that is right for it.
    #[inline]
    pub(super) fn read(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.read_stream(buf.len(), |fd| sys::recv(fd, buf))
    }

    pub(super) fn read_vectored(&self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        let len = sys::total(bufs.iter().map(|buf| &**buf));
        self.read_stream(len, |fd| sys::recv_vectored(fd, bufs))
    }

    #[inline]
    fn read_stream(
        &self,
        len: usize,
        op: impl FnMut(BorrowedFd<'_>) -> io::Result<usize>,
    ) -> io::Result<usize> {
        let limit = self.mode.read_limit();
        if S::SHORT_READ_MEANS_DRAINED {
            self.source.transfer(Direction::Read, limit, len, op)
        } else {
            self.source.io(Direction::Read, limit, op)
        }
    }

    /// Sends to a stream: a short count means that its buffer is full.
    #[inline]
    pub(super) fn write(&self, buf: &[u8]) -> io::Result<usize> {
        let limit = self.mode.write_limit();
        self.source.transfer(Direction::Write, limit, buf.len(), |fd| sys::send(fd, buf))
    }

    pub(super) fn write_vectored(&self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        let len = sys::total(bufs.iter().map(|buf| &**buf));
        let limit = self.mode.write_limit();
        self.source.transfer(Direction::Write, limit, len, |fd| sys::send_vectored(fd, bufs))
    }

    /// Runs a call that receives, parked until it has something.
    pub(super) fn receive<T>(
        &self,
        op: impl FnMut(BorrowedFd<'_>) -> io::Result<T>,
    ) -> io::Result<T> {
        self.source.io(Direction::Read, self.mode.read_limit(), op)
    }

    /// Runs a call that sends, parked until there is room.
    pub(super) fn send<T>(&self, op: impl FnMut(BorrowedFd<'_>) -> io::Result<T>) -> io::Result<T> {
        self.source.io(Direction::Write, self.mode.write_limit(), op)
    }

    /// Waits for the next connection.
    pub(super) fn accept<T: Kind>(&self) -> io::Result<(Socket<T>, SockAddr)> {
        let (fd, peer) = self.receive(sys::accept)?;
        Ok((Socket::new(fd), peer))
    }

    /// Ends a connect(2) that gave `started`: waits for the connection that is on its way.
    pub(super) fn finish_connect(
        &self,
        started: io::Result<()>,
        timeout: Option<Duration>,
    ) -> io::Result<()> {
        match started {
            // A connect that was interrupted goes on behind our back too (POSIX).
            Err(e) if matches!(e.raw_os_error(), Some(libc::EINPROGRESS | libc::EINTR)) => {
                self.source.wait(Direction::Write, Limit { timeout, nonblocking: false })?;
                self.options().take_error()?.map_or(Ok(()), Err)
            }
            done => done,
        }
    }

    /// shutdown(2), and then everybody who waits on an ended side looks again.
    ///
    /// The kernel reports most of these ends by itself, but not on every system nor for every
    /// kind of socket.
    pub(super) fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.options().shutdown(how)?;
        if how != Shutdown::Write {
            self.source.wake(Direction::Read);
        }
        if how != Shutdown::Read {
            self.source.wake(Direction::Write);
        }
        Ok(())
    }
}
