//! The arm of a select that sends, and the right that it gets: the message comes later.

use std::{cell::Cell, cell::UnsafeCell, fmt, time::Instant};

use super::{Arm, Begun, Found, watch::Watch};
use crate::channel::{
    core::{Granted, Sent},
    error::SendError,
    peer::Me,
    sender::Sender,
    shared::{Shared, deliver},
    slot::{Cargo, Slot},
    waits::{Claimed, Node},
};

/// What a select has won for a message to be sent.
pub(crate) enum Right<T> {
    /// A place in the buffer.
    Room,
    /// A receiver that waits for the message, and what lets it go on.
    Partner(*const Node<Slot<T>>, Option<Claimed>),
    /// Nothing: the message comes back.
    Closed,
}

/// What a `select!` has won. It has no destructor, so a sender is borrowed no longer than needed.
#[doc(hidden)]
#[must_use = "somebody may be waiting for the message"]
pub struct Won<'a, T> {
    sender: &'a Sender<T>,
    right: Right<T>,
}

impl<T> fmt::Debug for Won<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Won { .. }")
    }
}

impl<'a, T> Won<'a, T> {
    /// To be used now.
    pub fn permit(self) -> Permit<'a, T> {
        Permit { sender: self.sender, right: Some(self.right) }
    }
}

/// A right to send one message. When it is dropped, it is passed on.
#[doc(hidden)]
#[must_use = "somebody may be waiting for the message"]
pub struct Permit<'a, T> {
    sender: &'a Sender<T>,
    right: Option<Right<T>>,
}

impl<T> fmt::Debug for Permit<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Permit { .. }")
    }
}

impl<T> Permit<'_, T> {
    /// Sends the message. Never waits.
    ///
    /// # Errors
    ///
    /// The message, if there is no receiver left.
    pub fn send(mut self, message: T) -> Result<(), SendError<T>> {
        let right = self.right.take().expect("a permit is used once");
        complete(self.sender.shared(), right, message)
    }
}

impl<T> Drop for Permit<'_, T> {
    fn drop(&mut self) {
        if let Some(right) = self.right.take() {
            release(self.sender.shared(), right);
        }
    }
}

/// Uses a right.
pub(super) fn complete<T>(
    shared: &Shared<T>,
    right: Right<T>,
    message: T,
) -> Result<(), SendError<T>> {
    match right {
        Right::Closed => Err(SendError(message)),
        Right::Partner(partner, claimed) => fulfil(shared, partner, claimed, Some(message)),
        Right::Room => {
            let mut won = Vec::new();
            let sent = shared.lock().send_reserved(message, &mut won);
            deliver(won);
            match sent {
                Sent::Done(claimed) => {
                    deliver(claimed);
                    Ok(())
                }
                Sent::Closed(message) => Err(SendError(message)),
                Sent::Full(_) => unreachable!("a place was reserved"),
            }
        }
    }
}

/// Passes a right on that is not used.
pub(super) fn release<T>(shared: &Shared<T>, right: Right<T>) {
    match right {
        Right::Closed => {}
        Right::Partner(partner, claimed) => {
            let sent = fulfil(shared, partner, claimed, None);
            debug_assert!(sent.is_ok(), "there was no message");
        }
        Right::Room => {
            let mut won = Vec::new();
            shared.lock().give_up_room(&mut won);
            deliver(won);
        }
    }
}

fn fulfil<T>(
    shared: &Shared<T>,
    partner: *const Node<Slot<T>>,
    claimed: Option<Claimed>,
    message: Option<T>,
) -> Result<(), SendError<T>> {
    // SAFETY: a right is used or released once, and this one has come from the same channel.
    let sent = unsafe { shared.lock().fulfil(partner, message) };
    deliver(claimed);
    match sent {
        Sent::Done(again) => {
            deliver(again);
            Ok(())
        }
        Sent::Closed(message) | Sent::Full(message) => Err(SendError(message)),
    }
}

