//! Ticks at a steady pace.

use std::time::{Duration, Instant};

use super::sleep_until;

/// What an [`Interval`] does when its owner comes late.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
#[non_exhaustive]
pub enum MissedTicks {
    /// Ticks as often as it should have, at once, until it has caught up.
    #[default]
    Burst,
    /// Ticks once, and then a whole period later.
    Delay,
    /// Ticks once, and then when it would have anyway.
    Skip,
}

/// Ticks at a steady pace; made by [`interval`] and [`interval_at`].
#[derive(Clone, Debug)]
pub struct Interval {
    next: Instant,
    period: Duration,
    missed: MissedTicks,
}

/// Ticks now, and then after each `period`.
///
/// # Panics
///
/// If `period` is zero.
///
/// ```
/// use std::time::{Duration, Instant};
/// lif::run(|| {
///     let start = Instant::now();
///     let mut ticks = lif::time::interval(Duration::from_millis(2));
///     for _ in 0..3 {
///         ticks.tick();
///     }
///     assert!(start.elapsed() >= Duration::from_millis(4));
/// });
/// ```
#[must_use]
pub fn interval(period: Duration) -> Interval {
    interval_at(Instant::now(), period)
}

/// Ticks at `start`, and then after each `period`.
///
/// # Panics
///
/// If `period` is zero.
#[must_use]
pub fn interval_at(start: Instant, period: Duration) -> Interval {
    assert!(!period.is_zero(), "interval: the period is zero");
    Interval { next: start, period, missed: MissedTicks::default() }
}

impl Interval {
    /// Parks the caller until the next tick, and returns when that was due. When the caller is
    /// cancelled, it unwinds.
    pub fn tick(&mut self) -> Instant {
        let due = self.next;
        sleep_until(due);
        self.next = following(due, Instant::now(), self.period, self.missed);
        due
    }

    /// Begins anew: the next tick is a period from now.
    pub fn reset(&mut self) {
        self.next = Instant::now() + self.period;
    }

    /// The time between ticks.
    #[must_use]
    pub fn period(&self) -> Duration {
        self.period
    }

    /// What it does when its owner comes late.
    #[must_use]
    pub fn missed_ticks(&self) -> MissedTicks {
        self.missed
    }

    /// Changes that.
    pub fn set_missed_ticks(&mut self, missed: MissedTicks) {
        self.missed = missed;
    }
}

/// The tick after the one that was due at `due` and taken at `now`.
fn following(due: Instant, now: Instant, period: Duration, missed: MissedTicks) -> Instant {
    let next = due + period;
    if next > now {
        return next;
    }
    match missed {
        MissedTicks::Burst => next,
        MissedTicks::Delay => now + period,
        MissedTicks::Skip => {
            let late = now.duration_since(next).as_nanos() % period.as_nanos();
            // Less than a period.
            now + (period - Duration::from_nanos(u64::try_from(late).unwrap_or(u64::MAX)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missed_ticks_follow_their_policy() {
        let due = Instant::now();
        let ms = Duration::from_millis;
        let on_time = due + ms(3);
        let late = due + ms(37);
        for missed in [MissedTicks::Burst, MissedTicks::Delay, MissedTicks::Skip] {
            assert_eq!(following(due, on_time, ms(10), missed), due + ms(10));
        }
        assert_eq!(following(due, late, ms(10), MissedTicks::Burst), due + ms(10));
        assert_eq!(following(due, late, ms(10), MissedTicks::Delay), due + ms(47));
        assert_eq!(following(due, late, ms(10), MissedTicks::Skip), due + ms(40));
        assert_eq!(following(due, due + ms(40), ms(10), MissedTicks::Skip), due + ms(50));
    }
}
