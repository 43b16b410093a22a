//! `Once`, `OnceLock`, `LazyLock`: done once, by one of many, and what a panic leaves behind.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    thread,
    time::Duration,
};

use lif::sync::{Arc, LazyLock, Once, OnceLock};
use lif_tests::{alone, panic_text, runtime, was_cancelled, watch, yield_until};

#[test]
fn of_many_that_come_one_does_it_and_all_see_it() {
    let watch = watch();
    let (one, many) = (runtime(1), runtime(2));
    watch.about(&one);
    watch.about(&many);
    let shared = Arc::new((Once::new(), AtomicUsize::new(0)));
    let come = || {
        let shared = Arc::clone(&shared);
        move || {
            shared.0.call_once(|| {
                // Others come meanwhile, also on this worker.
                lif::sleep(Duration::from_millis(2));
                shared.1.fetch_add(1, Ordering::Relaxed);
            });
            assert!(shared.0.is_completed());
            assert_eq!(shared.1.load(Ordering::Relaxed), 1);
        }
    };
    let coroutines: Vec<_> = (0..50).flat_map(|_| [one.go(come()), many.go(come())]).collect();
    let threads: Vec<_> = (0..3).map(|_| thread::spawn(come())).collect();
    for coroutine in coroutines {
        coroutine.join().unwrap();
    }
    for thread in threads {
        thread.join().unwrap();
    }
}

#[test]
fn a_panic_poisons_until_somebody_forces_it() {
    let once = Once::new();
    let broken = catch_unwind(AssertUnwindSafe(|| once.call_once(|| panic!("on purpose"))));
    broken.unwrap_err();
    assert!(!once.is_completed());
    assert!(panic_text(|| once.call_once(|| {})).unwrap().contains("poisoned"));
    assert!(panic_text(|| once.wait()).unwrap().contains("poisoned"));
    let mut told = None;
    once.call_once_force(|state| told = Some(state.is_poisoned()));
    assert_eq!(told, Some(true));
    once.call_once(|| unreachable!());
    once.call_once_force(|_| unreachable!());
    once.wait();
}

#[test]
fn waiters_of_one_that_panics_are_told_or_try_themselves() {
    let _watch = watch();
    runtime(1).run(|| {
        let once = Arc::new(Once::new());
        let go_on = Arc::new(AtomicBool::new(false));
        let (other, on) = (Arc::clone(&once), Arc::clone(&go_on));
        let broken = lif::go(move || {
            other.call_once(|| {
                yield_until(|| on.load(Ordering::SeqCst));
                panic!("on purpose");
            });
        });
        lif::sleep(Duration::from_millis(1));
        let told: Vec<_> = [false, true]
            .map(|force| {
                let once = Arc::clone(&once);
                lif::go(
                    move || {
                        if force { once.call_once_force(|_| {}) } else { once.wait_force() }
                    },
                )
            })
            .into();
        lif::sleep(Duration::from_millis(1));
        go_on.store(true, Ordering::SeqCst);
        broken.join().unwrap_err();
        for one in told {
            one.join().unwrap();
        }
        assert!(once.is_completed());
    });
}

#[test]
fn coming_to_the_same_one_from_within_panics() {
    let _watch = watch();
    for in_coroutine in [false, true] {
        let run = || {
            let once = Once::new();
            let text = panic_text(|| once.call_once(|| once.call_once(|| {}))).unwrap();
            assert!(text.contains("same Once"), "{text}");
            let lock = OnceLock::new();
            let text = panic_text(|| {
                lock.get_or_init(|| *lock.get_or_init(|| 1));
            })
            .unwrap();
            assert!(text.contains("same Once"), "{text}");
            assert_eq!(lock.get_or_init(|| 2), &2);
        };
        if in_coroutine { runtime(1).run(run) } else { run() }
    }
}

#[test]
fn a_cancelled_waiter_waits_on_and_a_cancelled_closure_poisons() {
    let _watch = watch();
    runtime(1).run(|| {
        let once = Arc::new(Once::new());
        let other = Arc::clone(&once);
        let begun = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&begun);
        let closure = lif::go(move || {
            other.call_once(|| {
                flag.store(true, Ordering::SeqCst);
                lif::sleep(Duration::MAX);
            });
        });
        yield_until(|| begun.load(Ordering::SeqCst));
        let other = Arc::clone(&once);
        let waits = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&waits);
        let waiter = lif::go(move || {
            flag.store(true, Ordering::SeqCst);
            other.call_once_force(|state| assert!(state.is_poisoned()));
        });
        yield_until(|| waits.load(Ordering::SeqCst));
        waiter.cancel();
        for _ in 0..5 {
            lif::yield_now();
        }
        assert!(!waiter.is_finished());
        closure.cancel();
        assert!(was_cancelled(closure.join()));
        waiter.join().unwrap();
        assert!(once.is_completed());
    });
}

