//! Who ends a task's result: the word between the coroutine that finishes and its `JoinHandle`.
//!
//! | call | change | then |
//! |---|---|---|
//! | [`wait`](JoinWord::wait) (handle) | OPEN → WAITING | commits, or is pending; the finisher wakes it |
//! | | DONE stays | does not park, is ready |
//! | [`stop_waiting`](JoinWord::stop_waiting) (handle) | WAITING → OPEN | takes its waker back, may wait again |
//! | | DONE stays | the waker is the finisher's |
//! | [`detach`](JoinWord::detach) (handle) | OPEN → DETACHED | the finisher drops the result |
//! | | DONE stays | the handle drops the result |
//! | [`finish`](JoinWord::finish) (coroutine) | OPEN → DONE | |
//! | | WAITING → DONE | wakes the joiner |
//! | | DETACHED → DONE | drops the result |
//!
//! The result cell has one owner at a time: the coroutine until `finish`, then the handle, or
//! nobody's handle and so the coroutine itself.
//!
//! The waker of the joiner stands in the header: that of one wait of a task, or one that an async
//! poll has left. The handle touches it only if its own last change has left the word OPEN (so it
//! was OPEN still, if it is DONE now), the finisher only if it saw WAITING. A poll returns in
//! WAITING; `stop_waiting` comes before whatever the handle does next, so `detach` finds OPEN or
//! DONE, and a waker that is replaced is taken back before the next one is written.

use crate::atomics::{AtomicU64, Ordering};

const OPEN: u64 = 0;
const WAITING: u64 = 1;
const DETACHED: u64 = 2;
const DONE: u64 = 3;

/// The word.
#[derive(Debug)]
pub(crate) struct JoinWord(AtomicU64);

/// What the finishing coroutine has to do.
#[must_use = "a joiner must be woken, a detached result dropped"]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Finish {
    /// The handle will find the result.
    Leave,
    /// The joiner's waker stands in the header, and is the caller's: wake it.
    WakeJoiner,
    /// Nobody will ask: the result is the coroutine's to drop.
    DropResult,
}

impl JoinWord {
    pub(crate) fn new() -> JoinWord {
        JoinWord(AtomicU64::new(OPEN))
    }

    /// Opens the word of a recycled header.
    pub(crate) fn reopen(&self) {
        // ORDER: Relaxed: the header is not shared; the queue it is pushed to publishes it.
        self.0.store(OPEN, Ordering::Relaxed);
    }

    /// Whether the result is there.
    pub(crate) fn is_done(&self) -> bool {
        // ORDER: Acquire: partner is the Release in `finish`, for the result.
        self.0.load(Ordering::Acquire) == DONE
    }

    /// Says that the joiner's waker has been written; false if the task is done.
    #[must_use = "a joiner of a finished task must not park"]
    pub(crate) fn wait(&self) -> bool {
        // ORDER: Release: partner is the Acquire in `finish`, for the waker in the header.
        // Acquire on failure: partner is the Release in `finish`, for the result.
        self.0.compare_exchange(OPEN, WAITING, Ordering::Release, Ordering::Acquire).is_ok()
    }

    /// Takes the announcement back, and the waker with it; false if the task is done.
    #[must_use = "a waker that was not taken back is the finisher's"]
    pub(crate) fn stop_waiting(&self) -> bool {
        // ORDER: Relaxed on success: nothing crosses. Acquire on failure: as in `wait`.
        self.0.compare_exchange(WAITING, OPEN, Ordering::Relaxed, Ordering::Acquire).is_ok()
    }

    /// Gives the result up; false if it is there, and so is the handle's to drop.
    #[must_use = "a result that is there must be dropped by the handle"]
    pub(crate) fn detach(&self) -> bool {
        // ORDER: Release: partner is the Acquire in `finish`: the handle's last use of the cell
        // comes before the coroutine drops it. Acquire on failure: as in `wait`.
        self.0.compare_exchange(OPEN, DETACHED, Ordering::Release, Ordering::Acquire).is_ok()
    }

    /// The result is written.
    pub(crate) fn finish(&self) -> Finish {
        // ORDER: AcqRel: Release publishes the result to the handle; Acquire takes the joiner's
        // waker (WAITING) or the cell (DETACHED) over.
        match self.0.swap(DONE, Ordering::AcqRel) {
            OPEN => Finish::Leave,
            WAITING => Finish::WakeJoiner,
            DETACHED => Finish::DropResult,
            other => panic!("join word: finish in state {other}"),
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn finish_tells_who_owns_the_result() {
        let word = JoinWord::new();
        assert!(!word.is_done());
        assert_eq!(word.finish(), Finish::Leave);
        assert!(word.is_done());
        assert!(!word.wait());
        assert!(!word.detach());

        word.reopen();
        assert!(word.wait());
        assert_eq!(word.finish(), Finish::WakeJoiner);
        assert!(!word.stop_waiting());

        word.reopen();
        assert!(word.wait());
        assert!(word.stop_waiting());
        assert!(word.detach());
        assert_eq!(word.finish(), Finish::DropResult);
    }
}
