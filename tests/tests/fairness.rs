//! Who never waits must not keep the others from running.

use std::{
    io::{Read, Write},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use lif_tests::{
    net::{ask, echo, pair},
    runtime, until, watch,
};

/// A runtime of one worker, on which some coroutines run `step` for ever, until the flag is set.
fn busy(
    count: usize,
    step: impl Fn() + Clone + Send + 'static,
) -> (lif::Runtime, Arc<AtomicBool>, Vec<lif::JoinHandle<()>>) {
    let runtime = runtime(1);
    let over = Arc::new(AtomicBool::new(false));
    let running = Arc::<AtomicUsize>::default();
    let handles = (0..count)
        .map(|_| {
            let (over, step) = (Arc::clone(&over), step.clone());
            let running = Arc::clone(&running);
            runtime.go(move || {
                running.fetch_add(1, Ordering::SeqCst);
                while !over.load(Ordering::SeqCst) {
                    step();
                }
            })
        })
        .collect();
    until(|| running.load(Ordering::SeqCst) == count);
    (runtime, over, handles)
}

/// I/O, timers, wakes from elsewhere and new coroutines, all on the busy worker.
fn others_run(runtime: &lif::Runtime) {
    runtime.run(|| {
        let (mut mine, mut theirs) = pair();
        let echoes = lif::go(move || echo(&mut theirs));
        for round in 0..20 {
            ask(&mut mine, round).unwrap();
            lif::sleep(Duration::from_micros(100));
            assert_eq!(lif::go(move || round).join().unwrap(), round);
            let me = lif::current();
            let thread = std::thread::spawn(move || me.unpark());
            lif::park();
            thread.join().unwrap();
            lif::blocking(|| ());
        }
        drop(mine);
        echoes.join().unwrap().unwrap();
    });
}

fn ends(over: &AtomicBool, handles: Vec<lif::JoinHandle<()>>) {
    over.store(true, Ordering::SeqCst);
    for handle in handles {
        handle.join().unwrap();
    }
}

#[test]
fn coroutines_that_yield_in_a_loop_starve_nobody() {
    let _watch = watch();
    for count in [1, 3, 50] {
        let (runtime, over, handles) = busy(count, lif::yield_now);
        others_run(&runtime);
        ends(&over, handles);
    }
}

#[test]
fn coroutines_whose_io_never_waits_starve_nobody() {
    let _watch = watch();
    let (full, mut ready) = pair();
    ready.write_all(&[1; 64]).unwrap();
    let full = Arc::new(full);
    // Always there: peeking takes nothing.
    let (runtime, over, handles) = busy(2, move || assert!(full.peek(&mut [0; 1]).unwrap() > 0));
    others_run(&runtime);
    ends(&over, handles);
}

#[test]
fn a_pair_that_plays_ping_pong_on_one_worker_starves_nobody() {
    let _watch = watch();
    let (runtime, over, mut handles) = busy(0, || ());
    let (mut mine, mut theirs) = pair();
    let echoes = runtime.go(move || echo(&mut theirs));
    let flag = Arc::clone(&over);
    handles.push(runtime.go(move || {
        let mut round = 0;
        while !flag.load(Ordering::SeqCst) {
            ask(&mut mine, round).unwrap();
            round += 1;
        }
    }));
    others_run(&runtime);
    ends(&over, handles);
    echoes.join().unwrap().unwrap();
}

#[test]
fn coroutines_that_fail_at_once_starve_nobody() {
    let _watch = watch();
    let (mine, _theirs) = pair();
    mine.set_nonblocking(true).unwrap();
    let mine = Arc::new(mine);
    let step = move || drop((&*mine).read(&mut [0; 1]).unwrap_err());
    let (runtime, over, handles) = busy(2, step);
    others_run(&runtime);
    ends(&over, handles);
}

#[test]
fn coroutines_that_spawn_in_a_loop_starve_nobody() {
    let _watch = watch();
    let (runtime, over, handles) = busy(2, || lif::go(lif::yield_now).join().unwrap());
    others_run(&runtime);
    ends(&over, handles);
}

#[test]
fn the_oldest_of_many_new_coroutines_starts_though_newer_ones_come() {
    let _watch = watch();
    let runtime = runtime(1);
    let over = Arc::new(AtomicBool::new(false));
    runtime.run(|| {
        // Each starts the next, so there is always a newer one than the oldest.
        fn chain(over: &Arc<AtomicBool>) {
            if !over.load(Ordering::SeqCst) {
                let next = Arc::clone(over);
                drop(lif::go(move || {
                    chain(&next);
                    chain_end();
                }));
            }
        }
        fn chain_end() {
            lif::yield_now();
        }
        let ran = Arc::<AtomicUsize>::default();
        for _ in 0..20 {
            let ran = Arc::clone(&ran);
            drop(lif::go(move || {
                ran.fetch_add(1, Ordering::SeqCst);
            }));
        }
        chain(&over);
        chain(&over);
        until(|| ran.load(Ordering::SeqCst) == 20);
        over.store(true, Ordering::SeqCst);
    });
    runtime.wait_idle();
}
