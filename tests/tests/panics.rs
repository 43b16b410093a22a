//! Panics where they hurt: in handlers, in destructors, in payloads. None gets out of its coroutine.

use std::{
    io::{Read, Write},
    panic::panic_any,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use lif::net::TcpStream;
use lif_tests::{
    net::{ask, echo, listener},
    runtime, text_of, was_cancelled, watch, yield_until,
};

/// Panics when it goes.
struct Bomb(&'static str);

impl Drop for Bomb {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            panic!("{}", self.0);
        }
    }
}

#[test]
fn a_panic_in_a_handler_ends_its_connection_only() {
    let watchdog = watch();
    let runtime = runtime(2);
    watchdog.about(&runtime);
    let (listener, address) = listener();
    let server = runtime.go(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            lif::go(move || {
                let mut first = [0; 1];
                stream.read_exact(&mut first).unwrap();
                assert_ne!(first[0], b'!', "on purpose");
                echo(&mut stream).unwrap();
            });
        }
    });
    runtime.run(|| {
        let mut steady = TcpStream::connect(address).unwrap();
        steady.write_all(b".").unwrap();
        for round in 0..30 {
            let mut breaks = TcpStream::connect(address).unwrap();
            breaks.write_all(b"!").unwrap();
            // Its socket is closed while the handler unwinds.
            assert_eq!(breaks.read(&mut [0; 1]).unwrap(), 0);
            ask(&mut steady, round).unwrap();
        }
    });
    server.cancel();
    server.join().unwrap();
    runtime.wait_idle();
}

#[test]
fn a_panic_in_the_destructor_of_a_local_reaches_the_joiner() {
    let _watch = watch();
    runtime(1).run(|| {
        let child = lif::go(|| {
            let _bomb = Bomb("a local on purpose");
            lif::yield_now();
        });
        assert_eq!(text_of(&*child.join().unwrap_err()), "a local on purpose");
    });
}

#[test]
fn a_panic_in_the_destructor_of_a_capture_reaches_the_joiner() {
    let _watch = watch();
    runtime(1).run(|| {
        let bomb = Bomb("a capture on purpose");
        let child = lif::go(move || {
            let _bomb = &bomb;
        });
        assert_eq!(text_of(&*child.join().unwrap_err()), "a capture on purpose");
    });
}

#[test]
fn a_panic_in_a_capture_of_a_coroutine_that_never_starts_is_contained() {
    let _watch = watch();
    let runtime = runtime(1);
    runtime.run(|| {
        let bomb = Bomb("a refused capture on purpose");
        let child = lif::go(move || drop(bomb));
        child.cancel();
        assert_eq!(text_of(&*child.join().unwrap_err()), "a refused capture on purpose");
        let bomb = Bomb("a refused and detached capture on purpose");
        let child = lif::go(move || drop(bomb));
        child.cancel();
        drop(child);
    });
    runtime.wait_idle();
    assert_eq!(runtime.run(|| 1), 1);
}

#[test]
fn a_panic_in_the_destructor_of_a_detached_result_is_contained() {
    let _watch = watch();
    let runtime = runtime(1);
    for _ in 0..20 {
        drop(runtime.go(|| Bomb("a detached result on purpose")));
    }
    runtime.wait_idle();
    assert_eq!(runtime.run(|| lif::go(|| 2).join().unwrap()), 2);
}

#[test]
fn a_panic_in_the_destructor_of_a_result_that_nobody_takes_is_contained() {
    let _watch = watch();
    let runtime = runtime(1);
    runtime.run(|| {
        let child = lif::go(|| Bomb("a result on purpose"));
        yield_until(|| child.is_finished());
        drop(child);
    });
    assert_eq!(runtime.run(|| 3), 3);
}

