//! The word of `Once`: whether something was done, is being done, or was begun and broken off.
//!
//! | call | change | then |
//! |---|---|---|
//! | [`begin`](RawOnce::begin) | INCOMPLETE → RUNNING | the caller does it, and calls `finish` |
//! | | POISONED → RUNNING, if the caller takes that on | the same |
//! | | RUNNING stays | waits, and looks again |
//! | [`finish`](RawOnce::finish) | RUNNING → COMPLETE or POISONED | all that wait look again |
//!
//! *No wake is lost.* A waiter looks at the word under the queue's lock before it enters; `finish`
//! changes the word, and locks the queue after that. If the waiter was first, it is in the list and
//! is found; if not, it sees the change, which the lock has carried.

use super::{
    queue::{Ended, Locked, Place, Queue, Terms, Ticket},
    wait::Kind,
};
use crate::atomics::{AtomicUsize, Ordering};

const INCOMPLETE: usize = 0;
const POISONED: usize = 1;
const RUNNING: usize = 2;
const COMPLETE: usize = 3;

/// What the caller of [`RawOnce::begin`] does.
#[must_use = "what was begun must be finished"]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Begin {
    /// It does it, and calls `finish`.
    Run { poisoned: bool },
    /// Nothing: it is done.
    Done,
    /// It was broken off before.
    Poisoned,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct RawOnce {
    word: AtomicUsize,
    queue: Queue,
}

impl RawOnce {
    /// Nothing was done.
    #[cfg(not(loom))]
    pub(crate) const fn new() -> RawOnce {
        RawOnce { word: AtomicUsize::new(INCOMPLETE), queue: Queue::new(()) }
    }

    /// Nothing was done; loom's atomics can't be made in a constant.
    #[cfg(loom)]
    pub(crate) fn new() -> RawOnce {
        RawOnce { word: AtomicUsize::new(INCOMPLETE), queue: Queue::new(()) }
    }

    #[inline]
    pub(crate) fn is_done(&self) -> bool {
        // ORDER: Acquire: partner is the Release in `finish`: what was done is visible.
        self.word.load(Ordering::Acquire) == COMPLETE
    }

    /// Whether it was broken off; for reports.
    pub(crate) fn is_poisoned(&self) -> bool {
        // ORDER: Relaxed: nothing else is read on the strength of it.
        self.word.load(Ordering::Relaxed) == POISONED
    }

    /// Takes it on, or waits until somebody else has ended it. Not a point of cancellation.
    /// `before_wait` is called under the queue's lock.
    pub(crate) fn begin(&self, force: bool, before_wait: impl Fn()) -> Begin {
        loop {
            // ORDER: Acquire: partner is the Release in `finish`: what a broken one has left
            // behind, or a complete one has done.
            let seen = self.word.load(Ordering::Acquire);
            match seen {
                COMPLETE => return Begin::Done,
                POISONED if !force => return Begin::Poisoned,
                RUNNING => self.wait_while(|word| word == RUNNING, &before_wait),
                _ => {
                    // ORDER: Acquire: as above. Relaxed on failure: it is looked at again.
                    let begun = self.word.compare_exchange(
                        seen,
                        RUNNING,
                        Ordering::Acquire,
                        Ordering::Relaxed,
                    );
                    if begun.is_ok() {
                        return Begin::Run { poisoned: seen == POISONED };
                    }
                }
            }
        }
    }

    /// Ends what `begin` has begun.
    pub(crate) fn finish(&self, complete: bool) {
        let to = if complete { COMPLETE } else { POISONED };
        // ORDER: Release: partner is the Acquire in `is_done` and `begin`: what was done is visible.
        let was = self.word.swap(to, Ordering::Release);
        assert_eq!(was, RUNNING, "only who has begun ends it");
        self.queue.lock().grant_all();
    }

    /// Waits until it is done, by whomever; false if it was broken off, unless `force`.
    pub(crate) fn wait(&self, force: bool) -> bool {
        loop {
            if self.is_done() {
                return true;
            }
            if !force && self.is_poisoned() {
                return false;
            }
            self.wait_while(|word| word != COMPLETE && (force || word != POISONED), &|| {});
        }
    }

    /// Waits once, if the word is as `unfinished` says.
    #[cold]
    fn wait_while(&self, unfinished: impl Fn(usize) -> bool, before_wait: &impl Fn()) {
        let terms = Terms { kind: Kind::Uninterruptible, deadline: None };
        let enter = |_: &mut Locked<'_, ()>| {
            // ORDER: Relaxed: the queue's lock carries the change (see the module), and what it
            // publishes is acquired when the word is looked at again.
            unfinished(self.word.load(Ordering::Relaxed)).then(|| {
                before_wait();
                Place::Back
            })
        };
        // However it has ended: the caller looks again.
        let _ended: Ended = self.queue.wait(terms, Ticket::plain(), enter, || {}, |_| {});
    }
}
