//! Who serves a connection on one worker, so that it can be cancelled.
//!
//! Written by coroutines of that worker alone, so the lock is contended only while somebody cancels
//! them all. It must not know what they do.

use std::sync::{
    Mutex, MutexGuard, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use crate::{
    cancel::Reason,
    task::header::{Task, TaskRef},
};

/// See the module.
#[derive(Default)]
pub(super) struct Roll {
    state: Mutex<State>,
    /// Connections that accept loops of this worker have taken.
    accepted: AtomicU64,
}

#[derive(Default)]
struct State {
    serving: Vec<Option<TaskRef>>,
    free: Vec<usize>,
    told: bool,
}

/// A place on the roll, for as long as it lives.
pub(super) struct Entry<'a> {
    roll: &'a Roll,
    place: usize,
}

impl Roll {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Enters the running coroutine; `None` once all have been cancelled.
    pub(super) fn enter(&self, task: Task) -> Option<Entry<'_>> {
        let task = task.try_ref();
        let mut state = self.state();
        if state.told {
            return None;
        }
        let place = state.free.pop().unwrap_or_else(|| {
            state.serving.push(None);
            state.serving.len() - 1
        });
        state.serving[place] = task;
        Some(Entry { roll: self, place })
    }

    /// Whether nobody is on it.
    pub(super) fn is_empty(&self) -> bool {
        let state = self.state();
        state.free.len() == state.serving.len()
    }

    /// Cancels all that are on it, and lets nobody on it any more.
    pub(super) fn cancel(&self, reason: Reason) {
        let mut state = self.state();
        state.told = true;
        let all: Vec<_> = state.serving.iter().flatten().cloned().collect();
        drop(state);
        for task in all {
            task.task().cancel(reason);
        }
    }

    /// One more connection was accepted.
    pub(super) fn count_accepted(&self) {
        // ORDER: Relaxed: a count.
        self.accepted.fetch_add(1, Ordering::Relaxed);
    }

    /// How many were.
    pub(super) fn accepted(&self) -> u64 {
        // ORDER: Relaxed: a count.
        self.accepted.load(Ordering::Relaxed)
    }
}

impl Drop for Entry<'_> {
    fn drop(&mut self) {
        let mut state = self.roll.state();
        let task = state.serving[self.place].take();
        state.free.push(self.place);
        drop(state);
        // Never the last reference: the coroutine runs.
        drop(task);
    }
}
