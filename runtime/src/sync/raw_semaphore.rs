//! The word of `Semaphore`: how many permits are free, and whether anybody waits.
//!
//! ```text
//!  63                      1      0
//! |    free permits         | QUEUED |
//! ```
//!
//! | call | change | when |
//! |---|---|---|
//! | [`try_acquire`](RawSemaphore::try_acquire) | − n | QUEUED clear, and n are free |
//! | enlist (queue locked) | − n | the same |
//! | | sets QUEUED | otherwise |
//! | [`release`](RawSemaphore::release) | + n | QUEUED clear |
//! | | + n, then serves (queue locked) | QUEUED set |
//! | serve (queue locked) | − what the first waits for, and grants it | as long as so many are free |
//! | | clears QUEUED | the list is empty |
//!
//! First come, first served: nobody takes a permit past a waiter, so also one that waits for many
//! gets them. While QUEUED is set only who has the queue's lock changes the word; so *no permit is
//! lost*: a release has either come before the waiter's look at the word, which the waiter's
//! compare-and-swap then sees, or sees QUEUED and serves. Who leaves the queue with nothing may have
//! stood before others who want less, and so serves too.

use super::{
    age::Age,
    queue::{Locked, Place, Queue, Ticket},
};
use crate::atomics::{AtomicUsize, Ordering};

const QUEUED: usize = 1;
const ONE: usize = 2;

/// How many permits there may be.
pub(crate) const MOST: usize = usize::MAX >> 3;

/// See the module.
#[derive(Debug)]
pub(crate) struct RawSemaphore {
    word: AtomicUsize,
    queue: Queue,
}

fn free(word: usize) -> usize {
    word / ONE
}

fn checked(permits: usize) -> usize {
    assert!(permits <= MOST, "a semaphore has at most {MOST} permits");
    permits
}

impl RawSemaphore {
    /// With so many free permits.
    #[cfg(not(loom))]
    pub(crate) const fn new(permits: usize) -> RawSemaphore {
        assert!(permits <= MOST, "a semaphore has fewer permits");
        RawSemaphore { word: AtomicUsize::new(permits * ONE), queue: Queue::new(()) }
    }

    /// With so many free permits; loom's atomics can't be made in a constant.
    #[cfg(loom)]
    pub(crate) fn new(permits: usize) -> RawSemaphore {
        RawSemaphore { word: AtomicUsize::new(permits * ONE), queue: Queue::new(()) }
    }

    /// What it is that waits.
    pub(crate) fn queue(&self) -> &Queue {
        &self.queue
    }

    /// How many are free now.
    pub(crate) fn free(&self) -> usize {
        // ORDER: Relaxed: advice; nothing else is read on the strength of it.
        free(self.word.load(Ordering::Relaxed))
    }

    /// Takes `n` permits, if so many are free and nobody waits.
    #[inline]
    pub(crate) fn try_acquire(&self, n: usize) -> bool {
        let mut seen = self.word.load(Ordering::Relaxed);
        loop {
            if seen & QUEUED != 0 || free(seen) < n {
                return false;
            }
            // ORDER: Acquire: partner is the Release in `release`: what was done under a permit
            // is visible to who has it next.
            let taken = self.word.compare_exchange_weak(
                seen,
                seen - n * ONE,
                Ordering::Acquire,
                Ordering::Relaxed,
            );
            match taken {
                Ok(_) => return true,
                Err(now) => seen = now,
            }
        }
    }

    /// What a waiter for `n` permits carries.
    pub(crate) fn ticket(n: usize) -> Ticket {
        Ticket::new(n, Age::urgent())
    }

    /// Announces a waiter for `n`, or takes the permits after all: then there is no place. The queue
    /// is locked.
    pub(crate) fn enlist(&self, n: usize, queue: &Locked<'_, ()>) -> Option<Place> {
        let mut seen = self.word.load(Ordering::Relaxed);
        loop {
            let can = queue.is_empty() && n <= free(seen);
            let next = if can { seen - n * ONE } else { seen | QUEUED };
            // ORDER: Acquire: as in `try_acquire`. The node crosses by the queue's lock.
            let changed =
                self.word.compare_exchange_weak(seen, next, Ordering::Acquire, Ordering::Relaxed);
            match changed {
                Ok(_) => return (!can).then_some(Place::Back),
                Err(now) => seen = now,
            }
        }
    }

    /// Gives `n` permits back, or adds them.
    pub(crate) fn release(&self, n: usize) {
        if n == 0 {
            return;
        }
        let mut seen = self.word.load(Ordering::Relaxed);
        loop {
            checked(free(seen) + checked(n));
            if seen & QUEUED != 0 {
                let mut queue = self.queue.lock();
                // ORDER: Release: as below. Acquire: partner is the same Release by others: what
                // they did under the permits that are granted now comes before.
                self.word.fetch_add(n * ONE, Ordering::AcqRel);
                self.serve(&mut queue);
                return;
            }
            // ORDER: Release: partner is the Acquire in `try_acquire`.
            let given = self.word.compare_exchange_weak(
                seen,
                seen + n * ONE,
                Ordering::Release,
                Ordering::Relaxed,
            );
            match given {
                Ok(_) => return,
                Err(now) => seen = now,
            }
        }
    }

    /// Takes up to `n` free permits away for good; says how many.
    pub(crate) fn forget(&self, n: usize) -> usize {
        // With the lock, as others who hold it rely on a word with QUEUED to stand still.
        let _queue = self.queue.lock();
        let mut seen = self.word.load(Ordering::Relaxed);
        loop {
            let less = n.min(free(seen));
            // ORDER: Relaxed: nobody uses these permits; the value of others' releases stays in
            // the release sequence, as this is a read-modify-write.
            let taken = self.word.compare_exchange_weak(
                seen,
                seen - less * ONE,
                Ordering::Relaxed,
                Ordering::Relaxed,
            );
            match taken {
                Ok(_) => return less,
                Err(now) => seen = now,
            }
        }
    }

    /// Grants what can be granted, and says whether anybody is left. The queue is locked.
    pub(crate) fn serve(&self, queue: &mut Locked<'_, ()>) {
        while let Some(first) = queue.first() {
            let wants = first.wants;
            if free(self.word.load(Ordering::Relaxed)) < wants {
                return;
            }
            // ORDER: Acquire: as in `release`; a waiter that left serves without a release.
            self.word.fetch_sub(wants * ONE, Ordering::Acquire);
            queue.grant_first();
        }
        // ORDER: Relaxed: permits are published by their own releases.
        self.word.fetch_and(!QUEUED, Ordering::Relaxed);
    }
}
