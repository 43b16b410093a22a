//! `Condvar` and `Barrier`: who is notified, how waits end, what a cancellation leaves behind.

use std::{
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    thread,
    time::{Duration, Instant},
};

use lif::sync::{Arc, Barrier, Condvar, Mutex};
use lif_tests::{runtime, until, was_cancelled, watch, yield_until};

type Pair<T> = Arc<(Mutex<T>, Condvar)>;

fn pair<T>(value: T) -> Pair<T> {
    Arc::new((Mutex::new(value), Condvar::new()))
}

#[test]
fn a_notification_goes_to_the_one_that_has_waited_longest() {
    let _watch = watch();
    runtime(1).run(|| {
        let shared = pair((0, Vec::new()));
        let all: Vec<_> = (0..5)
            .map(|me| {
                let other = Arc::clone(&shared);
                let waits = lif::go(move || {
                    let mut held = other.0.lock().unwrap();
                    held.0 += 1;
                    let mut held = other.1.wait(held).unwrap();
                    held.1.push(me);
                });
                yield_until(|| shared.0.lock().unwrap().0 == me + 1);
                waits
            })
            .collect();
        for woken in 1..=5 {
            shared.1.notify_one();
            yield_until(|| shared.0.lock().unwrap().1.len() == woken);
        }
        for one in all {
            one.join().unwrap();
        }
        assert_eq!(shared.0.lock().unwrap().1, [0, 1, 2, 3, 4]);
    });
}

#[test]
fn what_is_produced_is_consumed_once_in_any_mix() {
    let watch = watch();
    const EACH: usize = if cfg!(debug_assertions) { 500 } else { 10_000 };
    let (one, many) = (runtime(1), runtime(2));
    watch.about(&one);
    watch.about(&many);
    let shared = pair(Vec::new());
    let room = Arc::new(Condvar::new());
    let produce = || {
        let (shared, room) = (Arc::clone(&shared), Arc::clone(&room));
        move || {
            for item in 0..EACH {
                let held = shared.0.lock().unwrap();
                let mut held = room.wait_while(held, |items| items.len() >= 4).unwrap();
                held.push(item);
                drop(held);
                shared.1.notify_one();
            }
        }
    };
    let consume = || {
        let (shared, room) = (Arc::clone(&shared), Arc::clone(&room));
        move || {
            let mut sum = 0;
            for _ in 0..EACH {
                let held = shared.0.lock().unwrap();
                let mut held = shared.1.wait_while(held, |items| items.is_empty()).unwrap();
                sum += held.pop().unwrap();
                drop(held);
                room.notify_one();
            }
            sum
        }
    };
    let producers = [one.go(produce()), many.go(produce()), many.go(produce())];
    let consumers = [one.go(consume()), many.go(consume()), one.go(consume())];
    let (producer, consumer) = (thread::spawn(produce()), thread::spawn(consume()));
    let mut sum = consumer.join().unwrap();
    producer.join().unwrap();
    for producer in producers {
        producer.join().unwrap();
    }
    for consumer in consumers {
        sum += consumer.join().unwrap();
    }
    assert_eq!(sum, 4 * (EACH * (EACH - 1) / 2));
}

#[test]
fn notify_all_wakes_all_and_nobody_that_comes_later() {
    let _watch = watch();
    let runtime = runtime(2);
    let shared = pair((0, false));
    let wait = || {
        let shared = Arc::clone(&shared);
        move || {
            let mut held = shared.0.lock().unwrap();
            held.0 += 1;
            drop(shared.1.wait_while(held, |state| !state.1).unwrap());
        }
    };
    let coroutines: Vec<_> = (0..100).map(|_| runtime.go(wait())).collect();
    let threads: Vec<_> = (0..3).map(|_| thread::spawn(wait())).collect();
    until(|| shared.0.lock().unwrap().0 == 103);
    shared.0.lock().unwrap().1 = true;
    shared.1.notify_all();
    for coroutine in coroutines {
        coroutine.join().unwrap();
    }
    for thread in threads {
        thread.join().unwrap();
    }
    shared.1.notify_all();
    let held = shared.0.lock().unwrap();
    assert!(shared.1.wait_timeout(held, Duration::from_millis(1)).unwrap().1.timed_out());
}

#[test]
fn a_limit_is_kept_and_the_lock_is_held_after_it() {
    let _watch = watch();
    for workers in [false, true] {
        let run = || {
            let shared = pair(1);
            let (start, limit) = (Instant::now(), Duration::from_millis(3));
            let held = shared.0.lock().unwrap();
            let (held, result) = shared.1.wait_timeout(held, limit).unwrap();
            assert!(result.timed_out() && start.elapsed() >= limit);
            assert!(shared.0.try_lock().is_err());
            let (held, result) = shared.1.wait_timeout_while(held, limit, |n| *n == 1).unwrap();
            assert!(result.timed_out() && start.elapsed() >= 2 * limit);
            let (held, result) =
                shared.1.wait_timeout_while(held, Duration::ZERO, |n| *n == 2).unwrap();
            assert!(!result.timed_out());
            drop(held);
            assert!(shared.0.try_lock().is_ok());
        };
        if workers { runtime(1).run(run) } else { run() }
    }
}

