//! `SendFuture`: sending in async code.
//!
//! A future that waits stands in the list of senders, in line with those that are parked, and its
//! message in its node. Whoever takes the message has received it, whether or not the future is
//! polled again.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use super::{
    core::Sent,
    error::SendError,
    line::Line,
    sender::Sender,
    shared::deliver,
    slot::{Cargo, Slot},
};

/// A message on its way: see [`Sender::send_async`].
#[must_use = "a future does nothing unless it is polled"]
pub struct SendFuture<'a, T> {
    sender: &'a Sender<T>,
    /// The message, while it is not in the node or gone.
    message: Option<T>,
    line: Option<Line<T>>,
}

// The message is moved about, and so is never pinned.
impl<T> Unpin for SendFuture<'_, T> {}

impl<T> fmt::Debug for SendFuture<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SendFuture { .. }")
    }
}

impl<'a, T> SendFuture<'a, T> {
    pub(super) fn new(sender: &'a Sender<T>, message: T) -> SendFuture<'a, T> {
        SendFuture { sender, message: Some(message), line: None }
    }
}

impl<T> Future for SendFuture<'_, T> {
    type Output = Result<(), SendError<T>>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let future = self.get_mut();
        if let Some(line) = &mut future.line {
            // Before the look: see there.
            line.bell().listen(context.waker());
            if let Some(node) = line.node() {
                if node.is_linked() {
                    return Poll::Pending;
                }
                match line.end() {
                    Cargo::Message(message) => future.message = Some(message),
                    _ => return Poll::Ready(Ok(())),
                }
            }
        }
        let message = future.message.take().expect("a future is not polled after it was done");
        let mut state = future.sender.shared().lock();
        let message = match state.send(message) {
            Sent::Done(claimed) => {
                drop(state);
                deliver(claimed);
                return Poll::Ready(Ok(()));
            }
            Sent::Closed(message) => return Poll::Ready(Err(SendError(message))),
            Sent::Full(message) => message,
        };
        let Some(line) = &mut future.line else {
            // The waker's clone is foreign code, so it comes before the lock.
            drop(state);
            future.message = Some(message);
            future.line = Some(Line::new());
            return Pin::new(future).poll(context);
        };
        let node = line.begin(Slot::sender(message));
        // SAFETY: the node is boxed, and freed only when it is not linked.
        unsafe { state.enlist_sender(node) };
        Poll::Pending
    }
}

/// A message that nobody has taken is dropped, unsent.
impl<T> Drop for SendFuture<'_, T> {
    fn drop(&mut self) {
        if let Some(line) = &mut self.line
            && let Some(node) = line.node()
        {
            self.sender.shared().lock().withdraw_sender(node);
            drop(line.end());
        }
    }
}
