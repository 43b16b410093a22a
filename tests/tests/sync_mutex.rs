//! `Mutex`: one at a time, whoever they are; none starves; poisoning, cancellation and unwinding.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    thread,
    time::{Duration, Instant},
};

use lif::sync::{Arc, Mutex, TryLockError};
use lif_tests::{alone, panic_text, runtime, servants, until, was_cancelled, watch, yield_until};

/// Fewer where the code is slow.
const ROUNDS: u64 = if cfg!(debug_assertions) { 200 } else { 10_000 };

/// Adds to `count`, and sees that nobody else does meanwhile.
fn add(count: &Mutex<u64>, inside: &AtomicBool, rest: bool) {
    let mut held = count.lock().unwrap();
    assert!(!inside.swap(true, Ordering::Relaxed), "two have the lock");
    if rest {
        // Another coroutine of the worker runs while the lock is held.
        lif::yield_now();
    }
    *held += 1;
    inside.store(false, Ordering::Relaxed);
}

#[test]
fn a_thousand_coroutines_count_exactly() {
    let _watch = watch();
    let runtime = runtime(4);
    let count = Arc::new(Mutex::new(0u64));
    let all: Vec<_> = (0..1000)
        .map(|_| {
            let count = Arc::clone(&count);
            runtime.go(move || {
                for _ in 0..ROUNDS {
                    *count.lock().unwrap() += 1;
                }
            })
        })
        .collect();
    for one in all {
        one.join().unwrap();
    }
    assert_eq!(*count.lock().unwrap(), 1000 * ROUNDS);
}

#[test]
fn coroutines_of_two_runtimes_and_threads_exclude_each_other() {
    let watch = watch();
    let (one, many) = (runtime(1), runtime(3));
    watch.about(&one);
    watch.about(&many);
    let shared = Arc::new((Mutex::new(0u64), AtomicBool::new(false)));
    let job = |seed: u64| {
        let shared = Arc::clone(&shared);
        move || {
            for round in 0..ROUNDS {
                add(&shared.0, &shared.1, (round + seed).is_multiple_of(8));
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
    assert_eq!(*shared.0.lock().unwrap(), 18 * ROUNDS);
}

#[test]
fn a_waiter_is_served_while_others_never_let_the_lock_rest() {
    let _watch = watch();
    let runtime = runtime(2);
    let (mutex, stop) = (Arc::new(Mutex::new(())), Arc::new(AtomicBool::new(false)));
    // They take it again at once, and never wait while it is free.
    let hogs: Vec<_> = (0..2)
        .map(|_| {
            let (mutex, stop) = (Arc::clone(&mutex), Arc::clone(&stop));
            thread::spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    let held = mutex.lock().unwrap();
                    let until = Instant::now() + Duration::from_micros(50);
                    while Instant::now() < until {
                        std::hint::spin_loop();
                    }
                    drop(held);
                }
            })
        })
        .collect();
    let served: Vec<_> = (0..4)
        .map(|_| {
            let mutex = Arc::clone(&mutex);
            runtime.go(move || {
                for _ in 0..10 {
                    drop(mutex.lock().unwrap());
                }
            })
        })
        .collect();
    for one in served {
        one.join().unwrap();
    }
    stop.store(true, Ordering::Relaxed);
    for hog in hogs {
        hog.join().unwrap();
    }
}

#[test]
fn try_lock_tells_held_from_poisoned() {
    let _watch = watch();
    let mutex = Arc::new(Mutex::new(1));
    let held = mutex.lock().unwrap();
    assert!(matches!(mutex.try_lock(), Err(TryLockError::WouldBlock)));
    assert!(format!("{mutex:?}").contains("<locked>"));
    drop(held);
    let other = Arc::clone(&mutex);
    runtime(1).run(move || {
        let broken = lif::go(move || {
            let _held = other.lock().unwrap();
            panic!("on purpose");
        });
        broken.join().unwrap_err();
    });
    assert!(mutex.is_poisoned());
    assert!(matches!(mutex.try_lock(), Err(TryLockError::Poisoned(_))));
    assert_eq!(*mutex.lock().unwrap_err().into_inner(), 1);
    mutex.clear_poison();
    assert_eq!(*mutex.try_lock().unwrap(), 1);
    assert!(!mutex.is_poisoned());
}

#[test]
fn poison_is_told_by_get_mut_and_into_inner_too() {
    let mut mutex = Mutex::new(1);
    let broken = catch_unwind(AssertUnwindSafe(|| {
        let _held = mutex.lock().unwrap();
        panic!("on purpose");
    }));
    broken.unwrap_err();
    assert_eq!(**mutex.get_mut().unwrap_err().get_ref(), 1);
    assert_eq!(mutex.into_inner().unwrap_err().into_inner(), 1);
}

#[test]
fn a_guard_taken_while_unwinding_does_not_poison() {
    struct Locks<'a>(&'a Mutex<u32>);
    impl Drop for Locks<'_> {
        fn drop(&mut self) {
            *self.0.lock().unwrap() += 1;
        }
    }
    let mutex = Mutex::new(0);
    let broken = catch_unwind(AssertUnwindSafe(|| {
        let _locks = Locks(&mutex);
        panic!("on purpose");
    }));
    broken.unwrap_err();
    assert_eq!(*mutex.lock().unwrap(), 1);
}

