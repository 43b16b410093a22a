//! An intrusive list of waits, whose nodes stand on the waiters' stacks: a wait allocates nothing.
//!
//! The list, the links of its nodes and what they carry belong to the lock of whatever they wait
//! for. Somebody who wakes takes a node out under that lock, and never touches it afterwards: the
//! waiter may be gone as soon as it sees itself unlinked.
//!
//! # Handing something over
//!
//! To give a waiter something (a permit, a message), under the lock: look at the first node, put
//! the gift into what it carries, claim its waker; if the claim is refused, the waiter has given up
//! (a timeout, a cancellation, another arm of a `select!`): take the gift back. Then unlink the
//! node in either case, and after the lock deliver the claimed task. As long as the node is linked
//! its owner cannot leave without the lock, so the node lives for as long as it is touched; and a
//! claim has one winner, so a gift that was claimed is found by the waiter, and no other is.

use std::{cell::Cell, iter, marker::PhantomPinned, ptr};

use super::header::Waker;
use crate::atomics::{AtomicBool, Ordering};

/// One wait in one list, and what it carries.
pub(crate) struct Node<P = ()> {
    waker: Waker,
    carries: P,
    prev: Cell<*const Node<P>>,
    next: Cell<*const Node<P>>,
    linked: AtomicBool,
    _pinned: PhantomPinned,
}

impl<P> Node<P> {
    pub(crate) fn new(waker: Waker, carries: P) -> Node<P> {
        Node {
            waker,
            carries,
            prev: Cell::new(ptr::null()),
            next: Cell::new(ptr::null()),
            linked: AtomicBool::new(false),
            _pinned: PhantomPinned,
        }
    }

    /// What ends the wait.
    pub(crate) fn waker(&self) -> Waker {
        self.waker
    }

    /// What it carries: to be touched under the list's lock, and by the waiter once the node is
    /// not linked.
    pub(crate) fn carries(&self) -> &P {
        &self.carries
    }

    /// Whether nobody has taken it out of its list yet. Once false, it stays so, and nobody but
    /// the waiter refers to the node any more.
    pub(crate) fn is_linked(&self) -> bool {
        // ORDER: Acquire: partner is the Release in `WaitList::unlink`: the waker's last use of
        // the node comes before the waiter gives up the node's memory.
        self.linked.load(Ordering::Acquire)
    }
}

/// The list; first come, first woken.
#[derive(Debug)]
pub(crate) struct WaitList<P = ()> {
    first: *const Node<P>,
    last: *const Node<P>,
}

// SAFETY: the nodes are touched only by who holds the lock that the list is in; a waker may be used
// on any thread, and so may what they carry.
unsafe impl<P: Send> Send for WaitList<P> {}

impl<P> WaitList<P> {
    pub(crate) const fn new() -> WaitList<P> {
        WaitList { first: ptr::null(), last: ptr::null() }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.first.is_null()
    }

    /// Appends a node.
    ///
    /// # Safety
    ///
    /// - The node is in no list, and stays where it is until it is unlinked: popped by a waker, or
    ///   removed by its owner under the same lock.
    pub(crate) unsafe fn push(&mut self, node: &Node<P>) {
        debug_assert!(!node.is_linked());
        // ORDER: Relaxed: only the owner, who is the caller, looks without the lock.
        node.linked.store(true, Ordering::Relaxed);
        self.attach(node);
    }

    /// Puts a node before all others.
    ///
    /// # Safety
    ///
    /// - As [`push`](Self::push).
    pub(crate) unsafe fn push_front(&mut self, node: &Node<P>) {
        debug_assert!(!node.is_linked());
        node.prev.set(ptr::null());
        node.next.set(self.first);
        // ORDER: Relaxed: as in `push`.
        node.linked.store(true, Ordering::Relaxed);
        // SAFETY: as in `push`.
        match unsafe { self.first.as_ref() } {
            Some(first) => first.prev.set(node),
            None => self.last = node,
        }
        self.first = node;
    }

    /// The node that has waited longest. It stays linked, and so alive, for as long as the list's
    /// lock is held and it is not unlinked.
    pub(crate) fn first(&self) -> Option<&Node<P>> {
        // SAFETY: as in `push`.
        unsafe { self.first.as_ref() }
    }

    /// All nodes, the one that has waited longest first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Node<P>> {
        // SAFETY: as in `push`; the list cannot change while it is borrowed.
        iter::successors(self.first(), |node| unsafe { node.next.get().as_ref() })
    }

    /// The node that has waited longest after `node`, which is in this list.
    pub(crate) fn after(&self, node: &Node<P>) -> Option<&Node<P>> {
        debug_assert!(node.is_linked());
        // SAFETY: as in `push`.
        unsafe { node.next.get().as_ref() }
    }

    /// Takes the first.
    pub(crate) fn pop(&mut self) -> Option<Waker> {
        // SAFETY: as in `push`.
        let node = unsafe { self.first.as_ref() }?;
        let waker = node.waker;
        self.unlink(node);
        Some(waker)
    }

    /// Takes a node out, if it is still in.
    ///
    /// # Safety
    ///
    /// - If the node is in a list, it is in this one.
    pub(crate) unsafe fn remove(&mut self, node: &Node<P>) {
        if node.is_linked() {
            self.unlink(node);
        }
    }

    /// Takes the first out, after whatever was done with it.
    pub(crate) fn unlink_first(&mut self) {
        // SAFETY: as in `push`.
        if let Some(node) = unsafe { self.first.as_ref() } {
            self.unlink(node);
        }
    }

    /// Moves a node from this list to the end of another one under the same lock. Its owner sees it
    /// linked all the while.
    ///
    /// # Safety
    ///
    /// - The node is in this list.
    pub(crate) unsafe fn hand_to(&mut self, other: &mut WaitList<P>, node: &Node<P>) {
        debug_assert!(node.is_linked());
        self.detach(node);
        other.attach(node);
    }

    fn unlink(&mut self, node: &Node<P>) {
        self.detach(node);
        // ORDER: Release: partner is the Acquire in `Node::is_linked`. Nothing of the node is
        // touched after this.
        node.linked.store(false, Ordering::Release);
    }

    /// Puts the links of a node, and of those beside it, as they are in the list.
    fn attach(&mut self, node: &Node<P>) {
        node.prev.set(self.last);
        node.next.set(ptr::null());
        // SAFETY: a node in the list is alive, and its links belong to the lock that we hold.
        match unsafe { self.last.as_ref() } {
            Some(last) => last.next.set(node),
            None => self.first = node,
        }
        self.last = node;
    }

    /// Lets the list, and those beside the node, forget it.
    fn detach(&mut self, node: &Node<P>) {
        let (prev, next) = (node.prev.get(), node.next.get());
        // SAFETY: as in `push`.
        match unsafe { prev.as_ref() } {
            Some(prev) => prev.next.set(next),
            None => self.first = next,
        }
        // SAFETY: as in `push`.
        match unsafe { next.as_ref() } {
            Some(next) => next.prev.set(prev),
            None => self.last = prev,
        }
    }
}
