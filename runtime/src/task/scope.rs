//! Scopes: coroutines that borrow from the one that starts them, which waits for their end.
//!
//! What a child borrows lives in the parent's frame, so the parent must not leave the scope, by
//! whatever way, before the last child has let go of everything: its closure, and its result if
//! nobody has a handle to it. A child counts as running until then (the base of its coroutine says
//! so), and the parent waits for the count in a wait that nothing interrupts. A cancellation that
//! comes to the waiting parent is passed on to the children first.

use std::{
    fmt,
    marker::PhantomData,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use super::{
    body::Outcome,
    header::{TaskRef, Waker},
    join::JoinHandle,
    spawn::{self, Options, Place},
    wait::{Kind, Wait, Waited},
};
use crate::{
    cancel::{self, Reason},
    thread::{Builder, Thread, ThreadId},
};

/// What a scope and its children share.
pub(crate) struct ScopeCore {
    state: Mutex<State>,
    /// A child has panicked, and nobody has asked for it.
    unheard: AtomicBool,
    /// A child that fails cancels the others.
    linked: bool,
}

#[derive(Default)]
struct State {
    running: usize,
    children: Vec<TaskRef>,
    sweep_at: usize,
    waiter: Option<Waker>,
    failed: Option<Reason>,
}

impl ScopeCore {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn cancel(&self, reason: Reason) {
        let mut state = self.state();
        if state.failed.is_none() {
            state.failed = Some(reason);
            let children = std::mem::take(&mut state.children);
            drop(state);
            for child in children {
                child.task().cancel(reason);
            }
        }
    }

    /// Whether a child that panics, or fails, ends the others.
    pub(crate) fn child_failed(&self) {
        if self.linked {
            self.cancel(Reason::Sibling);
        }
    }

    /// Nobody will ask for the panic of a child.
    fn unheard(&self) {
        // ORDER: Relaxed: the parent reads it after it has seen the count, under the lock.
        self.unheard.store(true, Ordering::Relaxed);
    }

    /// A child has let go of everything. `dropped`: its result was not left to a handle.
    pub(crate) fn child_ended(&self, outcome: Outcome, dropped: bool) {
        if outcome == Outcome::Panicked {
            if dropped {
                self.unheard();
            }
            self.child_failed();
        }
        let mut state = self.state();
        state.running -= 1;
        let waiter = if state.running == 0 { state.waiter.take() } else { None };
        drop(state);
        if let Some(waiter) = waiter {
            waiter.wake();
        }
    }

    /// A child is about to be spawned.
    fn child_begins(&self) {
        self.state().running += 1;
    }

    fn child_spawned(&self, child: TaskRef) {
        let mut state = self.state();
        if let Some(reason) = state.failed {
            drop(state);
            child.task().cancel(reason);
            return;
        }
        if state.children.len() >= state.sweep_at {
            state.children.retain(|child| !child.task().join.is_done());
            state.sweep_at = 2 * state.children.len() + 16;
        }
        state.children.push(child);
    }

    /// Waits for the last child.
    fn wait(&self) {
        // The first waits may be cancelled; after that, nothing interrupts.
        let mut kind = Kind::Cancellable;
        loop {
            let wait = Wait::begin(kind);
            let mut state = self.state();
            if state.running == 0 {
                return;
            }
            state.waiter = Some(wait.waker());
            drop(state);
            let waited = wait.park(None);
            let told = cancel::pending().filter(|_| kind == Kind::Cancellable);
            if let Some(reason) = told {
                self.cancel(reason);
                kind = Kind::Uninterruptible;
            } else if waited == Waited::Cancelled {
                kind = Kind::Uninterruptible;
            }
        }
    }
}

/// Runs `f`, in which coroutines may be started that borrow from the caller; returns when all of
/// them have ended. As [`std::thread::scope`].
///
/// When the caller is cancelled, its children are cancelled too. The end of the scope is no point
/// of cancellation itself.
///
/// # Panics
///
/// With the panic of `f`, or if a child has panicked and nobody has joined it. Outside of any
/// runtime, when a child is started.
///
/// ```
/// lif::run(|| {
///     let mut numbers = vec![1, 2, 3];
///     let mut sum = 0;
///     lif::thread::scope(|s| {
///         s.spawn(|| println!("borrowed: {numbers:?}"));
///         s.spawn(|| sum += numbers.iter().sum::<i32>());
///     });
///     numbers.push(sum);
///     assert_eq!(numbers, [1, 2, 3, 6]);
/// });
/// ```
pub fn scope<'env, F, T>(f: F) -> T
where
    F: for<'scope> FnOnce(&'scope Scope<'scope, 'env>) -> T,
{
    run(false, f)
}

