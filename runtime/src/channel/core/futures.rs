//! What the rules grant to a receiver that is a future: it is polled at any time, and may be dropped
//! at any time, but cannot park for what it was promised.

use super::{Node, Slot, State, Waker};

/// How a receiver that was dropped has left the channel.
pub(crate) enum Left {
    /// Its node is its own again, with whatever it carries.
    Free,
    /// Who has promised it a message owns the node.
    Behind,
}

impl<T> State<T> {
    /// If a message is promised to the receiver, names the wait that ends when it has come.
    pub(crate) fn await_promise(&mut self, node: &Node<Slot<T>>, again: impl FnOnce() -> Waker) {
        if node.is_linked() && node.carries().is_promised() {
            node.carries().wait_again(again());
        }
    }

    /// Takes a receiver out that is being dropped.
    pub(crate) fn leave(&mut self, node: &Node<Slot<T>>) -> Left {
        if node.is_linked() && node.carries().is_promised() {
            node.carries().leave();
            return Left::Behind;
        }
        // SAFETY: if it is linked, and not promised, it is in this list.
        unsafe { self.receivers.remove(node) };
        Left::Free
    }
}
