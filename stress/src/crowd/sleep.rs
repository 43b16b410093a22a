//! What a coroutine of the scenario sleep does: it parks until all are there, then sleeps until a
//! deadline of its own, and notes by how much that was missed.
//!
//! Owns the choice of the deadlines, which is pure arithmetic.

use std::time::{Duration, Instant};

use super::{Seat, WAKE};

/// The first deadline is at least so far ahead when the crowd is told to fall asleep.
pub(super) const LEAST_LEAD_NS: u64 = 200_000_000;

/// From the first instruction to the last. Returns by how much it was late.
pub(super) fn stay(mut seat: Seat, id: u32) -> Duration {
    let crowd = seat.crowd;
    crowd.parked.pass(crowd.coroutines);
    crowd.wait_for(WAKE);
    let deadline = crowd.first_deadline() + offset(crowd.seed, id, crowd.spread);
    if crowd.asleep.pass(crowd.coroutines) {
        crowd.asleep_at_once.raise_to(crowd.coroutines - crowd.woken.count.get());
    }
    lif::sleep_until(deadline);
    let now = Instant::now();
    crowd.woken.pass(crowd.coroutines);
    if now < deadline {
        crowd.early.add(1);
    }
    seat.through = true;
    now.saturating_duration_since(deadline)
}

/// How far after the first deadline that of coroutine `id` may be: anything below `spread`, each
/// as likely as the others, and the same again for the same seed.
fn offset(seed: u64, id: u32, spread: Duration) -> Duration {
    let spread = u128::from(spread.as_nanos() as u64);
    Duration::from_nanos(((u128::from(scatter(seed ^ scatter(id.into()))) * spread) >> 64) as u64)
}

/// Turns numbers that differ a little into numbers that differ in every bit as likely as not: the
/// last step of the generator SplitMix64, whose constants these are.
fn scatter(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deadlines_fill_the_spread_evenly_and_never_leave_it() {
        let spread = Duration::from_secs(10);
        let mut tenths = [0; 10];
        for id in 0..100_000 {
            let offset = offset(7, id, spread);
            assert!(offset < spread, "{offset:?}");
            tenths[offset.as_secs() as usize] += 1;
        }
        assert!(tenths.iter().all(|&count| (9_500..10_500).contains(&count)), "{tenths:?}");
    }

    #[test]
    fn a_seed_gives_the_same_deadlines_and_another_one_others() {
        let with = |seed| (0..100).map(move |id| offset(seed, id, Duration::from_secs(1)));
        assert!(with(3).eq(with(3)));
        assert!(!with(3).eq(with(4)));
    }
}