/// As [`thread::scope`](crate::thread::scope()), and the children stand together: one that panics,
/// or fails in [`Scope::try_spawn`], cancels the others, with the reason
/// [`Sibling`](crate::cancel::Reason::Sibling).
///
/// # Panics
///
/// As [`thread::scope`](crate::thread::scope()).
///
/// ```
/// use std::time::Duration;
/// lif::run(|| {
///     let (fast, slow) = lif::scope(|s| {
///         let slow = s.spawn(|| lif::sleep(Duration::MAX));
///         let fast = s.try_spawn(|| Err::<(), _>("no such host"));
///         (fast.join().unwrap(), slow.join())
///     });
///     assert_eq!(fast, Err("no such host"));
///     assert!(slow.unwrap_err().is::<lif::Cancelled>());
/// });
/// ```
pub fn linked_scope<'env, F, T>(f: F) -> T
where
    F: for<'scope> FnOnce(&'scope Scope<'scope, 'env>) -> T,
{
    run(true, f)
}

fn run<'env, F, T>(linked: bool, f: F) -> T
where
    F: for<'scope> FnOnce(&'scope Scope<'scope, 'env>) -> T,
{
    let core = ScopeCore { state: Mutex::default(), unheard: AtomicBool::new(false), linked };
    let scope = Scope { core: Arc::new(core), scope: PhantomData, env: PhantomData };
    let result = catch_unwind(AssertUnwindSafe(|| f(&scope)));
    if result.is_err() && linked {
        scope.core.cancel(Reason::Sibling);
    }
    scope.core.wait();
    // ORDER: Relaxed: see `unheard`.
    let unheard = scope.core.unheard.load(Ordering::Relaxed);
    match result {
        Err(payload) => resume_unwind(payload),
        Ok(_) if unheard => panic!("a scoped coroutine panicked"),
        Ok(value) => value,
    }
}

/// Where [`scope`] starts coroutines.
pub struct Scope<'scope, 'env: 'scope> {
    core: Arc<ScopeCore>,
    /// Invariant in both lifetimes, as std's, so that neither can be changed by a coercion.
    scope: PhantomData<&'scope mut &'scope ()>,
    env: PhantomData<&'env mut &'env ()>,
}

impl fmt::Debug for Scope<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let running = self.core.state().running;
        f.debug_struct("Scope").field("running", &running).finish_non_exhaustive()
    }
}

