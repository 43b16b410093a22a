//! How many coroutines of a runtime live, and how far the runtime is on its way down.
//!
//! This file must not know what a worker, a queue or a coroutine is: it counts.
//!
//! # When nothing lives
//!
//! A shared count of live coroutines would be a cache line that every spawn and every end writes.
//! Instead each worker counts what it has spawned and what it has finished, alone. Whoever wants to
//! know whether nothing lives adds up *all finished first and all spawned afterwards*. Both only
//! grow, and at no moment has more finished than was spawned; so if the two sums are equal, then
//! between the two passes there was a moment at which nothing lived.
//!
//! # Shutdown against spawn
//!
//! ```text
//! spawner from outside: admit              shutdown: enter, then lives
//! ---------------------------              ---------------------------
//! injected + 1                             phase = Stopping
//! fence(SeqCst)                            fence(SeqCst)
//! read the phase: Running? push            add up: everything finished? then Done
//! else refused + 1, drop the closure
//! ```
//!
//! Either the spawner sees Stopping and refuses, or the sums see its count and the workers stay
//! until the coroutine has ended. A coroutine that spawns is itself alive, so the sums cannot be
//! equal before it ends, and its count needs no fence.

use crossbeam_utils::CachePadded;

use crate::atomics::{AtomicU64, Ordering, fence};

/// How far a runtime is on its way down.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[repr(u8)]
pub(crate) enum Phase {
    Running = 0,
    /// No new coroutines; all that live are cancelled.
    Stopping = 1,
    /// Something would not end: workers that have nothing end, the others are leaked.
    Abandoned = 2,
    /// Nothing lives: the workers end.
    Done = 3,
}

/// A number with one writer.
#[derive(Debug)]
pub(crate) struct Count(AtomicU64);

impl Default for Count {
    fn default() -> Count {
        Count(AtomicU64::new(0))
    }
}

impl Count {
    /// By the one writer.
    #[inline]
    pub(crate) fn add(&self, more: u64) {
        self.set(self.get() + more);
    }

    /// By the one writer.
    #[inline]
    pub(crate) fn set(&self, value: u64) {
        // ORDER: Release: partner is the Acquire in `get`: who sees that something has finished
        // sees that it was spawned.
        self.0.store(value, Ordering::Release);
    }

    #[inline]
    pub(crate) fn get(&self) -> u64 {
        // ORDER: Acquire: partner is the Release in `set`.
        self.0.load(Ordering::Acquire)
    }
}

/// The phase, and the count of what has come from outside the workers.
#[derive(Debug)]
pub(crate) struct Census {
    phase: AtomicU64,
    /// Coroutines spawned from outside the workers, and those of them that were refused.
    injected: CachePadded<AtomicU64>,
    refused: AtomicU64,
}

impl Census {
    pub(crate) fn new() -> Census {
        Census {
            phase: AtomicU64::new(Phase::Running as u64),
            injected: CachePadded::new(AtomicU64::new(0)),
            refused: AtomicU64::new(0),
        }
    }

    /// How far the runtime is.
    #[inline]
    pub(crate) fn phase(&self) -> Phase {
        // ORDER: Acquire: partner is the Release in `enter`: what was written before the phase
        // (when the grace ends) is seen with it, and the fence in `lives` comes after it.
        match self.phase.load(Ordering::Acquire) {
            0 => Phase::Running,
            1 => Phase::Stopping,
            2 => Phase::Abandoned,
            _ => Phase::Done,
        }
    }

    /// Goes on to `phase`, never back; true if that is a change, of which the workers must hear.
    #[must_use = "the workers must be told of a new phase"]
    pub(crate) fn enter(&self, phase: Phase) -> bool {
        // ORDER: Release: partner is the Acquire in `phase`.
        self.phase.fetch_max(phase as u64, Ordering::Release) < phase as u64
    }

    /// Counts a coroutine from outside the workers; false if it is refused, because the runtime
    /// is stopping. Workers that have just added up then have counted it as alive, and must look
    /// again.
    #[must_use = "a coroutine that was refused must be ended"]
    pub(crate) fn admit(&self) -> bool {
        // ORDER: Relaxed: ordered by the fence.
        self.injected.fetch_add(1, Ordering::Relaxed);
        // ORDER: SeqCst fence: partner is the first fence in `lives`. My count comes before my
        // look at the phase.
        fence(Ordering::SeqCst);
        let admitted = self.phase() == Phase::Running;
        if !admitted {
            // ORDER: Release: partner is the Acquire in `lives`: who counts the refusal counts
            // the coroutine too.
            self.refused.fetch_add(1, Ordering::Release);
        }
        admitted
    }

    /// How many coroutines live; exact if it is zero. `finished` and `spawned` add up the counts
    /// of the workers.
    pub(crate) fn lives(
        &self,
        finished: impl FnOnce() -> u64,
        spawned: impl FnOnce() -> u64,
    ) -> u64 {
        // ORDER: SeqCst fence: partner is the fence in `admit`: the phase that the caller has set
        // or seen comes before the sums.
        fence(Ordering::SeqCst);
        // ORDER: Acquire: partner is the Release in `admit`.
        let ended = self.refused.load(Ordering::Acquire) + finished();
        // ORDER: SeqCst fence: all of the ended are read before all of the spawned.
        fence(Ordering::SeqCst);
        // ORDER: Relaxed: ordered by the fences.
        let begun = self.injected.load(Ordering::Relaxed) + spawned();
        begun.saturating_sub(ended)
    }

    /// How many came from outside and were not refused.
    pub(crate) fn admitted(&self) -> u64 {
        // ORDER: Acquire: partner is the Release in `admit`: never more refused than counted.
        let refused = self.refused.load(Ordering::Acquire);
        // ORDER: Relaxed: for reports.
        self.injected.load(Ordering::Relaxed) - refused
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn what_comes_after_the_stop_is_refused_and_does_not_live() {
        let census = Census::new();
        let count = |finished| census.lives(|| finished, || 0);
        assert!(census.admit());
        assert_eq!(count(0), 1);
        assert!(census.enter(Phase::Stopping));
        assert!(!census.enter(Phase::Stopping), "told once");
        assert!(!census.admit());
        assert_eq!((census.admitted(), count(0), count(1)), (1, 1, 0));
    }

    #[test]
    fn a_phase_never_goes_back() {
        let census = Census::new();
        assert!(census.enter(Phase::Done));
        assert!(!census.enter(Phase::Abandoned));
        assert_eq!(census.phase(), Phase::Done);
    }
}
