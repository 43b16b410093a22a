//! `sleep` and `sleep_until`.

use std::{
    io,
    time::{Duration, Instant},
};

use crate::{
    cancel, coop, current,
    task::wait::{Kind, Wait, Waited},
};

/// Parks the caller for at least `duration`, as [`std::thread::sleep`] does.
///
/// The coroutine's worker runs others meanwhile; its timer wakes it. It is never early, and on an
/// idle machine less than 100 µs late. On a plain thread it blocks the thread.
///
/// When the coroutine is [cancelled](crate::JoinHandle::cancel), it unwinds: destructors run, and
/// its joiner gets [`Cancelled`](crate::Cancelled).
///
/// ```
/// use std::time::{Duration, Instant};
/// lif::run(|| {
///     let start = Instant::now();
///     lif::sleep(Duration::from_millis(5));
///     assert!(start.elapsed() >= Duration::from_millis(5));
/// });
/// ```
pub fn sleep(duration: Duration) {
    match Instant::now().checked_add(duration) {
        Some(deadline) => sleep_until(deadline),
        // Longer than the clock can count.
        None => loop {
            let _interrupted = wait(None);
        },
    }
}

/// Parks the caller until `deadline`; returns at once if it has passed.
///
/// See [`sleep`].
///
/// ```
/// use std::time::{Duration, Instant};
/// let deadline = Instant::now() + Duration::from_millis(5);
/// lif::sleep_until(deadline);
/// assert!(Instant::now() >= deadline);
/// ```
pub fn sleep_until(deadline: Instant) {
    cancel::check_unwind();
    while Instant::now() < deadline {
        if wait(Some(deadline)) == Waited::TimedOut {
            return;
        }
    }
}

fn wait(deadline: Option<Instant>) -> Waited {
    let waited = Wait::begin(cancel::infallible()).park(deadline);
    if waited == Waited::Cancelled {
        cancel::check_unwind();
    }
    waited
}

/// Sleeps within an operation that can fail: a cancellation is its error.
pub(crate) fn pause(duration: Duration) -> io::Result<()> {
    if current::task().is_some() && current::switchable().is_none() {
        return Err(coop::unwinding());
    }
    let deadline = Instant::now() + duration;
    while Instant::now() < deadline {
        match Wait::begin(Kind::Cancellable).park(Some(deadline)) {
            Waited::TimedOut => break,
            Waited::Woken => {}
            Waited::Cancelled => return Err(coop::cancelled()),
        }
    }
    Ok(())
}
