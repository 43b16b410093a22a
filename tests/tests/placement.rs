//! Where long-lived coroutines come to live: evenly, since they cannot move later.

use std::{
    io::{Read, Write},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use lif::net::TcpStream;
use lif_tests::{alone, net::listener, runtime, until, watch};

const WORKERS: usize = 4;
const CONNECTIONS: usize = 2_000;

/// Expects that each worker has between 0.75 and 1.25 of its share.
#[track_caller]
fn is_even(residents: &[usize], total: usize) {
    println!("{residents:?}");
    let share = total / WORKERS;
    let even = share * 3 / 4..=share * 5 / 4;
    assert!(residents.iter().all(|count| even.contains(count)), "{residents:?} of {total}");
}

#[test]
fn a_burst_of_connections_spreads_over_the_workers() {
    alone(|| {
        let runtime = runtime(WORKERS);
        let (listener, address) = listener();
        let served = Arc::<AtomicUsize>::default();
        // All are in the queue before the first is accepted.
        let mut clients: Vec<_> =
            (0..CONNECTIONS).map(|_| std::net::TcpStream::connect(address).unwrap()).collect();
        let count = Arc::clone(&served);
        let server = runtime.go(move || {
            for stream in listener.incoming() {
                let Ok(mut stream) = stream else { return };
                let count = Arc::clone(&count);
                drop(lif::go(move || serve(&mut stream, &count)));
            }
        });
        for client in &mut clients {
            client.write_all(b"x").unwrap();
        }
        until(|| served.load(Ordering::SeqCst) == CONNECTIONS);
        is_even(&runtime.metrics().residents, CONNECTIONS);
        drop(clients);
        server.cancel();
        server.join().unwrap();
        runtime.wait_idle();
    })
    .passed();
}

fn serve(stream: &mut TcpStream, served: &AtomicUsize) {
    let mut byte = [0; 1];
    while let Ok(1..) = stream.read(&mut byte) {
        served.fetch_add(1, Ordering::SeqCst);
    }
}

#[test]
fn a_burst_from_a_busy_worker_spreads_while_all_are_busy() {
    let watchdog = watch();
    let runtime = runtime(WORKERS);
    watchdog.about(&runtime);
    let over = Arc::<AtomicUsize>::default();
    // Every worker always has something to run, so none of them steals.
    let busy: Vec<_> = lif_tests::servants(&runtime)
        .into_iter()
        .inspect(|servant| {
            let over = Arc::clone(&over);
            servant.go(move || {
                while over.load(Ordering::SeqCst) == 0 {
                    lif::yield_now();
                }
            });
        })
        .collect();
    let parked: Vec<_> = runtime.run(|| (0..CONNECTIONS).map(|_| lif::go(lif::park)).collect());
    let full = CONNECTIONS + 2 * WORKERS;
    until(|| runtime.metrics().residents.iter().sum::<usize>() == full);
    is_even(&runtime.metrics().residents, full);
    over.store(1, Ordering::SeqCst);
    for parked in parked {
        parked.thread().unpark();
        parked.join().unwrap();
    }
    drop(busy);
}

/// These the workers take by themselves, several at a time, so it is less even; but none takes all,
/// and none is left out.
#[test]
fn a_burst_from_outside_leaves_no_worker_out() {
    let watchdog = watch();
    let runtime = runtime(WORKERS);
    watchdog.about(&runtime);
    let parked: Vec<_> = (0..CONNECTIONS).map(|_| runtime.go(lif::park)).collect();
    until(|| runtime.metrics().residents.iter().sum::<usize>() == CONNECTIONS);
    let residents = runtime.metrics().residents;
    let share = CONNECTIONS / WORKERS;
    let fair = share / 2..=share * 3 / 2;
    assert!(residents.iter().all(|count| fair.contains(count)), "{residents:?}");
    for parked in parked {
        parked.thread().unpark();
        parked.join().unwrap();
    }
}
