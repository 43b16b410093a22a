//! Futures that are waited for with `block_on`: what wakes it, and what it lets happen meanwhile.

use std::{
    cell::Cell,
    future::{poll_fn, ready},
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Poll, Waker},
    thread,
    time::{Duration, Instant},
};

use lif::block_on;
use lif_tests::{future::Signal, runtime, text_of, watch, yield_until};

#[test]
fn a_future_that_is_ready_is_done_at_once_wherever_it_is_waited_for() {
    let _watch = watch();
    assert_eq!(block_on(ready(7)), 7);
    runtime(1).run(|| assert_eq!(block_on(async { 6 * 7 }), 42));
}

#[test]
fn a_coroutine_parks_until_a_thread_has_woken_its_future() {
    let _watch = watch();
    runtime(1).run(|| {
        let signal = Signal::default();
        let waiting = lif::go({
            let signal = signal.clone();
            move || block_on(signal)
        });
        // The only worker is free meanwhile.
        yield_until(|| signal.polls() == 1);
        assert!(!waiting.is_finished());
        thread::spawn(move || signal.finish()).join().unwrap();
        assert_eq!(waiting.join().unwrap(), 2, "it is polled once more");
    });
}

#[test]
fn a_plain_thread_blocks_until_a_coroutine_has_woken_its_future() {
    let _watch = watch();
    let runtime = runtime(1);
    let signal = Signal::default();
    let other = signal.clone();
    let done = runtime.go(move || drop(other.finish()));
    assert!(block_on(signal) >= 1);
    done.join().unwrap();
}

#[test]
fn a_future_may_hold_what_is_not_send_and_may_park_itself() {
    let _watch = watch();
    runtime(1).run(|| {
        let shared = Rc::new(Cell::new(0));
        let seen = block_on(async {
            let mine = Rc::clone(&shared);
            lif::sleep(Duration::from_micros(100));
            // One within another, with wakers of their own.
            mine.set(block_on(async { lif::go(|| 5).await.unwrap() }));
            lif::go(lif::yield_now).await.unwrap();
            mine.get()
        });
        assert_eq!(seen, 5);
        assert_eq!(block_on(async { block_on(async { block_on(ready(3)) }) }), 3);
    });
}

#[test]
fn a_wake_that_nothing_has_happened_for_leads_to_one_more_poll() {
    let _watch = watch();
    runtime(1).run(|| {
        let signal = Signal::default();
        let waiting = lif::go({
            let signal = signal.clone();
            move || block_on(signal)
        });
        for polls in 1..20 {
            yield_until(|| signal.polls() == polls);
            signal.waker().wake();
        }
        yield_until(|| signal.polls() == 20);
        drop(signal.finish());
        assert_eq!(waiting.join().unwrap(), 21);
    });
}

#[test]
fn many_wakes_at_once_are_one_notice() {
    let _watch = watch();
    runtime(1).run(|| {
        let signal = Signal::default();
        let waiting = lif::go({
            let signal = signal.clone();
            move || block_on(signal)
        });
        let waker = signal.waker();
        // The worker is here, so the other cannot run in between.
        for _ in 0..100 {
            waker.wake_by_ref();
            let another = waker.clone();
            another.wake_by_ref();
        }
        yield_until(|| signal.polls() == 2);
        for _ in 0..10 {
            lif::yield_now();
        }
        assert_eq!(signal.polls(), 2);
        drop(signal.finish());
        waiting.join().unwrap();
    });
}

#[test]
fn a_future_that_wakes_itself_lets_others_run() {
    let _watch = watch();
    runtime(1).run(|| {
        let flag = Rc::new(Cell::new(false));
        let other = lif::go_local({
            let flag = Rc::clone(&flag);
            move || flag.set(true)
        });
        block_on(poll_fn(|context| {
            if flag.get() {
                return Poll::Ready(());
            }
            context.waker().wake_by_ref();
            Poll::Pending
        }));
        other.join().unwrap();
    });
}

#[test]
fn futures_that_are_always_ready_let_others_run() {
    let _watch = watch();
    runtime(1).run(|| {
        let flag = Rc::new(Cell::new(false));
        let other = lif::go_local({
            let flag = Rc::clone(&flag);
            move || flag.set(true)
        });
        while !flag.get() {
            block_on(ready(()));
        }
        other.join().unwrap();
    });
}

#[test]
fn a_waker_may_be_woken_long_after_its_future_and_its_coroutine() {
    fn sleep_well() {
        let (start, time) = (Instant::now(), Duration::from_millis(1));
        lif::sleep(time);
        assert!(start.elapsed() >= time, "the waker has ended a wait that is none of its own");
    }
    let _watch = watch();
    let wakers: Vec<Waker> = {
        let runtime = runtime(2);
        let wakers = (0..50).map(|_| {
            let signal = Signal::default();
            let waiting = runtime.go({
                let signal = signal.clone();
                move || {
                    block_on(signal.clone());
                    // A wait that the waker has no part in.
                    signal.waker().wake();
                    sleep_well();
                }
            });
            let waker = signal.finish();
            waker.wake_by_ref();
            waiting.join().unwrap();
            waker
        });
        let wakers = wakers.collect();
        // Headers are used again: what wakes them must be their own.
        let reused: Vec<_> = (0..50).map(|_| runtime.go(sleep_well)).collect();
        for waker in &wakers {
            Waker::wake_by_ref(waker);
        }
        for sleeper in reused {
            sleeper.join().unwrap();
        }
        wakers
    };
    for waker in wakers {
        waker.wake_by_ref();
        thread::spawn(move || waker.wake()).join().unwrap();
    }
}

#[test]
fn wakes_from_many_threads_at_once_lose_nothing() {
    let _watch = watch();
    runtime(2).run(|| {
        for round in 0..200 {
            let signal = Signal::default();
            let go = Arc::new(AtomicBool::new(false));
            let threads: Vec<_> = (0..3)
                .map(|i| {
                    let (signal, go) = (signal.clone(), Arc::clone(&go));
                    thread::spawn(move || {
                        let waker = signal.waker();
                        while !go.load(Ordering::SeqCst) {
                            waker.wake_by_ref();
                            thread::yield_now();
                        }
                        if i == round % 3 {
                            drop(signal.finish());
                        }
                        waker.wake();
                    })
                })
                .collect();
            let waiting = lif::go(move || block_on(signal));
            lif::yield_now();
            go.store(true, Ordering::SeqCst);
            assert!(waiting.join().unwrap() >= 2);
            lif::blocking(move || threads.into_iter().for_each(|thread| thread.join().unwrap()));
        }
    });
}

#[test]
fn a_panic_of_the_future_is_the_callers() {
    let _watch = watch();
    runtime(1).run(|| {
        let broken = lif::go(|| block_on(async { panic!("in a future") }));
        assert_eq!(text_of(&*broken.join().unwrap_err()), "in a future");
    });
}
