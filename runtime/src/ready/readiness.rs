//! The readiness word of a descriptor: what the kernel has reported, and a tick that counts reports.
//!
//! ```text
//!  63      8  7     6        5        4              3           2    1       0
//! |  tick  | - | URGENT | CLOSED | WRITE_CLOSED | READ_CLOSED | - | WRITE | READ |
//! ```
//!
//! | step | change | who |
//! |---|---|---|
//! | [`report`](Readiness::report) | sets bits, tick + 1 | the worker that polled, or who shuts down |
//! | [`snapshot`](Readiness::snapshot) | none | an operation, **before** its call |
//! | [`clear`](Readiness::clear) | clears one bit, if nothing has changed since the snapshot | the operation, after a call that would block or came short |
//!
//! A bit says "a call may succeed". It is cleared only against a snapshot from before the call, so
//! a report that came after the snapshot, which the call may not have seen, keeps it set.
//!
//! A call that would block clears its bit always. A call that came short does so only while an edge
//! will tell of what comes later: not on a side that the peer has closed, or after an error, for
//! which no further edge comes; and not after urgent data, at whose mark a read ends short though
//! more may follow. There the next call finds out by itself.

use lif_poller::{Event, Interest};

use crate::atomics::{AtomicU64, Ordering};

const READ: u64 = 1 << 0;
const WRITE: u64 = 1 << 1;
const READ_CLOSED: u64 = 1 << 3;
const WRITE_CLOSED: u64 = 1 << 4;
const CLOSED: u64 = 1 << 5;
const URGENT: u64 = 1 << 6;
const ONE_TICK: u64 = 1 << 8;

/// A side of a descriptor.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Direction {
    /// Data to come, connections to accept.
    Read,
    /// Room to write, a connection that is made.
    Write,
}

/// The word.
#[derive(Debug)]
pub(crate) struct Readiness(AtomicU64);

/// What the word was at some moment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Snapshot(u64);

/// A set of bits to report.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Report(u64);

impl Report {
    /// Everything may be ready: each waiter finds out by calling.
    pub(crate) const ALL: Report = Report(READ | WRITE);
    /// The owner has closed it for good.
    pub(crate) const CLOSED: Report = Report(READ | WRITE | CLOSED);

    /// What an event says.
    pub(crate) fn of(event: &Event) -> Report {
        let mut bits = 0;
        for (said, bit) in [
            (event.is_readable(), READ),
            (event.is_writable(), WRITE),
            (event.is_read_closed(), READ | READ_CLOSED),
            (event.is_write_closed(), WRITE | WRITE_CLOSED),
            (event.is_urgent(), READ | URGENT),
            (event.is_error(), READ | WRITE | READ_CLOSED | WRITE_CLOSED),
        ] {
            if said {
                bits |= bit;
            }
        }
        Report(bits)
    }

    /// One side.
    pub(crate) fn side(direction: Direction) -> Report {
        Report(bit(direction))
    }

    /// Whether it concerns that side.
    pub(crate) fn has(self, direction: Direction) -> bool {
        self.0 & bit(direction) != 0
    }
}

fn bit(direction: Direction) -> u64 {
    match direction {
        Direction::Read => READ,
        Direction::Write => WRITE,
    }
}

impl Direction {
    /// What to ask the poller for.
    pub(crate) fn interest(self) -> Interest {
        match self {
            Direction::Read => Interest::READ,
            Direction::Write => Interest::WRITE,
        }
    }
}

impl Snapshot {
    /// Whether a call on that side may succeed.
    #[inline]
    pub(crate) fn has(self, direction: Direction) -> bool {
        self.0 & bit(direction) != 0
    }

    /// Whether a short count of a plain read or write means that nothing, or no room, is left, and
    /// that an event will tell when there is.
    #[inline]
    pub(crate) fn short_means_drained(self, direction: Direction) -> bool {
        match direction {
            Direction::Read => Event::TELL_OF_URGENT && self.0 & (URGENT | READ_CLOSED) == 0,
            Direction::Write => self.0 & WRITE_CLOSED == 0,
        }
    }

    /// Whether the owner has closed it.
    #[inline]
    pub(crate) fn is_closed(self) -> bool {
        self.0 & CLOSED != 0
    }
}

impl Readiness {
    /// Of a descriptor about which nothing is known: calls may succeed.
    pub(crate) fn new() -> Readiness {
        Readiness(AtomicU64::new(Report::ALL.0))
    }

