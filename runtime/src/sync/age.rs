//! How long a waiter has waited, against the bound after which it is not passed over any more.

use std::time::{Duration, Instant};

/// A waiter older than this is handed what it waits for; a younger one is only told that it may
/// try, so that who runs just then can take a free lock without a switch.
pub(crate) const BOUND: Duration = Duration::from_millis(1);

/// Since when somebody waits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Age(Option<Instant>);

impl Age {
    /// From now on.
    pub(crate) fn now() -> Age {
        Age(Some(Instant::now()))
    }

    /// Of one that is never to be passed over.
    pub(crate) const fn urgent() -> Age {
        Age(None)
    }

    /// Whether it must not be passed over.
    pub(crate) fn is_over(self) -> bool {
        self.0.is_none_or(|since| since.elapsed() >= BOUND)
    }
}
