//! A future and a waker to test with.

use std::{
    future::Future,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
};

use crate::until;

/// A future that is done when somebody says so, and counts its polls.
#[derive(Clone, Debug, Default)]
pub struct Signal(Arc<Mutex<SignalState>>);

#[derive(Debug, Default)]
struct SignalState {
    done: bool,
    polls: usize,
    waker: Option<Waker>,
}

impl Signal {
    /// How often it has been polled.
    ///
    /// # Panics
    ///
    /// If one of its polls has.
    #[must_use]
    pub fn polls(&self) -> usize {
        self.0.lock().unwrap().polls
    }

    /// The waker of the last poll, once there was one.
    ///
    /// # Panics
    ///
    /// As [`polls`](Self::polls).
    #[must_use]
    pub fn waker(&self) -> Waker {
        let found = || self.0.lock().unwrap().waker.clone();
        until(|| found().is_some());
        found().unwrap()
    }

    /// Makes it done and wakes it; returns the waker.
    ///
    /// # Panics
    ///
    /// As [`polls`](Self::polls).
    pub fn finish(&self) -> Waker {
        let waker = self.waker();
        self.0.lock().unwrap().done = true;
        waker.wake_by_ref();
        waker
    }
}

impl Future for Signal {
    type Output = usize;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<usize> {
        let mut state = self.0.lock().unwrap();
        state.polls += 1;
        if state.done {
            return Poll::Ready(state.polls);
        }
        state.waker = Some(context.waker().clone());
        Poll::Pending
    }
}

/// A waker that counts.
#[derive(Debug, Default)]
pub struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

impl Count {
    /// One that has not been woken, and itself as a waker.
    #[must_use]
    pub fn new() -> (Arc<Count>, Waker) {
        let count = Arc::<Count>::default();
        (Arc::clone(&count), Waker::from(count))
    }

    /// How often it has been woken.
    #[must_use]
    pub fn get(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

/// Polls once.
pub fn poll<F: Future + Unpin>(future: &mut F, waker: &Waker) -> Poll<F::Output> {
    Pin::new(future).poll(&mut Context::from_waker(waker))
}
