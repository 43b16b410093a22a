//! Poison: whether somebody panicked while it held a lock.
//!
//! The words for it (`PoisonError`, `TryLockError`, `LockResult`) are std's own.

use std::sync::{
    LockResult, PoisonError,
    atomic::{AtomicBool, Ordering},
};

/// The mark on a lock.
#[derive(Debug)]
pub(crate) struct Flag(AtomicBool);

/// Whether the holder was unwinding already when it took the lock; such a one does not poison.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entered {
    panicking: bool,
}

impl Flag {
    pub(crate) const fn new() -> Flag {
        Flag(AtomicBool::new(false))
    }

    /// The lock was taken to change something.
    #[inline]
    pub(crate) fn enter(&self) -> Entered {
        Entered { panicking: std::thread::panicking() }
    }

    /// The lock is about to be given up.
    #[inline]
    pub(crate) fn leave(&self, entered: Entered) {
        if !entered.panicking && std::thread::panicking() {
            // ORDER: Relaxed: the lock's word, which is released next, publishes it.
            self.0.store(true, Ordering::Relaxed);
        }
    }

    #[inline]
    pub(crate) fn is_set(&self) -> bool {
        // ORDER: Relaxed: who holds the lock has acquired the word; without the lock it is advice.
        self.0.load(Ordering::Relaxed)
    }

    pub(crate) fn clear(&self) {
        // ORDER: Relaxed: as in `is_set`.
        self.0.store(false, Ordering::Relaxed);
    }

    /// `value`, as an error if the mark is set.
    #[inline]
    pub(crate) fn wrap<T>(&self, value: T) -> LockResult<T> {
        if self.is_set() { Err(PoisonError::new(value)) } else { Ok(value) }
    }
}
