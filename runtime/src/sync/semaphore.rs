//! `Semaphore`. Its permits have a file of their own.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    infallible,
    permit::{OwnedSemaphorePermit, SemaphorePermit},
    raw_semaphore::{MOST, RawSemaphore},
};
use crate::cancel;

/// Lets a number of coroutines and threads do something at once.
///
/// std has none; the names are those of tokio's. There is no `close`: what would be closed ends its
/// coroutines by cancelling them.
///
/// # Fairness
///
/// First come, first served: nobody takes a permit while others wait, so that also one that waits
/// for many gets them.
///
/// # Cancellation
///
/// Acquiring is a point of cancellation: a coroutine that is cancelled unwinds, without a permit. One
/// that gets its permit at the same moment has it, and is told in a later wait.
///
/// ```
/// use lif::sync::{Arc, Semaphore};
/// lif::run(|| {
///     let at_once = Arc::new(Semaphore::new(2));
///     let all: Vec<_> = (0..10)
///         .map(|_| {
///             let permit = Arc::clone(&at_once).acquire_owned();
///             lif::go(move || drop(permit))
///         })
///         .collect();
///     for one in all {
///         one.join().unwrap();
///     }
///     assert_eq!(at_once.available_permits(), 2);
/// });
/// ```
pub struct Semaphore {
    raw: RawSemaphore,
}

impl Semaphore {
    /// How many permits a semaphore may have.
    pub const MAX_PERMITS: usize = MOST;

    /// One with so many free permits.
    ///
    /// # Panics
    ///
    /// If they are more than [`MAX_PERMITS`](Self::MAX_PERMITS).
    ///
    /// ```
    /// static AT_ONCE: lif::sync::Semaphore = lif::sync::Semaphore::new(2);
    /// ```
    #[must_use]
    pub const fn new(permits: usize) -> Semaphore {
        Semaphore { raw: RawSemaphore::new(permits) }
    }

    /// How many permits are free; a moment later it may be another number.
    ///
    /// ```
    /// assert_eq!(lif::sync::Semaphore::new(2).available_permits(), 2);
    /// ```
    #[must_use]
    pub fn available_permits(&self) -> usize {
        self.raw.free()
    }

    /// Makes `n` more, and wakes who waited for them.
    ///
    /// # Panics
    ///
    /// If there would be more than [`MAX_PERMITS`](Self::MAX_PERMITS) free ones.
    ///
    /// ```
    /// let semaphore = lif::sync::Semaphore::new(0);
    /// semaphore.add_permits(1);
    /// assert!(semaphore.try_acquire().is_some());
    /// ```
    pub fn add_permits(&self, n: usize) {
        self.raw.release(n);
    }

    /// Takes up to `n` free permits away for good; returns how many.
    ///
    /// ```
    /// let semaphore = lif::sync::Semaphore::new(2);
    /// assert_eq!(semaphore.forget_permits(3), 2);
    /// assert!(semaphore.try_acquire().is_none());
    /// ```
    pub fn forget_permits(&self, n: usize) -> usize {
        self.raw.forget(n)
    }

