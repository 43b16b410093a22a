//! `await_io`: descriptors that the library has no type for.

use std::{
    fs::File,
    io::{ErrorKind, Read, Write},
    os::{
        fd::{AsFd, AsRawFd},
        unix::net::UnixStream,
    },
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use lif::Interest;
use lif_tests::{failed_cancelled, net::pair, panic_text, runtime, watch, yield_until};

/// A std socket pair that does not block.
fn sockets() -> (UnixStream, UnixStream) {
    let (a, b) = UnixStream::pair().unwrap();
    a.set_nonblocking(true).unwrap();
    b.set_nonblocking(true).unwrap();
    (a, b)
}

fn fill(stream: &UnixStream) {
    while (&*stream).write(&[0; 4096]).is_ok() {}
}

/// Starts coroutines on the only worker, and returns when each is parked.
fn parked<T: Send + 'static>(
    count: usize,
    f: impl Fn(usize) -> T + Send + Sync + 'static,
) -> Vec<lif::JoinHandle<T>> {
    let (f, started) = (Arc::new(f), Arc::new(AtomicUsize::new(0)));
    let children: Vec<_> = (0..count)
        .map(|i| {
            let (f, started) = (Arc::clone(&f), Arc::clone(&started));
            lif::go(move || {
                started.fetch_add(1, Ordering::SeqCst);
                f(i)
            })
        })
        .collect();
    yield_until(|| started.load(Ordering::SeqCst) == count);
    lif::yield_now();
    children
}

#[test]
fn a_pipe_wakes_its_reader_and_its_writer() {
    let _watch = watch();
    runtime(1).run(|| {
        let (reader, writer) = std::io::pipe().unwrap();
        let nonblocking = |fd: std::os::fd::BorrowedFd<'_>| {
            // SAFETY: the descriptor is open.
            unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_SETFL, libc::O_NONBLOCK) }
        };
        assert_eq!(nonblocking(reader.as_fd()), 0);
        assert_eq!(nonblocking(writer.as_fd()), 0);
        let total = 1 << 20;
        let writes = lif::go(move || {
            let mut left = total;
            while left > 0 {
                match (&writer).write(&[7; 3000][..left.min(3000)]) {
                    Ok(n) => left -= n,
                    Err(error) => {
                        assert_eq!(error.kind(), ErrorKind::WouldBlock);
                        let ready = lif::await_io(&writer, Interest::WRITE, None).unwrap();
                        assert!(ready.is_writable() && !ready.is_readable());
                    }
                }
            }
        });
        let mut read = 0;
        loop {
            let ready = lif::await_io(&reader, Interest::READ, None).unwrap();
            assert!(ready.is_readable() && !ready.is_writable());
            match (&reader).read(&mut [0; 8192]) {
                // The end is readable too.
                Ok(0) => break,
                Ok(n) => read += n,
                Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
            }
        }
        assert_eq!(read, total);
        writes.join().unwrap();
    });
}

#[test]
fn what_is_ready_already_returns_at_once() {
    let _watch = watch();
    let test = || {
        let (mine, theirs) = sockets();
        let ready = lif::await_io(&mine, Interest::WRITE, None).unwrap();
        assert!(ready.is_writable());
        let both = lif::await_io(&mine, Interest::READ | Interest::WRITE, None).unwrap();
        assert!(both.is_writable() && !both.is_readable());
        (&theirs).write_all(b"x").unwrap();
        let ready = lif::await_io(&mine, Interest::READ, None).unwrap();
        assert!(ready.is_readable());
        // It is about what is there, not about what came: again.
        assert!(lif::await_io(&mine, Interest::READ, None).unwrap().is_readable());
    };
    runtime(1).run(test);
    test();
}

#[test]
fn a_regular_file_is_ready() {
    let _watch = watch();
    let test = || {
        let file = File::open(std::env::current_exe().unwrap()).unwrap();
        let ready = lif::await_io(&file, Interest::READ | Interest::WRITE, None).unwrap();
        assert!(ready.is_readable() && ready.is_writable());
        let soon = Some(Instant::now() + Duration::from_millis(1));
        assert!(lif::await_io(&file, Interest::READ, soon).unwrap().is_readable());
    };
    runtime(1).run(test);
    test();
}

#[test]
fn the_deadline_ends_the_wait_and_not_before() {
    let _watch = watch();
    let test = || {
        let (mine, _theirs) = sockets();
        for _ in 0..3 {
            let deadline = Instant::now() + Duration::from_millis(2);
            let error = lif::await_io(&mine, Interest::READ, Some(deadline)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::TimedOut);
            assert!(Instant::now() >= deadline, "early");
        }
        let past = Some(Instant::now());
        let error = lif::await_io(&mine, Interest::READ, past).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
    };
    runtime(1).run(test);
    test();
}