    /// Forgets everything but the tick, for another descriptor.
    pub(crate) fn reset(&self) {
        // ORDER: Relaxed: changed between owners; the slot's lock publishes it.
        let word = self.0.load(Ordering::Relaxed);
        self.0.store(((word & !(ONE_TICK - 1)) + ONE_TICK) | Report::ALL.0, Ordering::Relaxed);
    }

    /// What is known now.
    #[inline]
    pub(crate) fn snapshot(&self) -> Snapshot {
        // ORDER: Acquire: partner is the Release in `report`: the call that follows comes after
        // the event that is seen.
        Snapshot(self.0.load(Ordering::Acquire))
    }

    /// Clears the bits of sides about which the kernel is about to be asked anew, and will answer.
    pub(crate) fn forget(&self, interest: Interest) {
        let mut bits = 0;
        for direction in [Direction::Read, Direction::Write] {
            if interest.contains(direction.interest()) {
                bits |= bit(direction);
            }
        }
        // ORDER: Relaxed: under the slot's lock, as is the look that follows it.
        self.0.fetch_and(!bits, Ordering::Relaxed);
    }

    /// Adds what has been reported.
    pub(crate) fn report(&self, report: Report) {
        let mut seen = self.0.load(Ordering::Relaxed);
        loop {
            let next = (seen | report.0).wrapping_add(ONE_TICK);
            // ORDER: Release: partner is the Acquire in `snapshot` and `clear`.
            match self.0.compare_exchange_weak(seen, next, Ordering::Release, Ordering::Relaxed) {
                Ok(_) => return,
                Err(now) => seen = now,
            }
        }
    }

    /// A call made after `before` would block, or came short: clears the bit of its side, unless
    /// something was reported since.
    pub(crate) fn clear(&self, direction: Direction, before: Snapshot) {
        if before.0 & bit(direction) == 0 || before.is_closed() {
            return;
        }
        let mut seen = before.0;
        while seen & !(READ | WRITE) == before.0 & !(READ | WRITE) && seen & bit(direction) != 0 {
            // ORDER: Relaxed on success: the bit is only looked at again under the slot's lock,
            // or in a later snapshot, and says nothing about other memory. Relaxed on failure:
            // only compared.
            match self.0.compare_exchange_weak(
                seen,
                seen & !bit(direction),
                Ordering::Relaxed,
                Ordering::Relaxed,
            ) {
                Ok(_) => return,
                Err(now) => seen = now,
            }
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn clear_takes_only_what_the_snapshot_had() {
        let word = Readiness::new();
        let before = word.snapshot();
        assert!(before.has(Direction::Read) && before.has(Direction::Write));
        word.clear(Direction::Read, before);
        assert!(!word.snapshot().has(Direction::Read));
        assert!(word.snapshot().has(Direction::Write));
        word.clear(Direction::Write, before);
        assert!(!word.snapshot().has(Direction::Write), "the other side's clear is no report");
    }

    #[test]
    fn a_report_since_the_snapshot_keeps_the_bit() {
        let word = Readiness::new();
        let before = word.snapshot();
        word.report(Report::side(Direction::Read));
        word.clear(Direction::Read, before);
        assert!(word.snapshot().has(Direction::Read));
        word.clear(Direction::Read, word.snapshot());
        assert!(!word.snapshot().has(Direction::Read));
    }

    #[test]
    fn closed_sides_stay_ready_until_a_call_would_block() {
        let word = Readiness::new();
        assert!(!word.snapshot().short_means_drained(Direction::Read) || Event::TELL_OF_URGENT);
        assert!(word.snapshot().short_means_drained(Direction::Write));
        word.report(Report(READ | READ_CLOSED));
        assert!(!word.snapshot().short_means_drained(Direction::Read));
        assert!(word.snapshot().short_means_drained(Direction::Write));
        // A datagram socket that had an error lives on.
        word.clear(Direction::Read, word.snapshot());
        assert!(!word.snapshot().has(Direction::Read));
        word.report(Report::CLOSED);
        word.clear(Direction::Write, word.snapshot());
        assert!(word.snapshot().has(Direction::Write) && word.snapshot().is_closed());
    }

    #[test]
    fn reset_forgets_and_old_snapshots_no_longer_match() {
        let word = Readiness::new();
        word.report(Report::CLOSED);
        let old = word.snapshot();
        word.reset();
        assert!(!word.snapshot().is_closed());
        word.clear(Direction::Read, old);
        assert!(word.snapshot().has(Direction::Read));
    }
}
