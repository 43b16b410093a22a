//! Coroutines with the names of [`std::thread`].
//!
//! What a coroutine does here parks it; what a plain thread does here blocks it.

use std::{
    fmt, io,
    num::NonZeroU64,
    time::{Duration, Instant},
};

use lif_coro::StackSize;

use crate::{
    cancel, current as running,
    task::{
        header::{Task, TaskRef, Waker},
        spawn::{self, Options, Place},
        thread as os_thread,
        wait::Wait,
    },
};
pub use std::thread::{Result, available_parallelism, panicking};

pub use crate::{
    local::{AccessError, LocalKey},
    task::{
        join::JoinHandle,
        scope::{Scope, ScopedJoinHandle, scope},
    },
    time::{sleep, sleep_until},
};

/// Starts a coroutine that runs `f`, on any worker of the caller's runtime.
///
/// From its first instruction to its last it stays on the worker that starts it, so what is not
/// `Send` may live across its waits. It ends when `f` returns; the handle gives its result, and if
/// it is dropped, the coroutine runs on by itself. A panic of `f` stays in the coroutine and is
/// what [`join`](JoinHandle::join) returns.
///
/// If the runtime is shutting down, `f` never runs, and `join` returns
/// [`Cancelled`](crate::Cancelled).
///
/// # Panics
///
/// Outside of any runtime.
///
/// ```
/// lif::run(|| {
///     let parts: Vec<_> = (0..10).map(|i| lif::go(move || i * i)).collect();
///     let sum: i32 = parts.into_iter().map(|part| part.join().unwrap()).sum();
///     assert_eq!(sum, 285);
/// });
/// ```
#[track_caller]
pub fn go<F, T>(f: F) -> JoinHandle<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    let options = Options::new();
    // SAFETY: all that the closure and its result hold is 'static and Send.
    spawn::here("lif::go", |worker| unsafe { spawn::spawn(Place::Anywhere(worker), options, f) })
}

/// The same as [`go`], by the name that std has for it.
///
/// # Panics
///
/// As [`go`].
///
/// ```
/// lif::run(|| assert_eq!(lif::thread::spawn(|| 1).join().unwrap(), 1));
/// ```
#[track_caller]
pub fn spawn<F, T>(f: F) -> JoinHandle<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    go(f)
}

/// Starts a coroutine on the caller's own worker; so `f` and its result need not be `Send`.
///
/// Otherwise as [`go`].
///
/// # Panics
///
/// Outside of any runtime.
///
/// ```
/// use std::{cell::Cell, rc::Rc};
/// lif::run(|| {
///     let count = Rc::new(Cell::new(0));
///     let other = Rc::clone(&count);
///     lif::go_local(move || other.set(1)).join().unwrap();
///     assert_eq!(count.get(), 1);
/// });
/// ```
#[track_caller]
pub fn go_local<F, T>(f: F) -> JoinHandle<T>
where
    F: FnOnce() -> T + 'static,
    T: 'static,
{
    let options = Options::new();
    // SAFETY: all that the closure and its result hold is 'static, and stays on this thread.
    spawn::here("lif::go_local", |worker| unsafe { spawn::spawn(Place::Here(worker), options, f) })
}

/// How a coroutine is to be started: its name and the size of its stack.
///
/// ```
/// lif::run(|| {
///     let named = lif::Builder::new().name("worker bee").stack_size(1 << 20);
///     let bee = named.spawn(|| lif::current().name().map(String::from)).unwrap();
///     assert_eq!(bee.join().unwrap().as_deref(), Some("worker bee"));
/// });
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "a builder starts nothing by itself"]
pub struct Builder {
    name: Option<String>,
    stack_size: Option<usize>,
}

impl Builder {
    /// No name, and the stack size of the runtime.
    pub fn new() -> Builder {
        Builder::default()
    }

    /// Names the coroutine, for reports.
    pub fn name(mut self, name: impl Into<String>) -> Builder {
        self.name = Some(name.into());
        self
    }

    /// Reserves `bytes` of address space for its stack, guard included, rounded up to a power of
    /// two of at least 32 KiB. Memory is what is touched.
    pub fn stack_size(mut self, bytes: usize) -> Builder {
        self.stack_size = Some(bytes);
        self
    }

    #[track_caller]
    pub(crate) fn options(self) -> io::Result<Options> {
        let mut options = Options::new();
        options.name = self.name.map(String::into_boxed_str);
        options.stack_size = self.stack_size.map(StackSize::new).transpose()?;
        Ok(options)
    }

