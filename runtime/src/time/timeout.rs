//! Deadlines over whole pieces of code.

use std::{
    error, fmt, io,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    time::{Duration, Instant},
};

use super::clock;
use crate::cancel;

/// The time of a [`timeout`] was over before its code had ended.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct TimedOut;

impl fmt::Display for TimedOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the time is over")
    }
}

impl error::Error for TimedOut {}

impl From<TimedOut> for io::Error {
    fn from(timed_out: TimedOut) -> io::Error {
        io::Error::new(io::ErrorKind::TimedOut, timed_out)
    }
}

/// Runs `f`, any code, whose waits end when `duration` is over.
///
/// From then on its waits behave as if the caller had been cancelled, see
/// [`cancel`](crate::cancel): I/O fails, with an error of kind
/// [`TimedOut`](io::ErrorKind::TimedOut), and is `f`'s to handle; waits that cannot fail unwind `f`
/// up to here. Of nested timeouts the nearest counts. What `f` spawns is not concerned. It works on
/// plain threads too.
///
/// # Errors
///
/// [`TimedOut`], if `f` was unwound. If it returned, its result counts, however late.
///
/// ```
/// use std::time::Duration;
/// lif::run(|| {
///     let late = lif::time::timeout(Duration::from_millis(1), || lif::sleep(Duration::MAX));
///     assert_eq!(late, Err(lif::time::TimedOut));
///     assert_eq!(lif::time::timeout(Duration::MAX, || 7), Ok(7));
/// });
/// ```
pub fn timeout<T>(duration: Duration, f: impl FnOnce() -> T) -> Result<T, TimedOut> {
    match Instant::now().checked_add(duration) {
        Some(deadline) => timeout_at(deadline, f),
        // Longer than the clock can count.
        None => Ok(f()),
    }
}

/// As [`timeout`], until `deadline`.
///
/// # Errors
///
/// As [`timeout`].
///
/// ```
/// use std::time::Instant;
/// let late = lif::time::timeout_at(Instant::now(), || lif::park());
/// assert!(late.is_err());
/// ```
pub fn timeout_at<T>(deadline: Instant, f: impl FnOnce() -> T) -> Result<T, TimedOut> {
    struct Restore(u64);
    impl Drop for Restore {
        fn drop(&mut self) {
            cancel::with_local(|local| local.scope_deadline.set(self.0));
        }
    }
    // One that has passed when the clock began counts from then.
    let mine = clock::nanos(deadline);
    let outer = cancel::with_local(|local| local.scope_deadline.get());
    cancel::with_local(|local| local.scope_deadline.set(mine.min(outer)));
    let restore = Restore(outer);
    let result = catch_unwind(AssertUnwindSafe(f));
    drop(restore);
    match result {
        Ok(value) => Ok(value),
        Err(thrown) if cancel::is_deadline(&*thrown) && clock::now() >= mine => Err(TimedOut),
        Err(thrown) => resume_unwind(thrown),
    }
}
