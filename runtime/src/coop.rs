//! What an operation that can fail does before it begins, and how it fails when it cannot wait.

use std::io;

use crate::{cancel, current};

/// An operation begins: a cancelled coroutine is told, and one that has had many operations
/// without parking lets others run first.
#[inline]
pub(crate) fn operation() -> io::Result<()> {
    let Some(task) = current::task() else {
        return Ok(());
    };
    let must_yield = current::with_worker(|worker| worker.is_some_and(|worker| worker.spend()));
    if must_yield && !std::thread::panicking() {
        current::with_worker(|worker| {
            worker.expect("a coroutine has a worker").yield_now(task);
        });
    }
    if task.word.is_cancelled()
        && let Some(reason) = cancel::pending()
    {
        return Err(cancel::fail(reason).into());
    }
    Ok(())
}

/// The error of a wait that was cancelled.
#[cold]
pub(crate) fn cancelled() -> io::Error {
    let reason = cancel::pending().unwrap_or(cancel::Reason::Requested);
    cancel::fail(reason).into()
}

/// The error of a wait that could not begin: a coroutine that is unwinding never switches.
#[cold]
pub(crate) fn unwinding() -> io::Error {
    let why = "the operation would have to wait, which a coroutine cannot do while it unwinds";
    io::Error::new(io::ErrorKind::WouldBlock, why)
}
