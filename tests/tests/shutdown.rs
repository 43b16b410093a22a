//! The end of a runtime: with work in flight, from inside, with what will not end.

use std::{
    io::{Read, Write},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
        mpsc,
    },
    time::{Duration, Instant},
};

use lif::{
    Cancelled,
    cancel::Reason,
    net::{TcpStream, UdpSocket},
};
use lif_tests::{
    net::{fill, listener, pair},
    runtime, until, was_cancelled, watch, yield_until,
};

/// Counts when it goes.
struct Counted(Arc<AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// Starts coroutines in every kind of wait; returns how many.
fn work_in_flight(runtime: &lif::Runtime, ended: &Arc<AtomicUsize>) -> usize {
    let mut count = 0;
    let mut start = |wait: Box<dyn FnOnce() + Send>| {
        let counted = Counted(Arc::clone(ended));
        count += 1;
        drop(runtime.go(move || {
            let _counted = counted;
            wait();
        }));
    };
    for _ in 0..10 {
        start(Box::new(|| lif::sleep(Duration::from_secs(3600))));
        start(Box::new(lif::park));
        let (listener, _address) = listener();
        start(Box::new(move || drop(listener.accept())));
        let (mut mine, theirs) = pair();
        start(Box::new(move || {
            drop(mine.read(&mut [0; 1]));
            drop(theirs);
        }));
        let (mut mine, theirs) = pair();
        fill(&mine).unwrap();
        start(Box::new(move || {
            drop(mine.write_all(&[0; 1 << 20]));
            drop(theirs);
        }));
        let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
        start(Box::new(move || drop(udp.recv(&mut [0; 1]))));
        start(Box::new(|| {
            let parked = lif::go(lif::park);
            drop(parked.join());
        }));
        start(Box::new(|| {
            loop {
                lif::go(|| ()).join().unwrap();
                lif::sleep(Duration::from_micros(100));
            }
        }));
    }
    count
}

#[test]
fn a_runtime_dropped_with_work_in_flight_unwinds_all_of_it() {
    let watchdog = watch();
    for workers in [1, 3] {
        for settled in [false, true] {
            let ended = Arc::<AtomicUsize>::default();
            let runtime = runtime(workers);
            watchdog.about(&runtime);
            let count = work_in_flight(&runtime, &ended);
            if settled {
                until(|| runtime.metrics().residents.iter().sum::<usize>() >= count);
            }
            drop(runtime);
            assert_eq!(ended.load(Ordering::SeqCst), count);
        }
    }
}

#[test]
fn shutdown_tells_the_coroutines_why() {
    let _watch = watch();
    let runtime = runtime(1);
    let (mut mine, _theirs) = pair();
    let reads = runtime.go(move || mine.read(&mut [0; 1]));
    let sleeps = runtime.go(|| lif::sleep(Duration::MAX));
    until(|| runtime.metrics().residents == [2]);
    runtime.run(|| ());
    drop(runtime);
    let error = reads.join().unwrap().unwrap_err();
    assert_eq!(Cancelled::in_error(&error).unwrap().reason(), Reason::Shutdown);
    let payload = sleeps.join().unwrap_err();
    assert_eq!(payload.downcast_ref::<Cancelled>().unwrap().reason(), Reason::Shutdown);
}

#[test]
fn a_coroutine_that_has_not_started_at_shutdown_never_runs() {
    let _watch = watch();
    let dropped = Arc::<AtomicUsize>::default();
    let ran = Arc::new(AtomicBool::new(false));
    let runtime = runtime(1);
    let (busy, release) = mpsc::channel::<()>();
    let started = Arc::new(AtomicBool::new(false));
    let begun = Arc::clone(&started);
    let blocks = runtime.go(move || {
        begun.store(true, Ordering::SeqCst);
        // Keeps the only worker.
        release.recv().unwrap_err();
    });
    until(|| started.load(Ordering::SeqCst));
    let (counted, flag) = (Counted(Arc::clone(&dropped)), Arc::clone(&ran));
    let handle = runtime.handle();
    let late = runtime.go(move || {
        let _counted = counted;
        flag.store(true, Ordering::SeqCst);
    });
    let stopping = std::thread::spawn(move || drop(runtime));
    // Refused from outside: the shutdown has begun.
    until(|| handle.go(|| ()).is_finished());
    drop(busy);
    stopping.join().unwrap();
    blocks.join().unwrap();
    assert!(was_cancelled(late.join()));
    assert!(!ran.load(Ordering::SeqCst));
    assert_eq!(dropped.load(Ordering::SeqCst), 1);
}

#[test]
fn what_is_spawned_after_the_end_is_refused() {
    let _watch = watch();
    let runtime = runtime(2);
    let handle = runtime.handle();
    drop(runtime);
    let dropped = Arc::<AtomicUsize>::default();
    for _ in 0..10 {
        let counted = Counted(Arc::clone(&dropped));
        let refused = handle.go(move || drop(counted));
        let payload = refused.join().unwrap_err();
        assert_eq!(payload.downcast_ref::<Cancelled>().unwrap().reason(), Reason::Shutdown);
    }
    assert_eq!(dropped.load(Ordering::SeqCst), 10);
}

#[test]
fn spawns_that_race_the_end_run_or_are_refused() {
    let _watch = watch();
    for _ in 0..60 {
        let runtime = runtime(2);
        let (handle, dropped) = (runtime.handle(), Arc::<AtomicUsize>::default());
        let counts = Arc::clone(&dropped);
        let spawner = std::thread::spawn(move || {
            let handles: Vec<_> = (0..200)
                .map(|_| {
                    let counted = Counted(Arc::clone(&counts));
                    handle.go(move || drop(counted))
                })
                .collect();
            handles.into_iter().map(|handle| handle.join()).filter(Result::is_ok).count()
        });
        drop(runtime);
        let ran = spawner.join().unwrap();
        assert!(ran <= 200);
        assert_eq!(dropped.load(Ordering::SeqCst), 200);
    }
}

#[test]
fn a_coroutine_that_is_being_shut_down_cannot_spawn() {
    let _watch = watch();
    let refused = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&refused);
    let runtime = runtime(1);
    let (mut mine, _theirs) = pair();
    runtime.go(move || {
        mine.read(&mut [0; 1]).unwrap_err();
        let child = lif::go(|| ());
        // It has ended before it began.
        flag.store(child.is_finished(), Ordering::SeqCst);
    });
    until(|| runtime.metrics().residents == [1]);
    runtime.run(|| ());
    drop(runtime);
    assert!(refused.load(Ordering::SeqCst));
}

