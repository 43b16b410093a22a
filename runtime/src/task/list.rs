//! An intrusive list of waits, whose nodes stand on the waiters' stacks: a wait allocates nothing.
//!
//! The list and the links of its nodes belong to the lock of whatever they wait for. A waker copies
//! the waker out of a node while it unlinks it, under that lock, and never touches the node again:
//! the waiter may be gone as soon as it sees itself unlinked.

use std::{
    cell::Cell,
    marker::PhantomPinned,
    ptr,
    sync::atomic::{AtomicBool, Ordering},
};

use super::header::Waker;

/// One wait in one list.
pub(crate) struct Node {
    waker: Waker,
    prev: Cell<*const Node>,
    next: Cell<*const Node>,
    linked: AtomicBool,
    _pinned: PhantomPinned,
}

impl Node {
    pub(crate) fn new(waker: Waker) -> Node {
        Node {
            waker,
            prev: Cell::new(ptr::null()),
            next: Cell::new(ptr::null()),
            linked: AtomicBool::new(false),
            _pinned: PhantomPinned,
        }
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
pub(crate) struct WaitList {
    first: *const Node,
    last: *const Node,
}

// SAFETY: the nodes are touched only by who holds the lock that the list is in; what is in them,
// a waker, may be used on any thread.
unsafe impl Send for WaitList {}

impl WaitList {
    pub(crate) const fn new() -> WaitList {
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
    pub(crate) unsafe fn push(&mut self, node: &Node) {
        debug_assert!(!node.is_linked());
        node.prev.set(self.last);
        node.next.set(ptr::null());
        // ORDER: Relaxed: only the owner, who is the caller, looks without the lock.
        node.linked.store(true, Ordering::Relaxed);
        // SAFETY: a node in the list is alive, and its links belong to the lock that we hold.
        match unsafe { self.last.as_ref() } {
            Some(last) => last.next.set(node),
            None => self.first = node,
        }
        self.last = node;
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
    pub(crate) unsafe fn remove(&mut self, node: &Node) {
        if node.is_linked() {
            self.unlink(node);
        }
    }

    fn unlink(&mut self, node: &Node) {
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
        // ORDER: Release: partner is the Acquire in `Node::is_linked`. Nothing of the node is
        // touched after this.
        node.linked.store(false, Ordering::Release);
    }
}
