//! poll(2) for plain threads: one descriptor, the thread's own wire, a deadline.

use std::{
    io,
    os::fd::{AsRawFd, BorrowedFd},
    time::{Duration, Instant},
};

pub(crate) use lif_poller::Interest;

/// Why poll(2) has returned.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Woken {
    /// The descriptor is ready, or has an error.
    Ready { readable: bool, writable: bool },
    /// Somebody has written to the wire.
    Rung,
    /// The deadline has passed.
    TimedOut,
    /// A signal.
    Interrupted,
}

/// Whether the descriptor is ready now.
pub(crate) fn is_ready(fd: BorrowedFd<'_>, interest: Interest) -> io::Result<bool> {
    let woken = wait(fd, interest, None, Some(Instant::now()))?;
    Ok(matches!(woken, Woken::Ready { .. }))
}

/// Waits once.
pub(crate) fn wait(
    fd: BorrowedFd<'_>,
    interest: Interest,
    wire: Option<BorrowedFd<'_>>,
    deadline: Option<Instant>,
) -> io::Result<Woken> {
    let mut events = 0;
    if interest.contains(Interest::READ) {
        events |= libc::POLLIN;
    }
    if interest.contains(Interest::WRITE) {
        events |= libc::POLLOUT;
    }
    // A negative number is passed over.
    let wire = wire.map_or(-1, |wire| wire.as_raw_fd());
    let watched = |fd, events| libc::pollfd { fd, events, revents: 0 };
    let mut fds = [watched(fd.as_raw_fd(), events), watched(wire, libc::POLLIN)];
    let timeout =
        deadline.map_or(-1, |deadline| millis(deadline.saturating_duration_since(Instant::now())));
    // SAFETY: the array holds two descriptors that are open for the length of the call.
    let count = unsafe { libc::poll(fds.as_mut_ptr(), 2, timeout) };
    if count < 0 {
        let error = io::Error::last_os_error();
        let interrupted = error.kind() == io::ErrorKind::Interrupted;
        return if interrupted { Ok(Woken::Interrupted) } else { Err(error) };
    }
    let failed = libc::POLLERR | libc::POLLHUP | libc::POLLNVAL;
    let [of_fd, of_wire] = fds.map(|fd| fd.revents);
    if of_fd != 0 {
        let ready = |bit| of_fd & (bit | failed) != 0;
        return Ok(Woken::Ready { readable: ready(libc::POLLIN), writable: ready(libc::POLLOUT) });
    }
    if of_wire != 0 {
        return Ok(Woken::Rung);
    }
    match deadline {
        Some(deadline) if Instant::now() >= deadline => Ok(Woken::TimedOut),
        // A timeout longer than poll(2) can count.
        _ => Ok(Woken::Interrupted),
    }
}

/// In milliseconds, rounded up, so that a deadline has passed when poll(2) returns.
fn millis(duration: Duration) -> i32 {
    let millis = duration.as_nanos().div_ceil(1_000_000);
    i32::try_from(millis).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeouts_are_rounded_up_and_capped() {
        assert_eq!(millis(Duration::ZERO), 0);
        assert_eq!(millis(Duration::from_nanos(1)), 1);
        assert_eq!(millis(Duration::from_millis(7)), 7);
        assert_eq!(millis(Duration::MAX), i32::MAX);
    }
}