#[test]
fn a_runtime_dropped_by_one_of_its_coroutines_ends_by_itself() {
    let _watch = watch();
    for workers in [1, 3] {
        let ended = Arc::<AtomicUsize>::default();
        let inner = runtime(workers);
        let handle = inner.handle();
        let count = work_in_flight(&inner, &ended);
        let went_on = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&went_on);
        let place = Arc::new(Mutex::new(None));
        let take = Arc::clone(&place);
        let drops = inner.go(move || {
            yield_until(|| take.lock().unwrap().is_some());
            let own: lif::Runtime = take.lock().unwrap().take().unwrap();
            drop(own);
            // The drop does not wait for its caller.
            flag.store(true, Ordering::SeqCst);
        });
        *place.lock().unwrap() = Some(inner);
        drops.join().unwrap();
        assert!(went_on.load(Ordering::SeqCst));
        until(|| ended.load(Ordering::SeqCst) == count && handle.metrics().live == 0);
        assert!(was_cancelled(handle.go(|| ()).join()));
    }
}

#[test]
fn a_runtime_dropped_in_a_coroutine_of_another_waits_for_its_end() {
    let _watch = watch();
    let outer = runtime(1);
    outer.run(|| {
        let ended = Arc::<AtomicUsize>::default();
        let inner = runtime(2);
        let count = work_in_flight(&inner, &ended);
        // The outer worker is not blocked by it.
        let others = lif::go(|| {
            lif::sleep(Duration::from_millis(1));
            5
        });
        drop(inner);
        assert_eq!(ended.load(Ordering::SeqCst), count);
        assert_eq!(others.join().unwrap(), 5);
    });
}

#[test]
fn shutdown_timeout_returns_nothing_when_all_has_ended() {
    let _watch = watch();
    let ended = Arc::<AtomicUsize>::default();
    let runtime = runtime(2);
    let count = work_in_flight(&runtime, &ended);
    let unfinished = runtime.shutdown_timeout(Duration::from_secs(50));
    assert!(unfinished.is_empty(), "{unfinished:?}");
    assert_eq!(ended.load(Ordering::SeqCst), count);
}

