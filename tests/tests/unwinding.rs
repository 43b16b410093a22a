//! What destructors may do while their coroutine unwinds: what needs no wait works, what can fail
//! fails at once, what cannot blocks the thread, and what could never end aborts with a message.

use std::{
    io::{self, Read, Write},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    time::{Duration, Instant},
};

use lif::Interest;
use lif_tests::{
    alone,
    net::{fill, pair},
    runtime, servants, until, was_cancelled, watch, yield_until,
};

/// Calls a function when it goes.
struct AtEnd<F: FnMut()>(F);

impl<F: FnMut()> Drop for AtEnd<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

/// Runs `clean_up` in a destructor, once in a coroutine that panics and once in one that is
/// cancelled, on a worker of its own.
fn while_unwinding<T: Send + 'static>(mut clean_up: impl FnMut() -> T + Send + 'static) -> Vec<T> {
    let runtime = runtime(1);
    runtime.run(move || {
        let results = Arc::new(Mutex::new(Vec::new()));
        let clean_up = Arc::new(Mutex::new(move || {
            assert!(std::thread::panicking());
            clean_up()
        }));
        for panics in [true, false] {
            let (results, clean_up) = (Arc::clone(&results), Arc::clone(&clean_up));
            let started = Arc::new(AtomicBool::new(false));
            let flag = Arc::clone(&started);
            let child = lif::go(move || {
                let _at_end = AtEnd(move || {
                    let done = clean_up.lock().unwrap_or_else(|at| at.into_inner())();
                    results.lock().unwrap_or_else(|at| at.into_inner()).push(done);
                });
                flag.store(true, Ordering::SeqCst);
                assert!(!panics, "on purpose");
                lif::sleep(Duration::MAX);
            });
            yield_until(|| started.load(Ordering::SeqCst));
            child.cancel();
            let ended = child.join();
            assert_eq!(was_cancelled(ended), !panics);
        }
        std::mem::take(&mut *results.lock().unwrap_or_else(|at| at.into_inner()))
    })
}

#[test]
fn a_destructor_can_write_what_there_is_room_for() {
    let _watch = watch();
    let (mut mine, mut theirs) = pair();
    let wrote = while_unwinding(move || mine.write_all(b"bye"));
    assert!(wrote.iter().all(Result::is_ok), "{wrote:?}");
    let mut got = [0; 6];
    theirs.read_exact(&mut got).unwrap();
    assert_eq!(&got, b"byebye");
}

#[test]
fn a_destructor_that_would_wait_to_write_fails() {
    let _watch = watch();
    let (mut mine, _theirs) = pair();
    fill(&mine).unwrap();
    for wrote in while_unwinding(move || mine.write_all(&[1; 1 << 20])) {
        assert_eq!(wrote.unwrap_err().kind(), io::ErrorKind::WouldBlock);
    }
}

#[test]
fn a_destructor_can_read_what_is_there_and_fails_to_wait_for_more() {
    let _watch = watch();
    let (mut mine, mut theirs) = pair();
    theirs.write_all(b"ab").unwrap();
    let read = while_unwinding(move || {
        let mut byte = [0; 1];
        mine.read(&mut byte).map(|_| byte[0])
    });
    assert_eq!(read.into_iter().map(Result::unwrap).collect::<Vec<_>>(), b"ab");
    let (mut mine, _theirs) = pair();
    for read in while_unwinding(move || mine.read(&mut [0; 1])) {
        assert_eq!(read.unwrap_err().kind(), io::ErrorKind::WouldBlock);
    }
}

#[test]
fn a_destructor_of_a_socket_that_waited_before_still_tries_once() {
    let _watch = watch();
    runtime(1).run(|| {
        let (mine, mut theirs) = pair();
        let (say, hear) = mpsc::channel();
        let started = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&started);
        let reader = lif::go(move || {
            let stream = &mine;
            flag.store(true, Ordering::SeqCst);
            // It registers, and its readiness is spent.
            (&*stream).read_exact(&mut [0; 1]).unwrap();
            let _at_end = AtEnd(move || {
                let mut rest = [0; 8];
                let said = (&*stream).write(b"last words");
                // What came since, without an event that anybody could have reported.
                say.send((said, (&*stream).read(&mut rest))).unwrap();
            });
            flag.store(false, Ordering::SeqCst);
            lif::sleep(Duration::MAX);
        });
        yield_until(|| started.load(Ordering::SeqCst));
        theirs.write_all(b"1").unwrap();
        yield_until(|| !started.load(Ordering::SeqCst));
        theirs.write_all(b"2").unwrap();
        reader.cancel();
        assert!(was_cancelled(reader.join()));
        let (said, rest) = hear.recv().unwrap();
        assert_eq!((said.unwrap(), rest.unwrap()), (10, 1));
    });
}

#[test]
fn a_destructor_that_awaits_io_fails_or_finds_it_ready() {
    let _watch = watch();
    let (reader, mut writer) = io::pipe().unwrap();
    let empty = reader.try_clone().unwrap();
    for waited in while_unwinding(move || lif::await_io(&empty, Interest::READ, None)) {
        assert_eq!(waited.unwrap_err().kind(), io::ErrorKind::WouldBlock);
    }
    writer.write_all(b"x").unwrap();
    for waited in while_unwinding(move || lif::await_io(&reader, Interest::READ, None)) {
        assert!(waited.unwrap().is_readable());
    }
}

