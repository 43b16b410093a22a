//! `RwLock`: many readers or one writer; neither starves the other.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::atomic::{AtomicBool, AtomicIsize, AtomicUsize, Ordering},
    thread,
    time::Duration,
};

use lif::sync::{Arc, RwLock, TryLockError};
use lif_tests::{panic_text, runtime, until, was_cancelled, watch, yield_until};

const ROUNDS: usize = if cfg!(debug_assertions) { 200 } else { 5_000 };

/// How many are inside: readers above nothing, a writer below.
#[derive(Default)]
struct Inside(AtomicIsize);

impl Inside {
    fn read(&self, f: impl FnOnce()) {
        assert!(self.0.fetch_add(1, Ordering::SeqCst) >= 0, "a reader beside a writer");
        f();
        self.0.fetch_sub(1, Ordering::SeqCst);
    }

    fn write(&self, f: impl FnOnce()) {
        assert_eq!(self.0.fetch_sub(1, Ordering::SeqCst), 0, "a writer beside others");
        f();
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[test]
fn readers_and_writers_of_all_kinds_exclude_each_other() {
    let watch = watch();
    let (one, many) = (runtime(1), runtime(3));
    watch.about(&one);
    watch.about(&many);
    let shared = Arc::new((RwLock::new(0usize), Inside::default(), AtomicUsize::new(0)));
    let job = |seed: usize| {
        let shared = Arc::clone(&shared);
        move || {
            let (lock, inside, writes) = &*shared;
            for round in 0..ROUNDS {
                let rest = || {
                    if (round + seed).is_multiple_of(5) {
                        lif::yield_now();
                    }
                };
                if (round + seed).is_multiple_of(4) {
                    let mut held = lock.write().unwrap();
                    inside.write(rest);
                    *held += 1;
                    writes.fetch_add(1, Ordering::Relaxed);
                } else {
                    let _held = lock.read().unwrap();
                    inside.read(rest);
                }
            }
        }
    };
    let coroutines: Vec<_> =
        (0..8).flat_map(|seed| [one.go(job(seed)), many.go(job(seed))]).collect();
    let threads: Vec<_> = (0..2).map(|seed| thread::spawn(job(seed))).collect();
    for coroutine in coroutines {
        coroutine.join().unwrap();
    }
    for thread in threads {
        thread.join().unwrap();
    }
    assert_eq!(*shared.0.read().unwrap(), shared.2.load(Ordering::Relaxed));
}

#[test]
fn a_writer_is_served_while_readers_follow_each_other() {
    let _watch = watch();
    let runtime = runtime(2);
    let (lock, stop) = (Arc::new(RwLock::new(0)), Arc::new(AtomicBool::new(false)));
    let readers: Vec<_> = (0..8)
        .map(|_| {
            let (lock, stop) = (Arc::clone(&lock), Arc::clone(&stop));
            runtime.go(move || {
                while !stop.load(Ordering::Relaxed) {
                    // They overlap, so that the lock is never free.
                    let _held = lock.read().unwrap();
                    lif::yield_now();
                }
            })
        })
        .collect();
    for _ in 0..20 {
        let lock = Arc::clone(&lock);
        runtime.go(move || *lock.write().unwrap() += 1).join().unwrap();
    }
    stop.store(true, Ordering::Relaxed);
    for reader in readers {
        reader.join().unwrap();
    }
    assert_eq!(*lock.read().unwrap(), 20);
}

#[test]
fn readers_are_served_while_writers_follow_each_other() {
    let _watch = watch();
    let runtime = runtime(2);
    let (lock, stop) = (Arc::new(RwLock::new(0)), Arc::new(AtomicBool::new(false)));
    let writers: Vec<_> = (0..3)
        .map(|_| {
            let (lock, stop) = (Arc::clone(&lock), Arc::clone(&stop));
            runtime.go(move || {
                while !stop.load(Ordering::Relaxed) {
                    let mut held = lock.write().unwrap();
                    *held += 1;
                    lif::yield_now();
                }
            })
        })
        .collect();
    for _ in 0..20 {
        let lock = Arc::clone(&lock);
        runtime.go(move || drop(lock.read().unwrap())).join().unwrap();
    }
    stop.store(true, Ordering::Relaxed);
    for writer in writers {
        writer.join().unwrap();
    }
}

#[test]
fn all_readers_that_wait_read_at_once() {
    let _watch = watch();
    runtime(1).run(|| {
        let lock = Arc::new(RwLock::new(()));
        let inside = Arc::new(AtomicUsize::new(0));
        let held = lock.write().unwrap();
        let readers: Vec<_> = (0..20)
            .map(|_| {
                let (lock, inside) = (Arc::clone(&lock), Arc::clone(&inside));
                lif::go(move || {
                    let _held = lock.read().unwrap();
                    inside.fetch_add(1, Ordering::SeqCst);
                    // Nobody goes on before all are there.
                    yield_until(|| inside.load(Ordering::SeqCst) == 20);
                })
            })
            .collect();
        for _ in 0..50 {
            lif::yield_now();
        }
        drop(held);
        for reader in readers {
            reader.join().unwrap();
        }
        assert!(lock.try_write().is_ok());
    });
}

#[test]
fn try_forms_never_wait() {
    let lock = RwLock::new(1);
    {
        let (_one, _two) = (lock.try_read().unwrap(), lock.try_read().unwrap());
        assert!(matches!(lock.try_write(), Err(TryLockError::WouldBlock)));
    }
    let held = lock.try_write().unwrap();
    assert!(matches!(lock.try_read(), Err(TryLockError::WouldBlock)));
    assert!(matches!(lock.try_write(), Err(TryLockError::WouldBlock)));
    assert!(format!("{lock:?}").contains("<locked>"));
    drop(held);
    assert!(format!("{lock:?}").contains("data: 1"));
}

#[test]
fn a_writer_that_panics_poisons_and_a_reader_does_not() {
    let lock = RwLock::new(1);
    let broken = catch_unwind(AssertUnwindSafe(|| {
        let _held = lock.read().unwrap();
        panic!("on purpose");
    }));
    broken.unwrap_err();
    assert!(!lock.is_poisoned());
    let broken = catch_unwind(AssertUnwindSafe(|| {
        let _held = lock.write().unwrap();
        panic!("on purpose");
    }));
    broken.unwrap_err();
    assert!(lock.is_poisoned() && lock.read().is_err() && lock.write().is_err());
    assert!(matches!(lock.try_read(), Err(TryLockError::Poisoned(_))));
    lock.clear_poison();
    assert_eq!(*lock.read().unwrap(), 1);
}

#[test]
fn a_cancelled_waiter_gets_its_share_and_is_told_later() {
    let _watch = watch();
    for write in [true, false] {
        runtime(1).run(move || {
            let lock = Arc::new(RwLock::new(0));
            let held = lock.write().unwrap();
            let other = Arc::clone(&lock);
            let got = Arc::new(AtomicBool::new(false));
            let started = Arc::new(AtomicBool::new(false));
            let (flag, begins) = (Arc::clone(&got), Arc::clone(&started));
            let waiter = lif::go(move || {
                begins.store(true, Ordering::SeqCst);
                if write {
                    drop(other.write().unwrap());
                } else {
                    drop(other.read().unwrap());
                }
                flag.store(true, Ordering::SeqCst);
                lif::sleep(Duration::MAX);
            });
            yield_until(|| started.load(Ordering::SeqCst));
            waiter.cancel();
            for _ in 0..4 {
                lif::yield_now();
            }
            assert!(!waiter.is_finished() && !got.load(Ordering::SeqCst));
            drop(held);
            assert!(was_cancelled(waiter.join()));
            assert!(got.load(Ordering::SeqCst));
            assert!(lock.try_write().is_ok());
        });
    }
}

#[test]
fn a_writer_that_reads_its_own_lock_panics() {
    let _watch = watch();
    runtime(1).run(|| {
        let lock = RwLock::new(());
        let _held = lock.write().unwrap();
        let text = panic_text(|| drop(lock.read())).unwrap();
        assert!(text.contains("holds itself"), "{text}");
    });
}

#[test]
fn a_thread_waits_for_a_coroutine_and_a_coroutine_for_a_thread() {
    let _watch = watch();
    let runtime = runtime(1);
    let lock = Arc::new(RwLock::new(0));
    let held = lock.write().unwrap();
    let other = Arc::clone(&lock);
    let (holds, on) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let (flag, go_on) = (Arc::clone(&holds), Arc::clone(&on));
    let coroutine = runtime.go(move || {
        let mut held = other.write().unwrap();
        flag.store(true, Ordering::SeqCst);
        yield_until(|| go_on.load(Ordering::SeqCst));
        *held += 1;
    });
    drop(held);
    until(|| holds.load(Ordering::SeqCst));
    let other = Arc::clone(&lock);
    let thread = thread::spawn(move || *other.read().unwrap());
    on.store(true, Ordering::SeqCst);
    assert_eq!(thread.join().unwrap(), 1);
    coroutine.join().unwrap();
}
