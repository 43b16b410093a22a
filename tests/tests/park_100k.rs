//! A hundred thousand coroutines at once, on a system as it comes: each with its guard, each small.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use lif_tests::{alone, count, runtime, until};

const COUNT: usize = 100_000;

/// Resident bytes for each parked coroutine, stack, header and handle included.
///
/// One page of stack, and little else. The frames of a debug build are two to three times as large,
/// so that some stacks reach their second page.
const MOST: usize = if cfg!(debug_assertions) { 6 * 1024 } else { 4_710 };

#[test]
fn a_hundred_thousand_parked_coroutines_are_small_and_all_wake() {
    alone(|| {
        let runtime = runtime(2);
        // What the first of anything costs is no cost of each.
        runtime.run(|| lif::go(lif::yield_now).join().unwrap());
        let before = count::resident_bytes();
        let started = Arc::<AtomicUsize>::default();
        let ended = Arc::<AtomicUsize>::default();
        let parked: Vec<_> = (0..COUNT)
            .map(|_| {
                let (started, ended) = (Arc::clone(&started), Arc::clone(&ended));
                runtime.go(move || {
                    started.fetch_add(1, Ordering::SeqCst);
                    lif::park();
                    ended.fetch_add(1, Ordering::SeqCst);
                })
            })
            .collect();
        until(|| started.load(Ordering::SeqCst) == COUNT);
        until(|| runtime.metrics().sleeping == 2);
        assert_eq!(count::live_stacks(), COUNT);
        let each = (count::resident_bytes() - before) / COUNT;
        println!("{each} bytes resident for each of {COUNT} parked coroutines");
        assert!(each <= MOST, "{each} bytes each, {MOST} at most");
        assert_eq!(ended.load(Ordering::SeqCst), 0);
        for parked in &parked {
            parked.thread().unpark();
        }
        for parked in parked {
            parked.join().unwrap();
        }
        assert_eq!(ended.load(Ordering::SeqCst), COUNT);
        runtime.wait_idle();
        // Some are on their way from a pool to the depot.
        until(|| count::live_stacks() == 0);
        drop(runtime);
    })
    .passed();
}

#[test]
fn a_hundred_thousand_coroutines_are_cancelled_with_their_runtime() {
    alone(|| {
        let runtime = runtime(2);
        let started = Arc::<AtomicUsize>::default();
        for _ in 0..COUNT {
            let started = Arc::clone(&started);
            drop(runtime.go(move || {
                started.fetch_add(1, Ordering::SeqCst);
                lif::park();
            }));
        }
        until(|| started.load(Ordering::SeqCst) == COUNT);
        drop(runtime);
        assert_eq!(count::live_stacks(), 0);
    })
    .passed();
}

#[test]
fn the_stack_of_any_of_them_is_guarded() {
    let overflow = alone(|| {
        let runtime = runtime(2);
        let started = Arc::<AtomicUsize>::default();
        for i in 0..COUNT {
            let started = Arc::clone(&started);
            runtime.run(|| {
                let builder = lif::Builder::new();
                let builder = if i == 77_777 { builder.name("the chosen") } else { builder };
                let spawned = builder.spawn(move || {
                    started.fetch_add(1, Ordering::SeqCst);
                    if i == 77_777 {
                        while started.load(Ordering::SeqCst) < COUNT {
                            lif::yield_now();
                        }
                        println!("{}", descend(0));
                    }
                    lif::park();
                });
                drop(spawned.unwrap());
            });
        }
        until(|| false);
    });
    overflow.died_of(libc::SIGABRT, &["'the chosen'", "has overflowed its stack"]);
}

/// Needs more stack than there is.
#[expect(unconditional_recursion, reason = "it is to overflow")]
fn descend(depth: u64) -> u64 {
    let frame = std::hint::black_box([depth; 32]);
    descend(depth + 1) + frame[7]
}
