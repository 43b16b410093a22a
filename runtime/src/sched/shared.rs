//! What the workers of one runtime share: the injector, the stealers, the phase, the counts.
//!
//! Who counts what, so that a runtime knows when it is over, stands in [`census`](super::census).

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU32, AtomicU64, Ordering, fence},
    },
    time::{Duration, Instant},
};

use crossbeam_deque::{Injector, Stealer};
use crossbeam_utils::CachePadded;
use lif_coro::StackSize;

use super::{
    census::{Census, Count, Phase},
    idle::Idle,
    inbox::Inbox,
};
use crate::{
    cancel,
    task::{
        header::{HEADERS, Task, Waker},
        state::Stage,
        wait::{Kind, Wait, Waited},
    },
    time::clock,
};

/// What others may touch of a worker.
pub(crate) struct Remote {
    pub(crate) inbox: &'static Inbox,
    pub(crate) stealer: Stealer<Task>,
    pub(crate) counts: CachePadded<Counts>,
}

impl Remote {
    /// How many coroutines live here, or can live nowhere else: an estimate.
    pub(crate) fn load(&self) -> u64 {
        // ORDER: Relaxed: an estimate.
        let handed = self.counts.handed.load(Ordering::Relaxed);
        self.counts.residents.get() + handed.saturating_sub(self.counts.accepted.get())
    }

    /// Sends new coroutines, whose home this has been made.
    pub(crate) fn hand(&self, tasks: &mut Vec<Task>) {
        // ORDER: Relaxed: an estimate.
        self.counts.handed.fetch_add(tasks.len() as u64, Ordering::Relaxed);
        self.inbox.push_all(tasks);
    }
}

/// Written by their worker alone, with a load and a store; read by anyone.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) spawned: Count,
    pub(crate) finished: Count,
    pub(crate) panicked: Count,
    pub(crate) cancelled: Count,
    pub(crate) stolen: Count,
    pub(crate) residents: Count,
    pub(crate) polls: Count,
    pub(crate) events: Count,
    pub(crate) stale_events: Count,
    pub(crate) timers: Count,
    /// New coroutines that this worker took from its inbox.
    pub(crate) accepted: Count,
    /// New coroutines that others have put there; written by them.
    pub(crate) handed: AtomicU64,
}

/// See the module.
pub(crate) struct Shared {
    pub(crate) id: u32,
    pub(crate) workers: Box<[Remote]>,
    pub(crate) injector: Injector<Task>,
    pub(crate) idle: Idle,
    pub(crate) stack_size: StackSize,
    census: Census,
    /// When fallible waits begin to unwind, by the clock; only meaningful when stopping.
    hard_at: AtomicU64,
    pub(crate) quiet: Watch,
    pub(crate) ended: Watch,
    /// Workers whose thread has left the loop.
    gone: AtomicU32,
    pub(crate) blocking: crate::blocking::Pool,
}

impl Shared {
    pub(crate) fn new(
        workers: Box<[Remote]>,
        stack_size: StackSize,
        blocking: crate::blocking::Pool,
    ) -> Shared {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        Shared {
            // ORDER: Relaxed: only that each runtime gets another number matters.
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            injector: Injector::new(),
            idle: Idle::new(workers.len()),
            workers,
            stack_size,
            census: Census::new(),
            hard_at: AtomicU64::new(u64::MAX),
            quiet: Watch::default(),
            ended: Watch::default(),
            gone: AtomicU32::new(0),
            blocking,
        }
    }

    /// How far it is on its way down.
    #[inline]
    pub(crate) fn phase(&self) -> Phase {
        self.census.phase()
    }

    /// Goes on to `phase`, never back, and makes every worker look.
    fn enter(&self, phase: Phase) {
        if self.census.enter(phase) {
            self.nudge_all();
        }
    }

    fn nudge_all(&self) {
        for worker in &self.workers {
            worker.inbox.nudge();
        }
    }

    /// Refuses new coroutines and cancels those that live. From `grace` on their fallible waits
    /// unwind as well.
    pub(crate) fn stop(&self, grace: Duration) {
        let grace = u64::try_from(grace.as_nanos()).unwrap_or(u64::MAX);
        // ORDER: Relaxed: published by the Release in `Census::enter`; a second stop may shorten it.
        self.hard_at.fetch_min(clock::now().saturating_add(grace), Ordering::Relaxed);
        self.enter(Phase::Stopping);
        // A second stop with a shorter grace has to be noticed too.
        self.nudge_all();
    }

    /// Whether the grace has run out, by `now`.
    pub(crate) fn is_hard(&self, now: u64) -> bool {
        // ORDER: Relaxed: a number; ordered by the Acquire in `Census::phase`.
        now >= self.hard_at.load(Ordering::Relaxed)
    }

    /// Gives up on what still lives.
    pub(crate) fn abandon(&self) {
        self.enter(Phase::Abandoned);
    }

    /// Queues a new coroutine from outside the workers; false if the runtime is stopping.
    #[must_use = "a coroutine that was refused must be ended"]
    pub(crate) fn inject(&self, task: Task) -> bool {
        if !self.census.admit() {
            // Workers that have just added up counted this one as alive.
            self.nudge_all();
            return false;
        }
        task.word.spawned();
        self.injector.push(task);
        match &*self.workers {
            // A lone worker has nobody to share sleep with: its mailbox alone says that it sleeps.
            [lone] => lone.inbox.nudge(),
            _ => self.work_pushed(),
        }
        true
    }

    /// Something was pushed on a deque or the injector.
    pub(crate) fn work_pushed(&self) {
        if let Some(worker) = self.idle.pushed() {
            self.workers[worker].inbox.nudge();
        }
    }

