//! `Condvar`.

use std::{
    fmt,
    sync::{LockResult, PoisonError},
    time::{Duration, Instant},
};

use super::{
    mutex::MutexGuard,
    queue::{Ended, Place, Queue, Terms, Ticket},
    raw_lock::Share,
};
use crate::cancel;

/// Waits for a condition that a [`Mutex`](super::Mutex) protects; as [`std::sync::Condvar`].
///
/// A coroutine that waits is parked, a plain thread is blocked. First come, first notified. One
/// condition variable may be used with several mutexes, also at the same time; std allows itself to
/// panic then.
///
/// # Cancellation
///
/// A wait is a point of cancellation: a coroutine that is cancelled in it unwinds. It doesn't take
/// the mutex again for that, nor poison it: it has left the value sound when it began to wait, as
/// others have seen it since. A notification that comes at the same moment is not lost: who got it
/// returns, and is told of the cancellation in a later wait.
///
/// ```
/// use lif::sync::{Arc, Condvar, Mutex};
/// lif::run(|| {
///     let pair = Arc::new((Mutex::new(false), Condvar::new()));
///     let other = Arc::clone(&pair);
///     lif::go(move || {
///         *other.0.lock().unwrap() = true;
///         other.1.notify_one();
///     });
///     let mut ready = pair.0.lock().unwrap();
///     while !*ready {
///         ready = pair.1.wait(ready).unwrap();
///     }
/// });
/// ```
pub struct Condvar {
    queue: Queue,
}

/// Whether a wait with a limit has come to it; as [`std::sync::WaitTimeoutResult`].
///
/// ```
/// use std::time::Duration;
/// let (mutex, never) = (lif::sync::Mutex::new(()), lif::sync::Condvar::new());
/// let held = mutex.lock().unwrap();
/// let (_held, result) = never.wait_timeout(held, Duration::from_millis(1)).unwrap();
/// assert!(result.timed_out());
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct WaitTimeoutResult(bool);

impl WaitTimeoutResult {
    /// Whether it has: no notification came before.
    ///
    /// ```
    /// use std::time::Duration;
    /// let (mutex, never) = (lif::sync::Mutex::new(()), lif::sync::Condvar::new());
    /// let held = mutex.lock().unwrap();
    /// assert!(never.wait_timeout(held, Duration::ZERO).unwrap().1.timed_out());
    /// ```
    #[must_use]
    pub fn timed_out(&self) -> bool {
        self.0
    }
}

impl Condvar {
    /// One that nobody waits for.
    ///
    /// ```
    /// static READY: lif::sync::Condvar = lif::sync::Condvar::new();
    /// READY.notify_all();
    /// ```
    #[must_use]
    pub const fn new() -> Condvar {
        Condvar { queue: Queue::new(()) }
    }

