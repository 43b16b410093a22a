//! Channels and cancellation: before, during and at the same moment; while unwinding. Nothing is
//! lost, and nothing is left behind.

mod channel_common;

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use channel_common::{in_a_runtime, let_others_wait};
use lif::{
    channel::{RecvError, RecvTimeoutError, Select, SendError, SendTimeoutError, after, bounded},
    select,
};

const SHORT: Duration = Duration::from_millis(3);
const LONG: Duration = Duration::from_secs(3600);

#[test]
fn a_receive_that_is_cancelled_fails_and_leaves_the_message_to_others() {
    in_a_runtime(|| {
        for capacity in [0, 1, usize::MAX] {
            let (sender, receiver) = bounded(capacity);
            let other = receiver.clone();
            let waits = lif::go(move || (other.recv(), other.recv_timeout(LONG)));
            let_others_wait();
            waits.cancel();
            let expected = (Err(RecvError), Err(RecvTimeoutError::Disconnected));
            assert_eq!(waits.join().unwrap(), expected);
            assert!(sender.send_timeout(1, Duration::ZERO).is_err() == (capacity == 0));
            let send = lif::go(move || sender.send(2));
            assert_eq!(receiver.recv(), Ok(if capacity == 0 { 2 } else { 1 }));
            send.join().unwrap().unwrap();
        }
    });
}

#[test]
fn a_send_that_is_cancelled_gives_its_message_back() {
    in_a_runtime(|| {
        for capacity in [0, 1] {
            let (sender, receiver) = bounded(capacity);
            (0..capacity).for_each(|_| sender.send(0).unwrap());
            let waits = lif::go(move || (sender.send(1), sender.send_timeout(2, LONG)));
            let_others_wait();
            waits.cancel();
            let expected = (Err(SendError(1)), Err(SendTimeoutError::Disconnected(2)));
            assert_eq!(waits.join().unwrap(), expected);
            assert_eq!(receiver.iter().count(), capacity, "nothing of it was received");
        }
    });
}

#[test]
fn a_select_that_is_cancelled_fails_in_its_first_operation() {
    in_a_runtime(|| {
        let (sender, receiver) = bounded::<u8>(0);
        let (keep, keep_too) = (sender.clone(), receiver.clone());
        let waits = lif::go(move || {
            let received = select! {
                recv(receiver) -> message => message.map(|_| "a message"),
                recv(after(LONG)) -> _ => Ok("time"),
            };
            let sent = select! {
                send(sender, 5) -> sent => sent,
                recv(after(LONG)) -> _ => Ok(()),
            };
            let mut dynamic = Select::new();
            let first = dynamic.send(&sender);
            dynamic.recv(&receiver);
            let operation = dynamic.select();
            assert_eq!(operation.index(), first);
            assert_eq!(operation.send(&sender, 6), Err(SendError(6)));
            assert_eq!(dynamic.ready(), first);
            let tried = select! { recv(receiver) -> _ => 1, default => 2 };
            (received, sent, tried)
        });
        let_others_wait();
        waits.cancel();
        assert_eq!(waits.join().unwrap(), (Err(RecvError), Err(SendError(5)), 2));
        assert!(keep.try_send(1).is_err(), "no receiver was left in the list");
        assert!(keep_too.try_recv().is_err());
    });
}

#[test]
fn clocks_fail_when_cancelled() {
    in_a_runtime(|| {
        let waits = lif::go(|| (after(LONG).recv(), lif::channel::never::<()>().recv()));
        let_others_wait();
        waits.cancel();
        assert_eq!(waits.join().unwrap(), (Err(RecvError), Err(RecvError)));
    });
}

#[test]
fn a_message_that_comes_with_the_cancellation_is_received_or_stays() {
    in_a_runtime(|| {
        for round in 0..200 {
            let (sender, receiver) = bounded(round % 2);
            let other = receiver.clone();
            let waits = lif::go(move || match round % 3 {
                0 => other.recv().ok(),
                1 => select! { recv(other) -> message => message.ok() },
                _ => other.recv_timeout(LONG).ok(),
            });
            lif::yield_now();
            let sends = lif::go({
                let sender = sender.clone();
                move || sender.send_timeout(7, SHORT).is_ok()
            });
            (0..round % 5).for_each(|_| lif::yield_now());
            waits.cancel();
            let got = waits.join().is_ok_and(|got| got.is_some());
            let sent = sends.join().unwrap();
            let left = receiver.try_recv().is_ok();
            assert_eq!(sent, got || left, "round {round}");
            assert!(!(got && left));
        }
    });
}

