//! The ends of channels in async code: in line with parked ends, and nothing lost.

use std::{
    future::Future,
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    thread,
    time::{Duration, Instant},
};

use futures::{FutureExt, select_biased};
use lif::{
    block_on,
    channel::{Receiver, RecvError, SendError, Sender, TryRecvError, bounded, tick, unbounded},
};
use lif_tests::{runtime, watch};

const CAPACITIES: [usize; 4] = [0, 1, 7, usize::MAX];

fn channel(capacity: usize) -> (Sender<usize>, Receiver<usize>) {
    if capacity == usize::MAX { unbounded() } else { bounded(capacity) }
}

/// Counts how often it was woken.
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

fn poll<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    Pin::new(future).poll(&mut Context::from_waker(Waker::noop()))
}

fn current_thread<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(future)
}

/// Sends `each` messages from each of six senders to six receivers: parked and async, in
/// coroutines, on threads and in tokio.
fn exchange(capacity: usize, each: usize) {
    let runtime = runtime(2);
    let (sender, receiver) = channel(capacity);
    let mut sends = Vec::new();
    let mut receives = Vec::new();
    for me in 0..6 {
        let sender = sender.clone();
        let receiver = receiver.clone();
        let messages = me * each..(me + 1) * each;
        let send = move || match me {
            0 | 1 => messages.for_each(|message| sender.send(message).unwrap()),
            _ => {
                let all = async {
                    for message in messages {
                        sender.send_async(message).await.unwrap();
                    }
                };
                if me == 2 {
                    current_thread(all);
                } else {
                    block_on(all);
                }
            }
        };
        let receive = move || {
            let mut got = Vec::new();
            if me < 2 {
                got.extend(receiver.iter());
                return got;
            }
            let all = async {
                while let Ok(message) = receiver.recv_async().await {
                    got.push(message);
                }
            };
            if me == 2 {
                current_thread(all);
            } else {
                block_on(all);
            }
            got
        };
        if me % 2 == 0 {
            sends.push(thread::spawn(send));
            receives.push(thread::spawn(receive));
        } else {
            let (sends_too, receives_too) = (runtime.go(send), runtime.go(receive));
            sends.push(thread::spawn(|| sends_too.join().unwrap()));
            receives.push(thread::spawn(|| receives_too.join().unwrap()));
        }
    }
    drop((sender, receiver));
    sends.into_iter().for_each(|sends| sends.join().unwrap());
    let mut got: Vec<_> = receives.into_iter().flat_map(|one| one.join().unwrap()).collect();
    got.sort_unstable();
    assert!(got.into_iter().eq(0..6 * each), "capacity {capacity}");
}

#[test]
fn parked_and_async_ends_exchange_every_message_once() {
    let _watch = watch();
    for capacity in CAPACITIES {
        exchange(capacity, 500);
    }
}

#[test]
fn async_and_parked_receivers_are_served_in_the_order_in_which_they_came() {
    let _watch = watch();
    let (sender, receiver) = bounded(0);
    let mut first = receiver.recv_async();
    assert!(poll(&mut first).is_pending());
    let parked = {
        let receiver = receiver.clone();
        thread::spawn(move || receiver.recv())
    };
    // The thread cannot be seen to wait; that the third comes after it does not matter.
    let mut third = receiver.recv_async();
    assert!(poll(&mut third).is_pending());
    sender.send(1).unwrap();
    assert_eq!(poll(&mut first), Poll::Ready(Ok(1)));
    sender.send(2).unwrap();
    sender.send(2).unwrap();
    assert_eq!(parked.join().unwrap(), Ok(2));
    assert_eq!(poll(&mut third), Poll::Ready(Ok(2)));
}

#[test]
fn async_senders_are_served_in_the_order_in_which_they_came() {
    let _watch = watch();
    let (sender, receiver) = bounded(1);
    sender.send(0).unwrap();
    let mut waiting: Vec<_> = (1..4).map(|i| sender.send_async(i)).collect();
    assert!(waiting.iter_mut().all(|send| poll(send).is_pending()));
    for i in 0..4 {
        assert_eq!(receiver.try_recv(), Ok(i));
    }
    assert!(waiting.iter_mut().all(|send| poll(send) == Poll::Ready(Ok(()))));
}

