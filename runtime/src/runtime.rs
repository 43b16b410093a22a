//! Runtimes: their making, their use from outside, their end.

use std::{
    fmt, io,
    panic::{AssertUnwindSafe, Location, catch_unwind, resume_unwind},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use crossbeam_deque::Worker as Deque;
use lif_coro::{PoolConfig, StackPool, StackSize};

use crate::{
    blocking, current, fault,
    metrics::Metrics,
    ready::driver::Driver,
    sched::{
        inbox::Inbox,
        shared::{Remote, Shared},
        worker::Worker,
    },
    task::{
        join::JoinHandle,
        spawn::{self, Options, Place},
        state::Stage,
    },
    thread::{Thread, ThreadId},
};

type Hook = Arc<dyn Fn() + Send + Sync>;

/// How a runtime is to be made.
///
/// ```
/// let runtime = lif::Runtime::builder().workers(2).thread_name("web").build()?;
/// assert_eq!(runtime.run(|| 1 + 1), 2);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone)]
#[must_use = "a builder starts nothing by itself"]
pub struct Builder {
    workers: Option<usize>,
    stack_size: usize,
    pooled_stacks: usize,
    blocking_threads: usize,
    thread_name: String,
    grace: Duration,
    on_start: Option<Hook>,
    on_stop: Option<Hook>,
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("workers", &self.workers)
            .field("stack_size", &self.stack_size)
            .field("pooled_stacks", &self.pooled_stacks)
            .field("max_blocking_threads", &self.blocking_threads)
            .field("thread_name", &self.thread_name)
            .field("shutdown_grace", &self.grace)
            .finish_non_exhaustive()
    }
}

impl Default for Builder {
    fn default() -> Builder {
        Builder {
            workers: None,
            stack_size: StackSize::DEFAULT.bytes(),
            pooled_stacks: PoolConfig::default().keep,
            blocking_threads: 512,
            thread_name: String::from("lif"),
            grace: Duration::from_secs(1),
            on_start: None,
            on_stop: None,
        }
    }
}

impl Builder {
    /// How many workers, that is threads, run coroutines; by default
    /// [`available_parallelism`](thread::available_parallelism).
    pub fn workers(mut self, workers: usize) -> Builder {
        self.workers = Some(workers);
        self
    }

    /// The stack of a coroutine whose spawn says nothing of it, in bytes of address space, guard
    /// included; by default 256 KiB. Memory is what is touched.
    pub fn stack_size(mut self, bytes: usize) -> Builder {
        self.stack_size = bytes;
        self
    }

    /// How many free stacks a worker keeps at hand before it gives their memory back.
    pub fn pooled_stacks(mut self, stacks: usize) -> Builder {
        self.pooled_stacks = stacks;
        self
    }

    /// How many threads [`blocking`](crate::blocking()) jobs may use at most; by default 512.
    pub fn max_blocking_threads(mut self, threads: usize) -> Builder {
        self.blocking_threads = threads;
        self
    }

    /// What the threads' names begin with; by default "lif".
    pub fn thread_name(mut self, name: impl Into<String>) -> Builder {
        self.thread_name = name.into();
        self
    }

    /// How long a shutdown lets cancelled coroutines handle errors before their I/O unwinds as
    /// well; by default one second.
    pub fn shutdown_grace(mut self, grace: Duration) -> Builder {
        self.grace = grace;
        self
    }

    /// Called by each worker's thread before it runs anything. A panic of a hook aborts the
    /// process.
    pub fn on_thread_start(mut self, hook: impl Fn() + Send + Sync + 'static) -> Builder {
        self.on_start = Some(Arc::new(hook));
        self
    }

    /// Called by each worker's thread when it has run everything. A panic of a hook aborts the
    /// process.
    pub fn on_thread_stop(mut self, hook: impl Fn() + Send + Sync + 'static) -> Builder {
        self.on_stop = Some(Arc::new(hook));
        self
    }

