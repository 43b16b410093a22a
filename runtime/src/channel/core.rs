//! What a channel is between two operations, and the rules by which they change it. All of it is
//! under the channel's lock.
//!
//! One set of rules serves every kind: an unbounded channel has a capacity that is never reached,
//! a rendezvous has none.
//!
//! # What always holds
//!
//! - If a receiver waits (and has not given up), the buffer is empty.
//! - If a sender waits, there is no room: messages and reserved places fill the capacity.
//! - A wait that was won finds in its [`Slot`] what it was won for, or nothing: then it looks again.
//!
//! # A select that would send
//!
//! Its message does not exist before it is selected, so it waits with a *wish*. Whoever wins it
//! gives it a right: a reserved place in the buffer, or, at a rendezvous, a partner, that is a
//! receiver that stays until the message has come (or until it is told that none will).
//!
//! What the nodes carry meanwhile stands with the [`Slot`].

mod promise;

use std::collections::VecDeque;

#[cfg(not(loom))]
pub(super) use self::promise::Left;
use super::{
    peer::{Me, Meeting, Wanted},
    slot::{Cargo, Slot},
    waits::{Claimed, Node, WaitList},
};

/// What has come of sending.
pub(crate) enum Sent<T> {
    Done(Option<Claimed>),
    Full(T),
    Closed(T),
}

/// What a receiver does about a select that would send.
pub(crate) enum Wishes<'a, T> {
    /// It cannot wait for the message, so it looks for another sender.
    Skip,
    /// It wants to be told, to come again with a node.
    Tell,
    /// It waits for the message with this node.
    Pair(&'a Node<Slot<T>>),
}

/// What has come of receiving.
pub(crate) enum Received<T> {
    Message(T, Option<Claimed>),
    /// A select that would send is first in line.
    Wish,
    /// The node is promised a message, and stays until it has come.
    Promised(Claimed),
    Empty,
    Closed,
    Lost(Option<Claimed>),
}

/// What has come of asking for the right to send.
pub(crate) enum Granted<T> {
    Room,
    Partner(*const Node<Slot<T>>, Claimed),
    Full,
    Closed,
    Lost(Option<Claimed>),
}

/// See the module.
pub(crate) struct State<T> {
    queue: VecDeque<T>,
    /// `usize::MAX` is without bound.
    capacity: usize,
    /// Places for messages that were granted and have not come yet.
    reserved: usize,
    senders: WaitList<Slot<T>>,
    receivers: WaitList<Slot<T>>,
    /// Receivers that a select has won and whose message has not come yet.
    promised: WaitList<Slot<T>>,
    /// Who waits until something could be received, without receiving it.
    readable: WaitList,
    /// The same for sending.
    writable: WaitList,
    senders_gone: bool,
    receivers_gone: bool,
}

fn wake_all<P>(list: &mut WaitList<P>) {
    while let Some(waker) = list.pop() {
        waker.wake();
    }
}

/// As [`wake_all`], but futures may be among them, whose wakers run foreign code: the caller
/// delivers after the lock.
fn claim_all<P>(list: &mut WaitList<P>, won: &mut Vec<Claimed>) {
    while let Some(waker) = list.pop() {
        won.extend(waker.claim());
    }
}

