//! The watchdog: a test that hangs says what it can, and ends its process.
//!
//! It knows nothing of the test but its name and the runtimes that it was told of.

use std::{
    fs,
    io::Write as _,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

/// How long a test may take: many times what any of them needs on a slow machine.
const LIMIT: Duration = Duration::from_secs(60);

/// Watches a test until it is dropped.
#[must_use = "the test is watched for as long as this lives"]
#[derive(Debug)]
pub struct Watchdog {
    shared: Arc<Shared>,
    thread: Option<thread::JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    done: bool,
    handles: Vec<lif::Handle>,
    note: Option<String>,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Watches the calling test.
///
/// # Panics
///
/// If no thread can be had.
pub fn watch() -> Watchdog {
    let shared = Arc::<Shared>::default();
    let seen = Arc::clone(&shared);
    let name = thread::current().name().unwrap_or("a test").to_owned();
    let thread = thread::Builder::new()
        .name(String::from("watchdog"))
        .spawn(move || guard(&seen, &name))
        .expect("a thread for the watchdog");
    Watchdog { shared, thread: Some(thread) }
}

impl Watchdog {
    /// Has the counts of a runtime in the report.
    pub fn about(&self, runtime: &lif::Runtime) {
        self.shared.state().handles.push(runtime.handle());
    }

    /// Says how far the test has come.
    pub fn note(&self, note: impl Into<String>) {
        self.shared.state().note = Some(note.into());
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        self.shared.state().done = true;
        self.shared.changed.notify_all();
        if let Some(thread) = self.thread.take() {
            // It has nothing to say: it aborts or returns.
            drop(thread.join());
        }
    }
}

fn guard(shared: &Shared, name: &str) {
    let deadline = Instant::now() + LIMIT;
    let mut state = shared.state();
    while !state.done {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            report(name, &state);
            std::process::abort();
        }
        let waited = shared.changed.wait_timeout(state, left);
        state = waited.unwrap_or_else(PoisonError::into_inner).0;
    }
}

/// Writes past the capture of the test harness, which an abort would lose.
fn report(name: &str, state: &State) {
    let mut text = format!("\nwatchdog: {name} has not ended after {LIMIT:?}; aborting\n");
    if let Some(note) = &state.note {
        text += &format!("  it was at: {note}\n");
    }
    for handle in &state.handles {
        text += &format!("  {handle:?}: {:#?}\n", handle.metrics());
    }
    text += &format!("  stacks: {:?}\n", lif_coro::stats());
    for task in fs::read_dir("/proc/self/task").into_iter().flatten().flatten() {
        let read = |file| fs::read_to_string(task.path().join(file)).unwrap_or_default();
        let (comm, stat) = (read("comm"), read("stat"));
        let run_state = stat.rsplit(") ").next().and_then(|rest| rest.chars().next());
        text += &format!("  thread {}: {:?} {}\n", comm.trim(), run_state, read("wchan"));
    }
    // Nothing is left to do if standard error is gone.
    drop(std::io::stderr().lock().write_all(text.as_bytes()));
}
