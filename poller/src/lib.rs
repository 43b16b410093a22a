//! Kernel readiness for Lif: one contract over epoll and kqueue.
//!
//! This crate owns the kernel's readiness queue: registering descriptors in it, waiting on it
//! with a timeout, and waking a thread that waits. It never reads, writes, closes or duplicates
//! a descriptor of its caller, keeps no table of them, and knows nothing of coroutines.
//!
//! # The contract
//!
//! Both backends keep it, and one test suite runs against whichever is built.
//!
//! **Registering.** [`Poller::add`] deletes what the queue knows of the descriptor and then adds
//! it anew. So a number that was closed and given out again never inherits an old registration,
//! and each `add` reports once more whatever is ready at that moment: moving a descriptor, or
//! changing its interest, loses nothing. It is not one atomic step: two threads that add or
//! delete the same descriptor in the same poller at once must be kept apart by the caller.
//!
//! **Deleting before closing.** Delete a descriptor before you close it. Closing alone ends a
//! registration only when no duplicate of the descriptor is left (in a child process, too), and
//! afterwards the kernel can't be told any more: epoll finds a registration by number *and* file.
//! A token therefore has a generation: whoever reuses a slot raises it, and drops an event that
//! carries an older one. Events already fetched into [`Events`] aren't recalled by a delete.
//!
//! **Edge mode.** An event says that something changed since the last one: data arrived, space
//! came free, the peer closed. After it, call until `WouldBlock`; without new data there is no
//! second event. Three consequences:
//! - an edge may come although nothing is left to do (spurious), never the other way round;
//! - once [`Event::is_read_closed`] was seen, treat the descriptor as readable for ever: the end
//!   of the stream was the last edge, so a short read no longer means that more will announce
//!   itself;
//! - a registration with both interests may report one while telling of the other again.
//!
//! **One-shot mode.** After an event the caller calls `add` again for everything that it still
//! wants. It must not count on the rest being disarmed: epoll disarms the whole descriptor, kqueue
//! only the filter that fired, so one event for the other interest may still follow. It is legal
//! and carries the token of its registration.
//!
//! **Errors and hang-ups** report the descriptor readable *and* writable: whoever waits learns
//! the error from its own call. kqueue has no bits for them, only an end-of-file mark on each of
//! its two filters, so a registration for one interest shows what that filter can tell.
//!
//! **One descriptor, several events.** kqueue reports reading and writing apart: the same token
//! may appear twice in one wait. Nothing is promised about the order of events.
//!
//! **Waking.** [`Poller::wake`] makes one wait return: the current one, or the next if there is
//! none. Wakes before that wait merge into one. What a thread wrote before `wake` is visible to
//! the thread that the wake makes return only through the caller's own synchronisation (a mutex,
//! an atomic): the kernel's queue isn't part of the language's memory model.
//!
//! **Time.** A wait with a timeout never ends before it because of rounding. It may end early
//! for a signal, a wake, or beyond some weeks because the kernel can't count further, always with
//! no events: callers look at their own clock.
//!
//! | | epoll | kqueue |
//! |---|---|---|
//! | edge | `EPOLLET`, `EPOLLRDHUP` | `EV_CLEAR` on each filter |
//! | one-shot | `EPOLLONESHOT` | `EV_ONESHOT` on each filter |
//! | wake | eventfd, edge-triggered, so never read | `EVFILT_USER`; NetBSD, OpenBSD: a socket pair |
//! | timeout | `epoll_pwait2`, else milliseconds rounded up | nanoseconds |
//!
//! `LIF_NO_EPOLL_PWAIT2=1` in the environment refuses `epoll_pwait2`, as an old kernel does: it is
//! for tests of the fallback.

mod event;
mod sys;
mod timeout;

use std::io;
use std::os::fd::BorrowedFd;
use std::time::Duration;

use nix::errno::Errno;

pub use event::{Event, Events, Interest, Iter, Mode, Token};

