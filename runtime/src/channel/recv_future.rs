//! `RecvFuture`: receiving in async code.
//!
//! A future that waits stands in the list of receivers, in line with those that are parked. What it
//! was given is in its node: the next poll takes it, or the drop passes it on.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use super::{
    alarm::Alarm,
    core::{Left, Sent, Wishes},
    error::RecvError,
    line::Line,
    receiver::{Receiver, Source},
    shared::{Look, Shared, deliver, look},
    slot::{Cargo, Slot},
    waits::Node,
};

/// A message to come: see [`Receiver::recv_async`].
#[must_use = "a future does nothing unless it is polled"]
pub struct RecvFuture<'a, T> {
    receiver: &'a Receiver<T>,
    line: Option<Line<T>>,
    alarm: Option<Alarm>,
    done: bool,
}

impl<T> fmt::Debug for RecvFuture<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecvFuture { .. }")
    }
}

impl<'a, T> RecvFuture<'a, T> {
    pub(super) fn new(receiver: &'a Receiver<T>) -> RecvFuture<'a, T> {
        RecvFuture { receiver, line: None, alarm: None, done: false }
    }
}

impl<T> Future for RecvFuture<'_, T> {
    type Output = Result<T, RecvError>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let future = self.get_mut();
        assert!(!future.done, "a future is not polled after it was done");
        let polled = match future.receiver.source() {
            Source::Senders(shared) => poll(shared, &mut future.line, context),
            Source::Clock(timer) => match timer.take() {
                Some(message) => Poll::Ready(Ok(message)),
                None => {
                    Alarm::set(&mut future.alarm, timer.due(), context.waker());
                    Poll::Pending
                }
            },
            Source::Nothing => Poll::Pending,
        };
        future.done = polled.is_ready();
        polled
    }
}

fn poll<T>(
    shared: &Shared<T>,
    line: &mut Option<Line<T>>,
    context: &Context<'_>,
) -> Poll<Result<T, RecvError>> {
    if let Some(line) = line {
        // Before the look: see there.
        line.bell().listen(context.waker());
        // Also while it is promised a message: it is rung when that has come.
        if line.node().is_some_and(Node::is_linked) {
            return Poll::Pending;
        }
        if let Cargo::Message(message) = line.end() {
            return Poll::Ready(Ok(message));
        }
    }
    let (state, is_wish) = match look(shared.lock(), Wishes::Tell) {
        Look::Done(done) => return Poll::Ready(done),
        Look::Wish(state) => (state, true),
        Look::Empty(state) => (state, false),
        Look::Promised(_) => unreachable!("no node was brought"),
    };
    // The waker's clone is foreign code, so it comes before the lock, if this is the first wait.
    if line.is_none() {
        drop(state);
        *line = Some(Line::new());
        return poll(shared, line, context);
    }
    let line = line.as_mut().expect("just seen");
    let node = line.begin(Slot::receiver());
    match if is_wish { look(state, Wishes::Pair(node)) } else { Look::Empty(state) } {
        Look::Done(done) => {
            let Cargo::Nothing = line.end() else { unreachable!("the node was in no list") };
            Poll::Ready(done)
        }
        Look::Promised(claimed) => {
            claimed.deliver();
            Poll::Pending
        }
        Look::Empty(mut state) | Look::Wish(mut state) => {
            // SAFETY: the node is boxed, and freed only when it is not linked.
            unsafe { state.enlist_receiver(node) };
            Poll::Pending
        }
    }
}

/// A message that has come already goes to another receiver.
impl<T> Drop for RecvFuture<'_, T> {
    fn drop(&mut self) {
        let Some(line) = &mut self.line else { return };
        let Some(node) = line.node() else { return };
        let Source::Senders(shared) = self.receiver.source() else { return };
        let mut state = shared.lock();
        let left = state.leave(node);
        drop(state);
        match left {
            Left::Behind => line.forget_node(),
            Left::Free => {
                if let Cargo::Message(message) = line.end() {
                    let sent = shared.lock().put_back(message);
                    match sent {
                        Sent::Done(claimed) => deliver(claimed),
                        // Nobody is left to receive it. Foreign code, so it is dropped here.
                        Sent::Closed(message) | Sent::Full(message) => drop(message),
                    }
                }
            }
        }
    }
}
