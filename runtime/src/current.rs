//! Who is running on this thread: the worker and its coroutine, if any.
//!
//! A coroutine never leaves its worker's thread, so an address that was computed from this
//! thread-local before a switch is still right after it.

use std::cell::Cell;

use crate::{
    sched::{inbox::Inbox, worker::Worker},
    task::header::{HEADERS, Header, Task},
};

thread_local! {
    static WORKER: Cell<*const Worker> = const { Cell::new(std::ptr::null()) };
}

/// Declares `worker` to be this thread's for the length of `f`.
pub(crate) fn enter<R>(worker: &Worker, f: impl FnOnce() -> R) -> R {
    struct Leave;
    impl Drop for Leave {
        fn drop(&mut self) {
            WORKER.set(std::ptr::null());
        }
    }
    assert!(WORKER.get().is_null(), "a thread is one worker at most");
    WORKER.set(worker);
    let _leave = Leave;
    f()
}

/// Calls `f` with this thread's worker.
#[inline]
pub(crate) fn with_worker<R>(f: impl FnOnce(Option<&Worker>) -> R) -> R {
    let worker = WORKER.get();
    // SAFETY: set by `enter` for as long as the worker lives on this thread's stack.
    f(unsafe { worker.as_ref() })
}

/// The running coroutine.
#[inline]
pub(crate) fn task() -> Option<Task> {
    with_worker(|worker| worker.and_then(Worker::current))
}

/// The running coroutine, if it may switch: one that is unwinding must not.
#[inline]
pub(crate) fn switchable() -> Option<Task> {
    task().filter(|_| !std::thread::panicking())
}

/// Queues a claimed task on this thread, if this is its home.
#[inline]
pub(crate) fn push_local(task: Task, home: &'static Inbox) -> bool {
    with_worker(|worker| match worker {
        Some(worker) if std::ptr::eq(worker.inbox(), home) => {
            worker.push_local(task);
            true
        }
        _ => false,
    })
}

/// Gives back a header to which nobody refers any more.
pub(crate) fn give_header(header: &'static Header) {
    with_worker(|worker| match worker {
        Some(worker) => worker.give_header(header),
        None => HEADERS.give(header),
    });
}
