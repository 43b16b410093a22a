//! Handles of coroutines as futures, awaited by `block_on` and polled by hand.

use std::{
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    task::{Poll, Wake, Waker},
    thread,
    time::Duration,
};

use futures::{FutureExt, StreamExt, stream::FuturesUnordered};
use lif::block_on;
use lif_tests::{
    future::{Count, poll},
    runtime, text_of, until, was_cancelled, watch, yield_until,
};

const LONG: Duration = Duration::from_secs(3600);

#[test]
fn a_handle_awaited_gives_what_its_join_would() {
    let _watch = watch();
    runtime(2).run(|| {
        assert_eq!(block_on(lif::go(|| 5)).unwrap(), 5);
        let payload = block_on(lif::go(|| panic!("on purpose"))).unwrap_err();
        assert_eq!(text_of(&*payload), "on purpose");
        let sleeper = lif::go(|| lif::sleep(LONG));
        sleeper.cancel();
        assert!(was_cancelled(block_on(sleeper)));
        let local = Rc::new(4);
        let value = block_on(lif::go_local(move || Rc::new(*local + 1))).unwrap();
        assert_eq!(*value, 5);
    });
}

#[test]
fn only_the_waker_of_the_last_poll_is_woken_and_none_is_kept() {
    let _watch = watch();
    runtime(1).run(|| {
        let mut handle = lif::go(lif::park);
        let ((first, one), (second, two)) = (Count::new(), Count::new());
        for waker in [&one, &one, &two, &one, &two, &two] {
            assert!(poll(&mut handle, waker).is_pending());
        }
        drop((one, two.clone()));
        assert_eq!(Arc::strong_count(&first), 1, "a waker that is replaced is dropped");
        handle.thread().unpark();
        yield_until(|| handle.is_finished());
        assert_eq!((first.get(), second.get()), (0, 1));
        assert!(poll(&mut handle, &two).is_ready());
        drop(two);
        assert_eq!(Arc::strong_count(&second), 1, "a waker that was woken is dropped");
    });
}

#[test]
fn a_handle_that_is_dropped_or_joined_takes_its_waker_back() {
    let _watch = watch();
    runtime(1).run(|| {
        let (count, waker) = Count::new();
        let joined = [false, true].map(|join| {
            let mut handle = lif::go(lif::park);
            assert!(poll(&mut handle, &waker).is_pending());
            assert_eq!(Arc::strong_count(&count), 3);
            let thread = handle.thread().clone();
            if !join {
                drop(handle);
                assert_eq!(Arc::strong_count(&count), 2);
                thread.unpark();
                return None;
            }
            let handle = handle.join_timeout(Duration::from_micros(10)).unwrap_err();
            assert_eq!(Arc::strong_count(&count), 2);
            thread.unpark();
            Some(handle.join())
        });
        assert!(matches!(joined, [None, Some(Ok(()))]));
        assert_eq!(count.get(), 0);
    });
}