    /// Starts the runtime.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](io::ErrorKind::InvalidInput) for no workers, no blocking threads or a
    /// stack larger than any may be; what the system says when it has no descriptors or threads
    /// left. Nothing is left behind then.
    pub fn build(self) -> io::Result<Runtime> {
        let invalid = |why| Err(io::Error::new(io::ErrorKind::InvalidInput, why));
        let workers = match self.workers {
            Some(workers) => workers,
            None => thread::available_parallelism().map_or(1, Into::into),
        };
        if workers == 0 {
            return invalid("a runtime needs at least one worker");
        }
        if workers > 4096 {
            return invalid("a runtime has at most 4,096 workers");
        }
        if self.blocking_threads == 0 {
            return invalid("a runtime needs at least one thread for blocking jobs");
        }
        let stack_size = StackSize::new(self.stack_size)?;
        fault::install()?;
        let drivers: Vec<_> =
            (0..workers).map(|_| Driver::new().map(Arc::new)).collect::<io::Result<_>>()?;
        let deques: Vec<_> = (0..workers).map(|_| Deque::new_lifo()).collect();
        let remotes = drivers.iter().zip(&deques).map(|(driver, deque)| Remote {
            inbox: Inbox::open(Arc::clone(driver)),
            stealer: deque.stealer(),
            counts: Default::default(),
        });
        let name = format!("{}-blocking", self.thread_name);
        let pool = blocking::Pool::new(self.blocking_threads, name);
        let shared = Arc::new(Shared::new(remotes.collect(), stack_size, pool));
        let mut runtime = Runtime { shared, threads: Vec::new(), grace: self.grace };
        for (index, (driver, deque)) in drivers.into_iter().zip(deques).enumerate() {
            let start = Start {
                index,
                shared: Arc::clone(&runtime.shared),
                driver,
                deque,
                pool: PoolConfig { keep: self.pooled_stacks, ..PoolConfig::default() },
                hooks: (self.on_start.clone(), self.on_stop.clone()),
            };
            let name = format!("{}-{index}", self.thread_name);
            match thread::Builder::new().name(name).spawn(move || start.work_or_abort()) {
                Ok(thread) => runtime.threads.push(thread),
                Err(error) => {
                    // Those that were not started are as good as gone.
                    for missing in &runtime.shared.workers[index..] {
                        missing.inbox.close();
                        runtime.shared.worker_gone();
                    }
                    return Err(error);
                }
            }
        }
        Ok(runtime)
    }
}

/// What a worker's thread takes with it.
struct Start {
    index: usize,
    shared: Arc<Shared>,
    driver: Arc<Driver>,
    deque: Deque<crate::task::header::Task>,
    pool: PoolConfig,
    hooks: (Option<Hook>, Option<Hook>),
}

impl Start {
    /// A worker that has panicked, outside of any coroutine, would leave its residents parked for
    /// ever.
    fn work_or_abort(self) {
        if catch_unwind(AssertUnwindSafe(|| self.work())).is_err() {
            eprintln!("lif: a worker, or a hook that it called, has panicked: aborting");
            std::process::abort();
        }
    }

    fn work(self) {
        let _alternate_stack = fault::AlternateStack::new();
        if let Some(hook) = &self.hooks.0 {
            hook();
        }
        let stacks = StackPool::new(self.pool);
        let worker = Worker::new(self.index, self.shared, self.driver, self.deque, stacks);
        current::enter(&worker, || worker.work());
        drop(worker);
        if let Some(hook) = &self.hooks.1 {
            hook();
        }
    }
}

/// A set of workers and the coroutines that live on them.
///
/// Dropping it shuts it down: no new coroutines, all that live are cancelled and unwound, and the
/// drop waits for that. A runtime that is dropped by one of its own coroutines only begins the
/// shutdown and does not wait. Any number of runtimes can live in one process.
///
/// ```
/// let runtime = lif::Runtime::new()?;
/// let answer = runtime.go(|| 6 * 7);
/// assert_eq!(answer.join().unwrap(), 42);
/// # Ok::<(), std::io::Error>(())
/// ```
#[must_use = "a runtime that is dropped is shut down"]
pub struct Runtime {
    shared: Arc<Shared>,
    threads: Vec<thread::JoinHandle<()>>,
    grace: Duration,
}

