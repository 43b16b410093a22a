//! The one way to park. Whatever is waited for, it goes: begin, register the waker, park.
//!
//! ```text
//! let wait = Wait::begin(Kind::Cancellable);   // names the wait: (2, E) → (2, E+1)
//! list.push(wait.waker());                     // whoever finds it may wake it, also at once
//! match wait.park(deadline) { ... }            // (2, E+1) → (3, E+1), and switch away
//! ```
//!
//! A wait ends when its waker is woken, its deadline passes, or its task is cancelled. It may also
//! end without any visible reason (a cancellation that lost against an event, say): the caller
//! looks at what it waited for, and waits again; a cancelled task is then told so at once.
//!
//! On a plain thread, and in a coroutine that is unwinding (which must not switch: std counts
//! panics per thread, so others would believe that they panic), the same wait blocks the thread.

use std::time::Instant;

use super::{
    header::{Task, Waker},
    state::Commit,
    thread,
};
use crate::{cancel, current, sched::worker::Worker, time::clock};

/// Whether a cancellation ends a wait.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    /// It does, unless a shield defers it.
    Cancellable,
    /// It does not: a lock, the end of a scope, a job that borrows from this stack.
    Uninterruptible,
}

/// How a wait has ended.
#[must_use = "a wait that was not woken has left its waker somewhere"]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Waited {
    /// By its waker, or by nothing in particular.
    Woken,
    /// By its deadline.
    TimedOut,
    /// By a cancellation, before it parked, or by the deadline of a `timeout` around it.
    Cancelled,
}

/// Whose waits those of the caller are: the coroutine's, or else the thread's.
pub(crate) fn waiter() -> Task {
    current::switchable().unwrap_or_else(|| thread::with(thread::ThreadTask::task))
}

/// A wait that has begun.
pub(crate) struct Wait {
    waker: Waker,
    kind: Kind,
}

impl Wait {
    /// Names a new wait of the caller: a coroutine, or else the thread.
    pub(crate) fn begin(kind: Kind) -> Wait {
        if let Some(task) = current::switchable() {
            let noint = kind == Kind::Uninterruptible || shielded(task);
            return Wait { waker: Waker { task, epoch: task.word.begin_wait(noint) }, kind };
        }
        thread::with(|thread| {
            let task = thread.task();
            Wait { waker: Waker { task, epoch: task.word.begin_wait(true) }, kind }
        })
    }

    /// What ends this wait.
    pub(crate) fn waker(&self) -> Waker {
        self.waker
    }

    /// Parks until the waker is woken, the deadline has passed, or the task is cancelled.
    pub(crate) fn park(self, deadline: Option<Instant>) -> Waited {
        let until = Until::of(self.kind, deadline);
        let waited = if self.waker.task.is_thread() {
            park_thread(self.waker, until.first)
        } else {
            current::with_worker(|worker| {
                let worker = worker.expect("a coroutine waits on its home");
                park_coroutine(worker, self.waker, until.first)
            })
        };
        until.judge(waited)
    }
}

/// When a wait ends by itself: at its own deadline, or at that of a `timeout` around it.
#[derive(Clone, Copy)]
pub(crate) struct Until {
    pub(crate) first: Option<Instant>,
    by_scope: bool,
}

impl Until {
    pub(crate) fn of(kind: Kind, own: Option<Instant>) -> Until {
        let scope = match kind {
            Kind::Cancellable => cancel::with_local(|local| local.scope_deadline.get()),
            Kind::Uninterruptible => u64::MAX,
        };
        // Who unwinds is told nothing, and may be unwinding because of that very deadline.
        if scope == u64::MAX || std::thread::panicking() {
            return Until { first: own, by_scope: false };
        }
        let scope = clock::instant(scope);
        let by_scope = own.is_none_or(|own| scope < own);
        Until { first: if by_scope { Some(scope) } else { own }, by_scope }
    }

    /// A wait that a `timeout` has ended was cancelled.
    pub(crate) fn judge(self, waited: Waited) -> Waited {
        match waited {
            Waited::TimedOut if self.by_scope => Waited::Cancelled,
            other => other,
        }
    }
}

/// Whether a shield of the running coroutine defers cancellations.
fn shielded(task: Task) -> bool {
    // SAFETY: the task is the running one, so this is its home.
    unsafe { task.local() }.shields.get() > 0
}

fn park_coroutine(worker: &Worker, waker: Waker, deadline: Option<Instant>) -> Waited {
    let task = waker.task;
    // SAFETY: the task is the running one, so this is its home.
    let local = unsafe { task.local() };
    if let Some(deadline) = deadline {
        local.waiting.set(Some(waker.epoch));
        worker.arm_timer(task, deadline);
    }
    match task.word.commit() {
        Commit::Parked => {
            worker.switch_away(local);
            // Only the home, that is this thread, ends a wait by its deadline; so this needs no
            // look at the word.
            if deadline.is_some() {
                local.deadline.set(u64::MAX);
                if local.timed_out.replace(false) {
                    return Waited::TimedOut;
                }
            }
            Waited::Woken
        }
        Commit::Noticed => {
            local.deadline.set(u64::MAX);
            Waited::Woken
        }
        Commit::Cancelled => {
            local.deadline.set(u64::MAX);
            Waited::Cancelled
        }
    }
}

fn park_thread(waker: Waker, deadline: Option<Instant>) -> Waited {
    thread::with(|thread| {
        match waker.task.word.commit() {
            Commit::Parked => {}
            Commit::Noticed => return Waited::Woken,
            Commit::Cancelled => unreachable!("a thread's waits are not interruptible"),
        }
        let rung = thread.parker().park(deadline);
        thread_resumes(waker, thread, rung)
    })
}

/// Ends the wait of a thread that has left its parker. `rung`: its waker has been woken.
pub(crate) fn thread_resumes(waker: Waker, thread: &thread::ThreadTask, rung: bool) -> Waited {
    use super::state::Wake;
    if !rung {
        match waker.task.word.wake(waker.epoch) {
            Wake::Enqueue | Wake::Noticed => {
                waker.task.word.run();
                return Waited::TimedOut;
            }
            // Somebody has claimed the wait and is about to ring.
            Wake::Stale => {
                thread.parker().park(None);
            }
        }
    }
    waker.task.word.run();
    Waited::Woken
}
