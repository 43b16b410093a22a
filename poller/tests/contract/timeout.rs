//! Time: no wait ends before its timeout because of rounding; signals end it with no events.

use std::os::unix::thread::JoinHandleExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use lif_poller::Interest;

use crate::common::{A, Fixture, unix_pair, watched};

#[test]
fn no_wait_ends_early() {
    watched(|| {
        let mut f = Fixture::new();
        let micros = [1, 10, 100, 499, 500, 501, 999, 1_000, 1_001, 1_500, 1_999, 5_000, 20_001];
        for asked in micros.map(Duration::from_micros) {
            for _ in 0..3 {
                let start = Instant::now();
                f.poller.wait(&mut f.events, Some(asked)).unwrap();
                let took = start.elapsed();
                assert!(took >= asked, "asked {asked:?}, took {took:?}");
                assert!(f.events.is_empty());
            }
        }
    });
}

#[test]
fn single_nanosecond_isnt_for_ever() {
    watched(|| {
        let mut f = Fixture::new();
        f.poller.wait(&mut f.events, Some(Duration::from_nanos(1))).unwrap();
        assert!(f.events.is_empty());
    });
}

#[test]
fn huge_timeouts_are_taken() {
    watched(|| {
        let mut f = Fixture::new();
        for huge in [Duration::MAX, Duration::from_secs(1 << 40), Duration::from_secs(1 << 31)] {
            f.poller.wake().unwrap();
            f.poller.wait(&mut f.events, Some(huge)).unwrap();
            assert!(f.events.is_empty());
        }
    });
}

#[test]
fn wait_forgets_the_events_of_the_one_before() {
    watched(|| {
        let mut f = Fixture::new();
        let (near, _far) = unix_pair();
        f.edge(&near, A, Interest::WRITE);
        f.poller.wait(&mut f.events, None).unwrap();
        assert_eq!((f.events.len(), f.events.is_empty()), (1, false));
        f.poller.wait(&mut f.events, Some(Duration::ZERO)).unwrap();
        assert_eq!((f.events.len(), f.events.is_empty()), (0, true));
        f.edge(&near, A, Interest::WRITE);
        f.poller.wait(&mut f.events, None).unwrap();
        f.events.clear();
        assert!(f.events.is_empty() && f.events.iter().next().is_none());
    });
}

#[test]
fn signal_ends_a_wait_without_events() {
    extern "C" fn ignore(_signal: libc::c_int) {}
    watched(|| {
        // SAFETY: all zeros is a valid sigaction: no flags, an empty mask, the default handler.
        let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
        action.sa_sigaction = ignore as extern "C" fn(libc::c_int) as libc::sighandler_t;
        // SAFETY: the handler does nothing, so it may run anywhere; no old action is asked for.
        let set =
            unsafe { libc::sigaction(libc::SIGUSR1, &raw const action, std::ptr::null_mut()) };
        assert_eq!(set, 0);

        for timeout in [None, Some(Duration::from_secs(3_600))] {
            let returned = Arc::new(AtomicBool::new(false));
            let waiter = thread::spawn({
                let returned = Arc::clone(&returned);
                move || {
                    let mut f = Fixture::new();
                    let answer = f.poller.wait(&mut f.events, timeout);
                    // ORDER: Release, with the loop's Acquire; the join carries the results.
                    returned.store(true, Ordering::Release);
                    (answer, f.events.len())
                }
            });
            // The first signals may come before the wait has begun, so they go on until it ends.
            // ORDER: Acquire, with the store's Release; only the flag itself matters.
            while !returned.load(Ordering::Acquire) {
                // SAFETY: the thread isn't joined yet, so its id is valid.
                let sent = unsafe { libc::pthread_kill(waiter.as_pthread_t(), libc::SIGUSR1) };
                assert!(sent == 0 || sent == libc::ESRCH);
                thread::sleep(Duration::from_millis(1));
            }
            let (answer, count) = waiter.join().unwrap();
            answer.unwrap();
            assert_eq!(count, 0);
        }
    });
}