#[test]
fn a_cancelled_wait_unwinds_without_the_lock_and_without_poison() {
    let _watch = watch();
    for before in [true, false] {
        runtime(1).run(move || {
            let shared = pair(0);
            let other = Arc::clone(&shared);
            let go_on = Arc::new(AtomicBool::new(!before));
            let on = Arc::clone(&go_on);
            let waiter = lif::go(move || {
                let mut held = other.0.lock().unwrap();
                *held = 1;
                yield_until(|| on.load(Ordering::SeqCst));
                drop(other.1.wait(held));
            });
            if before {
                yield_until(|| shared.0.try_lock().is_err());
                waiter.cancel();
                go_on.store(true, Ordering::SeqCst);
            } else {
                yield_until(|| shared.0.try_lock().is_ok_and(|held| *held == 1));
                waiter.cancel();
            }
            assert!(was_cancelled(waiter.join()));
            assert_eq!(*shared.0.try_lock().unwrap(), 1, "neither held nor poisoned");
            // No node is left: this would touch it.
            shared.1.notify_one();
        });
    }
}

#[test]
fn a_notification_is_not_lost_to_one_that_is_cancelled_at_that_moment() {
    let watch = watch();
    let runtime = runtime(2);
    watch.about(&runtime);
    for round in 0..if cfg!(debug_assertions) { 200 } else { 2000 } {
        let shared = pair((0, 0));
        let wait = || {
            let shared = Arc::clone(&shared);
            runtime.go(move || {
                let mut held = shared.0.lock().unwrap();
                held.0 += 1;
                let mut held = shared.1.wait(held).unwrap();
                held.1 += 1;
            })
        };
        let first = wait();
        until(|| shared.0.lock().unwrap().0 == 1);
        let second = wait();
        until(|| shared.0.lock().unwrap().0 == 2);
        thread::scope(|scope| {
            scope.spawn(|| first.cancel());
            if round % 2 == 0 {
                thread::yield_now();
            }
            shared.1.notify_one();
        });
        // One of the two has got it.
        until(|| shared.0.lock().unwrap().1 == 1);
        shared.1.notify_all();
        let (first, _second) = (first.join(), second.join().unwrap());
        assert_eq!(shared.0.lock().unwrap().1, 1 + usize::from(first.is_ok()));
    }
}

#[test]
fn a_barrier_lets_all_through_and_one_of_them_leads() {
    let watch = watch();
    let runtime = runtime(3);
    watch.about(&runtime);
    let (barrier, leaders) = (Arc::new(Barrier::new(10)), Arc::new(AtomicUsize::new(0)));
    let come = || {
        let (barrier, leaders) = (Arc::clone(&barrier), Arc::clone(&leaders));
        move || {
            for round in 0..50 {
                assert!(leaders.load(Ordering::SeqCst) >= round);
                if barrier.wait().is_leader() {
                    leaders.fetch_add(1, Ordering::SeqCst);
                }
                barrier.wait();
                assert!(leaders.load(Ordering::SeqCst) > round);
                if barrier.wait().is_leader() {
                    // The one that leads is the last, so all have looked.
                }
            }
        }
    };
    let coroutines: Vec<_> = (0..8).map(|_| runtime.go(come())).collect();
    let threads: Vec<_> = (0..2).map(|_| thread::spawn(come())).collect();
    for coroutine in coroutines {
        coroutine.join().unwrap();
    }
    for thread in threads {
        thread.join().unwrap();
    }
    assert_eq!(leaders.load(Ordering::SeqCst), 50);
}

#[test]
fn a_barrier_gets_its_count_back_from_one_that_is_cancelled() {
    let _watch = watch();
    runtime(1).run(|| {
        let barrier = Arc::new(Barrier::new(3));
        let come = || {
            let (barrier, here) = (Arc::clone(&barrier), Arc::new(AtomicBool::new(false)));
            let flag = Arc::clone(&here);
            let one = lif::go(move || {
                flag.store(true, Ordering::SeqCst);
                barrier.wait().is_leader()
            });
            yield_until(|| here.load(Ordering::SeqCst));
            one
        };
        let gone = come();
        gone.cancel();
        assert!(was_cancelled(gone.join()));
        let (one, two) = (come(), come());
        for _ in 0..10 {
            lif::yield_now();
        }
        assert!(!one.is_finished() && !two.is_finished(), "two are not three");
        assert!(barrier.wait().is_leader());
        assert!(!one.join().unwrap() && !two.join().unwrap());
    });
}

#[test]
fn a_barrier_of_none_or_one_never_waits() {
    for needed in [0, 1] {
        let barrier = Barrier::new(needed);
        assert!(barrier.wait().is_leader() && barrier.wait().is_leader());
    }
}