impl<'scope> Scope<'scope, '_> {
    /// Starts a coroutine that may borrow from outside the scope; as
    /// [`std::thread::Scope::spawn`].
    ///
    /// # Panics
    ///
    /// Outside of any runtime.
    #[track_caller]
    pub fn spawn<F, T>(&'scope self, f: F) -> ScopedJoinHandle<'scope, T>
    where
        F: FnOnce() -> T + Send + 'scope,
        T: Send + 'scope,
    {
        self.start(Options::new(), f)
    }

    /// As [`spawn`](Self::spawn), for a closure that can fail. In a scope of
    /// [`lif::scope`](crate::scope()), an error of it cancels the other children.
    ///
    /// # Panics
    ///
    /// Outside of any runtime.
    #[track_caller]
    pub fn try_spawn<F, T, E>(&'scope self, f: F) -> ScopedJoinHandle<'scope, Result<T, E>>
    where
        F: FnOnce() -> Result<T, E> + Send + 'scope,
        T: Send + 'scope,
        E: Send + 'scope,
    {
        let core = Arc::clone(&self.core);
        self.start(Options::new(), move || {
            let result = f();
            if result.is_err() {
                core.child_failed();
            }
            result
        })
    }

    /// Cancels the children that live, and those that come.
    pub fn cancel(&self) {
        self.core.cancel(Reason::Requested);
    }

    pub(crate) fn start<F, T>(
        &'scope self,
        mut options: Options,
        f: F,
    ) -> ScopedJoinHandle<'scope, T>
    where
        F: FnOnce() -> T + Send + 'scope,
        T: Send + 'scope,
    {
        options.scope = Some(Arc::clone(&self.core));
        let handle = spawn::here("a scope starts a coroutine", |worker| {
            self.core.child_begins();
            // SAFETY: all is Send. What the closure and its result borrow outlives 'scope, and
            // `run` does not return before the child has let go of both; a result that is left to
            // the handle goes with the handle, which cannot leave 'scope.
            unsafe { spawn::spawn(Place::Anywhere(worker), options, f) }
        });
        self.core.child_spawned(handle.thread().task_ref());
        ScopedJoinHandle { handle: Some(handle), core: Arc::clone(&self.core), scope: PhantomData }
    }
}

impl Builder {
    /// As [`Scope::spawn`].
    ///
    /// # Errors
    ///
    /// If the stack size is larger than any stack may be.
    ///
    /// # Panics
    ///
    /// Outside of any runtime.
    #[track_caller]
    pub fn spawn_scoped<'scope, F, T>(
        self,
        scope: &'scope Scope<'scope, '_>,
        f: F,
    ) -> std::io::Result<ScopedJoinHandle<'scope, T>>
    where
        F: FnOnce() -> T + Send + 'scope,
        T: Send + 'scope,
    {
        Ok(scope.start(self.options()?, f))
    }
}

/// The right to wait for a coroutine of a scope, and to its result.
pub struct ScopedJoinHandle<'scope, T> {
    /// `None` once it has been joined.
    handle: Option<JoinHandle<T>>,
    core: Arc<ScopeCore>,
    scope: PhantomData<&'scope ()>,
}

impl<T> fmt::Debug for ScopedJoinHandle<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScopedJoinHandle").field("thread", self.thread()).finish_non_exhaustive()
    }
}

impl<T> ScopedJoinHandle<'_, T> {
    fn handle(&self) -> &JoinHandle<T> {
        self.handle.as_ref().expect("only `join` takes it")
    }

    pub(super) fn handle_mut(&mut self) -> &mut JoinHandle<T> {
        self.handle.as_mut().expect("only `join` takes it")
    }

    /// As [`JoinHandle::join`].
    ///
    /// # Errors
    ///
    /// As [`JoinHandle::join`].
    ///
    /// # Panics
    ///
    /// As [`JoinHandle::join`].
    pub fn join(mut self) -> std::thread::Result<T> {
        self.handle.take().expect("only `join` takes it").join()
    }

    /// As [`JoinHandle::join_timeout`].
    ///
    /// # Errors
    ///
    /// As [`JoinHandle::join_timeout`].
    ///
    /// # Panics
    ///
    /// As [`JoinHandle::join`].
    pub fn join_timeout(mut self, timeout: Duration) -> Result<std::thread::Result<T>, Self> {
        let handle = self.handle.take().expect("only `join` takes it");
        handle.join_timeout(timeout).map_err(|handle| {
            self.handle = Some(handle);
            self
        })
    }

    /// As [`JoinHandle::is_finished`].
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.handle().is_finished()
    }

    /// As [`JoinHandle::cancel`].
    pub fn cancel(&self) {
        self.handle().cancel();
    }

    /// The coroutine's id.
    #[must_use]
    pub fn id(&self) -> ThreadId {
        self.handle().id()
    }

    /// The coroutine itself.
    #[must_use]
    pub fn thread(&self) -> &Thread {
        self.handle().thread()
    }
}

impl<T> Drop for ScopedJoinHandle<'_, T> {
    fn drop(&mut self) {
        if let Some(mut handle) = self.handle.take()
            && handle.let_go() == Some(Outcome::Panicked)
        {
            self.core.unheard();
        }
    }
}