#[test]
fn a_destructor_that_sleeps_blocks_its_thread_for_as_long() {
    let _watch = watch();
    let nap = Duration::from_millis(2);
    for slept in while_unwinding(move || {
        let before = Instant::now();
        lif::sleep(nap);
        before.elapsed()
    }) {
        assert!(slept >= nap, "early: {slept:?}");
    }
}

#[test]
fn a_destructor_can_park_spawn_yield_and_run_a_blocking_job() {
    let _watch = watch();
    let spawned = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&spawned);
    let done = while_unwinding(move || {
        lif::yield_now();
        lif::park_timeout(Duration::from_millis(1));
        // It may return for no reason, and here it has to.
        lif::park();
        let flag = Arc::clone(&flag);
        drop(lif::go(move || flag.store(true, Ordering::SeqCst)));
        lif::blocking(|| 7)
    });
    assert_eq!(done, [7, 7]);
    assert!(spawned.load(Ordering::SeqCst));
}

#[test]
fn a_destructor_can_join_a_coroutine_of_another_runtime() {
    let _watch = watch();
    let other = runtime(1);
    let handle = other.handle();
    let joined = while_unwinding(move || {
        let slow = handle.go(|| {
            lif::sleep(Duration::from_millis(2));
            9
        });
        slow.join().unwrap()
    });
    assert_eq!(joined, [9, 9]);
}

#[test]
fn a_destructor_can_join_a_coroutine_of_another_worker() {
    let watchdog = watch();
    let runtime = runtime(2);
    watchdog.about(&runtime);
    let servants = servants(&runtime);
    let place = Arc::new(Mutex::new(None));
    let go_on = Arc::new(AtomicBool::new(false));
    let (give, flag) = (Arc::clone(&place), Arc::clone(&go_on));
    servants[0].run(move || {
        let child = lif::go_local(move || {
            until(|| flag.load(Ordering::SeqCst));
            11
        });
        *give.lock().unwrap() = Some(child);
    });
    let child = place.lock().unwrap().take().unwrap();
    let (say, hear) = mpsc::channel();
    servants[1].go(move || {
        let mut child = Some(child);
        let _at_end = AtEnd(move || {
            go_on.store(true, Ordering::SeqCst);
            say.send(child.take().unwrap().join().unwrap()).unwrap();
        });
        panic!("on purpose");
    });
    assert_eq!(hear.recv().unwrap(), 11);
}

#[test]
fn a_destructor_can_take_the_result_of_a_coroutine_that_has_ended() {
    let _watch = watch();
    runtime(1).run(|| {
        let child = lif::go(|| 12);
        yield_until(|| child.is_finished());
        let (say, hear) = mpsc::channel();
        let mut child = Some(child);
        let breaks = lif::go(move || {
            let _at_end = AtEnd(move || {
                say.send(child.take().unwrap().join().unwrap()).unwrap();
            });
            panic!("on purpose");
        });
        breaks.join().unwrap_err();
        assert_eq!(hear.recv().unwrap(), 12);
    });
}

/// Joins `child` from a destructor of an unwinding coroutine.
fn join_while_unwinding(child: lif::JoinHandle<()>) {
    let mut child = Some(child);
    let _at_end = AtEnd(move || drop(child.take().unwrap().join()));
    panic!("the first panic");
}

#[test]
fn a_destructor_that_joins_what_only_its_worker_could_run_aborts() {
    alone(|| {
        runtime(1).run(|| {
            let started = Arc::new(AtomicBool::new(false));
            let flag = Arc::clone(&started);
            let child = lif::Builder::new().name("awaited").spawn(move || {
                flag.store(true, Ordering::SeqCst);
                lif::park();
            });
            let child = child.unwrap();
            yield_until(|| started.load(Ordering::SeqCst));
            let breaks = lif::Builder::new().name("unwinds");
            breaks.spawn(move || join_while_unwinding(child)).unwrap().join().unwrap_err();
        });
    })
    .died_of(libc::SIGABRT, &["the first panic", "unwinding", "\"unwinds\"", "\"awaited\""]);
}

#[test]
fn a_destructor_that_joins_what_has_not_started_on_the_only_worker_aborts() {
    alone(|| {
        runtime(1).run(|| {
            let breaks = lif::Builder::new().name("unwinds").spawn(|| {
                join_while_unwinding(lif::Builder::new().name("awaited").spawn(|| ()).unwrap());
            });
            breaks.unwrap().join().unwrap_err();
        });
    })
    .died_of(libc::SIGABRT, &["the first panic", "unwinding", "\"unwinds\"", "\"awaited\""]);
}

#[test]
fn a_destructor_that_joins_a_local_that_has_not_started_aborts() {
    alone(|| {
        runtime(2).run(|| {
            let breaks = lif::Builder::new().name("unwinds").spawn(|| {
                let local = lif::Builder::new().name("awaited").spawn_local(|| ()).unwrap();
                join_while_unwinding(local);
            });
            breaks.unwrap().join().unwrap_err();
        });
    })
    .died_of(libc::SIGABRT, &["the first panic", "unwinding", "\"unwinds\"", "\"awaited\""]);
}
