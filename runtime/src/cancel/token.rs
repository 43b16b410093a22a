//! `CancelToken`: one switch for many coroutines.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
};

use super::Reason;
use crate::{
    sched::shared::Watch,
    task::{header::TaskRef, join::JoinHandle},
    thread,
};

/// Cancels all coroutines that were started under it, and all tokens made from it.
///
/// Cheap to clone; clones are one token.
///
/// ```
/// use lif::cancel::CancelToken;
/// lif::run(|| {
///     let requests = CancelToken::new();
///     let one = requests.child();
///     let sleeper = one.go(|| lif::sleep(std::time::Duration::MAX));
///     requests.cancel();
///     assert!(sleeper.join().unwrap_err().is::<lif::Cancelled>());
///     assert!(one.is_cancelled());
/// });
/// ```
#[derive(Clone, Default)]
pub struct CancelToken(Arc<Inner>);

#[derive(Default)]
struct Inner {
    state: Mutex<State>,
    cancelled: Watch,
    /// Kept alive, since it passes a cancellation on.
    _parent: Option<Arc<Inner>>,
}

#[derive(Default)]
struct State {
    reason: Option<Reason>,
    children: Vec<Weak<Inner>>,
    tasks: Vec<TaskRef>,
    /// How many entries there may be before those that are over are thrown out.
    sweep_at: usize,
}

impl fmt::Debug for CancelToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CancelToken").field("reason", &self.reason()).finish_non_exhaustive()
    }
}

impl State {
    /// Forgets what is over, now and then: whenever there is twice as much as was left last time.
    fn sweep(&mut self) {
        if self.children.len() + self.tasks.len() >= self.sweep_at {
            self.children.retain(|child| child.strong_count() > 0);
            self.tasks.retain(|task| !task.task().join.is_done());
            self.sweep_at = 2 * (self.children.len() + self.tasks.len()) + 16;
        }
    }
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn cancel(&self, reason: Reason) {
        let mut state = self.state();
        if state.reason.is_some() {
            return;
        }
        state.reason = Some(reason);
        let (children, tasks) =
            (std::mem::take(&mut state.children), std::mem::take(&mut state.tasks));
        drop(state);
        for task in tasks {
            task.task().cancel(reason);
        }
        for child in children.iter().filter_map(Weak::upgrade) {
            child.cancel(reason);
        }
        self.cancelled.notify();
    }
}

impl CancelToken {
    /// A token of its own.
    #[must_use]
    pub fn new() -> CancelToken {
        CancelToken::default()
    }

    /// A token that is cancelled with this one, or by itself.
    #[must_use]
    pub fn child(&self) -> CancelToken {
        let parent = Some(Arc::clone(&self.0));
        let child = CancelToken(Arc::new(Inner { _parent: parent, ..Inner::default() }));
        let mut state = self.0.state();
        match state.reason {
            Some(reason) => child.0.state().reason = Some(reason),
            None => {
                state.sweep();
                state.children.push(Arc::downgrade(&child.0));
            }
        }
        drop(state);
        child
    }

    /// Starts a coroutine under the token; otherwise as [`lif::go`](crate::go). If the token has
    /// been cancelled, the coroutine is cancelled before it starts.
    ///
    /// # Panics
    ///
    /// Outside of any runtime.
    #[track_caller]
    pub fn go<F, T>(&self, f: F) -> JoinHandle<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        let handle = thread::go(f);
        self.add(&handle);
        handle
    }

    /// Puts a coroutine that was started otherwise under the token.
    pub fn add<T>(&self, handle: &JoinHandle<T>) {
        let mut state = self.0.state();
        match state.reason {
            Some(reason) => {
                drop(state);
                handle.cancel_with(reason);
            }
            None => {
                state.sweep();
                state.tasks.push(handle.thread().task_ref());
            }
        }
    }

    /// Cancels whatever is under the token; a second time it does nothing.
    pub fn cancel(&self) {
        self.cancel_with(Reason::Requested);
    }

    /// As [`cancel`](Self::cancel), for a reason.
    pub fn cancel_with(&self, reason: Reason) {
        self.0.cancel(reason);
    }

    /// Whether it has been cancelled.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.reason().is_some()
    }

    /// Why it has been cancelled, if it has.
    #[must_use]
    pub fn reason(&self) -> Option<Reason> {
        self.0.state().reason
    }

    /// Parks the caller until the token is cancelled. When the caller is cancelled, it unwinds.
    ///
    /// ```
    /// use lif::cancel::{CancelToken, Reason};
    /// lif::run(|| {
    ///     let stop = CancelToken::new();
    ///     let other = stop.clone();
    ///     let waiter = lif::go(move || other.wait());
    ///     stop.cancel_with(Reason::Custom(7));
    ///     assert_eq!(waiter.join().unwrap(), Reason::Custom(7));
    /// });
    /// ```
    pub fn wait(&self) -> Reason {
        self.0.cancelled.wait_cancellable(|| self.is_cancelled());
        self.reason().expect("waited for it")
    }
}
