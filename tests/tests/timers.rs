//! Timers: never early, many, short and long ones, and timeouts against data.

use std::{
    io::{ErrorKind, Read, Write},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use lif::net::{UdpSocket, UnixDatagram, UnixStream};
use lif_tests::{
    net::{fill, pair},
    random::Random,
    runtime, was_cancelled, watch, yield_until,
};

#[test]
fn no_sleep_is_early() {
    let _watch = watch();
    let mut random = Random::new();
    let runtime = runtime(2);
    let sleepers: Vec<_> = (0..500)
        .map(|_| {
            let naps: Vec<_> =
                (0..4).map(|_| Duration::from_nanos(random.below(20_000_000))).collect();
            runtime.go(move || {
                for nap in naps {
                    let before = Instant::now();
                    lif::sleep(nap);
                    let slept = before.elapsed();
                    assert!(slept >= nap, "{slept:?} of {nap:?}");
                }
            })
        })
        .collect();
    for sleeper in sleepers {
        sleeper.join().unwrap();
    }
}

#[test]
fn sleeps_on_a_thread_are_not_early_either() {
    let _watch = watch();
    for micros in [0, 1, 50, 999, 1_001, 3_000] {
        let nap = Duration::from_micros(micros);
        let before = Instant::now();
        lif::sleep(nap);
        assert!(before.elapsed() >= nap);
        let deadline = Instant::now() + nap;
        lif::sleep_until(deadline);
        assert!(Instant::now() >= deadline);
    }
}

#[test]
fn twenty_thousand_sleepers_all_wake() {
    let watchdog = watch();
    let runtime = runtime(2);
    watchdog.about(&runtime);
    let woken = Arc::<AtomicUsize>::default();
    for i in 0..20_000_u64 {
        let woken = Arc::clone(&woken);
        drop(runtime.go(move || {
            lif::sleep(Duration::from_micros(i * 7_919 % 100_000));
            woken.fetch_add(1, Ordering::SeqCst);
        }));
    }
    runtime.wait_idle();
    assert_eq!(woken.load(Ordering::SeqCst), 20_000);
    assert!(runtime.metrics().timers > 0);
}

#[test]
fn sleepers_wake_in_the_order_of_their_deadlines() {
    let _watch = watch();
    runtime(1).run(|| {
        let order = Arc::new(std::sync::Mutex::new(Vec::new()));
        let start = Instant::now() + Duration::from_millis(20);
        // Apart by more than the wheel's tick, and spawned out of order.
        let children: Vec<_> = (0..40_u32)
            .map(|i| {
                let (order, which) = (Arc::clone(&order), i * 17 % 40);
                lif::go(move || {
                    lif::sleep_until(start + Duration::from_micros(500) * which);
                    order.lock().unwrap().push((which, Instant::now()));
                })
            })
            .collect();
        for child in children {
            child.join().unwrap();
        }
        for &(which, at) in &*order.lock().unwrap() {
            assert!(at >= start + Duration::from_micros(500) * which);
        }
    });
}

#[test]
fn a_sleep_of_nothing_and_one_until_the_past_return_at_once() {
    let _watch = watch();
    runtime(1).run(|| {
        let past = Instant::now();
        for _ in 0..1_000 {
            lif::sleep(Duration::ZERO);
            lif::sleep_until(past);
            lif::park_timeout(Duration::ZERO);
        }
    });
}

#[test]
fn durations_beyond_the_clock_wait_until_something_else_happens() {
    let _watch = watch();
    runtime(1).run(|| {
        for huge in [Duration::MAX, Duration::from_secs(u64::MAX), Duration::from_secs(1 << 40)] {
            let (mut mine, mut theirs) = pair();
            let sleeps = lif::go(move || lif::sleep(huge));
            let parks = lif::go(move || lif::park_timeout(huge));
            let joins = lif::go(move || lif::go(lif::park).join_timeout(huge).is_ok());
            let reads = lif::go(move || {
                // The kernel's own option may refuse it, as std's does.
                drop(mine.set_read_timeout(Some(huge)));
                mine.read(&mut [0; 1]).unwrap()
            });
            for _ in 0..20 {
                lif::yield_now();
            }
            assert!(!sleeps.is_finished() && !joins.is_finished() && !reads.is_finished());
            theirs.write_all(b"x").unwrap();
            assert_eq!(reads.join().unwrap(), 1);
            sleeps.cancel();
            assert!(was_cancelled(sleeps.join()));
            parks.thread().unpark();
            parks.join().unwrap();
            joins.cancel();
            assert!(was_cancelled(joins.join()));
        }
    });
}

#[test]
fn the_kind_at_the_timeout_is_stds() {
    let _watch = watch();
    let limit = Duration::from_millis(3);
    let test = || {
        let late = |mut wait: Box<dyn FnMut() -> std::io::Result<usize> + '_>| {
            let before = Instant::now();
            assert_eq!(wait().unwrap_err().kind(), ErrorKind::WouldBlock);
            assert!(before.elapsed() >= limit, "early: {:?}", before.elapsed());
        };
        let (mut tcp, _theirs) = pair();
        tcp.set_read_timeout(Some(limit)).unwrap();
        tcp.set_write_timeout(Some(limit)).unwrap();
        late(Box::new(|| (&tcp).read(&mut [0; 1])));
        late(Box::new(|| tcp.peek(&mut [0; 1])));
        fill(&tcp).unwrap();
        late(Box::new(|| tcp.write(&[0; 1 << 20])));
        let (unix, _theirs) = UnixStream::pair().unwrap();
        unix.set_read_timeout(Some(limit)).unwrap();
        late(Box::new(|| (&unix).read(&mut [0; 1])));
        let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
        udp.set_read_timeout(Some(limit)).unwrap();
        late(Box::new(|| udp.recv(&mut [0; 1])));
        late(Box::new(|| udp.recv_from(&mut [0; 1]).map(|(n, _)| n)));
        let (datagram, _theirs) = UnixDatagram::pair().unwrap();
        datagram.set_read_timeout(Some(limit)).unwrap();
        late(Box::new(|| datagram.recv(&mut [0; 1])));
        datagram.set_write_timeout(Some(limit)).unwrap();
        late(Box::new(|| {
            loop {
                datagram.send(&[0; 4096])?;
            }
        }));
        let kind = tcp.set_read_timeout(Some(Duration::ZERO)).unwrap_err().kind();
        assert_eq!(kind, ErrorKind::InvalidInput);
    };
    runtime(1).run(test);
    test();
}

