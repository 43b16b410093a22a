//! What accept(2) may say, and what an accept loop makes of it. Waits for nothing itself.

use std::{io, time::Duration};

use crate::{Cancelled, net::Closed};

/// The first rest after a failure that time may heal; each is twice the one before.
const FIRST: Duration = Duration::from_millis(5);
/// The longest.
const LONGEST: Duration = Duration::from_secs(1);

/// What an accept loop does about an error.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Failure {
    /// It was told to end.
    Told,
    /// One connection is gone; the next may be there already.
    Gone,
    /// The listener is none any more: no later call can succeed.
    Broken,
    /// The system is short of something, or says what we don't know: rest, and try again.
    Short,
}

impl Failure {
    pub(super) fn of(error: &io::Error) -> Failure {
        if Cancelled::in_error(error).is_some() || is_closed(error) {
            return Failure::Told;
        }
        match error.raw_os_error() {
            // accept(2) passes on what has happened to the connection before it was accepted.
            Some(
                libc::ECONNABORTED
                | libc::ECONNRESET
                | libc::EINTR
                | libc::EPROTO
                | libc::EPERM
                | libc::ETIMEDOUT
                | libc::ENETDOWN
                | libc::ENETUNREACH
                | libc::EHOSTDOWN
                | libc::EHOSTUNREACH
                | libc::ENOPROTOOPT,
            ) => Failure::Gone,
            Some(libc::EBADF | libc::EINVAL | libc::ENOTSOCK | libc::EFAULT) => Failure::Broken,
            // EMFILE, ENFILE, ENOBUFS, ENOMEM, and the unknown.
            _ => Failure::Short,
        }
    }
}

fn is_closed(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|inner| inner.is::<Closed>())
}

/// How long to rest after failures that follow one another.
#[derive(Debug, Default)]
pub(super) struct Rest(Duration);

impl Rest {
    /// The next rest, longer than the last.
    pub(super) fn next(&mut self) -> Duration {
        self.0 = (self.0 * 2).clamp(FIRST, LONGEST);
        self.0
    }

    /// Something has succeeded.
    pub(super) fn over(&mut self) {
        self.0 = Duration::ZERO;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shortages_rest_and_lost_connections_do_not() {
        let of = |code| Failure::of(&io::Error::from_raw_os_error(code));
        for code in [libc::EMFILE, libc::ENFILE, libc::ENOBUFS, libc::ENOMEM, libc::EOPNOTSUPP] {
            assert_eq!(of(code), Failure::Short, "{code}");
        }
        assert_eq!(of(libc::ECONNABORTED), Failure::Gone);
        assert_eq!(of(libc::EINVAL), Failure::Broken);
        assert_eq!(Failure::of(&Closed.into()), Failure::Told);
    }

    #[test]
    fn rests_double_up_to_a_second_and_begin_anew() {
        let mut rest = Rest::default();
        let rests: Vec<_> = (0..10).map(|_| rest.next().as_millis()).collect();
        assert_eq!(rests, [5, 10, 20, 40, 80, 160, 320, 640, 1000, 1000]);
        rest.over();
        assert_eq!(rest.next(), FIRST);
    }
}
