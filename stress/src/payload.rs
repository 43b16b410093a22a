//! What a message holds, as a function of who sends it, which one it is, and where in it one looks.
//!
//! Pure arithmetic: no buffer is owned and nothing is allocated here. Every 8-byte word of a
//! message differs from its neighbours and from the same word of every other message, so bytes
//! that were lost, swapped, repeated or given to the wrong client can't compare equal. The first
//! word can be turned back into its sender, which is how a reply that is intact but not the one
//! that was due is told from a damaged one.

/// Spreads (client, message) over a word. Odd, so that it has an inverse.
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

/// `SPREAD * UNSPREAD == 1`, wrapping.
const UNSPREAD: u64 = inverse(SPREAD);

/// From one word of a message to the next. Odd, so that it takes 2^64 words to come round.
const STEP: u64 = 0xd1b5_4a32_d192_ed03;

/// The multiplicative inverse of an odd number modulo 2^64, by Newton's iteration: each round
/// doubles the number of right bits, from the 3 that any odd number has.
const fn inverse(odd: u64) -> u64 {
    let mut guess = odd;
    let mut round = 0;
    while round < 5 {
        guess = guess.wrapping_mul(2u64.wrapping_sub(odd.wrapping_mul(guess)));
        round += 1;
    }
    guess
}

/// Names one message of one client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Id {
    /// Which client, over all client processes.
    pub(crate) client: u32,
    /// Which of its messages, from 0.
    pub(crate) message: u32,
}

impl Id {
    fn first_word(self) -> u64 {
        (u64::from(self.client) << 32 | u64::from(self.message)).wrapping_mul(SPREAD)
    }

    fn from_first_word(word: u64) -> Id {
        let packed = word.wrapping_mul(UNSPREAD);
        Id { client: (packed >> 32) as u32, message: packed as u32 }
    }
}

/// Writes the bytes of message `id` from byte `offset` on. `offset` must be a multiple of 8.
pub(crate) fn fill(bytes: &mut [u8], id: Id, offset: usize) {
    debug_assert_eq!(offset % 8, 0, "a message is filled from a word boundary");
    let mut word = id.first_word().wrapping_add(STEP.wrapping_mul((offset / 8) as u64));
    let mut words = bytes.chunks_exact_mut(8);
    for chunk in &mut words {
        chunk.copy_from_slice(&word.to_le_bytes());
        word = word.wrapping_add(STEP);
    }
    let rest = words.into_remainder();
    rest.copy_from_slice(&word.to_le_bytes()[..rest.len()]);
}

/// Why a reply was not the one that was due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mismatch {
    /// It is, byte for byte, another message, of this client or of another one.
    Reordered(Id),
    /// It is no message that was ever sent; this is the first byte that differs.
    Corrupt {
        /// Position in the part that was looked at.
        at: usize,
    },
}

/// Says what is wrong with `got`, the beginning of a reply, where `due` was due.
///
/// Called once something is known to differ, so it may be slow: it writes the candidate out.
pub(crate) fn explain(got: &[u8], due: Id, messages: u32) -> Mismatch {
    let mut candidate = vec![0; got.len()];
    let mut is = |id: Id| {
        fill(&mut candidate, id, 0);
        candidate == got
    };
    let other = match got.first_chunk::<8>() {
        Some(word) => {
            let id = Id::from_first_word(u64::from_le_bytes(*word));
            (id.message < messages && is(id)).then_some(id)
        }
        // Too short to name its sender: try the client's own messages, nearest first.
        None => (1..=messages.min(1 << 16))
            .flat_map(|by| [due.message.checked_sub(by), due.message.checked_add(by)])
            .flatten()
            .filter(|&message| message < messages)
            .map(|message| Id { message, ..due })
            .find(|&id| is(id)),
    };
    match other {
        Some(id) if id != due => Mismatch::Reordered(id),
        _ => {
            fill(&mut candidate, due, 0);
            let differs = candidate.iter().zip(got).position(|(due, got)| due != got);
            Mismatch::Corrupt { at: differs.unwrap_or(got.len()) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DUE: Id = Id { client: 7, message: 3 };

    fn message(id: Id, size: usize) -> Vec<u8> {
        let mut bytes = vec![0; size];
        fill(&mut bytes, id, 0);
        bytes
    }

    #[test]
    fn the_first_word_names_its_sender() {
        for client in [0, 1, 9_999, u32::MAX] {
            for message in [0, 1, 99, u32::MAX] {
                let id = Id { client, message };
                assert_eq!(Id::from_first_word(id.first_word()), id);
            }
        }
    }

    #[test]
    fn a_message_filled_in_parts_equals_the_whole() {
        let whole = message(DUE, 1003);
        let mut parts = vec![0; 1003];
        for start in (0..1003).step_by(104) {
            let end = (start + 104).min(1003);
            fill(&mut parts[start..end], DUE, start);
        }
        assert_eq!(parts, whole);
    }

    #[test]
    fn neighbours_differ_even_in_one_byte() {
        for message_number in 0..255 {
            let this = message(Id { client: 5, message: message_number }, 1);
            let next = message(Id { client: 5, message: message_number + 1 }, 1);
            assert_ne!(this, next);
        }
        let words = message(DUE, 4096);
        let distinct: std::collections::HashSet<_> = words.chunks(8).collect();
        assert_eq!(distinct.len(), 512);
    }

    #[test]
    fn another_intact_message_is_reordered() {
        let late = Id { message: 4, ..DUE };
        assert_eq!(explain(&message(late, 64), DUE, 10), Mismatch::Reordered(late));
        let stranger = Id { client: 8, message: 3 };
        assert_eq!(explain(&message(stranger, 64), DUE, 10), Mismatch::Reordered(stranger));
        assert_eq!(explain(&message(late, 5), DUE, 10), Mismatch::Reordered(late));
    }

    #[test]
    fn a_changed_byte_is_corrupt_and_its_place_is_told() {
        let mut bytes = message(DUE, 64);
        bytes[33] ^= 1;
        assert_eq!(explain(&bytes, DUE, 10), Mismatch::Corrupt { at: 33 });
        let mut short = message(DUE, 5);
        short[4] ^= 0x80;
        assert_eq!(explain(&short, DUE, 10), Mismatch::Corrupt { at: 4 });
        assert_eq!(explain(&[0; 64], DUE, 10), Mismatch::Corrupt { at: 0 });
    }

    #[test]
    fn a_message_never_sent_is_corrupt() {
        let never = Id { message: 10, ..DUE };
        assert!(matches!(explain(&message(never, 64), DUE, 10), Mismatch::Corrupt { .. }));
    }
}
