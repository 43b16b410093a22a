//! Why a coroutine was cancelled, and the error that says so.

use std::{error, fmt, io};

/// Why a coroutine was cancelled.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Reason {
    /// Somebody asked for it: [`JoinHandle::cancel`](crate::JoinHandle::cancel), a
    /// [`CancelToken`](crate::cancel::CancelToken).
    Requested,
    /// Its runtime is shutting down.
    Shutdown,
    /// The time of a [`timeout`](crate::time::timeout) around the running code is over.
    Deadline,
    /// Another coroutine of its [`scope`](crate::scope()) has failed.
    Sibling,
    /// What [`JoinHandle::cancel_with`](crate::JoinHandle::cancel_with) was given.
    Custom(u16),
}

const CUSTOM: u32 = 1 << 16;

impl Reason {
    /// As a number that is not zero.
    pub(crate) fn to_raw(self) -> u32 {
        match self {
            Reason::Requested => 1,
            Reason::Shutdown => 2,
            Reason::Deadline => 3,
            Reason::Sibling => 4,
            Reason::Custom(code) => CUSTOM | u32::from(code),
        }
    }

    pub(crate) fn from_raw(raw: u32) -> Reason {
        match raw {
            2 => Reason::Shutdown,
            3 => Reason::Deadline,
            4 => Reason::Sibling,
            raw if raw & CUSTOM != 0 => Reason::Custom((raw & 0xffff) as u16),
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
        match self.reason {
            Reason::Requested => f.write_str("the coroutine was cancelled"),
            Reason::Shutdown => {
                f.write_str("the coroutine was cancelled: its runtime is shutting down")
            }
            Reason::Deadline => f.write_str("the time for the operation is over"),
            Reason::Sibling => {
                f.write_str("the coroutine was cancelled: another of its scope has failed")
            }
            Reason::Custom(code) => write!(f, "the coroutine was cancelled: reason {code}"),
        }
    }
}

impl error::Error for Cancelled {}

/// The error of a cancelled wait for I/O. Its kind is [`TimedOut`](io::ErrorKind::TimedOut) for a
/// deadline, and never `Interrupted`, which std's loops retry.
impl From<Cancelled> for io::Error {
    fn from(cancelled: Cancelled) -> io::Error {
        let kind = match cancelled.reason {
            Reason::Deadline => io::ErrorKind::TimedOut,
            _ => io::ErrorKind::Other,
        };
        io::Error::new(kind, cancelled)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_survive_the_header() {
        let all = [Reason::Requested, Reason::Shutdown, Reason::Deadline, Reason::Sibling];
        for reason in all.into_iter().chain([0, 1, 7, u16::MAX].map(Reason::Custom)) {
            assert_ne!(reason.to_raw(), 0);
            assert_eq!(Reason::from_raw(reason.to_raw()), reason);
        }
    }
}
