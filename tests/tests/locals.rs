//! Values of which each coroutine has its own, and tokens that cancel many.

use std::{
    cell::{Cell, RefCell},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use lif::{
    Cancelled,
    cancel::{CancelToken, Reason},
};
use lif_tests::{runtime, watch, yield_until};

lif::coroutine_local! {
    static COUNT: Cell<u32> = const { Cell::new(1) };
    static NAMES: RefCell<Vec<&'static str>> = RefCell::new(vec!["first"]);
    static SLOW: u64 = {
        lif::sleep(Duration::from_millis(1));
        lif::current().id().to_string().parse().unwrap()
    };
}

#[test]
fn each_coroutine_has_its_own_value_across_waits() {
    let _watch = watch();
    runtime(2).run(|| {
        let children: Vec<_> = (0..100)
            .map(|i| {
                lif::go(move || {
                    assert_eq!(COUNT.get(), 1);
                    COUNT.set(i);
                    NAMES.with_borrow_mut(|names| names.push("second"));
                    lif::yield_now();
                    assert_eq!(COUNT.replace(7), i);
                    NAMES.take()
                })
            })
            .collect();
        for child in children {
            assert_eq!(child.join().unwrap(), ["first", "second"]);
        }
        assert_eq!(COUNT.get(), 1);
    });
}

#[test]
fn an_initialiser_may_wait() {
    let _watch = watch();
    runtime(1).run(|| {
        let children: Vec<_> = (0..10)
            .map(|_| lif::go(|| (SLOW.with(|id| *id), lif::current().id().to_string())))
            .collect();
        for child in children {
            let (seen, own) = child.join().unwrap();
            assert_eq!(seen.to_string(), own);
        }
    });
}

#[test]
fn values_are_dropped_before_the_joiner_is_told_and_their_destructors_may_wait() {
    static DROPPED: AtomicUsize = AtomicUsize::new(0);
    struct Slow;
    impl Drop for Slow {
        fn drop(&mut self) {
            lif::sleep(Duration::from_millis(1));
            assert!(COUNT.try_with(Cell::get).is_err(), "they go together");
            DROPPED.fetch_add(1, Ordering::SeqCst);
        }
    }
    lif::coroutine_local!(static VALUE: Slow = Slow);
    let _watch = watch();
    runtime(1).run(|| {
        lif::go(|| {
            COUNT.set(3);
            VALUE.with(|_| ());
        })
        .join()
        .unwrap();
        assert_eq!(DROPPED.load(Ordering::SeqCst), 1);
        // The next coroutine in the same header begins anew.
        assert_eq!(lif::go(|| COUNT.get()).join().unwrap(), 1);
    });
}

#[test]
fn a_plain_thread_has_its_own_value_too() {
    let _watch = watch();
    COUNT.set(5);
    assert_eq!(std::thread::spawn(|| COUNT.get()).join().unwrap(), 1);
    assert_eq!(COUNT.get(), 5);
}

#[test]
fn a_token_cancels_what_is_under_it_and_its_children_and_nothing_else() {
    let _watch = watch();
    runtime(2).run(|| {
        let (root, other) = (CancelToken::new(), CancelToken::new());
        let leaf = root.child().child();
        let under: Vec<_> = (0..10).map(|_| leaf.go(lif::park)).collect();
        let beside = other.go(lif::park);
        let asks = Arc::new(AtomicUsize::new(0));
        let waiters: Vec<_> = (0..3)
            .map(|_| {
                let (leaf, asks) = (leaf.clone(), Arc::clone(&asks));
                lif::go(move || {
                    asks.fetch_add(1, Ordering::SeqCst);
                    leaf.wait()
                })
            })
            .collect();
        yield_until(|| asks.load(Ordering::SeqCst) == 3);
        root.cancel_with(Reason::Custom(3));
        root.cancel_with(Reason::Custom(4));
        for child in under {
            let payload = child.join().unwrap_err();
            let reason = payload.downcast_ref::<Cancelled>().unwrap().reason();
            assert_eq!(reason, Reason::Custom(3), "the first reason stays");
        }
        for waiter in waiters {
            assert_eq!(waiter.join().unwrap(), Reason::Custom(3));
        }
        assert!(leaf.is_cancelled() && root.child().is_cancelled() && !other.is_cancelled());
        assert!(leaf.go(|| 1).join().unwrap_err().is::<Cancelled>(), "too late to begin");
        beside.thread().unpark();
        beside.join().unwrap();
    });
}

#[test]
fn a_wait_for_a_token_is_a_point_of_cancellation() {
    let _watch = watch();
    runtime(1).run(|| {
        let token = CancelToken::new();
        let waiter = {
            let token = token.clone();
            lif::go(move || token.wait())
        };
        lif::yield_now();
        waiter.cancel();
        assert!(waiter.join().unwrap_err().is::<Cancelled>());
        assert!(lif::time::timeout(Duration::from_millis(1), || token.wait()).is_err());
    });
}
