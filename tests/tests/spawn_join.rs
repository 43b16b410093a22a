//! Spawning and joining: results, panics, names, ids, detaching, places to spawn from.

use std::{
    cell::{Cell, RefCell},
    collections::HashSet,
    panic::panic_any,
    rc::Rc,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
        mpsc,
    },
    time::{Duration, Instant},
};

use lif_tests::{panic_text, runtime, text_of, until, was_cancelled, watch, yield_until};

/// Sets a flag when it goes.
struct Dropped(Arc<AtomicBool>);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

#[test]
fn join_returns_what_the_coroutine_returned() {
    let _watch = watch();
    runtime(2).run(|| {
        assert_eq!(lif::go(|| 6 * 7).join().unwrap(), 42);
        assert_eq!(lif::go(|| String::from("text")).join().unwrap(), "text");
        let large = lif::go(|| [7_u8; 10_000]).join().unwrap();
        assert!(large.iter().all(|&byte| byte == 7));
        lif::go(|| ()).join().unwrap();
    });
}

#[test]
fn run_lends_the_callers_variables_and_returns_the_result() {
    let _watch = watch();
    let mut log = vec![1];
    let text = runtime(1).run(|| {
        log.push(2);
        lif::yield_now();
        log.push(3);
        "done"
    });
    assert_eq!((text, log), ("done", vec![1, 2, 3]));
}

#[test]
fn panics_reach_the_joiner_with_their_payload() {
    let _watch = watch();
    runtime(2).run(|| {
        let text = lif::go(|| panic!("on purpose")).join().unwrap_err();
        assert_eq!(text_of(&*text), "on purpose");
        let formatted = lif::go(|| panic!("on {}", "purpose")).join().unwrap_err();
        assert_eq!(text_of(&*formatted), "on purpose");
        let number = lif::go(|| panic_any(77_u32)).join().unwrap_err();
        assert_eq!(number.downcast_ref(), Some(&77_u32));
    });
}

#[test]
fn a_panic_of_the_main_coroutine_reaches_the_caller_of_run() {
    let _watch = watch();
    let text = panic_text(|| runtime(1).run(|| panic!("out of run")));
    assert_eq!(text.as_deref(), Some("out of run"));
}

#[test]
fn a_panic_leaves_the_other_coroutines_and_the_worker_alone() {
    let _watch = watch();
    let runtime = runtime(1);
    runtime.run(|| {
        let steady = lif::go(|| {
            for _ in 0..200 {
                assert!(!std::thread::panicking());
                lif::yield_now();
            }
            "steady"
        });
        for _ in 0..50 {
            lif::go(|| panic!("on purpose")).join().unwrap_err();
        }
        assert_eq!(steady.join().unwrap(), "steady");
    });
    runtime.wait_idle();
    assert_eq!(runtime.metrics().live, 0);
}

#[test]
fn a_detached_coroutine_runs_on_and_its_result_is_dropped() {
    let _watch = watch();
    let dropped = Arc::new(AtomicBool::new(false));
    let result = Dropped(Arc::clone(&dropped));
    let runtime = runtime(2);
    let handle = runtime.go(move || {
        for _ in 0..10 {
            lif::yield_now();
        }
        result
    });
    drop(handle);
    runtime.wait_idle();
    assert!(dropped.load(Ordering::SeqCst));
}

#[test]
fn a_handle_that_is_dropped_late_drops_the_result() {
    let _watch = watch();
    let dropped = Arc::new(AtomicBool::new(false));
    let result = Dropped(Arc::clone(&dropped));
    let handle = {
        let runtime = runtime(1);
        let handle = runtime.go(move || result);
        runtime.wait_idle();
        handle
    };
    // The runtime is gone, the result is still there.
    assert!(handle.is_finished() && !dropped.load(Ordering::SeqCst));
    drop(handle);
    assert!(dropped.load(Ordering::SeqCst));
}

#[test]
fn a_result_can_be_joined_after_its_runtime_is_gone() {
    let _watch = watch();
    let handle = {
        let runtime = runtime(2);
        let handle = runtime.go(|| vec![1, 2, 3]);
        runtime.wait_idle();
        handle
    };
    assert_eq!(handle.join().unwrap(), [1, 2, 3]);
}

