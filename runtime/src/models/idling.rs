//! The sleep protocol: no new coroutine waits while a worker sleeps and nobody looks for it.
//!
//! All deques are one counter without any ordering, so that whatever is seen of it is seen by the
//! fences of the protocol. A worker that finds nothing sleeps, which here ends its thread; at the
//! end, when nobody else moves, those that were nudged go on one after the other.

use loom::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use super::{
    explore,
    idle::{Idle, Role},
    join,
};

struct Workers {
    idle: Idle,
    /// What waits on deques.
    work: AtomicUsize,
    /// A nudge for each worker. It is a mailbox in truth, whose lock orders.
    nudged: [AtomicUsize; 2],
}

/// What a worker does with what it finds.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Found {
    /// It is soon done, and the worker looks for more.
    Short,
    /// It lasts until the end of the model: others have to take what else there is.
    Long,
}

impl Workers {
    fn new() -> Arc<Workers> {
        Arc::new(Workers {
            idle: Idle::new(2),
            work: AtomicUsize::new(0),
            nudged: [AtomicUsize::new(0), AtomicUsize::new(0)],
        })
    }

    fn visible(&self) -> bool {
        self.work.load(Ordering::Relaxed) > 0
    }

    fn take(&self) -> bool {
        let take = |work: usize| work.checked_sub(1);
        self.work.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok()
    }

    fn nudge(&self, claimed: Option<usize>) {
        if let Some(worker) = claimed {
            // A read-modify-write, so that loom knows in which order these come.
            self.nudged[worker].swap(1, Ordering::Release);
        }
    }

    /// As `Shared::work_pushed`, after the push.
    fn push(&self) {
        self.work.fetch_add(1, Ordering::Relaxed);
        self.nudge(self.idle.pushed());
    }

    /// Turns of `worker`, as in `Worker::idle`, until it sleeps (true) or is busy for good.
    fn turn(&self, worker: usize, mut role: Role, found: Found) -> bool {
        loop {
            if self.take() {
                if role == Role::Searcher {
                    role = Role::Worker;
                    self.nudge(self.idle.found(|| self.visible()));
                }
                if found == Found::Long {
                    return false;
                }
                continue;
            }
            role = self.idle.sleep(worker, role, || self.visible());
            if role == Role::Worker {
                return true;
            }
        }
    }

    /// A sleeper that was nudged goes on; false if it was not.
    fn wake(&self, worker: usize, found: Found) -> bool {
        if self.nudged[worker].swap(0, Ordering::Acquire) == 0 {
            return false;
        }
        // A plain worker, if the nudge is from a claim that it has noticed by itself.
        let role = self.idle.woke(worker);
        let _sleeps = self.turn(worker, role, found);
        true
    }

    /// Everybody has stopped: those that have been nudged go on until nobody has.
    fn settle(&self, found: Found) {
        while (0..2).any(|worker| self.wake(worker, found)) {}
    }
}

fn pusher(workers: &Arc<Workers>, pushes: usize) -> thread::JoinHandle<()> {
    let workers = Arc::clone(workers);
    thread::spawn(move || (0..pushes).for_each(|_| workers.push()))
}

/// A worker that sleeps, and looks once more whether it was nudged.
fn worker(workers: &Arc<Workers>, me: usize) -> thread::JoinHandle<()> {
    let workers = Arc::clone(workers);
    thread::spawn(move || {
        if workers.turn(me, Role::Worker, Found::Short) {
            let _nudged = workers.wake(me, Found::Short);
        }
    })
}

#[test]
fn two_workers_do_not_sleep_over_a_push() {
    explore(|| {
        let workers = Workers::new();
        let others = [worker(&workers, 0), worker(&workers, 1)];
        workers.push();
        workers.push();
        join(others);
        workers.settle(Found::Short);
        assert!(!workers.visible(), "work waits and nobody looks");
        assert_eq!(workers.idle.sleeping(), 2);
    });
}

#[test]
fn one_worker_does_not_sleep_over_two_pushers() {
    explore(|| {
        let workers = Workers::new();
        let other = worker(&workers, 0);
        let pushers = [pusher(&workers, 1), pusher(&workers, 1)];
        join(pushers);
        other.join().unwrap();
        workers.settle(Found::Short);
        assert!(!workers.visible(), "work waits and nobody looks");
        assert_eq!(workers.idle.sleeping(), 1);
    });
}

#[test]
fn a_searcher_that_leaves_for_long_wakes_the_next() {
    explore(|| {
        let workers = Workers::new();
        for sleeper in [0, 1] {
            assert!(workers.turn(sleeper, Role::Worker, Found::Long));
        }
        // Claims the last of them, which searches from here on: the pushers wake nobody for it.
        workers.push();
        let searcher = {
            let workers = Arc::clone(&workers);
            thread::spawn(move || assert!(workers.wake(1, Found::Long)))
        };
        let pusher = pusher(&workers, 1);
        searcher.join().unwrap();
        pusher.join().unwrap();
        workers.settle(Found::Long);
        assert!(!workers.visible(), "work waits behind a long one, and a worker sleeps");
    });
}

#[test]
fn a_searcher_that_gives_up_sees_what_was_pushed_because_of_it() {
    explore(|| {
        let workers = Workers::new();
        assert!(workers.turn(0, Role::Worker, Found::Short));
        workers.push();
        // Somebody else has taken it.
        assert!(workers.take());
        let searcher = {
            let workers = Arc::clone(&workers);
            thread::spawn(move || assert!(workers.wake(0, Found::Short)))
        };
        let pusher = pusher(&workers, 1);
        searcher.join().unwrap();
        pusher.join().unwrap();
        workers.settle(Found::Short);
        assert!(!workers.visible(), "work waits and nobody looks");
    });
}

// Seen to fail when:
//
// | in idle.rs | what was broken |
// |---|---|
// | `pushed` | no fence |
// | `sleep` | no fence; does not look after the announcement |
// | `found` | no fence; does not look for more |
// | `rise` | takes a claimed worker for a plain one |
//
// Not seen to fail: `claim` without its second look at the searchers, which spares a wake and no
// more.
