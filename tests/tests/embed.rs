//! Runtimes as parts of a program: several at once, used from threads, hooks, counts.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use lif_tests::{panic_text, runtime, until, watch};

#[test]
fn several_runtimes_live_side_by_side() {
    let _watch = watch();
    let runtimes: Vec<_> = (1..=4).map(runtime).collect();
    let sums: Vec<_> = runtimes
        .iter()
        .enumerate()
        .map(|(i, runtime)| {
            runtime.go(move || {
                let parts: Vec<_> = (0..50).map(|n| lif::go(move || n * i)).collect();
                parts.into_iter().map(|part| part.join().unwrap()).sum::<usize>()
            })
        })
        .collect();
    for (i, sum) in sums.into_iter().enumerate() {
        assert_eq!(sum.join().unwrap(), i * 1_225);
    }
    for (i, runtime) in runtimes.iter().enumerate() {
        assert_eq!(runtime.metrics().workers, i + 1);
        assert_eq!(runtime.metrics().spawned, 51);
    }
}

#[test]
fn go_stays_in_the_runtime_of_its_caller() {
    let _watch = watch();
    let named = |name: &str| lif::Runtime::builder().workers(1).thread_name(name).build().unwrap();
    let (first, second) = (named("first"), named("second"));
    let place = || String::from(std::thread::current().name().unwrap());
    let handle = second.handle();
    first.run(move || {
        assert_eq!(lif::go(place).join().unwrap(), "first-0");
        assert_eq!(handle.go(place).join().unwrap(), "second-0");
        assert_eq!(handle.go(move || lif::go(place).join().unwrap()).join().unwrap(), "second-0");
    });
}

#[test]
fn runtimes_can_be_made_used_and_dropped_in_coroutines_of_others() {
    fn nest(depth: u32) -> u32 {
        if depth == 0 { 0 } else { lif_tests::runtime(1).run(|| nest(depth - 1)) + 1 }
    }
    let _watch = watch();
    assert_eq!(nest(5), 5);
}

#[test]
fn coroutines_of_two_runtimes_join_each_other() {
    let _watch = watch();
    let (first, second) = (runtime(2), runtime(2));
    let handle = second.handle();
    first.run(move || {
        for i in 0..200 {
            assert_eq!(handle.go(move || i).join().unwrap(), i);
        }
    });
}

#[test]
fn run_from_many_threads_at_once() {
    let _watch = watch();
    let runtime = runtime(2);
    std::thread::scope(|scope| {
        for i in 0..6 {
            let runtime = &runtime;
            scope.spawn(move || {
                for n in 0..100 {
                    let mut local = 0;
                    runtime.run(|| local = lif::go(move || i * n).join().unwrap());
                    assert_eq!(local, i * n);
                }
            });
        }
    });
    runtime.wait_idle();
    assert_eq!(runtime.metrics().live, 0);
}

#[test]
fn wait_idle_returns_when_all_have_ended() {
    let _watch = watch();
    for workers in [1, 3] {
        let runtime = runtime(workers);
        runtime.wait_idle();
        let ended = Arc::<AtomicUsize>::default();
        for round in 1..=50 {
            for _ in 0..10 {
                let ended = Arc::clone(&ended);
                drop(runtime.go(move || {
                    let inner = Arc::clone(&ended);
                    drop(lif::go(move || {
                        lif::yield_now();
                        inner.fetch_add(1, Ordering::SeqCst);
                    }));
                    ended.fetch_add(1, Ordering::SeqCst);
                }));
            }
            runtime.wait_idle();
            assert_eq!(ended.load(Ordering::SeqCst), round * 20);
        }
    }
}

#[test]
fn wait_idle_can_be_called_by_several_and_by_a_coroutine_of_another_runtime() {
    let _watch = watch();
    let (waited, other) = (runtime(1), runtime(1));
    let parked = waited.go(lif::park);
    std::thread::scope(|scope| {
        let done = Arc::<AtomicUsize>::default();
        for _ in 0..3 {
            let (waited, done) = (&waited, Arc::clone(&done));
            scope.spawn(move || {
                waited.wait_idle();
                done.fetch_add(1, Ordering::SeqCst);
            });
        }
        let (waited, from_other) = (&waited, Arc::clone(&done));
        let other = &other;
        scope.spawn(move || {
            other.run(|| {
                waited.wait_idle();
                from_other.fetch_add(1, Ordering::SeqCst);
            });
        });
        assert_eq!(done.load(Ordering::SeqCst), 0);
        parked.thread().unpark();
        until(|| done.load(Ordering::SeqCst) == 4);
    });
}

#[test]
fn waiting_for_oneself_panics() {
    let _watch = watch();
    let runtime = Arc::new(runtime(1));
    let own = Arc::clone(&runtime);
    let text = runtime.run(move || panic_text(|| own.wait_idle())).unwrap();
    assert!(text.contains("waits for itself"), "{text}");
}

#[test]
fn hooks_run_on_each_worker_at_its_start_and_its_end() {
    let _watch = watch();
    let log = Arc::new(Mutex::new(Vec::new()));
    let hook = |what: &'static str| {
        let log = Arc::clone(&log);
        move || {
            let name = String::from(std::thread::current().name().unwrap());
            log.lock().unwrap().push((what, name));
        }
    };
    let runtime = lif::Runtime::builder()
        .workers(3)
        .thread_name("hooked")
        .on_thread_start(hook("start"))
        .on_thread_stop(hook("stop"))
        .build()
        .unwrap();
    until(|| log.lock().unwrap().len() == 3);
    runtime.run(|| ());
    drop(runtime);
    let mut log = std::mem::take(&mut *log.lock().unwrap());
    log.sort();
    let expected = ["start", "stop"]
        .into_iter()
        .flat_map(|what| (0..3).map(move |i| (what, format!("hooked-{i}"))));
    assert!(log.into_iter().eq(expected));
}

#[test]
fn builders_refuse_what_cannot_be() {
    let _watch = watch();
    let refused = |builder: lif::runtime::Builder| {
        assert_eq!(builder.build().unwrap_err().kind(), std::io::ErrorKind::InvalidInput);
    };
    refused(lif::Runtime::builder().workers(0));
    refused(lif::Runtime::builder().workers(usize::MAX));
    refused(lif::Runtime::builder().max_blocking_threads(0));
    assert!(lif::Runtime::builder().stack_size(usize::MAX).build().is_err());
}

#[test]
fn metrics_count_what_has_happened() {
    let _watch = watch();
    let runtime = runtime(2);
    runtime.run(|| {
        for _ in 0..10 {
            lif::go(|| ()).join().unwrap();
        }
        for _ in 0..3 {
            lif::go(|| panic!("on purpose")).join().unwrap_err();
        }
        for _ in 0..2 {
            let sleeps = lif::go(|| lif::sleep(std::time::Duration::MAX));
            lif::sleep(std::time::Duration::from_micros(100));
            sleeps.cancel();
            sleeps.join().unwrap_err();
        }
    });
    runtime.wait_idle();
    let metrics = runtime.metrics();
    assert_eq!((metrics.spawned, metrics.finished, metrics.live), (16, 16, 0));
    assert_eq!((metrics.panicked, metrics.cancelled), (3, 2));
    assert_eq!(metrics.residents, [0, 0]);
    assert!(metrics.polls > 0 && metrics.timers > 0);
}
