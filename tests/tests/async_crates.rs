//! Async crates that know nothing of Lif, and another async runtime in the same process.

use std::{
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use lif::{block_on, time::timeout};
use lif_tests::{runtime, was_cancelled, watch};

const SOON: Duration = Duration::from_millis(5);

/// Another async runtime, on a thread of its own until it is dropped.
struct Tokio {
    handle: tokio::runtime::Handle,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Tokio {
    fn start() -> Tokio {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let handle = runtime.handle().clone();
        let (stop, stopped) = tokio::sync::oneshot::channel();
        let thread = thread::spawn(move || drop(runtime.block_on(stopped)));
        Tokio { handle, stop: Some(stop), thread: Some(thread) }
    }
}

impl Drop for Tokio {
    fn drop(&mut self) {
        drop(self.stop.take());
        self.thread.take().unwrap().join().unwrap();
    }
}

// ----- other async crates ---------------------------------------------------------------------

#[test]
fn a_thousand_coroutines_receive_what_threads_send_each_message_once() {
    const COROUTINES: usize = 1_000;
    const EACH: usize = 20;
    const THREADS: usize = 4;
    let _watch = watch();
    let runtime = runtime(2);
    let (sender, receiver) = async_channel::bounded::<usize>(16);
    let receivers: Vec<_> = (0..COROUTINES)
        .map(|_| {
            let receiver = receiver.clone();
            runtime.go(move || {
                let mut got = Vec::new();
                while let Ok(message) = block_on(receiver.recv()) {
                    got.push(message);
                }
                got
            })
        })
        .collect();
    drop(receiver);
    let all = COROUTINES * EACH;
    let threads: Vec<_> = (0..THREADS)
        .map(|me| {
            let sender = sender.clone();
            thread::spawn(move || {
                for message in (me..all).step_by(THREADS) {
                    block_on(sender.send(message)).unwrap();
                }
            })
        })
        .collect();
    drop(sender);
    for thread in threads {
        thread.join().unwrap();
    }
    let mut got: Vec<_> = receivers.into_iter().flat_map(|each| each.join().unwrap()).collect();
    got.sort_unstable();
    assert!(got.into_iter().eq(0..all));
}

#[test]
fn a_thousand_coroutines_have_a_channel_each_that_threads_send_to() {
    let _watch = watch();
    let runtime = runtime(2);
    let (senders, receivers): (Vec<_>, Vec<_>) =
        (0..1_000).map(|_| async_channel::bounded::<usize>(1)).unzip();
    let waiting: Vec<_> = receivers
        .into_iter()
        .map(|receiver| {
            runtime.go(move || (0..3).map(|_| block_on(receiver.recv()).unwrap()).sum::<usize>())
        })
        .collect();
    let threads = [0, 1].map(|me| {
        let senders: Vec<_> = senders.iter().skip(me).step_by(2).cloned().collect();
        thread::spawn(move || {
            for round in 0..3 {
                for sender in &senders {
                    sender.send_blocking(round).unwrap();
                }
            }
        })
    });
    for thread in threads {
        thread.join().unwrap();
    }
    assert!(waiting.into_iter().all(|each| each.join().unwrap() == 3));
}

#[test]
fn channels_and_mutexes_of_the_futures_crate_work_between_coroutines() {
    let _watch = watch();
    runtime(2).run(|| {
        let mutex = Arc::new(futures::lock::Mutex::new(0u32));
        let adders: Vec<_> = (0..50)
            .map(|_| {
                let mutex = Arc::clone(&mutex);
                lif::go(move || {
                    for _ in 0..20 {
                        let mut guard = block_on(mutex.lock());
                        lif::yield_now();
                        *guard += 1;
                    }
                })
            })
            .collect();
        for adder in adders {
            adder.join().unwrap();
        }
        assert_eq!(*block_on(mutex.lock()), 1_000);

        let (sender, receiver) = futures::channel::oneshot::channel();
        let waiting = lif::go(move || block_on(receiver));
        lif::go(move || sender.send("hello").unwrap()).join().unwrap();
        assert_eq!(waiting.join().unwrap(), Ok("hello"));
    });
}

// ----- another runtime in the process ---------------------------------------------------------

#[test]
fn a_coroutine_awaits_the_channels_of_another_runtime() {
    let _watch = watch();
    let tokio = Tokio::start();
    let handle = tokio.handle.clone();
    runtime(1).run(move || {
        let (sender, receiver) = tokio::sync::oneshot::channel();
        drop(handle.spawn(async move {
            tokio::time::sleep(Duration::from_millis(1)).await;
            sender.send(1).unwrap();
        }));
        assert_eq!(block_on(receiver), Ok(1));

        let (requests, mut inbox) = tokio::sync::mpsc::channel::<u32>(2);
        let (answers, mut outbox) = tokio::sync::mpsc::channel::<u32>(2);
        drop(handle.spawn(async move {
            while let Some(request) = inbox.recv().await {
                answers.send(request * 2).await.unwrap();
            }
        }));
        let asking = lif::go(move || {
            for i in 0..500 {
                block_on(requests.send(i)).unwrap();
            }
        });
        let mut got = Vec::new();
        while let Some(answer) = block_on(outbox.recv()) {
            got.push(answer);
        }
        assert!(got.into_iter().eq((0..500).map(|i| i * 2)));
        asking.join().unwrap();
    });
}

#[test]
fn a_coroutine_awaits_tasks_and_timers_of_another_runtime() {
    let _watch = watch();
    let tokio = Tokio::start();
    let handle = tokio.handle.clone();
    runtime(1).run(move || {
        let start = Instant::now();
        let spawned = handle.spawn(async {
            tokio::time::sleep(SOON).await;
            3
        });
        assert_eq!(block_on(spawned).unwrap(), 3);
        assert!(start.elapsed() >= SOON);
        // Made within the other runtime, a timer can be polled here; its guard goes before the wait.
        let timer = {
            let _guard = handle.enter();
            tokio::time::sleep(SOON)
        };
        block_on(timer);
        assert!(start.elapsed() >= 2 * SOON);
        // Given up by a deadline of this side, a task of the other goes on.
        let (sender, receiver) = tokio::sync::oneshot::channel::<()>();
        let waiting = handle.spawn(receiver);
        assert!(timeout(SOON, || block_on(waiting)).is_err());
        sender.send(()).unwrap();
    });
}

#[test]
fn tasks_of_another_runtime_await_coroutines() {
    let _watch = watch();
    let tokio = Tokio::start();
    let runtime = runtime(2);
    let lif = runtime.handle();
    let sum = tokio.handle.spawn(async move {
        let parts: Vec<_> = (0..100u64)
            .map(|i| {
                let part = lif.go(move || {
                    lif::sleep(Duration::from_micros(i));
                    i
                });
                // Each awaited by a task of its own.
                tokio::spawn(async move { part.await.unwrap() })
            })
            .collect();
        let mut sum = 0;
        for part in parts {
            sum += part.await.unwrap();
        }
        let parked = lif.go(lif::park);
        let ended = tokio::select! {
            ended = parked => Some(ended),
            () = tokio::time::sleep(SOON) => None,
        };
        assert!(ended.is_none(), "a handle that loses is dropped and detaches");
        let mut parked = lif.go(lif::park);
        assert!(tokio::time::timeout(SOON, &mut parked).await.is_err());
        parked.cancel();
        assert!(was_cancelled(parked.await));
        sum
    });
    assert_eq!(block_on(sum).unwrap(), 4_950);
}

#[test]
fn a_ball_goes_to_and_fro_between_two_runtimes() {
    let _watch = watch();
    let tokio = Tokio::start();
    let runtime = runtime(2);
    let (there, mut from_here) = tokio::sync::mpsc::unbounded_channel::<u32>();
    let (back, from_there) = async_channel::unbounded::<u32>();
    let player = tokio.handle.spawn(async move {
        while let Some(ball) = from_here.recv().await {
            back.send(ball + 1).await.unwrap();
        }
    });
    let last = runtime.run(move || {
        let mut ball = 0;
        for _ in 0..2_000 {
            there.send(ball).unwrap();
            ball = block_on(from_there.recv()).unwrap();
        }
        ball
    });
    assert_eq!(last, 2_000);
    block_on(player).unwrap();
}
