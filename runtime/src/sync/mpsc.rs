//! As [`std::sync::mpsc`]: channels with many senders and one receiver, over [`crate::channel`].
//!
//! The names, the errors (they are std's own) and the semantics are std's; what waits parks the
//! coroutine, or blocks the thread if there is none. When a coroutine is cancelled, its operations
//! that may wait fail as if the channel were closed: a send gives its message back, a receive has
//! taken none. A coroutine that is unwinding never waits: what it would have to wait for fails.
//!
//! ```
//! use lif::sync::mpsc;
//! lif::run(|| {
//!     let (sender, receiver) = mpsc::channel();
//!     for i in 0..3 {
//!         let sender = sender.clone();
//!         lif::go(move || sender.send(i).unwrap());
//!     }
//!     drop(sender);
//!     assert_eq!(receiver.iter().sum::<i32>(), 3);
//! });
//! ```

use std::{
    cell::Cell,
    fmt,
    iter::FusedIterator,
    marker::PhantomData,
    time::{Duration, Instant},
};

pub use std::sync::mpsc::{RecvError, RecvTimeoutError, SendError, TryRecvError, TrySendError};

use crate::channel;

/// The sending half of [`channel()`]: never waits. As [`std::sync::mpsc::Sender`].
pub struct Sender<T>(channel::Sender<T>);

/// The sending half of [`sync_channel`]: waits while the channel is full. As
/// [`std::sync::mpsc::SyncSender`].
pub struct SyncSender<T>(channel::Sender<T>);

/// The receiving half, the only one. As [`std::sync::mpsc::Receiver`].
pub struct Receiver<T> {
    inner: channel::Receiver<T>,
    /// As std's, it cannot be used from two threads at once.
    _not_sync: PhantomData<Cell<()>>,
}

fn receiver<T>(inner: channel::Receiver<T>) -> Receiver<T> {
    Receiver { inner, _not_sync: PhantomData }
}

/// Makes a channel without a bound, as [`std::sync::mpsc::channel`].
///
/// ```
/// let (sender, receiver) = lif::sync::mpsc::channel();
/// std::thread::spawn(move || sender.send(10).unwrap());
/// assert_eq!(receiver.recv(), Ok(10));
/// ```
#[must_use]
pub fn channel<T>() -> (Sender<T>, Receiver<T>) {
    let (sender, inner) = channel::unbounded();
    (Sender(sender), receiver(inner))
}

/// Makes a channel for up to `bound` messages, as [`std::sync::mpsc::sync_channel`]. With a bound
/// of 0 sender and receiver wait for each other.
///
/// ```
/// lif::run(|| {
///     let (sender, receiver) = lif::sync::mpsc::sync_channel(0);
///     lif::go(move || sender.send("hand to hand").unwrap());
///     assert_eq!(receiver.recv(), Ok("hand to hand"));
/// });
/// ```
#[must_use]
pub fn sync_channel<T>(bound: usize) -> (SyncSender<T>, Receiver<T>) {
    let (sender, inner) = channel::bounded(bound);
    (SyncSender(sender), receiver(inner))
}

impl<T> Sender<T> {
    /// Sends a message. Never waits.
    ///
    /// # Errors
    ///
    /// The message, if the receiver is gone or the coroutine was cancelled.
    ///
    /// ```
    /// let (sender, receiver) = lif::sync::mpsc::channel();
    /// drop(receiver);
    /// assert_eq!(sender.send(1).unwrap_err().0, 1);
    /// ```
    pub fn send(&self, message: T) -> Result<(), SendError<T>> {
        self.0.send(message).map_err(|error| SendError(error.0))
    }
}

impl<T> SyncSender<T> {
    /// Sends a message, and parks while the channel is full, or, with a bound of 0, until it is
    /// received.
    ///
    /// # Errors
    ///
    /// The message, if the receiver is gone or the coroutine was cancelled.
    ///
    /// ```
    /// let (sender, receiver) = lif::sync::mpsc::sync_channel(1);
    /// sender.send(1).unwrap();
    /// assert_eq!(receiver.recv(), Ok(1));
    /// ```
    pub fn send(&self, message: T) -> Result<(), SendError<T>> {
        self.0.send(message).map_err(|error| SendError(error.0))
    }

    /// Sends a message if that needs no wait.
    ///
    /// # Errors
    ///
    /// The message, if there is no room or the receiver is gone.
    ///
    /// ```
    /// use lif::sync::mpsc::{TrySendError, sync_channel};
    /// let (sender, _receiver) = sync_channel(1);
    /// sender.try_send(1).unwrap();
    /// assert_eq!(sender.try_send(2), Err(TrySendError::Full(2)));
    /// ```
    pub fn try_send(&self, message: T) -> Result<(), TrySendError<T>> {
        self.0.try_send(message).map_err(|error| match error {
            channel::TrySendError::Full(message) => TrySendError::Full(message),
            channel::TrySendError::Disconnected(message) => TrySendError::Disconnected(message),
        })
    }
}

