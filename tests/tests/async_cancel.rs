//! `block_on` in coroutines that are cancelled, out of time, or unwinding.

use std::{
    cell::Cell,
    future::{pending, poll_fn},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
        mpsc,
    },
    task::Poll,
    thread,
    time::{Duration, Instant},
};

use lif::{
    block_on,
    time::{TimedOut, timeout},
};
use lif_tests::{future::Signal, runtime, was_cancelled, watch, yield_until};

const SOON: Duration = Duration::from_millis(5);
const LONG: Duration = Duration::from_secs(3600);

/// Calls a function when it goes.
struct AtEnd<F: FnMut()>(F);

impl<F: FnMut()> Drop for AtEnd<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

/// Starts a coroutine on the caller's only worker, and lets it come to its first wait.
fn started<T: Send + 'static>(f: impl FnOnce() -> T + Send + 'static) -> lif::JoinHandle<T> {
    let begun = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&begun);
    let child = lif::go(move || {
        flag.store(true, Ordering::SeqCst);
        f()
    });
    yield_until(|| begun.load(Ordering::SeqCst));
    // It may yield before it waits, when it has used up its budget.
    for _ in 0..10 {
        lif::yield_now();
    }
    child
}

#[test]
fn a_cancelled_wait_unwinds_and_drops_its_future() {
    let _watch = watch();
    runtime(1).run(|| {
        let dropped = Arc::new(AtomicUsize::new(0));
        for before in [false, true] {
            let note = Arc::clone(&dropped);
            let child = started(move || {
                let end = AtEnd(move || {
                    note.fetch_add(1, Ordering::SeqCst);
                });
                if before {
                    yield_until(lif::cancel::is_cancelled);
                }
                block_on(async move {
                    let _end = end;
                    pending::<()>().await;
                });
            });
            child.cancel();
            assert!(was_cancelled(child.join()));
        }
        assert_eq!(dropped.load(Ordering::SeqCst), 2);
    });
}

#[test]
fn what_has_come_when_the_cancellation_does_is_not_lost() {
    let _watch = watch();
    runtime(1).run(|| {
        let (sender, receiver) = async_channel::unbounded();
        let child = started({
            let receiver = receiver.clone();
            move || block_on(receiver.recv())
        });
        // Both before the child runs again.
        sender.try_send(1).unwrap();
        child.cancel();
        assert_eq!(child.join().unwrap(), Ok(1));
        // A cancelled one takes nothing.
        let child = started({
            let receiver = receiver.clone();
            move || {
                yield_until(lif::cancel::is_cancelled);
                block_on(receiver.recv())
            }
        });
        sender.try_send(2).unwrap();
        child.cancel();
        assert!(was_cancelled(child.join()));
        assert_eq!(receiver.try_recv(), Ok(2));
    });
}

#[test]
fn a_cancellation_against_a_message_loses_neither() {
    let _watch = watch();
    let runtime = runtime(2);
    runtime.run(|| {
        for round in 0..500u32 {
            let (sender, receiver) = async_channel::bounded(1);
            let child = lif::go({
                let receiver = receiver.clone();
                move || block_on(receiver.recv()).unwrap()
            });
            let sending = lif::go(move || block_on(sender.send(round)).unwrap());
            if round % 3 == 0 {
                lif::yield_now();
            }
            child.cancel();
            sending.join().unwrap();
            match child.join() {
                Ok(got) => assert_eq!(got, round),
                Err(payload) => {
                    assert!(payload.is::<lif::Cancelled>());
                    assert_eq!(receiver.try_recv(), Ok(round));
                }
            }
        }
    });
}

#[test]
fn a_shield_defers_the_cancellation_of_a_wait() {
    let _watch = watch();
    runtime(1).run(|| {
        let signal = Signal::default();
        let child = lif::go({
            let signal = signal.clone();
            move || {
                lif::cancel::shield(|| block_on(signal));
                block_on(pending::<()>());
            }
        });
        drop(signal.waker());
        child.cancel();
        for _ in 0..10 {
            lif::yield_now();
        }
        assert!(!child.is_finished());
        drop(signal.finish());
        assert!(was_cancelled(child.join()));
    });
}

#[test]
fn a_timeout_ends_the_wait_and_the_future_may_be_waited_for_again() {
    fn check() {
        let signal = Signal::default();
        let mut future = signal.clone();
        let start = Instant::now();
        assert_eq!(timeout(SOON, || block_on(&mut future)), Err(TimedOut));
        assert!(start.elapsed() >= SOON, "never early");
        drop(signal.finish());
        assert!(timeout(LONG, || block_on(&mut future)).unwrap() >= 2);
    }
    let _watch = watch();
    check();
    runtime(1).run(check);
}

#[test]
fn a_future_that_wakes_itself_for_ever_can_be_cancelled_and_timed_out() {
    fn restless() {
        block_on(poll_fn(|context| {
            context.waker().wake_by_ref();
            Poll::<()>::Pending
        }));
    }
    let _watch = watch();
    runtime(1).run(|| {
        let child = started(restless);
        child.cancel();
        assert!(was_cancelled(child.join()));
        assert_eq!(timeout(SOON, restless), Err(TimedOut));
    });
    assert_eq!(timeout(SOON, restless), Err(TimedOut));
}

#[test]
fn a_destructor_that_unwinds_blocks_its_thread_for_a_future_from_elsewhere() {
    let _watch = watch();
    let other = runtime(1);
    let (one, two) = (runtime(1), other.handle());
    one.run(move || {
        for panics in [true, false] {
            let two = two.clone();
            let (sent, received) = mpsc::channel();
            let child = started(move || {
                let _end = AtEnd(move || {
                    assert!(thread::panicking());
                    let far = two.go(|| {
                        lif::sleep(SOON);
                        11
                    });
                    sent.send(block_on(far).unwrap()).unwrap();
                });
                assert!(!panics, "on purpose");
                lif::park();
            });
            child.cancel();
            assert_eq!(was_cancelled(child.join()), !panics);
            assert_eq!(received.recv().ok(), Some(11));
        }
    });
}

#[test]
fn the_wait_of_a_destructor_outlasts_the_deadline_that_unwinds_it() {
    fn check(two: &lif::Handle) {
        let polls = Cell::new(0);
        let late = timeout(SOON, || {
            let _end = AtEnd(|| {
                let signal = Signal::default();
                let other = signal.clone();
                let far = two.go(move || {
                    lif::sleep(4 * SOON);
                    drop(other.finish());
                });
                polls.set(block_on(signal));
                far.join().unwrap();
            });
            block_on(pending::<()>());
        });
        assert_eq!(late, Err(TimedOut));
        assert_eq!(polls.get(), 2, "it sleeps between them");
    }
    let _watch = watch();
    let other = runtime(1);
    check(&other.handle());
    let two = other.handle();
    runtime(1).run(move || check(&two));
}
