//! Selects that meet selects: both sides wait for several operations at once.

mod channel_common;

use std::{
    sync::{
        Arc, Barrier,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use channel_common::{in_a_runtime, within_a_minute};
use lif::{
    channel::{Receiver, Sender, bounded},
    select,
};

const SHORT: Duration = Duration::from_millis(3);

/// Selects on both sides, over two channels that each names in another order.
fn cross(on_threads: bool) {
    const COUNT: usize = 300;
    let (sender_a, receiver_a) = bounded::<usize>(0);
    let (sender_b, receiver_b) = bounded::<usize>(0);
    let sum = Arc::new(AtomicUsize::new(0));
    let start = Arc::new(Barrier::new(if on_threads { 4 } else { 1 }));
    let ends: Vec<_> = (0..4)
        .map(|i| {
            let (a, b) = (sender_a.clone(), sender_b.clone());
            let (from_a, from_b) = (receiver_a.clone(), receiver_b.clone());
            let (sum, start) = (Arc::clone(&sum), Arc::clone(&start));
            let work = move || {
                if on_threads {
                    start.wait();
                }
                let mut left = COUNT;
                while left > 0 {
                    left -= 1;
                    match i {
                        0 => {
                            select! { send(a, 1) -> r => r.unwrap(), send(b, 1) -> r => r.unwrap() }
                        }
                        1 => {
                            select! { send(b, 1) -> r => r.unwrap(), send(a, 1) -> r => r.unwrap() }
                        }
                        _ => {
                            let got = select! { recv(from_b) -> m => m, recv(from_a) -> m => m };
                            sum.fetch_add(got.unwrap(), Ordering::Relaxed);
                        }
                    }
                }
            };
            let work: Box<dyn FnOnce() + Send> = Box::new(work);
            work
        })
        .collect();
    if on_threads {
        let threads: Vec<_> = ends.into_iter().map(std::thread::spawn).collect();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    } else {
        let coroutines: Vec<_> = ends.into_iter().map(lif::go).collect();
        coroutines.into_iter().for_each(|coroutine| coroutine.join().unwrap());
    }
    assert_eq!(sum.load(Ordering::Relaxed), 2 * COUNT);
}

#[test]
fn selects_meet_selects_over_several_channels() {
    in_a_runtime(|| (0..10).for_each(|_| cross(false)));
    within_a_minute(|| (0..10).for_each(|_| cross(true)));
}

#[test]
fn selects_that_would_both_send_and_receive_meet_each_other() {
    fn peer(sender: &Sender<u8>, receiver: &Receiver<u8>, sent: &AtomicUsize, got: &AtomicUsize) {
        for _ in 0..500 {
            // The last one is left alone in the end.
            select! {
                send(sender, 1) -> _ => { sent.fetch_add(1, Ordering::Relaxed); }
                recv(receiver) -> _ => { got.fetch_add(1, Ordering::Relaxed); }
                default(20 * SHORT) => break,
            }
        }
    }
    in_a_runtime(|| {
        let (sender, receiver) = bounded(0);
        let counts = Arc::new((AtomicUsize::new(0), AtomicUsize::new(0)));
        let peers: Vec<_> = (0..6)
            .map(|_| {
                let (sender, receiver) = (sender.clone(), receiver.clone());
                let counts = Arc::clone(&counts);
                lif::go(move || peer(&sender, &receiver, &counts.0, &counts.1))
            })
            .collect();
        peers.into_iter().for_each(|peer| peer.join().unwrap());
        let (sent, got) = (counts.0.load(Ordering::Relaxed), counts.1.load(Ordering::Relaxed));
        assert!(sent == got && sent >= 1000, "{sent} {got}");
    });
}
