//! The mutex queue of a worker, and the flag under the same mutex that says whether it sleeps.
//!
//! A lock-free queue of recyclable tasks is where ABA lives; this one has a lock, held for a few
//! instructions, and the worker takes the whole queue with one swap.
//!
//! | call | who | change under the lock | duty |
//! |---|---|---|---|
//! | [`push`](Mailbox::push) | anyone | appends; `asleep` → false | ring, if it was asleep |
//! | [`nudge`](Mailbox::nudge) | anyone | `nudged` → true; `asleep` → false | ring, if it was asleep |
//! | [`try_sleep`](Mailbox::try_sleep) | the owner | `asleep` → true, if nothing is there | polls |
//! | [`awake`](Mailbox::awake) | the owner, after its poll | `asleep`, `nudged` → false; takes all, if it has run what it took before | |
//!
//! *No push is slept through.* `try_sleep` and `push` exclude each other. If the push comes first,
//! the owner sees the queue and does not sleep. If it comes second, it sees `asleep` and owes a
//! ring, which makes the owner's poll return, also if the ring comes before the poll has begun.
//!
//! *One ring is enough.* Whoever sees `asleep` clears it, so later pushers are spared the system
//! call; the owner is on its way up and takes everything with `awake`.

use crate::atomics::{Mutex, lock};

/// Whether the owner has to be woken from its poll.
#[must_use = "a sleeping owner that is not rung sleeps on"]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Ring {
    /// It sleeps, and only the caller knows of the change: wake its poller.
    Needed,
    /// It is awake, or somebody else is waking it.
    NotNeeded,
}

/// The queue.
#[derive(Debug)]
pub(crate) struct Mailbox<T>(Mutex<State<T>>);

#[derive(Debug)]
struct State<T> {
    queue: Vec<T>,
    asleep: bool,
    nudged: bool,
}

impl<T> State<T> {
    fn ring(&mut self) -> Ring {
        if std::mem::take(&mut self.asleep) { Ring::Needed } else { Ring::NotNeeded }
    }
}

impl<T> Mailbox<T> {
    pub(crate) fn new() -> Mailbox<T> {
        Mailbox(Mutex::new(State { queue: Vec::new(), asleep: false, nudged: false }))
    }

    /// Appends one.
    pub(crate) fn push(&self, item: T) -> Ring {
        let mut state = lock(&self.0);
        state.queue.push(item);
        state.ring()
    }

    /// Appends all of `items`, and leaves it empty.
    pub(crate) fn push_all(&self, items: &mut Vec<T>) -> Ring {
        let mut state = lock(&self.0);
        state.queue.append(items);
        state.ring()
    }

    /// Makes the owner look around: something other than the queue has changed.
    pub(crate) fn nudge(&self) -> Ring {
        let mut state = lock(&self.0);
        state.nudged = true;
        state.ring()
    }

    /// The owner is about to poll without end; false if it must not.
    #[must_use = "an owner with something to do must not sleep"]
    pub(crate) fn try_sleep(&self) -> bool {
        let mut state = lock(&self.0);
        if !state.queue.is_empty() || state.nudged {
            return false;
        }
        state.asleep = true;
        true
    }

    /// The owner has polled: appends what it woke itself, and takes everything, unless it has not
    /// yet run all that it took before.
    pub(crate) fn awake(&self, polled: &mut Vec<T>, into: &mut Vec<T>) {
        let mut state = lock(&self.0);
        state.asleep = false;
        state.nudged = false;
        state.queue.append(polled);
        if into.is_empty() {
            std::mem::swap(&mut state.queue, into);
        }
    }

    /// How many are queued now.
    pub(crate) fn len(&self) -> usize {
        lock(&self.0).queue.len()
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn the_owner_does_not_sleep_on_a_queued_item_or_a_nudge() {
        let mail = Mailbox::new();
        assert_eq!(mail.push(1), Ring::NotNeeded);
        assert!(!mail.try_sleep());
        let mut all = Vec::new();
        mail.awake(&mut vec![2], &mut all);
        assert_eq!(all, [1, 2]);
        assert_eq!(mail.nudge(), Ring::NotNeeded);
        assert!(!mail.try_sleep());
        mail.awake(&mut Vec::new(), &mut all);
        assert!(mail.try_sleep());
    }

    #[test]
    fn only_the_first_pusher_rings_a_sleeper() {
        let mail = Mailbox::new();
        assert!(mail.try_sleep());
        assert_eq!(mail.push(1), Ring::Needed);
        assert_eq!(mail.push(2), Ring::NotNeeded);
        assert_eq!(mail.nudge(), Ring::NotNeeded);
        assert_eq!(mail.len(), 2);
        let mut all = vec![0];
        mail.awake(&mut Vec::new(), &mut all);
        assert_eq!(all, [0], "one that is not empty stays as it is");
        all.clear();
        mail.awake(&mut Vec::new(), &mut all);
        assert_eq!(all, [1, 2]);
        assert!(mail.try_sleep());
        assert_eq!(mail.push_all(&mut vec![3, 4]), Ring::Needed);
    }
}
