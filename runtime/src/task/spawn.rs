//! Making tasks: the one path by which a closure becomes a coroutine.

use std::{panic::Location, sync::Arc};

use lif_coro::StackSize;

use super::{
    body,
    header::{HEADERS, Meta, Task, TaskRef},
    id,
    join::JoinHandle,
    scope::ScopeCore,
};
use crate::{
    cancel::{self, Reason},
    current,
    sched::{
        shared::Shared,
        worker::{Worker, refuse},
    },
};

/// What a spawn may say besides its closure.
pub(crate) struct Options {
    pub(crate) name: Option<Box<str>>,
    pub(crate) stack_size: Option<StackSize>,
    pub(crate) spawned_at: &'static Location<'static>,
    pub(crate) scope: Option<Arc<ScopeCore>>,
}

impl Options {
    #[track_caller]
    pub(crate) fn new() -> Options {
        Options { name: None, stack_size: None, spawned_at: Location::caller(), scope: None }
    }
}

/// Where a new coroutine goes.
#[derive(Clone, Copy)]
pub(crate) enum Place<'a> {
    /// Any worker of the caller's own.
    Anywhere(&'a Worker),
    /// The caller's own worker.
    Here(&'a Worker),
    /// The worker of that number, of the caller's runtime.
    On(&'a Worker, usize),
    /// Any worker of a runtime, from outside it.
    Into(&'a Shared),
}

/// Spawns a coroutine. If the runtime is stopping, its closure is dropped at once, and its handle
/// says that it was cancelled.
///
/// # Safety
///
/// - `closure` and its result live as long as the coroutine and its handle may use them: they are
///   `'static`, or the caller waits for the end.
/// - They are `Send`, unless the place is [`Place::Here`].
pub(crate) unsafe fn spawn<F: FnOnce() -> T, T>(
    place: Place<'_>,
    options: Options,
    closure: F,
) -> JoinHandle<T> {
    let (worker, shared) = match place {
        Place::Anywhere(worker) | Place::Here(worker) | Place::On(worker, _) => {
            (Some(worker), &**worker.shared())
        }
        // From a worker of another runtime, ids and headers come from that worker's supply.
        Place::Into(shared) => (None, shared),
    };
    let (task, id) = match worker {
        Some(worker) => (worker.take_header(), worker.next_id()),
        None => (HEADERS.take(), id::next()),
    };
    let meta = Meta {
        name: options.name,
        spawned_at: options.spawned_at,
        stack_size: options.stack_size.unwrap_or(shared.stack_size),
        runtime: shared.id,
    };
    // SAFETY: the header was just taken; the two references are the home's and the handle's.
    unsafe { task.assign(id, meta, 2) };
    // SAFETY: the caller answers for the lifetimes.
    let (body, result) = unsafe { body::allocate(closure) };
    // SAFETY: the task has not been queued.
    let local = unsafe { task.local() };
    local.body.set(Some(body));
    local.scope.set(options.scope);
    // SAFETY: one of the two references.
    let handle = JoinHandle::new(unsafe { TaskRef::adopt(task) }, result);
    let queued = match place {
        Place::Anywhere(worker) | Place::Here(worker) | Place::On(worker, _)
            if worker.refuses() =>
        {
            false
        }
        Place::Anywhere(worker) => {
            worker.push_new(task, false);
            true
        }
        Place::Here(worker) => {
            worker.push_new(task, true);
            true
        }
        Place::On(worker, index) => {
            worker.push_to(task, index);
            true
        }
        Place::Into(shared) => shared.inject(task),
    };
    if !queued {
        refuse_now(task);
    }
    handle
}

/// A coroutine that its runtime does not take any more.
fn refuse_now(task: Task) {
    task.cancel(Reason::Shutdown);
    refuse(task, cancel::payload(Reason::Shutdown));
    task.word.finished();
    // SAFETY: the home's reference, which no home will take.
    drop(unsafe { TaskRef::adopt(task) });
}

/// Calls `f` with the worker of the running coroutine.
#[track_caller]
pub(crate) fn here<R>(what: &str, f: impl FnOnce(&Worker) -> R) -> R {
    current::with_worker(|worker| match worker {
        Some(worker) => f(worker),
        None => panic!(
            "{what} outside of any runtime: call it from a coroutine, start one with `lif::run` \
             or `Runtime::run`, or spawn through a `Runtime` or its `Handle`"
        ),
    })
}