impl fmt::Debug for Runtime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.handle().fmt(f)
    }
}

impl Runtime {
    /// A runtime with the defaults of [`Builder`].
    ///
    /// # Errors
    ///
    /// As [`Builder::build`].
    pub fn new() -> io::Result<Runtime> {
        Builder::default().build()
    }

    /// For a runtime with other properties.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Starts a coroutine, from anywhere; otherwise as [`lif::go`](crate::go).
    #[track_caller]
    pub fn go<F, T>(&self, f: F) -> JoinHandle<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        go_into(&self.shared, Options::new(), f)
    }

    /// Runs `f` as a coroutine, and blocks (or parks) the caller until it has returned.
    ///
    /// Since the call waits, `f` may borrow from the caller. Other coroutines of the runtime live
    /// on.
    ///
    /// # Panics
    ///
    /// With the panic of `f`, if it panics, and if the runtime is shut down before `f` has ended.
    ///
    /// ```
    /// let runtime = lif::Runtime::new()?;
    /// let mut log = Vec::new();
    /// runtime.run(|| log.push("in a coroutine"));
    /// assert_eq!(log, ["in a coroutine"]);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[track_caller]
    pub fn run<F, T>(&self, f: F) -> T
    where
        F: FnOnce() -> T + Send,
        T: Send,
    {
        let options = Options::new();
        // SAFETY: all is Send. What is borrowed lives on in the caller, which waits below for the
        // end of the coroutine, without interruption; a coroutine that never ends, because it is
        // leaked by a shutdown, keeps it waiting for ever.
        let handle = unsafe { spawn::spawn(Place::Into(&self.shared), options, f) };
        handle.join_uninterrupted().unwrap_or_else(|payload| resume_unwind(payload))
    }

    /// A handle through which others can use the runtime, without keeping it alive.
    #[must_use]
    pub fn handle(&self) -> Handle {
        Handle { shared: Arc::clone(&self.shared) }
    }

    /// What the runtime has counted.
    #[must_use]
    pub fn metrics(&self) -> Metrics {
        Metrics::of(&self.shared)
    }

    /// Blocks (or parks) the caller until no coroutine lives.
    ///
    /// # Panics
    ///
    /// In a coroutine of this runtime, which would wait for itself.
    ///
    /// ```
    /// let runtime = lif::Runtime::new()?;
    /// for _ in 0..10 {
    ///     runtime.go(lif::yield_now);
    /// }
    /// runtime.wait_idle();
    /// assert_eq!(runtime.metrics().live, 0);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn wait_idle(&self) {
        assert!(
            !self.is_current(),
            "wait_idle in a coroutine of the same runtime waits for itself"
        );
        self.shared.quiet.wait(None, || self.shared.lives() == 0);
    }

    /// Shuts down, and gives up on what has not ended after `timeout`.
    ///
    /// New coroutines are refused and all that live are cancelled. After half of the timeout, I/O
    /// of cancelled coroutines unwinds, instead of failing, as other waits do. What then still does
    /// not end (a `loop {}`, a loop around `catch_unwind`, a job that blocks) is returned, and
    /// leaked: its stack, its worker's thread, and nothing else.
    ///
    /// # Panics
    ///
    /// In a coroutine of this runtime, which would wait for itself.
    ///
    /// ```
    /// use std::time::Duration;
    /// let runtime = lif::Runtime::new()?;
    /// runtime.go(|| lif::sleep(Duration::from_secs(3600)));
    /// assert!(runtime.shutdown_timeout(Duration::from_secs(10)).is_empty());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn shutdown_timeout(mut self, timeout: Duration) -> Vec<Unfinished> {
        assert!(!self.is_current(), "shutdown_timeout in a coroutine of the same runtime");
        let deadline = Instant::now().checked_add(timeout);
        self.shared.stop(timeout / 2);
        if self.shared.ended.wait(deadline, || self.shared.workers_gone()) {
            self.join_threads();
            return Vec::new();
        }
        let unfinished: Vec<_> = self
            .shared
            .unfinished()
            .map(|found| Unfinished {
                stage: found.task().word.stage(),
                thread: Thread::new(found),
            })
            .collect();
        self.shared.abandon();
        // Those that still have something to run stay, and nobody waits for them.
        self.threads.clear();
        self.shared.blocking.close(false);
        unfinished
    }

    fn is_current(&self) -> bool {
        self.shared.is_current()
    }

    fn join_threads(&mut self) {
        for thread in self.threads.drain(..) {
            if let Err(payload) = thread.join() {
                // A hook has panicked, or the runtime is broken; the message has been printed.
                drop(payload);
            }
        }
        self.shared.blocking.close(true);
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        if self.threads.is_empty() {
            // `shutdown_timeout` has been here.
            return;
        }
        self.shared.stop(self.grace);
        if self.shared.is_current() {
            self.shared.blocking.close(false);
            return;
        }
        self.shared.ended.wait(None, || self.shared.workers_gone());
        self.join_threads();
    }
}

