//! `JoinHandle` as a future: what a poll leaves in the header, and takes back.
//!
//! A poll that finds the coroutine running leaves a waker and the join word WAITING. Whatever the
//! handle does next (another poll, `join`, a drop) takes both back first, unless the finisher has
//! them by then: so the cell is empty whenever the word is not WAITING, and no waker outlives its
//! use.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use super::{body::contain, header::Waker, join::JoinHandle, scope::ScopedJoinHandle};

/// Who waits for the end of a coroutine.
pub(crate) enum Joiner {
    /// A coroutine or a thread, in one named wait.
    Task(Waker),
    /// Whoever has polled the handle.
    Async(std::task::Waker),
}

impl Joiner {
    /// Tells it that the result is there. What a foreign waker throws has nowhere to go.
    pub(crate) fn wake(self) {
        match self {
            Joiner::Task(waker) => drop(waker.wake()),
            Joiner::Async(waker) => contain(|| waker.wake()),
        }
    }
}

impl fmt::Debug for Joiner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Joiner::Task(_) => "Joiner::Task",
            Joiner::Async(_) => "Joiner::Async",
        })
    }
}

/// Waits for the coroutine in async code: the output is what [`join`](JoinHandle::join) returns.
///
/// Any executor may poll it, on any thread, inside or outside of a runtime of this library. A poll
/// never parks. Only the waker of the last poll is woken. Dropping the future drops the handle, and
/// so detaches the coroutine; after a poll that was not ready, the handle may also be joined.
///
/// # Panics
///
/// When it is polled or joined after it has given its result, and when a coroutine polls its own
/// handle.
///
/// ```
/// lif::run(|| {
///     let parts = [lif::go(|| 1), lif::go(|| 2)];
///     let sum = lif::block_on(async {
///         let mut sum = 0;
///         for part in parts {
///             sum += part.await.unwrap();
///         }
///         sum
///     });
///     assert_eq!(sum, 3);
/// });
/// ```
impl<T> Future for JoinHandle<T> {
    type Output = std::thread::Result<T>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let handle = self.get_mut();
        let before = handle.take_back();
        if handle.is_finished() {
            return Poll::Ready(handle.take());
        }
        handle.assert_not_mine();
        let mine = context.waker();
        let (waker, replaced) = match before {
            Some(before) if before.will_wake(mine) => (before, None),
            other => (mine.clone(), other),
        };
        let registered = handle.leave(waker);
        // Foreign code, so it comes last.
        drop(replaced);
        if registered { Poll::Pending } else { Poll::Ready(handle.take()) }
    }
}

// The result is not in the handle, so nothing in it is ever pinned.
impl<T> Unpin for JoinHandle<T> {}

impl<T> JoinHandle<T> {
    /// Takes back what the last poll has left, unless the finisher has it.
    pub(super) fn take_back(&mut self) -> Option<std::task::Waker> {
        if !std::mem::take(&mut self.polled) || !self.task().join.stop_waiting() {
            return None;
        }
        // SAFETY: the word was WAITING and is not now, by this handle's own change.
        match unsafe { self.task().take_joiner() } {
            Some(Joiner::Async(waker)) => Some(waker),
            other => unreachable!("a poll leaves an async waker, not {other:?}"),
        }
    }

    /// Leaves a waker for the finisher; false if the coroutine has finished meanwhile.
    fn leave(&mut self, waker: std::task::Waker) -> bool {
        let task = self.task();
        // SAFETY: the one handle has just seen to it that the word is not WAITING.
        unsafe { task.set_joiner(Joiner::Async(waker)) };
        self.polled = task.join.wait();
        if !self.polled {
            // SAFETY: the word was OPEN when the coroutine finished, so the finisher did not look.
            drop(unsafe { task.take_joiner() });
        }
        self.polled
    }
}

/// As a [`JoinHandle`] is: its output is what [`join`](ScopedJoinHandle::join) returns.
///
/// # Panics
///
/// As the future that a [`JoinHandle`] is.
///
/// ```
/// lif::run(|| {
///     let words = ["lif", "means", "fibre"];
///     let length = lif::thread::scope(|s| {
///         let child = s.spawn(|| words.concat().len());
///         lif::block_on(child).unwrap()
///     });
///     assert_eq!(length, 13);
/// });
/// ```
impl<T> Future for ScopedJoinHandle<'_, T> {
    type Output = std::thread::Result<T>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(self.handle_mut()).poll(context)
    }
}
