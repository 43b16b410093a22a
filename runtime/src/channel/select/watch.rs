//! A node that waits until an operation would not have to wait, and takes no part in it.

use std::cell::UnsafeCell;

use super::Begun;
use crate::channel::waits::{Node, WaitList};

/// The place of the node, which stays where it is from [`enlist`](Self::enlist) to
/// [`withdraw`](Self::withdraw).
pub(super) struct Watch(UnsafeCell<Option<Node>>);

impl Watch {
    pub(super) fn new() -> Watch {
        Watch(UnsafeCell::new(None))
    }

    /// Puts the node into a list.
    ///
    /// # Safety
    ///
    /// - The caller holds the list's lock, and does not move or drop this before it is withdrawn.
    pub(super) unsafe fn enlist(&self, list: &mut WaitList, begun: &Begun) {
        // SAFETY: it is in no list, so nobody refers to it, and only its owner calls this.
        let node = unsafe { &mut *self.0.get() }.insert(Node::new(begun.0.waker, ()));
        // SAFETY: the caller's duty is the same.
        unsafe { list.push(node) };
    }

    /// Whether the node may still be in a list.
    pub(super) fn is_linked(&self) -> bool {
        // SAFETY: only `enlist` changes it, which is not running now.
        unsafe { &*self.0.get() }.as_ref().is_some_and(Node::is_linked)
    }

    /// Takes the node out, if it is still in.
    ///
    /// # Safety
    ///
    /// - If it is in a list, it is in this one, whose lock the caller holds.
    pub(super) unsafe fn withdraw(&self, list: &mut WaitList) {
        // SAFETY: as in `is_linked`.
        if let Some(node) = unsafe { &*self.0.get() } {
            // SAFETY: the caller's duty is the same.
            unsafe { list.remove(node) };
        }
    }
}
