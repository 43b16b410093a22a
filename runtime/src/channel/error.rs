//! The errors of channels, by the names and with the methods that crossbeam-channel has.

use std::{error::Error, fmt};

/// A message could not be sent: all receivers are gone, or the sending coroutine was cancelled.
///
/// The message is in it.
#[derive(PartialEq, Eq, Clone, Copy)]
pub struct SendError<T>(pub T);

/// A message could not be sent at once. It is in the error.
#[derive(PartialEq, Eq, Clone, Copy)]
pub enum TrySendError<T> {
    /// There is no room for it, or, at a rendezvous, no receiver waits.
    Full(T),
    /// All receivers are gone.
    Disconnected(T),
}

/// A message could not be sent in time. It is in the error.
#[derive(PartialEq, Eq, Clone, Copy)]
pub enum SendTimeoutError<T> {
    /// The time is up; or the coroutine is unwinding, and cannot wait.
    Timeout(T),
    /// All receivers are gone, or the sending coroutine was cancelled.
    Disconnected(T),
}

/// No message can be received: the channel is empty and all senders are gone, or the receiving
/// coroutine was cancelled.
#[derive(PartialEq, Eq, Clone, Copy, Debug)]
pub struct RecvError;

/// No message could be received at once.
#[derive(PartialEq, Eq, Clone, Copy, Debug)]
pub enum TryRecvError {
    /// None is there yet.
    Empty,
    /// None will come: all senders are gone.
    Disconnected,
}

/// No message could be received in time.
#[derive(PartialEq, Eq, Clone, Copy, Debug)]
pub enum RecvTimeoutError {
    /// The time is up; or the coroutine is unwinding, and cannot wait.
    Timeout,
    /// None will come: all senders are gone, or the receiving coroutine was cancelled.
    Disconnected,
}

/// No operation of a [`Select`](super::Select) could be selected at once.
#[derive(PartialEq, Eq, Clone, Copy, Debug)]
pub struct TrySelectError;

/// No operation of a [`Select`](super::Select) could be selected in time.
#[derive(PartialEq, Eq, Clone, Copy, Debug)]
pub struct SelectTimeoutError;

/// No operation of a [`Select`](super::Select) is ready.
#[derive(PartialEq, Eq, Clone, Copy, Debug)]
pub struct TryReadyError;

/// No operation of a [`Select`](super::Select) has become ready in time.
#[derive(PartialEq, Eq, Clone, Copy, Debug)]
pub struct ReadyTimeoutError;

const CLOSED_SEND: &str = "nothing can be sent: the channel has no receiver left";
const CLOSED_RECV: &str = "nothing can be received: the channel is empty and has no sender left";

impl<T> SendError<T> {
    /// The message.
    ///
    /// ```
    /// let (sender, receiver) = lif::channel::unbounded();
    /// drop(receiver);
    /// assert_eq!(sender.send("hello").unwrap_err().into_inner(), "hello");
    /// ```
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T> fmt::Debug for SendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SendError(..)")
    }
}

impl<T> fmt::Display for SendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(CLOSED_SEND)
    }
}

impl<T: Send> Error for SendError<T> {}

impl<T> TrySendError<T> {
    /// The message.
    pub fn into_inner(self) -> T {
        match self {
            TrySendError::Full(message) | TrySendError::Disconnected(message) => message,
        }
    }

    /// Whether there was no room.
    pub fn is_full(&self) -> bool {
        matches!(self, TrySendError::Full(_))
    }

    /// Whether all receivers are gone.
    pub fn is_disconnected(&self) -> bool {
        matches!(self, TrySendError::Disconnected(_))
    }
}

impl<T> fmt::Debug for TrySendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TrySendError::Full(_) => "Full(..)",
            TrySendError::Disconnected(_) => "Disconnected(..)",
        })
    }
}

impl<T> fmt::Display for TrySendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TrySendError::Full(_) => "nothing can be sent yet: the channel has no room",
            TrySendError::Disconnected(_) => CLOSED_SEND,
        })
    }
}

impl<T: Send> Error for TrySendError<T> {}

impl<T> From<SendError<T>> for TrySendError<T> {
    fn from(error: SendError<T>) -> TrySendError<T> {
        TrySendError::Disconnected(error.0)
    }
}

impl<T> SendTimeoutError<T> {
    /// The message.
    pub fn into_inner(self) -> T {
        match self {
            SendTimeoutError::Timeout(message) | SendTimeoutError::Disconnected(message) => message,
        }
    }

    /// Whether the time was up.
    pub fn is_timeout(&self) -> bool {
        matches!(self, SendTimeoutError::Timeout(_))
    }

    /// Whether all receivers are gone, or the coroutine was cancelled.
    pub fn is_disconnected(&self) -> bool {
        matches!(self, SendTimeoutError::Disconnected(_))
    }
}

impl<T> fmt::Debug for SendTimeoutError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            SendTimeoutError::Timeout(_) => "Timeout(..)",
            SendTimeoutError::Disconnected(_) => "Disconnected(..)",
        })
    }
}

impl<T> fmt::Display for SendTimeoutError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            SendTimeoutError::Timeout(_) => {
                "nothing could be sent in time: the channel had no room"
            }
            SendTimeoutError::Disconnected(_) => CLOSED_SEND,
        })
    }
}

impl<T: Send> Error for SendTimeoutError<T> {}

impl<T> From<SendError<T>> for SendTimeoutError<T> {
    fn from(error: SendError<T>) -> SendTimeoutError<T> {
        SendTimeoutError::Disconnected(error.0)
    }
}

impl TryRecvError {
    /// Whether no message was there yet.
    pub fn is_empty(&self) -> bool {
        *self == TryRecvError::Empty
    }

    /// Whether all senders are gone.
    pub fn is_disconnected(&self) -> bool {
        *self == TryRecvError::Disconnected
    }
}

impl From<RecvError> for TryRecvError {
    fn from(_: RecvError) -> TryRecvError {
        TryRecvError::Disconnected
    }
}

impl RecvTimeoutError {
    /// Whether the time was up.
    pub fn is_timeout(&self) -> bool {
        *self == RecvTimeoutError::Timeout
    }

    /// Whether all senders are gone, or the coroutine was cancelled.
    pub fn is_disconnected(&self) -> bool {
        *self == RecvTimeoutError::Disconnected
    }
}

impl From<RecvError> for RecvTimeoutError {
    fn from(_: RecvError) -> RecvTimeoutError {
        RecvTimeoutError::Disconnected
    }
}

macro_rules! says {
    ($($error:ty: |$value:pat_param| $says:expr;)*) => {$(
        impl fmt::Display for $error {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let $value = self;
                f.write_str($says)
            }
        }

        impl Error for $error {}
    )*};
}

says! {
    RecvError: |_| CLOSED_RECV;
    TryRecvError: |error| match error {
        TryRecvError::Empty => "nothing can be received yet: the channel is empty",
        TryRecvError::Disconnected => CLOSED_RECV,
    };
    RecvTimeoutError: |error| match error {
        RecvTimeoutError::Timeout => "nothing could be received in time: the channel was empty",
        RecvTimeoutError::Disconnected => CLOSED_RECV,
    };
    TrySelectError: |_| "all operations of the select would have to wait";
    SelectTimeoutError: |_| "no operation of the select went through in time";
    TryReadyError: |_| "no operation of the select is ready";
    ReadyTimeoutError: |_| "no operation of the select was ready in time";
}
