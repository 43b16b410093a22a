//! Deadlines over pieces of code, shields, and asking whether one is cancelled.

use std::{
    io::{ErrorKind, Read, Write},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use lif::{
    Cancelled,
    cancel::{self, Reason},
    time::{TimedOut, timeout, timeout_at},
};
use lif_tests::{net, runtime, watch, yield_until};

const SOON: Duration = Duration::from_millis(5);
const LONG: Duration = Duration::from_secs(3600);

#[test]
fn code_that_ends_in_time_gives_its_result() {
    let _watch = watch();
    runtime(1).run(|| {
        assert_eq!(timeout(LONG, || 7), Ok(7));
        assert_eq!(timeout(Duration::MAX, lif::yield_now), Ok(()));
        assert!(!cancel::is_cancelled());
    });
}

#[test]
fn a_sleep_a_park_and_a_join_are_unwound_at_the_deadline_and_run_destructors() {
    struct Note(Arc<AtomicBool>);
    impl Drop for Note {
        fn drop(&mut self) {
            self.0.store(true, Ordering::SeqCst);
        }
    }
    let _watch = watch();
    runtime(1).run(|| {
        let waits: [fn(); 3] =
            [|| lif::sleep(LONG), lif::park, || lif::go(lif::park).join().unwrap()];
        for wait in waits {
            let dropped = Arc::new(AtomicBool::new(false));
            let note = Note(Arc::clone(&dropped));
            let start = Instant::now();
            let late = timeout(SOON, move || {
                let _note = note;
                wait();
            });
            assert_eq!(late, Err(TimedOut));
            assert!(start.elapsed() >= SOON, "never early");
            assert!(dropped.load(Ordering::SeqCst));
            assert!(!cancel::is_cancelled(), "the deadline went with its code");
            lif::sleep(Duration::from_micros(1));
        }
    });
}

#[test]
fn io_fails_at_the_deadline_with_its_kind_and_works_afterwards() {
    let _watch = watch();
    runtime(1).run(|| {
        let (mut mine, mut theirs) = net::pair();
        let mut byte = [0];
        let failed = timeout(SOON, || mine.read(&mut byte)).unwrap().unwrap_err();
        assert_eq!(failed.kind(), ErrorKind::TimedOut);
        assert_eq!(Cancelled::in_error(&failed).unwrap().reason(), Reason::Deadline);
        theirs.write_all(b"x").unwrap();
        assert_eq!(mine.read(&mut byte).unwrap(), 1);
    });
}

#[test]
fn of_nested_deadlines_the_nearest_counts() {
    let _watch = watch();
    runtime(1).run(|| {
        // The inner one is nearer: only its code is unwound.
        let outer = timeout(LONG, || {
            assert_eq!(timeout(SOON, || lif::sleep(LONG)), Err(TimedOut));
            assert!(!cancel::is_cancelled());
            7
        });
        assert_eq!(outer, Ok(7));
        // The outer one is nearer: the inner one does not take it for its own.
        let mut inner = None;
        let outer = timeout(SOON, || inner = Some(timeout(LONG, || lif::sleep(LONG))));
        assert_eq!((outer, inner), (Err(TimedOut), None));
    });
}

#[test]
fn what_has_passed_already_ends_the_first_wait() {
    let _watch = watch();
    runtime(1).run(|| {
        let late = timeout_at(Instant::now(), || {
            assert!(cancel::check().is_err());
            lif::park();
        });
        assert_eq!(late, Err(TimedOut));
        assert_eq!(timeout(Duration::ZERO, || 1), Ok(1), "without a wait it ends");
    });
}

#[test]
fn a_panic_goes_through_a_timeout() {
    let _watch = watch();
    runtime(1).run(|| {
        let panicked = lif::go(|| timeout(LONG, || panic!("on purpose"))).join();
        assert!(panicked.is_err_and(|payload| payload.is::<&str>()));
    });
}

#[test]
fn a_cancellation_goes_through_a_timeout() {
    let _watch = watch();
    runtime(1).run(|| {
        let child = lif::go(|| timeout(LONG, lif::park));
        lif::yield_now();
        child.cancel_with(Reason::Custom(7));
        let payload = child.join().unwrap_err();
        assert_eq!(payload.downcast_ref::<Cancelled>().unwrap().reason(), Reason::Custom(7));
    });
}

#[test]
fn a_timeout_works_on_a_plain_thread() {
    let _watch = watch();
    assert_eq!(timeout(SOON, || lif::sleep(LONG)), Err(TimedOut));
    assert_eq!(timeout(SOON, lif::park), Err(TimedOut));
    let (mut mine, _theirs) = net::pair();
    let failed = timeout(SOON, || mine.read(&mut [0])).unwrap().unwrap_err();
    assert_eq!(failed.kind(), ErrorKind::TimedOut);
    let (pipe, _writer) = std::io::pipe().unwrap();
    let waited = timeout(SOON, || lif::await_io(&pipe, lif::Interest::READ, None)).unwrap();
    assert_eq!(Cancelled::in_error(&waited.unwrap_err()).unwrap().reason(), Reason::Deadline);
    assert!(!cancel::is_cancelled());
}

#[test]
fn a_shield_defers_the_cancellation_and_the_deadline() {
    let _watch = watch();
    runtime(1).run(|| {
        let shielded = Arc::new(AtomicBool::new(false));
        let done = Arc::new(AtomicBool::new(false));
        let (flag, end) = (Arc::clone(&shielded), Arc::clone(&done));
        let child = lif::go(move || {
            cancel::shield(|| {
                flag.store(true, Ordering::SeqCst);
                while !cancel::is_cancelled() {
                    lif::yield_now();
                }
                assert_eq!(cancel::reason(), Some(Reason::Requested));
                assert!(cancel::check().is_ok(), "deferred");
                lif::sleep(Duration::from_millis(1));
                let (mut mine, mut theirs) = net::pair();
                theirs.write_all(b"x").unwrap();
                assert_eq!(mine.read(&mut [0]).unwrap(), 1);
                end.store(true, Ordering::SeqCst);
            });
            lif::park();
        });
        yield_until(|| shielded.load(Ordering::SeqCst));
        child.cancel();
        assert!(child.join().unwrap_err().is::<Cancelled>());
        assert!(done.load(Ordering::SeqCst));

        let slept = Instant::now();
        let late = timeout(SOON, || {
            cancel::shield(|| lif::sleep(SOON * 2));
            lif::park();
        });
        assert_eq!(late, Err(TimedOut));
        assert!(slept.elapsed() >= SOON * 2);
        // A deadline of its own counts within a shield.
        let inner = cancel::shield(|| timeout(SOON, lif::park));
        assert_eq!(inner, Err(TimedOut));
    });
}

#[test]
fn a_loop_that_ignores_the_deadline_keeps_nobody_from_running() {
    let _watch = watch();
    runtime(1).run(|| {
        let (mut mine, _theirs) = net::pair();
        let stop = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&stop);
        let stubborn = lif::go(move || {
            timeout(Duration::ZERO, || {
                while !flag.load(Ordering::SeqCst) {
                    assert!(mine.read(&mut [0]).is_err());
                }
            })
        });
        lif::sleep(Duration::from_millis(2));
        stop.store(true, Ordering::SeqCst);
        assert_eq!(stubborn.join().unwrap(), Ok(()));
    });
}
