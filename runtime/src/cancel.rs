//! Cancellation: the reason, the error that fallible waits give, the payload that infallible ones
//! unwind with.
//!
//! What each kind of wait does stands in the documentation of that wait. How a wait learns of a
//! cancellation stands with the task word.

use std::{any::Any, error, fmt, io, panic::resume_unwind};

use crate::{current, task::wait::Kind};

/// Why a coroutine was cancelled.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
#[repr(u8)]
pub enum Reason {
    /// Somebody asked for it: [`JoinHandle::cancel`](crate::JoinHandle::cancel).
    Requested = 1,
    /// Its runtime is shutting down.
    Shutdown = 2,
}

impl Reason {
    pub(crate) fn from_raw(raw: u8) -> Reason {
        match raw {
            2 => Reason::Shutdown,
            _ => Reason::Requested,
        }
    }
}

/// A coroutine was cancelled.
///
/// It is the inner error of the [`io::Error`] with which a cancelled wait for I/O fails, and the
/// payload that [`JoinHandle::join`](crate::JoinHandle::join) returns for a coroutine that was
/// unwound because of it.
///
/// ```
/// lif::run(|| {
///     let sleeper = lif::go(|| lif::sleep(std::time::Duration::from_secs(3600)));
///     sleeper.cancel();
///     let payload = sleeper.join().unwrap_err();
///     let cancelled = payload.downcast_ref::<lif::Cancelled>().unwrap();
///     assert_eq!(cancelled.reason(), lif::cancel::Reason::Requested);
/// });
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Cancelled {
    reason: Reason,
}

impl Cancelled {
    pub(crate) fn new(reason: Reason) -> Cancelled {
        Cancelled { reason }
    }

    /// Why.
    #[must_use]
    pub fn reason(&self) -> Reason {
        self.reason
    }

    /// Whether `error` says that the wait it comes from was cancelled, and why.
    ///
    /// ```
    /// let error = std::io::Error::other("something else");
    /// assert_eq!(lif::Cancelled::in_error(&error), None);
    /// ```
    #[must_use]
    pub fn in_error(error: &io::Error) -> Option<Cancelled> {
        error.get_ref()?.downcast_ref().copied()
    }
}

impl fmt::Display for Cancelled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.reason {
            Reason::Requested => "the coroutine was cancelled",
            Reason::Shutdown => "the coroutine was cancelled: its runtime is shutting down",
        })
    }
}

impl error::Error for Cancelled {}

/// The error of a cancelled wait for I/O. Its kind is never `Interrupted`, which std's loops retry.
impl From<Cancelled> for io::Error {
    fn from(cancelled: Cancelled) -> io::Error {
        io::Error::other(cancelled)
    }
}

/// Whether this build can unwind. Where it can't, waits that would have to are not cancellable.
pub(crate) const CAN_UNWIND: bool = cfg!(panic = "unwind");

/// What a cancelled infallible wait throws. Private, so that only the base of a coroutine makes
/// something of it.
struct Unwound(Reason);

/// Unwinds the running coroutine: its destructors run, no message is printed.
pub(crate) fn unwind(reason: Reason) -> ! {
    resume_unwind(Box::new(Unwound(reason)))
}

/// The payload that the joiner gets.
pub(crate) fn payload(reason: Reason) -> Box<dyn Any + Send> {
    Box::new(Cancelled::new(reason))
}

/// What the joiner gets for what a coroutine has thrown.
pub(crate) fn published(thrown: Box<dyn Any + Send>) -> Box<dyn Any + Send> {
    match thrown.downcast::<Unwound>() {
        Ok(unwound) => payload(unwound.0),
        Err(other) => other,
    }
}

/// Whether the running coroutine has been cancelled and is to be told now: not within a shield,
/// not while it unwinds.
#[inline]
pub(crate) fn pending() -> Option<Reason> {
    let task = current::task()?;
    let reason = task.cancelled()?;
    // SAFETY: the task is the running one, so this is its home.
    let shielded = unsafe { task.local() }.shields.get() > 0;
    (!shielded && !std::thread::panicking()).then_some(reason)
}

/// Tells a cancelled coroutine in a wait that can fail. When the runtime's grace has run out, such
/// waits unwind as the others do.
pub(crate) fn fail(reason: Reason) -> Cancelled {
    let hard = current::with_worker(|worker| worker.is_some_and(|worker| worker.is_hard()));
    if hard && CAN_UNWIND {
        unwind(reason);
    }
    Cancelled::new(reason)
}

/// Tells a cancelled coroutine in a wait that cannot fail.
pub(crate) fn check_unwind() {
    if CAN_UNWIND && let Some(reason) = pending() {
        unwind(reason);
    }
}

/// How waits begin that can only unwind when they are cancelled.
pub(crate) fn infallible() -> Kind {
    if CAN_UNWIND { Kind::Cancellable } else { Kind::Uninterruptible }
}
