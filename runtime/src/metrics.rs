//! What a runtime has counted.

use crate::sched::shared::{Counts, Shared};

/// Counts of a runtime, from its start on. They are read one after the other while the runtime
/// runs, so they need not fit together to the last one; `live` is exact when it is zero.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Metrics {
    /// Workers.
    pub workers: usize,
    /// Workers that sleep, of a runtime with several.
    pub sleeping: usize,
    /// Coroutines that have been spawned and have not ended.
    pub live: usize,
    /// Coroutines that have been started and live, by worker.
    pub residents: Vec<usize>,
    /// Coroutines that were spawned.
    pub spawned: u64,
    /// Coroutines that have ended.
    pub finished: u64,
    /// Of these, those that have panicked.
    pub panicked: u64,
    /// Of these, those that were unwound because of a cancellation, or never started.
    pub cancelled: u64,
    /// New coroutines that a worker has taken from another.
    pub stolen: u64,
    /// New coroutines that a worker has handed to another, mostly to one with less to do.
    pub handed: u64,
    /// Calls of the pollers.
    pub polls: u64,
    /// Events that the pollers have reported.
    pub events: u64,
    /// Of these, those for registrations that were gone, and were dropped.
    pub stale_events: u64,
    /// Waits that a timer has ended.
    pub timers: u64,
    /// Threads for blocking jobs.
    pub blocking_threads: usize,
}

impl Metrics {
    pub(crate) fn of(shared: &Shared) -> Metrics {
        let size = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        let sum = |of: fn(&Counts) -> u64| shared.sum(of);
        // ORDER: Relaxed: for reports.
        let handed = |counts: &Counts| counts.handed.load(std::sync::atomic::Ordering::Relaxed);
        Metrics {
            workers: shared.workers.len(),
            sleeping: shared.idle.sleeping(),
            live: size(shared.lives()),
            residents: shared.workers.iter().map(|at| size(at.counts.residents.get())).collect(),
            finished: sum(|counts| counts.finished.get()),
            panicked: sum(|counts| counts.panicked.get()),
            cancelled: sum(|counts| counts.cancelled.get()),
            stolen: sum(|counts| counts.stolen.get()),
            handed: sum(handed),
            polls: sum(|counts| counts.polls.get()),
            events: sum(|counts| counts.events.get()),
            stale_events: sum(|counts| counts.stale_events.get()),
            timers: sum(|counts| counts.timers.get()),
            spawned: shared.spawned(),
            blocking_threads: shared.blocking.threads(),
        }
    }
}