#[test]
fn a_destructor_that_waits_for_its_own_worker_aborts() {
    let outcome = alone(|| {
        runtime(1).run(|| {
            static ONCE: Once = Once::new();
            struct Comes;
            impl Drop for Comes {
                fn drop(&mut self) {
                    ONCE.call_once(|| {});
                }
            }
            let begun = Arc::new(AtomicBool::new(false));
            let flag = Arc::clone(&begun);
            let _closure = lif::go(move || {
                ONCE.call_once(|| {
                    flag.store(true, Ordering::SeqCst);
                    lif::sleep(Duration::MAX);
                });
            });
            yield_until(|| begun.load(Ordering::SeqCst));
            let waiter = lif::go(|| {
                let _comes = Comes;
                panic!("on purpose");
            });
            drop(waiter.join());
        });
    });
    outcome.died_of(libc::SIGABRT, &["unwinding", "a Once"]);
}

#[test]
fn a_once_lock_is_written_once_and_dropped_once() {
    let _watch = watch();
    let value = Arc::new(());
    let mut place = OnceLock::new();
    assert!(place.get().is_none() && place.get_mut().is_none());
    assert_eq!(place.set(Arc::clone(&value)), Ok(()));
    assert!(place.set(Arc::clone(&value)).is_err());
    assert_eq!(Arc::strong_count(&value), 2);
    assert_eq!(place.clone(), place);
    drop(place.take());
    assert_eq!(Arc::strong_count(&value), 1);
    assert!(
        panic_text(|| {
            place.get_or_init(|| panic!("on purpose"));
        })
        .is_some()
    );
    assert!(place.get_mut().is_none());
    place.get_or_init(|| Arc::clone(&value));
    drop(place);
    assert_eq!(Arc::strong_count(&value), 1);
    assert_eq!(format!("{:?}", OnceLock::from(1)), "OnceLock(1)");
    assert_eq!(format!("{:?}", OnceLock::<u8>::new()), "OnceLock(<uninit>)");
}

#[test]
fn a_once_lock_is_waited_for_until_it_is_filled() {
    let _watch = watch();
    static PLACE: OnceLock<u32> = OnceLock::new();
    runtime(2).run(|| {
        let waits: Vec<_> = (0..10).map(|_| lif::go(|| *PLACE.wait())).collect();
        let thread = thread::spawn(|| *PLACE.wait());
        lif::sleep(Duration::from_millis(1));
        assert!(
            panic_text(|| {
                PLACE.get_or_init(|| panic!("on purpose"));
            })
            .is_some()
        );
        lif::sleep(Duration::from_millis(1));
        PLACE.set(7).unwrap();
        for one in waits {
            assert_eq!(one.join().unwrap(), 7);
        }
        assert_eq!(thread.join().unwrap(), 7);
    });
}

#[test]
fn a_lazy_value_is_made_once_and_poisoned_by_a_panic() {
    let _watch = watch();
    static MADE: AtomicUsize = AtomicUsize::new(0);
    static LAZY: LazyLock<usize> = LazyLock::new(|| {
        lif::sleep(Duration::from_millis(1));
        MADE.fetch_add(1, Ordering::SeqCst)
    });
    runtime(2).run(|| {
        let all: Vec<_> = (0..20).map(|_| lif::go(|| *LAZY)).collect();
        for one in all {
            assert_eq!(one.join().unwrap(), 0);
        }
    });
    let broken: LazyLock<u32> = LazyLock::new(|| panic!("on purpose"));
    assert_eq!(format!("{broken:?}"), "LazyLock(<uninit>)");
    assert_eq!(
        panic_text(|| {
            LazyLock::force(&broken);
        })
        .unwrap(),
        "on purpose"
    );
    assert!(
        panic_text(|| {
            LazyLock::force(&broken);
        })
        .unwrap()
        .contains("poisoned")
    );
}
