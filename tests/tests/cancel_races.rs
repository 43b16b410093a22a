//! Cancellation at the moment of the event: either one wins, and nothing is lost.

use std::{
    io::{Read, Write},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use lif::{
    Cancelled,
    net::{TcpStream, UnixStream},
};
use lif_tests::{net::listener, random::Random, runtime, was_cancelled, watch};

/// A pause of up to some microseconds, to meet the other side at different moments.
fn pause(random: &mut Random, most: u64) {
    for _ in 0..random.below(most) {
        std::hint::spin_loop();
    }
}

#[test]
fn cancelled_readers_lose_no_byte() {
    const TOTAL: usize = 30_000;
    let watchdog = watch();
    let runtime = runtime(2);
    watchdog.about(&runtime);
    let mut random = Random::new();
    let (mine, mut theirs) = UnixStream::pair().unwrap();
    let mine = Arc::new(mine);
    let writer = runtime.go(move || {
        for i in 0..TOTAL {
            theirs.write_all(&[(i % 251) as u8]).unwrap();
            if i % 5 == 0 {
                lif::yield_now();
            }
        }
    });
    let seen = Arc::new(Mutex::new(Vec::with_capacity(TOTAL)));
    let mut readers = 0;
    while seen.lock().unwrap().len() < TOTAL {
        let (stream, seen) = (Arc::clone(&mine), Arc::clone(&seen));
        let reader = runtime.go(move || {
            let mut buffer = [0; 16];
            loop {
                match (&*stream).read(&mut buffer) {
                    Ok(0) => return,
                    Ok(n) => seen.lock().unwrap().extend_from_slice(&buffer[..n]),
                    Err(error) => {
                        assert!(Cancelled::in_error(&error).is_some(), "{error:?}");
                        return;
                    }
                }
            }
        });
        pause(&mut random, 3_000);
        reader.cancel();
        match reader.join() {
            Ok(()) => {}
            // It had not started.
            Err(payload) => assert!(payload.is::<Cancelled>()),
        }
        readers += 1;
    }
    writer.join().unwrap();
    println!("{readers} readers");
    assert!(seen.lock().unwrap().iter().enumerate().all(|(i, &byte)| byte == (i % 251) as u8));
}

#[test]
fn cancelled_writers_write_what_they_say() {
    const ROUNDS: usize = 300;
    let watchdog = watch();
    let runtime = runtime(2);
    watchdog.about(&runtime);
    let mut random = Random::new();
    let (mine, mut theirs) = UnixStream::pair().unwrap();
    let mine = Arc::new(mine);
    let received = runtime.go(move || {
        let (mut all, mut buffer) = (0, vec![0; 64 * 1024]);
        loop {
            match theirs.read(&mut buffer).unwrap() {
                0 => return all,
                n => all += n,
            }
        }
    });
    let written = Arc::new(AtomicUsize::new(0));
    for _ in 0..ROUNDS {
        let (stream, written) = (Arc::clone(&mine), Arc::clone(&written));
        let writer = runtime.go(move || {
            let block = [3; 48 * 1024];
            while let Ok(n) = (&*stream).write(&block) {
                written.fetch_add(n, Ordering::SeqCst);
            }
        });
        pause(&mut random, 5_000);
        writer.cancel();
        // Either way it is over.
        drop(writer.join());
    }
    drop(mine);
    assert_eq!(received.join().unwrap(), written.load(Ordering::SeqCst));
}

#[test]
fn cancelled_acceptors_lose_no_connection() {
    const CLIENTS: usize = 300;
    let watchdog = watch();
    let runtime = runtime(2);
    watchdog.about(&runtime);
    let mut random = Random::new();
    let (listener, address) = listener();
    let listener = Arc::new(listener);
    let accepted = Arc::new(AtomicUsize::new(0));
    let clients = runtime.go(move || {
        for _ in 0..CLIENTS {
            // It stays until the server has hung up: then it has been accepted.
            let mut stream = TcpStream::connect(address).unwrap();
            assert_eq!(stream.read(&mut [0; 1]).unwrap(), 0);
        }
    });
    while !clients.is_finished() {
        let (listener, accepted) = (Arc::clone(&listener), Arc::clone(&accepted));
        let acceptor = runtime.go(move || {
            loop {
                match listener.accept() {
                    Ok(_connection) => {
                        accepted.fetch_add(1, Ordering::SeqCst);
                    }
                    Err(error) => {
                        assert!(Cancelled::in_error(&error).is_some(), "{error:?}");
                        return;
                    }
                }
            }
        });
        pause(&mut random, 20_000);
        acceptor.cancel();
        drop(acceptor.join());
    }
    clients.join().unwrap();
    assert_eq!(accepted.load(Ordering::SeqCst), CLIENTS);
}

#[test]
fn a_cancelled_joiner_leaves_the_joined_alone() {
    let watchdog = watch();
    let runtime = runtime(2);
    watchdog.about(&runtime);
    let mut random = Random::new();
    let ended = Arc::new(AtomicUsize::new(0));
    for _ in 0..1_000 {
        let ends = Arc::clone(&ended);
        let joined = runtime.go(move || {
            lif::yield_now();
            ends.fetch_add(1, Ordering::SeqCst);
            5
        });
        let joiner = runtime.go(move || joined.join().unwrap());
        pause(&mut random, 2_000);
        joiner.cancel();
        match joiner.join() {
            Ok(result) => assert_eq!(result, 5),
            Err(payload) => assert!(payload.is::<Cancelled>()),
        }
    }
    runtime.wait_idle();
    assert_eq!(ended.load(Ordering::SeqCst), 1_000);
}

#[test]
fn a_park_that_is_unparked_and_cancelled_ends_once() {
    let watchdog = watch();
    let runtime = runtime(2);
    watchdog.about(&runtime);
    let mut random = Random::new();
    for round in 0..2_000 {
        let notified = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&notified);
        let parks = runtime.go(move || {
            while !flag.load(Ordering::SeqCst) {
                lif::park();
            }
        });
        pause(&mut random, 2_000);
        if round % 2 == 0 {
            parks.cancel();
        }
        notified.store(true, Ordering::SeqCst);
        parks.thread().unpark();
        if round % 2 == 1 {
            parks.cancel();
        }
        match parks.join() {
            Ok(()) => {}
            cancelled => assert!(was_cancelled(cancelled)),
        }
    }
}