#[test]
fn a_cancellation_that_unwinds_the_holder_poisons() {
    let _watch = watch();
    runtime(1).run(|| {
        let mutex = Arc::new(Mutex::new(1));
        let other = Arc::clone(&mutex);
        let holder = lif::go(move || {
            let _held = other.lock().unwrap();
            lif::sleep(Duration::MAX);
        });
        yield_until(|| mutex.try_lock().is_err());
        holder.cancel();
        assert!(was_cancelled(holder.join()));
        assert!(mutex.is_poisoned());
        assert!(matches!(mutex.try_lock(), Err(TryLockError::Poisoned(_))), "no lock is left held");
    });
}

#[test]
fn a_cancelled_waiter_gets_the_lock_and_is_told_later() {
    let _watch = watch();
    for before in [true, false] {
        runtime(1).run(move || {
            let mutex = Arc::new(Mutex::new(0));
            let held = mutex.lock().unwrap();
            let other = Arc::clone(&mutex);
            let waits = Arc::new(AtomicBool::new(false));
            let flag = Arc::clone(&waits);
            let waiter = lif::go(move || {
                flag.store(true, Ordering::SeqCst);
                if before {
                    // Goes on only once it is cancelled.
                    lif::yield_now();
                }
                *other.lock().unwrap() += 1;
                lif::sleep(Duration::MAX);
                unreachable!("it was cancelled");
            });
            yield_until(|| waits.load(Ordering::SeqCst));
            if !before {
                lif::yield_now();
                lif::yield_now();
            }
            waiter.cancel();
            lif::yield_now();
            lif::yield_now();
            assert!(!waiter.is_finished());
            drop(held);
            assert!(was_cancelled(waiter.join()));
            assert_eq!(*mutex.lock().unwrap(), 1);
        });
    }
}

/// Calls a function when it goes.
struct AtEnd<F: FnMut()>(F);

impl<F: FnMut()> Drop for AtEnd<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

#[test]
fn a_destructor_waits_for_a_lock_that_another_worker_holds() {
    let _watch = watch();
    let runtime = runtime(2);
    let servants = servants(&runtime);
    let mutex = Arc::new(Mutex::new(0));
    let entered = Arc::new(AtomicUsize::new(0));
    // Others of the worker that will be blocked are called for the lock, and cannot come.
    let mut blocked = Vec::new();
    let held = mutex.lock().unwrap();
    for _ in 0..2 {
        let (mutex, entered) = (Arc::clone(&mutex), Arc::clone(&entered));
        let done = Arc::new(AtomicBool::new(false));
        blocked.push(Arc::clone(&done));
        servants[0].go(move || {
            entered.fetch_add(1, Ordering::SeqCst);
            *mutex.lock().unwrap() += 1;
            done.store(true, Ordering::SeqCst);
        });
    }
    until(|| entered.load(Ordering::SeqCst) == 2);
    drop(held);
    until(|| blocked.iter().all(|done| done.load(Ordering::SeqCst)));
    let (holds, go_on) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let (other, flag, on) = (Arc::clone(&mutex), Arc::clone(&holds), Arc::clone(&go_on));
    servants[1].go(move || {
        let mut held = other.lock().unwrap();
        flag.store(true, Ordering::SeqCst);
        yield_until(|| on.load(Ordering::SeqCst));
        *held += 1;
    });
    until(|| holds.load(Ordering::SeqCst));
    let (other, ended) = (Arc::clone(&mutex), Arc::new(AtomicBool::new(false)));
    let flag = Arc::clone(&ended);
    servants[0].go(move || {
        let _flag = AtEnd(move || flag.store(true, Ordering::SeqCst));
        let _at_end = AtEnd(move || *other.lock().unwrap() += 10);
        go_on.store(true, Ordering::SeqCst);
        panic!("on purpose");
    });
    until(|| ended.load(Ordering::SeqCst));
    assert_eq!(*mutex.lock().unwrap(), 13);
}

#[test]
fn a_destructor_that_waits_for_its_own_worker_aborts_and_names_both() {
    let outcome = alone(|| {
        runtime(1).run(|| {
            let mutex = Arc::new(Mutex::new(()));
            let other = Arc::clone(&mutex);
            let holder = lif::Builder::new().name(String::from("holder"));
            let holder = holder.spawn(move || {
                let _held = other.lock().unwrap();
                lif::sleep(Duration::MAX);
            });
            yield_until(|| mutex.try_lock().is_err());
            let waiter = lif::Builder::new().name(String::from("waiter"));
            let waiter = waiter.spawn(move || {
                let _at_end = AtEnd(|| drop(mutex.lock()));
                panic!("on purpose");
            });
            drop(waiter.unwrap().join());
            drop(holder);
        });
    });
    outcome.died_of(libc::SIGABRT, &["waiter", "holder", "unwinding", "a lock"]);
}

#[test]
fn a_coroutine_that_waits_for_itself_panics() {
    let _watch = watch();
    runtime(1).run(|| {
        let mutex = Mutex::new(());
        let held = mutex.lock().unwrap();
        let text = panic_text(|| drop(mutex.lock())).unwrap();
        assert!(text.contains("holds itself"), "{text}");
        drop(held);
        assert!(mutex.try_lock().is_ok());
    });
}

#[test]
fn a_holder_may_wait_for_others_with_the_lock_held() {
    let _watch = watch();
    runtime(1).run(|| {
        let mutex = Arc::new(Mutex::new(Vec::new()));
        let all: Vec<_> = (0..10)
            .map(|me| {
                let mutex = Arc::clone(&mutex);
                lif::go(move || {
                    let mut held = mutex.lock().unwrap();
                    held.push(me);
                    lif::sleep(Duration::from_micros(200));
                    held.push(me);
                })
            })
            .collect();
        for one in all {
            one.join().unwrap();
        }
        for pair in mutex.lock().unwrap().chunks(2) {
            assert_eq!(pair[0], pair[1]);
        }
    });
}
