//! Which workers sleep, which search, and who wakes whom when a new coroutine is queued.
//!
//! New coroutines are pushed on a stealable deque, without a lock and without a look at the other
//! workers' mutexes. So this protocol has to see to it that *no new coroutine waits on a deque
//! while a worker sleeps and nobody looks for it*.
//!
//! ```text
//! pusher                                  sleeper
//! ------                                  -------
//! push the task                           announce: idle + 1 (searching - 1, if it searched)
//! fence(SeqCst)                           fence(SeqCst)
//! look: is somebody idle, nobody searching?   look at the injector and all deques
//! if so, claim one sleeper and nudge it   if something is there: take the announcement back
//! ```
//!
//! The bad interleaving would be: the pusher looks before the announcement, so it sees nobody idle
//! and wakes nobody, and the sleeper looks before the push, so it sees nothing and sleeps. With a
//! fence between the write and the look on both sides, one of the two looks comes after the other's
//! write.
//!
//! *Searching.* While somebody searches, pushers need not wake another: the searcher looks at every
//! deque, and a searcher that gives up announces itself as a sleeper and then looks once more at
//! all of them, so it sees what was pushed while it was the reason not to wake anyone. A searcher
//! that finds work stops searching, and if more is visible, wakes the next ([`found`](Idle::found)),
//! since pushes that came meanwhile have woken nobody.
//!
//! *Claiming* moves a sleeper from idle to searching under the lock of the list, at once, so two
//! pushers cannot claim the same one, and the claimed worker knows that it searches: its name is no
//! longer in the list when it wakes.

use crate::atomics::{AtomicUsize, Mutex, Ordering, fence, lock};

const ONE_SEARCHING: usize = 1;
const ONE_IDLE: usize = 1 << 16;
const SEARCHING: usize = ONE_IDLE - 1;

/// Shared by the workers of one runtime.
#[derive(Debug)]
pub(crate) struct Idle {
    /// Low half: workers that search. High half: workers in the list. Changed under the lock,
    /// except that a searcher leaves on its own.
    counts: AtomicUsize,
    sleepers: Mutex<Vec<usize>>,
}

/// What a worker that wanted to sleep, or has slept, does next.
#[must_use = "a searcher must search, or say that it has found something"]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Role {
    /// Nothing special.
    Worker,
    /// It has been claimed, or has seen something on a deque: it looks for it, and then says
    /// [`Idle::found`] or sleeps again.
    Searcher,
}

impl Idle {
    pub(crate) fn new(workers: usize) -> Idle {
        assert!(workers < SEARCHING, "fewer than 65,535 workers");
        Idle { counts: AtomicUsize::new(0), sleepers: Mutex::new(Vec::with_capacity(workers)) }
    }

    /// Something was pushed on a deque: the sleeper to nudge, if one is needed.
    #[must_use = "a sleeper that was claimed must be nudged"]
    pub(crate) fn pushed(&self) -> Option<usize> {
        // ORDER: SeqCst fence: partner is the fence in `sleep`. My push comes before my look.
        fence(Ordering::SeqCst);
        // ORDER: Relaxed: ordered by the fence; nothing is read on the strength of it.
        let counts = self.counts.load(Ordering::Relaxed);
        if counts < ONE_IDLE || counts & SEARCHING != 0 {
            return None;
        }
        self.claim()
    }

    #[cold]
    fn claim(&self) -> Option<usize> {
        let mut sleepers = lock(&self.sleepers);
        // ORDER: Relaxed: a searcher that leaves meanwhile looks once more at everything.
        if self.counts.load(Ordering::Relaxed) & SEARCHING != 0 {
            return None;
        }
        let worker = sleepers.pop()?;
        // ORDER: Relaxed: the lock orders the changes of the list; see `pushed` for the rest.
        self.counts.fetch_sub(ONE_IDLE - ONE_SEARCHING, Ordering::Relaxed);
        Some(worker)
    }