#[test]
fn a_timeout_bounds_each_call_anew_and_can_be_taken_away() {
    let _watch = watch();
    runtime(1).run(|| {
        let (mut mine, mut theirs) = pair();
        mine.set_read_timeout(Some(Duration::from_millis(1))).unwrap();
        for _ in 0..5 {
            assert_eq!(mine.read(&mut [0; 1]).unwrap_err().kind(), ErrorKind::WouldBlock);
        }
        theirs.write_all(b"a").unwrap();
        assert_eq!(mine.read(&mut [0; 1]).unwrap(), 1);
        mine.set_read_timeout(None).unwrap();
        let reader = lif::go(move || mine.read(&mut [0; 1]).unwrap());
        lif::sleep(Duration::from_millis(5));
        assert!(!reader.is_finished());
        theirs.write_all(b"b").unwrap();
        assert_eq!(reader.join().unwrap(), 1);
    });
}

#[test]
fn a_timer_left_by_one_wait_does_not_end_the_next() {
    let _watch = watch();
    runtime(1).run(|| {
        let (mut mine, mut theirs) = pair();
        mine.set_read_timeout(Some(Duration::from_millis(4))).unwrap();
        let started = Arc::<AtomicUsize>::default();
        let count = Arc::clone(&started);
        let reader = lif::go(move || {
            for _ in 0..20 {
                count.fetch_add(1, Ordering::SeqCst);
                match mine.read(&mut [0; 1]) {
                    Ok(n) => assert_eq!(n, 1),
                    // The machine was slow, which says nothing.
                    Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
                }
            }
            mine.set_read_timeout(None).unwrap();
            let before = Instant::now();
            lif::sleep(Duration::from_millis(15));
            assert!(before.elapsed() >= Duration::from_millis(15), "an old timer ended the sleep");
            let before = Instant::now();
            lif::park_timeout(Duration::from_millis(6));
            before.elapsed() >= Duration::from_millis(6)
        });
        yield_until(|| started.load(Ordering::SeqCst) > 0);
        for _ in 0..20 {
            theirs.write_all(b"x").unwrap();
            lif::yield_now();
        }
        assert!(reader.join().unwrap(), "an old timer ended the park");
    });
}

#[test]
fn timeouts_against_data_lose_none() {
    const TOTAL: usize = 3_000;
    let _watch = watch();
    let mut random = Random::new();
    let runtime = runtime(2);
    let (mine, mut theirs) = UnixStream::pair().unwrap();
    mine.set_read_timeout(Some(Duration::from_micros(40))).unwrap();
    let readers = runtime.go(move || {
        let (mut expected, mut late) = (0_usize, 0_usize);
        while expected < TOTAL {
            let mut byte = [0; 1];
            match (&mine).read(&mut byte) {
                Ok(n) => {
                    assert_eq!((n, usize::from(byte[0])), (1, expected % 251));
                    expected += n;
                }
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::WouldBlock);
                    late += 1;
                }
            }
        }
        late
    });
    runtime.run(move || {
        for i in 0..TOTAL {
            lif::sleep(Duration::from_micros(random.below(80)));
            theirs.write_all(&[(i % 251) as u8]).unwrap();
        }
    });
    println!("{} timeouts", readers.join().unwrap());
}

#[test]
fn park_timeout_ends_by_unpark_before_its_time() {
    let _watch = watch();
    runtime(2).run(|| {
        let parks = lif::go(|| lif::park_timeout(Duration::from_secs(3600)));
        parks.thread().unpark();
        parks.join().unwrap();
    });
    let me = lif::current();
    let thread = std::thread::spawn(move || me.unpark());
    lif::park_timeout(Duration::from_secs(3600));
    thread.join().unwrap();
}
