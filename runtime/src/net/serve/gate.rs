//! The limit on connections: how many are inside, and who waits to let in one more.
//!
//! A permit is taken before a connection is accepted and given back when it ends. Who finds none
//! waits; a permit that comes back goes to the one that has waited longest, and no newcomer
//! overtakes it: an accept loop that was overtaken for ever would leave its own queue unserved.
//!
//! Invariant, under the lock: while anybody waits that can still be woken, all permits are out. It
//! must not know what a connection is.

use std::{
    cell::Cell,
    mem::ManuallyDrop,
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::{
    cancel,
    sched::shared::Watch,
    task::{
        list::{Node, WaitList},
        wait::{Kind, Wait, Waited},
    },
};

/// See the module.
pub(super) struct Gate {
    most: usize,
    state: Mutex<State>,
    /// Told when nobody is inside any more.
    pub(super) quiet: Watch,
}

struct State {
    inside: usize,
    /// Each node says whether it was given a permit.
    waiting: WaitList<Cell<bool>>,
}

impl State {
    fn has_room(&self, most: usize) -> bool {
        self.inside < most && self.waiting.is_empty()
    }
}

/// The right to have one connection inside. Goes to the next, or back, when dropped.
#[must_use = "a permit that is dropped is given back"]
pub(super) struct Permit<'a>(&'a Gate);

impl Permit<'_> {
    /// Leaves it to the caller to call [`Gate::leave`].
    pub(super) fn keep(self) {
        let _kept = ManuallyDrop::new(self);
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        self.0.leave();
    }
}

impl Gate {
    /// For `most` connections at a time.
    pub(super) fn new(most: usize) -> Gate {
        let state = State { inside: 0, waiting: WaitList::new() };
        Gate { most, state: Mutex::new(state), quiet: Watch::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many are inside.
    pub(super) fn inside(&self) -> usize {
        self.state().inside
    }

    /// A permit, if there is one and nobody waits for it.
    pub(super) fn try_enter(&self) -> Option<Permit<'_>> {
        let mut state = self.state();
        state.has_room(self.most).then(|| {
            state.inside += 1;
            Permit(self)
        })
    }

    /// Parks the calling coroutine until it has a permit; `None` if it is cancelled before.
    pub(super) fn enter(&self) -> Option<Permit<'_>> {
        loop {
            let wait = Wait::begin(Kind::Cancellable);
            let node = Node::new(wait.waker(), Cell::new(false));
            let mut state = self.state();
            if state.has_room(self.most) {
                state.inside += 1;
                return Some(Permit(self));
            }
            // SAFETY: the node is removed below, under the same lock, before it goes; a park does
            // not unwind.
            unsafe { state.waiting.push(&node) };
            drop(state);
            let waited = wait.park(None);
            // SAFETY: it was put into this list.
            unsafe { self.state().waiting.remove(&node) };
            // A permit that was given is there, whatever else has happened.
            if node.carries().get() {
                return Some(Permit(self));
            }
            if waited == Waited::Cancelled || cancel::pending().is_some() {
                return None;
            }
        }
    }

    /// Gives a permit back: to the first that waits, if any.
    pub(super) fn leave(&self) {
        let mut state = self.state();
        while let Some(first) = state.waiting.first() {
            first.carries().set(true);
            let claimed = first.waker().claim();
            // One that has given up meanwhile has got nothing.
            first.carries().set(claimed.is_some());
            state.waiting.unlink_first();
            if let Some(claimed) = claimed {
                drop(state);
                claimed.deliver();
                return;
            }
        }
        state.inside -= 1;
        let quiet = state.inside == 0;
        drop(state);
        if quiet {
            self.quiet.notify();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    };

    use super::*;

    #[test]
    fn no_more_than_the_limit_are_inside() {
        let gate = Gate::new(2);
        let first = gate.try_enter().unwrap();
        let second = gate.try_enter().unwrap();
        assert!(gate.try_enter().is_none());
        drop(first);
        let third = gate.try_enter().unwrap();
        assert_eq!(gate.inside(), 2);
        drop((second, third));
        assert_eq!(gate.inside(), 0);
    }

    #[test]
    fn a_permit_that_comes_back_goes_to_who_waits_and_to_nobody_else() {
        let runtime = crate::Runtime::builder().workers(1).build().unwrap();
        runtime.run(|| {
            let gate = Arc::new(Gate::new(1));
            let permit = gate.try_enter().unwrap();
            let theirs = Arc::clone(&gate);
            let waiter = crate::go(move || theirs.enter().map(Permit::keep).is_some());
            crate::thread::yield_now();
            while gate.state().waiting.is_empty() {
                crate::thread::yield_now();
            }
            drop(permit);
            assert!(gate.try_enter().is_none(), "it was handed over");
            assert!(waiter.join().unwrap());
            assert_eq!(gate.inside(), 1);
            gate.leave();
            assert_eq!(gate.inside(), 0);
        });
    }

    #[test]
    fn a_cancelled_waiter_leaves_no_node_and_keeps_no_permit() {
        let runtime = crate::Runtime::builder().workers(2).build().unwrap();
        runtime.run(|| {
            for _ in 0..500 {
                let gate = Arc::new(Gate::new(1));
                let permit = gate.try_enter().unwrap();
                let got = Arc::<AtomicUsize>::default();
                let waiters: Vec<_> = (0..3)
                    .map(|_| {
                        let (gate, got) = (Arc::clone(&gate), Arc::clone(&got));
                        crate::go(move || {
                            if let Some(_permit) = gate.enter() {
                                // ORDER: Relaxed: read after the joins.
                                got.fetch_add(1, Ordering::Relaxed);
                            }
                        })
                    })
                    .collect();
                crate::thread::yield_now();
                // The cancellation meets the permit that comes back.
                waiters[0].cancel();
                drop(permit);
                for waiter in waiters {
                    drop(waiter.join());
                }
                // ORDER: Relaxed: after the joins.
                assert!(got.load(Ordering::Relaxed) >= 2);
                assert_eq!(gate.inside(), 0);
                assert!(gate.state().waiting.is_empty());
                assert!(gate.try_enter().is_some());
            }
        });
    }
}
