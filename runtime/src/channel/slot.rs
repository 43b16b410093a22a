//! What a node in a channel carries.
//!
//! | a node of | waits with | and is left with |
//! |---|---|---|
//! | a receiver | `Nothing` | `Message`, or `Promised` and later `Message` or `Nothing` |
//! | a sender | `Message` | `Nothing`: taken |
//! | a select that would send | `Nothing`, and `wish` | `Room` or `Partner` |
//!
//! A node that is still linked is touched under the channel's lock alone; one that is not is its
//! owner's. A promised receiver stays linked until its message has come.

use std::cell::Cell;

use super::waits::{Node, Waker};

/// See the module.
pub(crate) enum Cargo<T> {
    Nothing,
    Message(T),
    Room,
    Partner(*const Node<Slot<T>>),
    Promised,
}

/// What a node in a channel carries.
pub(crate) struct Slot<T> {
    cargo: Cell<Cargo<T>>,
    wish: bool,
    /// The second wait of a receiver that was promised a message before it had parked.
    again: Cell<Option<Waker>>,
    /// The owner has gone, and has left the node, which was boxed, to who keeps the promise.
    left: Cell<bool>,
}

// SAFETY: the lock orders all uses, and what goes from one thread to another is a `T`, a waker, or
// the address of a node, which is used under the lock.
unsafe impl<T: Send> Send for Slot<T> {}

impl<T> Slot<T> {
    fn new(cargo: Cargo<T>, wish: bool) -> Slot<T> {
        Slot { cargo: Cell::new(cargo), wish, again: Cell::new(None), left: Cell::new(false) }
    }

    /// Of a receiver.
    pub(crate) fn receiver() -> Slot<T> {
        Slot::new(Cargo::Nothing, false)
    }

    /// Of a sender.
    pub(crate) fn sender(message: T) -> Slot<T> {
        Slot::new(Cargo::Message(message), false)
    }

    /// Of a select that would send.
    pub(crate) fn wish() -> Slot<T> {
        Slot::new(Cargo::Nothing, true)
    }

    /// Takes what is there: by the owner, once the node is not linked.
    pub(crate) fn take(&self) -> Cargo<T> {
        self.cargo.replace(Cargo::Nothing)
    }

    /// Leaves something there: under the lock.
    pub(crate) fn give(&self, cargo: Cargo<T>) {
        self.cargo.set(cargo);
    }

    /// Whether it is a select that would send, and has no message yet.
    pub(crate) fn is_wish(&self) -> bool {
        self.wish
    }

    /// Names the second wait of a promised receiver: under the lock.
    pub(crate) fn wait_again(&self, waker: Waker) {
        self.again.set(Some(waker));
    }

    /// The second wait, if there is one: under the lock.
    pub(crate) fn waits_again(&self) -> Option<Waker> {
        self.again.get()
    }

    /// Leaves the node, which was promised a message, to who keeps the promise: under the lock.
    #[cfg(not(loom))]
    pub(crate) fn leave(&self) {
        self.left.set(true);
    }

    /// Whether the owner has left it: under the lock.
    pub(crate) fn is_left(&self) -> bool {
        self.left.get()
    }

    /// Whether a message is promised to it: under the lock.
    pub(crate) fn is_promised(&self) -> bool {
        let cargo = self.take();
        let promised = matches!(cargo, Cargo::Promised);
        self.cargo.set(cargo);
        promised
    }
}