/// A kernel queue of readiness events, and the bell that wakes who waits on it.
///
/// All methods take `&self` and may be called from any thread at any time. Usually one thread
/// waits; if several do, an event, or a wake, makes at least one of them return. Dropping the
/// poller ends every registration; the descriptors stay open.
///
/// # Examples
///
/// ```
/// use lif_poller::{Events, Interest, Mode, Poller, Token};
/// use std::io::{Read, Write};
/// use std::os::{fd::AsFd, unix::net::UnixStream};
///
/// # fn main() -> std::io::Result<()> {
/// let (mut near, mut far) = UnixStream::pair()?;
/// near.set_nonblocking(true)?;
///
/// let poller = Poller::new()?;
/// let token = Token::new(7, 1);
/// poller.add(near.as_fd(), token, Interest::READ, Mode::Edge)?;
///
/// far.write_all(b"hello")?;
/// let mut events = Events::with_capacity(64);
/// poller.wait(&mut events, None)?;
/// for event in &events {
///     assert_eq!(event.token(), token);
///     assert!(event.is_readable());
/// }
/// let mut message = [0; 5];
/// near.read_exact(&mut message)?;
///
/// poller.delete(near.as_fd())?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Poller {
    backend: sys::Backend,
}

impl Poller {
    /// Opens a queue and its bell; both close on exec.
    ///
    /// # Errors
    ///
    /// `EMFILE`, `ENFILE`: no descriptor is left in the process or the system. `ENOMEM`.
    pub fn new() -> io::Result<Poller> {
        Ok(Poller { backend: sys::Backend::new()? })
    }

    /// Registers a descriptor, in place of whatever this poller knew of it: DELETE, then ADD.
    ///
    /// What is ready already is reported by the next wait. Use it to register, to change the
    /// interest or the token, and to arm a one-shot again. An empty interest only deletes.
    /// After a failure the descriptor isn't registered.
    ///
    /// # Errors
    ///
    /// The system's own, errno untouched:
    /// - `EPERM`: epoll can't poll this kind of descriptor (a regular file, a directory). As with
    ///   `poll(2)`, such a descriptor counts as always ready.
    /// - `EPIPE`, on some BSDs: the other end of the pipe is gone; the call itself tells at once.
    /// - `ENOSPC`: the limit in `/proc/sys/fs/epoll/max_user_watches` is reached.
    /// - `ENOMEM`, `EBADF`; `EEXIST` when another thread added the same descriptor meanwhile.
    ///
    /// # Panics
    ///
    /// If the token's slot is [`Token::RESERVED_SLOT`]: that value means a wake-up.
    pub fn add(
        &self,
        fd: BorrowedFd<'_>,
        token: Token,
        interest: Interest,
        mode: Mode,
    ) -> io::Result<()> {
        assert!(
            token.slot != Token::RESERVED_SLOT,
            "token slot {} is reserved for wake-ups",
            token.slot
        );
        if interest.is_empty() {
            return self.delete(fd);
        }
        Ok(self.backend.add(fd, token, interest, mode)?)
    }

    /// Ends the registration of a descriptor; call it before closing the descriptor.
    ///
    /// A registration that is gone already (`ENOENT`, `EBADF`), or can't ever have been there
    /// (`EPERM`), is a success. An event that a wait has fetched before still names the token.
    ///
    /// # Errors
    ///
    /// Whatever else the system says; none is known.
    pub fn delete(&self, fd: BorrowedFd<'_>) -> io::Result<()> {
        match self.backend.delete(fd) {
            Ok(()) | Err(Errno::ENOENT | Errno::EBADF | Errno::EPERM) => Ok(()),
            Err(errno) => Err(errno.into()),
        }
    }

    /// Blocks the thread until an event, a wake, a signal or the timeout; then fills `events`.
    ///
    /// `None` waits for ever, a zero doesn't block. What `events` held before is cleared, also
    /// when the wait fails. More events than it has room for come with the next waits. It
    /// returns `Ok` with no events after a timeout, a wake and a signal (`EINTR`) alike: the
    /// caller looks at its clock and its own state, and waits again. It allocates nothing.
    ///
    /// # Errors
    ///
    /// Whatever the system says other than `EINTR`; none is known for a poller that is alive.
    pub fn wait(&self, events: &mut Events, timeout: Option<Duration>) -> io::Result<()> {
        match events.fill(|raw| self.backend.wait(raw, timeout)) {
            Ok(()) | Err(Errno::EINTR) => Ok(()),
            Err(errno) => Err(errno.into()),
        }
    }

    /// Makes the current wait return, or the next one if no thread waits now.
    ///
    /// Any thread may call it; it never blocks. It costs one system call, so callers that know
    /// that nobody waits save it.
    ///
    /// # Errors
    ///
    /// Whatever the system says; none is known for a poller that is alive.
    pub fn wake(&self) -> io::Result<()> {
        Ok(self.backend.wake()?)
    }
}