#[test]
fn a_result_is_dropped_once_when_a_polled_handle_goes_as_it_comes() {
    struct Note(Arc<AtomicUsize>);
    impl Drop for Note {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
    let _watch = watch();
    let drops = Arc::new(AtomicUsize::new(0));
    let runtime = runtime(2);
    for round in 0..2_000 {
        let note = Note(Arc::clone(&drops));
        let mut handle = runtime.go(move || note);
        let (_count, waker) = Count::new();
        for _ in 0..round % 4 {
            if let Poll::Ready(result) = poll(&mut handle, &waker) {
                drop(result.unwrap());
                break;
            }
        }
        drop(handle);
    }
    runtime.wait_idle();
    until(|| drops.load(Ordering::SeqCst) == 2_000);
}

#[test]
fn a_handle_that_has_given_its_result_refuses_another_poll_and_a_join() {
    let _watch = watch();
    runtime(1).run(|| {
        for join in [false, true] {
            let mut handle = lif::go(|| 1);
            assert_eq!(block_on(&mut handle).unwrap(), 1);
            assert!(handle.is_finished());
            let text = lif_tests::panic_text(|| {
                if join {
                    drop(handle.join());
                } else {
                    drop(poll(&mut handle, Waker::noop()));
                }
            });
            assert_eq!(text.as_deref(), Some("a JoinHandle gives its result once"));
        }
    });
}

#[test]
fn a_coroutine_that_awaits_itself_is_told() {
    let _watch = watch();
    runtime(1).run(|| {
        let (sender, receiver) = async_channel::bounded::<lif::JoinHandle<()>>(1);
        let (told, text) = mpsc::channel();
        let child = lif::go(move || {
            let mine = block_on(receiver.recv()).unwrap();
            told.send(lif_tests::panic_text(|| drop(block_on(mine)))).unwrap();
        });
        sender.try_send(child).unwrap();
        yield_until(|| sender.is_closed());
        assert_eq!(text.recv().unwrap().as_deref(), Some("a coroutine cannot join itself"));
    });
}

#[test]
fn a_waker_that_panics_does_not_harm_the_coroutine_that_ends() {
    struct Broken;
    impl Wake for Broken {
        fn wake(self: Arc<Self>) {
            panic!("in a waker");
        }
    }
    let _watch = watch();
    runtime(1).run(|| {
        let mut handle = lif::go(|| 9);
        assert!(poll(&mut handle, &Waker::from(Arc::new(Broken))).is_pending());
        assert_eq!(handle.join().unwrap(), 9);
        let mut handle = lif::go(lif::yield_now);
        assert!(poll(&mut handle, &Waker::from(Arc::new(Broken))).is_pending());
        yield_until(|| handle.is_finished());
        assert!(block_on(handle).is_ok());
    });
}

#[test]
fn a_select_over_handles_gives_the_first_and_leaves_the_rest() {
    let _watch = watch();
    runtime(2).run(|| {
        let slow = lif::go(|| {
            lif::park();
            "slow"
        });
        let parked = slow.thread().clone();
        let (mut slow, mut fast) = (slow.fuse(), lif::go(|| "fast").fuse());
        let first = block_on(async {
            futures::select! {
                slow = slow => slow.unwrap(),
                fast = fast => fast.unwrap(),
            }
        });
        assert_eq!(first, "fast");
        let ends = lif::go(move || parked.unpark());
        assert_eq!(block_on(&mut slow).unwrap(), "slow");
        ends.join().unwrap();
    });
}

#[test]
fn a_set_of_handles_is_awaited_in_the_order_of_their_ends() {
    let _watch = watch();
    runtime(2).run(|| {
        let mut set: FuturesUnordered<_> = (0..1_000u64)
            .map(|i| {
                lif::go(move || {
                    lif::sleep(Duration::from_micros(i * 7 % 100));
                    i
                })
            })
            .collect();
        let sum = block_on(async {
            let mut sum = 0;
            while let Some(done) = set.next().await {
                sum += done.unwrap();
            }
            sum
        });
        assert_eq!(sum, 499_500);
    });
}

#[test]
fn scoped_handles_are_awaited_too_and_a_panic_that_was_seen_is_not_thrown_again() {
    let _watch = watch();
    runtime(2).run(|| {
        let words = ["a", "bc", "def"].map(String::from);
        let total = lif::thread::scope(|s| {
            let parts = words.iter().map(|word| s.spawn(|| word.len()));
            let parts = block_on(futures::future::join_all(parts));
            let broken = s.spawn(|| panic!("on purpose"));
            assert_eq!(text_of(&*block_on(broken).unwrap_err()), "on purpose");
            // One that is polled and dropped is waited for all the same.
            let mut last = s.spawn(|| {
                lif::sleep(Duration::from_millis(1));
                assert_eq!(words.len(), 3);
            });
            assert!(poll(&mut last, Waker::noop()).is_pending());
            drop(last);
            parts.into_iter().map(Result::unwrap).sum::<usize>()
        });
        assert_eq!(total, 6);
    });
}

#[test]
fn handles_are_awaited_outside_of_their_runtime() {
    let _watch = watch();
    let runtime = runtime(2);
    let handles: Vec<_> = (0..100).map(|i| runtime.go(move || i)).collect();
    let all = futures::future::join_all(handles);
    let sum = block_on(all).into_iter().map(Result::unwrap).sum::<i32>();
    assert_eq!(sum, 4_950);
    // Of one that the end of its runtime has cancelled.
    let mut parked = runtime.go(lif::park);
    assert!(poll(&mut parked, Waker::noop()).is_pending());
    let waiting = thread::spawn(move || block_on(parked));
    drop(runtime);
    assert!(was_cancelled(waiting.join().unwrap()));
}