    /// Unlocks, parks the caller until it is notified, and locks again.
    ///
    /// It may also return without a notification: so look at the condition, and wait again, or use
    /// [`wait_while`](Self::wait_while). A coroutine that is cancelled unwinds. In a coroutine that
    /// is unwinding, and so may not switch, the call blocks the thread.
    ///
    /// # Errors
    ///
    /// If the mutex is poisoned when it is locked again; the guard is in the error.
    ///
    /// ```
    /// use lif::sync::{Condvar, Mutex};
    /// static TURN: (Mutex<u32>, Condvar) = (Mutex::new(0), Condvar::new());
    /// lif::run(|| {
    ///     lif::go(|| {
    ///         *TURN.0.lock().unwrap() = 1;
    ///         TURN.1.notify_one();
    ///     });
    ///     let mut turn = TURN.0.lock().unwrap();
    ///     while *turn == 0 {
    ///         turn = TURN.1.wait(turn).unwrap();
    ///     }
    /// });
    /// ```
    pub fn wait<'a, T>(&self, guard: MutexGuard<'a, T>) -> LockResult<MutexGuard<'a, T>> {
        self.wait_until(guard, None).0
    }

    /// Waits until `condition` is false.
    ///
    /// Parks, unwinds and blocks as [`wait`](Self::wait).
    ///
    /// # Errors
    ///
    /// As [`wait`](Self::wait).
    ///
    /// ```
    /// use lif::sync::{Condvar, Mutex};
    /// static DONE: (Mutex<bool>, Condvar) = (Mutex::new(false), Condvar::new());
    /// lif::run(|| {
    ///     lif::go(|| {
    ///         *DONE.0.lock().unwrap() = true;
    ///         DONE.1.notify_one();
    ///     });
    ///     let done = DONE.0.lock().unwrap();
    ///     assert!(*DONE.1.wait_while(done, |done| !*done).unwrap());
    /// });
    /// ```
    pub fn wait_while<'a, T, F>(
        &self,
        mut guard: MutexGuard<'a, T>,
        mut condition: F,
    ) -> LockResult<MutexGuard<'a, T>>
    where
        F: FnMut(&mut T) -> bool,
    {
        while condition(&mut *guard) {
            guard = self.wait(guard)?;
        }
        Ok(guard)
    }

    /// As [`wait_timeout`](Self::wait_timeout), in milliseconds; true if it was notified before.
    ///
    /// # Errors
    ///
    /// As [`wait`](Self::wait).
    ///
    /// ```
    /// let (mutex, never) = (lif::sync::Mutex::new(()), lif::sync::Condvar::new());
    /// let held = mutex.lock().unwrap();
    /// # #[allow(deprecated)]
    /// let (_held, notified) = never.wait_timeout_ms(held, 1).unwrap();
    /// assert!(!notified);
    /// ```
    #[deprecated(note = "as in std: use `wait_timeout`")]
    pub fn wait_timeout_ms<'a, T>(
        &self,
        guard: MutexGuard<'a, T>,
        ms: u32,
    ) -> LockResult<(MutexGuard<'a, T>, bool)> {
        let waited = self.wait_timeout(guard, Duration::from_millis(u64::from(ms)));
        match waited {
            Ok((guard, result)) => Ok((guard, !result.timed_out())),
            Err(poisoned) => {
                let (guard, result) = poisoned.into_inner();
                Err(PoisonError::new((guard, !result.timed_out())))
            }
        }
    }

    /// As [`wait`](Self::wait), but no longer than `timeout`, and for the lock.
    ///
    /// # Errors
    ///
    /// As [`wait`](Self::wait).
    ///
    /// ```
    /// use std::time::Duration;
    /// let (mutex, never) = (lif::sync::Mutex::new(()), lif::sync::Condvar::new());
    /// let held = mutex.lock().unwrap();
    /// let (_held, result) = never.wait_timeout(held, Duration::from_millis(1)).unwrap();
    /// assert!(result.timed_out());
    /// ```
    pub fn wait_timeout<'a, T>(
        &self,
        guard: MutexGuard<'a, T>,
        timeout: Duration,
    ) -> LockResult<(MutexGuard<'a, T>, WaitTimeoutResult)> {
        // One that the clock can't count to is for ever.
        let (guard, late) = self.wait_until(guard, Instant::now().checked_add(timeout));
        with_result(guard, late)
    }

    /// Waits until `condition` is false, but no longer than `timeout`, and for the lock.
    ///
    /// # Errors
    ///
    /// As [`wait`](Self::wait).
    ///
    /// ```
    /// use std::time::Duration;
    /// let (mutex, never) = (lif::sync::Mutex::new(1), lif::sync::Condvar::new());
    /// let held = mutex.lock().unwrap();
    /// let timeout = Duration::from_millis(1);
    /// let (_held, result) = never.wait_timeout_while(held, timeout, |n| *n == 1).unwrap();
    /// assert!(result.timed_out());
    /// ```
    pub fn wait_timeout_while<'a, T, F>(
        &self,
        mut guard: MutexGuard<'a, T>,
        timeout: Duration,
        mut condition: F,
    ) -> LockResult<(MutexGuard<'a, T>, WaitTimeoutResult)>
    where
        F: FnMut(&mut T) -> bool,
    {
        let deadline = Instant::now().checked_add(timeout);
        loop {
            if !condition(&mut *guard) {
                return Ok((guard, WaitTimeoutResult(false)));
            }
            if deadline.is_some_and(|deadline| deadline <= Instant::now()) {
                return Ok((guard, WaitTimeoutResult(true)));
            }
            let (locked, late) = self.wait_until(guard, deadline);
            guard = with_result(locked, late)?.0;
        }
    }

    /// Wakes the one that has waited longest, if any waits.
    ///
    /// ```
    /// lif::sync::Condvar::new().notify_one();
    /// ```
    pub fn notify_one(&self) {
        self.queue.lock().grant_first();
    }

    /// Wakes all that wait.
    ///
    /// ```
    /// lif::sync::Condvar::new().notify_all();
    /// ```
    pub fn notify_all(&self) {
        self.queue.lock().grant_all();
    }

    /// Waits once; says whether it came to the deadline.
    fn wait_until<'a, T>(
        &self,
        guard: MutexGuard<'a, T>,
        deadline: Option<Instant>,
    ) -> (LockResult<MutexGuard<'a, T>>, bool) {
        let mutex = guard.dissolve();
        let terms = Terms { kind: cancel::infallible(), deadline };
        let unlock = || mutex.lock.unlock(Share::One);
        // Unlocked only when it stands in the queue: who changes the condition after that finds it.
        let ended = self.queue.wait(terms, Ticket::plain(), |_| Some(Place::Back), unlock, |_| {});
        if ended == Ended::Interrupted {
            // The mutex is not held, and so not poisoned.
            cancel::check_unwind();
        }
        (mutex.lock(), ended == Ended::TimedOut)
    }
}

/// The result of a wait with a limit.
fn with_result<G>(guard: LockResult<G>, late: bool) -> LockResult<(G, WaitTimeoutResult)> {
    match guard {
        Ok(guard) => Ok((guard, WaitTimeoutResult(late))),
        Err(poisoned) => Err(PoisonError::new((poisoned.into_inner(), WaitTimeoutResult(late)))),
    }
}

impl fmt::Debug for Condvar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Condvar").finish_non_exhaustive()
    }
}

impl Default for Condvar {
    fn default() -> Self {
        Condvar::new()
    }
}
