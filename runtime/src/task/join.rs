//! `JoinHandle`.

use std::{
    fmt,
    time::{Duration, Instant},
};

use super::{
    body::{Outcome, ResultPtr, contain},
    header::TaskRef,
    join_future::Joiner,
    wait::{Kind, Wait, Waited},
};
use crate::{
    cancel::{self, Reason},
    current,
    thread::{Thread, ThreadId},
};

/// The right to wait for a coroutine, and to its result.
///
/// Dropping it detaches the coroutine, which then runs on, and its result is dropped on its own
/// stack when it ends. It is a [`Future`] too, so async code can await it.
///
/// ```
/// lif::run(|| {
///     let answer = lif::go(|| 6 * 7);
///     assert_eq!(answer.join().unwrap(), 42);
/// });
/// ```
pub struct JoinHandle<T> {
    thread: Thread,
    /// `None` once the handle has taken it or let go of it.
    result: Option<ResultPtr<T>>,
    /// A poll has left the join word WAITING, unless the coroutine has finished since.
    pub(super) polled: bool,
}

// SAFETY: the handle gives the result, a `T` or a payload that is Send, to the thread that it is
// on. A result that is not Send (of `go_local`) keeps the handle on its own thread.
unsafe impl<T: Send> Send for JoinHandle<T> {}
// SAFETY: through a reference the result cannot be reached.
unsafe impl<T> Sync for JoinHandle<T> {}

impl<T> fmt::Debug for JoinHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinHandle").field("thread", &self.thread).finish_non_exhaustive()
    }
}

impl<T> JoinHandle<T> {
    pub(crate) fn new(task: TaskRef, result: ResultPtr<T>) -> JoinHandle<T> {
        JoinHandle { thread: Thread::new(task), result: Some(result), polled: false }
    }

    /// Parks the caller until the coroutine has ended, and returns what it has returned.
    ///
    /// If the *joining* coroutine is cancelled, it unwinds, and the joined one is detached.
    ///
    /// # Errors
    ///
    /// The payload of its panic, or [`Cancelled`](crate::Cancelled) if it was unwound because of a
    /// cancellation or was never started, or [`StackError`](crate::StackError) if it could not get
    /// a stack.
    ///
    /// # Panics
    ///
    /// If a coroutine joins itself, or if the handle has given its result to async code. In a
    /// coroutine that is unwinding, and so may not switch, the call blocks the thread; if the other
    /// lives on the same one, that would be for ever, and the process is aborted with a message.
    ///
    /// ```
    /// lif::run(|| {
    ///     let broken = lif::go(|| panic!("on purpose"));
    ///     let payload = broken.join().unwrap_err();
    ///     assert_eq!(payload.downcast_ref(), Some(&"on purpose"));
    /// });
    /// ```
    pub fn join(mut self) -> std::thread::Result<T> {
        cancel::check_unwind();
        drop(self.take_back());
        while !self.task().join.is_done() {
            let _either = self.wait(None);
        }
        self.take()
    }

    /// As [`join`](Self::join), but no longer than `timeout`.
    ///
    /// # Errors
    ///
    /// The handle itself, if the coroutine has not ended by then.
    ///
    /// # Panics
    ///
    /// As [`join`](Self::join).
    ///
    /// ```
    /// use std::time::Duration;
    /// lif::run(|| {
    ///     let slow = lif::go(|| lif::sleep(Duration::from_millis(20)));
    ///     let slow = slow.join_timeout(Duration::from_millis(1)).unwrap_err();
    ///     slow.join().unwrap();
    /// });
    /// ```
    pub fn join_timeout(mut self, timeout: Duration) -> Result<std::thread::Result<T>, Self> {
        cancel::check_unwind();
        drop(self.take_back());
        let deadline = Instant::now().checked_add(timeout);
        while !self.task().join.is_done() {
            if self.wait(deadline) == Waited::TimedOut && !self.task().join.is_done() {
                return Err(self);
            }
        }
        Ok(self.take())
    }