/// See the module.
#[doc(hidden)]
pub struct SendArm<'a, T> {
    sender: &'a Sender<T>,
    node: UnsafeCell<Option<Node<Slot<T>>>>,
    watch: Watch,
    outcome: Cell<Option<Right<T>>>,
}

impl<T> fmt::Debug for SendArm<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SendArm { .. }")
    }
}

impl<'a, T> SendArm<'a, T> {
    /// Of a sender.
    pub fn new(sender: &'a Sender<T>) -> SendArm<'a, T> {
        SendArm {
            sender,
            node: UnsafeCell::new(None),
            watch: Watch::new(),
            outcome: Cell::new(None),
        }
    }

    pub(super) fn sender(&self) -> &'a Sender<T> {
        self.sender
    }

    pub(super) fn take_right(&self) -> Option<Right<T>> {
        self.outcome.take()
    }

    /// The right to send, if this arm was selected.
    pub fn finish(&self) -> Option<Won<'a, T>> {
        self.outcome.take().map(|right| Won { sender: self.sender, right })
    }

    fn node(&self) -> Option<&Node<Slot<T>>> {
        // SAFETY: it is changed by `enlist` alone, while nobody refers to it.
        unsafe { &*self.node.get() }.as_ref()
    }

    fn done(&self, right: Right<T>) -> Found {
        self.outcome.set(Some(right));
        Found::Ready
    }

    fn granted(&self, granted: Granted<T>) -> Found {
        match granted {
            Granted::Room => self.done(Right::Room),
            Granted::Partner(partner, claimed) => self.done(Right::Partner(partner, Some(claimed))),
            Granted::Closed => self.done(Right::Closed),
            Granted::Full => Found::Nothing,
            Granted::Lost(peer) => {
                deliver(peer);
                Found::Lost
            }
        }
    }
}

impl<T> Arm for SendArm<'_, T> {
    fn attempt(&self) -> Found {
        let granted = self.sender.shared().lock().grant(&mut Me::alone());
        self.granted(granted)
    }

    fn enlist(&self, begun: &mut Begun) -> Found {
        let begun = &mut begun.0;
        // SAFETY: the node of an earlier wait was withdrawn, so nobody refers to it.
        unsafe { *self.node.get() = Some(Node::new(begun.waker, Slot::wish())) };
        let node = self.node().expect("just made");
        let mut state = self.sender.shared().lock();
        let granted = state.grant(&mut begun.me);
        if matches!(granted, Granted::Full) && begun.stay && !begun.me.has_won_itself() {
            // SAFETY: the arm stays where it is until it is withdrawn.
            unsafe { state.enlist_sender(node) };
        }
        drop(state);
        self.granted(granted)
    }

    fn withdraw(&self) {
        let Some(node) = self.node() else { return };
        if node.is_linked() {
            self.sender.shared().lock().withdraw_sender(node);
        }
        match node.carries().take() {
            Cargo::Room => self.outcome.set(Some(Right::Room)),
            Cargo::Partner(partner) => self.outcome.set(Some(Right::Partner(partner, None))),
            Cargo::Nothing | Cargo::Message(_) | Cargo::Promised => {}
        }
    }

    fn is_done(&self) -> bool {
        let outcome = self.outcome.take();
        let done = outcome.is_some();
        self.outcome.set(outcome);
        done
    }

    fn due(&self) -> Option<Instant> {
        None
    }

    fn fail(&self) {
        self.outcome.set(Some(Right::Closed));
    }

    fn is_ready(&self) -> bool {
        self.sender.shared().lock().is_writable()
    }

    fn watch(&self, begun: &Begun) -> bool {
        let mut state = self.sender.shared().lock();
        if state.is_writable() {
            return true;
        }
        // SAFETY: the lock is held; the arm stays where it is until `unwatch`.
        unsafe { self.watch.enlist(state.writable(), begun) };
        false
    }

    fn unwatch(&self) {
        if self.watch.is_linked() {
            let mut state = self.sender.shared().lock();
            // SAFETY: the lock is held, and `watch` has put it into this list.
            unsafe { self.watch.withdraw(state.writable()) };
        }
    }
}
