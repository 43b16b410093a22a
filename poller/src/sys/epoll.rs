//! The Linux backend: an epoll and an eventfd that wakes it.
//!
//! Owns both descriptors, and the knowledge whether this kernel has `epoll_pwait2`. It must not
//! interpret errors beyond that.

use std::os::fd::{AsRawFd, BorrowedFd};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use nix::Result;
use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::sys::eventfd::{EfdFlags, EventFd};

use crate::event::{Event, Interest, Mode, Token};
use crate::timeout;

pub(crate) type RawEvent = EpollEvent;

const IN: u32 = libc::EPOLLIN as u32;
const OUT: u32 = libc::EPOLLOUT as u32;
const RDHUP: u32 = libc::EPOLLRDHUP as u32;
const HUP: u32 = libc::EPOLLHUP as u32;
const ERR: u32 = libc::EPOLLERR as u32;
const PRI: u32 = libc::EPOLLPRI as u32;

pub(crate) const READABLE: u32 = IN | RDHUP | HUP | ERR;
pub(crate) const WRITABLE: u32 = OUT | HUP | ERR;
pub(crate) const READ_CLOSED: u32 = RDHUP | HUP;
pub(crate) const WRITE_CLOSED: u32 = HUP;
pub(crate) const ERROR: u32 = ERR;
pub(crate) const HANGUP: u32 = HUP;
pub(crate) const URGENT: u32 = PRI;

pub(crate) fn empty_event() -> RawEvent {
    EpollEvent::empty()
}

#[inline]
pub(crate) fn decode(raw: &RawEvent) -> Event {
    Event::new(raw.data(), raw.events().bits() as u32)
}

#[derive(Debug)]
pub(crate) struct Backend {
    epoll: Epoll,
    /// Registered edge-triggered: each write is an edge of its own, so it need not be read.
    bell: EventFd,
    /// Whether `epoll_pwait2` is worth a try; shared by the process.
    precise: &'static AtomicBool,
}

impl Backend {
    pub(crate) fn new() -> Result<Backend> {
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        let bell = EventFd::from_flags(EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK)?;
        let edge = EpollFlags::EPOLLIN | EpollFlags::EPOLLET;
        epoll.add(&bell, EpollEvent::new(edge, Token::WAKE.to_u64()))?;
        Ok(Backend { epoll, bell, precise: precise_timeouts() })
    }

    pub(crate) fn add(
        &self,
        fd: BorrowedFd<'_>,
        token: Token,
        interest: Interest,
        mode: Mode,
    ) -> Result<()> {
        match self.epoll.delete(fd) {
            Ok(()) | Err(Errno::ENOENT) => {}
            Err(errno) => return Err(errno),
        }
        self.epoll.add(fd, EpollEvent::new(flags(interest, mode), token.to_u64()))
    }

    pub(crate) fn delete(&self, fd: BorrowedFd<'_>) -> Result<()> {
        self.epoll.delete(fd)
    }

    pub(crate) fn wait(&self, raw: &mut [RawEvent], timeout: Option<Duration>) -> Result<usize> {
        // ORDER: Relaxed, a hint that stands alone: a thread that sees the old value asks the
        // kernel itself and gets the same answer.
        if let Some(t) = timeout
            && !t.is_zero()
            && self.precise.load(Ordering::Relaxed)
        {
            match self.wait_precise(raw, t) {
                // Old kernels lack the call; some sandboxes answer EPERM to calls they don't know.
                Err(Errno::ENOSYS | Errno::EPERM) => {
                    // ORDER: Relaxed, as above.
                    self.precise.store(false, Ordering::Relaxed);
                }
                answer => return answer,
            }
        }
        let millis = timeout::millis(timeout);
        self.epoll.wait(raw, EpollTimeout::try_from(millis).unwrap_or(EpollTimeout::MAX))
    }

    pub(crate) fn wake(&self) -> Result<()> {
        loop {
            match self.bell.write(1) {
                Ok(_) => return Ok(()),
                // The counter is full, 2^64 - 2 wakes on. Reading sets it to zero, and may hide a
                // wake that the waiter hasn't noticed yet; the write that follows brings it back.
                Err(Errno::EAGAIN) => match self.bell.read() {
                    Ok(_) | Err(Errno::EAGAIN | Errno::EINTR) => {}
                    Err(errno) => return Err(errno),
                },
                Err(Errno::EINTR) => {}
                Err(errno) => return Err(errno),
            }
        }
    }

    /// `epoll_pwait2(2)`, which takes nanoseconds; through the raw call, as C libraries lack it.
    fn wait_precise(&self, raw: &mut [RawEvent], timeout: Duration) -> Result<usize> {
        /// The kernel's own `timespec`: 64 bits on every architecture.
        #[repr(C)]
        struct Timespec {
            seconds: i64,
            nanos: i64,
        }
        let (seconds, nanos) = timeout::seconds_and_nanos(timeout);
        let timespec = Timespec { seconds: seconds.into(), nanos: nanos.into() };
        let room = i32::try_from(raw.len()).unwrap_or(i32::MAX);
        // SAFETY: the epoll is open as long as `self`. `raw` has at least `room` entries, borrowed
        // exclusively, and `EpollEvent` is a transparent wrapper of the kernel's struct, of which
        // any bytes are valid. The timespec outlives the call. A null mask changes no signal mask.
        let answer = unsafe {
            libc::syscall(
                libc::SYS_epoll_pwait2,
                self.epoll.0.as_raw_fd(),
                raw.as_mut_ptr().cast::<libc::epoll_event>(),
                room,
                &raw const timespec,
                std::ptr::null::<libc::sigset_t>(),
                0_usize,
            )
        };
        Errno::result(answer).map(|count| count as usize)
    }
}

