//! The task word: one atomic that says where a task is in its life. Nothing else sees its bits.
//!
//! The word holds two state bits, a CANCEL bit, a NOINT bit (the present wait is not to be
//! interrupted) and a wait *epoch* E, which names the present wait:
//!
//! ```text
//!  63                                            4    3       2      1 0
//! |                    epoch                     | NOINT | CANCEL | state |
//! ```
//!
//! | step | change | who | duty that follows |
//! |---|---|---|---|
//! | [`spawned`](TaskWord::spawned) | (0, E) → (1, E) | the spawner | pushes the task, once |
//! | [`run`](TaskWord::run) | (1, E) → (2, E+1) | the worker that popped it | resumes it |
//! | [`begin_wait`](TaskWord::begin_wait) | (2 or 0, E) → (2, E+1) | the coroutine, before it registers anywhere | — |
//! | [`wake`](TaskWord::wake), early | (2, E) → (0, E) | whoever holds E, before the commit | nothing: the commit will fail |
//! | [`wake`](TaskWord::wake) | (3, E) → (1, E) | whoever holds E | pushes the task, once |
//! | [`commit`](TaskWord::commit) | (2, E) → (3, E) | the coroutine, on its own stack | switches away |
//! | | (0, E) → (2, E+1) | the same, noticed | goes on |
//! | | (2, E) with CANCEL → (2, E+1) | the same, cancelled | goes on |
//! | [`cancel`](TaskWord::cancel) | sets CANCEL; (3, E) → (1, E) unless NOINT | anyone | pushes the task if it was woken |
//! | yield | none | the coroutine | its home's queue only |
//! | [`finished`](TaskWord::finished) | (·, E) → (0, E+1) | the home | — |
//! | [`recycled`](TaskWord::recycled) | clears CANCEL and NOINT | who gives the header back | — |
//!
//! # Why nothing is lost and nothing runs twice
//!
//! *No wake is lost.* A waker learns E only after `begin_wait` has put E into the word, and the
//! commit demands (2, E). A wake that comes before the commit turns the word into (0, E), so the
//! commit fails and the coroutine goes on; a wake that comes after it finds (3, E) and owes a push.
//!
//! *No wait is won twice.* A wait ends with one change: an early wake, a wake, a cancellation. From
//! state 0 or 1 nobody can claim it, and `run` and `commit` name a new epoch before the task is in
//! state 2 again; so of several wakers of one wait (`select!`, a timer beside an event) all but one
//! are told that it was stale, also when they come after the coroutine has gone on. Only a wait that
//! was begun and then given up without a commit can still be claimed, until the next one begins;
//! who gives it up takes its wakers back first, and looks whether one was used.
//!
//! *No task is queued twice.* Only a change to state 1 obliges to push, each such change is one
//! compare-and-swap from (3, E), and the word leaves state 1 only when the one entry is popped.
//!
//! *No stale wake hits a later wait.* The next wait has E+1, and a compare-and-swap that expects E
//! fails. The epoch has 60 bits and only grows, also when the header is used for another task, so
//! it is the generation count that a recycled pointer lacks (ABA).
//!
//! *Why the commit may happen before the stack is saved.* A woken task is run only by its home, and
//! the home is the very thread that is still executing the coroutine's last instructions.

use crate::atomics::{AtomicU64, Ordering};

/// Not queued, not running: never spawned, finished, or told early that its wait is over.
const READY: u64 = 0;
/// In exactly one queue.
const IN_QUEUE: u64 = 1;
/// On its home's thread.
const EXECUTING: u64 = 2;
/// Parked, for whatever reason: I/O, a timer, a lock, a channel, a join.
const IO_WAITING: u64 = 3;

const STATE: u64 = 0b11;
const CANCEL: u64 = 1 << 2;
const NOINT: u64 = 1 << 3;
const EPOCH_SHIFT: u32 = 4;
const ONE_EPOCH: u64 = 1 << EPOCH_SHIFT;

/// Names one wait of one task. Two waits of one header never share one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Epoch(u64);

impl Epoch {
    /// As a number, for words of other protocols that name a wait.
    pub(crate) fn get(self) -> u64 {
        self.0
    }

    /// The inverse of [`get`](Self::get).
    pub(crate) fn from_raw(raw: u64) -> Epoch {
        Epoch(raw)
    }
}