impl<T> State<T> {
    pub(crate) fn new(capacity: usize) -> State<T> {
        State {
            queue: VecDeque::new(),
            capacity,
            reserved: 0,
            senders: WaitList::new(),
            receivers: WaitList::new(),
            promised: WaitList::new(),
            readable: WaitList::new(),
            writable: WaitList::new(),
            senders_gone: false,
            receivers_gone: false,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.queue.len()
    }

    pub(crate) fn capacity(&self) -> usize {
        self.capacity
    }

    pub(crate) fn has_room(&self) -> bool {
        self.queue.len() + self.reserved < self.capacity
    }

    /// Hands the message to a receiver that waits, or puts it into the buffer.
    #[inline]
    pub(crate) fn send(&mut self, message: T) -> Sent<T> {
        if self.receivers_gone {
            return Sent::Closed(message);
        }
        if !self.receivers.is_empty()
            && let Meeting::Won(node, claimed) =
                Me::alone().meet(&mut self.receivers, |_| Wanted::Yes)
        {
            self.hand_over(node, message);
            return Sent::Done(Some(claimed));
        }
        if !self.has_room() {
            return Sent::Full(message);
        }
        self.queue.push_back(message);
        wake_all(&mut self.readable);
        Sent::Done(None)
    }

    /// Takes a message: from the buffer, or from a sender that waits.
    #[inline]
    pub(crate) fn recv(&mut self, me: &mut Me, wishes: Wishes<'_, T>) -> Received<T> {
        if !self.queue.is_empty() {
            if !me.claim() {
                return Received::Lost(None);
            }
            let message = self.queue.pop_front().expect("it is not empty");
            return Received::Message(message, self.fill_room());
        }
        if self.capacity == 0 && !self.senders.is_empty() {
            match self.recv_from_sender(me, wishes) {
                Received::Empty => {}
                found => return found,
            }
        }
        match self.senders_gone {
            true if me.claim() => Received::Closed,
            true => Received::Lost(None),
            false => Received::Empty,
        }
    }

    fn recv_from_sender(&mut self, me: &mut Me, wishes: Wishes<'_, T>) -> Received<T> {
        let of_wish = match wishes {
            Wishes::Skip => Wanted::Pass,
            Wishes::Tell => Wanted::Stop,
            Wishes::Pair(_) => Wanted::Yes,
        };
        let wanted = |slot: &Slot<T>| if slot.is_wish() { of_wish } else { Wanted::Yes };
        let (node, claimed) = match me.meet(&mut self.senders, wanted) {
            Meeting::Won(node, claimed) => (node, claimed),
            Meeting::Nobody => return Received::Empty,
            Meeting::Stopped => return Received::Wish,
            Meeting::Lost(claimed) => return Received::Lost(claimed),
        };
        // SAFETY: it is linked, and the lock is held.
        let node = unsafe { &*node };
        let received = match (node.carries().take(), wishes) {
            (Cargo::Message(message), _) => Received::Message(message, Some(claimed)),
            (_, Wishes::Pair(mine)) => {
                node.carries().give(Cargo::Partner(mine));
                mine.carries().give(Cargo::Promised);
                mine.carries().wait_again(mine.waker());
                // SAFETY: the caller leaves its node where it is until it is not linked.
                unsafe { self.promised.push(mine) };
                Received::Promised(claimed)
            }
            _ => unreachable!("only who brings a node wants a wish"),
        };
        // SAFETY: `meet` has found it in this list.
        unsafe { self.senders.remove(node) };
        received
    }

    /// Asks for the right to send a message that comes later.
    pub(crate) fn grant(&mut self, me: &mut Me) -> Granted<T> {
        if self.receivers_gone {
            return if me.claim() { Granted::Closed } else { Granted::Lost(None) };
        }
        if self.has_room() {
            if !me.claim() {
                return Granted::Lost(None);
            }
            self.reserved += 1;
            return Granted::Room;
        }
        if self.capacity > 0 {
            return Granted::Full;
        }
        match me.meet(&mut self.receivers, |_| Wanted::Yes) {
            Meeting::Won(node, claimed) => {
                // SAFETY: it is linked, and the lock is held.
                let node_ref = unsafe { &*node };
                node_ref.carries().give(Cargo::Promised);
                // SAFETY: `meet` has found it in this list; its owner leaves it where it is until
                // it is not linked, which it does not see before `fulfil`.
                unsafe { self.receivers.hand_to(&mut self.promised, node_ref) };
                Granted::Partner(node, claimed)
            }
            Meeting::Lost(claimed) => Granted::Lost(claimed),
            Meeting::Nobody | Meeting::Stopped => Granted::Full,
        }
    }

    /// Puts a message where a place was granted for it.
    pub(crate) fn send_reserved(&mut self, message: T, won: &mut Vec<Claimed>) -> Sent<T> {
        self.reserved -= 1;
        let sent = self.send(message);
        if let Sent::Done(Some(_)) = &sent {
            // It has gone past the buffer, so its place is free.
            self.fill_all_room(won);
        }
        sent
    }

    /// Gives back a place for which no message will come.
    pub(crate) fn give_up_room(&mut self, won: &mut Vec<Claimed>) {
        self.reserved -= 1;
        self.fill_all_room(won);
    }

    /// Uses places that have become free while receivers wait, which is so only when they were
    /// reserved before: what comes into the buffer goes on to them, and frees its place again.
    fn fill_all_room(&mut self, won: &mut Vec<Claimed>) {
        while let Some(sender) = self.fill_room() {
            won.push(sender);
            if let Some(message) = self.queue.pop_front() {
                match Me::alone().meet(&mut self.receivers, |_| Wanted::Yes) {
                    Meeting::Won(node, claimed) => {
                        self.hand_over(node, message);
                        won.push(claimed);
                    }
                    _ => self.queue.push_front(message),
                }
            }
        }
    }

    /// Gives a receiver, whose wait was won, its message.
    fn hand_over(&mut self, node: *const Node<Slot<T>>, message: T) {
        // SAFETY: `meet` has found it in the list of receivers, whose lock is held.
        let node = unsafe { &*node };
        node.carries().give(Cargo::Message(message));
        // SAFETY: it is in this list.
        unsafe { self.receivers.remove(node) };
    }

    /// Uses a place that has become free for the sender that has waited longest.
    fn fill_room(&mut self) -> Option<Claimed> {
        if !self.has_room() {
            return None;
        }
        let Meeting::Won(node, claimed) = Me::alone().meet(&mut self.senders, |_| Wanted::Yes)
        else {
            wake_all(&mut self.writable);
            return None;
        };
        // SAFETY: it is linked, and the lock is held.
        let node = unsafe { &*node };
        match node.carries().take() {
            Cargo::Message(message) => self.queue.push_back(message),
            _ => {
                node.carries().give(Cargo::Room);
                self.reserved += 1;
            }
        }
        // SAFETY: `meet` has found it in this list.
        unsafe { self.senders.remove(node) };
        Some(claimed)
    }

    /// Lets a sender wait.
    ///
    /// # Safety
    ///
    /// - The node stays where it is until it is not linked: its owner removes it under the lock.
    pub(crate) unsafe fn enlist_sender(&mut self, node: &Node<Slot<T>>) {
        // SAFETY: the caller's duty is the same.
        unsafe { self.senders.push(node) };
        if self.capacity == 0 {
            wake_all(&mut self.readable);
        }
    }

    /// Lets a receiver wait.
    ///
    /// # Safety
    ///
    /// - As [`enlist_sender`](Self::enlist_sender).
    pub(crate) unsafe fn enlist_receiver(&mut self, node: &Node<Slot<T>>) {
        // SAFETY: the caller's duty is the same.
        unsafe { self.receivers.push(node) };
        if self.capacity == 0 {
            wake_all(&mut self.writable);
        }
    }

    /// Takes a sender out, if it is still in.
    pub(crate) fn withdraw_sender(&mut self, node: &Node<Slot<T>>) {
        // SAFETY: if it is linked, `enlist_sender` has put it into this list.
        unsafe { self.senders.remove(node) };
    }

    /// The last sender has gone: no more messages will come.
    pub(crate) fn close_senders(&mut self, won: &mut Vec<Claimed>) {
        self.senders_gone = true;
        claim_all(&mut self.receivers, won);
        wake_all(&mut self.readable);
    }

    /// The last receiver has gone: what was not received is given back, to be dropped outside of
    /// the lock.
    #[must_use = "messages are dropped outside of the lock"]
    pub(crate) fn close_receivers(&mut self, won: &mut Vec<Claimed>) -> VecDeque<T> {
        self.receivers_gone = true;
        claim_all(&mut self.senders, won);
        wake_all(&mut self.writable);
        std::mem::take(&mut self.queue)
    }

    /// Whether receiving need not wait.
    pub(crate) fn is_readable(&self) -> bool {
        let met = self.capacity == 0 && !self.senders.is_empty();
        met || self.senders_gone || !self.queue.is_empty()
    }

    /// Whether sending need not wait.
    pub(crate) fn is_writable(&self) -> bool {
        let met = self.capacity == 0 && !self.receivers.is_empty();
        met || self.receivers_gone || self.has_room()
    }

    /// The list of those who wait until receiving need not wait.
    pub(crate) fn readable(&mut self) -> &mut WaitList {
        &mut self.readable
    }

    /// The list of those who wait until sending need not wait.
    pub(crate) fn writable(&mut self) -> &mut WaitList {
        &mut self.writable
    }
}
