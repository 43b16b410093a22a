//! A channel as its handles share it: the state under its lock, the counts of the handles, and
//! the operations that wait.
//!
//! The rules stand in [`core`](super::core); here is when to park, and what an end of a wait means.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Instant,
};

use super::{
    core::{Received, Sent, State, Wishes},
    error::{RecvError, RecvTimeoutError, SendTimeoutError, TryRecvError, TrySendError},
    peer::Me,
    slot::{Cargo, Slot},
    turn,
    waits::{Claimed, Kind, Node, Wait, Waited},
};
use crate::atomics::{Mutex, MutexGuard, lock};

/// See the module.
pub(crate) struct Shared<T> {
    state: Mutex<State<T>>,
    senders: AtomicUsize,
    receivers: AtomicUsize,
}

// SAFETY: messages, and what stands for a wait, are touched under the lock. They go from one thread
// to another, and no two threads ever have a reference to one.
unsafe impl<T: Send> Send for Shared<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Sync for Shared<T> {}

/// Lets go who was won, after the lock.
pub(crate) fn deliver(won: impl IntoIterator<Item = Claimed>) {
    won.into_iter().for_each(Claimed::deliver);
}

impl<T> Shared<T> {
    /// With one sender and one receiver.
    pub(crate) fn new(capacity: usize) -> Shared<T> {
        Shared {
            state: Mutex::new(State::new(capacity)),
            senders: AtomicUsize::new(1),
            receivers: AtomicUsize::new(1),
        }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State<T>> {
        lock(&self.state)
    }

    pub(crate) fn add_sender(&self) {
        count(&self.senders);
    }

    pub(crate) fn add_receiver(&self) {
        count(&self.receivers);
    }

    pub(crate) fn drop_sender(&self) {
        // ORDER: Relaxed: only the last one does anything, under the lock.
        if self.senders.fetch_sub(1, Ordering::Relaxed) == 1 {
            let mut won = Vec::new();
            self.lock().close_senders(&mut won);
            deliver(won);
        }
    }

    pub(crate) fn drop_receiver(&self) {
        // ORDER: Relaxed: as in `drop_sender`.
        if self.receivers.fetch_sub(1, Ordering::Relaxed) == 1 {
            let mut won = Vec::new();
            let left = self.lock().close_receivers(&mut won);
            deliver(won);
            drop(left);
        }
    }

    pub(crate) fn try_send(&self, message: T) -> Result<(), TrySendError<T>> {
        turn::spend();
        let sent = self.lock().send(message);
        match sent {
            Sent::Done(claimed) => {
                deliver(claimed);
                Ok(())
            }
            Sent::Full(message) => Err(TrySendError::Full(message)),
            Sent::Closed(message) => Err(TrySendError::Disconnected(message)),
        }
    }

    /// A cancelled coroutine gets `Disconnected`, one that unwinds and would have to wait gets
    /// `Timeout`.
    pub(crate) fn send(
        &self,
        mut message: T,
        deadline: Option<Instant>,
    ) -> Result<(), SendTimeoutError<T>> {
        if turn::begin().is_err() {
            return Err(SendTimeoutError::Disconnected(message));
        }
        loop {
            let mut state = self.lock();
            message = match state.send(message) {
                Sent::Done(claimed) => {
                    drop(state);
                    deliver(claimed);
                    return Ok(());
                }
                Sent::Closed(message) => return Err(SendTimeoutError::Disconnected(message)),
                Sent::Full(message) => message,
            };
            if !turn::may_wait(deadline) {
                return Err(SendTimeoutError::Timeout(message));
            }
            let wait = Wait::begin(Kind::Cancellable);
            let node = Node::new(wait.waker(), Slot::sender(message));
            // SAFETY: it is withdrawn below, before it goes; a park does not unwind.
            unsafe { state.enlist_sender(&node) };
            drop(state);
            let waited = wait.park(deadline);
            if node.is_linked() {
                self.lock().withdraw_sender(&node);
            }
            message = match node.carries().take() {
                Cargo::Message(message) => message,
                _ => return Ok(()),
            };
            match waited {
                Waited::Woken => {}
                Waited::TimedOut => return Err(SendTimeoutError::Timeout(message)),
                Waited::Cancelled => {
                    turn::cancelled();
                    return Err(SendTimeoutError::Disconnected(message));
                }
            }
        }
    }

    pub(crate) fn try_recv(&self) -> Result<T, TryRecvError> {
        turn::spend();
        loop {
            let state = match look(self.lock(), wishes()) {
                Look::Done(done) => return done.map_err(TryRecvError::from),
                Look::Wish(state) => state,
                Look::Empty(_) | Look::Promised(_) => return Err(TryRecvError::Empty),
            };
            // A select that would send has to be asked for its message first.
            let wait = Wait::begin(Kind::Uninterruptible);
            let node = Node::new(wait.waker(), Slot::receiver());
            match look(state, Wishes::Pair(&node)) {
                Look::Done(done) => return done.map_err(TryRecvError::from),
                Look::Promised(claimed) => claimed.deliver(),
                Look::Empty(_) | Look::Wish(_) => return Err(TryRecvError::Empty),
            }
            let _woken = wait.park(None);
            self.settle(&node);
            if let Cargo::Message(message) = node.carries().take() {
                return Ok(message);
            }
        }
    }

    /// A cancelled coroutine gets `Disconnected`, one that unwinds and would have to wait gets
    /// `Timeout`.
    pub(crate) fn recv(&self, deadline: Option<Instant>) -> Result<T, RecvTimeoutError> {
        if turn::begin().is_err() {
            return Err(RecvTimeoutError::Disconnected);
        }
        loop {
            let (state, is_wish) = match look(self.lock(), wishes()) {
                Look::Done(done) => return done.map_err(RecvTimeoutError::from),
                Look::Empty(state) if turn::may_wait(deadline) => (state, false),
                Look::Wish(state) => (state, true),
                Look::Empty(_) | Look::Promised(_) => return Err(RecvTimeoutError::Timeout),
            };
            let wait = Wait::begin(Kind::Cancellable);
            let node = Node::new(wait.waker(), Slot::receiver());
            let looked =
                if is_wish { look(state, Wishes::Pair(&node)) } else { Look::Empty(state) };
            match looked {
                Look::Done(done) => return done.map_err(RecvTimeoutError::from),
                Look::Promised(claimed) => claimed.deliver(),
                Look::Empty(mut state) | Look::Wish(mut state) => {
                    // SAFETY: it is withdrawn below, before it goes; a park does not unwind.
                    unsafe { state.enlist_receiver(&node) };
                    drop(state);
                }
            }
            let waited = wait.park(deadline);
            self.settle(&node);
            if let Cargo::Message(message) = node.carries().take() {
                return Ok(message);
            }
            match waited {
                Waited::Woken => {}
                Waited::TimedOut => return Err(RecvTimeoutError::Timeout),
                Waited::Cancelled => {
                    turn::cancelled();
                    return Err(RecvTimeoutError::Disconnected);
                }
            }
        }
    }

    /// Ends the wait of a receiver: takes its node out, or waits until what it was promised has
    /// come.
    #[inline]
    pub(crate) fn settle(&self, node: &Node<Slot<T>>) {
        while node.is_linked() {
            let mut again = None;
            self.lock().withdraw_receiver(node, || {
                let wait = Wait::begin(Kind::Uninterruptible);
                let waker = wait.waker();
                again = Some(wait);
                waker
            });
            if let Some(wait) = again {
                let _woken = wait.park(None);
            }
        }
    }
}

/// What a receiver that waits nowhere else has found; with the lock, where it goes on under it.
pub(super) enum Look<'a, T> {
    Done(Result<T, RecvError>),
    Wish(MutexGuard<'a, State<T>>),
    Promised(Claimed),
    Empty(MutexGuard<'a, State<T>>),
}

/// What the caller can do about a select that would send: while it unwinds, nothing.
fn wishes<'a, T>() -> Wishes<'a, T> {
    if turn::is_unwinding() { Wishes::Skip } else { Wishes::Tell }
}

/// Looks for a message.
#[inline]
pub(super) fn look<'a, T>(
    mut state: MutexGuard<'a, State<T>>,
    wishes: Wishes<'_, T>,
) -> Look<'a, T> {
    match state.recv(&mut Me::alone(), wishes) {
        Received::Message(message, claimed) => {
            drop(state);
            deliver(claimed);
            Look::Done(Ok(message))
        }
        Received::Closed => Look::Done(Err(RecvError)),
        Received::Wish => Look::Wish(state),
        Received::Promised(claimed) => Look::Promised(claimed),
        Received::Empty => Look::Empty(state),
        Received::Lost(_) => unreachable!("nobody else knows of this operation"),
    }
}

/// One more handle.
fn count(handles: &AtomicUsize) {
    // ORDER: Relaxed: a new handle is made from one that keeps the channel as it is.
    let before = handles.fetch_add(1, Ordering::Relaxed);
    assert!(before < usize::MAX / 2, "a channel has too many handles");
}