#[test]
fn a_send_that_is_taken_with_the_cancellation_was_received_once() {
    in_a_runtime(|| {
        for round in 0..200 {
            let (sender, receiver) = bounded(0);
            let sends = lif::go(move || match round % 2 {
                0 => sender.send(7).is_ok(),
                _ => select! { send(sender, 7) -> sent => sent.is_ok() },
            });
            let takes = lif::go(move || receiver.recv_timeout(SHORT).is_ok());
            (0..round % 4).for_each(|_| lif::yield_now());
            sends.cancel();
            // Never started, it was never asked.
            let sent = sends.join().unwrap_or(false);
            assert_eq!(sent, takes.join().unwrap(), "round {round}");
        }
    });
}

/// Does something when it is dropped.
struct OnDrop<F: FnMut()>(F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

#[test]
fn a_coroutine_that_unwinds_tries_once_and_does_not_wait() {
    in_a_runtime(|| {
        let (sender, receiver) = bounded(1);
        let (quiet, nothing) = bounded::<()>(0);
        let checks = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&checks);
        let other = receiver.clone();
        let unwinds = lif::go(move || {
            let _last_words = OnDrop(|| {
                assert_eq!(sender.send(1), Ok(()), "there is room");
                assert_eq!(sender.send(2), Err(SendError(2)));
                assert!(sender.send_timeout(2, LONG).unwrap_err().is_timeout());
                assert_eq!(nothing.recv(), Err(RecvError));
                assert!(nothing.recv_timeout(LONG).unwrap_err().is_timeout());
                let selected = select! {
                    recv(nothing) -> message => message.is_err(),
                    send(quiet, ()) -> sent => sent.is_err(),
                };
                assert!(selected);
                let late = select! { recv(nothing) -> _ => false, default(LONG) => true };
                assert!(late);
                assert_eq!(other.recv(), Ok(1));
                assert_eq!(sender.send(3), Ok(()));
                count.fetch_add(1, Ordering::Relaxed);
            });
            panic!("on purpose");
        });
        assert!(unwinds.join().is_err());
        assert_eq!(checks.load(Ordering::Relaxed), 1);
        assert_eq!(receiver.recv(), Ok(3));
    });
}

#[test]
fn an_unwinding_coroutine_hands_over_to_those_that_wait() {
    in_a_runtime(|| {
        let (sender, receiver) = bounded(0);
        let waits = lif::go(move || receiver.recv());
        let_others_wait();
        let unwinds = lif::go(move || {
            let _last_words = OnDrop(|| {
                select! { send(sender, "bye") -> sent => sent.unwrap() }
            });
            panic!("on purpose");
        });
        assert!(unwinds.join().is_err());
        assert_eq!(waits.join().unwrap(), Ok("bye"));
    });
}

#[test]
fn a_shutdown_unwinds_who_waits_and_leaves_the_threads_their_ends() {
    let (sender, receiver) = bounded::<u32>(0);
    let (to, from) = bounded(0);
    let runtime = lif::Runtime::builder().workers(2).build().unwrap();
    runtime.run(move || {
        for _ in 0..20 {
            let (receiver, to) = (receiver.clone(), to.clone());
            lif::go(move || {
                // Ignores the cancellation once.
                assert_eq!(receiver.recv(), Err(RecvError));
                assert_eq!(to.send(1), Err(SendError(1)));
            });
        }
        let_others_wait();
        drop(receiver);
        assert_eq!(from.recv_timeout(SHORT), Err(RecvTimeoutError::Timeout));
    });
    drop(runtime);
    assert_eq!(sender.send(1), Err(SendError(1)), "all receivers are gone");
}
