//! What a server's handle, its accept loops and its connections share: the limit, the rolls, the
//! counts, and whether it is over. Accepts nothing itself.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicI32, AtomicU64, AtomicUsize, Ordering},
    },
};

use crossbeam_utils::CachePadded;

use super::{ServeMetrics, gate::Gate, roll::Roll};
use crate::{
    cancel::Reason,
    current,
    sched::{inbox::Inbox, shared::Shared},
    task::join::JoinHandle,
    thread::Thread,
};

/// See the module.
pub(super) struct Core {
    pub(super) addr: SocketAddr,
    runtime: u32,
    pub(super) gate: Gate,
    /// By worker.
    rolls: Box<[CachePadded<Roll>]>,
    loops: Mutex<Loops>,
    /// Accept loops that have not let go of their listeners.
    accepting: AtomicUsize,
    pub(super) counts: Counts,
    /// The code of the error with which the first accept loop has given up; zero if none has.
    broken: AtomicI32,
}

#[derive(Default)]
struct Loops {
    handles: Vec<JoinHandle<()>>,
    told: bool,
}

/// What happens seldom.
#[derive(Default)]
pub(super) struct Counts {
    pub(super) panicked: AtomicU64,
    pub(super) cancelled: AtomicU64,
    pub(super) aborted: AtomicU64,
    pub(super) exhausted: AtomicU64,
    pub(super) held_back: AtomicU64,
}

impl Counts {
    /// One more.
    pub(super) fn add(count: &AtomicU64) {
        // ORDER: Relaxed: a count.
        count.fetch_add(1, Ordering::Relaxed);
    }

    fn get(count: &AtomicU64) -> u64 {
        // ORDER: Relaxed: a count.
        count.load(Ordering::Relaxed)
    }
}

impl Core {
    pub(super) fn new(addr: SocketAddr, most: usize, shared: &Shared) -> Core {
        Core {
            addr,
            runtime: shared.id,
            gate: Gate::new(most),
            rolls: shared.workers.iter().map(|_| CachePadded::default()).collect(),
            loops: Mutex::default(),
            accepting: AtomicUsize::new(0),
            counts: Counts::default(),
            broken: AtomicI32::new(0),
        }
    }

    fn loops(&self) -> MutexGuard<'_, Loops> {
        self.loops.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The roll of a worker.
    pub(super) fn roll(&self, worker: usize) -> &Roll {
        &self.rolls[worker]
    }

    /// An accept loop, so that it can be told to end.
    pub(super) fn add_loop(&self, handle: JoinHandle<()>) {
        self.loops().handles.push(handle);
    }

    /// Tells the accept loops to end.
    pub(super) fn stop(&self) {
        let mut loops = self.loops();
        if !std::mem::replace(&mut loops.told, true) {
            for handle in &loops.handles {
                handle.cancel();
            }
        }
    }

    /// Whether they were told.
    pub(super) fn is_stopping(&self) -> bool {
        self.loops().told
    }

    /// Cancels all connections, and those that have yet to begin.
    pub(super) fn cancel(&self, reason: Reason) {
        for roll in &self.rolls {
            roll.cancel(reason);
        }
    }

    /// An accept loop cannot go on.
    pub(super) fn broke(&self, error: &io::Error) {
        let code = error.raw_os_error().unwrap_or(libc::EINVAL);
        // ORDER: Release: partner is the Acquire in `failure`. The first stays.
        let _first = self.broken.compare_exchange(0, code, Ordering::Release, Ordering::Relaxed);
    }

    /// The error that has ended an accept loop.
    pub(super) fn failure(&self) -> Option<io::Error> {
        // ORDER: Acquire: partner is the Release in `broke`.
        let code = self.broken.load(Ordering::Acquire);
        (code != 0).then(|| io::Error::from_raw_os_error(code))
    }

    /// How many accept loops have not ended.
    pub(super) fn accepting(&self) -> usize {
        // ORDER: Acquire: partner is the Release in the drop of `Running`: who sees that a loop has
        // ended sees the connections that it has let in.
        self.accepting.load(Ordering::Acquire)
    }

    /// Whether nothing is accepted any more and no connection lives.
    pub(super) fn is_over(&self) -> bool {
        self.accepting() == 0 && self.gate.inside() == 0
    }

    /// What has been counted.
    pub(super) fn metrics(&self) -> ServeMetrics {
        let counts = &self.counts;
        ServeMetrics {
            acceptors: self.accepting(),
            live: self.gate.inside(),
            accepted: self.rolls.iter().map(|roll| roll.accepted()).sum(),
            panicked: Counts::get(&counts.panicked),
            cancelled: Counts::get(&counts.cancelled),
            aborted: Counts::get(&counts.aborted),
            exhausted: Counts::get(&counts.exhausted),
            held_back: Counts::get(&counts.held_back),
        }
    }

    /// Aborts if the caller unwinds, and so blocks its worker, and waits for what lives there.
    pub(super) fn check_reachable(&self) {
        let Some(me) = current::task().filter(|_| std::thread::panicking()) else {
            return;
        };
        let here = current::with_worker(|worker| {
            worker.is_some_and(|worker| {
                let ours = worker.shared().id == self.runtime;
                ours && (!self.rolls[worker.index()].is_empty() || self.accepts_on(worker.inbox()))
            })
        });
        if here && !self.is_over() {
            let me = Thread::of(me);
            eprintln!(
                "lif: {me:?} is unwinding and waits for the server on {}, part of which lives on \
                 the same worker and can never run while this one blocks it: aborting",
                self.addr
            );
            std::process::abort();
        }
    }

    fn accepts_on(&self, inbox: &'static Inbox) -> bool {
        self.loops().handles.iter().any(|handle| {
            let home = handle.thread().task_ref().task().home();
            !handle.is_finished() && home.is_some_and(|home| std::ptr::eq(home, inbox))
        })
    }
}

/// An accept loop that counts as running until this is dropped.
pub(super) struct Running(Arc<Core>);

impl Running {
    pub(super) fn new(core: &Arc<Core>) -> Running {
        // ORDER: Relaxed: before the loop is spawned.
        core.accepting.fetch_add(1, Ordering::Relaxed);
        Running(Arc::clone(core))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // ORDER: Release: partner is the Acquire in `accepting`.
        self.0.accepting.fetch_sub(1, Ordering::Release);
        self.0.gate.quiet.notify();
    }
}
