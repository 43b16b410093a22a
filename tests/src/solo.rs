//! A check that a coroutine is never run by two workers at once, or twice in one turn.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

/// Belongs to one coroutine; shared only so that it could be seen twice.
#[derive(Clone, Debug, Default)]
pub struct Solo {
    inside: Arc<AtomicBool>,
    turns: Arc<AtomicUsize>,
}

impl Solo {
    /// One that is inside.
    #[must_use]
    pub fn new() -> Solo {
        let solo = Solo::default();
        solo.enter();
        solo
    }

    /// Leaves for a wait, and comes back from it.
    pub fn outside<T>(&self, wait: impl FnOnce() -> T) -> T {
        assert!(self.inside.swap(false, Ordering::SeqCst), "left twice");
        let value = wait();
        self.enter();
        value
    }

    /// How often it has come in.
    #[must_use]
    pub fn turns(&self) -> usize {
        self.turns.load(Ordering::SeqCst)
    }

    fn enter(&self) {
        assert!(!self.inside.swap(true, Ordering::SeqCst), "run twice at once");
        self.turns.fetch_add(1, Ordering::SeqCst);
    }
}
