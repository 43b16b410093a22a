//! What callers ask for and what they are told: tokens, interests, events and their buffer.
//!
//! The buffer holds the kernel's own array and decodes an entry when it is looked at, so a wait
//! copies nothing. What a kernel's bits mean is the backend's to say (`sys`), not this file's.

use std::fmt;
use std::iter::FusedIterator;
use std::ops::{BitOr, BitOrAssign};

use crate::sys;

/// The caller's name for a registration, which comes back with each of its events.
///
/// `slot` says where to look, `generation` whether what is there now is still meant.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Token {
    /// An index of the caller's; anything but [`Token::RESERVED_SLOT`].
    pub slot: u32,
    /// Raised by the caller with each new use of the slot.
    pub generation: u32,
}

impl Token {
    /// The one slot that no registration may use: it marks wake-ups.
    pub const RESERVED_SLOT: u32 = u32::MAX;

    /// What the bells of the backends are registered with.
    pub(crate) const WAKE: Token = Token::new(Token::RESERVED_SLOT, u32::MAX);

    /// Makes a token.
    #[must_use]
    pub const fn new(slot: u32, generation: u32) -> Token {
        Token { slot, generation }
    }

    /// Packs the token into one word: the slot in the low half, the generation in the high one.
    ///
    /// ```
    /// use lif_poller::Token;
    /// let token = Token::new(3, 9);
    /// assert_eq!(token.to_u64(), 9 << 32 | 3);
    /// assert_eq!(Token::from_u64(token.to_u64()), token);
    /// ```
    #[must_use]
    pub const fn to_u64(self) -> u64 {
        (self.generation as u64) << 32 | self.slot as u64
    }

    /// Unpacks what [`to_u64`](Token::to_u64) made.
    #[must_use]
    pub const fn from_u64(word: u64) -> Token {
        Token { slot: word as u32, generation: (word >> 32) as u32 }
    }
}

/// What a registration waits for: reading, writing, or both.
///
/// Errors and hang-ups are reported whatever the interest is.
///
/// ```
/// use lif_poller::Interest;
/// assert_eq!(Interest::READ | Interest::WRITE, Interest::BOTH);
/// assert!(Interest::BOTH.contains(Interest::WRITE));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Interest(u8);

impl Interest {
    /// Nothing: `add` with it only deletes.
    pub const NONE: Interest = Interest(0);
    /// Data to read, a connection to accept, or the end of the stream.
    pub const READ: Interest = Interest(1);
    /// Space to write, or the end of a connection attempt.
    pub const WRITE: Interest = Interest(2);
    /// Reading and writing.
    pub const BOTH: Interest = Interest(3);

    /// Whether all of `other` is in here.
    #[must_use]
    pub const fn contains(self, other: Interest) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether nothing is in here.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl BitOr for Interest {
    type Output = Interest;

    fn bitor(self, other: Interest) -> Interest {
        Interest(self.0 | other.0)
    }
}

impl BitOrAssign for Interest {
    fn bitor_assign(&mut self, other: Interest) {
        self.0 |= other.0;
    }
}

impl fmt::Debug for Interest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match *self {
            Interest::READ => "READ",
            Interest::WRITE => "WRITE",
            Interest::BOTH => "READ | WRITE",
            _ => "NONE",
        })
    }
}

/// How often a registration reports; the crate's contract says what may be relied on.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Mode {
    /// Whenever something changes, for as long as the registration lives.
    Edge,
    /// Once: after an event, `add` again.
    OneShot,
}

/// One report of the kernel about one registration.
///
/// Several of the questions below may be answered with yes, and each only tells of the moment of
/// the wait: the call that follows has the last word.
#[derive(Clone, Copy)]
pub struct Event {
    token: Token,
    /// The backend's bits; its masks in `sys` say what they mean.
    bits: u32,
}

impl Event {
    #[inline]
    pub(crate) fn new(token: u64, bits: u32) -> Event {
        Event { token: Token::from_u64(token), bits }
    }

    /// Whether one of these bits is set; never, of a mask that is empty on this backend.
    #[inline]
    fn has(&self, mask: u32) -> bool {
        self.bits & mask != 0
    }

    /// The token of the registration that this event belongs to.
    #[inline]
    #[must_use]
    pub fn token(&self) -> Token {
        self.token
    }

    /// Whether a read won't block: data, a connection to accept, the end, an error, a hang-up.
    #[inline]
    #[must_use]
    pub fn is_readable(&self) -> bool {
        self.has(sys::READABLE)
    }

    /// Whether a write won't block: space, a connection made, an error, a hang-up.
    #[inline]
    #[must_use]
    pub fn is_writable(&self) -> bool {
        self.has(sys::WRITABLE)
    }

    /// Whether the peer will send no more (`EPOLLRDHUP`; `EV_EOF` on reading).
    ///
    /// There may be data left to read before the end; after it no further edge for reading comes.
    #[inline]
    #[must_use]
    pub fn is_read_closed(&self) -> bool {
        self.has(sys::READ_CLOSED)
    }