    /// Whether a new coroutine waits where anybody may take it.
    pub(crate) fn work_visible(&self) -> bool {
        !self.injector.is_empty() || self.workers.iter().any(|worker| !worker.stealer.is_empty())
    }

    /// How many coroutines each worker would have if all had the same, with `coming` more than
    /// there are, and the worker that has fewest, with how many it has.
    pub(crate) fn shares(&self, coming: u64) -> (u64, usize, u64) {
        let (mut total, mut roomiest, mut least) = (coming, 0, u64::MAX);
        for (index, load) in self.workers.iter().map(Remote::load).enumerate() {
            total += load;
            if load < least {
                (roomiest, least) = (index, load);
            }
        }
        (total.div_ceil(self.workers.len() as u64), roomiest, least)
    }

    /// How many coroutines live; exact if it is zero.
    pub(crate) fn lives(&self) -> u64 {
        let finished = || self.sum(|counts| counts.finished.get());
        let spawned = || self.sum(|counts| counts.spawned.get());
        self.census.lives(finished, spawned)
    }

    pub(crate) fn sum(&self, of: impl Fn(&Counts) -> u64) -> u64 {
        self.workers.iter().map(|worker| of(&worker.counts)).sum()
    }

    /// How many coroutines were spawned.
    pub(crate) fn spawned(&self) -> u64 {
        self.census.admitted() + self.sum(|counts| counts.spawned.get())
    }

    /// Called by a worker with nothing to do: tells those who wait for that, and ends a runtime
    /// that stops.
    pub(crate) fn settle(&self) {
        let stopping = self.phase() == Phase::Stopping;
        if (stopping || self.quiet.is_watched()) && self.lives() == 0 {
            self.quiet.notify();
            if stopping {
                self.enter(Phase::Done);
            }
        }
    }

    /// A worker has left its loop.
    pub(crate) fn worker_gone(&self) {
        // ORDER: Release: partner is the Acquire in `workers_gone`.
        self.gone.fetch_add(1, Ordering::Release);
        self.ended.notify();
    }

    /// Whether all workers have left their loops.
    pub(crate) fn workers_gone(&self) -> bool {
        // ORDER: Acquire: partner is the Release in `worker_gone`.
        self.gone.load(Ordering::Acquire) as usize == self.workers.len()
    }

    /// Every coroutine of this runtime that has been spawned and has not finished.
    pub(crate) fn unfinished(&self) -> impl Iterator<Item = crate::task::header::TaskRef> {
        let id = self.id;
        HEADERS.all().filter_map(|task| task.try_ref()).filter(move |found| {
            let task = found.task();
            let here = !task.is_thread() && task.meta().runtime == id;
            here && !task.join.is_done() && task.word.stage() != Stage::Ready
        })
    }
}

/// A list of those who wait for a condition that others make true.
#[derive(Default)]
pub(crate) struct Watch {
    watched: AtomicU32,
    wakers: Mutex<Vec<Waker>>,
}

impl Watch {
    /// Whether anybody waits.
    pub(crate) fn is_watched(&self) -> bool {
        // ORDER: SeqCst fence: partner is the fence in `wait`: who has changed the condition and
        // then looks here, or has announced itself here and then looks at the condition, one of
        // the two sees the other.
        fence(Ordering::SeqCst);
        // ORDER: Relaxed: ordered by the fence.
        self.watched.load(Ordering::Relaxed) > 0
    }

    /// Lets all that wait look again.
    pub(crate) fn notify(&self) {
        if self.is_watched() {
            let wakers = std::mem::take(&mut *self.wakers());
            for waker in wakers {
                waker.wake();
            }
        }
    }

    fn wakers(&self) -> std::sync::MutexGuard<'_, Vec<Waker>> {
        self.wakers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Parks the caller, uninterruptibly, until `reached` says so (true) or the deadline passes.
    pub(crate) fn wait(&self, deadline: Option<Instant>, reached: impl Fn() -> bool) -> bool {
        self.wait_for(Kind::Uninterruptible, deadline, reached)
    }

    /// Parks the caller until `reached` says so. When the caller is cancelled, it unwinds.
    pub(crate) fn wait_cancellable(&self, reached: impl Fn() -> bool) {
        cancel::check_unwind();
        while !self.wait_for(cancel::infallible(), None, &reached) {
            cancel::check_unwind();
        }
    }

    /// Parks the caller until `reached` says so (true) or the deadline passes. When the caller is
    /// cancelled, it unwinds.
    pub(crate) fn wait_cancellable_until(
        &self,
        deadline: Option<Instant>,
        reached: impl Fn() -> bool,
    ) -> bool {
        cancel::check_unwind();
        while !self.wait_for(cancel::infallible(), deadline, &reached) {
            cancel::check_unwind();
            if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                return reached();
            }
        }
        true
    }

    /// False if the wait has ended before: by its deadline, or by a cancellation.
    fn wait_for(&self, kind: Kind, deadline: Option<Instant>, reached: impl Fn() -> bool) -> bool {
        // ORDER: Relaxed: ordered by the fence.
        self.watched.fetch_add(1, Ordering::Relaxed);
        // ORDER: SeqCst fence: partner is the fence in `is_watched`.
        fence(Ordering::SeqCst);
        let mut waited = Waited::Woken;
        let mut done = reached();
        while !done && waited == Waited::Woken {
            let wait = Wait::begin(kind);
            self.wakers().push(wait.waker());
            if !reached() {
                waited = wait.park(deadline);
            }
            done = reached();
        }
        // ORDER: Relaxed: who still notifies finds an empty list, or stale wakers.
        if self.watched.fetch_sub(1, Ordering::Relaxed) == 1 && !done {
            // Our waker is stale; nobody else's is there.
            self.wakers().retain(|waker| !waker.is_stale());
        }
        done
    }
}
