//! The lock of `Mutex` and `RwLock`: a word, and a queue for who has to wait.
//!
//! It owns who holds the lock; what the lock protects, who its holders are, and what a panic makes
//! of it, it must not know.
//!
//! ```text
//!  63                3      2        1        0
//! |  number of readers | WAKING | QUEUED | WRITER |
//! ```
//!
//! | call | change | when |
//! |---|---|---|
//! | [`try_lock`](RawLock::try_lock) (one) | free → WRITER | no holder |
//! | [`try_lock`](RawLock::try_lock) (shared) | + reader | no writer, and QUEUED clear or no reader |
//! | enlist (queue locked) | sets QUEUED; clears WAKING, if the waiter was called | as `try_lock` would fail |
//! | [`unlock`](RawLock::unlock) | − WRITER or − reader | others hold it too, or QUEUED is clear, or WAKING set |
//! | pass on (queue locked) | share → WRITER | the first waiter is a writer, and old: it is granted |
//! | | share → readers | the first waiters are readers: they are granted |
//! | | share → free, WAKING | the first waiter is a writer, and young: it is called |
//!
//! QUEUED is set exactly while the list has a node, when the queue is not locked. WAKING says that
//! a writer was called and has neither taken the lock nor come back to the queue.
//!
//! # Why nobody waits for ever
//!
//! *No wake is lost.* A waiter enlists by setting QUEUED in a word in which it could not have taken
//! the lock, so somebody holds it then. Who gives up the last share does so by a compare-and-swap
//! of the whole word: it has either come before, and the waiter sees the lock free and takes it, or
//! it sees QUEUED and passes the lock on, unless WAKING says that a called writer will. That one
//! either takes the lock, and passes it on when it leaves, or enlists: it clears WAKING in a word
//! that has a holder, who then sees QUEUED without WAKING.
//!
//! *Nobody starves.* A writer that is called may find the lock taken by a newcomer; then it stands
//! before all others, as old as it was, and once it is older than [`BOUND`](super::age::BOUND) it is
//! granted the lock: nobody can come between. Readers are granted theirs at once. A newcomer that
//! wants to read joins other readers only while nobody waits, so that readers cannot follow each
//! other for ever past a writer.
//!
//! # Why the word stands still while the lock is passed on
//!
//! Under the queue's lock, with QUEUED set and one share, which is the caller's: a newcomer needs a
//! free lock or a clear QUEUED, and whoever enlists or leaves needs the queue. So one swap ends it.
//!
//! # Waiters that block their thread
//!
//! A coroutine that unwinds blocks its worker (see the task's waits), and so all that would run
//! there, among them perhaps the writer that was called. So it enlists before all others, clears
//! WAKING itself, and is granted whatever its age. A second called writer does no harm: it is one
//! that tries and comes back.

use super::{
    age::Age,
    header::Waker,
    queue::{Ended, Locked, Place, Queue, Terms, Ticket},
    wait::Kind,
};
use crate::atomics::{AtomicUsize, Ordering};

const WRITER: usize = 1;
const QUEUED: usize = 2;
const WAKING: usize = 4;
const READER: usize = 8;

/// How much of the lock.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Share {
    /// All of it.
    One,
    /// A part: any number of others may have one too.
    Shared,
}

impl Share {
    /// In the word.
    const fn bits(self) -> usize {
        match self {
            Share::One => WRITER,
            Share::Shared => READER,
        }
    }
}

/// See the module.
#[derive(Debug)]
pub(crate) struct RawLock {
    word: AtomicUsize,
    queue: Queue,
}

fn is_free(word: usize) -> bool {
    word & !(QUEUED | WAKING) == 0
}

/// The word with `share` taken, if it can be.
fn with(word: usize, share: Share) -> Option<usize> {
    let can = match share {
        Share::One => is_free(word),
        Share::Shared => word & WRITER == 0 && (word & QUEUED == 0 || is_free(word)),
    };
    // So many readers can't be: each has a stack.
    can.then(|| word.checked_add(share.bits()).expect("more readers than memory has bytes"))
}

/// Whether who gives up a share and leaves `word` behind has to pass the lock on.
fn owes(word: usize) -> bool {
    is_free(word) && word & (QUEUED | WAKING) == QUEUED
}

impl RawLock {
    /// A free lock.
    #[cfg(not(loom))]
    pub(crate) const fn new() -> RawLock {
        RawLock { word: AtomicUsize::new(0), queue: Queue::new(()) }
    }

    /// A free lock; loom's atomics can't be made in a constant.
    #[cfg(loom)]
    pub(crate) fn new() -> RawLock {
        RawLock { word: AtomicUsize::new(0), queue: Queue::new(()) }
    }

    /// Takes a share of a lock that is free, or shared and wanted by nobody else.
    #[inline]
    pub(crate) fn try_lock(&self, share: Share) -> bool {
        // ORDER: Acquire: partner is the Release with which shares are given up: what the last
        // holder did is visible. Relaxed on failure: nothing was taken.
        let first =
            self.word.compare_exchange(0, share.bits(), Ordering::Acquire, Ordering::Relaxed);
        first.is_ok() || self.take(share, false)
    }

    /// The same for any word. `called` is the writer for whom WAKING is set.
    fn take(&self, share: Share, called: bool) -> bool {
        let mut seen = self.word.load(Ordering::Relaxed);
        loop {
            let Some(next) = with(seen, share) else {
                return false;
            };
            let next = if called { next & !WAKING } else { next };
            // ORDER: as in `try_lock`.
            let taken =
                self.word.compare_exchange_weak(seen, next, Ordering::Acquire, Ordering::Relaxed);
            match taken {
                Ok(_) => return true,
                Err(now) => seen = now,
            }
        }
    }