#[test]
fn join_timeout_gives_the_handle_back_until_the_end() {
    let _watch = watch();
    runtime(2).run(|| {
        let go_on = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&go_on);
        let slow = lif::go(move || {
            until(|| seen.load(Ordering::SeqCst));
            5
        });
        let before = Instant::now();
        let slow = slow.join_timeout(Duration::from_millis(5)).unwrap_err();
        assert!(before.elapsed() >= Duration::from_millis(5), "early");
        let slow = slow.join_timeout(Duration::ZERO).unwrap_err();
        go_on.store(true, Ordering::SeqCst);
        assert_eq!(slow.join_timeout(Duration::MAX).unwrap().unwrap(), 5);
    });
}

#[test]
fn join_timeout_from_a_thread_gives_the_handle_back() {
    let _watch = watch();
    let runtime = runtime(1);
    let parked = runtime.go(lif::park);
    let parked = parked.join_timeout(Duration::from_millis(2)).unwrap_err();
    parked.thread().unpark();
    parked.join().unwrap();
}

#[test]
fn go_local_keeps_what_is_not_send_on_its_worker() {
    let _watch = watch();
    runtime(4).run(|| {
        let log = Rc::new(RefCell::new(Vec::new()));
        let home = std::thread::current().id();
        let children: Vec<_> = (0..100)
            .map(|i| {
                let log = Rc::clone(&log);
                lif::go_local(move || {
                    for _ in 0..3 {
                        assert_eq!(std::thread::current().id(), home);
                        lif::yield_now();
                    }
                    log.borrow_mut().push(i);
                    Rc::clone(&log)
                })
            })
            .collect();
        for child in children {
            // The result is not Send either.
            assert!(Rc::ptr_eq(&child.join().unwrap(), &log));
        }
        let mut all = log.borrow_mut();
        all.sort_unstable();
        assert!(all.iter().copied().eq(0..100));
    });
}

#[test]
fn a_started_coroutine_never_changes_its_thread() {
    let _watch = watch();
    runtime(4).run(|| {
        let children: Vec<_> = (0..200)
            .map(|_| {
                lif::go(|| {
                    let home = std::thread::current().id();
                    let local = Rc::new(Cell::new(0));
                    for i in 0..20 {
                        local.set(local.get() + 1);
                        match i % 3 {
                            0 => lif::yield_now(),
                            1 => lif::sleep(Duration::from_micros(50)),
                            _ => lif::go(|| ()).join().unwrap(),
                        }
                        assert_eq!(std::thread::current().id(), home);
                    }
                    local.get()
                })
            })
            .collect();
        for child in children {
            assert_eq!(child.join().unwrap(), 20);
        }
    });
}

#[test]
fn names_are_what_the_builder_was_given() {
    let _watch = watch();
    runtime(1).run(|| {
        let named = lif::Builder::new().name("bee").spawn(|| {
            let me = lif::current();
            (me.name().map(String::from), me.id())
        });
        let named = named.unwrap();
        let (id, name) = (named.id(), named.thread().name().map(String::from));
        assert_eq!(name.as_deref(), Some("bee"));
        assert_eq!(named.join().unwrap(), (Some(String::from("bee")), id));
        assert_eq!(lif::go(|| lif::current().name().map(String::from)).join().unwrap(), None);
        let local = lif::Builder::new().name("local").spawn_local(lif::current).unwrap();
        assert_eq!(local.join().unwrap().name(), Some("local"));
    });
}

#[test]
fn a_stack_size_beyond_any_is_an_error_and_a_large_one_is_usable() {
    let _watch = watch();
    runtime(1).run(|| {
        let refused = lif::Builder::new().stack_size(usize::MAX).spawn(|| ());
        assert!(refused.is_err());
        let deep = lif::Builder::new().stack_size(8 << 20).spawn(|| {
            fn descend(left: u32) -> u64 {
                let frame = std::hint::black_box([u64::from(left); 64]);
                if left == 0 { frame[0] } else { descend(left - 1) + frame[63] }
            }
            descend(5_000)
        });
        assert_eq!(deep.unwrap().join().unwrap(), 5_000 * 5_001 / 2);
        let small = lif::Builder::new().stack_size(1).spawn(|| 1).unwrap();
        assert_eq!(small.join().unwrap(), 1, "less than the least is the least");
    });
}

