//! A channel for one message, of which both ends are used up.

use std::{
    fmt,
    time::{Duration, Instant},
};

use super::{
    Receiver as Many, Sender as Any, bounded,
    error::{RecvError, RecvTimeoutError, SendError, TryRecvError},
};

/// The sending end of [`channel`].
pub struct Sender<T>(Any<T>);

/// The receiving end of [`channel`].
pub struct Receiver<T>(Many<T>);

/// Makes a channel for one message: sending it never waits.
///
/// ```
/// use lif::channel::oneshot;
/// lif::run(|| {
///     let (answer, question) = oneshot::channel();
///     lif::go(move || answer.send(6 * 7).unwrap());
///     assert_eq!(question.recv(), Ok(42));
/// });
/// ```
#[must_use]
pub fn channel<T>() -> (Sender<T>, Receiver<T>) {
    let (sender, receiver) = bounded(1);
    (Sender(sender), Receiver(receiver))
}

impl<T> Sender<T> {
    /// Sends the message. Never waits, and so is not a point of cancellation.
    ///
    /// # Errors
    ///
    /// The message, if the receiver is gone.
    ///
    /// ```
    /// let (sender, receiver) = lif::channel::oneshot::channel();
    /// drop(receiver);
    /// assert_eq!(sender.send("nobody listens").unwrap_err().0, "nobody listens");
    /// ```
    pub fn send(self, message: T) -> Result<(), SendError<T>> {
        self.0.try_send(message).map_err(|error| SendError(error.into_inner()))
    }
}

impl<T> Receiver<T> {
    /// Receives the message, and parks until it is there.
    ///
    /// # Errors
    ///
    /// If the sender is gone and has sent nothing, if the message was taken before, or if the
    /// coroutine was cancelled.
    ///
    /// ```
    /// let (sender, receiver) = lif::channel::oneshot::channel::<()>();
    /// drop(sender);
    /// assert!(receiver.recv().is_err());
    /// ```
    pub fn recv(self) -> Result<T, RecvError> {
        self.0.recv()
    }

    /// Receives the message if it is there.
    ///
    /// # Errors
    ///
    /// If it is not there yet; or, as `Disconnected`, if it will not come any more.
    ///
    /// ```
    /// let (sender, receiver) = lif::channel::oneshot::channel();
    /// assert!(receiver.try_recv().unwrap_err().is_empty());
    /// sender.send(1).unwrap();
    /// assert_eq!(receiver.try_recv(), Ok(1));
    /// ```
    pub fn try_recv(&self) -> Result<T, TryRecvError> {
        self.0.try_recv()
    }

    /// As [`recv`](Self::recv), but parks no longer than `timeout`.
    ///
    /// # Errors
    ///
    /// `Timeout` if the time is up, `Disconnected` as [`recv`](Self::recv).
    ///
    /// ```
    /// use std::time::Duration;
    /// let (_sender, receiver) = lif::channel::oneshot::channel::<()>();
    /// assert!(receiver.recv_timeout(Duration::from_millis(1)).unwrap_err().is_timeout());
    /// ```
    pub fn recv_timeout(&self, timeout: Duration) -> Result<T, RecvTimeoutError> {
        self.0.recv_timeout(timeout)
    }

    /// As [`recv`](Self::recv), but parks no longer than until `deadline`.
    ///
    /// # Errors
    ///
    /// As [`recv_timeout`](Self::recv_timeout).
    pub fn recv_deadline(&self, deadline: Instant) -> Result<T, RecvTimeoutError> {
        self.0.recv_deadline(deadline)
    }

    /// The same as an ordinary receiver, for a `select!`.
    ///
    /// ```
    /// let (sender, receiver) = lif::channel::oneshot::channel();
    /// sender.send(1).unwrap();
    /// lif::select! {
    ///     recv(receiver.as_receiver()) -> message => assert_eq!(message, Ok(1)),
    /// }
    /// ```
    #[must_use]
    pub fn as_receiver(&self) -> &Many<T> {
        &self.0
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sender { .. }")
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Receiver { .. }")
    }
}
