//! Sleeping, and the clock and the timer wheel below it.

pub(crate) mod clock;
mod sleep;
pub(crate) mod wheel;

pub(crate) use sleep::pause;
pub use sleep::{sleep, sleep_until};
