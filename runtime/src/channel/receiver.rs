//! `Receiver`.

use std::{
    fmt,
    panic::{RefUnwindSafe, UnwindSafe},
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    error::{RecvError, RecvTimeoutError, TryRecvError},
    iter::{IntoIter, Iter, TryIter},
    shared::Shared,
    timer::{self, Timer},
};

/// The receiving end of a channel. Clones receive from the same channel: each message goes to one
/// of them.
///
/// ```
/// lif::run(|| {
///     let (sender, receiver) = lif::channel::unbounded();
///     let workers: Vec<_> = (0..2)
///         .map(|_| {
///             let receiver = receiver.clone();
///             lif::go(move || receiver.iter().sum::<i32>())
///         })
///         .collect();
///     (1..=10).for_each(|i| sender.send(i).unwrap());
///     drop(sender);
///     let sum: i32 = workers.into_iter().map(|worker| worker.join().unwrap()).sum();
///     assert_eq!(sum, 55);
/// });
/// ```
pub struct Receiver<T> {
    source: Source<T>,
}

/// Where the messages come from.
pub(crate) enum Source<T> {
    Senders(Arc<Shared<T>>),
    Clock(Arc<Timer<T>>),
    Nothing,
}

impl<T> UnwindSafe for Receiver<T> {}
impl<T> RefUnwindSafe for Receiver<T> {}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Receiver { .. }")
    }
}

impl<T> Receiver<T> {
    pub(crate) fn new(source: Source<T>) -> Receiver<T> {
        Receiver { source }
    }

    pub(crate) fn source(&self) -> &Source<T> {
        &self.source
    }

    fn recv_until(&self, deadline: Option<Instant>) -> Result<T, RecvTimeoutError> {
        match &self.source {
            Source::Senders(shared) => shared.recv(deadline),
            Source::Clock(timer) => timer.recv(deadline),
            Source::Nothing => timer::recv_never(deadline),
        }
    }

    /// Receives a message, and parks until there is one.
    ///
    /// A sender wakes it, with the message, and so does the end of the last sender.
    ///
    /// # Errors
    ///
    /// If the channel is empty and no sender is left, or if the coroutine was
    /// [cancelled](crate::JoinHandle::cancel): then it has taken no message. So too in a coroutine
    /// that is unwinding, which never waits, if it would have to.
    ///
    /// ```
    /// let (sender, receiver) = lif::channel::unbounded();
    /// sender.send(1).unwrap();
    /// drop(sender);
    /// assert_eq!(receiver.recv(), Ok(1));
    /// assert_eq!(receiver.recv(), Err(lif::channel::RecvError));
    /// ```
    pub fn recv(&self) -> Result<T, RecvError> {
        self.recv_until(None).map_err(|_| RecvError)
    }

