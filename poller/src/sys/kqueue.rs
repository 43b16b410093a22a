//! The macOS and BSD backend: a kqueue, and what wakes it.
//!
//! Owns the queue's descriptor and the translation of one registration into two filters. It must
//! not interpret errors beyond telling which change failed. The calls come from `kq`: nix's, or
//! their emulation on Linux.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::time::Duration;

use nix::Result;
use nix::errno::Errno;

use super::kq::{EvFlags, EventFilter, FilterFlag, KEvent, Kqueue};
use super::kq_wake::Bell;
use crate::event::{Event, Interest, Mode, Token};
use crate::timeout;

pub(crate) type RawEvent = KEvent;

// A token travels in the kernel's `udata`, which is as wide as a pointer.
const _: () = assert!(size_of::<isize>() == size_of::<u64>(), "kqueue needs a 64-bit target");

/// The read filter fired.
const READ: u32 = 1;
/// The write filter fired.
const WRITE: u32 = 1 << 1;
/// The read filter fired with `EV_EOF`: the peer sends no more.
const READ_EOF: u32 = 1 << 2;
/// The write filter fired with `EV_EOF`: nobody takes any more.
const WRITE_EOF: u32 = 1 << 3;
/// A filter fired with `EV_EOF` and the errno of a socket.
const FAILED: u32 = 1 << 4;

pub(crate) const READABLE: u32 = READ | READ_EOF | WRITE_EOF | FAILED;
pub(crate) const WRITABLE: u32 = WRITE | WRITE_EOF | FAILED;
pub(crate) const READ_CLOSED: u32 = READ_EOF;
pub(crate) const WRITE_CLOSED: u32 = WRITE_EOF;
pub(crate) const ERROR: u32 = FAILED;
pub(crate) const HANGUP: u32 = WRITE_EOF;
/// No filter of every kqueue tells of it.
pub(crate) const URGENT: u32 = 0;

pub(crate) fn empty_event() -> RawEvent {
    let none = FilterFlag::empty();
    KEvent::new(0, EventFilter::EVFILT_READ, EvFlags::empty(), none, 0, 0)
}

#[inline]
pub(crate) fn decode(raw: &RawEvent) -> Event {
    let (fired, closed) = match raw.filter() {
        Ok(EventFilter::EVFILT_WRITE) => (WRITE, WRITE_EOF),
        _ => (READ, READ_EOF),
    };
    let mut bits = fired;
    if raw.flags().contains(EvFlags::EV_EOF) {
        bits |= closed;
        // At the end of a socket the filter's own flags hold its pending errno.
        if !raw.fflags().is_empty() {
            bits |= FAILED;
        }
    }
    Event::new(raw.udata() as u64, bits)
}

#[derive(Debug)]
pub(crate) struct Backend {
    queue: Kqueue,
    bell: Bell,
}

impl Backend {
    pub(crate) fn new() -> Result<Backend> {
        let queue = Kqueue::new()?;
        // SAFETY: F_SETFD with an int takes no pointer, and the descriptor is open: it is borrowed.
        let set =
            unsafe { libc::fcntl(queue.as_fd().as_raw_fd(), libc::F_SETFD, libc::FD_CLOEXEC) };
        Errno::result(set)?;
        let bell = Bell::new(&queue)?;
        Ok(Backend { queue, bell })
    }

    pub(crate) fn add(
        &self,
        fd: BorrowedFd<'_>,
        token: Token,
        interest: Interest,
        mode: Mode,
    ) -> Result<()> {
        let when = match mode {
            Mode::Edge => EvFlags::EV_CLEAR,
            Mode::OneShot => EvFlags::EV_ONESHOT,
        };
        let delete = change(fd, EventFilter::EVFILT_READ, EvFlags::EV_DELETE, token);
        let mut changes = [delete; 4];
        changes[1] = change(fd, EventFilter::EVFILT_WRITE, EvFlags::EV_DELETE, token);
        let mut count = 2;
        for (wanted, filter) in [
            (Interest::READ, EventFilter::EVFILT_READ),
            (Interest::WRITE, EventFilter::EVFILT_WRITE),
        ] {
            if interest.contains(wanted) {
                changes[count] = change(fd, filter, EvFlags::EV_ADD | when, token);
                count += 1;
            }
        }
        let outcome = self.apply(&changes[..count]);
        if outcome.is_err() {
            // One filter may have been added before the other failed; the caller is told that
            // nothing is registered. What fails here is gone already.
            self.delete(fd).ok();
        }
        outcome
    }

