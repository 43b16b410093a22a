//! What the models of waits share: a task with its word and the queue of its home.
//!
//! It decides nothing: it does what a worker would, and counts.

use std::sync::atomic::{AtomicUsize as Tally, Ordering as StdOrdering};

use loom::{
    cell::UnsafeCell,
    sync::atomic::{AtomicUsize, Ordering},
};

use super::state::{Commit, Epoch, TaskWord, Wake};

/// A task, and its home's queue.
pub(super) struct Task {
    pub(super) word: TaskWord,
    /// Entries in the home's queue. Relaxed throughout: what crosses, crosses by the word.
    queue: AtomicUsize,
    /// What the coroutine writes before its first wait and who pushes reads: its home.
    home: UnsafeCell<usize>,
    /// Pushes so far.
    pushes: Tally,
    /// Wakes so far that have won a wait.
    wins: Tally,
    /// Who was the last of them.
    winner: Tally,
}

impl Task {
    /// A task that executes for the first time, and knows its home.
    pub(super) fn new() -> Task {
        let task = Task {
            word: TaskWord::new(),
            queue: AtomicUsize::new(0),
            home: UnsafeCell::new(0),
            pushes: Tally::new(0),
            wins: Tally::new(0),
            winner: Tally::new(usize::MAX),
        };
        task.word.spawned();
        task.word.run();
        task
    }

    /// The coroutine's first run makes its worker its home.
    pub(super) fn settle(&self) {
        self.home.with_mut(|home| {
            // SAFETY: loom checks that nobody reads it meanwhile.
            unsafe { *home = 1 };
        });
    }

    /// Does what a waker does, here the waker `me`: claims, and pushes if it has to.
    pub(super) fn wake(&self, epoch: Epoch, me: usize) -> Wake {
        let duty = self.word.wake(epoch);
        if duty != Wake::Stale {
            self.wins.fetch_add(1, StdOrdering::Relaxed);
            self.winner.store(me, StdOrdering::Relaxed);
        }
        self.follow(duty);
        duty
    }

    /// The duty of a wake or a cancellation.
    pub(super) fn follow(&self, duty: Wake) {
        if duty == Wake::Enqueue {
            // SAFETY: loom checks that the coroutine's write has come before.
            let home = self.home.with(|home| unsafe { *home });
            assert_eq!(home, 1, "a task that has waited has a home");
            self.pushes.fetch_add(1, StdOrdering::Relaxed);
            let queued = self.queue.fetch_add(1, Ordering::Relaxed);
            assert_eq!(queued, 0, "a task is in its queue once");
        }
    }

    /// Parks for the length of the present wait, as the coroutine with its home would. One that
    /// nobody wakes spins until loom gives up, and so fails.
    pub(super) fn park(&self) -> Commit {
        let outcome = self.word.commit();
        if outcome == Commit::Parked {
            while self.queue.load(Ordering::Relaxed) == 0 {
                loom::thread::yield_now();
            }
            self.resume();
        }
        outcome
    }

    /// Whether it stands in its home's queue.
    pub(super) fn is_queued(&self) -> bool {
        self.queue.load(Ordering::Relaxed) > 0
    }

    /// The home pops the task and runs it.
    pub(super) fn resume(&self) {
        assert_eq!(self.queue.fetch_sub(1, Ordering::Relaxed), 1, "it was in the queue");
        // Panics unless the word is in state 1. (The worker's look at `is_queued` is ordered by
        // its queue, which this one does not play.)
        self.word.run();
    }

    pub(super) fn pushes(&self) -> usize {
        self.pushes.load(StdOrdering::Relaxed)
    }

    pub(super) fn winner(&self) -> usize {
        self.winner.load(StdOrdering::Relaxed)
    }

    pub(super) fn wins(&self) -> usize {
        self.wins.load(StdOrdering::Relaxed)
    }
}

/// A value that crosses from one thread to another by what the protocol promises alone: loom fails
/// if a read is not ordered after the write.
pub(super) struct Crossing(UnsafeCell<u32>);

impl Crossing {
    pub(super) fn new() -> Crossing {
        Crossing(UnsafeCell::new(0))
    }

    pub(super) fn put(&self, value: u32) {
        // SAFETY: loom checks that nobody else touches it meanwhile.
        self.0.with_mut(|cell| unsafe { *cell = value });
    }

    pub(super) fn get(&self) -> u32 {
        // SAFETY: loom checks that the writer has come before.
        self.0.with(|cell| unsafe { *cell })
    }
}

// SAFETY: both are what the models check: loom reports a use that the protocol has not ordered.
unsafe impl Sync for Crossing {}
// SAFETY: as above.
unsafe impl Sync for Task {}
