//! What an operation that can fail does before it begins, and how it fails when it cannot wait.

use std::io;

use crate::{cancel, current, task::header::Task};

/// An operation begins: a cancelled coroutine is told, and one that has had many operations
/// without parking lets others run first.
#[inline]
pub(crate) fn operation() -> io::Result<()> {
    let Some(task) = current::task() else {
        return told();
    };
    spend(task);
    // SAFETY: the task is the running one, so this is its home.
    let deadline = unsafe { task.local() }.scope_deadline.get();
    if task.word.is_cancelled() || deadline != u64::MAX { told() } else { Ok(()) }
}

/// As [`operation`], for one that cannot fail: only lets others run.
#[inline]
pub(crate) fn breathe() {
    if let Some(task) = current::task() {
        spend(task);
    }
}

/// Counts an operation of the running coroutine, and yields if there were many.
#[inline]
fn spend(task: Task) {
    let must_yield = current::with_worker(|worker| worker.is_some_and(|worker| worker.spend()));
    if must_yield && !std::thread::panicking() {
        current::with_worker(|worker| {
            worker.expect("a coroutine has a worker").yield_now(task);
        });
    }
}

/// Fails if the caller is to be told of a cancellation.
#[inline]
fn told() -> io::Result<()> {
    cancel::pending().map_or(Ok(()), |reason| Err(cancel::fail(reason).into()))
}

/// The error of a wait that was cancelled.
#[cold]
pub(crate) fn cancelled() -> io::Error {
    let reason = cancel::pending().unwrap_or(cancel::Reason::Deadline);
    cancel::fail(reason).into()
}

/// The error of a wait that could not begin: a coroutine that is unwinding never switches.
#[cold]
pub(crate) fn unwinding() -> io::Error {
    let why = "the operation would have to wait, which a coroutine cannot do while it unwinds";
    io::Error::new(io::ErrorKind::WouldBlock, why)
}
