//! Waiting for a descriptor that the library has no type for.

use std::{
    io,
    os::fd::{AsFd, BorrowedFd},
    time::Instant,
};

use lif_poller::Interest;

use super::{Direction, Source, poll};
use crate::{
    coop, current,
    sched::worker::Worker,
    task::{
        list::Node,
        wait::{Kind, Until, Wait, Waited},
    },
};

/// What [`await_io`] has found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ready {
    readable: bool,
    writable: bool,
}

impl Ready {
    /// A read may succeed, or would report an error or the end at once.
    #[must_use]
    pub fn is_readable(self) -> bool {
        self.readable
    }

    /// A write may succeed, or would report an error at once.
    #[must_use]
    pub fn is_writable(self) -> bool {
        self.writable
    }

    fn both_of(interest: Interest) -> Ready {
        Ready {
            readable: interest.contains(Interest::READ),
            writable: interest.contains(Interest::WRITE),
        }
    }
}

/// Parks the caller until `fd` is ready for one of the sides in `interest`, or `deadline` passes.
///
/// For descriptors that the library has no type for: pipes, terminals, timers, sockets of other
/// libraries. The descriptor should be non-blocking, since readiness is only a hint. As with
/// poll(2), one that cannot be waited for (a regular file) is ready. Any number of coroutines may
/// wait for one descriptor, and it may be one of the library's own sockets. The wait happens on a
/// duplicate of it, so it takes one descriptor more for as long as it lasts; nothing is left
/// registered.
///
/// The poller of the coroutine's worker wakes it. On a plain thread it is poll(2).
///
/// # Errors
///
/// [`TimedOut`](io::ErrorKind::TimedOut) when the deadline has passed; an error with
/// [`Cancelled`](crate::Cancelled) inside when the coroutine was cancelled; what the kernel says
/// when it is out of descriptors for the duplicate, or of memory for watches.
///
/// # Panics
///
/// If `interest` is empty.
///
/// ```
/// use std::io::{Read, Write};
/// lif::run(|| {
///     let (mut reader, mut writer) = std::io::pipe()?;
///     lif::go(move || {
///         lif::sleep(std::time::Duration::from_millis(1));
///         writer.write_all(b"x")
///     });
///     assert!(lif::await_io(&reader, lif::Interest::READ, None)?.is_readable());
///     reader.read_exact(&mut [0])
/// }).unwrap();
/// ```
pub fn await_io(fd: impl AsFd, interest: Interest, deadline: Option<Instant>) -> io::Result<Ready> {
    assert!(!interest.is_empty(), "await_io: the interest is empty: READ, WRITE or both");
    coop::operation()?;
    let fd = fd.as_fd();
    if current::switchable().is_some() {
        return current::with_worker(|worker| {
            wait_in_coroutine(worker.expect("a coroutine has a worker"), fd, interest, deadline)
        });
    }
    let unwinding = current::task().is_some();
    let until = Until::of(Kind::Cancellable, deadline);
    let deadline = if unwinding { Some(Instant::now()) } else { until.first };
    loop {
        match poll::wait(fd, interest, None, deadline)? {
            poll::Woken::Ready { readable, writable } => return Ok(Ready { readable, writable }),
            poll::Woken::TimedOut if unwinding => return Err(coop::unwinding()),
            poll::Woken::TimedOut => match until.judge(Waited::TimedOut) {
                Waited::Cancelled => return Err(coop::cancelled()),
                _ => return Err(timed_out()),
            },
            poll::Woken::Rung | poll::Woken::Interrupted => {}
        }
    }
}

fn timed_out() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "the descriptor was not ready in time")
}

/// Waits on a duplicate, which is registered for this wait alone. The number itself may be
/// registered already: by a socket type of ours, by another wait, by whoever had the number before;
/// and a poller knows a descriptor by its number and its open file together.
fn wait_in_coroutine(
    worker: &Worker,
    fd: BorrowedFd<'_>,
    interest: Interest,
    deadline: Option<Instant>,
) -> io::Result<Ready> {
    let source = Source::new(fd.try_clone_to_owned()?);
    let slot = source.slot_or_new();
    let wanted = Ready::both_of(interest);
    let sides = [(Direction::Read, wanted.readable), (Direction::Write, wanted.writable)];
    loop {
        let wait = Wait::begin(Kind::Cancellable);
        let nodes = sides.map(|_| Node::new(wait.waker(), ()));
        let mut enlisted = Ok(true);
        for ((direction, wanted), node) in sides.into_iter().zip(&nodes) {
            if wanted && matches!(enlisted, Ok(true)) {
                // SAFETY: all nodes are withdrawn below, before they go; a park does not unwind.
                enlisted = unsafe { slot.enlist(direction, node, source.fd(), worker.driver()) };
            }
        }
        let waited = match enlisted {
            Ok(true) => Ok(wait.park(deadline)),
            // An event has come between the two.
            Ok(false) => Ok(Waited::Woken),
            Err(error) => Err(error),
        };
        for ((direction, _), node) in sides.into_iter().zip(&nodes) {
            slot.withdraw(direction, node);
        }
        let now = slot.readiness.snapshot();
        let ready = Ready {
            readable: wanted.readable && now.has(Direction::Read),
            writable: wanted.writable && now.has(Direction::Write),
        };
        match waited {
            // A descriptor that cannot be polled is always ready; and some systems refuse to watch
            // a pipe whose other end is gone, which any call would say at once.
            Err(error) if matches!(error.raw_os_error(), Some(libc::EPERM | libc::EPIPE)) => {
                return Ok(wanted);
            }
            Err(error) => return Err(error),
            Ok(_) if ready.readable || ready.writable => return Ok(ready),
            Ok(Waited::TimedOut) => return Err(timed_out()),
            Ok(Waited::Cancelled) => return Err(coop::cancelled()),
            Ok(Waited::Woken) => {}
        }
    }
}