/// The flags of a registration.
///
/// A one-shot for writing alone leaves `EPOLLRDHUP` out: the half-closed stream of a peer that
/// still reads would fire it at every arming, and never for space.
fn flags(interest: Interest, mode: Mode) -> EpollFlags {
    let mut flags = match mode {
        Mode::Edge => EpollFlags::EPOLLET | EpollFlags::EPOLLRDHUP,
        Mode::OneShot => EpollFlags::EPOLLONESHOT,
    };
    if interest.contains(Interest::READ) {
        flags |= EpollFlags::EPOLLIN | EpollFlags::EPOLLRDHUP;
        if mode == Mode::Edge {
            flags |= EpollFlags::EPOLLPRI;
        }
    }
    if interest.contains(Interest::WRITE) {
        flags |= EpollFlags::EPOLLOUT;
    }
    flags
}

/// The process-wide answer to "does this kernel have `epoll_pwait2`": yes, until it says no.
fn precise_timeouts() -> &'static AtomicBool {
    static PRECISE: OnceLock<AtomicBool> = OnceLock::new();
    PRECISE.get_or_init(|| {
        let refused = std::env::var_os("LIF_NO_EPOLL_PWAIT2").is_some_and(|value| value == "1");
        AtomicBool::new(!refused)
    })
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    fn wait(backend: &Backend, timeout: Option<Duration>) -> usize {
        backend.wait(&mut [empty_event(); 4], timeout).unwrap()
    }

    #[test]
    fn full_eventfd_still_wakes() {
        let backend = Backend::new().unwrap();
        backend.bell.write(u64::MAX - 1).unwrap();
        assert_eq!(backend.bell.write(1), Err(Errno::EAGAIN), "the counter is full");
        assert_eq!(wait(&backend, Some(Duration::ZERO)), 1);
        for _ in 0..3 {
            backend.wake().unwrap();
            assert_eq!(wait(&backend, None), 1);
            assert_eq!(wait(&backend, Some(Duration::ZERO)), 0, "one wake, one return");
        }
        assert_eq!(backend.bell.read(), Ok(3), "it was read down once, then counted the wakes");
    }

    #[test]
    fn without_epoll_pwait2_no_wait_ends_early() {
        static REFUSED: AtomicBool = AtomicBool::new(false);
        let backend = Backend { precise: &REFUSED, ..Backend::new().unwrap() };
        for micros in [1, 300, 999, 1_000, 1_001, 2_500] {
            let asked = Duration::from_micros(micros);
            let start = Instant::now();
            assert_eq!(wait(&backend, Some(asked)), 0);
            assert!(start.elapsed() >= asked, "{micros} µs");
        }
    }

    fn reported(flags: EpollFlags) -> Event {
        decode(&EpollEvent::new(flags, Token::new(5, 9).to_u64()))
    }

    #[test]
    fn each_interest_tells_of_its_side() {
        let read = reported(EpollFlags::EPOLLIN);
        assert!(read.is_readable() && !read.is_writable() && !read.is_read_closed());
        let write = reported(EpollFlags::EPOLLOUT);
        assert!(write.is_writable() && !write.is_readable() && !write.is_write_closed());
        assert_eq!(read.token(), Token::new(5, 9));
    }

    #[test]
    fn end_of_reading_leaves_writing_alone() {
        let event = reported(EpollFlags::EPOLLRDHUP);
        assert!(event.is_readable() && event.is_read_closed());
        assert!(!event.is_writable() && !event.is_error() && !event.is_hup());
    }

    #[test]
    fn errors_and_hang_ups_are_readable_and_writable() {
        let failed = reported(EpollFlags::EPOLLERR);
        assert!(failed.is_readable() && failed.is_writable());
        assert!(failed.is_error() && !failed.is_hup() && !failed.is_read_closed());
        let gone = reported(EpollFlags::EPOLLHUP);
        assert!(gone.is_readable() && gone.is_writable() && gone.is_hup());
        assert!(gone.is_read_closed() && gone.is_write_closed() && !gone.is_error());
    }

    #[test]
    fn one_shot_for_writing_ignores_the_end_of_reading() {
        assert!(!flags(Interest::WRITE, Mode::OneShot).contains(EpollFlags::EPOLLRDHUP));
        assert!(flags(Interest::READ, Mode::OneShot).contains(EpollFlags::EPOLLRDHUP));
        assert!(flags(Interest::WRITE, Mode::Edge).contains(EpollFlags::EPOLLRDHUP));
    }
}