#[test]
fn all_who_wait_for_one_descriptor_are_woken() {
    let _watch = watch();
    runtime(1).run(|| {
        let (mine, theirs) = sockets();
        fill(&mine);
        let mine = Arc::new(mine);
        let waits = Arc::clone(&mine);
        // Some want to read, some to write, some both.
        let waiters = parked(9, move |i| {
            let interest = [Interest::READ, Interest::WRITE, Interest::READ | Interest::WRITE];
            lif::await_io(&*waits, interest[i % 3], None).unwrap()
        });
        (&theirs).write_all(b"x").unwrap();
        yield_until(|| waiters.iter().enumerate().all(|(i, w)| i % 3 == 1 || w.is_finished()));
        assert!(waiters.iter().skip(1).step_by(3).all(|waiter| !waiter.is_finished()));
        while (&theirs).read(&mut [0; 4096]).is_ok() {}
        for (i, waiter) in waiters.into_iter().enumerate() {
            let ready = waiter.join().unwrap();
            assert_eq!(ready.is_readable(), i % 3 != 1);
            assert!(ready.is_writable() || i % 3 != 1);
        }
    });
}

#[test]
fn one_that_gives_up_leaves_the_others_waiting() {
    let _watch = watch();
    runtime(1).run(|| {
        let (mine, theirs) = sockets();
        let mine = Arc::new(mine);
        let waits = Arc::clone(&mine);
        let steady = parked(2, move |_| lif::await_io(&*waits, Interest::READ, None).unwrap());
        for _ in 0..5 {
            let soon = Instant::now() + Duration::from_micros(200);
            let late = lif::await_io(&*mine, Interest::READ, Some(soon)).unwrap_err();
            assert_eq!(late.kind(), ErrorKind::TimedOut);
            let waits = Arc::clone(&mine);
            let cancelled = parked(1, move |_| lif::await_io(&*waits, Interest::READ, None));
            cancelled[0].cancel();
            for cancelled in cancelled {
                assert!(failed_cancelled(&cancelled.join().unwrap()));
            }
        }
        assert!(steady.iter().all(|waiter| !waiter.is_finished()));
        (&theirs).write_all(b"x").unwrap();
        for waiter in steady {
            assert!(waiter.join().unwrap().is_readable());
        }
    });
}

#[test]
fn waiters_on_several_workers_share_a_descriptor() {
    let watchdog = watch();
    let runtime = runtime(4);
    watchdog.about(&runtime);
    for _ in 0..100 {
        let (mine, theirs) = sockets();
        let mine = Arc::new(mine);
        let waiters: Vec<_> = (0..8)
            .map(|_| {
                let mine = Arc::clone(&mine);
                runtime.go(move || lif::await_io(&*mine, Interest::READ, None).unwrap())
            })
            .collect();
        (&theirs).write_all(b"x").unwrap();
        for waiter in waiters {
            assert!(waiter.join().unwrap().is_readable());
        }
    }
}

#[test]
fn a_number_that_is_used_again_is_a_new_descriptor() {
    let _watch = watch();
    runtime(1).run(|| {
        for _ in 0..200 {
            let (mine, theirs) = sockets();
            let soon = Instant::now() + Duration::from_micros(1);
            lif::await_io(&mine, Interest::READ, Some(soon)).unwrap_err();
            drop((mine, theirs));
            // Likely the same numbers.
            let (mine, theirs) = sockets();
            let waiter = parked(1, move |_| lif::await_io(&mine, Interest::READ, None).unwrap());
            assert!(!waiter[0].is_finished());
            (&theirs).write_all(b"x").unwrap();
            for waiter in waiter {
                assert!(waiter.join().unwrap().is_readable());
            }
        }
    });
}

#[test]
fn an_end_is_reported_to_both_sides() {
    let _watch = watch();
    runtime(1).run(|| {
        let (mine, theirs) = sockets();
        fill(&mine);
        let mine = Arc::new(mine);
        let waiters = parked(2, move |i| {
            let interest = if i == 0 { Interest::READ } else { Interest::WRITE };
            lif::await_io(&*mine, interest, None).unwrap()
        });
        drop(theirs);
        for waiter in waiters {
            let ready = waiter.join().unwrap();
            assert!(ready.is_readable() || ready.is_writable());
        }
    });
}

/// The library has a type for it, but its descriptor is one like any other.
#[test]
fn a_socket_of_the_library_can_be_waited_for_and_still_works() {
    let _watch = watch();
    runtime(1).run(|| {
        let (mine, mut theirs) = pair();
        let mine = Arc::new(mine);
        for round in 0..10 {
            // A read that has to wait registers the socket for itself.
            let reads = Arc::clone(&mine);
            let reader = parked(1, move |_| (&*reads).read(&mut [0; 1]).unwrap());
            if round % 2 == 0 {
                let soon = Instant::now() + Duration::from_micros(100);
                let late = lif::await_io(&*mine, Interest::READ, Some(soon)).unwrap_err();
                assert_eq!(late.kind(), ErrorKind::TimedOut);
            }
            theirs.write_all(b"x").unwrap();
            for reader in reader {
                assert_eq!(reader.join().unwrap(), 1);
            }
        }
    });
}

#[test]
fn an_empty_interest_panics() {
    let _watch = watch();
    let (mine, _theirs) = sockets();
    let text = panic_text(|| drop(lif::await_io(&mine, Interest::NONE, None)));
    assert!(text.unwrap().contains("interest is empty"));
}
