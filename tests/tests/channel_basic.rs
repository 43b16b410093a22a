//! Channels as crossbeam-channel documents them: sending, receiving, ends, lengths, times.

mod channel_common;

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use channel_common::{in_a_runtime, let_others_wait, within_a_minute};
use lif::channel::{
    RecvError, RecvTimeoutError, SendTimeoutError, TryRecvError, TrySendError, after, at, bounded,
    never, oneshot, tick, unbounded,
};

const SHORT: Duration = Duration::from_millis(3);

#[test]
fn messages_come_in_the_order_in_which_they_were_sent() {
    in_a_runtime(|| {
        for capacity in [0, 1, 7, usize::MAX] {
            let (sender, receiver) = bounded(capacity);
            lif::go(move || (0..1000).for_each(|i| sender.send(i).unwrap()));
            assert!(receiver.iter().eq(0..1000));
        }
    });
}

#[test]
fn an_end_on_a_thread_works_with_one_in_a_coroutine() {
    within_a_minute(|| {
        for capacity in [0, 1, usize::MAX] {
            let (there, here) = bounded(capacity);
            let (back, comes) = bounded(capacity);
            let thread = std::thread::spawn(move || {
                for i in here {
                    back.send(i * 2).unwrap();
                }
            });
            lif::run(move || {
                for i in 0..500 {
                    there.send(i).unwrap();
                    assert_eq!(comes.recv(), Ok(i * 2));
                }
            });
            thread.join().unwrap();
        }
    });
}

#[test]
fn coroutines_of_two_runtimes_exchange_messages() {
    within_a_minute(|| {
        let one = lif::Runtime::builder().workers(1).build().unwrap();
        let other = lif::Runtime::builder().workers(2).build().unwrap();
        let (there, here) = bounded(0);
        let (back, comes) = bounded(3);
        let echo = other.go(move || here.iter().try_for_each(|i: u32| back.send(i + 1)));
        one.run(move || {
            for i in 0..500 {
                there.send(i).unwrap();
                assert_eq!(comes.recv(), Ok(i + 1));
            }
        });
        echo.join().unwrap().unwrap();
    });
}

#[test]
fn a_full_channel_takes_no_more() {
    let (sender, receiver) = bounded(2);
    assert_eq!((sender.len(), sender.capacity(), sender.is_empty()), (0, Some(2), true));
    sender.send(1).unwrap();
    sender.try_send(2).unwrap();
    assert!(sender.is_full() && receiver.is_full());
    assert_eq!(sender.try_send(3), Err(TrySendError::Full(3)));
    assert_eq!(sender.send_timeout(3, SHORT), Err(SendTimeoutError::Timeout(3)));
    assert_eq!(sender.send_deadline(3, Instant::now()), Err(SendTimeoutError::Timeout(3)));
    assert_eq!(receiver.try_iter().collect::<Vec<_>>(), [1, 2]);
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
}

#[test]
fn a_rendezvous_holds_nothing() {
    let (sender, receiver) = bounded(0);
    assert!(sender.is_empty() && sender.is_full());
    assert_eq!((receiver.len(), receiver.capacity()), (0, Some(0)));
    assert_eq!(sender.try_send(1), Err(TrySendError::Full(1)));
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
}

#[test]
fn sending_to_oneself_on_a_rendezvous_times_out_with_the_message() {
    in_a_runtime(|| {
        let (sender, receiver) = bounded(0);
        let start = Instant::now();
        assert_eq!(sender.send_timeout("me", SHORT), Err(SendTimeoutError::Timeout("me")));
        assert!(start.elapsed() >= SHORT);
        assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty), "nothing was left behind");
    });
}

#[test]
fn without_senders_what_is_there_is_received_and_then_nothing() {
    let (sender, receiver) = unbounded();
    sender.send(1).unwrap();
    drop(sender);
    assert_eq!(receiver.recv(), Ok(1));
    assert_eq!(receiver.recv(), Err(RecvError));
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Disconnected));
    assert_eq!(receiver.recv_timeout(SHORT), Err(RecvTimeoutError::Disconnected));
}

#[test]
fn the_end_of_the_last_sender_wakes_all_receivers() {
    in_a_runtime(|| {
        let (sender, receiver) = bounded::<()>(0);
        let waiting: Vec<_> = (0..4)
            .map(|_| {
                let receiver = receiver.clone();
                lif::go(move || receiver.recv())
            })
            .collect();
        let_others_wait();
        drop(sender);
        for one in waiting {
            assert_eq!(one.join().unwrap(), Err(RecvError));
        }
    });
}