impl<T> Receiver<T> {
    /// Receives a message, and parks until there is one.
    ///
    /// # Errors
    ///
    /// If the channel is empty and all senders are gone, or the coroutine was cancelled.
    ///
    /// ```
    /// use lif::sync::mpsc::{RecvError, channel};
    /// let (sender, receiver) = channel();
    /// sender.send(1).unwrap();
    /// drop(sender);
    /// assert_eq!(receiver.recv(), Ok(1));
    /// assert_eq!(receiver.recv(), Err(RecvError));
    /// ```
    pub fn recv(&self) -> Result<T, RecvError> {
        self.inner.recv().map_err(|_| RecvError)
    }

    /// Receives a message that can be had at once.
    ///
    /// # Errors
    ///
    /// If there is none, yet or for ever.
    ///
    /// ```
    /// use lif::sync::mpsc::{TryRecvError, channel};
    /// let (_sender, receiver) = channel::<()>();
    /// assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
    /// ```
    pub fn try_recv(&self) -> Result<T, TryRecvError> {
        self.inner.try_recv().map_err(|error| match error {
            channel::TryRecvError::Empty => TryRecvError::Empty,
            channel::TryRecvError::Disconnected => TryRecvError::Disconnected,
        })
    }

    /// As [`recv`](Self::recv), but parks no longer than `timeout`.
    ///
    /// # Errors
    ///
    /// `Timeout` if the time is up, `Disconnected` as [`recv`](Self::recv).
    ///
    /// ```
    /// use std::time::Duration;
    /// use lif::sync::mpsc::{RecvTimeoutError, channel};
    /// let (_sender, receiver) = channel::<()>();
    /// let error = receiver.recv_timeout(Duration::from_millis(1)).unwrap_err();
    /// assert_eq!(error, RecvTimeoutError::Timeout);
    /// ```
    pub fn recv_timeout(&self, timeout: Duration) -> Result<T, RecvTimeoutError> {
        self.inner.recv_timeout(timeout).map_err(late)
    }

    /// As [`recv`](Self::recv), but parks no longer than until `deadline`.
    ///
    /// # Errors
    ///
    /// As [`recv_timeout`](Self::recv_timeout).
    ///
    /// ```
    /// use lif::sync::mpsc::{RecvTimeoutError, channel};
    /// let (_sender, receiver) = channel::<()>();
    /// let error = receiver.recv_deadline(std::time::Instant::now()).unwrap_err();
    /// assert_eq!(error, RecvTimeoutError::Timeout);
    /// ```
    pub fn recv_deadline(&self, deadline: Instant) -> Result<T, RecvTimeoutError> {
        self.inner.recv_deadline(deadline).map_err(late)
    }

    /// Receives until all senders are gone, and parks in between.
    ///
    /// ```
    /// let (sender, receiver) = lif::sync::mpsc::channel();
    /// sender.send(1).unwrap();
    /// drop(sender);
    /// assert_eq!(receiver.iter().collect::<Vec<_>>(), [1]);
    /// ```
    pub fn iter(&self) -> Iter<'_, T> {
        Iter { receiver: self }
    }

    /// Receives what can be had at once.
    ///
    /// ```
    /// let (sender, receiver) = lif::sync::mpsc::channel();
    /// sender.send(1).unwrap();
    /// assert_eq!(receiver.try_iter().collect::<Vec<_>>(), [1]);
    /// ```
    pub fn try_iter(&self) -> TryIter<'_, T> {
        TryIter { receiver: self }
    }
}

fn late(error: channel::RecvTimeoutError) -> RecvTimeoutError {
    match error {
        channel::RecvTimeoutError::Timeout => RecvTimeoutError::Timeout,
        channel::RecvTimeoutError::Disconnected => RecvTimeoutError::Disconnected,
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        Sender(self.0.clone())
    }
}

impl<T> Clone for SyncSender<T> {
    fn clone(&self) -> Self {
        SyncSender(self.0.clone())
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sender { .. }")
    }
}

impl<T> fmt::Debug for SyncSender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SyncSender { .. }")
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Receiver { .. }")
    }
}

/// Receives until all senders are gone: [`Receiver::iter`].
#[derive(Debug)]
pub struct Iter<'a, T> {
    receiver: &'a Receiver<T>,
}

/// Receives what can be had at once: [`Receiver::try_iter`].
#[derive(Debug)]
pub struct TryIter<'a, T> {
    receiver: &'a Receiver<T>,
}

/// As [`Iter`], and owns the receiver.
#[derive(Debug)]
pub struct IntoIter<T> {
    receiver: Receiver<T>,
}

impl<T> FusedIterator for Iter<'_, T> {}
impl<T> FusedIterator for IntoIter<T> {}

impl<T> Iterator for Iter<'_, T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        self.receiver.recv().ok()
    }
}

impl<T> Iterator for TryIter<'_, T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        self.receiver.try_recv().ok()
    }
}

impl<T> Iterator for IntoIter<T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        self.receiver.recv().ok()
    }
}

impl<'a, T> IntoIterator for &'a Receiver<T> {
    type Item = T;
    type IntoIter = Iter<'a, T>;

    fn into_iter(self) -> Iter<'a, T> {
        self.iter()
    }
}

impl<T> IntoIterator for Receiver<T> {
    type Item = T;
    type IntoIter = IntoIter<T>;

    fn into_iter(self) -> IntoIter<T> {
        IntoIter { receiver: self }
    }
}
