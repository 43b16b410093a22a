//! `Semaphore`, `WaitGroup`, `Notify`, `Parker`: nothing that was given is lost, whoever gives up.

use std::{
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    thread,
    time::{Duration, Instant},
};

use lif::sync::{Arc, Notify, Parker, Semaphore, WaitGroup};
use lif_tests::{panic_text, runtime, until, was_cancelled, watch, yield_until};

/// Starts a coroutine, and returns when it runs.
fn started<T: Send + 'static>(f: impl FnOnce() -> T + Send + 'static) -> lif::JoinHandle<T> {
    let here = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&here);
    let one = lif::go(move || {
        flag.store(true, Ordering::SeqCst);
        f()
    });
    yield_until(|| here.load(Ordering::SeqCst));
    one
}

#[test]
fn no_more_than_there_are_permits_are_inside() {
    let watch = watch();
    let (one, many) = (runtime(1), runtime(3));
    watch.about(&one);
    watch.about(&many);
    let shared = Arc::new((Semaphore::new(5), AtomicUsize::new(0)));
    let job = |seed: usize| {
        let shared = Arc::clone(&shared);
        move || {
            for round in 0..if cfg!(debug_assertions) { 100 } else { 2000 } {
                let n = 1 + (round + seed) % 3;
                let permit = match (round + seed) % 4 {
                    0 => shared.0.try_acquire_many(n),
                    1 => shared.0.acquire_many_timeout(n, Duration::from_micros(50)),
                    _ => Some(shared.0.acquire_many(n)),
                };
                let Some(permit) = permit else { continue };
                assert!(shared.1.fetch_add(n, Ordering::SeqCst) + n <= 5);
                lif::yield_now();
                shared.1.fetch_sub(n, Ordering::SeqCst);
                drop(permit);
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
    assert_eq!(shared.0.available_permits(), 5);
    assert!(shared.0.try_acquire_many(5).is_some());
}

#[test]
fn one_that_waits_for_many_is_not_passed_over() {
    let _watch = watch();
    runtime(1).run(|| {
        let semaphore = Arc::new(Semaphore::new(3));
        let held = semaphore.acquire();
        let other = Arc::clone(&semaphore);
        let many = started(move || other.acquire_many(3).num_permits());
        assert!(semaphore.try_acquire().is_none(), "two are free, but somebody waits");
        let other = Arc::clone(&semaphore);
        let last = started(move || other.acquire().num_permits());
        drop(held);
        assert_eq!((many.join().unwrap(), last.join().unwrap()), (3, 1));
        assert_eq!(semaphore.available_permits(), 3);
    });
}

#[test]
fn who_gives_up_lets_those_behind_it_through() {
    let _watch = watch();
    for cancelled in [true, false] {
        runtime(1).run(move || {
            let semaphore = Arc::new(Semaphore::new(1));
            let other = Arc::clone(&semaphore);
            let limit = if cancelled { Duration::MAX } else { Duration::from_millis(2) };
            let many = started(move || other.acquire_many_timeout(2, limit).is_some());
            let other = Arc::clone(&semaphore);
            let behind = started(move || drop(other.acquire()));
            assert!(!behind.is_finished());
            if cancelled {
                many.cancel();
            }
            behind.join().unwrap();
            match many.join() {
                Ok(got) => assert!(!cancelled && !got),
                gone => assert!(cancelled && was_cancelled(gone)),
            }
            assert_eq!(semaphore.available_permits(), 1);
        });
    }
}

#[test]
fn permits_are_not_lost_to_those_that_are_cancelled_at_that_moment() {
    let watch = watch();
    let runtime = runtime(2);
    watch.about(&runtime);
    let semaphore = Arc::new(Semaphore::new(0));
    for _ in 0..if cfg!(debug_assertions) { 300 } else { 3000 } {
        let waits: Vec<_> = (0..3)
            .map(|_| {
                let semaphore = Arc::clone(&semaphore);
                runtime.go(move || drop(semaphore.acquire()))
            })
            .collect();
        thread::scope(|scope| {
            scope.spawn(|| waits.iter().for_each(lif::JoinHandle::cancel));
            semaphore.add_permits(1);
        });
        for one in waits {
            drop(one.join());
        }
        assert_eq!(semaphore.available_permits(), 1);
        semaphore.acquire().forget();
    }
}

#[test]
fn permits_are_made_forgotten_merged_and_split() {
    let semaphore = Arc::new(Semaphore::new(2));
    semaphore.add_permits(2);
    let mut permits = semaphore.acquire_many(3);
    assert!(permits.split(4).is_none());
    let one = permits.split(1).unwrap();
    assert_eq!((permits.num_permits(), one.num_permits()), (2, 1));
    one.forget();
    permits.merge(semaphore.acquire());
    drop(permits);
    assert_eq!(semaphore.available_permits(), 3);
    assert_eq!(semaphore.forget_permits(9), 3);
    let other = Semaphore::new(1);
    let (mut mine, theirs) = (other.acquire_many(0), semaphore.acquire_many(0));
    assert!(panic_text(move || mine.merge(theirs)).unwrap().contains("two semaphores"));
    assert!(panic_text(|| other.add_permits(Semaphore::MAX_PERMITS + 1)).is_some());
}

#[test]
fn a_group_waits_for_all_its_members() {
    let _watch = watch();
    let runtime = runtime(2);
    let (group, done) = (WaitGroup::new(), Arc::new(AtomicUsize::new(0)));
    let job = |wait: bool| {
        let (member, done) = (group.clone(), Arc::clone(&done));
        move || {
            lif::yield_now();
            done.fetch_add(1, Ordering::SeqCst);
            if wait {
                member.wait();
                assert_eq!(done.load(Ordering::SeqCst), 53);
            }
        }
    };
    let coroutines: Vec<_> = (0..50).map(|i| runtime.go(job(i % 5 == 0))).collect();
    let threads: Vec<_> = (0..3).map(|i| thread::spawn(job(i == 0))).collect();
    group.wait();
    assert_eq!(done.load(Ordering::SeqCst), 53);
    for coroutine in coroutines {
        coroutine.join().unwrap();
    }
    for thread in threads {
        thread.join().unwrap();
    }
}

#[test]
fn a_member_that_is_cancelled_while_it_waits_is_done() {
    let _watch = watch();
    runtime(1).run(|| {
        let group = WaitGroup::new();
        let member = group.clone();
        let waits = started(move || member.wait());
        waits.cancel();
        assert!(was_cancelled(waits.join()));
        group.wait();
    });
}

#[test]
fn one_notice_is_kept_and_one_to_all_is_not() {
    let _watch = watch();
    runtime(1).run(|| {
        let notify = Arc::new(Notify::new());
        notify.notify_one();
        notify.notify_one();
        notify.wait();
        assert!(!notify.wait_timeout(Duration::from_millis(1)));
        notify.notify_waiters();
        assert!(!notify.wait_timeout(Duration::from_millis(1)));
        let waits: Vec<_> = (0..20)
            .map(|_| {
                let notify = Arc::clone(&notify);
                started(move || notify.wait())
            })
            .collect();
        notify.notify_waiters();
        for one in waits {
            one.join().unwrap();
        }
        assert!(!notify.wait_timeout(Duration::ZERO));
    });
}

#[test]
fn a_notice_is_not_lost_to_one_that_gives_up_at_that_moment() {
    let watch = watch();
    let runtime = runtime(2);
    watch.about(&runtime);
    let notify = Arc::new(Notify::new());
    for round in 0..if cfg!(debug_assertions) { 300 } else { 3000 } {
        let other = Arc::clone(&notify);
        let timed = round % 2 == 0;
        let waits = runtime.go(move || {
            if timed {
                other.wait_timeout(Duration::from_micros(20))
            } else {
                other.wait();
                true
            }
        });
        thread::scope(|scope| {
            if !timed {
                scope.spawn(|| waits.cancel());
            }
            notify.notify_one();
        });
        // Who did not get it has left it.
        let got = waits.join().is_ok_and(|got| got);
        assert_eq!(notify.wait_timeout(Duration::ZERO), !got);
    }
}

#[test]
fn a_parker_takes_a_token_that_came_before_or_comes_later() {
    let _watch = watch();
    let runtime = runtime(2);
    let parker = Parker::new();
    let unparker = parker.unparker().clone();
    unparker.unpark();
    unparker.unpark();
    parker.park();
    let start = Instant::now();
    parker.park_timeout(Duration::from_millis(2));
    parker.park_deadline(start + Duration::from_millis(4));
    assert!(start.elapsed() >= Duration::from_millis(4), "the token was taken");
    // It goes into a coroutine, and comes back.
    let parked = runtime.go(move || {
        parker.park();
        parker
    });
    until(|| {
        unparker.unpark();
        parked.is_finished()
    });
    let parker = parked.join().unwrap();
    parker.park_timeout(Duration::ZERO);
    runtime.go(move || unparker.unpark());
    parker.park();
}

#[test]
fn a_destructor_blocks_its_worker_until_another_brings_what_it_waits_for() {
    struct Waits(Arc<Semaphore>, Arc<Notify>);
    impl Drop for Waits {
        fn drop(&mut self) {
            assert!(thread::panicking());
            drop(self.0.acquire());
            assert!(self.0.acquire_many_timeout(9, Duration::from_millis(1)).is_none());
            self.1.wait();
        }
    }
    let _watch = watch();
    let (semaphore, notify) = (Arc::new(Semaphore::new(0)), Arc::new(Notify::new()));
    let waits = Waits(Arc::clone(&semaphore), Arc::clone(&notify));
    let runtime = runtime(1);
    let broken = runtime.go(move || {
        let _waits = waits;
        panic!("on purpose");
    });
    thread::sleep(Duration::from_millis(2));
    semaphore.add_permits(1);
    notify.notify_one();
    assert!(broken.join().is_err());
    assert_eq!(semaphore.available_permits(), 1);
}
