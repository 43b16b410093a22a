//! Waking: from any thread, before or during a wait, and never seen as an event.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use lif_poller::{Events, Interest, Poller};

use crate::common::{A, Fixture, unix_pair, watched};

#[test]
fn wake_before_wait_returns_at_once() {
    watched(|| {
        let mut f = Fixture::new();
        f.poller.wake().unwrap();
        f.poller.wait(&mut f.events, None).unwrap();
        assert_eq!((f.events.len(), f.events.is_empty()), (0, true));
    });
}

#[test]
fn wakes_before_a_wait_merge_into_one() {
    watched(|| {
        let f = Fixture::new();
        let mut raw = Events::with_capacity(4);
        for _ in 0..10 {
            f.poller.wake().unwrap();
        }
        f.poller.wait(&mut raw, None).unwrap();
        // The next wait would block: it runs into its timeout.
        let start = std::time::Instant::now();
        f.poller.wait(&mut raw, Some(Duration::from_millis(5))).unwrap();
        assert!(start.elapsed() >= Duration::from_millis(5));
    });
}

#[test]
fn wake_from_another_thread_ends_a_wait_each_time() {
    watched(|| {
        const ROUNDS: u32 = 2_000;
        let poller = Arc::new(Poller::new().unwrap());
        let reply = Arc::new(Poller::new().unwrap());
        let turn = Arc::new(AtomicU32::new(0));
        let other = thread::spawn({
            let (poller, reply, turn) = (Arc::clone(&poller), Arc::clone(&reply), turn.clone());
            move || {
                let mut events = Events::with_capacity(4);
                for round in 0..ROUNDS {
                    // ORDER: Release and Acquire pair up across the two threads; the number is all
                    // that they tell each other.
                    while turn.load(Ordering::Acquire) != 2 * round + 1 {
                        poller.wait(&mut events, None).unwrap();
                        assert!(events.is_empty());
                    }
                    // ORDER: Release, as above.
                    turn.store(2 * round + 2, Ordering::Release);
                    reply.wake().unwrap();
                }
            }
        });
        let mut events = Events::with_capacity(4);
        for round in 0..ROUNDS {
            // ORDER: Release, as above.
            turn.store(2 * round + 1, Ordering::Release);
            poller.wake().unwrap();
            // ORDER: Acquire, as above.
            while turn.load(Ordering::Acquire) != 2 * round + 2 {
                reply.wait(&mut events, None).unwrap();
            }
        }
        other.join().unwrap();
    });
}

#[test]
fn many_wakers_lose_no_wake() {
    watched(|| {
        const WAKERS: u32 = 4;
        const EACH: u32 = 500;
        let poller = Poller::new().unwrap();
        let sent = AtomicU32::new(0);
        thread::scope(|scope| {
            for _ in 0..WAKERS {
                scope.spawn(|| {
                    for _ in 0..EACH {
                        // ORDER: Release, with the waiter's Acquire; the count is all that passes.
                        sent.fetch_add(1, Ordering::Release);
                        poller.wake().unwrap();
                    }
                });
            }
            let mut events = Events::with_capacity(1);
            // ORDER: Acquire, with the wakers' Release. A wake that was lost would hang this loop.
            while sent.load(Ordering::Acquire) < WAKERS * EACH {
                poller.wait(&mut events, None).unwrap();
                assert!(events.is_empty());
            }
        });
    });
}

#[test]
fn wake_doesnt_hide_events() {
    watched(|| {
        let mut f = Fixture::new();
        let (near, mut far) = unix_pair();
        f.edge(&near, A, Interest::READ);
        far.write_all(b"x").unwrap();
        f.poller.wake().unwrap();
        let mut one = Events::with_capacity(1);
        let mut seen = 0;
        // With room for one, the wake may take it: then the event comes with the next wait.
        for _ in 0..2 {
            f.poller.wait(&mut one, None).unwrap();
            seen += one.len();
        }
        assert_eq!(seen, 1);
        f.silent();
    });
}

#[test]
fn event_from_another_thread_ends_a_wait() {
    watched(|| {
        let mut f = Fixture::new();
        let (near, mut far) = unix_pair();
        f.edge(&near, A, Interest::READ);
        let writer = thread::spawn(move || far.write_all(b"x").map(|()| far));
        assert_eq!(f.next()[0].token(), A);
        drop(writer.join().unwrap().unwrap());
    });
}

#[test]
fn registration_from_another_thread_is_seen_by_a_wait() {
    use std::os::fd::AsFd;
    watched(|| {
        let f = Fixture::new();
        let (near, mut far) = unix_pair();
        far.write_all(b"x").unwrap();
        thread::scope(|scope| {
            scope.spawn(|| {
                f.poller.add(near.as_fd(), A, Interest::READ, lif_poller::Mode::Edge).unwrap();
            });
            let mut events = Events::with_capacity(4);
            f.poller.wait(&mut events, None).unwrap();
            assert_eq!(events.iter().next().unwrap().token(), A);
        });
    });
}
