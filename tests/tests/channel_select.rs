//! `select!` and `Select`: their grammar, fairness, ends, and what they leave behind.

mod channel_common;

use std::time::{Duration, Instant};

use channel_common::{in_a_runtime, let_others_wait, within_a_minute};
use lif::{
    channel::{
        Receiver, RecvError, Select, SendError, Sender, TryRecvError, after, bounded, never, tick,
        unbounded,
    },
    select, select_biased,
};

const SHORT: Duration = Duration::from_millis(3);

#[test]
fn every_form_of_an_arm_is_understood() {
    let (sender, receiver) = unbounded();
    let (full, _keep) = bounded::<String>(0);
    let message = String::from("kept");
    for _ in 0..3 {
        sender.send(1).unwrap();
    }
    let receivers = [receiver.clone()];
    let one = select! {
        recv(receivers[0]) -> message => message.unwrap(),
        send(full, message.clone()) -> _ => 0
    };
    select! { recv(&receiver) -> _ => {} }
    select! {
        recv(receiver,) -> message => { assert_eq!(message, Ok(1)); }
        default() => unreachable!(),
    };
    let none = select! {
        recv(receiver) -> _ => None,
        // Not moved, since this send is not selected.
        send(full, message) -> _ => None,
        default => Some(message),
    };
    let late = select! {
        recv(receiver) -> _ => "",
        default(SHORT) => "late",
    };
    assert_eq!((one, none.as_deref(), late), (1, Some("kept"), "late"));
    assert_eq!(select! { default => 5 }, 5);
    assert_eq!(select! { default(SHORT) => 6 }, 6);
    select_biased! { recv(after(SHORT)) -> when => assert!(when.unwrap() <= Instant::now()) }
}

struct Hub {
    input: Receiver<u32>,
    output: Sender<u32>,
    sum: u32,
}

impl Hub {
    fn next(&mut self) -> u32 {
        self.sum += 1;
        self.sum
    }

    fn turn(&mut self) -> Option<u32> {
        for _ in 0..9 {
            select! {
                recv(self.input) -> message => self.sum += message.ok()?,
                send(self.output.clone(), self.next()) -> sent => { sent.ok()?; break }
                default => continue,
            }
        }
        Some(self.next())
    }
}

#[test]
fn an_arm_may_use_what_the_operations_borrow_and_leave_the_function() {
    let (sender, input) = unbounded();
    let (output, _keep) = bounded(0);
    let mut hub = Hub { input, output, sum: 0 };
    sender.send(4).unwrap();
    assert_eq!(hub.turn(), Some(5));
    drop(sender);
    assert_eq!(hub.turn(), None);
}

#[test]
fn a_waiting_select_is_woken_by_the_first_operation_that_can_be_done() {
    in_a_runtime(|| {
        let (one, from_one) = bounded(0);
        let (_two, from_two) = bounded::<()>(1);
        let (to_three, three) = bounded(0);
        lif::go(move || {
            let_others_wait();
            one.send("one").unwrap();
            let_others_wait();
            assert_eq!(three.recv(), Ok("three"));
        });
        for expected in ["one", "sent"] {
            let got = select! {
                recv(from_one) -> message => message.unwrap_or("closed"),
                recv(from_two) -> _ => "two",
                send(to_three, "three") -> sent => { sent.unwrap(); "sent" }
            };
            // The end of `one` may be seen first.
            assert!(got == expected || got == "closed", "{got}");
        }
    });
}

#[test]
fn all_arms_that_are_ready_get_their_turns() {
    let channels: Vec<_> = (0..3).map(|_| unbounded()).collect();
    let mut hits = [0; 3];
    for (sender, _) in &channels {
        (0..3000).for_each(|_| sender.send(()).unwrap());
    }
    let mut dynamic = Select::new();
    for (_, receiver) in &channels[..2] {
        dynamic.recv(receiver);
    }
    for _ in 0..1500 {
        select! {
            recv(channels[0].1) -> _ => hits[0] += 1,
            recv(channels[1].1) -> _ => hits[1] += 1,
            recv(never::<()>()) -> _ => unreachable!(),
            recv(channels[2].1) -> _ => hits[2] += 1,
        }
        let operation = dynamic.select();
        let place = operation.index();
        operation.recv(&channels[place].1).unwrap();
        hits[place] += 1;
    }
    // About 1250, 1250 and 500.
    assert!(hits[0] > 1000 && hits[1] > 1000 && hits[2] > 300, "{hits:?}");
}

#[test]
fn a_biased_select_takes_the_first() {
    let (sender, receiver) = unbounded();
    (0..100).for_each(|i| sender.send(i).unwrap());
    let mut select = Select::new_biased();
    let first = select.recv(&receiver);
    select.recv(&receiver);
    for _ in 0..50 {
        let operation = select.select();
        assert_eq!(operation.index(), first);
        operation.recv(&receiver).unwrap();
    }
}

#[test]
fn a_closed_channel_is_ready() {
    let (sender, receiver) = unbounded::<()>();
    drop(sender);
    let (to, from) = bounded(0);
    drop(from);
    for _ in 0..20 {
        select! {
            recv(receiver) -> message => assert_eq!(message, Err(RecvError)),
            send(to, 7) -> sent => assert_eq!(sent, Err(SendError(7))),
        }
    }
}

#[test]
fn a_select_does_not_meet_itself() {
    in_a_runtime(|| {
        let (sender, receiver) = bounded(0);
        let met = select! {
            recv(receiver) -> message => message,
            send(sender, 1) -> _ => Ok(2),
            default(SHORT) => Ok(3),
        };
        assert_eq!(met, Ok(3));
        let (sender, receiver) = bounded(1);
        let both: Vec<_> = (0..2)
            .map(|_| select! { recv(receiver) -> m => m.unwrap(), send(sender, 1) -> _ => 0 })
            .collect();
        assert_eq!(both, [0, 1]);
    });
}

