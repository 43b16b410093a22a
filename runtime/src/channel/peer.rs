//! Finding a peer: one operation needs another one that waits, and both may be in a `select!` that
//! somebody else is about to win.
//!
//! An operation that waits nowhere has only the peer to win. One that is registered with other
//! channels already must win itself too, or it could take part in two operations at once. The two
//! claims are not one step, so they have an order that all agree on, that of the tasks: of two
//! that meet each other on two channels at the same moment, the first of the two claims decides,
//! and one of them goes through. (If each claimed itself first, both would find the other one gone,
//! and begin again, perhaps for ever.)
//!
//! A peer that was won in vain, because the second claim failed, is woken for nothing: all waits
//! look again when they are woken and have got nothing.
//!
//! This file must not know what is exchanged.

use super::waits::{Claimed, Node, WaitList, Waker, task_of};

/// The operation that looks for a peer.
pub(crate) struct Me {
    /// The wait that it has registered with other channels.
    waker: Option<Waker>,
    won: bool,
}

/// What a search has come to.
#[must_use = "a peer that was claimed must be delivered"]
pub(crate) enum Meeting<P> {
    /// This peer waits, and both waits are won. It is still in its list, and so alive.
    Won(*const Node<P>, Claimed),
    /// No peer waits.
    Nobody,
    /// The first peer is one to come again for; nothing is won.
    Stopped,
    /// Somebody else has won the caller's wait. What is here was woken for nothing.
    Lost(Option<Claimed>),
}

/// Whether a peer will do.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted {
    Yes,
    /// The next one may.
    Pass,
    /// It is its turn, but the caller must come again for it.
    Stop,
}

/// How the two claims went.
enum Both {
    Won(Claimed),
    PeerGone,
    Lost(Option<Claimed>),
}

impl Me {
    /// An operation that is registered nowhere else.
    pub(crate) fn alone() -> Me {
        Me { waker: None, won: true }
    }

    /// One that others may win at any moment.
    pub(crate) fn waiting(waker: Waker) -> Me {
        Me { waker: Some(waker), won: false }
    }

    /// Makes sure that nobody else wins the caller's wait; false if somebody has.
    pub(crate) fn claim(&mut self) -> bool {
        if !self.won
            && let Some(waker) = self.waker
        {
            match waker.claim() {
                // It runs, so there is nothing to deliver.
                Some(claimed) => claimed.deliver(),
                None => return false,
            }
            self.won = true;
        }
        true
    }

    /// Whether the wait was won by the caller itself: it must not be parked for.
    pub(crate) fn has_won_itself(&self) -> bool {
        self.won && self.waker.is_some()
    }

    /// Searches `list` from the front for a peer whose wait still lasts and is not the caller's
    /// own, and wins both.
    pub(crate) fn meet<P>(
        &mut self,
        list: &mut WaitList<P>,
        wanted: impl Fn(&P) -> Wanted,
    ) -> Meeting<P> {
        let mut at = list.first().map(std::ptr::from_ref);
        while let Some(node) = at {
            // SAFETY: it is in the list, whose lock the caller holds.
            let peer = unsafe { &*node };
            at = list.after(peer).map(std::ptr::from_ref);
            if self.waker.is_some_and(|me| task_of(me) == task_of(peer.waker())) {
                continue;
            }
            match wanted(peer.carries()) {
                Wanted::Yes => {}
                Wanted::Pass => continue,
                Wanted::Stop => return Meeting::Stopped,
            }
            match self.claim_both(peer.waker()) {
                Both::Won(claimed) => return Meeting::Won(node, claimed),
                // SAFETY: it is in this list.
                Both::PeerGone => unsafe { list.remove(peer) },
                Both::Lost(claimed) => {
                    if claimed.is_some() {
                        // SAFETY: it is in this list.
                        unsafe { list.remove(peer) };
                    }
                    return Meeting::Lost(claimed);
                }
            }
        }
        Meeting::Nobody
    }

    fn claim_both(&mut self, peer: Waker) -> Both {
        let first = self.won || self.waker.is_some_and(|me| task_of(me) < task_of(peer));
        if first {
            if !self.claim() {
                return Both::Lost(None);
            }
            return peer.claim().map_or(Both::PeerGone, Both::Won);
        }
        match peer.claim() {
            None => Both::PeerGone,
            Some(claimed) if self.claim() => Both::Won(claimed),
            Some(claimed) => Both::Lost(Some(claimed)),
        }
    }
}