    /// Whether nothing more can be sent (`EPOLLHUP`; `EV_EOF` on writing).
    ///
    /// A pipe whose reader is gone shows as this on kqueue and as an error on epoll.
    #[inline]
    #[must_use]
    pub fn is_write_closed(&self) -> bool {
        self.has(sys::WRITE_CLOSED)
    }

    /// Whether an error is pending (`EPOLLERR`; `EV_EOF` with an errno): the next call tells it.
    #[inline]
    #[must_use]
    pub fn is_error(&self) -> bool {
        self.has(sys::ERROR)
    }

    /// Whether this build's events tell of urgent data.
    pub const TELL_OF_URGENT: bool = sys::URGENT != 0;

    /// Whether urgent data of TCP has come (`EPOLLPRI`): a read ends short at its mark, though more
    /// may follow. Only where [`TELL_OF_URGENT`](Self::TELL_OF_URGENT), and only in edge mode.
    #[inline]
    #[must_use]
    pub fn is_urgent(&self) -> bool {
        self.has(sys::URGENT)
    }

    /// Whether the descriptor hung up (`EPOLLHUP`; `EV_EOF` on writing).
    ///
    /// On epoll both directions are over then. kqueue can't tell that from the caller's own
    /// `shutdown` of its writing side, so there only the writing is known to be over.
    #[inline]
    #[must_use]
    pub fn is_hup(&self) -> bool {
        self.has(sys::HANGUP)
    }
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Event")
            .field("token", &self.token)
            .field("readable", &self.is_readable())
            .field("writable", &self.is_writable())
            .field("read_closed", &self.is_read_closed())
            .field("write_closed", &self.is_write_closed())
            .field("error", &self.is_error())
            .field("hup", &self.is_hup())
            .field("urgent", &self.is_urgent())
            .finish()
    }
}

/// A buffer of events, allocated once and filled by each wait.
///
/// Wake-ups of the poller are in the kernel's array but never shown.
pub struct Events {
    /// The kernel's array, all of it initialised; only the first `filled` are of the last wait.
    raw: Box<[sys::RawEvent]>,
    filled: usize,
}

impl Events {
    /// Allocates room for the events of one wait; at least one.
    #[must_use]
    pub fn with_capacity(capacity: usize) -> Events {
        Events { raw: vec![sys::empty_event(); capacity.max(1)].into(), filled: 0 }
    }

    /// How many events one wait can bring.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.raw.len()
    }

    /// Walks over the events of the last wait.
    #[inline]
    pub fn iter(&self) -> Iter<'_> {
        Iter { raw: self.raw[..self.filled].iter() }
    }

    /// Whether the last wait brought no event; it looks at two entries at most.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }

    /// Counts the events of the last wait, by walking over them.
    #[must_use]
    pub fn len(&self) -> usize {
        self.iter().count()
    }

    /// Forgets the events of the last wait.
    pub fn clear(&mut self) {
        self.filled = 0;
    }

    /// Empties the buffer, then has `wait` fill it and say how many there are.
    pub(crate) fn fill<E>(
        &mut self,
        wait: impl FnOnce(&mut [sys::RawEvent]) -> Result<usize, E>,
    ) -> Result<(), E> {
        self.filled = 0;
        self.filled = wait(&mut self.raw)?;
        Ok(())
    }
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self).finish()
    }
}

impl<'a> IntoIterator for &'a Events {
    type Item = Event;
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

/// The events of one wait, decoded one at a time; made by [`Events::iter`].
#[derive(Clone)]
pub struct Iter<'a> {
    raw: std::slice::Iter<'a, sys::RawEvent>,
}

impl Iterator for Iter<'_> {
    type Item = Event;

    #[inline]
    fn next(&mut self) -> Option<Event> {
        loop {
            let event = sys::decode(self.raw.next()?);
            if event.token.slot != Token::RESERVED_SLOT {
                return Some(event);
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        // The bell has one registration, so it takes one entry at most.
        (self.raw.len().saturating_sub(1), Some(self.raw.len()))
    }
}

impl FusedIterator for Iter<'_> {}

impl fmt::Debug for Iter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.clone()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn token_survives_packing() {
        for slot in [0, 1, u32::MAX - 1, u32::MAX] {
            for generation in [0, 1, u32::MAX] {
                let token = Token::new(slot, generation);
                assert_eq!(Token::from_u64(token.to_u64()), token);
            }
        }
    }

    #[test]
    fn interests_combine() {
        let mut interest = Interest::NONE;
        assert!(interest.is_empty());
        interest |= Interest::READ;
        assert!(interest.contains(Interest::READ) && !interest.contains(Interest::WRITE));
        assert!(!interest.contains(Interest::BOTH));
        interest |= Interest::WRITE;
        assert_eq!(interest, Interest::BOTH);
        assert_eq!(format!("{interest:?}"), "READ | WRITE");
    }

    #[test]
    fn buffer_of_nothing_has_room_for_one() {
        let events = Events::with_capacity(0);
        assert_eq!(events.capacity(), 1);
        assert!(events.is_empty());
    }
}
