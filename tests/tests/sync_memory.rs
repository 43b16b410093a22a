//! What a wait costs in memory: nothing. A program of its own, as it counts every allocation.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use lif::sync::{Arc, Barrier, Condvar, Mutex, Notify, RwLock, Semaphore};
use lif_tests::{runtime, watch};

struct Counting;

static ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);

// SAFETY: it hands everything to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's duty is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: as above; `at` comes from `alloc`.
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Waits of every kind, each of which parks: the two take turns.
struct Kinds {
    mutex: Mutex<u64>,
    lock: RwLock<u64>,
    turn: (Mutex<bool>, Condvar),
    barrier: Barrier,
    semaphore: Semaphore,
    notify: [Notify; 2],
}

fn take_turns(kinds: &Kinds, me: bool, rounds: usize) {
    for _ in 0..rounds {
        {
            let mut held = kinds.mutex.lock().unwrap();
            lif::yield_now();
            *held += 1;
        }
        {
            let mut held = kinds.lock.write().unwrap();
            lif::yield_now();
            *held += 1;
        }
        drop(kinds.lock.read().unwrap());
        {
            let turn = kinds.turn.0.lock().unwrap();
            let mut turn = kinds.turn.1.wait_while(turn, |turn| *turn != me).unwrap();
            *turn = !me;
            kinds.turn.1.notify_all();
        }
        kinds.barrier.wait();
        {
            let _permit = kinds.semaphore.acquire();
            lif::yield_now();
        }
        kinds.notify[usize::from(!me)].notify_one();
        kinds.notify[usize::from(me)].wait();
        kinds.notify[usize::from(me)].wait_timeout(Duration::ZERO);
    }
}

#[test]
fn a_wait_allocates_nothing() {
    let _watch = watch();
    for workers in [1, 2] {
        let runtime = runtime(workers);
        let kinds = Arc::new(Kinds {
            mutex: Mutex::new(0),
            lock: RwLock::new(0),
            turn: (Mutex::new(false), Condvar::new()),
            barrier: Barrier::new(2),
            semaphore: Semaphore::new(1),
            notify: [Notify::new(), Notify::new()],
        });
        let counted = [false, true].map(|me| {
            let kinds = Arc::clone(&kinds);
            runtime.go(move || {
                // What workers keep (queues, timers) grows to its size first.
                take_turns(&kinds, me, 100);
                kinds.barrier.wait();
                let before = ALLOCATIONS.load(Ordering::Relaxed);
                kinds.barrier.wait();
                take_turns(&kinds, me, 1000);
                kinds.barrier.wait();
                ALLOCATIONS.load(Ordering::Relaxed) - before
            })
        });
        let counted = counted.map(|one| one.join().unwrap());
        assert_eq!(counted, [0, 0], "{workers} workers");
    }
}
