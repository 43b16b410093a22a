//! `Notify`.

use std::{
    fmt,
    time::{Duration, Instant},
};

use super::{
    infallible,
    queue::{Place, Queue, Ticket},
};

/// Tells others that something has happened, without saying what.
///
/// std has none; the semantics are those of tokio's, with [`wait`](Self::wait) for a future. A
/// notice to one that finds nobody waiting is kept for the next that comes; notices do not add up.
/// One to all reaches those that wait at that moment, and is not kept: who looks at a condition
/// before it waits could miss it, and wants a [`Condvar`](super::Condvar).
///
/// # Cancellation
///
/// A wait is a point of cancellation: a coroutine that is cancelled unwinds, and leaves a notice for
/// others. One that gets a notice at the same moment returns, and is told in a later wait.
///
/// ```
/// use lif::sync::{Arc, Notify};
/// lif::run(|| {
///     let notify = Arc::new(Notify::new());
///     let other = Arc::clone(&notify);
///     let waits = lif::go(move || other.wait());
///     notify.notify_one();
///     waits.join().unwrap();
/// });
/// ```
pub struct Notify {
    /// Whether a notice is kept.
    queue: Queue<bool>,
}

impl Notify {
    /// One without a notice.
    ///
    /// ```
    /// static CHANGED: lif::sync::Notify = lif::sync::Notify::new();
    /// ```
    #[must_use]
    pub const fn new() -> Notify {
        Notify { queue: Queue::new(false) }
    }

    /// Wakes the one that has waited longest; if nobody waits, the next wait returns at once.
    ///
    /// What was written before is visible to who is woken.
    ///
    /// ```
    /// let notify = lif::sync::Notify::new();
    /// notify.notify_one();
    /// notify.notify_one();
    /// notify.wait();
    /// assert!(!notify.wait_timeout(std::time::Duration::ZERO));
    /// ```
    pub fn notify_one(&self) {
        let mut queue = self.queue.lock();
        if !queue.grant_first() {
            *queue.state() = true;
        }
    }

    /// Wakes all that wait now, and nobody else.
    ///
    /// ```
    /// let notify = lif::sync::Notify::new();
    /// notify.notify_waiters();
    /// assert!(!notify.wait_timeout(std::time::Duration::ZERO));
    /// ```
    pub fn notify_waiters(&self) {
        self.queue.lock().grant_all();
    }

    /// Parks the caller until it is notified, or takes the notice that was kept.
    ///
    /// It never returns without one. A coroutine that is cancelled unwinds. In a coroutine that is
    /// unwinding, and so may not switch, the call blocks the thread.
    ///
    /// ```
    /// let notify = lif::sync::Notify::new();
    /// notify.notify_one();
    /// notify.wait();
    /// ```
    pub fn wait(&self) {
        self.wait_until(None);
    }

    /// As [`wait`](Self::wait), but no longer than `timeout`; whether it was notified.
    ///
    /// ```
    /// use std::time::Duration;
    /// assert!(!lif::sync::Notify::new().wait_timeout(Duration::from_millis(1)));
    /// ```
    pub fn wait_timeout(&self, timeout: Duration) -> bool {
        // One that the clock can't count to is for ever.
        self.wait_until(Instant::now().checked_add(timeout))
    }

    pub(super) fn wait_until(&self, deadline: Option<Instant>) -> bool {
        infallible::wait(
            &self.queue,
            Ticket::plain(),
            deadline,
            |queue| (!std::mem::take(queue.state())).then_some(Place::Back),
            |_| {},
        )
    }
}

impl Default for Notify {
    fn default() -> Self {
        Notify::new()
    }
}

impl fmt::Debug for Notify {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Notify").finish_non_exhaustive()
    }
}
