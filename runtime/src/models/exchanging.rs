//! What surrounds the channels in the models: tasks that wait, their wakers, and who is running.
//!
//! `waits` and `turn` stand where the channels look for the shipping ones. Each loom thread is a
//! coroutine with a home of its own.

#[allow(clippy::duplicate_mod, reason = "each set of models has wakers of its own")]
#[path = "../task/list.rs"]
mod list;

/// In place of the task's header: the waker that stands in nodes.
mod header {
    use super::super::{
        state::{Epoch, Wake},
        tasks::Task,
    };

    #[derive(Clone, Copy)]
    pub(crate) struct Waker {
        pub(super) task: &'static Task,
        pub(super) epoch: Epoch,
        /// The order of the tasks, which must not change from one run of a model to the next, as
        /// addresses do.
        pub(super) serial: usize,
    }

    #[must_use]
    pub(crate) struct Claimed(Option<&'static Task>);

    impl Waker {
        pub(crate) fn claim(self) -> Option<Claimed> {
            match self.task.word.wake(self.epoch) {
                Wake::Enqueue => Some(Claimed(Some(self.task))),
                Wake::Noticed => Some(Claimed(None)),
                Wake::Stale => None,
            }
        }

        pub(crate) fn wake(self) -> bool {
            self.claim().map(Claimed::deliver).is_some()
        }
    }

    impl Claimed {
        pub(crate) fn deliver(self) {
            if let Some(task) = self.0 {
                task.follow(Wake::Enqueue);
            }
        }
    }
}

/// In place of [`crate::channel`]'s file of that name. With a deadline, the timer comes just before
/// the commit, unless something else has come before.
pub(crate) mod waits {
    use std::{
        sync::atomic::{AtomicUsize, Ordering},
        time::Instant,
    };

    use super::super::{
        state::{Commit, Wake},
        tasks::Task,
    };
    pub(crate) use super::{
        header::{Claimed, Waker},
        list::{Node, WaitList},
    };

    loom::thread_local! {
        static ME: (&'static Task, usize) = {
            // Leaked: wakers are plain pointers, and headers are never freed.
            let task: &'static Task = Box::leak(Box::new(Task::new()));
            task.settle();
            (task, SERIAL.fetch_add(1, Ordering::Relaxed))
        };
    }

    /// Not loom's, and so not seen by it.
    static SERIAL: AtomicUsize = AtomicUsize::new(0);

    /// The task of the calling thread.
    pub(in super::super) fn me() -> &'static Task {
        ME.with(|me| me.0)
    }

    pub(crate) fn task_of(waker: Waker) -> usize {
        waker.serial
    }

    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub(crate) enum Kind {
        Cancellable,
        Uninterruptible,
    }

    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub(crate) enum Waited {
        Woken,
        TimedOut,
        Cancelled,
    }

    pub(crate) struct Wait {
        waker: Waker,
    }

    impl Wait {
        pub(crate) fn begin(kind: Kind) -> Wait {
            let (task, serial) = ME.with(|me| *me);
            let epoch = task.word.begin_wait(kind == Kind::Uninterruptible);
            Wait { waker: Waker { task, epoch, serial } }
        }

        pub(crate) fn waker(&self) -> Waker {
            self.waker
        }

        pub(crate) fn park(self, deadline: Option<Instant>) -> Waited {
            let task = self.waker.task;
            let late = deadline.is_some() && task.word.wake(self.waker.epoch) != Wake::Stale;
            match task.park() {
                Commit::Cancelled => Waited::Cancelled,
                _ if late => Waited::TimedOut,
                _ => Waited::Woken,
            }
        }
    }
}

/// In place of [`crate::channel`]'s file of that name: nothing yields, unwinds or is too late.
pub(crate) mod turn {
    use std::time::Instant;

    use super::waits::{Kind, me};

    pub(crate) struct Cancelled;

    pub(crate) fn begin() -> Result<(), Cancelled> {
        if me().word.is_cancelled() { Err(Cancelled) } else { Ok(()) }
    }

    pub(crate) fn spend() {}

    pub(crate) fn is_unwinding() -> bool {
        false
    }

    pub(crate) fn may_wait(_deadline: Option<Instant>) -> bool {
        true
    }

    pub(crate) fn cancelled() {}

    pub(crate) fn infallible() -> Kind {
        Kind::Cancellable
    }

    pub(crate) fn check_unwind() {}
}