    pub(crate) fn delete(&self, fd: BorrowedFd<'_>) -> Result<()> {
        // The token of a deletion is of no interest to the kernel.
        let token = Token::new(0, 0);
        self.apply(&[
            change(fd, EventFilter::EVFILT_READ, EvFlags::EV_DELETE, token),
            change(fd, EventFilter::EVFILT_WRITE, EvFlags::EV_DELETE, token),
        ])
    }

    pub(crate) fn wait(&self, raw: &mut [RawEvent], timeout: Option<Duration>) -> Result<usize> {
        let timespec = timeout.map(|t| {
            let (seconds, nanos) = timeout::seconds_and_nanos(t);
            timespec(seconds, nanos)
        });
        self.queue.kevent(&[], raw, timespec)
    }

    pub(crate) fn wake(&self) -> Result<()> {
        self.bell.ring(&self.queue)
    }

    /// Makes up to four changes of one descriptor, all of them, and returns the first failure.
    ///
    /// `EV_RECEIPT` makes the kernel answer each change in order, and not go on to report events.
    /// Deleting what isn't there is no failure.
    fn apply(&self, changes: &[KEvent]) -> Result<()> {
        let mut receipts = [empty_event(); 4];
        let receipts = &mut receipts[..changes.len()];
        let count = loop {
            match self.queue.kevent(changes, receipts, Some(timespec(0, 0))) {
                // Whatever was done before the signal may be done again: deletions come first.
                Err(Errno::EINTR) => {}
                answer => break answer?,
            }
        };
        for (change, receipt) in changes.iter().zip(&receipts[..count]) {
            let errno = Errno::from_raw(receipt.data() as i32);
            let gone = change.flags().contains(EvFlags::EV_DELETE) && errno == Errno::ENOENT;
            if receipt.flags().contains(EvFlags::EV_ERROR) && receipt.data() != 0 && !gone {
                return Err(errno);
            }
        }
        Ok(())
    }
}

/// One change of one filter of a descriptor, with a receipt.
fn change(fd: BorrowedFd<'_>, filter: EventFilter, what: EvFlags, token: Token) -> KEvent {
    // A borrowed descriptor is never negative.
    let ident = fd.as_raw_fd() as usize;
    let flags = what | EvFlags::EV_RECEIPT;
    KEvent::new(ident, filter, flags, FilterFlag::empty(), 0, token.to_u64() as isize)
}

fn timespec(seconds: i32, nanos: i32) -> libc::timespec {
    libc::timespec { tv_sec: seconds.into(), tv_nsec: nanos.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fired(filter: EventFilter, flags: EvFlags, errno: FilterFlag) -> Event {
        decode(&KEvent::new(3, filter, flags, errno, 0, Token::new(5, 9).to_u64() as isize))
    }

    #[test]
    fn token_comes_back_from_udata() {
        let event = fired(EventFilter::EVFILT_READ, EvFlags::EV_CLEAR, FilterFlag::empty());
        assert_eq!(event.token(), Token::new(5, 9));
    }

    #[test]
    fn each_filter_tells_of_its_side() {
        let read = fired(EventFilter::EVFILT_READ, EvFlags::EV_CLEAR, FilterFlag::empty());
        assert!(read.is_readable() && !read.is_writable() && !read.is_read_closed());
        let write = fired(EventFilter::EVFILT_WRITE, EvFlags::EV_CLEAR, FilterFlag::empty());
        assert!(write.is_writable() && !write.is_readable() && !write.is_write_closed());
    }

    #[test]
    fn end_of_reading_leaves_writing_alone() {
        let event = fired(EventFilter::EVFILT_READ, EvFlags::EV_EOF, FilterFlag::empty());
        assert!(event.is_readable() && event.is_read_closed());
        assert!(!event.is_writable() && !event.is_error() && !event.is_hup());
    }

    #[test]
    fn end_of_writing_and_errors_are_readable_and_writable() {
        let closed = fired(EventFilter::EVFILT_WRITE, EvFlags::EV_EOF, FilterFlag::empty());
        assert!(closed.is_readable() && closed.is_writable());
        assert!(closed.is_write_closed() && closed.is_hup() && !closed.is_error());
        let failed = fired(EventFilter::EVFILT_READ, EvFlags::EV_EOF, FilterFlag::NOTE_WRITE);
        assert!(failed.is_readable() && failed.is_writable() && failed.is_error());
    }
}