#[test]
fn a_payload_whose_destructor_panics_is_contained() {
    struct Payload(Arc<AtomicUsize>);
    impl Drop for Payload {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::SeqCst);
            panic!("a payload on purpose");
        }
    }
    let watchdog = watch();
    let dropped = Arc::new(AtomicUsize::new(0));
    let runtime = runtime(1);
    watchdog.about(&runtime);
    for _ in 0..5 {
        let payload = Payload(Arc::clone(&dropped));
        drop(runtime.go(move || panic_any(payload)));
    }
    watchdog.note("wait_idle");
    runtime.wait_idle();
    watchdog.note("the count");
    // A handle that was dropped after the end has dropped the payload, here.
    assert_eq!(dropped.load(Ordering::SeqCst), 5);
    assert_eq!(runtime.run(|| 4), 4);
}

#[test]
fn a_panic_while_a_cancelled_coroutine_cleans_up_reaches_the_joiner() {
    let _watch = watch();
    runtime(1).run(|| {
        let (_mine, theirs) = lif_tests::net::pair();
        let started = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&started);
        let child = lif::go(move || {
            flag.store(true, Ordering::SeqCst);
            let cancelled = (&theirs).read(&mut [0; 1]);
            assert!(cancelled.is_ok(), "it was cancelled");
        });
        yield_until(|| started.load(Ordering::SeqCst));
        child.cancel();
        assert_eq!(text_of(&*child.join().unwrap_err()), "it was cancelled");
    });
}

/// std counts panics per thread: a switch while one coroutine unwinds would show in the others.
#[test]
fn no_other_coroutine_ever_believes_that_it_panics() {
    /// Does whatever might switch, while it unwinds.
    struct Busy(TcpStream);
    impl Drop for Busy {
        fn drop(&mut self) {
            // All of these may fail, or come back at once; none may let others run.
            drop(self.0.write(b"bye"));
            drop(self.0.read(&mut [0; 8]));
            lif::yield_now();
            lif::sleep(Duration::from_micros(200));
            lif::park_timeout(Duration::from_micros(200));
            lif::blocking(|| ());
            drop(lif::go(|| assert!(!std::thread::panicking())));
        }
    }
    let watchdog = watch();
    let runtime = runtime(1);
    watchdog.about(&runtime);
    runtime.run(|| {
        let over = Arc::new(AtomicBool::new(false));
        let watchers: Vec<_> = (0..4)
            .map(|kind| {
                let over = Arc::clone(&over);
                lif::go(move || {
                    let mut looks = 0_u32;
                    while !over.load(Ordering::SeqCst) {
                        assert!(!std::thread::panicking(), "another coroutine's panic");
                        looks += 1;
                        match kind {
                            0 => lif::yield_now(),
                            1 => lif::sleep(Duration::from_micros(50)),
                            2 => lif::go(|| ()).join().unwrap(),
                            _ => lif::park_timeout(Duration::from_micros(50)),
                        }
                    }
                    looks
                })
            })
            .collect();
        for round in 0..60 {
            let (mine, _theirs) = lif_tests::net::pair();
            let breaks = lif::go(move || {
                let _busy = Busy(mine);
                if round % 2 == 0 {
                    panic!("on purpose");
                }
                loop {
                    lif::park();
                }
            });
            lif::yield_now();
            lif::yield_now();
            breaks.cancel();
            let ended = breaks.join();
            if round % 2 == 1 {
                assert!(was_cancelled(ended));
            } else {
                drop(ended.unwrap_err());
            }
        }
        over.store(true, Ordering::SeqCst);
        for watcher in watchers {
            assert!(watcher.join().unwrap() > 10);
        }
    });
}

#[test]
fn a_coroutine_may_panic_and_catch_it_many_times() {
    let _watch = watch();
    runtime(1).run(|| {
        let catches = |n: usize| {
            lif::go(move || {
                for i in 0..n {
                    let caught = std::panic::catch_unwind(|| {
                        std::panic::resume_unwind(Box::new(i));
                    });
                    assert_eq!(caught.unwrap_err().downcast_ref(), Some(&i));
                    lif::yield_now();
                }
                n
            })
        };
        let (a, b) = (catches(100), catches(200));
        assert_eq!((a.join().unwrap(), b.join().unwrap()), (100, 200));
    });
}
