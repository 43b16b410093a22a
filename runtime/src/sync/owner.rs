//! Who holds a lock, as far as is known: for reports, and for the rule that ends a wait which could
//! never end.
//!
//! It is advice, and orders nothing. But what it says of coroutines of the reader's own worker is
//! exact: each writes it on that worker's thread, or had it written before it was granted the lock.

use std::{
    ptr,
    sync::atomic::{AtomicPtr, Ordering},
};

use crate::{
    current,
    task::header::{Header, Task},
};

/// The holder, or nobody: a plain thread that takes a lock is not worth a look-up.
#[derive(Debug)]
pub(crate) struct Owner(AtomicPtr<Header>);

impl Owner {
    pub(crate) const fn nobody() -> Owner {
        Owner(AtomicPtr::new(ptr::null_mut()))
    }

    /// The caller holds it.
    #[inline]
    pub(crate) fn set_me(&self) {
        self.set(current::task());
    }

    /// Says who holds it.
    #[inline]
    pub(crate) fn set(&self, task: Option<Task>) {
        let raw = task.map_or(ptr::null_mut(), |task| ptr::from_ref(task).cast_mut());
        // ORDER: Relaxed: advice; headers are type-stable, so any value may be looked at. See the
        // module for why a worker's own entries are exact.
        self.0.store(raw, Ordering::Relaxed);
    }

    /// Who is said to hold it.
    pub(crate) fn get(&self) -> Option<Task> {
        // ORDER: Relaxed: as in `set`.
        let raw = self.0.load(Ordering::Relaxed);
        // SAFETY: it was made from a reference to a header, and headers are type-stable.
        unsafe { raw.as_ref() }
    }

    /// Whether the running coroutine is said to.
    pub(crate) fn is_me(&self) -> bool {
        match (self.get(), current::task()) {
            (Some(owner), Some(me)) => ptr::eq(owner, me),
            _ => false,
        }
    }
}
