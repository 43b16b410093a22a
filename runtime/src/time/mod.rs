//! Sleeping, ticking, deadlines; and the clock and the timer wheel below them.

pub(crate) mod clock;
mod interval;
mod sleep;
mod timeout;
pub(crate) mod wheel;

pub(crate) use sleep::pause;

pub use interval::{Interval, MissedTicks, interval, interval_at};
pub use sleep::{sleep, sleep_until};
pub use timeout::{TimedOut, timeout, timeout_at};
