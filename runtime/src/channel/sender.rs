//! `Sender`.

use std::{
    fmt,
    panic::{RefUnwindSafe, UnwindSafe},
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    error::{SendError, SendTimeoutError, TrySendError},
    shared::Shared,
};

/// The sending end of a channel. Clones send to the same channel.
///
/// ```
/// lif::run(|| {
///     let (sender, receiver) = lif::channel::unbounded();
///     for i in 0..3 {
///         let sender = sender.clone();
///         lif::go(move || sender.send(i).unwrap());
///     }
///     drop(sender);
///     let mut all: Vec<i32> = receiver.iter().collect();
///     all.sort();
///     assert_eq!(all, [0, 1, 2]);
/// });
/// ```
pub struct Sender<T> {
    shared: Arc<Shared<T>>,
}

impl<T> UnwindSafe for Sender<T> {}
impl<T> RefUnwindSafe for Sender<T> {}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sender { .. }")
    }
}

impl<T> Sender<T> {
    pub(crate) fn new(shared: Arc<Shared<T>>) -> Sender<T> {
        Sender { shared }
    }

    pub(crate) fn shared(&self) -> &Shared<T> {
        &self.shared
    }

    /// Sends a message, and parks while the channel is full, or, at a rendezvous, until a receiver
    /// takes it.
    ///
    /// A receiver that takes a message wakes the sender, and so does the end of the last receiver.
    ///
    /// # Errors
    ///
    /// The message, if there is no receiver left, or if the coroutine was
    /// [cancelled](crate::JoinHandle::cancel): then nobody has received it. So too in a coroutine
    /// that is unwinding, which never waits, if it would have to.
    ///
    /// ```
    /// let (sender, receiver) = lif::channel::bounded(1);
    /// sender.send("hello").unwrap();
    /// assert_eq!(receiver.recv(), Ok("hello"));
    /// drop(receiver);
    /// assert_eq!(sender.send("is there anybody?").unwrap_err().0, "is there anybody?");
    /// ```
    pub fn send(&self, message: T) -> Result<(), SendError<T>> {
        self.shared.send(message, None).map_err(|error| SendError(error.into_inner()))
    }

    /// Sends a message in async code.
    ///
    /// Any executor may poll the future, on any thread. A poll neither parks nor blocks. While there
    /// is no room, or at a rendezvous no receiver, the future waits in line with the senders that
    /// are parked, and a receiver that takes the message wakes it. Nothing is sent before the first
    /// poll. A future that is dropped drops its message, unless a receiver has taken it already.
    ///
    /// A cancellation of the coroutine is not seen by the future, but by what polls it, as
    /// [`block_on`](crate::block_on).
    ///
    /// # Errors
    ///
    /// The message, if there is no receiver left.
    ///
    /// # Panics
    ///
    /// When the future is polled after it was done.
    ///
    /// ```
    /// lif::run(|| {
    ///     let (sender, receiver) = lif::channel::bounded(0);
    ///     let receives = lif::go(move || receiver.recv());
    ///     lif::block_on(async {
    ///         sender.send_async("from async code").await.unwrap();
    ///         assert_eq!(receives.await.unwrap(), Ok("from async code"));
    ///         assert!(sender.send_async("too late").await.is_err());
    ///     });
    /// });
    /// ```
    #[cfg(not(loom))]
    pub fn send_async(&self, message: T) -> super::SendFuture<'_, T> {
        super::SendFuture::new(self, message)
    }

    /// Sends a message if that needs no wait. At a rendezvous a receiver must be waiting.
    ///
    /// Not a point of cancellation; a coroutine that has had many operations without parking lets
    /// others run first.
    ///
    /// # Errors
    ///
    /// The message, if there is no room for it or no receiver left.
    ///
    /// ```
    /// use lif::channel::{TrySendError, bounded};
    /// let (sender, _receiver) = bounded(1);
    /// assert_eq!(sender.try_send(1), Ok(()));
    /// assert_eq!(sender.try_send(2), Err(TrySendError::Full(2)));
    /// ```
    pub fn try_send(&self, message: T) -> Result<(), TrySendError<T>> {
        self.shared.try_send(message)
    }

    /// As [`send`](Self::send), but parks no longer than `timeout`.
    ///
    /// # Errors
    ///
    /// The message: `Timeout` if the time is up, or the coroutine is unwinding and would have to
    /// wait; `Disconnected` as [`send`](Self::send).
    ///
    /// ```
    /// use std::time::Duration;
    /// let (sender, _receiver) = lif::channel::bounded(0);
    /// let error = sender.send_timeout(1, Duration::from_millis(1)).unwrap_err();
    /// assert!(error.is_timeout());
    /// ```
    pub fn send_timeout(&self, message: T, timeout: Duration) -> Result<(), SendTimeoutError<T>> {
        // A time that the clock can't count to is for ever.
        self.shared.send(message, Instant::now().checked_add(timeout))
    }

    /// As [`send`](Self::send), but parks no longer than until `deadline`.
    ///
    /// # Errors
    ///
    /// As [`send_timeout`](Self::send_timeout).
    ///
    /// ```
    /// use std::time::Instant;
    /// let (sender, _receiver) = lif::channel::bounded(0);
    /// assert!(sender.send_deadline(1, Instant::now()).unwrap_err().is_timeout());
    /// ```
    pub fn send_deadline(&self, message: T, deadline: Instant) -> Result<(), SendTimeoutError<T>> {
        self.shared.send(message, Some(deadline))
    }

    /// Whether no message is in the channel. At a rendezvous there never is one.
    ///
    /// ```
    /// let (sender, _receiver) = lif::channel::unbounded();
    /// assert!(sender.is_empty());
    /// sender.send(1).unwrap();
    /// assert!(!sender.is_empty());
    /// ```
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether there is no room for a message. At a rendezvous there never is.
    ///
    /// ```
    /// let (sender, _receiver) = lif::channel::bounded(1);
    /// assert!(!sender.is_full());
    /// sender.send(1).unwrap();
    /// assert!(sender.is_full());
    /// ```
    #[must_use]
    pub fn is_full(&self) -> bool {
        !self.shared.lock().has_room()
    }

    /// How many messages are in the channel.
    ///
    /// ```
    /// let (sender, _receiver) = lif::channel::unbounded();
    /// sender.send(1).unwrap();
    /// assert_eq!(sender.len(), 1);
    /// ```
    #[must_use]
    pub fn len(&self) -> usize {
        self.shared.lock().len()
    }

    /// How many messages fit into the channel; `None` if there is no bound.
    ///
    /// ```
    /// use lif::channel::{Sender, bounded, unbounded};
    /// let of = |sender: Sender<()>| sender.capacity();
    /// assert_eq!(of(unbounded().0), None);
    /// assert_eq!(of(bounded(5).0), Some(5));
    /// ```
    #[must_use]
    pub fn capacity(&self) -> Option<usize> {
        Some(self.shared.lock().capacity()).filter(|&capacity| capacity != usize::MAX)
    }

    /// Whether both send to one channel.
    ///
    /// ```
    /// use lif::channel::unbounded;
    /// let (sender, _receiver) = unbounded::<()>();
    /// assert!(sender.same_channel(&sender.clone()));
    /// assert!(!sender.same_channel(&unbounded().0));
    /// ```
    #[must_use]
    pub fn same_channel(&self, other: &Sender<T>) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        self.shared.add_sender();
        Sender::new(Arc::clone(&self.shared))
    }
}

/// The last sender takes nothing along: messages in the channel can still be received.
impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        self.shared.drop_sender();
    }
}
