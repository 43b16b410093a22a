//! Receivers that are promised a message: they stay until it has come, or until they are told that
//! none will.
//!
//! One that is parked waits for it. A future cannot: it stays pending until the message has come,
//! since only then is its claim delivered; and if it is dropped before, it leaves its node to who
//! keeps the promise.

use super::{
    super::{
        peer::{Me, Meeting, Wanted},
        slot::{Cargo, Slot},
        waits::{Node, Waker},
    },
    Sent, State, wake_all,
};

/// How a receiver that was dropped has left the channel.
#[cfg(not(loom))]
pub(crate) enum Left {
    /// Its node is its own again, with whatever it carries.
    Free,
    /// Who has promised it a message owns the node.
    Behind,
}

impl<T> State<T> {
    /// Gives a promised receiver its message, or tells it that none will come.
    ///
    /// # Safety
    ///
    /// - The node was granted by this channel as a partner, and this is the first call for it.
    pub(crate) unsafe fn fulfil(
        &mut self,
        partner: *const Node<Slot<T>>,
        message: Option<T>,
    ) -> Sent<T> {
        let address = partner;
        // SAFETY: a promised node stays linked, and so alive, until this call.
        let partner = unsafe { &*address };
        if partner.carries().is_left() {
            // SAFETY: it is in this list, as the promise has put it there.
            unsafe { self.promised.remove(partner) };
            // SAFETY: a future has boxed it and left it to this call; nobody else knows of it.
            drop(unsafe { Box::from_raw(address.cast_mut()) });
            return message.map_or(Sent::Done(None), |message| self.put_back(message));
        }
        partner.carries().give(message.map_or(Cargo::Nothing, Cargo::Message));
        let claimed = partner.carries().waits_again().and_then(Waker::claim);
        // SAFETY: it is in this list, as the promise has put it there.
        unsafe { self.promised.remove(partner) };
        Sent::Done(claimed)
    }

    /// Passes a message on that a receiver was given and did not take: to the next one, or to the
    /// front of the buffer, also if that is full.
    pub(crate) fn put_back(&mut self, message: T) -> Sent<T> {
        if self.receivers_gone {
            return Sent::Closed(message);
        }
        match Me::alone().meet(&mut self.receivers, |_| Wanted::Yes) {
            Meeting::Won(node, claimed) => {
                self.hand_over(node, message);
                Sent::Done(Some(claimed))
            }
            _ => {
                self.queue.push_front(message);
                wake_all(&mut self.readable);
                Sent::Done(None)
            }
        }
    }

    /// Takes a receiver out, if it is still in; or else, if it is promised a message, has
    /// `again` called for a second wait, whose end says that the promise has been settled.
    pub(crate) fn withdraw_receiver(
        &mut self,
        node: &Node<Slot<T>>,
        again: impl FnOnce() -> Waker,
    ) -> bool {
        if node.is_linked() && node.carries().is_promised() {
            node.carries().wait_again(again());
            return false;
        }
        // SAFETY: if it is linked, and not promised, `enlist_receiver` has put it into this list.
        unsafe { self.receivers.remove(node) };
        true
    }

    /// Takes a receiver out that is being dropped.
    #[cfg(not(loom))]
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
