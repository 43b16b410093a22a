//! The arm of a select that receives.

use std::{cell::Cell, cell::UnsafeCell, fmt, time::Instant};

use super::{Arm, Begun, Found, watch::Watch};
use crate::channel::{
    core::{Received, Wishes},
    error::RecvError,
    peer::Me,
    receiver::{Receiver, Source},
    shared::{Shared, deliver},
    slot::{Cargo, Slot},
    turn,
    waits::Node,
};

/// See the module.
#[doc(hidden)]
pub struct RecvArm<'a, T> {
    receiver: &'a Receiver<T>,
    node: UnsafeCell<Option<Node<Slot<T>>>>,
    watch: Watch,
    outcome: Cell<Option<Result<T, RecvError>>>,
}

impl<T> fmt::Debug for RecvArm<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecvArm { .. }")
    }
}

impl<'a, T> RecvArm<'a, T> {
    /// Of a receiver.
    pub fn new(receiver: &'a Receiver<T>) -> RecvArm<'a, T> {
        RecvArm {
            receiver,
            node: UnsafeCell::new(None),
            watch: Watch::new(),
            outcome: Cell::new(None),
        }
    }

    pub(super) fn receiver(&self) -> &'a Receiver<T> {
        self.receiver
    }

    /// What was received, if this arm was selected.
    pub fn finish(&self) -> Option<Result<T, RecvError>> {
        self.outcome.take()
    }

    fn node(&self) -> Option<&Node<Slot<T>>> {
        // SAFETY: it is changed by `enlist` alone, while nobody refers to it.
        unsafe { &*self.node.get() }.as_ref()
    }

    fn done(&self, outcome: Result<T, RecvError>) -> Found {
        self.outcome.set(Some(outcome));
        Found::Ready
    }

    fn attempt_on(&self, shared: &Shared<T>) -> Found {
        let wishes = if turn::is_unwinding() { Wishes::Skip } else { Wishes::Tell };
        let received = shared.lock().recv(&mut Me::alone(), wishes);
        match received {
            Received::Message(message, claimed) => {
                deliver(claimed);
                self.done(Ok(message))
            }
            Received::Closed => self.done(Err(RecvError)),
            Received::Wish => Found::Wish,
            Received::Empty | Received::Promised(_) | Received::Lost(_) => Found::Nothing,
        }
    }

    fn enlist_on(&self, shared: &Shared<T>, begun: &mut Begun) -> Found {
        let begun = &mut begun.0;
        // SAFETY: the node of an earlier wait was withdrawn, so nobody refers to it.
        unsafe { *self.node.get() = Some(Node::new(begun.waker, Slot::receiver())) };
        let node = self.node().expect("just made");
        let mut state = shared.lock();
        match state.recv(&mut begun.me, Wishes::Pair(node)) {
            Received::Message(message, claimed) => {
                drop(state);
                deliver(claimed);
                self.done(Ok(message))
            }
            Received::Closed => self.done(Err(RecvError)),
            Received::Promised(claimed) => {
                drop(state);
                claimed.deliver();
                Found::Ready
            }
            Received::Lost(peer) => {
                drop(state);
                deliver(peer);
                Found::Lost
            }
            Received::Empty | Received::Wish => {
                if begun.stay && !begun.me.has_won_itself() {
                    // SAFETY: the arm stays where it is until it is withdrawn.
                    unsafe { state.enlist_receiver(node) };
                }
                Found::Nothing
            }
        }
    }
}

impl<T> Arm for RecvArm<'_, T> {
    fn attempt(&self) -> Found {
        match self.receiver.source() {
            Source::Senders(shared) => self.attempt_on(shared),
            Source::Clock(timer) => match timer.take() {
                Some(message) => self.done(Ok(message)),
                None => Found::Nothing,
            },
            Source::Nothing => Found::Nothing,
        }
    }

    fn enlist(&self, begun: &mut Begun) -> Found {
        match self.receiver.source() {
            Source::Senders(shared) => self.enlist_on(shared, begun),
            Source::Clock(_) | Source::Nothing => Found::Nothing,
        }
    }

    fn withdraw(&self) {
        if let Source::Senders(shared) = self.receiver.source()
            && let Some(node) = self.node()
        {
            shared.settle(node);
            if let Cargo::Message(message) = node.carries().take() {
                self.outcome.set(Some(Ok(message)));
            }
        }
    }

    fn is_done(&self) -> bool {
        let outcome = self.outcome.take();
        let done = outcome.is_some();
        self.outcome.set(outcome);
        done
    }

    fn due(&self) -> Option<Instant> {
        match self.receiver.source() {
            Source::Clock(timer) => timer.due(),
            Source::Senders(_) | Source::Nothing => None,
        }
    }

    fn fail(&self) {
        self.outcome.set(Some(Err(RecvError)));
    }

    fn is_ready(&self) -> bool {
        match self.receiver.source() {
            Source::Senders(shared) => shared.lock().is_readable(),
            Source::Clock(timer) => timer.is_ready(),
            Source::Nothing => false,
        }
    }

    fn watch(&self, begun: &Begun) -> bool {
        if let Source::Senders(shared) = self.receiver.source() {
            let mut state = shared.lock();
            if state.is_readable() {
                return true;
            }
            // SAFETY: the lock is held; the arm stays where it is until `unwatch`.
            unsafe { self.watch.enlist(state.readable(), begun) };
        }
        false
    }

    fn unwatch(&self) {
        if self.watch.is_linked()
            && let Source::Senders(shared) = self.receiver.source()
        {
            // SAFETY: the lock is held, and `watch` has put it into this list.
            unsafe { self.watch.withdraw(shared.lock().readable()) };
        }
    }
}
