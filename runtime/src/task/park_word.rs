//! The token of `park` and `unpark`: EMPTY, NOTIFIED, or WAITING in a named wait.
//!
//! `unpark` may come before, during or after `park`, from anywhere, and holds no epoch; so it goes
//! through this word. A notice that comes while nobody waits is kept (once); one that comes while
//! the owner waits names the wait to end.
//!
//! | call | change | then |
//! |---|---|---|
//! | [`take`](ParkWord::take) (owner) | NOTIFIED → EMPTY | does not park |
//! | [`wait`](ParkWord::wait) (owner, after `begin_wait`) | EMPTY → WAITING(E) | commits |
//! | | NOTIFIED → EMPTY | does not park |
//! | [`notify`](ParkWord::notify) (anyone) | any → NOTIFIED | wakes E, if it was WAITING(E) |
//! | [`end`](ParkWord::end) (owner, after the wait) | any → EMPTY | |
//!
//! No notice is lost: `wait` and `notify` are single read-modify-writes on one word, so one of the
//! two comes first. If `wait` does, `notify` sees E and wakes it; the epoch was begun before, so
//! the commit fails or the parked task is claimed. If `notify` does, `wait` takes the notice.

use super::state::Epoch;
use crate::atomics::{AtomicU64, Ordering};

const EMPTY: u64 = 0;
const NOTIFIED: u64 = 1;
const WAITING: u64 = 2;

/// The token word of one coroutine or thread.
#[derive(Debug)]
pub(crate) struct ParkWord(AtomicU64);

impl ParkWord {
    pub(crate) fn new() -> ParkWord {
        ParkWord(AtomicU64::new(EMPTY))
    }

    /// Takes a notice that has come already.
    pub(crate) fn take(&self) -> bool {
        // ORDER: Acquire: partner is the Release in `notify`: what the notifier did before is
        // visible to who takes its notice, as std promises for `unpark`.
        self.0.compare_exchange(NOTIFIED, EMPTY, Ordering::Acquire, Ordering::Relaxed).is_ok()
    }

    /// Says that the owner waits in `epoch`; false if a notice has come first, which it takes.
    #[must_use = "an owner that took a notice must not park"]
    pub(crate) fn wait(&self, epoch: Epoch) -> bool {
        // ORDER: Release: partner is the Acquire in `notify`, which uses the epoch. Acquire on
        // failure: as in `take`.
        match self.0.compare_exchange(
            EMPTY,
            epoch.get() << 2 | WAITING,
            Ordering::Release,
            Ordering::Acquire,
        ) {
            Ok(_) => true,
            Err(_) => {
                self.end();
                false
            }
        }
    }

    /// Leaves a notice; returns the wait that it has to end.
    #[must_use = "the wait that is returned must be woken"]
    pub(crate) fn notify(&self) -> Option<Epoch> {
        // ORDER: AcqRel: Release for `take`, `wait` and `end`; Acquire for the epoch of `wait`.
        let was = self.0.swap(NOTIFIED, Ordering::AcqRel);
        (was & 3 == WAITING).then(|| Epoch::from_raw(was >> 2))
    }

    /// The owner waits no longer; a notice that came meanwhile is taken with that (true).
    pub(crate) fn end(&self) -> bool {
        // ORDER: Acquire: as in `take`.
        self.0.swap(EMPTY, Ordering::Acquire) == NOTIFIED
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::task::state::TaskWord;

    #[test]
    fn a_notice_before_the_wait_is_taken_once() {
        let word = ParkWord::new();
        assert!(!word.take());
        assert_eq!(word.notify(), None);
        assert_eq!(word.notify(), None);
        assert!(word.take());
        assert!(!word.take());
    }

    #[test]
    fn a_notice_during_the_wait_names_its_epoch() {
        let (word, task) = (ParkWord::new(), TaskWord::new());
        let epoch = task.begin_wait(false);
        assert!(word.wait(epoch));
        assert_eq!(word.notify(), Some(epoch));
        word.end();
        assert!(!word.take());
    }

    #[test]
    fn a_notice_between_begin_and_wait_prevents_the_park() {
        let (word, task) = (ParkWord::new(), TaskWord::new());
        let epoch = task.begin_wait(false);
        assert_eq!(word.notify(), None);
        assert!(!word.wait(epoch));
        assert!(!word.take());
    }
}
