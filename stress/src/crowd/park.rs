//! What a coroutine of the scenario park does: it parks, is woken, parks again, and ends.
//!
//! It parks a second time so that the cost of a wake-up and the cost of an end are told apart.

use std::time::Duration;

use super::{RELEASE, Seat, WAKE};

/// From the first instruction to the last.
pub(super) fn stay(mut seat: Seat) -> Duration {
    let crowd = seat.crowd;
    crowd.parked.pass(crowd.coroutines);
    crowd.wait_for(WAKE);
    crowd.woken.pass(crowd.coroutines);
    crowd.wait_for(RELEASE);
    seat.through = true;
    // Nothing was to be late for.
    Duration::ZERO
}
