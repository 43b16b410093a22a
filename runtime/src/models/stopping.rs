//! The census: what is spawned while the runtime stops is refused, or runs before it is over.

use loom::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

use super::{
    census::{Census, Count, Phase},
    explore,
};

struct Runtime {
    census: Census,
    /// What the workers have spawned and finished.
    spawned: [Count; 2],
    finished: [Count; 2],
    /// New coroutines, in a queue whose push is seen by who takes from it.
    queue: AtomicU64,
    /// Somebody has found that nothing lives.
    over: AtomicU64,
}

impl Runtime {
    fn new() -> Arc<Runtime> {
        Arc::new(Runtime {
            census: Census::new(),
            spawned: Default::default(),
            finished: Default::default(),
            queue: AtomicU64::new(0),
            over: AtomicU64::new(0),
        })
    }

    fn lives(&self) -> u64 {
        let sum = |counts: &[Count; 2]| counts.iter().map(Count::get).sum::<u64>();
        self.census.lives(|| sum(&self.finished), || sum(&self.spawned))
    }

    fn take(&self) -> bool {
        let take = |queued: u64| queued.checked_sub(1);
        self.queue.fetch_update(Ordering::Acquire, Ordering::Relaxed, take).is_ok()
    }

    /// A coroutine of `worker` ends, and must not find that the runtime ended before.
    fn finish(&self, worker: usize) {
        assert_eq!(self.over.load(Ordering::Relaxed), 0, "it was over while something lived");
        self.finished[worker].add(1);
    }

    /// As `Shared::settle`.
    fn settle(&self) -> bool {
        let over = self.census.phase() == Phase::Stopping && self.lives() == 0;
        if over {
            self.over.store(1, Ordering::Relaxed);
        }
        over
    }

    /// As `Shared::inject`: true if the coroutine was queued.
    fn inject(&self) -> bool {
        let admitted = self.census.admit();
        if admitted {
            self.queue.fetch_add(1, Ordering::Release);
        }
        admitted
    }

    /// Everybody has stopped: unless it is over, what is left is done now. `inside` were spawned
    /// by workers.
    fn drain(&self, admitted: u64, inside: u64) {
        if self.over.load(Ordering::Relaxed) == 1 {
            assert_eq!(self.queue.load(Ordering::Relaxed), 0, "queued, and the workers have ended");
        } else {
            while self.take() {
                self.finish(0);
            }
            assert!(self.settle(), "nothing lives");
        }
        let finished: u64 = self.finished.iter().map(Count::get).sum();
        assert_eq!(finished, admitted + inside);
        assert_eq!(self.census.admitted(), admitted);
    }
}

fn spawner(runtime: &Arc<Runtime>) -> thread::JoinHandle<bool> {
    let runtime = Arc::clone(runtime);
    thread::spawn(move || runtime.inject())
}

#[test]
fn what_is_admitted_runs_before_the_workers_end() {
    explore(|| {
        let runtime = Runtime::new();
        let spawners = [spawner(&runtime), spawner(&runtime)];
        let worker = {
            let runtime = Arc::clone(&runtime);
            thread::spawn(move || {
                while runtime.take() {
                    runtime.finish(0);
                }
                runtime.settle();
            })
        };
        assert!(runtime.census.enter(Phase::Stopping));
        let admitted = spawners.map(|spawner| u64::from(spawner.join().unwrap()));
        worker.join().unwrap();
        runtime.drain(admitted.iter().sum(), 0);
    });
}

#[test]
fn who_stops_and_counts_at_once_misses_no_spawn() {
    explore(|| {
        let runtime = Runtime::new();
        let spawner = spawner(&runtime);
        assert!(runtime.census.enter(Phase::Stopping));
        runtime.settle();
        let admitted = spawner.join().unwrap();
        runtime.drain(u64::from(admitted), 0);
    });
}

#[test]
fn a_child_that_another_worker_runs_is_counted_until_it_ends() {
    explore(|| {
        let runtime = Runtime::new();
        runtime.spawned[0].add(1);
        assert!(runtime.census.enter(Phase::Stopping));
        let parent = {
            let runtime = Arc::clone(&runtime);
            thread::spawn(move || {
                runtime.spawned[0].add(1);
                runtime.queue.fetch_add(1, Ordering::Release);
                runtime.finish(0);
            })
        };
        let child = {
            let runtime = Arc::clone(&runtime);
            thread::spawn(move || {
                if runtime.take() {
                    runtime.finish(1);
                }
            })
        };
        runtime.settle();
        parent.join().unwrap();
        child.join().unwrap();
        runtime.drain(0, 2);
    });
}

// Seen to fail when:
//
// | in census.rs | what was broken |
// |---|---|
// | `admit` | no fence |
// | `lives` | adds up the spawned before the finished |
//
// Not seen to fail: `lives` without its first fence, and `Count` Relaxed, while the other fences
// stand.
