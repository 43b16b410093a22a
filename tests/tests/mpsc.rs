//! `lif::sync::mpsc` beside std's: each test runs against both.

mod channel_common;

use std::{
    sync::mpsc::{RecvError, RecvTimeoutError, SendError, TryRecvError, TrySendError},
    time::Duration,
};

use channel_common::{in_a_runtime, let_others_wait};

const SHORT: Duration = Duration::from_millis(3);

macro_rules! against_both {
    ($($name:ident: |$mpsc:ident| $body:block)*) => {$(
        mod $name {
            #[allow(unused_imports, reason = "not every test needs one")]
            use super::*;

            #[test]
            fn ours() {
                use lif::sync::mpsc as $mpsc;
                $body
            }

            #[test]
            fn of_std() {
                use std::sync::mpsc as $mpsc;
                $body
            }
        }
    )*};
}

against_both! {
    messages_come_in_order_and_then_the_end: |mpsc| {
        let (sender, receiver) = mpsc::channel();
        let other = sender.clone();
        let thread = std::thread::spawn(move || (0..100).for_each(|i| other.send(i).unwrap()));
        thread.join().unwrap();
        drop(sender);
        assert!(receiver.iter().eq(0..100));
        assert_eq!(receiver.recv(), Err(RecvError));
        assert_eq!(receiver.try_recv(), Err(TryRecvError::Disconnected));
        assert_eq!(receiver.recv_timeout(SHORT), Err(RecvTimeoutError::Disconnected));
    }

    a_bound_is_kept: |mpsc| {
        let (sender, receiver) = mpsc::sync_channel(2);
        sender.send(1).unwrap();
        sender.try_send(2).unwrap();
        assert_eq!(sender.try_send(3), Err(TrySendError::Full(3)));
        assert_eq!(receiver.try_iter().collect::<Vec<_>>(), [1, 2]);
        assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
        drop(receiver);
        assert_eq!(sender.send(4), Err(SendError(4)));
        assert_eq!(sender.try_send(5), Err(TrySendError::Disconnected(5)));
    }

    a_bound_of_nothing_is_a_rendezvous: |mpsc| {
        let (sender, receiver) = mpsc::sync_channel(0);
        assert_eq!(sender.try_send(1), Err(TrySendError::Full(1)));
        let thread = std::thread::spawn(move || sender.send(2));
        assert_eq!(receiver.recv(), Ok(2));
        assert_eq!(thread.join().unwrap(), Ok(()));
        assert!(receiver.into_iter().next().is_none());
    }

    time_is_kept: |mpsc| {
        let (sender, receiver) = mpsc::channel::<()>();
        let start = std::time::Instant::now();
        assert_eq!(receiver.recv_timeout(SHORT), Err(RecvTimeoutError::Timeout));
        assert!(start.elapsed() >= SHORT);
        drop(sender);
    }

    a_sender_without_receiver_gets_its_message_back: |mpsc| {
        let (sender, receiver) = mpsc::channel();
        drop(receiver);
        assert_eq!(sender.send("back").unwrap_err().0, "back");
        assert_eq!(format!("{sender:?}"), "Sender { .. }");
    }
}

#[test]
fn coroutines_park_on_both_sides() {
    in_a_runtime(|| {
        for bound in [0, 1, 3] {
            let (sender, receiver) = lif::sync::mpsc::sync_channel(bound);
            let sends = lif::go(move || (0..100).try_for_each(|i| sender.send(i)));
            let_others_wait();
            assert!((&receiver).into_iter().take(100).eq(0..100));
            sends.join().unwrap().unwrap();
        }
    });
}