#[test]
fn a_message_of_a_dropped_future_goes_to_the_next_receiver() {
    let (sender, receiver) = bounded(0);
    let (mut first, mut second) = (receiver.recv_async(), receiver.recv_async());
    assert!(poll(&mut first).is_pending() && poll(&mut second).is_pending());
    sender.try_send(1).unwrap();
    drop(first);
    assert_eq!(poll(&mut second), Poll::Ready(Ok(1)));
}

#[test]
fn a_message_of_a_dropped_future_is_the_next_in_the_channel() {
    for capacity in [0, 1, 2, usize::MAX] {
        let (sender, receiver) = channel(capacity);
        let mut future = receiver.recv_async();
        assert!(poll(&mut future).is_pending());
        sender.try_send(1).unwrap();
        let second = sender.try_send(2).is_ok();
        assert_eq!(second, capacity > 0);
        drop(future);
        assert_eq!(receiver.try_recv(), Ok(1));
        assert_eq!(receiver.try_recv().ok(), second.then_some(2));
    }
}

#[test]
fn a_dropped_send_has_sent_nothing_and_leaves_its_place() {
    let (sender, receiver) = bounded(1);
    sender.send(1).unwrap();
    let message = Arc::new(());
    let (to_other, other) = bounded(0);
    let mut dropped = to_other.send_async(Arc::clone(&message));
    assert!(poll(&mut dropped).is_pending());
    drop(dropped);
    assert_eq!(Arc::strong_count(&message), 1);
    assert_eq!(other.try_recv(), Err(TryRecvError::Empty));
    let (mut gone, mut stays) = (sender.send_async(2), sender.send_async(3));
    assert!(poll(&mut gone).is_pending() && poll(&mut stays).is_pending());
    drop(gone);
    assert_eq!((receiver.try_recv(), receiver.try_recv()), (Ok(1), Ok(3)));
    assert_eq!(poll(&mut stays), Poll::Ready(Ok(())));
}

