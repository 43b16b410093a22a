//! Channels and `select!`, as they ship: what is sent is received once, whatever else happens.

use std::time::Instant;

use loom::thread;

use super::{exchanging::waits::me, explore, tasks::Task};
use crate::{
    channel::{Receiver, Sender, bounded},
    select_biased,
};

/// A cancellation of a task, as `Header::cancel` does it.
fn cancel(task: &'static Task) {
    let duty = task.word.cancel();
    task.follow(duty);
}

/// Sends and receives one message each way of waiting, and says what came of it.
fn send_and_receive(capacity: usize) {
    explore(move || {
        let (sender, receiver) = bounded(capacity);
        let sends = thread::spawn(move || {
            sender.send(1).unwrap();
            sender.send(2).unwrap();
        });
        assert_eq!(receiver.recv(), Ok(1));
        assert_eq!(receiver.recv(), Ok(2));
        assert!(receiver.recv().is_err(), "the end of the sender is seen");
        sends.join().unwrap();
    });
}

#[test]
fn a_rendezvous_hands_over_every_message_and_the_end() {
    send_and_receive(0);
}

#[test]
fn a_buffer_hands_over_every_message_and_the_end() {
    send_and_receive(1);
}

#[test]
fn a_message_at_the_moment_of_a_cancellation_is_received_or_given_back() {
    explore(|| {
        let (sender, receiver) = bounded(0);
        let sends = thread::spawn(move || sender.send(1).is_ok());
        let task = me();
        let cancels = thread::spawn(move || cancel(task));
        let got = receiver.recv().is_ok();
        drop(receiver);
        assert_eq!(sends.join().unwrap(), got);
        cancels.join().unwrap();
    });
}

#[test]
fn a_message_at_the_deadline_is_received_or_given_back() {
    explore(|| {
        let (sender, receiver) = bounded(0);
        let sends = thread::spawn(move || sender.send(1).is_ok());
        let got = receiver.recv_deadline(Instant::now()).is_ok();
        drop(receiver);
        assert_eq!(sends.join().unwrap(), got);
    });
}

fn receive_either(one: &Receiver<u32>, other: &Receiver<u32>) -> Option<u32> {
    select_biased! {
        recv(one) -> message => message.ok(),
        recv(other) -> message => message.ok(),
    }
}

#[test]
fn a_select_receives_from_one_channel_and_leaves_the_other() {
    explore(|| {
        let (to_one, one) = bounded(1);
        let (to_other, other) = bounded(1);
        let keep = (to_one.clone(), to_other.clone());
        let first = thread::spawn(move || to_one.send(1).unwrap());
        let second = thread::spawn(move || to_other.send(2).unwrap());
        let got = receive_either(&one, &other).unwrap();
        first.join().unwrap();
        second.join().unwrap();
        let left = one.try_recv().or(other.try_recv()).unwrap();
        assert_eq!(got + left, 3, "{got} and then {left}");
        drop(keep);
    });
}

fn send_either(one: &Sender<u32>, other: &Sender<u32>) {
    select_biased! {
        send(one, 1) -> sent => sent.unwrap(),
        send(other, 1) -> sent => sent.unwrap(),
    }
}

#[test]
fn selects_that_name_two_rendezvous_in_either_order_meet() {
    explore(|| {
        let (to_one, one) = bounded(0);
        let (to_other, other) = bounded(0);
        let keep = (one.clone(), other.clone(), to_one.clone(), to_other.clone());
        let sends = thread::spawn(move || send_either(&to_one, &to_other));
        assert_eq!(receive_either(&other, &one), Some(1));
        sends.join().unwrap();
        drop(keep);
    });
}

#[test]
fn a_select_that_would_send_at_the_deadline_of_the_receiver_meets_it_or_not() {
    explore(|| {
        let (sender, receiver) = bounded(0);
        let sends = thread::spawn(move || {
            select_biased! { send(sender, 1) -> sent => sent.is_ok() }
        });
        let got = receiver.recv_deadline(Instant::now()).is_ok();
        drop(receiver);
        assert_eq!(sends.join().unwrap(), got);
    });
}

/// With three tasks there is much to explore: two preemptions.
fn explore_three(model: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = builder.preemption_bound.or(Some(2));
    builder.check(model);
}

#[test]
fn a_place_that_a_select_has_won_goes_on_to_the_next_sender() {
    explore_three(|| {
        let (sender, receiver) = bounded(1);
        let other = sender.clone();
        let selects = thread::spawn(move || {
            select_biased! { send(other, 1) -> sent => sent.unwrap() }
        });
        let sends = thread::spawn(move || sender.send(2).unwrap());
        let sum: u32 = receiver.iter().sum();
        assert_eq!(sum, 3);
        selects.join().unwrap();
        sends.join().unwrap();
    });
}

// What was broken by hand, and which model failed:
//
// - `Me::claim` claims nothing: a select takes from two channels
//   (`a_select_receives_from_one_channel_and_leaves_the_other`).
// - `State::send_reserved` does not fill the place that its message has passed by: the next sender
//   waits for ever (`a_place_that_a_select_has_won_goes_on_to_the_next_sender`).
// - `State::withdraw_receiver` lets a promised receiver go: its node is written to when it is gone
//   (`a_select_that_would_send_at_the_deadline_of_the_receiver_meets_it_or_not`).
