//! The place of a future in a channel's list: a node as a parked waiter has, but boxed, since the
//! future may move, and a bell in the place of a parked task.
//!
//! A future that is forgotten leaves its node in the list, and whatever comes to it is lost with
//! the future.

use std::ptr::NonNull;

use super::{
    slot::{Cargo, Slot},
    waits::Node,
};
use crate::task::bell::Bell;

/// See the module.
pub(super) struct Line<T> {
    bell: Bell,
    /// Ours alone while it is not linked; otherwise the channel refers to it as well.
    node: Option<NonNull<Node<Slot<T>>>>,
}

// SAFETY: the node is used under the channel's lock or by its owner alone, and holds a `T`, a waker
// and addresses of nodes, which are used under the lock.
unsafe impl<T: Send> Send for Line<T> {}
// SAFETY: through a reference nothing is changed but under the channel's lock.
unsafe impl<T: Send> Sync for Line<T> {}

impl<T> Line<T> {
    /// In no list yet.
    pub(super) fn new() -> Line<T> {
        Line { bell: Bell::new(), node: None }
    }

    /// What is rung when a wait is over.
    pub(super) fn bell(&self) -> &Bell {
        &self.bell
    }

    /// The node, if a wait has begun and was not ended.
    pub(super) fn node(&self) -> Option<&Node<Slot<T>>> {
        // SAFETY: it is freed only by `end`, or after `forget_node`, which take it from here.
        self.node.map(|node| unsafe { node.as_ref() })
    }

    /// Begins a wait, with a new node that carries `slot` and is in no list yet.
    pub(super) fn begin(&mut self, slot: Slot<T>) -> &Node<Slot<T>> {
        debug_assert!(self.node.is_none());
        let node = Box::new(Node::new(self.bell.begin(), slot));
        let node = NonNull::from(Box::leak(node));
        self.node = Some(node);
        // SAFETY: as in `node`.
        unsafe { node.as_ref() }
    }

    /// Ends the wait, whose node is in no list any more, and takes what has come.
    pub(super) fn end(&mut self) -> Cargo<T> {
        self.bell.end();
        let Some(node) = self.node.take() else { return Cargo::Nothing };
        // SAFETY: `begin` has leaked it, and it was taken from here just now.
        let node = unsafe { Box::from_raw(node.as_ptr()) };
        assert!(!node.is_linked(), "a node is freed when it is in no list");
        node.carries().take()
    }

    /// Ends the wait, whose node somebody else owns from now on.
    pub(super) fn forget_node(&mut self) {
        self.node = None;
        self.bell.end();
    }
}
