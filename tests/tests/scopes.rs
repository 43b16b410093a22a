//! Scopes: children that borrow, their ends, their failures.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use lif::{Cancelled, cancel::Reason};
use lif_tests::{runtime, watch, yield_until};

#[test]
fn children_borrow_and_all_have_ended_when_the_scope_returns() {
    let _watch = watch();
    runtime(4).run(|| {
        let mut numbers: Vec<u64> = (0..1000).collect();
        let sum = AtomicUsize::new(0);
        let parts = lif::thread::scope(|s| {
            let handles: Vec<_> = numbers
                .chunks_mut(100)
                .map(|part| {
                    s.spawn(|| {
                        for number in part.iter_mut() {
                            *number += 1;
                            lif::yield_now();
                        }
                        sum.fetch_add(part.len(), Ordering::Relaxed);
                        part.iter().sum::<u64>()
                    })
                })
                .collect();
            handles.into_iter().map(|handle| handle.join().unwrap()).sum::<u64>()
        });
        assert_eq!(parts, (1..=1000).sum());
        assert_eq!(sum.into_inner(), 1000);
    });
}

#[test]
fn children_that_nobody_joins_are_waited_for_with_their_results() {
    struct Slow<'a>(&'a AtomicUsize);
    impl Drop for Slow<'_> {
        fn drop(&mut self) {
            lif::sleep(Duration::from_millis(1));
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
    let _watch = watch();
    runtime(2).run(|| {
        let dropped = AtomicUsize::new(0);
        lif::thread::scope(|s| {
            for _ in 0..10 {
                s.spawn(|| Slow(&dropped));
            }
        });
        assert_eq!(dropped.into_inner(), 10);
    });
}

#[test]
fn a_child_may_start_more() {
    let _watch = watch();
    runtime(2).run(|| {
        let count = AtomicUsize::new(0);
        lif::thread::scope(|s| {
            for _ in 0..5 {
                s.spawn(|| {
                    s.spawn(|| count.fetch_add(1, Ordering::SeqCst));
                    count.fetch_add(1, Ordering::SeqCst);
                });
            }
        });
        assert_eq!(count.into_inner(), 10);
    });
}

#[test]
fn a_panic_of_a_child_that_nobody_joined_is_the_scopes() {
    let _watch = watch();
    runtime(1).run(|| {
        let scope = catch_unwind(|| {
            lif::thread::scope(|s| {
                s.spawn(|| panic!("on purpose"));
            });
        });
        assert_eq!(scope.unwrap_err().downcast_ref(), Some(&"a scoped coroutine panicked"));
        // Dropped after it has ended: nobody has asked either.
        let scope = catch_unwind(|| {
            lif::thread::scope(|s| {
                let child = s.spawn(|| panic!("on purpose"));
                yield_until(|| child.is_finished());
            });
        });
        assert!(scope.is_err());
        // One that was joined is the joiner's affair.
        let joined = lif::thread::scope(|s| s.spawn(|| panic!("on purpose")).join());
        assert_eq!(joined.unwrap_err().downcast_ref(), Some(&"on purpose"));
    });
}

#[test]
fn a_scope_whose_body_panics_waits_for_its_children_first() {
    let _watch = watch();
    runtime(2).run(|| {
        let ended = AtomicBool::new(false);
        let scope = catch_unwind(AssertUnwindSafe(|| {
            lif::thread::scope(|s| {
                s.spawn(|| {
                    lif::sleep(Duration::from_millis(2));
                    ended.store(true, Ordering::SeqCst);
                });
                panic!("the body");
            })
        }));
        assert_eq!(scope.unwrap_err().downcast_ref(), Some(&"the body"));
        assert!(ended.into_inner());
    });
}

#[test]
fn a_cancelled_parent_cancels_its_children_and_waits_for_them() {
    let _watch = watch();
    runtime(2).run(|| {
        let (parked, ended) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (parked_too, ended_too) = (Arc::clone(&parked), Arc::clone(&ended));
        let parent = lif::go(move || {
            struct Count<'a>(&'a AtomicUsize);
            impl Drop for Count<'_> {
                fn drop(&mut self) {
                    self.0.fetch_add(1, Ordering::SeqCst);
                }
            }
            lif::thread::scope(|s| {
                for _ in 0..5 {
                    s.spawn(|| {
                        let _count = Count(&ended_too);
                        parked_too.fetch_add(1, Ordering::SeqCst);
                        lif::park();
                    });
                }
            });
            // The end of the scope is no point of cancellation; this is.
            lif::park();
        });
        yield_until(|| parked.load(Ordering::SeqCst) == 5);
        parent.cancel();
        assert!(parent.join().unwrap_err().is::<Cancelled>());
        assert_eq!(ended.load(Ordering::SeqCst), 5);
    });
}

#[test]
fn in_a_linked_scope_one_that_fails_or_panics_cancels_the_others() {
    let _watch = watch();
    runtime(2).run(|| {
        for panics in [false, true] {
            let reasons = Mutex::new(Vec::new());
            let result = catch_unwind(AssertUnwindSafe(|| {
                lif::scope(|s| {
                    let others: Vec<_> = (0..3).map(|_| s.spawn(lif::park)).collect();
                    lif::yield_now();
                    s.try_spawn(
                        move || if panics { panic!("on purpose") } else { Err::<(), _>(7) },
                    );
                    for other in others {
                        let payload = other.join().unwrap_err();
                        let cancelled = payload.downcast_ref::<Cancelled>().unwrap();
                        reasons.lock().unwrap().push(cancelled.reason());
                    }
                    // Those that come later are too late.
                    assert!(s.spawn(lif::park).join().unwrap_err().is::<Cancelled>());
                });
            }));
            assert_eq!(result.is_err(), panics, "an error is a result, a panic is not");
            assert_eq!(reasons.into_inner().unwrap(), [Reason::Sibling; 3]);
        }
    });
}

#[test]
fn a_deadline_around_a_scope_ends_its_children() {
    let _watch = watch();
    runtime(2).run(|| {
        let late = lif::time::timeout(Duration::from_millis(3), || {
            // Not joined here: the end of the scope does it, and passes the deadline on.
            lif::thread::scope(|s| drop(s.spawn(lif::park)));
            lif::park();
        });
        assert!(late.is_err());
    });
}

#[test]
fn a_named_child_has_its_name() {
    let _watch = watch();
    runtime(1).run(|| {
        let name = lif::thread::scope(|s| {
            let builder = lif::Builder::new().name("scoped");
            let child = builder.spawn_scoped(s, || lif::current().name().map(String::from));
            child.unwrap().join().unwrap()
        });
        assert_eq!(name.as_deref(), Some("scoped"));
    });
}
