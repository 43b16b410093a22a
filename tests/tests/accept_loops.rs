//! Accept loops that ignore errors, as many do: they end with their runtime, and stall nobody.
//! Those that are out of descriptors are among the tests of that.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use lif::net::TcpStream;
use lif_tests::{
    net::{echo, listener, pair},
    until, was_cancelled, watch,
};

/// `for c in incoming() { let Ok(c) = c else { continue } }`: told, it goes on for ever.
#[test]
fn an_accept_loop_that_ignores_errors_ends_with_its_runtime() {
    let _watch = watch();
    let runtime =
        lif::Runtime::builder().workers(1).shutdown_grace(Duration::from_millis(30)).build();
    let runtime = runtime.unwrap();
    let (listener, address) = listener();
    let server = runtime.go(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { continue };
            lif::go(move || echo(&mut stream));
        }
    });
    runtime.run(|| lif_tests::net::ask(&mut TcpStream::connect(address).unwrap(), 7)).unwrap();
    drop(runtime);
    assert!(was_cancelled(server.join()));
}

/// Cancelled but with its runtime alive, it must not keep the others from running.
#[test]
fn an_accept_loop_that_ignores_its_cancellation_does_not_stall_the_others() {
    let watchdog = watch();
    let runtime =
        lif::Runtime::builder().workers(1).shutdown_grace(Duration::from_millis(30)).build();
    let runtime = runtime.unwrap();
    watchdog.about(&runtime);
    let failures = Arc::<AtomicUsize>::default();
    let (listener, _address) = listener();
    let count = Arc::clone(&failures);
    let server = runtime.go(move || {
        for stream in listener.incoming() {
            let Ok(_stream) = stream else {
                count.fetch_add(1, Ordering::SeqCst);
                continue;
            };
        }
    });
    until(|| runtime.metrics().residents == [1]);
    server.cancel();
    until(|| failures.load(Ordering::SeqCst) > 1_000);
    runtime.run(|| {
        let (mut mine, mut theirs) = pair();
        lif::go(move || echo(&mut theirs));
        for round in 0..20 {
            lif_tests::net::ask(&mut mine, round).unwrap();
            lif::sleep(Duration::from_micros(100));
            lif::go(|| ()).join().unwrap();
        }
    });
    drop(runtime);
    assert!(was_cancelled(server.join()));
}