#[test]
fn the_last_waker_is_woken_and_no_other() {
    let (sender, receiver) = bounded(0);
    let counts: [_; 2] = std::array::from_fn(|_| Arc::new(Count(AtomicUsize::new(0))));
    let mut future = pin!(receiver.recv_async());
    for count in &counts {
        let waker = Waker::from(Arc::clone(count));
        assert!(future.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    }
    sender.try_send(1).unwrap();
    assert_eq!(counts.map(|count| count.0.load(Ordering::SeqCst)), [0, 1]);
    assert_eq!(future.now_or_never(), Some(Ok(1)));
}

#[test]
fn the_end_of_the_other_side_is_seen() {
    let (sender, receiver) = bounded::<u32>(1);
    let mut receive = receiver.recv_async();
    assert!(poll(&mut receive).is_pending());
    drop(sender);
    assert_eq!(poll(&mut receive), Poll::Ready(Err(RecvError)));
    let (sender, receiver) = bounded(0);
    let mut send = sender.send_async(1);
    assert!(poll(&mut send).is_pending());
    drop(receiver);
    assert_eq!(poll(&mut send), Poll::Ready(Err(SendError(1))));
}

/// A waker that drops what waits, as executors may.
struct Dropper(std::sync::Mutex<Option<Box<dyn Future<Output = ()> + Send + Unpin>>>);

impl Wake for Dropper {
    fn wake(self: Arc<Self>) {
        let future = self.0.lock().unwrap().take();
        drop(future);
    }
}

#[test]
fn a_waker_may_drop_the_future_while_the_channel_is_closed() {
    let _watch = watch();
    let (sender, receiver) = bounded::<usize>(0);
    let future = Box::pin(async move { assert!(receiver.recv_async().await.is_err()) });
    let dropper = Arc::new(Dropper(std::sync::Mutex::new(None)));
    let waker = Waker::from(Arc::clone(&dropper));
    let mut future: Box<dyn Future<Output = ()> + Send + Unpin> = Box::new(future);
    assert!(Pin::new(&mut future).poll(&mut Context::from_waker(&waker)).is_pending());
    *dropper.0.lock().unwrap() = Some(future);
    drop(sender);
    assert!(dropper.0.lock().unwrap().is_none());
}

#[test]
fn a_select_that_would_send_meets_a_future_dropped_or_not() {
    let _watch = watch();
    for dropped in [false, true] {
        let (sender, receiver) = bounded(0);
        let mut future = Some(receiver.recv_async());
        assert!(poll(future.as_mut().unwrap()).is_pending());
        lif::select! {
            send(sender, {
                // Promised: it stays pending, and may be dropped meanwhile.
                assert!(poll(future.as_mut().unwrap()).is_pending());
                if dropped { future = None; }
                5
            }) -> sent => assert_eq!(sent, Ok(())),
        }
        match future {
            Some(mut future) => assert_eq!(poll(&mut future), Poll::Ready(Ok(5))),
            None => assert_eq!(receiver.try_recv(), Ok(5)),
        }
    }
}

#[test]
fn a_future_meets_a_select_that_waits_to_send() {
    let _watch = watch();
    let runtime = runtime(2);
    for _ in 0..200 {
        let (sender, receiver) = bounded(0);
        let selects = runtime.go(move || lif::select! { send(sender, 5) -> sent => sent.is_ok() });
        assert_eq!(current_thread(receiver.recv_async()), Ok(5));
        assert!(selects.join().unwrap());
    }
}

#[test]
fn futures_dropped_at_any_moment_lose_nothing() {
    const MESSAGES: usize = 3_000;
    let _watch = watch();
    let runtime = runtime(2);
    for capacity in [0, 1, 3] {
        let (sender, receiver) = channel(capacity);
        let sends = runtime.go(move || {
            for message in 0..MESSAGES {
                if message % 3 == 0 {
                    lif::select! { send(sender, message) -> sent => sent.unwrap() }
                } else {
                    sender.send(message).unwrap();
                }
            }
        });
        let dropping = {
            let receiver = receiver.clone();
            thread::spawn(move || {
                for i in 0..MESSAGES {
                    let mut future = receiver.recv_async();
                    if let Poll::Ready(got) = poll(&mut future) {
                        match got {
                            Ok(got) => return vec![got],
                            Err(RecvError) => return Vec::new(),
                        }
                    }
                    (0..i % 64).for_each(|_| std::hint::spin_loop());
                    drop(future);
                }
                Vec::new()
            })
        };
        let mut got = Vec::new();
        block_on(async {
            while let Ok(message) = receiver.recv_async().await {
                got.push(message);
            }
        });
        got.extend(dropping.join().unwrap());
        // What was put back after the end was seen.
        got.extend(receiver.try_iter());
        sends.join().unwrap();
        got.sort_unstable();
        assert!(got.into_iter().eq(0..MESSAGES), "capacity {capacity}");
    }
}

#[test]
fn a_select_of_futures_receives_from_all_and_loses_nothing() {
    let _watch = watch();
    let runtime = runtime(2);
    let (one, from_one) = bounded(0);
    let (other, from_other) = bounded(0);
    let sends = [one, other].map(|sender| {
        runtime.go(move || (0..500).for_each(|message| sender.send(message).unwrap()))
    });
    let mut got = [Vec::new(), Vec::new()];
    current_thread(async {
        while got[0].len() + got[1].len() < 1_000 {
            select_biased! {
                message = from_one.recv_async().fuse() => got[0].extend(message),
                message = from_other.recv_async().fuse() => got[1].extend(message),
            }
            if got[0].len() == 500 || got[1].len() == 500 {
                break;
            }
        }
        let left = if got[0].len() == 500 { (1, &from_other) } else { (0, &from_one) };
        while got[left.0].len() < 500 {
            got[left.0].extend(left.1.recv_async().await);
        }
    });
    assert!(got.into_iter().all(|got| got.into_iter().eq(0..500)));
    sends.into_iter().for_each(|sends| sends.join().unwrap());
}

#[test]
fn futures_of_clocks_are_woken_when_they_are_due() {
    let _watch = watch();
    let start = Instant::now();
    let ticker = tick(Duration::from_millis(2));
    current_thread(async {
        let mut ticks = Vec::new();
        for _ in 0..3 {
            ticks.push(ticker.recv_async().await.unwrap());
        }
        assert!(ticks[2] >= start + Duration::from_millis(6));
    });
    let never = lif::channel::never::<()>();
    assert!(poll(&mut never.recv_async()).is_pending());
}
