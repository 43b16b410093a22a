//! Jobs that block: borrowing, panics, the bound of the pool, name resolution.

use std::{
    io::{Read, Write},
    net::Ipv4Addr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use lif::net::{TcpListener, TcpStream};
use lif_tests::{runtime, text_of, until, was_cancelled, watch, yield_until};

#[test]
fn a_job_borrows_from_its_coroutine() {
    let _watch = watch();
    runtime(1).run(|| {
        let mut log = vec![String::from("before")];
        let length = lif::blocking(|| {
            log.push(String::from("inside"));
            log.len()
        });
        log.push(String::from("after"));
        assert_eq!((length, log.len()), (2, 3));
    });
}

#[test]
fn a_job_runs_on_a_thread_of_its_own_and_others_go_on() {
    let _watch = watch();
    runtime(1).run(|| {
        let worker = std::thread::current().id();
        let turns = Arc::<AtomicUsize>::default();
        let count = Arc::clone(&turns);
        let other = lif::go(move || {
            while count.fetch_add(1, Ordering::SeqCst) < 1_000 {
                lif::yield_now();
            }
        });
        // It ends only when the other has had its turns, on the only worker.
        let thread = lif::blocking(|| {
            while turns.load(Ordering::SeqCst) < 1_000 {
                std::thread::yield_now();
            }
            std::thread::current().id()
        });
        assert_ne!(thread, worker);
        assert_eq!(std::thread::current().id(), worker);
        other.join().unwrap();
    });
}

#[test]
fn a_panic_of_a_job_goes_on_in_its_coroutine() {
    let _watch = watch();
    let runtime = runtime(1);
    runtime.run(|| {
        for _ in 0..10 {
            let child = lif::go(|| lif::blocking(|| panic!("in the job")));
            assert_eq!(text_of(&*child.join().unwrap_err()), "in the job");
        }
        // The pool's threads live on.
        assert_eq!(lif::blocking(|| 3), 3);
    });
}

#[test]
fn the_pool_grows_to_its_bound_and_no_further() {
    const BOUND: usize = 3;
    let watchdog = watch();
    let runtime = lif::Runtime::builder().workers(2).max_blocking_threads(BOUND).build().unwrap();
    watchdog.about(&runtime);
    let (inside, most) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
    let jobs: Vec<_> = (0..30)
        .map(|i| {
            let (inside, most) = (Arc::clone(&inside), Arc::clone(&most));
            runtime.go(move || {
                lif::blocking(|| {
                    let now = inside.fetch_add(1, Ordering::SeqCst) + 1;
                    most.fetch_max(now, Ordering::SeqCst);
                    if i < BOUND {
                        // The first ones wait for each other: the pool has to grow.
                        while most.load(Ordering::SeqCst) < BOUND {
                            std::thread::yield_now();
                        }
                    }
                    std::thread::sleep(Duration::from_micros(300));
                    inside.fetch_sub(1, Ordering::SeqCst);
                });
            })
        })
        .collect();
    for job in jobs {
        job.join().unwrap();
    }
    assert_eq!(most.load(Ordering::SeqCst), BOUND);
    assert_eq!(runtime.metrics().blocking_threads, BOUND);
}

#[test]
fn a_thousand_jobs_each_run_once() {
    let watchdog = watch();
    let runtime = lif::Runtime::builder().workers(2).max_blocking_threads(8).build().unwrap();
    watchdog.about(&runtime);
    let jobs: Vec<_> = (0..1_000_usize)
        .map(|i| runtime.go(move || (0..3).map(|n| lif::blocking(|| i * 10 + n)).sum::<usize>()))
        .collect();
    for (i, job) in jobs.into_iter().enumerate() {
        assert_eq!(job.join().unwrap(), i * 30 + 3);
    }
    assert!(runtime.metrics().blocking_threads <= 8);
}

#[test]
fn a_job_waits_its_turn_and_a_cancellation_does_not_take_it_away() {
    let _watch = watch();
    let runtime = lif::Runtime::builder().workers(1).max_blocking_threads(1).build().unwrap();
    runtime.run(|| {
        let (release, started) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
        let (wait, begun) = (Arc::clone(&release), Arc::clone(&started));
        let first = lif::go(move || {
            lif::blocking(|| {
                begun.fetch_add(1, Ordering::SeqCst);
                while wait.load(Ordering::SeqCst) == 0 {
                    std::thread::yield_now();
                }
            });
        });
        until(|| started.load(Ordering::SeqCst) == 1);
        let queued = Arc::<AtomicUsize>::default();
        let (entered, ran) = (Arc::clone(&queued), Arc::clone(&started));
        let second = lif::go(move || {
            entered.store(1, Ordering::SeqCst);
            lif::blocking(|| ran.fetch_add(1, Ordering::SeqCst));
            lif::sleep(Duration::MAX);
        });
        yield_until(|| queued.load(Ordering::SeqCst) == 1);
        second.cancel();
        release.store(1, Ordering::SeqCst);
        first.join().unwrap();
        assert!(was_cancelled(second.join()));
        assert_eq!(started.load(Ordering::SeqCst), 2);
    });
}

#[test]
fn blocking_on_a_thread_just_calls() {
    let _watch = watch();
    let here = std::thread::current().id();
    assert_eq!(lif::blocking(|| std::thread::current().id()), here);
}

#[test]
fn a_name_is_resolved_without_stalling_the_worker() {
    let _watch = watch();
    let test = || {
        // Both families, as the system may prefer either.
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let mut client = TcpStream::connect(("localhost", port)).unwrap();
        let (mut server, _peer) = listener.accept().unwrap();
        client.write_all(b"by name").unwrap();
        let mut got = [0; 7];
        server.read_exact(&mut got).unwrap();
        assert_eq!(&got, b"by name");
        let listener = TcpListener::bind("localhost:0").unwrap();
        TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    };
    runtime(1).run(test);
    test();
    runtime(1).run(|| {
        let many: Vec<_> = (0..20)
            .map(|_| lif::go(|| drop(TcpStream::connect("no-such-host.invalid:1").unwrap_err())))
            .collect();
        for one in many {
            one.join().unwrap();
        }
    });
}
