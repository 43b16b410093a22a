//! What the behaviour tests share: the watchdog, child processes, counters, loopback pairs, a
//! future.
//!
//! It owns no test, and knows Lif only through its public API; `lif-coro` is asked for nothing but
//! its count of stacks.

pub mod child;
pub mod count;
pub mod example;
pub mod future;
pub mod net;
pub mod random;
pub mod servant;
pub mod solo;
pub mod watchdog;

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    time::Duration,
};

pub use crate::{child::alone, servant::servants, solo::Solo, watchdog::watch};

/// A runtime with so many workers.
///
/// # Panics
///
/// If it cannot be started.
pub fn runtime(workers: usize) -> lif::Runtime {
    lif::Runtime::builder().workers(workers).build().expect("a runtime starts")
}

/// Waits until `condition` holds; the watchdog ends it if that never happens. In a coroutine it
/// parks, on a thread it blocks.
pub fn until(mut condition: impl FnMut() -> bool) {
    while !condition() {
        lif::sleep(Duration::from_micros(100));
    }
}

/// Lets all that can run on the caller's worker run, until `condition` holds. Never a point of
/// cancellation.
pub fn yield_until(mut condition: impl FnMut() -> bool) {
    while !condition() {
        lif::yield_now();
    }
}

/// Runs what is expected to panic, and returns the text of the panic, if any.
pub fn panic_text(run: impl FnOnce()) -> Option<String> {
    catch_unwind(AssertUnwindSafe(run)).err().map(|payload| text_of(&*payload))
}

/// The text of a payload; its kind if it has none.
#[must_use]
pub fn text_of(payload: &(dyn std::any::Any + Send)) -> String {
    if let Some(text) = payload.downcast_ref::<&str>() {
        (*text).to_owned()
    } else if let Some(text) = payload.downcast_ref::<String>() {
        text.clone()
    } else if payload.is::<lif::Cancelled>() {
        String::from("<cancelled>")
    } else {
        String::from("<payload of another type>")
    }
}

/// Whether a join has ended because the coroutine was cancelled.
pub fn was_cancelled<T>(joined: std::thread::Result<T>) -> bool {
    joined.is_err_and(|payload| payload.is::<lif::Cancelled>())
}

/// Whether an operation has failed because the coroutine was cancelled.
pub fn failed_cancelled<T>(done: &std::io::Result<T>) -> bool {
    done.as_ref().is_err_and(|error| lif::Cancelled::in_error(error).is_some())
}
