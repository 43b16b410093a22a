//! `Barrier`.

use std::fmt;

use super::{
    infallible,
    queue::{Place, Queue, Ticket},
};

/// Lets a number of coroutines and threads wait for each other; as [`std::sync::Barrier`].
///
/// # Cancellation
///
/// A wait is a point of cancellation: a coroutine that is cancelled in it unwinds, and doesn't count
/// any more, so as many others as before are needed. One that is cancelled at the moment when the
/// last has come goes on with the others, and is told in a later wait.
///
/// ```
/// use lif::sync::{Arc, Barrier};
/// lif::run(|| {
///     let barrier = Arc::new(Barrier::new(3));
///     let all: Vec<_> = (0..3)
///         .map(|_| {
///             let barrier = Arc::clone(&barrier);
///             lif::go(move || barrier.wait().is_leader())
///         })
///         .collect();
///     let leaders = all.into_iter().map(|one| one.join().unwrap());
///     assert_eq!(leaders.filter(|&leads| leads).count(), 1);
/// });
/// ```
pub struct Barrier {
    needed: usize,
    /// How many of the present round have come.
    queue: Queue<usize>,
}

/// Whether the caller was the last of its round; as [`std::sync::BarrierWaitResult`].
///
/// ```
/// assert!(lif::sync::Barrier::new(1).wait().is_leader());
/// ```
pub struct BarrierWaitResult(bool);

impl Barrier {
    /// One at which `n` have to come; 0 is as 1.
    ///
    /// ```
    /// static ALL_HERE: lif::sync::Barrier = lif::sync::Barrier::new(1);
    /// ALL_HERE.wait();
    /// ```
    #[must_use]
    pub const fn new(n: usize) -> Barrier {
        Barrier { needed: n, queue: Queue::new(0) }
    }

    /// Parks the caller until as many as are needed have come; then the next round begins.
    ///
    /// One of each round, the last that came, leads. A coroutine that is cancelled unwinds. In a
    /// coroutine that is unwinding, and so may not switch, the call blocks the thread.
    ///
    /// ```
    /// let barrier = lif::sync::Barrier::new(2);
    /// std::thread::scope(|scope| {
    ///     scope.spawn(|| barrier.wait());
    ///     barrier.wait();
    /// });
    /// ```
    pub fn wait(&self) -> BarrierWaitResult {
        let mut leads = false;
        infallible::wait(
            &self.queue,
            Ticket::plain(),
            None,
            |round| {
                *round.state() += 1;
                if *round.state() < self.needed {
                    return Some(Place::Back);
                }
                *round.state() = 0;
                round.grant_all();
                leads = true;
                None
            },
            |round| *round.state() -= 1,
        );
        BarrierWaitResult(leads)
    }
}

impl BarrierWaitResult {
    /// Whether it was.
    ///
    /// ```
    /// assert!(lif::sync::Barrier::new(1).wait().is_leader());
    /// ```
    #[must_use]
    pub fn is_leader(&self) -> bool {
        self.0
    }
}

impl fmt::Debug for Barrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Barrier").finish_non_exhaustive()
    }
}

impl fmt::Debug for BarrierWaitResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BarrierWaitResult").field("is_leader", &self.is_leader()).finish()
    }
}