/// What a waker has to do.
#[must_use = "a task that was woken must be pushed by the one who woke it"]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Wake {
    /// The caller won a parked task and pushes it, once.
    Enqueue,
    /// The caller won before the task had parked; the task goes on by itself, or has given the
    /// wait up already.
    Noticed,
    /// The wait was over already. Nothing to do, and whatever was to be handed over stays.
    Stale,
}

/// What the coroutine does after its commit.
#[must_use = "a committed task must switch away, any other must not"]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Commit {
    /// Parked: switch away.
    Parked,
    /// Woken before: go on without switching.
    Noticed,
    /// Cancelled, and the wait may be interrupted: go on and say so.
    Cancelled,
}

/// Where a task is in its life, for reports.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Stage {
    /// New, finished, or just noticed.
    Ready,
    /// Queued.
    InQueue,
    /// Running.
    Executing,
    /// Parked.
    Waiting,
}

/// The word itself.
#[derive(Debug)]
pub(crate) struct TaskWord(AtomicU64);

fn state(word: u64) -> u64 {
    word & STATE
}

fn epoch(word: u64) -> Epoch {
    Epoch(word >> EPOCH_SHIFT)
}

fn with_state(word: u64, state: u64) -> u64 {
    word & !STATE | state
}

#[cold]
fn impossible(step: &str, word: u64) -> ! {
    panic!(
        "task word: {step} in state {} (cancel {}, noint {}, epoch {})",
        state(word),
        word & CANCEL != 0,
        word & NOINT != 0,
        word >> EPOCH_SHIFT
    );
}

impl TaskWord {
    /// The word of a header that was never used: (0, 0).
    pub(crate) fn new() -> TaskWord {
        TaskWord(AtomicU64::new(READY))
    }

    /// The word of something that always executes and is never queued: an OS thread.
    pub(crate) fn mark_executing(&self) {
        // ORDER: Relaxed: the header is not shared yet; whoever shares it publishes the word too.
        let was = self.0.fetch_add(EXECUTING, Ordering::Relaxed);
        if state(was) != READY {
            impossible("mark_executing", was);
        }
    }

    /// (0, E) → (1, E). The caller pushes the task, once.
    pub(crate) fn spawned(&self) {
        // ORDER: Relaxed: the queue into which the spawner pushes publishes the task as a whole.
        let was = self.0.fetch_add(IN_QUEUE - READY, Ordering::Relaxed);
        if state(was) != READY {
            impossible("spawned", was);
        }
    }

    /// (1, E) → (2, E+1), by the worker that popped the task: whoever still holds E is too late.
    pub(crate) fn run(&self) {
        // ORDER: Acquire: partner is the Release of `wake`: what the waker wrote for this task
        // before it claimed is seen by the coroutine (the queue would carry it as well).
        let was = self.0.fetch_add(EXECUTING - IN_QUEUE + ONE_EPOCH, Ordering::Acquire);
        if state(was) != IN_QUEUE {
            impossible("run", was);
        }
    }

    /// Whether the word is in state 1: popped after a wake, not after a yield.
    pub(crate) fn is_queued(&self) -> bool {
        // ORDER: Relaxed: asked by the home alone, which made or popped the last state change.
        state(self.0.load(Ordering::Relaxed)) == IN_QUEUE
    }

    /// (2 or 0, E) → (2, E+1): names a new wait, before the coroutine registers anywhere. With
    /// `noint` the wait is not interrupted by a cancellation.
    pub(crate) fn begin_wait(&self, noint: bool) -> Epoch {
        let mut seen = self.0.load(Ordering::Relaxed);
        loop {
            if state(seen) != EXECUTING && state(seen) != READY {
                impossible("begin_wait", seen);
            }
            let flag = if noint { NOINT } else { 0 };
            let next = (with_state(seen, EXECUTING) & !NOINT | flag) + ONE_EPOCH;
            // ORDER: Relaxed: the new epoch reaches wakers only through the lock or word under
            // which the coroutine registers it; Release on what they do with it is `wake`'s.
            match self.0.compare_exchange_weak(seen, next, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return epoch(next),
                Err(now) => seen = now,
            }
        }
    }