    /// Whether the coroutine has ended, so that [`join`](Self::join) returns at once.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.task().join.is_done()
    }

    /// Asks the coroutine to end.
    ///
    /// It is told in its present wait, or in the next: waits for I/O fail with an error that has
    /// [`Cancelled`](crate::Cancelled) inside, waits that cannot fail (`sleep`, `park`, `join`)
    /// unwind it. One that has not started yet never runs. Nothing happens to one that has ended,
    /// or to one that computes without ever waiting.
    ///
    /// ```
    /// lif::run(|| {
    ///     let sleeper = lif::go(|| lif::sleep(std::time::Duration::MAX));
    ///     sleeper.cancel();
    ///     assert!(sleeper.join().unwrap_err().is::<lif::Cancelled>());
    /// });
    /// ```
    pub fn cancel(&self) {
        self.task().cancel(Reason::Requested);
    }

    /// As [`cancel`](Self::cancel), for a reason. The first reason stays.
    ///
    /// ```
    /// use lif::cancel::Reason;
    /// lif::run(|| {
    ///     let sleeper = lif::go(|| lif::sleep(std::time::Duration::MAX));
    ///     sleeper.cancel_with(Reason::Custom(7));
    ///     let payload = sleeper.join().unwrap_err();
    ///     let cancelled = payload.downcast_ref::<lif::Cancelled>().unwrap();
    ///     assert_eq!(cancelled.reason(), Reason::Custom(7));
    /// });
    /// ```
    pub fn cancel_with(&self, reason: Reason) {
        self.task().cancel(reason);
    }

    /// The coroutine's id.
    #[must_use]
    pub fn id(&self) -> ThreadId {
        self.thread.id()
    }

    /// The coroutine itself.
    #[must_use]
    pub fn thread(&self) -> &Thread {
        &self.thread
    }

    /// As [`join`](Self::join), but the wait is not interrupted by a cancellation.
    pub(crate) fn join_uninterrupted(mut self) -> std::thread::Result<T> {
        drop(self.take_back());
        while !self.task().join.is_done() {
            let _either = self.wait_once(Kind::Uninterruptible, None);
        }
        self.take()
    }

    pub(super) fn task(&self) -> super::header::Task {
        self.thread.task()
    }

    /// Waits once, and unwinds if the caller is cancelled.
    fn wait(&self, deadline: Option<Instant>) -> Waited {
        let waited = self.wait_once(cancel::infallible(), deadline);
        if waited == Waited::Cancelled {
            cancel::check_unwind();
        }
        waited
    }

    fn wait_once(&self, kind: Kind, deadline: Option<Instant>) -> Waited {
        let task = self.task();
        if let Some(me) = current::task() {
            self.assert_not_mine();
            if std::thread::panicking() && only_this_worker_runs(task) {
                abort_stuck(&Thread::of(me), &self.thread);
            }
        }
        let wait = Wait::begin(kind);
        // SAFETY: this is the one handle, and it does not wait now: its last change has left the
        // word OPEN.
        unsafe { task.set_joiner(Joiner::Task(wait.waker())) };
        if !task.join.wait() {
            return Waited::Woken;
        }
        let waited = wait.park(deadline);
        // Either the word is OPEN again, or the task is done; in both cases nobody reads the
        // waker any more.
        let _open = task.join.stop_waiting();
        waited
    }

    /// Takes the result of a coroutine that has ended.
    pub(super) fn take(&mut self) -> std::thread::Result<T> {
        let result = self.result.take().expect("a JoinHandle gives its result once");
        // SAFETY: the join word is DONE, as all callers have seen.
        let left = unsafe { result.take() };
        // SAFETY: the join word is DONE, so the body is the handle's, which has just forgotten it.
        unsafe { result.body().free() };
        left.expect("a finished coroutine has left its result")
    }

    /// Whoever waits for itself would wait for ever.
    pub(super) fn assert_not_mine(&self) {
        let mine = current::task().is_some_and(|me| std::ptr::eq(me, self.task()));
        assert!(!mine, "a coroutine cannot join itself");
    }

    /// Detaches the coroutine, or drops the result that it has left; says how it had ended then.
    pub(crate) fn let_go(&mut self) -> Option<Outcome> {
        if self.polled {
            // Foreign code.
            contain(|| drop(self.take_back()));
        }
        let result = self.result.take()?;
        if self.task().join.detach() {
            return None;
        }
        // SAFETY: the join word is DONE, and the result is taken here for the last time.
        let left = unsafe { result.take() };
        let outcome = left.as_ref().map(Outcome::of);
        contain(|| drop(left));
        // SAFETY: the join word is DONE, so the body is the handle's, which has just forgotten it.
        unsafe { result.body().free() };
        outcome
    }
}

/// Whether nobody but the worker of this thread can run `task`.
pub(crate) fn only_this_worker_runs(task: super::header::Task) -> bool {
    current::with_worker(|worker| {
        let Some(worker) = worker else { return false };
        match task.home() {
            Some(home) => std::ptr::eq(home, worker.inbox()),
            None => worker.is_lone_in(task.meta().runtime),
        }
    })
}

/// A coroutine that unwinds waits for one that only its own thread could run.
#[cold]
fn abort_stuck(waiting: &Thread, awaited: &Thread) -> ! {
    eprintln!(
        "lif: {waiting:?} is unwinding and joins {awaited:?}, which lives on the same worker and \
         can never run while this one blocks it: aborting"
    );
    std::process::abort();
}

impl<T> Drop for JoinHandle<T> {
    fn drop(&mut self) {
        self.let_go();
    }
}
