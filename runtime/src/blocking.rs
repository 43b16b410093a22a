//! Work that blocks its thread: a bounded pool of threads, grown on demand.

use std::{
    cell::UnsafeCell,
    collections::VecDeque,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    ptr::NonNull,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use crate::{
    current,
    task::{
        header::Waker,
        wait::{Kind, Wait},
    },
};

/// How long a thread with nothing to do stays.
const KEEP_ALIVE: Duration = Duration::from_secs(10);

/// Runs `f` on a thread where it may block, and parks the caller until it has returned.
///
/// For what would stall a worker: file I/O, name resolution, a C library that waits, a long
/// computation. The runtime keeps a pool of threads for it, grown on demand up to
/// [`Builder::max_blocking_threads`](crate::runtime::Builder::max_blocking_threads) (512 by
/// default); when all are busy, jobs wait their turn. `f` may borrow from the caller's stack, so the
/// wait is not interrupted by a cancellation: it ends when `f` has ended.
///
/// On a plain thread, and in a coroutine that is unwinding, `f` is simply called.
///
/// # Panics
///
/// With the panic of `f`, if it panics.
///
/// ```
/// lif::run(|| {
///     let name = String::from("Cargo.toml");
///     let size = lif::blocking(|| std::fs::metadata(&name).map_or(0, |file| file.len()));
///     println!("{name} has {size} bytes");
/// });
/// ```
pub fn blocking<F, T>(f: F) -> T
where
    F: FnOnce() -> T + Send,
    T: Send,
{
    if current::switchable().is_none() {
        return f();
    }
    let shared = current::with_worker(|worker| {
        Arc::clone(worker.expect("a coroutine has a worker").shared())
    });
    let job = Job {
        closure: UnsafeCell::new(Some(f)),
        result: UnsafeCell::new(None),
        done: AtomicBool::new(false),
        waker: UnsafeCell::new(None),
    };
    let mut submitted = false;
    loop {
        let wait = Wait::begin(Kind::Uninterruptible);
        if !submitted {
            // SAFETY: the job has not been submitted.
            unsafe { *job.waker.get() = Some(wait.waker()) };
            let erased: NonNull<dyn Work + '_> = NonNull::from(&job as &dyn Work);
            // SAFETY: only the lifetime changes. The job stays on this stack until `done`, which
            // the loop below waits for without interruption.
            let erased: NonNull<dyn Work> = unsafe { std::mem::transmute(erased) };
            submitted = true;
            if !shared.blocking.submit(Submitted(erased)) {
                // No thread could be had, not even one: better slow than not at all.
                // SAFETY: the job was not taken.
                unsafe { job.run_here() };
            }
        }
        // ORDER: Acquire: partner is the Release in `Work::run`, for the result.
        if job.done.load(Ordering::Acquire) {
            break;
        }
        // One wait is enough: only the job's end wakes it.
        let _woken = wait.park(None);
    }
    let result = job.result.into_inner().expect("a job that is done has a result");
    result.unwrap_or_else(|payload| resume_unwind(payload))
}

/// A closure on the stack of a parked coroutine, and the place of its result.
struct Job<F, T> {
    closure: UnsafeCell<Option<F>>,
    result: UnsafeCell<Option<thread::Result<T>>>,
    done: AtomicBool,
    waker: UnsafeCell<Option<Waker>>,
}

impl<F: FnOnce() -> T, T> Job<F, T> {
    /// # Safety
    ///
    /// - Nobody else runs the job.
    unsafe fn run_here(&self) {
        // SAFETY: whoever runs the job is alone with it until `done`.
        let closure = unsafe { (*self.closure.get()).take() }.expect("a job runs once");
        let result = catch_unwind(AssertUnwindSafe(closure));
        // SAFETY: as above.
        unsafe { *self.result.get() = Some(result) };
        // ORDER: Release: partner is the Acquire in `blocking`.
        self.done.store(true, Ordering::Release);
    }
}

trait Work {
    /// # Safety
    ///
    /// - Called once, by the thread that took the job from the pool's queue.
    unsafe fn run(&self);
}

impl<F: FnOnce() -> T + Send, T: Send> Work for Job<F, T> {
    unsafe fn run(&self) {
        // SAFETY: written before the job was submitted.
        let waker = unsafe { *self.waker.get() }.expect("a submitted job has a waker");
        // SAFETY: the caller's duty.
        unsafe { self.run_here() };
        // The job may be gone from here on; the waker is our copy.
        waker.wake();
    }
}

/// A job in the queue.
struct Submitted(NonNull<dyn Work>);

// SAFETY: the closure and its result are Send, as `blocking` demands, and the job is handed over
// with the queue's lock.
unsafe impl Send for Submitted {}

/// The pool of one runtime.
#[derive(Clone)]
pub(crate) struct Pool(Arc<Inner>);

struct Inner {
    state: Mutex<State>,
    work: Condvar,
    most: usize,
    name: String,
}

#[derive(Default)]
struct State {
    queue: VecDeque<Submitted>,
    threads: usize,
    idle: usize,
    closed: bool,
}

impl Pool {
    pub(crate) fn new(most: usize, name: String) -> Pool {
        let state = Mutex::default();
        Pool(Arc::new(Inner { state, work: Condvar::new(), most, name }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// False if there is no thread to run it, and none could be started.
    fn submit(&self, job: Submitted) -> bool {
        let mut state = self.state();
        state.queue.push_back(job);
        if state.idle >= state.queue.len() {
            self.0.work.notify_one();
            return true;
        }
        if state.threads < self.0.most {
            let pool = self.clone();
            let spawned =
                thread::Builder::new().name(self.0.name.clone()).spawn(move || pool.serve());
            match spawned {
                Ok(_detached) => state.threads += 1,
                Err(_) if state.threads > 0 => {}
                Err(_) => {
                    state.queue.pop_back();
                    return false;
                }
            }
        }
        true
    }

    fn serve(&self) {
        let mut state = self.state();
        loop {
            if let Some(job) = state.queue.pop_front() {
                drop(state);
                // SAFETY: taken from the queue, once; its owner waits until it has run.
                unsafe { job.0.as_ref().run() };
                state = self.state();
                continue;
            }
            if state.closed {
                break;
            }
            state.idle += 1;
            let waited = self.0.work.wait_timeout(state, KEEP_ALIVE);
            let (back, waited) = waited.unwrap_or_else(PoisonError::into_inner);
            state = back;
            state.idle -= 1;
            if waited.timed_out() && state.queue.is_empty() {
                break;
            }
        }
        state.threads -= 1;
        // Whoever closes the pool waits for the last.
        self.0.work.notify_all();
    }

    /// How many threads there are.
    pub(crate) fn threads(&self) -> usize {
        self.state().threads
    }

    /// Lets the threads go as soon as they have nothing to do, and with `wait` waits for that.
    pub(crate) fn close(&self, wait: bool) {
        let mut state = self.state();
        state.closed = true;
        self.0.work.notify_all();
        while wait && state.threads > 0 {
            state = self.0.work.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}
