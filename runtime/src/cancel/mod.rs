//! Cancellation: a request, which each wait answers in its own way.
//!
//! | a wait for | when the coroutine is cancelled |
//! |---|---|
//! | I/O | fails, with an [`io::Error`](std::io::Error) that has [`Cancelled`] inside |
//! | a channel, a `select!` with one | fails as if the channel were closed; nothing is lost |
//! | time, `park`, `join`, `block_on`, a `Condvar`, a `Barrier` | unwinds: destructors run, no message is printed |
//! | a lock, the end of a scope, a blocking job | is not interrupted |
//!
//! A coroutine that was cancelled stays so: each further wait of the first three kinds ends at
//! once. Code that only computes is not interrupted; it can ask with [`check`]. A [`shield`] defers
//! it for clean-up. A coroutine that is unwinding is told nothing more.
//!
//! The deadline of a [`timeout`](crate::time::timeout) works the same way, for as long as the code
//! inside it runs.
//!
//! With `panic = "abort"` nothing can be unwound: waits of the third kind are then not interrupted.

mod reason;
mod token;

use std::{any::Any, panic::resume_unwind};

pub use self::{
    reason::{Cancelled, Reason},
    token::CancelToken,
};
use crate::{
    current,
    task::{header::Local, thread, wait::Kind},
    time::clock,
};

/// Whether this build can unwind. Where it can't, waits that would have to are not cancellable.
pub(crate) const CAN_UNWIND: bool = cfg!(panic = "unwind");

/// What a cancelled infallible wait throws. Private, so that only the base of a coroutine, or the
/// `timeout` whose time is over, makes something of it.
struct Unwound(Reason);

/// Unwinds the running coroutine: its destructors run, no message is printed.
pub(crate) fn unwind(reason: Reason) -> ! {
    resume_unwind(Box::new(Unwound(reason)))
}

/// The payload that the joiner gets.
pub(crate) fn payload(reason: Reason) -> Box<dyn Any + Send> {
    Box::new(Cancelled::new(reason))
}

/// What the joiner gets for what a coroutine has thrown.
pub(crate) fn published(thrown: Box<dyn Any + Send>) -> Box<dyn Any + Send> {
    match thrown.downcast::<Unwound>() {
        Ok(unwound) => payload(unwound.0),
        Err(other) => other,
    }
}

/// Whether a wait has thrown this because the time of a `timeout` is over.
pub(crate) fn is_deadline(thrown: &(dyn Any + Send)) -> bool {
    thrown.downcast_ref::<Unwound>().is_some_and(|unwound| unwound.0 == Reason::Deadline)
}

/// Calls `f` with what the running coroutine, or else the thread, has of its own.
pub(crate) fn with_local<R>(f: impl FnOnce(&Local) -> R) -> R {
    match current::task() {
        // SAFETY: the task is the running one, so this is its home.
        Some(task) => f(unsafe { task.local() }),
        // SAFETY: the task stands for this very thread.
        None => thread::with(|thread| f(unsafe { thread.task().local() })),
    }
}

/// What has been asked of the caller, whether or not it is to be told now.
fn asked() -> Option<Reason> {
    let cancelled = current::task().and_then(|task| task.cancelled());
    cancelled.or_else(deadline_passed)
}

fn deadline_passed() -> Option<Reason> {
    let deadline = with_local(|local| local.scope_deadline.get());
    (deadline != u64::MAX && clock::now() >= deadline).then_some(Reason::Deadline)
}

/// What the caller is to be told now: nothing within a shield, nothing while it unwinds.
#[inline]
pub(crate) fn pending() -> Option<Reason> {
    let cancelled = current::task().and_then(|task| {
        let reason = task.cancelled()?;
        // SAFETY: the task is the running one, so this is its home.
        (unsafe { task.local() }.shields.get() == 0).then_some(reason)
    });
    cancelled.or_else(deadline_passed).filter(|_| !std::thread::panicking())
}

/// Tells a cancelled coroutine in a wait that can fail. When the runtime's grace has run out, such
/// waits unwind as the others do.
pub(crate) fn fail(reason: Reason) -> Cancelled {
    let hard = current::with_worker(|worker| worker.is_some_and(|worker| worker.is_hard()));
    if hard && CAN_UNWIND && reason != Reason::Deadline {
        unwind(reason);
    }
    Cancelled::new(reason)
}

/// Tells a cancelled coroutine in a wait that cannot fail.
pub(crate) fn check_unwind() {
    if CAN_UNWIND && let Some(reason) = pending() {
        unwind(reason);
    }
}

/// How waits begin that can only unwind when they are cancelled.
pub(crate) fn infallible() -> Kind {
    if CAN_UNWIND { Kind::Cancellable } else { Kind::Uninterruptible }
}

/// Whether the running coroutine has been cancelled, or the time of a
/// [`timeout`](crate::time::timeout) around it is over; also within a [`shield`].
///
/// ```
/// lif::run(|| assert!(!lif::cancel::is_cancelled()));
/// ```
#[must_use]
pub fn is_cancelled() -> bool {
    asked().is_some()
}

/// Why [`is_cancelled`] says so.
#[must_use]
pub fn reason() -> Option<Reason> {
    asked()
}

/// For code that computes for long: fails if the caller has been cancelled, unless a [`shield`]
/// defers it.
///
/// # Errors
///
/// [`Cancelled`], with the reason.
///
/// ```
/// fn long_computation() -> Result<u64, lif::Cancelled> {
///     let mut sum = 0;
///     for i in 0..1_000u64 {
///         lif::cancel::check()?;
///         sum += i;
///     }
///     Ok(sum)
/// }
/// lif::run(|| assert_eq!(long_computation().unwrap(), 499_500));
/// ```
pub fn check() -> Result<(), Cancelled> {
    pending().map_or(Ok(()), |reason| Err(fail(reason)))
}

/// Runs `f` without telling it of cancellations and of the deadlines around it: for clean-up that
/// has to wait. A [`timeout`](crate::time::timeout) within `f` counts.
///
/// ```
/// lif::run(|| {
///     let child = lif::go(|| {
///         lif::cancel::shield(|| lif::sleep(std::time::Duration::from_millis(1)));
///         "cleaned up"
///     });
///     lif::yield_now();
///     child.cancel();
///     // Cancelled before it began, it never runs; else it cleans up.
///     if let Ok(done) = child.join() {
///         assert_eq!(done, "cleaned up");
///     }
/// });
/// ```
pub fn shield<T>(f: impl FnOnce() -> T) -> T {
    struct Restore(u64);
    impl Drop for Restore {
        fn drop(&mut self) {
            with_local(|local| {
                local.shields.set(local.shields.get() - 1);
                local.scope_deadline.set(self.0);
            });
        }
    }
    let _restore = with_local(|local| {
        local.shields.set(local.shields.get() + 1);
        Restore(local.scope_deadline.replace(u64::MAX))
    });
    f()
}