    /// `worker` has nothing to run and is about to sleep. `visible` looks at the injector and all
    /// deques. With [`Role::Searcher`] it must not sleep.
    pub(crate) fn sleep(&self, worker: usize, role: Role, visible: impl FnOnce() -> bool) -> Role {
        {
            let mut sleepers = lock(&self.sleepers);
            sleepers.push(worker);
            let searching = if role == Role::Searcher { ONE_SEARCHING } else { 0 };
            // ORDER: Relaxed: the fence below orders it against the look.
            self.counts.fetch_add(ONE_IDLE - searching, Ordering::Relaxed);
        }
        // ORDER: SeqCst fence: partner is the fence in `pushed`. My announcement comes before my
        // look at the deques.
        fence(Ordering::SeqCst);
        if visible() { self.rise(worker, true) } else { Role::Worker }
    }

    /// `worker` sleeps no longer: a searcher if it was claimed, or if it wants to `search`.
    fn rise(&self, worker: usize, search: bool) -> Role {
        let mut sleepers = lock(&self.sleepers);
        let Some(place) = sleepers.iter().position(|&sleeper| sleeper == worker) else {
            return Role::Searcher;
        };
        sleepers.swap_remove(place);
        let searching = if search { ONE_SEARCHING } else { 0 };
        // ORDER: Relaxed: under the lock; who reads without it is right with the old value too.
        self.counts.fetch_sub(ONE_IDLE - searching, Ordering::Relaxed);
        if search { Role::Searcher } else { Role::Worker }
    }

    /// `worker` has slept.
    pub(crate) fn woke(&self, worker: usize) -> Role {
        self.rise(worker, false)
    }

    /// A searcher has something to run. Returns the next sleeper to nudge, if it was the last
    /// searcher and `more` is visible.
    #[must_use = "a sleeper that was claimed must be nudged"]
    pub(crate) fn found(&self, more: impl FnOnce() -> bool) -> Option<usize> {
        // ORDER: Relaxed: the fence below orders it against the look.
        let was = self.counts.fetch_sub(ONE_SEARCHING, Ordering::Relaxed);
        if was & SEARCHING != ONE_SEARCHING {
            return None;
        }
        // ORDER: SeqCst fence: partner is the fence in `pushed`. My leaving comes before my look:
        // a pusher that still counted on me has pushed before it, and I see it.
        fence(Ordering::SeqCst);
        if more() { self.claim() } else { None }
    }

    /// How many sleep.
    pub(crate) fn sleeping(&self) -> usize {
        // ORDER: Relaxed: for reports.
        self.counts.load(Ordering::Relaxed) / ONE_IDLE
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_push_claims_one_sleeper_and_only_one_searches() {
        let idle = Idle::new(3);
        assert_eq!(idle.pushed(), None);
        assert_eq!(idle.sleep(0, Role::Worker, || false), Role::Worker);
        assert_eq!(idle.sleep(1, Role::Worker, || false), Role::Worker);
        assert_eq!(idle.sleeping(), 2);
        assert_eq!(idle.pushed(), Some(1));
        assert_eq!(idle.pushed(), None, "one searches already");
        assert_eq!(idle.woke(1), Role::Searcher);
        assert_eq!(idle.found(|| true), Some(0));
        assert_eq!(idle.woke(0), Role::Searcher);
        assert_eq!(idle.found(|| true), None, "nobody sleeps");
    }

    #[test]
    fn a_sleeper_that_sees_work_searches_instead() {
        let idle = Idle::new(2);
        assert_eq!(idle.sleep(0, Role::Worker, || true), Role::Searcher);
        assert_eq!(idle.sleeping(), 0);
        assert_eq!(idle.sleep(0, Role::Searcher, || false), Role::Worker);
        assert_eq!(idle.woke(0), Role::Worker);
        assert_eq!(idle.pushed(), None);
    }
}