#[test]
fn a_sleep_that_is_cancelled_when_it_is_due_ends_once() {
    let watchdog = watch();
    let runtime = runtime(2);
    watchdog.about(&runtime);
    let mut random = Random::new();
    for _ in 0..500 {
        let sleeps: Vec<_> =
            (0..4).map(|_| runtime.go(|| lif::sleep(Duration::from_micros(100)))).collect();
        std::thread::sleep(Duration::from_micros(50 + random.below(100)));
        for sleep in &sleeps {
            sleep.cancel();
        }
        for sleep in sleeps {
            match sleep.join() {
                Ok(()) => {}
                cancelled => assert!(was_cancelled(cancelled)),
            }
        }
    }
}

#[test]
fn a_coroutine_that_is_cancelled_while_it_starts_runs_whole_or_not_at_all() {
    let watchdog = watch();
    let runtime = runtime(2);
    watchdog.about(&runtime);
    let mut random = Random::new();
    for _ in 0..2_000 {
        let steps = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&steps);
        let child = runtime.go(move || {
            count.fetch_add(1, Ordering::SeqCst);
            lif::yield_now();
            count.fetch_add(1, Ordering::SeqCst);
        });
        pause(&mut random, 1_000);
        child.cancel();
        let expected = match child.join() {
            Ok(()) => 2,
            cancelled => {
                assert!(was_cancelled(cancelled));
                0
            }
        };
        assert_eq!(steps.load(Ordering::SeqCst), expected);
    }
}
