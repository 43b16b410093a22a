//! Owns the waits that no event ends: where a kernel says "full" and never tells when there is
//! room again. Elsewhere `ready` waits.

use std::io;
use std::time::{Duration, Instant};

use crate::ready::Limit;

/// The first pause; each is twice the one before.
const FIRST_PAUSE: Duration = Duration::from_micros(50);
/// The longest pause, and so how late room can be noticed.
const LONGEST_PAUSE: Duration = Duration::from_millis(10);

/// Calls `op`, which must not wait, until it doesn't say `WouldBlock`, with pauses in between.
///
/// Linux needs it in two places. A connect to a Unix listener whose queue is full and a datagram
/// to an unconnected Unix socket whose queue is full both give EAGAIN, while poll(2) calls our own
/// socket writable: it watches the other one only for a connected pair. A blocking call waits
/// inside the kernel, on a queue that only such a call can join.
///
/// At the limit's timeout the last `WouldBlock` is given back, as the kernel does for blocking
/// calls.
pub(super) fn retry_blocked<T>(
    limit: Limit,
    mut op: impl FnMut() -> io::Result<T>,
) -> io::Result<T> {
    let mut started = None;
    let mut pause = FIRST_PAUSE;
    loop {
        match op() {
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) if e.kind() == io::ErrorKind::WouldBlock && !limit.nonblocking => {
                let waited = started.get_or_insert_with(Instant::now).elapsed();
                let rest = limit.timeout.map_or(Duration::MAX, |all| all.saturating_sub(waited));
                if rest.is_zero() {
                    return Err(e);
                }
                crate::time::pause(pause.min(rest))?;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
            done => return done,
        }
    }
}