    /// Waits for a share. With `urgent`, which is of a caller that blocks its thread, before all
    /// others. `before_wait` is called under the queue's lock when it has to wait: no lock is
    /// passed on meanwhile.
    #[cold]
    pub(crate) fn lock_slow(&self, share: Share, urgent: bool, before_wait: impl Fn()) {
        let since = if urgent { Age::urgent() } else { Age::now() };
        let terms = Terms { kind: Kind::Uninterruptible, deadline: None };
        let mut place = if urgent { Place::Front } else { Place::Back };
        let mut called = false;
        while !self.take(share, called) {
            let enter = |_: &mut Locked<'_, ()>| {
                self.enlist(share, called || urgent).then(|| {
                    before_wait();
                    place
                })
            };
            let ticket = Ticket::new(share.bits(), since);
            match self.queue.wait(terms, ticket, enter, || {}, |queue| self.left(queue)) {
                Ended::Granted => return,
                Ended::NotNeeded => continue,
                Ended::Called => called = true,
                Ended::TimedOut | Ended::Interrupted => called = false,
            }
            place = Place::Front;
        }
    }

    /// Announces a waiter; false if the lock could be taken. The queue is locked.
    fn enlist(&self, share: Share, clear_waking: bool) -> bool {
        let mut seen = self.word.load(Ordering::Relaxed);
        loop {
            if with(seen, share).is_some() {
                return false;
            }
            let next = if clear_waking { seen & !WAKING } else { seen } | QUEUED;
            // ORDER: Relaxed: the node crosses by the queue's lock, which who reads QUEUED takes.
            let set =
                self.word.compare_exchange_weak(seen, next, Ordering::Relaxed, Ordering::Relaxed);
            match set {
                Ok(_) => return true,
                Err(now) => seen = now,
            }
        }
    }

    /// Whether nobody has it and nobody waits: for models, when all have gone.
    #[cfg(loom)]
    pub(crate) fn is_at_rest(&self) -> bool {
        self.word.load(Ordering::Relaxed) == 0
    }

    /// A waiter has left the queue, which is locked, with nothing.
    fn left(&self, queue: &mut Locked<'_, ()>) {
        if queue.is_empty() {
            // ORDER: Relaxed: as in `enlist`.
            self.word.fetch_and(!QUEUED, Ordering::Relaxed);
        }
    }

    /// Gives up a share that the caller has. `granted` hears, under the queue's lock, who holds all
    /// of the lock next, if it was granted to somebody.
    #[inline]
    pub(crate) fn unlock(&self, share: Share, granted: impl Fn(Waker)) {
        // ORDER: Release: partner is the Acquire of who takes a share next: what this holder did
        // with what the lock protects is visible to it.
        let only =
            self.word.compare_exchange(share.bits(), 0, Ordering::Release, Ordering::Relaxed);
        if let Err(seen) = only {
            self.unlock_slow(share, seen, granted);
        }
    }

    #[cold]
    fn unlock_slow(&self, share: Share, mut seen: usize, granted: impl Fn(Waker)) {
        loop {
            let next = seen.checked_sub(share.bits()).expect("who unlocks has a share");
            if owes(next) {
                if self.pass_on(share, &granted) {
                    return;
                }
                seen = self.word.load(Ordering::Relaxed);
                continue;
            }
            // ORDER: as in `unlock`.
            let left =
                self.word.compare_exchange_weak(seen, next, Ordering::Release, Ordering::Relaxed);
            match left {
                Ok(_) => return,
                Err(now) => seen = now,
            }
        }
    }

    /// Gives the share up to the first in the queue; false if the word has changed before the queue
    /// was locked, so that nothing is owed any more.
    fn pass_on(&self, share: Share, granted: &impl Fn(Waker)) -> bool {
        let mut queue = self.queue.lock();
        // From here on the word stands still, if something is owed: see the module.
        let seen = self.word.load(Ordering::Relaxed);
        if !owes(seen - share.bits()) {
            return false;
        }
        let first = queue.first().expect("QUEUED is set while the list has a node");
        let readers = queue.tickets().take_while(|ticket| ticket.wants == READER).count();
        let granted_writer = readers == 0 && first.since.is_over();
        let mut next = match readers {
            0 if granted_writer => WRITER,
            0 => WAKING,
            _ => readers * READER,
        };
        if queue.tickets().nth(readers.max(1)).is_some() {
            next |= QUEUED;
        }
        // Before anybody is told: who is granted the lock may have left it before this returns.
        // ORDER: Release: partner is the Acquire of who takes a free lock, as in `unlock`. Acquire:
        // partner is the Release of readers that have left before, as what they did comes before
        // what the next writer does; to one that is granted the lock it crosses by the claim.
        let was = self.word.swap(next, Ordering::AcqRel);
        assert_eq!(was, seen, "a lock word changed while it was passed on");
        for _ in 0..readers {
            queue.grant_first();
        }
        if granted_writer {
            queue.first_waker().map(granted);
            queue.grant_first();
        } else if readers == 0 {
            queue.call_first();
        }
        true
    }
}

#[cfg(all(test, not(loom)))]
#[path = "raw_lock_tests.rs"]
mod tests;
