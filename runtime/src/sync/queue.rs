//! The queue in which every primitive's waiters stand, and the one way to wait in it.
//!
//! It owns who waits, in which order, and what was given to whom; what a primitive *is* (a word, a
//! count) it must not know, but for a state that a primitive may keep under the queue's own lock.
//!
//! # Giving
//!
//! Whoever frees something holds the queue's lock, and either *grants* it to the first waiter or
//! *calls* that waiter, so that it tries for itself. Both take the waiter's node out of the list.
//! A grant cannot be refused: a waiter that was cancelled, or whose time was up, at the same moment
//! looks at its node first, finds the grant and keeps it. It still stands in the list only if
//! nothing was given, and takes itself out under the lock; so nothing is given twice or lost, and
//! no claim of a waker has to succeed: a claim only says who owes the delivery.
//!
//! The nodes stand on the waiters' stacks. A waiter does not leave before its node is out, and
//! who takes a node out does not touch it afterwards (see the list). What was claimed under the
//! lock is delivered after it.
//!
//! The lock is held for a few instructions, never across a wait, and never while code of users
//! runs. Queues may be locked in the order condition variable, lock; no other two are nested.

use std::{cell::Cell, time::Instant};

use super::{
    age::Age,
    header::{Claimed, Waker},
    list::{Node, WaitList},
    wait::{Kind, Wait, Waited},
};
use crate::atomics::{self, Mutex, MutexGuard};

/// What a waiter's node carries.
#[derive(Debug)]
pub(crate) struct Ticket {
    /// What it waits for, in the primitive's own terms.
    pub(crate) wants: usize,
    /// Since when.
    pub(crate) since: Age,
    granted: Cell<bool>,
}

impl Ticket {
    pub(crate) fn new(wants: usize, since: Age) -> Ticket {
        Ticket { wants, since, granted: Cell::new(false) }
    }

    /// Of a primitive whose waiters all want the same and are never passed over.
    pub(crate) fn plain() -> Ticket {
        Ticket::new(1, Age::urgent())
    }
}

/// Where in the queue.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Place {
    /// Before all: one that was called and came too late, or that blocks its thread.
    Front,
    /// After all.
    Back,
}

/// How a wait may end by itself.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terms {
    pub(crate) kind: Kind,
    pub(crate) deadline: Option<Instant>,
}

/// How a wait has ended.
#[must_use = "what was granted must be used or passed on"]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Ended {
    /// It has what it wanted.
    Granted,
    /// It is to try for itself.
    Called,
    /// Nothing came in time.
    TimedOut,
    /// Nothing came: a cancellation has ended the wait, or nothing in particular.
    Interrupted,
    /// There was nothing to wait for.
    NotNeeded,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Queue<S = ()> {
    inner: Mutex<Inner<S>>,
}

#[derive(Debug)]
struct Inner<S> {
    state: S,
    list: WaitList<Ticket>,
}

impl<S> Queue<S> {
    /// An empty queue.
    #[cfg(not(loom))]
    pub(crate) const fn new(state: S) -> Queue<S> {
        Queue { inner: Mutex::new(Inner { state, list: WaitList::new() }) }
    }

    /// An empty queue; loom's locks can't be made in a constant.
    #[cfg(loom)]
    pub(crate) fn new(state: S) -> Queue<S> {
        Queue { inner: Mutex::new(Inner { state, list: WaitList::new() }) }
    }

