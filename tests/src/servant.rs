//! Coroutines on known, different workers, so that a test can say on which one something happens.

use std::sync::{Arc, Barrier, Mutex, MutexGuard, PoisonError};

type Job = Box<dyn FnOnce() + Send>;

/// A coroutine that starts what it is given, on its own worker.
#[derive(Debug)]
pub struct Servant {
    jobs: Arc<Jobs>,
    handle: Option<lif::JoinHandle<()>>,
}

#[derive(Default)]
struct Jobs {
    /// `None` is the last.
    queue: Mutex<Vec<Option<Job>>>,
}

impl std::fmt::Debug for Jobs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Jobs").finish_non_exhaustive()
    }
}

impl Jobs {
    fn queue(&self) -> MutexGuard<'_, Vec<Option<Job>>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One servant on each worker of the runtime, which has nothing else to do meanwhile.
#[must_use]
pub fn servants(runtime: &lif::Runtime) -> Vec<Servant> {
    let count = runtime.metrics().workers;
    // Blocks the threads: so each has to be on another worker.
    let all_here = Arc::new(Barrier::new(count));
    let serve = || {
        let (jobs, all_here) = (Arc::<Jobs>::default(), Arc::clone(&all_here));
        let mine = Arc::clone(&jobs);
        let handle = runtime.go(move || {
            all_here.wait();
            loop {
                let jobs = std::mem::take(&mut *mine.queue());
                for job in jobs {
                    match job {
                        Some(job) => drop(lif::go_local(job)),
                        None => return,
                    }
                }
                lif::park();
            }
        });
        Servant { jobs, handle: Some(handle) }
    };
    (0..count).map(|_| serve()).collect()
}

impl Servant {
    /// Starts a coroutine on the servant's worker.
    pub fn go(&self, job: impl FnOnce() + Send + 'static) {
        self.jobs.queue().push(Some(Box::new(job)));
        self.unpark();
    }

    /// Runs `job` in a coroutine on the servant's worker, and waits for its result.
    ///
    /// # Panics
    ///
    /// If the job does.
    pub fn run<T: Send + 'static>(&self, job: impl FnOnce() -> T + Send + 'static) -> T {
        let place = Arc::new(Mutex::new(None));
        let result = Arc::clone(&place);
        let caller = lif::current();
        self.go(move || {
            let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(job));
            *result.lock().unwrap_or_else(PoisonError::into_inner) = Some(done);
            caller.unpark();
        });
        loop {
            let done = place.lock().unwrap_or_else(PoisonError::into_inner).take();
            match done {
                Some(Ok(value)) => return value,
                Some(Err(payload)) => std::panic::resume_unwind(payload),
                None => lif::park(),
            }
        }
    }

    fn unpark(&self) {
        if let Some(handle) = &self.handle {
            handle.thread().unpark();
        }
    }
}

impl Drop for Servant {
    fn drop(&mut self) {
        self.jobs.queue().push(None);
        self.unpark();
        self.handle = None;
    }
}