#[test]
fn a_select_without_operations() {
    in_a_runtime(|| {
        let mut empty = Select::new();
        assert!(empty.try_select().is_err() && empty.try_ready().is_err());
        let start = Instant::now();
        assert!(empty.select_timeout(SHORT).is_err());
        assert!(empty.ready_timeout(SHORT).is_err());
        assert!(start.elapsed() >= 2 * SHORT);
        let panics = lif::go(|| drop(Select::new().select()));
        assert!(panics.join().is_err());
        let forever = lif::go(|| -> () {
            select! {}
        });
        let_others_wait();
        assert!(!forever.is_finished());
        forever.cancel();
        assert!(forever.join().unwrap_err().is::<lif::Cancelled>());
    });
}

#[test]
fn operations_are_removed_by_their_place() {
    let (sender, receiver) = unbounded();
    let (_quiet, other) = unbounded::<()>();
    sender.send(1).unwrap();
    let mut select = Select::new();
    let first = select.recv(&receiver);
    let second = select.recv(&other);
    select.remove(first);
    assert!(select.select_timeout(SHORT).is_err());
    let third = select.recv(&receiver);
    assert!(third > second);
    let copy = select.clone().select();
    assert_eq!(copy.index(), third);
    assert_eq!(copy.recv(&receiver), Ok(1));
}

#[test]
fn an_operation_that_is_not_completed_gives_its_right_back() {
    within_a_minute(|| {
        let (sender, receiver) = bounded(1);
        let dropped = std::panic::catch_unwind(|| {
            let mut select = Select::new();
            select.send(&sender);
            drop(select.select());
        });
        assert!(dropped.is_err());
        sender.try_send(1).unwrap();
        let wrong = std::panic::catch_unwind(|| {
            let mut select = Select::new();
            select.recv(&receiver);
            select.select().recv(&receiver.clone())
        });
        assert!(wrong.is_err(), "only with the receiver that was added");
    });
}

#[test]
fn a_message_that_panics_leaves_its_receiver_waiting_for_another() {
    in_a_runtime(|| {
        let (sender, receiver) = bounded(0);
        let waits = lif::go(move || receiver.recv());
        let_others_wait();
        let other = sender.clone();
        let panics = lif::go(move || {
            let broken = || -> i32 { panic!("on purpose") };
            select! { send(other, broken()) -> _ => {} }
        });
        assert!(panics.join().is_err());
        assert!(!waits.is_finished());
        sender.send(5).unwrap();
        assert_eq!(waits.join().unwrap(), Ok(5));
    });
}

#[test]
fn a_message_may_take_its_time_while_the_receiver_times_out_or_tries() {
    in_a_runtime(|| {
        for wait in [Duration::ZERO, SHORT] {
            let (sender, receiver) = bounded(0);
            let sends = lif::go(move || {
                let slow = || {
                    lif::sleep(4 * SHORT);
                    9
                };
                select! { send(sender, slow()) -> sent => sent.unwrap() }
            });
            // Whether the select waits first or the receiver does, they meet.
            let got = loop {
                match receiver.recv_timeout(wait) {
                    Err(error) if error.is_timeout() => lif::yield_now(),
                    got => break got,
                }
            };
            assert_eq!(got, Ok(9));
            sends.join().unwrap();
        }
        let (sender, receiver) = bounded(0);
        lif::go(move || select! { send(sender, 1) -> sent => sent.unwrap() });
        let got = loop {
            match receiver.try_recv() {
                Err(TryRecvError::Empty) => lif::yield_now(),
                got => break got,
            }
        };
        assert_eq!(got, Ok(1));
    });
}

#[test]
fn a_place_that_was_granted_keeps_others_out() {
    let (sender, receiver) = bounded(1);
    let mut select = Select::new();
    select.send(&sender);
    let operation = select.select();
    assert!(sender.is_full() && sender.try_send(1).is_err());
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
    operation.send(&sender, 2).unwrap();
    assert_eq!(receiver.try_recv(), Ok(2));
}

#[test]
fn ready_says_what_can_be_done_and_does_nothing() {
    in_a_runtime(|| {
        let (sender, receiver) = bounded(0);
        let (other, full) = bounded(1);
        other.send(0).unwrap();
        let sends = lif::go(move || {
            let_others_wait();
            sender.send(1).unwrap();
            assert_eq!(full.recv(), Ok(0));
            full
        });
        let mut select = Select::new();
        let receives = select.recv(&receiver);
        let fills = select.send(&other);
        assert!(select.ready_timeout(Duration::ZERO).is_err());
        assert_eq!(select.ready(), receives);
        assert_eq!(select.try_ready(), Ok(receives));
        assert_eq!(receiver.recv(), Ok(1));
        select.remove(receives);
        assert_eq!(select.ready(), fills);
        drop(sends.join().unwrap());
    });
}

#[test]
fn clocks_in_a_select_are_on_time() {
    in_a_runtime(|| {
        let start = Instant::now();
        let (ticker, timeout) = (tick(SHORT), after(10 * SHORT));
        let mut ticks = 0;
        loop {
            select! {
                recv(ticker) -> _ => ticks += 1,
                recv(timeout) -> _ => break,
                recv(never::<()>()) -> _ => unreachable!(),
            }
        }
        assert!(start.elapsed() >= 10 * SHORT);
        assert!((1..=10).contains(&ticks), "{ticks}");
    });
}
