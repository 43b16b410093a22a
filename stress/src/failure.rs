//! The ways in which a client can fail, and their count.
//!
//! Owns the names under which failures are reported. Decides nothing about pass or fail.

use std::fmt;
use std::io;

use serde_json::{Map, Value};

use crate::counter::Counter;

/// What went wrong, as the report sorts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The connection was refused: nobody listens.
    Refused,
    /// The other side, or the kernel, cut the connection.
    Reset,
    /// It did not end before the run's deadline.
    Timeout,
    /// The connection ended before the reply did.
    Short,
    /// More came back than was sent.
    Surplus,
    /// Bytes came back that were never sent.
    Corrupt,
    /// An intact message came back where another was due.
    Reordered,
    /// No descriptor left (EMFILE, ENFILE).
    Emfile,
    /// No local port left (EADDRNOTAVAIL).
    Ports,
    /// The kernel had no memory (ENOMEM, ENOBUFS).
    Memory,
    /// The coroutine panicked.
    Panic,
    /// Any other error.
    Other,
}

/// Every kind with its name, in the order of the report. [`Kind`] as a number is the index.
pub(crate) const KINDS: [(Kind, &str); 12] = [
    (Kind::Refused, "refused"),
    (Kind::Reset, "reset"),
    (Kind::Timeout, "timeout"),
    (Kind::Short, "short"),
    (Kind::Surplus, "surplus"),
    (Kind::Corrupt, "corrupt"),
    (Kind::Reordered, "reordered"),
    (Kind::Emfile, "emfile"),
    (Kind::Ports, "ports"),
    (Kind::Memory, "memory"),
    (Kind::Panic, "panic"),
    (Kind::Other, "other"),
];

/// One failure, with words for the person who reads the report.
#[derive(Debug)]
pub(crate) struct Failure {
    /// Where it is counted.
    pub(crate) kind: Kind,
    /// What happened.
    pub(crate) text: String,
}

impl Failure {
    /// A failure that no system call reported.
    pub(crate) fn new(kind: Kind, text: impl Into<String>) -> Failure {
        Failure { kind, text: text.into() }
    }

    /// A failed call, `doing` what.
    pub(crate) fn from_io(doing: &str, error: &io::Error) -> Failure {
        Failure { kind: kind_of(error), text: format!("{doing}: {error}") }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Sorts an error of the system.
pub(crate) fn kind_of(error: &io::Error) -> Kind {
    match error.raw_os_error() {
        Some(libc::EMFILE | libc::ENFILE) => return Kind::Emfile,
        Some(libc::EADDRNOTAVAIL) => return Kind::Ports,
        Some(libc::ENOMEM | libc::ENOBUFS) => return Kind::Memory,
        _ => {}
    }
    match error.kind() {
        io::ErrorKind::ConnectionRefused => Kind::Refused,
        io::ErrorKind::ConnectionReset
        | io::ErrorKind::ConnectionAborted
        | io::ErrorKind::BrokenPipe
        | io::ErrorKind::NotConnected => Kind::Reset,
        io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => Kind::Timeout,
        io::ErrorKind::UnexpectedEof => Kind::Short,
        _ => Kind::Other,
    }
}

/// How often each kind happened.
#[derive(Debug, Default)]
pub(crate) struct Tally([Counter; KINDS.len()]);

impl Tally {
    /// Counts one.
    pub(crate) fn count(&self, kind: Kind) {
        self.0[kind as usize].add(1);
    }

    /// The counts so far.
    pub(crate) fn counts(&self) -> Counts {
        Counts(std::array::from_fn(|kind| self.0[kind].get()))
    }
}

/// A [`Tally`] at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts([u64; KINDS.len()]);

impl Counts {
    /// Adds `n` of one kind.
    pub(crate) fn add(&mut self, kind: Kind, n: u64) {
        self.0[kind as usize] += n;
    }

    /// How many of one kind.
    pub(crate) fn of(&self, kind: Kind) -> u64 {
        self.0[kind as usize]
    }

    /// Adds what another process counted.
    pub(crate) fn merge(&mut self, other: &Counts) {
        for (mine, theirs) in self.0.iter_mut().zip(other.0) {
            *mine += theirs;
        }
    }

    /// All kinds together.
    pub(crate) fn total(&self) -> u64 {
        self.0.iter().sum()
    }

    /// (name, count), in the order of the report.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> {
        KINDS.iter().map(|&(kind, name)| (name, self.0[kind as usize]))
    }

    /// As one JSON object, kinds that never happened left out.
    pub(crate) fn to_json(self) -> Value {
        let seen = self.iter().filter(|&(_, count)| count > 0);
        Value::Object(seen.map(|(name, n)| (name.to_owned(), n.into())).collect::<Map<_, _>>())
    }

    /// The reverse of [`Counts::to_json`].
    pub(crate) fn from_json(value: &Value) -> Counts {
        let count = |name: &str| value.get(name).and_then(Value::as_u64).unwrap_or(0);
        Counts(std::array::from_fn(|kind| count(KINDS[kind].1)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_is_its_index_in_the_table() {
        for (index, &(kind, _)) in KINDS.iter().enumerate() {
            assert_eq!(kind as usize, index);
        }
    }

    #[test]
    fn system_errors_find_their_kind() {
        let os = |number| kind_of(&io::Error::from_raw_os_error(number));
        assert_eq!(os(libc::ECONNREFUSED), Kind::Refused);
        assert_eq!(os(libc::ECONNRESET), Kind::Reset);
        assert_eq!(os(libc::EPIPE), Kind::Reset);
        assert_eq!(os(libc::ETIMEDOUT), Kind::Timeout);
        assert_eq!(os(libc::EAGAIN), Kind::Timeout);
        assert_eq!(os(libc::EMFILE), Kind::Emfile);
        assert_eq!(os(libc::ENFILE), Kind::Emfile);
        assert_eq!(os(libc::EADDRNOTAVAIL), Kind::Ports);
        assert_eq!(os(libc::ENOBUFS), Kind::Memory);
        assert_eq!(os(libc::EXDEV), Kind::Other);
        assert_eq!(kind_of(&io::ErrorKind::UnexpectedEof.into()), Kind::Short);
    }

    #[test]
    fn counts_survive_json_and_add_up() {
        let tally = Tally::default();
        tally.count(Kind::Refused);
        tally.count(Kind::Other);
        tally.count(Kind::Other);
        let counts = tally.counts();
        let mut sum = Counts::from_json(&counts.to_json());
        assert_eq!(sum, counts);
        sum.merge(&counts);
        sum.add(Kind::Timeout, 4);
        assert_eq!(sum.total(), 10);
        assert!(sum.iter().any(|row| row == ("other", 4)));
    }
}