    /// Locks it.
    pub(crate) fn lock(&self) -> Locked<'_, S> {
        Locked { inner: Some(atomics::lock(&self.inner)), claimed: Batch::new() }
    }

    /// Waits once.
    ///
    /// Under the lock `enter` says where to stand, or that there is nothing to wait for. `entered`
    /// runs when a grant can come, before the wait. If nothing was given, `left` runs under the
    /// lock after the node is out.
    pub(crate) fn wait(
        &self,
        terms: Terms,
        ticket: Ticket,
        enter: impl FnOnce(&mut Locked<'_, S>) -> Option<Place>,
        entered: impl FnOnce(),
        left: impl FnOnce(&mut Locked<'_, S>),
    ) -> Ended {
        let wait = Wait::begin(terms.kind);
        let node = Node::new(wait.waker(), ticket);
        let mut locked = self.lock();
        let Some(place) = enter(&mut locked) else {
            return Ended::NotNeeded;
        };
        let list = &mut locked.inner().list;
        match place {
            // SAFETY: the node is new, and stays here until it is out of the list: neither
            // `entered` nor a park unwinds.
            Place::Front => unsafe { list.push_front(&node) },
            // SAFETY: as above.
            Place::Back => unsafe { list.push(&node) },
        }
        drop(locked);
        entered();
        let waited = wait.park(terms.deadline);
        if node.is_linked() {
            let mut locked = self.lock();
            // Somebody may have taken it out before we had the lock.
            if node.is_linked() {
                // SAFETY: it was put into this list.
                unsafe { locked.inner().list.remove(&node) };
                left(&mut locked);
                return match waited {
                    Waited::TimedOut => Ended::TimedOut,
                    Waited::Woken | Waited::Cancelled => Ended::Interrupted,
                };
            }
        }
        if node.carries().granted.get() { Ended::Granted } else { Ended::Called }
    }
}

/// A queue while it is locked. What is claimed meanwhile is delivered after it is unlocked.
pub(crate) struct Locked<'a, S> {
    /// `None` only while it is dropped.
    inner: Option<MutexGuard<'a, Inner<S>>>,
    claimed: Batch,
}

impl<S> Locked<'_, S> {
    fn inner(&mut self) -> &mut Inner<S> {
        self.inner.as_mut().expect("locked until it is dropped")
    }

    /// What the primitive keeps under the lock.
    pub(crate) fn state(&mut self) -> &mut S {
        &mut self.inner().state
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.first().is_none()
    }

    /// What the first waiter wants.
    pub(crate) fn first(&self) -> Option<&Ticket> {
        let inner = self.inner.as_ref().expect("locked until it is dropped");
        inner.list.first().map(Node::carries)
    }

    /// All that wait, the one that has waited longest first.
    pub(crate) fn tickets(&self) -> impl Iterator<Item = &Ticket> {
        let inner = self.inner.as_ref().expect("locked until it is dropped");
        inner.list.iter().map(Node::carries)
    }

    /// Who the first waiter is.
    pub(crate) fn first_waker(&self) -> Option<Waker> {
        let inner = self.inner.as_ref().expect("locked until it is dropped");
        inner.list.first().map(Node::waker)
    }

    /// Gives the first waiter what it wants, if there is one. It may go on, and use it, before this
    /// returns.
    pub(crate) fn grant_first(&mut self) -> bool {
        self.take_first(true)
    }

    /// Gives all that wait what they want.
    pub(crate) fn grant_all(&mut self) {
        while self.grant_first() {}
    }

    /// Tells the first waiter to try for itself.
    pub(crate) fn call_first(&mut self) {
        self.take_first(false);
    }

    fn take_first(&mut self, grant: bool) -> bool {
        let list = &mut self.inner().list;
        let Some(first) = list.first() else {
            return false;
        };
        first.carries().granted.set(grant);
        let claimed = first.waker().claim();
        list.unlink_first();
        if let Some(claimed) = claimed {
            self.claimed.add(claimed);
        }
        true
    }
}

impl<S> Drop for Locked<'_, S> {
    fn drop(&mut self) {
        self.inner = None;
        self.claimed.deliver();
    }
}

/// How many tasks are delivered at once at most.
const BATCH: usize = 8;

/// Tasks that have been claimed and wait for the lock to be free. When it is full, what is in it is
/// delivered under the lock: that takes longer, and nothing else.
struct Batch {
    tasks: [Option<Claimed>; BATCH],
    len: usize,
}

impl Batch {
    fn new() -> Batch {
        Batch { tasks: [const { None }; BATCH], len: 0 }
    }

    fn add(&mut self, claimed: Claimed) {
        if self.len == BATCH {
            self.deliver();
        }
        self.tasks[self.len] = Some(claimed);
        self.len += 1;
    }

    fn deliver(&mut self) {
        let full = std::mem::take(&mut self.len);
        for task in &mut self.tasks[..full] {
            if let Some(claimed) = task.take() {
                claimed.deliver();
            }
        }
    }
}