#[test]
fn shutdown_timeout_names_what_computes_for_ever() {
    let _watch = watch();
    let (stop, ended) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let (flag, end) = (Arc::clone(&stop), Arc::clone(&ended));
    let runtime = runtime(2);
    let place = Arc::new(Mutex::new(None));
    let give = Arc::clone(&place);
    runtime.run(move || {
        let spins = lif::Builder::new().name("spins").spawn(move || {
            while !flag.load(Ordering::SeqCst) {
                std::hint::spin_loop();
            }
            end.store(true, Ordering::SeqCst);
        });
        *give.lock().unwrap() = Some(spins.unwrap());
    });
    let spins = place.lock().unwrap().take().unwrap();
    until(|| runtime.metrics().residents.iter().sum::<usize>() == 1);
    let before = Instant::now();
    let unfinished = runtime.shutdown_timeout(Duration::from_millis(40));
    assert!(before.elapsed() >= Duration::from_millis(40));
    assert_eq!(unfinished.len(), 1, "{unfinished:?}");
    assert_eq!(unfinished[0].name(), Some("spins"));
    assert_eq!(unfinished[0].id(), spins.id());
    assert!(unfinished[0].is_running());
    assert!(unfinished[0].spawned_at().file().ends_with("shutdown.rs"));
    // It was leaked and not stopped: let it end.
    assert!(!ended.load(Ordering::SeqCst));
    stop.store(true, Ordering::SeqCst);
    until(|| ended.load(Ordering::SeqCst));
    spins.join().unwrap();
}

#[test]
fn shutdown_timeout_names_what_catches_its_cancellation() {
    let _watch = watch();
    let (stop, started) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let (flag, begun) = (Arc::clone(&stop), Arc::clone(&started));
    let runtime = runtime(1);
    let place = Arc::new(Mutex::new(None));
    let give = Arc::clone(&place);
    runtime.run(move || {
        let stubborn = lif::Builder::new().name("stubborn").spawn(move || {
            begun.store(true, Ordering::SeqCst);
            while !flag.load(Ordering::SeqCst) {
                // The payload of the cancellation is dropped.
                drop(catch_unwind(AssertUnwindSafe(|| lif::sleep(Duration::from_millis(1)))));
            }
        });
        *give.lock().unwrap() = Some(stubborn.unwrap());
    });
    let stubborn = place.lock().unwrap().take().unwrap();
    until(|| started.load(Ordering::SeqCst));
    let unfinished = runtime.shutdown_timeout(Duration::from_millis(40));
    assert_eq!(unfinished.len(), 1, "{unfinished:?}");
    assert_eq!(unfinished[0].name(), Some("stubborn"));
    stop.store(true, Ordering::SeqCst);
    stubborn.join().unwrap();
}

#[test]
fn the_others_end_when_one_does_not() {
    let _watch = watch();
    let stop = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&stop);
    let ended = Arc::<AtomicUsize>::default();
    let runtime = runtime(3);
    let count = work_in_flight(&runtime, &ended);
    until(|| runtime.metrics().residents.iter().sum::<usize>() >= count);
    let started = Arc::new(AtomicBool::new(false));
    let begun = Arc::clone(&started);
    let spins = runtime.go(move || {
        begun.store(true, Ordering::SeqCst);
        while !flag.load(Ordering::SeqCst) {
            std::hint::spin_loop();
        }
    });
    until(|| started.load(Ordering::SeqCst));
    let unfinished = runtime.shutdown_timeout(Duration::from_millis(300));
    assert!(unfinished.iter().any(|left| left.id() == spins.id()), "{unfinished:?}");
    stop.store(true, Ordering::SeqCst);
    spins.join().unwrap();
    // Also those that shared its worker.
    until(|| ended.load(Ordering::SeqCst) == count);
}

#[test]
fn a_destructor_may_write_while_the_runtime_goes_down() {
    let _watch = watch();
    struct SaysBye(TcpStream);
    impl Drop for SaysBye {
        fn drop(&mut self) {
            self.0.write_all(b"bye").unwrap();
        }
    }
    let (mine, mut theirs) = pair();
    let runtime = runtime(1);
    let started = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&started);
    runtime.go(move || {
        let _says_bye = SaysBye(mine);
        flag.store(true, Ordering::SeqCst);
        lif::park();
    });
    until(|| started.load(Ordering::SeqCst));
    drop(runtime);
    let mut text = String::new();
    theirs.read_to_string(&mut text).unwrap();
    assert_eq!(text, "bye");
}

#[test]
fn a_blocking_job_ends_before_its_runtime_is_gone() {
    let _watch = watch();
    let done = Arc::new(AtomicBool::new(false));
    let started = Arc::new(AtomicBool::new(false));
    let flags = (Arc::clone(&started), Arc::clone(&done));
    let runtime = runtime(1);
    runtime.go(move || {
        let mut borrowed = 0;
        lif::blocking(|| {
            flags.0.store(true, Ordering::SeqCst);
            std::thread::sleep(Duration::from_millis(5));
            borrowed = 1;
        });
        flags.1.store(borrowed == 1, Ordering::SeqCst);
    });
    until(|| started.load(Ordering::SeqCst));
    drop(runtime);
    assert!(done.load(Ordering::SeqCst));
}