fn go_into<F, T>(shared: &Arc<Shared>, options: Options, f: F) -> JoinHandle<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    current::with_worker(|worker| {
        let place = match worker {
            Some(worker) if Arc::ptr_eq(worker.shared(), shared) => Place::Anywhere(worker),
            _ => Place::Into(shared),
        };
        // SAFETY: all that the closure and its result hold is 'static and Send.
        unsafe { spawn::spawn(place, options, f) }
    })
}

impl Shared {
    /// Whether the caller is one of its workers.
    fn is_current(&self) -> bool {
        current::with_worker(|worker| worker.is_some_and(|at| std::ptr::eq(&**at.shared(), self)))
    }
}

/// Uses a runtime from elsewhere; cheap to clone. Coroutines that it starts after the runtime has
/// begun to shut down never run: their `join` returns [`Cancelled`](crate::Cancelled).
///
/// ```
/// let runtime = lif::Runtime::new()?;
/// let handle = runtime.handle();
/// let thread = std::thread::spawn(move || handle.go(|| 1).join().unwrap());
/// assert_eq!(thread.join().unwrap(), 1);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone)]
pub struct Handle {
    shared: Arc<Shared>,
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Runtime")
            .field("id", &self.shared.id)
            .field("workers", &self.shared.workers.len())
            .field("live", &self.shared.lives())
            .finish_non_exhaustive()
    }
}

impl Handle {
    /// As [`Runtime::go`].
    #[track_caller]
    pub fn go<F, T>(&self, f: F) -> JoinHandle<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        go_into(&self.shared, Options::new(), f)
    }

    /// As [`Runtime::metrics`].
    #[must_use]
    pub fn metrics(&self) -> Metrics {
        Metrics::of(&self.shared)
    }
}

/// A coroutine that did not end with its runtime.
#[derive(Clone, Debug)]
pub struct Unfinished {
    thread: Thread,
    stage: Stage,
}

impl Unfinished {
    /// Its id.
    #[must_use]
    pub fn id(&self) -> ThreadId {
        self.thread.id()
    }

    /// Its name, if it has one.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.thread.name()
    }

    /// Where it was spawned.
    #[must_use]
    pub fn spawned_at(&self) -> &'static Location<'static> {
        self.thread.task().meta().spawned_at
    }

    /// Whether it was running when the runtime gave up, and not waiting.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.stage == Stage::Executing
    }
}

/// Starts a runtime, runs `f` in it as a coroutine, and shuts it down when `f` has returned: what
/// then still lives is cancelled and unwound.
///
/// For a `main`; a program that needs more makes a [`Runtime`].
///
/// # Panics
///
/// With the panic of `f`, if it panics; if the runtime cannot be started.
///
/// ```
/// lif::run(|| {
///     let child = lif::go(|| "hello");
///     println!("{}", child.join().unwrap());
/// });
/// ```
#[track_caller]
pub fn run<F, T>(f: F) -> T
where
    F: FnOnce() -> T + Send,
    T: Send,
{
    match Runtime::new() {
        Ok(runtime) => runtime.run(f),
        Err(error) => panic!("lif::run: the runtime could not be started: {error}"),
    }
}
