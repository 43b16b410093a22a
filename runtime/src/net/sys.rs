//! Owns the system calls that std and socket2 don't offer in the form needed here, and the
//! differences between operating systems. Every call is made once: nothing waits or retries.

use std::io::{self, IoSlice, IoSliceMut};
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};

use socket2::{Domain, SockAddr, SockRef, Socket, Type};

/// The most buffers that one vectored call takes: IOV_MAX of every system that we know, which
/// std applies too.
const MAX_BUFFERS: usize = 1024;

/// The longest queue of a listener: these systems cap -1 to their own limit, others have one here.
#[cfg(not(any(target_os = "netbsd", target_os = "dragonfly")))]
pub(super) const BACKLOG: libc::c_int = -1;
#[cfg(any(target_os = "netbsd", target_os = "dragonfly"))]
pub(super) const BACKLOG: libc::c_int = libc::SOMAXCONN;

/// The longest length that a call is given: macOS refuses more than `INT_MAX`.
const MAX_LEN: usize =
    if cfg!(target_vendor = "apple") { i32::MAX as usize } else { isize::MAX as usize };

/// No waiting, whatever mode the descriptor is in: somebody outside may share the open file and
/// set it to blocking, which must not stop a worker.
const NO_WAIT: libc::c_int = libc::MSG_DONTWAIT;

/// No SIGPIPE when the peer is gone. Apple has no such flag: `prepare` sets an option instead.
#[cfg(not(target_vendor = "apple"))]
const NO_SIGNAL: libc::c_int = libc::MSG_NOSIGNAL;
#[cfg(target_vendor = "apple")]
const NO_SIGNAL: libc::c_int = 0;

/// Makes a stream socket that is non-blocking, close-on-exec, and raises no SIGPIPE.
pub(super) fn stream_socket(domain: Domain) -> io::Result<Socket> {
    #[cfg(not(target_vendor = "apple"))]
    let socket = Socket::new(domain, Type::STREAM.nonblocking(), None)?;
    #[cfg(target_vendor = "apple")]
    let socket = Socket::new(domain, Type::STREAM, None)?;
    #[cfg(target_vendor = "apple")]
    socket.set_nonblocking(true)?;
    Ok(socket)
}

/// Puts a descriptor that came from elsewhere into the state that `stream_socket` makes.
pub(super) fn prepare(fd: BorrowedFd<'_>) -> io::Result<()> {
    let socket = SockRef::from(&fd);
    #[cfg(target_vendor = "apple")]
    socket.set_nosigpipe(true)?;
    socket.set_nonblocking(true)
}

/// Whether the system spreads connections over all listeners of a port that say so.
pub(super) const SPREADS: bool =
    cfg!(any(target_os = "linux", target_os = "android", target_os = "freebsd"));

/// Whether a listener may say so when it is bound already, so that its own bind has found out
/// whether the port was taken.
pub(super) const SPREADS_AFTER_BIND: bool = cfg!(any(target_os = "linux", target_os = "android"));

/// Lets others listen on this socket's port as well, and share its connections.
///
/// Elsewhere SO_REUSEPORT exists too, but one of the listeners gets everything.
pub(super) fn set_spread(socket: &Socket) -> io::Result<()> {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    return socket.set_reuse_port(true);
    #[cfg(target_os = "freebsd")]
    return socket.set_reuse_port_lb(true);
    #[cfg(not(any(target_os = "linux", target_os = "android", target_os = "freebsd")))]
    {
        let _nothing_to_set = socket;
        Ok(())
    }
}

/// Whether the socket lets others listen on its port.
pub(super) fn is_spread(socket: &Socket) -> bool {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    return socket.reuse_port().unwrap_or(false);
    #[cfg(target_os = "freebsd")]
    return socket.reuse_port_lb().unwrap_or(false);
    #[cfg(not(any(target_os = "linux", target_os = "android", target_os = "freebsd")))]
    {
        let _nothing_to_ask = socket;
        false
    }
}

