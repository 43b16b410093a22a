//! Timeouts as kernels want them: rounded up, never down, and capped.
//!
//! Pure arithmetic; whoever waits keeps its own deadline and looks at the clock afterwards.

use std::time::Duration;

/// The longest wait that is asked of a kernel in seconds and nanoseconds: a year.
///
/// Some kernels refuse more than 100,000,000 seconds, and a 32-bit `time_t` ends at 68 years.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// A timeout in milliseconds, for `epoll_wait`: -1 for none, else rounded up.
///
/// A zero stays zero, and nothing else becomes zero. The cap is what the argument can hold,
/// about 24 days.
#[allow(dead_code, reason = "kqueue counts in nanoseconds")]
pub(crate) fn millis(timeout: Option<Duration>) -> i32 {
    timeout.map_or(-1, |t| i32::try_from(t.as_nanos().div_ceil(1_000_000)).unwrap_or(i32::MAX))
}

/// A timeout in seconds and nanoseconds, exact up to the cap of a year.
pub(crate) fn seconds_and_nanos(timeout: Duration) -> (i32, i32) {
    let t = timeout.min(LONGEST);
    // Both fit: a year has 31,536,000 seconds, a second fewer than 2^31 nanoseconds.
    (t.as_secs() as i32, t.subsec_nanos() as i32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn none_is_for_ever() {
        assert_eq!(millis(None), -1);
    }

    #[test]
    fn zero_stays_zero() {
        assert_eq!(millis(Some(Duration::ZERO)), 0);
        assert_eq!(seconds_and_nanos(Duration::ZERO), (0, 0));
    }

    #[test]
    fn part_of_a_millisecond_counts_as_a_whole_one() {
        for (nanos, wanted) in
            [(1, 1), (999_999, 1), (1_000_000, 1), (1_000_001, 2), (1_999_999, 2), (2_000_000, 2)]
        {
            assert_eq!(millis(Some(Duration::from_nanos(nanos))), wanted, "{nanos} ns");
        }
    }

    #[test]
    fn nanoseconds_are_exact() {
        assert_eq!(seconds_and_nanos(Duration::new(3, 999_999_999)), (3, 999_999_999));
    }

    #[test]
    fn huge_timeouts_are_capped() {
        assert_eq!(millis(Some(Duration::MAX)), i32::MAX);
        assert_eq!(millis(Some(Duration::from_millis(i32::MAX as u64))), i32::MAX);
        assert_eq!(millis(Some(Duration::from_millis(i32::MAX as u64 + 1))), i32::MAX);
        assert_eq!(seconds_and_nanos(Duration::MAX), (31_536_000, 0));
        assert_eq!(seconds_and_nanos(LONGEST + Duration::from_nanos(1)), (31_536_000, 0));
    }
}
