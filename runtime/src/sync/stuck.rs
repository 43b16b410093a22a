//! What a coroutine that unwinds, and so blocks its worker, must not wait for: what only another
//! coroutine of the same worker can bring.

use crate::{
    current,
    task::{header::Task, join::only_this_worker_runs},
    thread::Thread,
};

/// Whether the caller is a coroutine that unwinds.
pub(crate) fn blocks_its_worker() -> bool {
    current::task().is_some() && std::thread::panicking()
}

/// Aborts the process if the caller would wait for ever for `awaited`, which holds or brings
/// `what`. The caller is a coroutine that unwinds.
pub(crate) fn check(awaited: Option<Task>, what: &str) {
    if let (Some(me), Some(awaited)) = (current::task(), awaited)
        && !awaited.is_thread()
        && only_this_worker_runs(awaited)
    {
        abort(me, awaited, what);
    }
}

#[cold]
fn abort(me: Task, awaited: Task, what: &str) -> ! {
    let waiting = Thread::of(me);
    // It may have ended, and have left the lock behind.
    match awaited.try_ref().map(Thread::new) {
        Some(awaited) => eprintln!(
            "lif: {waiting:?} is unwinding and waits for {what} of {awaited:?}, which lives on the \
             same worker and can never run while this one blocks it: aborting"
        ),
        None => eprintln!(
            "lif: {waiting:?} is unwinding and waits for {what} of a coroutine that has ended: \
             aborting"
        ),
    }
    std::process::abort();
}
