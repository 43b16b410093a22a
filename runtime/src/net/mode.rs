//! Owns what a user set for the waits of one open file: timeouts and non-blocking mode.
//!
//! It belongs to the open file, so clones of a socket share it, as they share the kernel's own
//! settings. It makes no system call.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use crate::ready::Limit;

/// The word for "no timeout". A timeout of zero can't be set.
const NEVER: u64 = 0;

/// The timeouts and the non-blocking flag that all clones of a socket share.
///
/// The descriptor itself is always in the kernel's non-blocking mode; `nonblocking` says what
/// the user asked for.
// ORDER: every access is Relaxed. Each word is complete in itself and no other memory is read
// through it; who needs another thread to see a new setting hands it over by other means.
#[derive(Debug, Default)]
pub(super) struct Mode {
    read_ns: AtomicU64,
    write_ns: AtomicU64,
    nonblocking: AtomicBool,
}

impl Mode {
    pub(super) fn new(read: Option<Duration>, write: Option<Duration>, nonblocking: bool) -> Mode {
        Mode {
            read_ns: AtomicU64::new(to_word(read)),
            write_ns: AtomicU64::new(to_word(write)),
            nonblocking: AtomicBool::new(nonblocking),
        }
    }

    /// What bounds a call that receives or accepts.
    #[inline]
    pub(super) fn read_limit(&self) -> Limit {
        Limit { timeout: self.read_timeout(), nonblocking: self.nonblocking() }
    }

    /// What bounds a call that sends.
    #[inline]
    pub(super) fn write_limit(&self) -> Limit {
        Limit { timeout: self.write_timeout(), nonblocking: self.nonblocking() }
    }

    #[inline]
    pub(super) fn read_timeout(&self) -> Option<Duration> {
        // ORDER: Relaxed, see the type.
        from_word(self.read_ns.load(Ordering::Relaxed))
    }

    #[inline]
    pub(super) fn write_timeout(&self) -> Option<Duration> {
        // ORDER: Relaxed, see the type.
        from_word(self.write_ns.load(Ordering::Relaxed))
    }

    #[inline]
    pub(super) fn nonblocking(&self) -> bool {
        // ORDER: Relaxed, see the type.
        self.nonblocking.load(Ordering::Relaxed)
    }

    pub(super) fn set_read_timeout(&self, timeout: Option<Duration>) {
        // ORDER: Relaxed, see the type.
        self.read_ns.store(to_word(timeout), Ordering::Relaxed);
    }

    pub(super) fn set_write_timeout(&self, timeout: Option<Duration>) {
        // ORDER: Relaxed, see the type.
        self.write_ns.store(to_word(timeout), Ordering::Relaxed);
    }

    pub(super) fn set_nonblocking(&self, nonblocking: bool) {
        // ORDER: Relaxed, see the type.
        self.nonblocking.store(nonblocking, Ordering::Relaxed);
    }
}

/// Nanoseconds, capped at 584 years.
fn to_word(timeout: Option<Duration>) -> u64 {
    match timeout {
        Some(timeout) => u64::try_from(timeout.as_nanos()).unwrap_or(u64::MAX),
        None => NEVER,
    }
}

#[inline]
fn from_word(word: u64) -> Option<Duration> {
    if word == NEVER { None } else { Some(Duration::from_nanos(word)) }
}
