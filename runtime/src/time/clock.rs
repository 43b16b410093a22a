//! The monotonic clock as a number of nanoseconds, and in ticks of the timer wheel.

use std::{
    sync::OnceLock,
    time::{Duration, Instant},
};

/// A tick of the wheel is 2^15 ns, about 33 µs.
const TICK_SHIFT: u32 = 15;

fn base() -> Instant {
    static BASE: OnceLock<Instant> = OnceLock::new();
    *BASE.get_or_init(Instant::now)
}

/// Nanoseconds from the first use of the clock to `instant`; zero for earlier ones.
pub(crate) fn nanos(instant: Instant) -> u64 {
    let since = instant.saturating_duration_since(base());
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

/// The inverse of [`nanos`].
pub(crate) fn instant(nanos: u64) -> Instant {
    base() + Duration::from_nanos(nanos)
}

/// Now, in nanoseconds.
pub(crate) fn now() -> u64 {
    nanos(Instant::now())
}

/// The last tick that has begun at `nanos`.
pub(crate) fn tick_floor(nanos: u64) -> u64 {
    nanos >> TICK_SHIFT
}

/// The first tick that begins at `nanos` or later: a timer is never early.
pub(crate) fn tick_ceil(nanos: u64) -> u64 {
    (nanos >> TICK_SHIFT) + u64::from(nanos & ((1 << TICK_SHIFT) - 1) != 0)
}

/// How long it is from `now`, in nanoseconds, until `tick` begins.
pub(crate) fn until(now: u64, tick: u64) -> Duration {
    let begins = tick.saturating_mul(1 << TICK_SHIFT);
    Duration::from_nanos(begins.saturating_sub(now))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tick_is_never_before_its_deadline() {
        for nanos in [0, 1, 32_767, 32_768, 32_769, 1_000_000_007, u64::MAX] {
            let tick = tick_ceil(nanos);
            assert!(u128::from(tick) << TICK_SHIFT >= u128::from(nanos));
            assert!(u128::from(tick) << TICK_SHIFT < u128::from(nanos) + (1 << TICK_SHIFT));
            assert!(tick_floor(nanos) <= tick);
        }
        assert_eq!(until(0, 2), Duration::from_nanos(65_536));
        assert_eq!(until(65_536, 2), Duration::ZERO);
        assert_eq!(until(0, u64::MAX), Duration::from_nanos(u64::MAX));
    }
}
