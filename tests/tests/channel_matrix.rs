//! Every kind of channel, with few and many senders and receivers, in coroutines and on threads:
//! every message comes once, and those of one sender in their order.

mod channel_common;

use channel_common::within_a_minute;
use lif::channel::{Receiver, Sender, bounded};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum On {
    Coroutines,
    Threads,
    Both,
}

enum Running<T> {
    Coroutine(lif::JoinHandle<T>),
    Thread(std::thread::JoinHandle<T>),
}

impl<T: Send + 'static> Running<T> {
    fn start(on: On, i: usize, f: impl FnOnce() -> T + Send + 'static) -> Running<T> {
        match on {
            On::Coroutines => Running::Coroutine(lif::go(f)),
            On::Both if i.is_multiple_of(2) => Running::Coroutine(lif::go(f)),
            _ => Running::Thread(std::thread::spawn(f)),
        }
    }

    fn end(self) -> T {
        match self {
            Running::Coroutine(coroutine) => coroutine.join().unwrap(),
            // A coroutine that waits for a thread as threads do would hold its worker.
            Running::Thread(thread) => lif::blocking(|| thread.join().unwrap()),
        }
    }
}

/// What the receivers do to receive.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum By {
    Recv,
    Select,
}

type Message = (usize, usize);

fn send_all(by: By, me: usize, count: usize, sender: &Sender<Message>) {
    for i in 0..count {
        match by {
            By::Recv => sender.send((me, i)).unwrap(),
            By::Select => lif::select! {
                recv(lif::channel::never::<()>()) -> _ => unreachable!(),
                send(sender, (me, i)) -> sent => sent.unwrap(),
            },
        }
    }
}

fn receive_all(by: By, receiver: &Receiver<Message>) -> Vec<Message> {
    let quiet = lif::channel::never::<()>();
    let next = || match by {
        By::Recv => receiver.recv(),
        By::Select => lif::select! {
            recv(quiet) -> _ => unreachable!(),
            recv(receiver) -> message => message,
        },
    };
    std::iter::from_fn(|| next().ok()).collect()
}

fn exchange(capacity: usize, senders: usize, receivers: usize, on: On, by: (By, By)) {
    const COUNT: usize = 200;
    let what = format!("{capacity} {senders} {receivers} {on:?} {by:?}");
    let (sender, receiver) = bounded(capacity);
    let sending: Vec<_> = (0..senders)
        .map(|me| {
            let sender = sender.clone();
            Running::start(on, me, move || send_all(by.0, me, COUNT, &sender))
        })
        .collect();
    drop(sender);
    let receiving: Vec<_> = (0..receivers)
        .map(|i| {
            let receiver = receiver.clone();
            Running::start(on, i / 2, move || receive_all(by.1, &receiver))
        })
        .collect();
    drop(receiver);
    sending.into_iter().for_each(Running::end);
    let mut all = Vec::new();
    for got in receiving.into_iter().map(Running::end) {
        for sender in 0..senders {
            let of_one = got.iter().filter(|message| message.0 == sender);
            assert!(of_one.is_sorted(), "in order: {what}");
        }
        all.extend(got);
    }
    all.sort_unstable();
    let expected = (0..senders).flat_map(|me| (0..COUNT).map(move |i| (me, i)));
    assert!(all.into_iter().eq(expected), "every message once: {what}");
}

fn all_shapes(on: On, by: (By, By)) {
    within_a_minute(move || {
        let runtime = lif::Runtime::builder().workers(3).build().unwrap();
        runtime.run(move || {
            for capacity in [0, 1, 5, 128, usize::MAX] {
                for senders in [1, 2, 8] {
                    for receivers in [1, 2, 8] {
                        exchange(capacity, senders, receivers, on, by);
                    }
                }
            }
        });
    });
}

#[test]
fn coroutines_exchange_every_message_once() {
    all_shapes(On::Coroutines, (By::Recv, By::Recv));
}

#[test]
fn threads_exchange_every_message_once() {
    all_shapes(On::Threads, (By::Recv, By::Recv));
}

#[test]
fn coroutines_and_threads_exchange_every_message_once() {
    all_shapes(On::Both, (By::Recv, By::Recv));
}

#[test]
fn selects_receive_every_message_once() {
    all_shapes(On::Both, (By::Recv, By::Select));
}

#[test]
fn selects_send_every_message_once() {
    all_shapes(On::Both, (By::Select, By::Recv));
}

#[test]
fn selects_on_both_sides_exchange_every_message_once() {
    all_shapes(On::Both, (By::Select, By::Select));
}