#[test]
fn the_end_of_the_last_receiver_gives_all_senders_their_messages_back() {
    in_a_runtime(|| {
        let (sender, receiver) = bounded(1);
        sender.send(0).unwrap();
        let waiting: Vec<_> = (1..5)
            .map(|i| {
                let sender = sender.clone();
                lif::go(move || (i, sender.send(i)))
            })
            .collect();
        let_others_wait();
        drop(receiver);
        for one in waiting {
            let (i, sent) = one.join().unwrap();
            assert_eq!(sent.unwrap_err().into_inner(), i);
        }
        assert_eq!(sender.try_send(9), Err(TrySendError::Disconnected(9)));
    });
}

#[test]
fn dropping_a_sender_in_a_full_channel_leaves_the_messages() {
    in_a_runtime(|| {
        let (sender, receiver) = bounded(2);
        sender.send(1).unwrap();
        sender.send(2).unwrap();
        let last = lif::go(move || sender.send(3));
        let_others_wait();
        assert!(receiver.iter().eq([1, 2, 3]));
        last.join().unwrap().unwrap();
    });
}

struct Counted(Arc<AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn what_nobody_receives_is_dropped_with_the_last_receiver() {
    let drops = Arc::new(AtomicUsize::new(0));
    let (sender, receiver) = unbounded();
    for _ in 0..5 {
        sender.send(Counted(Arc::clone(&drops))).unwrap();
    }
    drop(receiver);
    assert_eq!(drops.load(Ordering::Relaxed), 5);
    drop(sender.send(Counted(Arc::clone(&drops))));
    assert_eq!(drops.load(Ordering::Relaxed), 6);
}

#[test]
fn a_message_may_send_on_its_own_channel_when_it_is_dropped() {
    struct Echo(Option<lif::channel::Sender<Echo>>);
    impl Drop for Echo {
        fn drop(&mut self) {
            if let Some(sender) = self.0.take() {
                drop(sender.send(Echo(None)));
            }
        }
    }
    within_a_minute(|| {
        let (sender, receiver) = unbounded();
        sender.send(Echo(Some(sender.clone()))).unwrap();
        drop(receiver);
    });
}

#[test]
fn after_sends_once_and_clones_share_it() {
    in_a_runtime(|| {
        let start = Instant::now();
        let timer = after(SHORT);
        let other = timer.clone();
        assert_eq!((timer.len(), timer.capacity()), (0, Some(1)));
        let due = timer.recv().unwrap();
        assert!(due >= start + SHORT && Instant::now() >= due);
        assert_eq!(other.try_recv(), Err(TryRecvError::Empty));
        assert_eq!(other.recv_timeout(SHORT), Err(RecvTimeoutError::Timeout));
        let past = at(start);
        assert!(past.is_full());
        assert_eq!(past.recv(), Ok(start));
        assert_eq!(after(Duration::MAX).recv_timeout(SHORT), Err(RecvTimeoutError::Timeout));
    });
}

#[test]
fn ticks_that_are_missed_are_not_made_up_for() {
    in_a_runtime(|| {
        let ticker = tick(SHORT);
        let first = ticker.recv().unwrap();
        lif::sleep(10 * SHORT);
        let late = ticker.recv().unwrap();
        assert!(late >= first + SHORT);
        assert_eq!(ticker.try_recv(), Err(TryRecvError::Empty));
        assert!(ticker.recv().unwrap() > late);
    });
}

#[test]
fn ticks_are_shared_between_receivers() {
    in_a_runtime(|| {
        let ticker = tick(SHORT);
        let start = Instant::now();
        let both: Vec<_> = (0..2)
            .map(|_| {
                let ticker = ticker.clone();
                lif::go(move || ticker.iter().take(3).count())
            })
            .collect();
        assert!(both.into_iter().all(|one| one.join().unwrap() == 3));
        assert!(start.elapsed() >= 5 * SHORT);
    });
}

#[test]
fn never_is_never_ready() {
    let nothing = never::<()>();
    assert!(nothing.is_empty() && nothing.is_full());
    assert_eq!(nothing.capacity(), Some(0));
    assert_eq!(nothing.recv_timeout(SHORT), Err(RecvTimeoutError::Timeout));
    assert!(nothing.same_channel(&never()));
}

#[test]
fn channels_are_told_apart() {
    let (sender, receiver) = unbounded::<()>();
    let (other, _keep) = unbounded();
    assert!(sender.same_channel(&sender.clone()) && !sender.same_channel(&other));
    assert!(receiver.same_channel(&receiver.clone()));
    assert!(!after(SHORT).same_channel(&after(SHORT)));
    assert_eq!((sender.capacity(), format!("{sender:?}")), (None, "Sender { .. }".into()));
}

#[test]
fn a_oneshot_gives_its_message_to_who_waits() {
    in_a_runtime(|| {
        let (sender, receiver) = oneshot::channel();
        let waits = lif::go(move || receiver.recv());
        let_others_wait();
        sender.send("once").unwrap();
        assert_eq!(waits.join().unwrap(), Ok("once"));
        let (sender, receiver) = oneshot::channel::<()>();
        drop(sender);
        assert_eq!(receiver.try_recv(), Err(TryRecvError::Disconnected));
    });
}