    /// Ends the wait `wanted`, if it is still the present one: (2, E) → (0, E) or (3, E) → (1, E).
    pub(crate) fn wake(&self, wanted: Epoch) -> Wake {
        let mut seen = self.0.load(Ordering::Relaxed);
        loop {
            if epoch(seen) != wanted {
                return Wake::Stale;
            }
            let (next, duty) = match state(seen) {
                EXECUTING => (with_state(seen, READY), Wake::Noticed),
                IO_WAITING => (with_state(seen, IN_QUEUE), Wake::Enqueue),
                _ => return Wake::Stale,
            };
            // ORDER: Release: partners are the Acquire of `run` and of `commit`: what the waker
            // did before (data written, a bit set) is visible to the woken coroutine. Acquire:
            // partner is the Release of `commit`: the home that the first run wrote is visible to
            // the waker that now pushes to it.
            match self.0.compare_exchange_weak(seen, next, Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) => return duty,
                Err(now) => seen = now,
            }
        }
    }

    /// (2, E) → (3, E), by the coroutine itself, just before it switches away; or, if it need not,
    /// → (2, E+1): the wait is over.
    pub(crate) fn commit(&self) -> Commit {
        let mut seen = self.0.load(Ordering::Relaxed);
        loop {
            let cancelled = seen & (CANCEL | NOINT) == CANCEL;
            let over = with_state(seen, EXECUTING) + ONE_EPOCH;
            let (next, outcome) = match state(seen) {
                READY => (over, Commit::Noticed),
                EXECUTING if cancelled => (over, Commit::Cancelled),
                EXECUTING => (with_state(seen, IO_WAITING), Commit::Parked),
                _ => impossible("commit", seen),
            };
            // ORDER: Release: partner is the Acquire in `wake` and `cancel`: whoever pushes the
            // task sees its home. Acquire: partner is the Release of an early `wake` and of
            // `cancel`, whose writes the coroutine reads when it goes on.
            match self.0.compare_exchange_weak(seen, next, Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) => return outcome,
                Err(now) => seen = now,
            }
        }
    }

    /// Asks the task to end: sets CANCEL, and wakes it from a wait that may be interrupted.
    pub(crate) fn cancel(&self) -> Wake {
        let mut seen = self.0.load(Ordering::Relaxed);
        loop {
            let wakes = state(seen) == IO_WAITING && seen & NOINT == 0;
            let next = if wakes { with_state(seen, IN_QUEUE) } else { seen } | CANCEL;
            // ORDER: Release: partner is the Acquire of `run`, `commit` and `is_cancelled`: the
            // reason is written before. Acquire: as in `wake`.
            match self.0.compare_exchange_weak(seen, next, Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) if wakes => return Wake::Enqueue,
                Ok(_) => return Wake::Noticed,
                Err(now) => seen = now,
            }
        }
    }

    /// Whether CANCEL is set.
    pub(crate) fn is_cancelled(&self) -> bool {
        // ORDER: Acquire: partner is the Release of `cancel`, for the reason.
        self.0.load(Ordering::Acquire) & CANCEL != 0
    }

    /// (·, E) → (0, E+1): the coroutine has returned.
    pub(crate) fn finished(&self) {
        let mut seen = self.0.load(Ordering::Relaxed);
        loop {
            if state(seen) != EXECUTING && state(seen) != READY {
                impossible("finished", seen);
            }
            let next = with_state(seen, READY) + ONE_EPOCH;
            // ORDER: Relaxed: the join word, not this one, publishes the result; stale wakers
            // only compare the epoch.
            match self.0.compare_exchange_weak(seen, next, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return,
                Err(now) => seen = now,
            }
        }
    }

    /// Clears the flags of a finished task, when nobody refers to it any more.
    pub(crate) fn recycled(&self) {
        // ORDER: Relaxed: the pool through which the header is reused publishes it.
        let was = self.0.fetch_and(!(CANCEL | NOINT), Ordering::Relaxed);
        if state(was) != READY {
            impossible("recycled", was);
        }
    }

    /// Whether the wait `wanted` is the present one and has not been won.
    pub(crate) fn is_waiting_in(&self, wanted: Epoch) -> bool {
        // ORDER: Relaxed: once over, a wait stays over, and nothing else is concluded from it.
        let seen = self.0.load(Ordering::Relaxed);
        epoch(seen) == wanted && matches!(state(seen), EXECUTING | IO_WAITING)
    }

    /// Where the task is now; already history when it is looked at.
    pub(crate) fn stage(&self) -> Stage {
        // ORDER: Relaxed: for reports; nothing else is read on the strength of it.
        match state(self.0.load(Ordering::Relaxed)) {
            READY => Stage::Ready,
            IN_QUEUE => Stage::InQueue,
            EXECUTING => Stage::Executing,
            _ => Stage::Waiting,
        }
    }
}

#[cfg(all(test, not(loom)))]
#[path = "state_tests.rs"]
mod tests;
