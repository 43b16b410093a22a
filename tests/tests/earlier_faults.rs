//! The faults that the system had before, and must never have again.
//!
//! A task dequeued twice (its memory had become another task), tasks that were queued while every
//! worker slept, one event that queued a task twice, and an event that came late and met the next
//! user of a descriptor's number.

use std::{
    io::{Read, Write},
    os::fd::{AsFd, AsRawFd},
    sync::{
        Arc, Barrier, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use lif::{
    Interest,
    net::{TcpStream, UnixStream},
};
use lif_tests::{Solo, alone, net::pair, random::Random, runtime, until, watch, yield_until};

/// Short-lived coroutines, so that their memory is used again and again, are woken by threads that
/// keep handles for longer than the coroutines live.
#[test]
fn a_recycled_coroutine_is_never_run_twice() {
    const NOTIFIERS: usize = 3;
    const GENERATIONS: usize = 60;
    const EACH: usize = 50;
    let watchdog = watch();
    let runtime = runtime(4);
    watchdog.about(&runtime);
    let targets: Arc<Mutex<Vec<lif::thread::Thread>>> = Arc::default();
    let over = Arc::new(AtomicBool::new(false));
    let notifiers: Vec<_> = (0..NOTIFIERS)
        .map(|_| {
            let (targets, over) = (Arc::clone(&targets), Arc::clone(&over));
            let mut random = Random::new();
            std::thread::spawn(move || {
                let mut kept: Vec<lif::thread::Thread> = Vec::new();
                while !over.load(Ordering::SeqCst) {
                    kept.extend(targets.lock().unwrap().iter().cloned());
                    for _ in 0..200 {
                        if kept.is_empty() {
                            std::thread::yield_now();
                            continue;
                        }
                        let which = random.below(kept.len() as u64) as usize;
                        kept[which].unpark();
                    }
                    let keep = kept.len() / 2;
                    kept.truncate(keep);
                }
            })
        })
        .collect();
    let finished = Arc::new(AtomicUsize::new(0));
    for _ in 0..GENERATIONS {
        let children: Vec<_> = (0..EACH)
            .map(|_| {
                let finished = Arc::clone(&finished);
                runtime.go(move || {
                    let solo = Solo::new();
                    for round in 0..10 {
                        solo.outside(|| match round % 3 {
                            0 => lif::park_timeout(Duration::from_micros(30)),
                            1 => lif::yield_now(),
                            _ => lif::sleep(Duration::from_micros(10)),
                        });
                    }
                    assert_eq!(solo.turns(), 11);
                    finished.fetch_add(1, Ordering::SeqCst);
                })
            })
            .collect();
        *targets.lock().unwrap() = children.iter().map(|child| child.thread().clone()).collect();
        for child in children {
            child.join().unwrap();
        }
    }
    over.store(true, Ordering::SeqCst);
    for notifier in notifiers {
        notifier.join().unwrap();
    }
    assert_eq!(finished.load(Ordering::SeqCst), GENERATIONS * EACH);
}

/// Two coroutines pass a notice back and forth; one that got lost would be a hang.
#[test]
fn no_unpark_is_ever_lost() {
    const ROUNDS: usize = 20_000;
    let watchdog = watch();
    let runtime = runtime(2);
    watchdog.about(&runtime);
    let turn = Arc::new(AtomicUsize::new(0));
    let player = |me: usize, other: Arc<Mutex<Option<lif::thread::Thread>>>| {
        let turn = Arc::clone(&turn);
        move || {
            until(|| other.lock().unwrap().is_some());
            let other = other.lock().unwrap().clone().unwrap();
            for round in 0..ROUNDS {
                while turn.load(Ordering::SeqCst) != 2 * round + me {
                    lif::park();
                }
                turn.fetch_add(1, Ordering::SeqCst);
                other.unpark();
            }
        }
    };
    let names: [Arc<Mutex<Option<lif::thread::Thread>>>; 2] = Default::default();
    let first = runtime.go(player(0, Arc::clone(&names[1])));
    let second = runtime.go(player(1, Arc::clone(&names[0])));
    *names[0].lock().unwrap() = Some(first.thread().clone());
    *names[1].lock().unwrap() = Some(second.thread().clone());
    first.join().unwrap();
    second.join().unwrap();
    assert_eq!(turn.load(Ordering::SeqCst), 2 * ROUNDS);
}

#[test]
fn what_is_spawned_while_all_workers_sleep_runs() {
    let watchdog = watch();
    for workers in [1, 2, 4] {
        let runtime = runtime(workers);
        watchdog.about(&runtime);
        for round in 0..300 {
            if workers > 1 && round % 3 == 0 {
                until(|| runtime.metrics().sleeping == workers);
            }
            let children: Vec<_> = (0..1 + round % 7).map(|i| runtime.go(move || i)).collect();
            for (i, child) in children.into_iter().enumerate() {
                assert_eq!(child.join().unwrap(), i);
            }
        }
    }
}

/// Each takes longer than a worker runs before it looks around.
#[test]
fn a_lone_worker_forgets_no_coroutine_that_was_spawned_while_it_computed() {
    let watchdog = watch();
    let runtime = runtime(1);
    watchdog.about(&runtime);
    for count in 1..40 {
        let hold = Arc::new(Barrier::new(2));
        let held = Arc::clone(&hold);
        drop(runtime.go(move || {
            held.wait();
        }));
        // All are there when the worker goes on.
        let ran = Arc::<AtomicUsize>::default();
        for _ in 0..count {
            let ran = Arc::clone(&ran);
            drop(runtime.go(move || {
                std::thread::sleep(Duration::from_micros(200));
                ran.fetch_add(1, Ordering::SeqCst);
            }));
        }
        hold.wait();
        watchdog.note(format!("{count} coroutines"));
        runtime.wait_idle();
        assert_eq!(ran.load(Ordering::SeqCst), count);
    }
}

/// The parent keeps its worker: only another one, which sleeps, can run the child.
#[test]
fn a_sleeping_worker_takes_the_child_of_one_that_computes() {
    let watchdog = watch();
    let runtime = runtime(2);
    watchdog.about(&runtime);
    for round in 0..300 {
        if round % 2 == 0 {
            until(|| runtime.metrics().sleeping == 2);
        }
        runtime.run(|| {
            let ran = Arc::new(AtomicBool::new(false));
            let flag = Arc::clone(&ran);
            let child = lif::go(move || flag.store(true, Ordering::SeqCst));
            while !ran.load(Ordering::SeqCst) {
                std::thread::yield_now();
            }
            child.join().unwrap();
        });
    }
}

/// Each child keeps its worker until all of them run: so every worker has to come, also when one
/// has already taken several of them.
#[test]
fn no_worker_sleeps_while_another_holds_several_new_coroutines() {
    const WORKERS: usize = 4;
    let watchdog = watch();
    let runtime = runtime(WORKERS);
    watchdog.about(&runtime);
    for round in 0..200 {
        let all_run = Arc::new(Barrier::new(WORKERS));
        let child = || {
            let all_run = Arc::clone(&all_run);
            move || {
                all_run.wait();
            }
        };
        if round % 4 == 0 {
            until(|| runtime.metrics().sleeping == WORKERS);
        }
        if round % 2 == 0 {
            // From outside.
            let children: Vec<_> = (0..WORKERS).map(|_| runtime.go(child())).collect();
            for child in children {
                child.join().unwrap();
            }
        } else {
            // From one of them, which then keeps its own worker.
            runtime.run(|| {
                let children: Vec<_> = (1..WORKERS).map(|_| lif::go(child())).collect();
                all_run.wait();
                for child in children {
                    child.join().unwrap();
                }
            });
        }
    }
}

#[test]
fn one_event_for_both_sides_wakes_its_coroutine_once() {
    const ROUNDS: usize = 2_000;
    let _watch = watch();
    runtime(2).run(|| {
        let (mine, theirs) = UnixStream::pair().unwrap();
        let (mut back, ack) = UnixStream::pair().unwrap();
        let waits = lif::go(move || {
            let solo = Solo::new();
            let (mut read, mut wrote) = (0, 0);
            let mut buffer = [0; 64];
            while read < ROUNDS {
                let both = Interest::READ | Interest::WRITE;
                let interest = if wrote % 2 == 0 { both } else { Interest::READ };
                let ready = solo.outside(|| lif::await_io(&mine, interest, None)).unwrap();
                wrote += usize::from(ready.is_writable()) + 1;
                if ready.is_readable() {
                    let n = solo.outside(|| (&mine).read(&mut buffer)).unwrap();
                    read += n;
                    for _ in 0..n {
                        solo.outside(|| (&ack).write_all(b"a")).unwrap();
                    }
                }
            }
            assert_eq!(read, ROUNDS);
        });
        for _ in 0..ROUNDS {
            (&theirs).write_all(b"x").unwrap();
            back.read_exact(&mut [0]).unwrap();
        }
        waits.join().unwrap();
    });
}

/// A timer and an event for one wait, at about the same moment.
#[test]
fn a_timer_and_an_event_together_wake_once() {
    const ROUNDS: u64 = 1_500;
    let _watch = watch();
    let mut random = Random::new();
    runtime(2).run(move || {
        let (mine, mut theirs) = pair();
        mine.set_read_timeout(Some(Duration::from_micros(60))).unwrap();
        let reader = lif::go(move || {
            let solo = Solo::new();
            let (mut sum, mut late) = (0_u64, 0_u64);
            let mut byte = [0; 1];
            while sum < ROUNDS {
                match solo.outside(|| (&mine).read(&mut byte)) {
                    Ok(1) => sum += u64::from(byte[0]),
                    Ok(n) => panic!("read {n} bytes"),
                    Err(error) => {
                        assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock);
                        late += 1;
                    }
                }
            }
            (sum, late)
        });
        for _ in 0..ROUNDS {
            lif::sleep(Duration::from_micros(20 + random.below(80)));
            theirs.write_all(&[1]).unwrap();
        }
        let (sum, late) = reader.join().unwrap();
        println!("{late} timeouts");
        assert_eq!(sum, ROUNDS);
    });
}

/// The number of a closed socket is used again while the old connection's other end still sends.
#[test]
fn a_reused_descriptor_number_gets_no_old_event() {
    alone(|| {
        lif_tests::runtime(1).run(|| {
            for _ in 0..300 {
                let (old, mut old_peer) = pair();
                let number = old.as_raw_fd();
                old.set_read_timeout(Some(Duration::from_micros(1))).unwrap();
                // Registers.
                (&old).read(&mut [0]).unwrap_err();
                old_peer.write_all(b"late").unwrap();
                drop(old);
                let (mut new, new_peer) = UnixStream::pair().unwrap();
                assert!([new.as_raw_fd(), new_peer.as_raw_fd()].contains(&number));
                let reader = lif::go(move || {
                    let mut got = [0; 16];
                    let n = new.read(&mut got).unwrap();
                    assert_eq!(&got[..n], b"new");
                });
                drop(old_peer.write(b"later"));
                lif::yield_now();
                lif::yield_now();
                (&new_peer).write_all(b"new").unwrap();
                reader.join().unwrap();
            }
        });
    })
    .passed();
}

/// The same, with a duplicate that keeps the old connection open: then the kernel would go on
/// reporting, under the number that it was registered with.
#[test]
fn a_duplicate_keeps_no_registration_alive() {
    alone(|| {
        let runtime = lif_tests::runtime(1);
        let handle = runtime.handle();
        runtime.run(move || {
            for _ in 0..50 {
                let (old, mut old_peer) = pair();
                let number = old.as_raw_fd();
                old.set_read_timeout(Some(Duration::from_micros(1))).unwrap();
                (&old).read(&mut [0]).unwrap_err();
                let duplicate = old.as_fd().try_clone_to_owned().unwrap();
                drop(old);
                let (mut new, mut new_peer) = UnixStream::pair().unwrap();
                assert!([new.as_raw_fd(), new_peer.as_raw_fd()].contains(&number));
                let woken = Arc::new(AtomicBool::new(false));
                let flag = Arc::clone(&woken);
                let reader = lif::go(move || {
                    let mut got = [0; 16];
                    let n = new.read(&mut got).unwrap();
                    flag.store(true, Ordering::SeqCst);
                    assert_eq!(&got[..n], b"new");
                });
                // It parks: this is the only worker.
                lif::yield_now();
                let polls = |least| {
                    let now = handle.metrics().polls;
                    yield_until(|| handle.metrics().polls >= now + least);
                };
                polls(2);
                let events = handle.metrics().events;
                for _ in 0..5 {
                    old_peer.write_all(b"old").unwrap();
                    polls(2);
                }
                assert_eq!(handle.metrics().events, events, "the old registration reports");
                assert!(!woken.load(Ordering::SeqCst));
                new_peer.write_all(b"new").unwrap();
                reader.join().unwrap();
                let mut kept = TcpStream::from(duplicate);
                let mut got = [0; 15];
                kept.read_exact(&mut got).unwrap();
                assert_eq!(&got, b"oldoldoldoldold");
            }
        });
    })
    .passed();
}
