//! What surrounds the wait queue in the models: tasks that wait, their wakers, and how old they are.
//!
//! The modules in here stand where the queue's own code looks for the shipping ones. Each loom
//! thread is a coroutine with a home of its own. As several may be parked at once, they don't spin as
//! the models of the word do, but sleep, which orders a little more: what a wake has to order is
//! those models' business.

/// In place of the task's header: the waker that stands in nodes.
pub(super) mod header {
    use loom::sync::atomic::{AtomicBool, Ordering};

    use super::super::{
        state::{Epoch, TaskWord, Wake},
        tasks::Task,
    };

    /// A task, and the thread that plays its home.
    pub(crate) struct Waiter {
        pub(super) task: Task,
        pub(super) home: loom::thread::Thread,
        /// Whether something else has its home, so that it is not run although it is queued.
        pub(super) blocked: AtomicBool,
    }

    impl Waiter {
        pub(crate) fn word(&self) -> &TaskWord {
            &self.task.word
        }

        /// Something else has its home from now on.
        pub(crate) fn block(&self) {
            self.blocked.store(true, Ordering::Relaxed);
        }

        /// Its home may run it again.
        pub(crate) fn unblock(&self) {
            self.blocked.store(false, Ordering::Relaxed);
        }

        /// The duty of a wake or a cancellation.
        pub(crate) fn follow(&self, duty: Wake) {
            self.task.follow(duty);
            if duty == Wake::Enqueue {
                self.home.unpark();
            }
        }
    }

    #[derive(Clone, Copy)]
    pub(crate) struct Waker {
        pub(crate) task: &'static Waiter,
        pub(crate) epoch: Epoch,
    }

    #[must_use]
    pub(crate) struct Claimed(Option<&'static Waiter>);

    impl Waker {
        pub(crate) fn claim(self) -> Option<Claimed> {
            match self.task.word().wake(self.epoch) {
                Wake::Enqueue => Some(Claimed(Some(self.task))),
                Wake::Noticed => Some(Claimed(None)),
                Wake::Stale => None,
            }
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

/// In place of the task's wait: with a deadline, the timer comes just before the commit, unless
/// something else has come before.
pub(super) mod wait {
    use std::time::Instant;

    use loom::sync::atomic::{AtomicBool, Ordering};

    use super::{
        super::{
            state::{Commit, Wake},
            tasks::Task,
        },
        header::{Waiter, Waker},
    };

    loom::thread_local! {
        static ME: &'static Waiter = {
            let task = Task::new();
            task.settle();
            // Leaked: wakers are plain pointers, and headers are never freed.
            let (home, blocked) = (loom::thread::current(), AtomicBool::new(false));
            Box::leak(Box::new(Waiter { task, home, blocked }))
        };
    }

    /// The task of the calling thread.
    pub(crate) fn me() -> &'static Waiter {
        ME.with(|task| *task)
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
            let task = me();
            let epoch = task.word().begin_wait(kind == Kind::Uninterruptible);
            Wait { waker: Waker { task, epoch } }
        }

        pub(crate) fn waker(&self) -> Waker {
            self.waker
        }

        pub(crate) fn park(self, deadline: Option<Instant>) -> Waited {
            let task = self.waker.task;
            let late = deadline.is_some() && task.word().wake(self.waker.epoch) != Wake::Stale;
            match task.word().commit() {
                Commit::Cancelled => return Waited::Cancelled,
                Commit::Noticed => {}
                Commit::Parked => {
                    while !task.task.is_queued() {
                        loom::thread::park();
                    }
                    while task.blocked.load(Ordering::Relaxed) {
                        loom::thread::yield_now();
                    }
                    task.task.resume();
                }
            }
            if late { Waited::TimedOut } else { Waited::Woken }
        }
    }
}

/// In place of the clock: whether those that wait are old is the model's to say.
pub(super) mod age {
    use std::cell::Cell;

    thread_local! {
        /// All loom threads of a model run on one thread of the system.
        static OLD: Cell<bool> = const { Cell::new(false) };
    }

    /// From now on whoever begins to wait is old at once, or never.
    pub(crate) fn all_are_old(old: bool) {
        OLD.set(old);
    }

    #[derive(Clone, Copy, Debug)]
    pub(crate) struct Age(bool);

    impl Age {
        pub(crate) fn now() -> Age {
            Age(OLD.get())
        }

        pub(crate) const fn urgent() -> Age {
            Age(true)
        }

        pub(crate) fn is_over(self) -> bool {
            self.0
        }
    }
}
