//! When an operation of a channel yields, when it may wait, and how it is told of a cancellation.

use std::time::Instant;

use super::waits::Kind;
use crate::{cancel, coop, current};

/// The caller was cancelled.
pub(crate) struct Cancelled;

/// An operation begins that may wait: a cancelled coroutine is told, and one that has had many
/// operations without parking lets others run first.
#[inline]
pub(crate) fn begin() -> Result<(), Cancelled> {
    coop::operation().map_err(|_| Cancelled)
}

/// One begins that does not wait, and so is not told.
#[inline]
pub(crate) fn spend() {
    if let Some(task) = current::switchable() {
        current::with_worker(|worker| {
            let worker = worker.expect("a coroutine has a worker");
            if worker.spend() {
                worker.yield_now(task);
            }
        });
    }
}

/// Whether the caller is a coroutine that is unwinding, which never switches.
#[inline]
pub(crate) fn is_unwinding() -> bool {
    std::thread::panicking() && current::task().is_some()
}

/// Whether a wait may begin: what is late does not wait.
pub(crate) fn may_wait(deadline: Option<Instant>) -> bool {
    !is_unwinding() && deadline.is_none_or(|deadline| Instant::now() < deadline)
}

/// A wait has ended by a cancellation. When the runtime's grace has run out, it unwinds.
#[cold]
pub(crate) fn cancelled() {
    let _told = cancel::fail(cancel::pending().unwrap_or(cancel::Reason::Requested));
}

/// How a wait begins that can only unwind when it is cancelled.
pub(crate) fn infallible() -> Kind {
    cancel::infallible()
}

/// Tells a cancelled coroutine in a wait that cannot fail: unwinds it.
pub(crate) fn check_unwind() {
    cancel::check_unwind();
}