    /// As [`go`].
    ///
    /// # Errors
    ///
    /// If the stack size is larger than any stack may be.
    ///
    /// # Panics
    ///
    /// Outside of any runtime.
    #[track_caller]
    pub fn spawn<F, T>(self, f: F) -> io::Result<JoinHandle<T>>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        let options = self.options()?;
        // SAFETY: as in `go`.
        Ok(spawn::here("lif::Builder::spawn", |worker| unsafe {
            spawn::spawn(Place::Anywhere(worker), options, f)
        }))
    }

    /// As [`go_local`].
    ///
    /// # Errors
    ///
    /// If the stack size is larger than any stack may be.
    ///
    /// # Panics
    ///
    /// Outside of any runtime.
    #[track_caller]
    pub fn spawn_local<F, T>(self, f: F) -> io::Result<JoinHandle<T>>
    where
        F: FnOnce() -> T + 'static,
        T: 'static,
    {
        let options = self.options()?;
        // SAFETY: as in `go_local`.
        Ok(spawn::here("lif::Builder::spawn_local", |worker| unsafe {
            spawn::spawn(Place::Here(worker), options, f)
        }))
    }
}

/// The id of a coroutine or thread: no two of one process ever share one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ThreadId(NonZeroU64);

impl fmt::Display for ThreadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A coroutine, or a plain thread that uses the library; as [`std::thread::Thread`].
#[derive(Clone)]
pub struct Thread(TaskRef);

impl fmt::Debug for Thread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct(if self.task().is_thread() { "Thread" } else { "Coroutine" })
            .field("id", &self.task().id())
            .field("name", &self.name())
            .field("spawned_at", &format_args!("{}", self.task().meta().spawned_at))
            .finish()
    }
}

impl Thread {
    pub(crate) fn new(task: TaskRef) -> Thread {
        Thread(task)
    }

    /// Of a task that is alive.
    pub(crate) fn of(task: Task) -> Thread {
        Thread(task.try_ref().expect("a task that runs has references"))
    }

    pub(crate) fn task(&self) -> Task {
        self.0.task()
    }

    pub(crate) fn task_ref(&self) -> TaskRef {
        self.0.clone()
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> ThreadId {
        ThreadId(NonZeroU64::new(self.task().id()).expect("ids begin with 1"))
    }

    /// Its name, if it has one.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.task().meta().name.as_deref()
    }

    /// Makes its present or next [`park`] return, as [`std::thread::Thread::unpark`].
    ///
    /// Notices do not add up: any number of them makes one `park` return. What was written before
    /// `unpark` is visible after that `park`.
    pub fn unpark(&self) {
        if let Some(epoch) = self.task().park.notify() {
            Waker { task: self.task(), epoch }.wake();
        }
    }
}

/// The running coroutine, or the thread if there is none.
///
/// ```
/// lif::run(|| println!("coroutine {}", lif::current().id()));
/// ```
#[must_use]
pub fn current() -> Thread {
    match running::task() {
        Some(task) => Thread::of(task),
        None => os_thread::with(|thread| Thread(thread.handle())),
    }
}

/// Parks the caller until somebody calls [`Thread::unpark`] for it, or has done so already.
///
/// As [`std::thread::park`]; it may also return for no reason. When the coroutine is cancelled, it
/// unwinds.
///
/// ```
/// lif::run(|| {
///     let parked = lif::go(lif::park);
///     parked.thread().unpark();
///     parked.join().unwrap();
/// });
/// ```
pub fn park() {
    park_until(None);
}

/// As [`park`], but no longer than `timeout`.
///
/// ```
/// lif::run(|| lif::park_timeout(std::time::Duration::from_millis(1)));
/// ```
pub fn park_timeout(timeout: Duration) {
    park_until(Instant::now().checked_add(timeout));
}

fn park_until(deadline: Option<Instant>) {
    cancel::check_unwind();
    let parked = |task: Task| {
        if task.park.take() {
            return;
        }
        let wait = Wait::begin(cancel::infallible());
        let epoch = wait.waker().epoch;
        if !std::ptr::eq(wait.waker().task, task) {
            // A coroutine that unwinds: the notice would come to the coroutine, the wait is its
            // thread's. So it returns for no reason after a while, as it may.
            let most = Duration::from_millis(1);
            let left = deadline.map_or(most, |at| at.saturating_duration_since(Instant::now()));
            std::thread::sleep(left.min(most));
            task.park.take();
            return;
        }
        if !task.park.wait(epoch) {
            return;
        }
        let _either = wait.park(deadline);
        // A wait that a cancellation has ended looks like any other.
        if !task.park.end() {
            cancel::check_unwind();
        }
    };
    match running::task() {
        Some(task) => parked(task),
        None => os_thread::with(|thread| parked(thread.task())),
    }
}

/// Lets other coroutines run, and the poller be asked, before the caller goes on.
///
/// On a plain thread it is [`std::thread::yield_now`]. Not a point of cancellation.
///
/// ```
/// lif::run(|| lif::yield_now());
/// ```
pub fn yield_now() {
    match running::switchable() {
        Some(task) => running::with_worker(|worker| {
            worker.expect("a coroutine has a worker").yield_now(task);
        }),
        None if running::task().is_none() => std::thread::yield_now(),
        None => {}
    }
}
