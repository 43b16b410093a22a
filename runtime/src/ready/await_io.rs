//! Waiting for a descriptor that the library has no type for.

use std::{
    io,
    os::fd::{AsFd, AsRawFd, BorrowedFd},
    time::Instant,
};

use lif_poller::Interest;

use super::poll;
use crate::{
    coop, current,
    sched::worker::Worker,
    task::{
        list::Node,
        wait::{Kind, Wait, Waited},
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
/// wait for one descriptor. Nothing is registered when the call returns; the descriptor must stay
/// open until then, as its borrow says.
///
/// The poller of the coroutine's worker wakes it. On a plain thread it is poll(2).
///
/// # Errors
///
/// [`TimedOut`](io::ErrorKind::TimedOut) when the deadline has passed; an error with
/// [`Cancelled`](crate::Cancelled) inside when the coroutine was cancelled; what the kernel says to
/// a descriptor that is not open, or when it is out of memory for watches.
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
    let deadline = if unwinding { Some(Instant::now()) } else { deadline };
    loop {
        match poll::wait(fd, interest, None, deadline)? {
            poll::Woken::Ready { readable, writable } => return Ok(Ready { readable, writable }),
            poll::Woken::TimedOut if unwinding => return Err(coop::unwinding()),
            poll::Woken::TimedOut => return Err(timed_out()),
            poll::Woken::Rung | poll::Woken::Interrupted => {}
        }
    }
}

fn timed_out() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "the descriptor was not ready in time")
}

fn wait_in_coroutine(
    worker: &Worker,
    fd: BorrowedFd<'_>,
    interest: Interest,
    deadline: Option<Instant>,
) -> io::Result<Ready> {
    loop {
        let slot = worker.table.borrow_mut().slot(fd.as_raw_fd());
        let wait = Wait::begin(Kind::Cancellable);
        let (read, write) = (Node::new(wait.waker()), Node::new(wait.waker()));
        let wanted = Ready::both_of(interest);
        let nodes = [wanted.readable.then_some(&read), wanted.writable.then_some(&write)];
        // SAFETY: both nodes are withdrawn below, before they go; a park does not unwind.
        let enlisted = unsafe { slot.enlist_once(nodes, fd, worker.driver()) };
        let waited = enlisted.map(|()| wait.park(deadline));
        let ready = Ready {
            readable: wanted.readable && waited.is_ok() && !read.is_linked(),
            writable: wanted.writable && waited.is_ok() && !write.is_linked(),
        };
        slot.withdraw(super::Direction::Read, &read);
        slot.withdraw(super::Direction::Write, &write);
        let last = worker.table.borrow_mut().last(fd.as_raw_fd());
        if let Some(slot) = last {
            slot.release(fd);
        }
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