/// accept(2), with the new descriptor non-blocking and close-on-exec from its first moment where
/// the system can do that.
pub(super) fn accept(fd: BorrowedFd<'_>) -> io::Result<(OwnedFd, SockAddr)> {
    #[cfg(not(target_vendor = "apple"))]
    let (socket, peer) = SockRef::from(&fd).accept4(libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK)?;
    #[cfg(target_vendor = "apple")]
    let (socket, peer) = SockRef::from(&fd).accept()?;
    #[cfg(target_vendor = "apple")]
    prepare(std::os::fd::AsFd::as_fd(&socket))?;
    Ok((socket.into(), peer))
}

/// recv(2) that takes what is there.
#[inline]
pub(super) fn recv(fd: BorrowedFd<'_>, buf: &mut [u8]) -> io::Result<usize> {
    recv_flags(fd, buf, NO_WAIT)
}

/// recv(2) that leaves the data in the queue.
pub(super) fn peek(fd: BorrowedFd<'_>, buf: &mut [u8]) -> io::Result<usize> {
    recv_flags(fd, buf, NO_WAIT | libc::MSG_PEEK)
}

#[inline]
fn recv_flags(fd: BorrowedFd<'_>, buf: &mut [u8], flags: libc::c_int) -> io::Result<usize> {
    let len = buf.len().min(MAX_LEN);
    // SAFETY: `buf` is writable for `len` bytes, which is at most its length.
    count(unsafe { libc::recv(fd.as_raw_fd(), buf.as_mut_ptr().cast(), len, flags) })
}

/// send(2) that raises no SIGPIPE.
#[inline]
pub(super) fn send(fd: BorrowedFd<'_>, buf: &[u8]) -> io::Result<usize> {
    let len = buf.len().min(MAX_LEN);
    // SAFETY: `buf` is readable for `len` bytes, which is at most its length.
    count(unsafe { libc::send(fd.as_raw_fd(), buf.as_ptr().cast(), len, NO_WAIT | NO_SIGNAL) })
}

/// Whether the reading side of a datagram socket was shut down, as far as recv(2) can't tell.
///
/// A blocking recv(2) on such a socket gives 0. On Linux a non-blocking one gives EAGAIN as if
/// something could still come, and only poll(2) tells the truth.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(super) fn reading_has_ended(fd: BorrowedFd<'_>) -> bool {
    let mut pollfd = libc::pollfd { fd: fd.as_raw_fd(), events: libc::POLLRDHUP, revents: 0 };
    // SAFETY: `pollfd` is one entry, writable, as the count says.
    let ready = unsafe { libc::poll(&raw mut pollfd, 1, 0) };
    ready == 1 && pollfd.revents & libc::POLLRDHUP != 0
}
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(super) fn reading_has_ended(_fd: BorrowedFd<'_>) -> bool {
    false
}

/// recvmsg(2) into the first buffers, as many as one call takes.
pub(super) fn recv_vectored(fd: BorrowedFd<'_>, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
    // SAFETY: all zeros is a message without address, buffers and control data.
    let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
    // `IoSliceMut` has the layout of `iovec` on Unix (its documentation).
    message.msg_iov = bufs.as_mut_ptr().cast();
    message.msg_iovlen = bufs.len().min(MAX_BUFFERS) as _;
    // SAFETY: `message` is writable, and lists only buffers that `bufs` borrows mutably.
    count(unsafe { libc::recvmsg(fd.as_raw_fd(), &raw mut message, NO_WAIT) })
}

/// sendmsg(2) of the first buffers, as many as one call takes, that raises no SIGPIPE.
pub(super) fn send_vectored(fd: BorrowedFd<'_>, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
    let bufs = &bufs[..bufs.len().min(MAX_BUFFERS)];
    SockRef::from(&fd).send_vectored_with_flags(bufs, NO_WAIT | NO_SIGNAL)
}

/// How many bytes one vectored call can move.
pub(super) fn total<'a>(bufs: impl Iterator<Item = &'a [u8]>) -> usize {
    bufs.take(MAX_BUFFERS).fold(0, |sum, buf| sum.saturating_add(buf.len()))
}

#[inline]
fn count(result: libc::ssize_t) -> io::Result<usize> {
    usize::try_from(result).map_err(|_| io::Error::last_os_error())
}