#[test]
fn ids_are_never_shared() {
    let _watch = watch();
    let ids = Arc::new(Mutex::new(HashSet::new()));
    let runtime = runtime(4);
    let collect = |ids: &Arc<Mutex<HashSet<_>>>| {
        let ids = Arc::clone(ids);
        move || assert!(ids.lock().unwrap().insert(lif::current().id()))
    };
    for _ in 0..200 {
        runtime.go(collect(&ids));
    }
    runtime.run(|| {
        let children: Vec<_> = (0..800).map(|_| lif::go(collect(&ids))).collect();
        for child in children {
            child.join().unwrap();
        }
    });
    runtime.wait_idle();
    std::thread::spawn(collect(&ids)).join().unwrap();
    assert_eq!(ids.lock().unwrap().len(), 1001);
}

#[test]
fn go_outside_of_any_runtime_panics_and_says_what_to_do() {
    let _watch = watch();
    let text = panic_text(|| drop(lif::go(|| ()))).unwrap();
    assert!(text.contains("outside of any runtime"), "{text}");
    let text = panic_text(|| drop(lif::go_local(|| ()))).unwrap();
    assert!(text.contains("outside of any runtime"), "{text}");
}

#[test]
fn a_coroutine_that_joins_itself_panics() {
    let _watch = watch();
    runtime(1).run(|| {
        let (give, take) = mpsc::channel::<lif::JoinHandle<()>>();
        let text = Arc::new(Mutex::new(None));
        let said = Arc::clone(&text);
        let child = lif::go(move || {
            let me = take.recv().unwrap();
            *said.lock().unwrap() = panic_text(|| drop(me.join()));
        });
        // It has not started: this is the only worker.
        give.send(child).unwrap();
        yield_until(|| text.lock().unwrap().is_some());
        let text = text.lock().unwrap().take().unwrap();
        assert!(text.contains("join itself"), "{text}");
    });
}

#[test]
fn spawn_from_many_threads_runs_each_once() {
    let _watch = watch();
    let runtime = runtime(2);
    let ran = Arc::new(AtomicUsize::new(0));
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let (handle, ran) = (runtime.handle(), Arc::clone(&ran));
            std::thread::spawn(move || {
                let children: Vec<_> = (0..500)
                    .map(|i| {
                        let ran = Arc::clone(&ran);
                        handle.go(move || {
                            ran.fetch_add(1, Ordering::SeqCst);
                            i
                        })
                    })
                    .collect();
                for (i, child) in children.into_iter().enumerate() {
                    assert_eq!(child.join().unwrap(), i);
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
    assert_eq!(ran.load(Ordering::SeqCst), 2_000);
}

#[test]
fn a_tree_of_spawns_is_joined_from_the_leaves() {
    fn tree(depth: u32) -> u64 {
        if depth == 0 {
            return 1;
        }
        let children: Vec<_> = (0..3).map(|_| lif::go(move || tree(depth - 1))).collect();
        children.into_iter().map(|child| child.join().unwrap()).sum::<u64>() + 1
    }
    let _watch = watch();
    let runtime = runtime(4);
    // 1 + 3 + ... + 3^7
    assert_eq!(runtime.run(|| tree(7)), 3_280);
    runtime.wait_idle();
    assert_eq!(runtime.metrics().live, 0);
}

#[test]
fn a_chain_of_ten_thousand_nested_spawns_comes_back() {
    fn chain(left: u32) -> u32 {
        if left == 0 { 0 } else { lif::go(move || chain(left - 1)).join().unwrap() + 1 }
    }
    let _watch = watch();
    assert_eq!(runtime(2).run(|| chain(10_000)), 10_000);
}

#[test]
fn a_coroutine_spawned_and_cancelled_before_it_starts_never_runs() {
    let _watch = watch();
    runtime(1).run(|| {
        let dropped = Arc::new(AtomicBool::new(false));
        let ran = Arc::new(AtomicBool::new(false));
        let (capture, seen) = (Dropped(Arc::clone(&dropped)), Arc::clone(&ran));
        let child = lif::go(move || {
            let _capture = capture;
            seen.store(true, Ordering::SeqCst);
        });
        child.cancel();
        assert!(was_cancelled(child.join()));
        assert!(dropped.load(Ordering::SeqCst) && !ran.load(Ordering::SeqCst));
    });
}

#[test]
fn is_finished_tells_when_join_will_not_wait() {
    let _watch = watch();
    runtime(1).run(|| {
        let parked = lif::go(lif::park);
        lif::yield_now();
        assert!(!parked.is_finished());
        parked.thread().unpark();
        yield_until(|| parked.is_finished());
        parked.join().unwrap();
    });
}