    /// Takes a permit, and parks the caller until it can.
    ///
    /// A coroutine that is cancelled unwinds. In a coroutine that is unwinding, and so may not
    /// switch, the call blocks the thread.
    ///
    /// ```
    /// let semaphore = lif::sync::Semaphore::new(1);
    /// let permit = semaphore.acquire();
    /// assert!(semaphore.try_acquire().is_none());
    /// drop(permit);
    /// assert!(semaphore.try_acquire().is_some());
    /// ```
    pub fn acquire(&self) -> SemaphorePermit<'_> {
        self.acquire_many(1)
    }

    /// Takes `n` permits at once; otherwise as [`acquire`](Self::acquire).
    ///
    /// ```
    /// let semaphore = lif::sync::Semaphore::new(3);
    /// let permits = semaphore.acquire_many(2);
    /// assert_eq!(permits.num_permits(), 2);
    /// ```
    pub fn acquire_many(&self, n: usize) -> SemaphorePermit<'_> {
        self.wait(n, None);
        SemaphorePermit::new(self, n)
    }

    /// Takes a permit if one is free and nobody waits.
    ///
    /// ```
    /// assert!(lif::sync::Semaphore::new(0).try_acquire().is_none());
    /// ```
    pub fn try_acquire(&self) -> Option<SemaphorePermit<'_>> {
        self.try_acquire_many(1)
    }

    /// Takes `n` permits if so many are free and nobody waits.
    ///
    /// ```
    /// assert!(lif::sync::Semaphore::new(1).try_acquire_many(2).is_none());
    /// ```
    pub fn try_acquire_many(&self, n: usize) -> Option<SemaphorePermit<'_>> {
        self.raw.try_acquire(n).then(|| SemaphorePermit::new(self, n))
    }

    /// As [`acquire`](Self::acquire), but no longer than `timeout`: then there is none.
    ///
    /// ```
    /// use std::time::Duration;
    /// let semaphore = lif::sync::Semaphore::new(0);
    /// assert!(semaphore.acquire_timeout(Duration::from_millis(1)).is_none());
    /// ```
    pub fn acquire_timeout(&self, timeout: Duration) -> Option<SemaphorePermit<'_>> {
        self.acquire_many_timeout(1, timeout)
    }

    /// As [`acquire_many`](Self::acquire_many), but no longer than `timeout`: then there are none.
    ///
    /// ```
    /// use std::time::Duration;
    /// let semaphore = lif::sync::Semaphore::new(1);
    /// assert!(semaphore.acquire_many_timeout(2, Duration::from_millis(1)).is_none());
    /// assert_eq!(semaphore.available_permits(), 1);
    /// ```
    pub fn acquire_many_timeout(&self, n: usize, timeout: Duration) -> Option<SemaphorePermit<'_>> {
        // One that the clock can't count to is for ever.
        let deadline = Instant::now().checked_add(timeout);
        self.wait(n, deadline).then(|| SemaphorePermit::new(self, n))
    }

    /// As [`acquire`](Self::acquire); the permit owns a reference to the semaphore, so that it can
    /// go anywhere.
    ///
    /// ```
    /// use lif::sync::{Arc, Semaphore};
    /// lif::run(|| {
    ///     let semaphore = Arc::new(Semaphore::new(1));
    ///     let permit = Arc::clone(&semaphore).acquire_owned();
    ///     lif::go(move || drop(permit)).join().unwrap();
    ///     assert_eq!(semaphore.available_permits(), 1);
    /// });
    /// ```
    pub fn acquire_owned(self: Arc<Self>) -> OwnedSemaphorePermit {
        self.acquire_many_owned(1)
    }

    /// As [`acquire_many`](Self::acquire_many) and [`acquire_owned`](Self::acquire_owned).
    ///
    /// ```
    /// use lif::sync::{Arc, Semaphore};
    /// let permits = Arc::new(Semaphore::new(3)).acquire_many_owned(2);
    /// assert_eq!(permits.num_permits(), 2);
    /// ```
    pub fn acquire_many_owned(self: Arc<Self>, n: usize) -> OwnedSemaphorePermit {
        self.wait(n, None);
        OwnedSemaphorePermit::new(self, n)
    }

    /// As [`try_acquire`](Self::try_acquire) and [`acquire_owned`](Self::acquire_owned).
    ///
    /// ```
    /// use lif::sync::{Arc, Semaphore};
    /// assert!(Arc::new(Semaphore::new(0)).try_acquire_owned().is_none());
    /// ```
    pub fn try_acquire_owned(self: Arc<Self>) -> Option<OwnedSemaphorePermit> {
        self.try_acquire_many_owned(1)
    }

    /// As [`try_acquire_many`](Self::try_acquire_many) and [`acquire_owned`](Self::acquire_owned).
    ///
    /// ```
    /// use lif::sync::{Arc, Semaphore};
    /// assert!(Arc::new(Semaphore::new(1)).try_acquire_many_owned(2).is_none());
    /// ```
    pub fn try_acquire_many_owned(self: Arc<Self>, n: usize) -> Option<OwnedSemaphorePermit> {
        self.raw.try_acquire(n).then(|| OwnedSemaphorePermit::new(self, n))
    }

    /// Whether it has got them before the deadline.
    fn wait(&self, n: usize, deadline: Option<Instant>) -> bool {
        cancel::check_unwind();
        if self.raw.try_acquire(n) {
            return true;
        }
        infallible::wait(
            self.raw.queue(),
            RawSemaphore::ticket(n),
            deadline,
            |queue| self.raw.enlist(n, queue),
            |queue| self.raw.serve(queue),
        )
    }
}

impl fmt::Debug for Semaphore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Semaphore").field("available_permits", &self.available_permits()).finish()
    }
}