    /// Receives a message in async code.
    ///
    /// Any executor may poll the future, on any thread. A poll neither parks nor blocks, and takes
    /// a message that can be had at once; otherwise the future waits in line with the receivers
    /// that are parked, and the sender wakes it. It gives back its place, or the message that it was
    /// given meanwhile, when it is dropped: that goes to the receiver that waits next, or to the
    /// front of the channel, also if that is full or a rendezvous.
    ///
    /// A cancellation of the coroutine is not seen by the future, but by what polls it, as
    /// [`block_on`](crate::block_on). While one waits for [`after`](super::after),
    /// [`at`](super::at) or [`tick`](super::tick), a thread sleeps for it.
    ///
    /// # Errors
    ///
    /// If the channel is empty and no sender is left.
    ///
    /// # Panics
    ///
    /// When the future is polled after it was done; for a clock also if no thread can be started.
    ///
    /// ```
    /// lif::run(|| {
    ///     let (sender, receiver) = lif::channel::bounded(0);
    ///     lif::go(move || sender.send("from a coroutine").unwrap());
    ///     lif::block_on(async {
    ///         assert_eq!(receiver.recv_async().await, Ok("from a coroutine"));
    ///         assert!(receiver.recv_async().await.is_err(), "the sender has gone");
    ///     });
    /// });
    /// ```
    #[cfg(not(loom))]
    pub fn recv_async(&self) -> super::RecvFuture<'_, T> {
        super::RecvFuture::new(self)
    }

    /// Receives a message that can be had at once. At a rendezvous a sender must be waiting.
    ///
    /// Not a point of cancellation; a coroutine that has had many operations without parking lets
    /// others run first. At a rendezvous with a `select!` that waits to send, it parks for as long
    /// as the select takes to evaluate its message.
    ///
    /// # Errors
    ///
    /// If there is none, yet or for ever.
    ///
    /// ```
    /// use lif::channel::{TryRecvError, unbounded};
    /// let (sender, receiver) = unbounded();
    /// assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
    /// sender.send(1).unwrap();
    /// drop(sender);
    /// assert_eq!(receiver.try_recv(), Ok(1));
    /// assert_eq!(receiver.try_recv(), Err(TryRecvError::Disconnected));
    /// ```
    pub fn try_recv(&self) -> Result<T, TryRecvError> {
        match &self.source {
            Source::Senders(shared) => shared.try_recv(),
            Source::Clock(timer) => timer.try_recv(),
            Source::Nothing => Err(TryRecvError::Empty),
        }
    }

    /// As [`recv`](Self::recv), but parks no longer than `timeout`.
    ///
    /// # Errors
    ///
    /// `Timeout` if the time is up, or the coroutine is unwinding and would have to wait;
    /// `Disconnected` as [`recv`](Self::recv).
    ///
    /// ```
    /// use std::time::Duration;
    /// let (_sender, receiver) = lif::channel::unbounded::<()>();
    /// assert!(receiver.recv_timeout(Duration::from_millis(1)).unwrap_err().is_timeout());
    /// ```
    pub fn recv_timeout(&self, timeout: Duration) -> Result<T, RecvTimeoutError> {
        // A time that the clock can't count to is for ever.
        self.recv_until(Instant::now().checked_add(timeout))
    }

    /// As [`recv`](Self::recv), but parks no longer than until `deadline`.
    ///
    /// # Errors
    ///
    /// As [`recv_timeout`](Self::recv_timeout).
    ///
    /// ```
    /// use std::time::Instant;
    /// let (_sender, receiver) = lif::channel::unbounded::<()>();
    /// assert!(receiver.recv_deadline(Instant::now()).unwrap_err().is_timeout());
    /// ```
    pub fn recv_deadline(&self, deadline: Instant) -> Result<T, RecvTimeoutError> {
        self.recv_until(Some(deadline))
    }

    /// Whether no message is in the channel. At a rendezvous there never is one.
    ///
    /// ```
    /// let (sender, receiver) = lif::channel::unbounded();
    /// assert!(receiver.is_empty());
    /// sender.send(1).unwrap();
    /// assert!(!receiver.is_empty());
    /// ```
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether there is no room for a message. At a rendezvous there never is.
    ///
    /// ```
    /// let (sender, receiver) = lif::channel::bounded(1);
    /// sender.send(1).unwrap();
    /// assert!(receiver.is_full());
    /// ```
    #[must_use]
    pub fn is_full(&self) -> bool {
        match &self.source {
            Source::Senders(shared) => !shared.lock().has_room(),
            Source::Clock(timer) => timer.is_ready(),
            Source::Nothing => true,
        }
    }

    /// How many messages are in the channel.
    ///
    /// ```
    /// let (sender, receiver) = lif::channel::unbounded();
    /// sender.send(1).unwrap();
    /// assert_eq!(receiver.len(), 1);
    /// ```
    #[must_use]
    pub fn len(&self) -> usize {
        match &self.source {
            Source::Senders(shared) => shared.lock().len(),
            Source::Clock(timer) => usize::from(timer.is_ready()),
            Source::Nothing => 0,
        }
    }

    /// How many messages fit into the channel; `None` if there is no bound.
    ///
    /// ```
    /// use std::time::Duration;
    /// use lif::channel::{after, never, unbounded};
    /// assert_eq!(unbounded::<()>().1.capacity(), None);
    /// assert_eq!(after(Duration::ZERO).capacity(), Some(1));
    /// assert_eq!(never::<()>().capacity(), Some(0));
    /// ```
    #[must_use]
    pub fn capacity(&self) -> Option<usize> {
        match &self.source {
            Source::Senders(shared) => {
                Some(shared.lock().capacity()).filter(|&capacity| capacity != usize::MAX)
            }
            Source::Clock(_) => Some(1),
            Source::Nothing => Some(0),
        }
    }

    /// Whether both receive from one channel.
    ///
    /// ```
    /// use lif::channel::unbounded;
    /// let (_sender, receiver) = unbounded::<()>();
    /// assert!(receiver.same_channel(&receiver.clone()));
    /// assert!(!receiver.same_channel(&unbounded().1));
    /// ```
    #[must_use]
    pub fn same_channel(&self, other: &Receiver<T>) -> bool {
        match (&self.source, &other.source) {
            (Source::Senders(one), Source::Senders(other)) => Arc::ptr_eq(one, other),
            (Source::Clock(one), Source::Clock(other)) => Arc::ptr_eq(one, other),
            (Source::Nothing, Source::Nothing) => true,
            _ => false,
        }
    }

    /// Receives until [`recv`](Self::recv) fails, and parks while the channel is empty.
    ///
    /// ```
    /// let (sender, receiver) = lif::channel::unbounded();
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
    /// let (sender, receiver) = lif::channel::unbounded();
    /// sender.send(1).unwrap();
    /// assert_eq!(receiver.try_iter().collect::<Vec<_>>(), [1]);
    /// ```
    pub fn try_iter(&self) -> TryIter<'_, T> {
        TryIter { receiver: self }
    }
}

impl<T> Clone for Receiver<T> {
    fn clone(&self) -> Self {
        Receiver::new(match &self.source {
            Source::Senders(shared) => {
                shared.add_receiver();
                Source::Senders(Arc::clone(shared))
            }
            Source::Clock(timer) => Source::Clock(Arc::clone(timer)),
            Source::Nothing => Source::Nothing,
        })
    }
}

/// The last receiver drops what is in the channel.
impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        if let Source::Senders(shared) = &self.source {
            shared.drop_receiver();
        }
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
