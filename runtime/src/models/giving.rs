//! The wait queue: what is given while a waiter gives up, by a deadline or a cancellation; and the
//! words of `Semaphore` and `Once` on top of it.

use std::time::Instant;

use loom::{sync::Arc, thread};

use super::{
    explore, explore_three,
    queue::{Ended, Place, Queue, Terms, Ticket},
    queueing::{
        header::Waiter,
        wait::{Kind, me},
    },
    raw_once::{Begin, RawOnce},
    raw_semaphore::RawSemaphore,
    state::Wake,
    tasks::Crossing,
};

/// A cancellation of the main task, as `Header::cancel` does it.
fn canceller(task: &'static Waiter) -> thread::JoinHandle<()> {
    thread::spawn(move || {
        let duty = task.word().cancel();
        task.follow(duty);
    })
}

const CANCELLABLE: Terms = Terms { kind: Kind::Cancellable, deadline: None };

/// What a gift is: it is given under the lock to who waits, or else kept there.
fn give(gifts: &Queue<u32>, value: &Crossing) {
    value.put(7);
    let mut queue = gifts.lock();
    if !queue.grant_first() {
        *queue.state() += 1;
    }
}

fn take(gifts: &Queue<u32>, terms: Terms) -> Ended {
    let enter = |queue: &mut super::queue::Locked<'_, u32>| {
        if *queue.state() == 0 {
            return Some(Place::Back);
        }
        *queue.state() -= 1;
        None
    };
    gifts.wait(terms, Ticket::plain(), enter, || {}, |_| {})
}

#[test]
fn a_gift_at_the_moment_of_a_cancellation_is_kept_or_left() {
    explore(|| {
        let gifts = Arc::new((Queue::new(0), Crossing::new()));
        let other = Arc::clone(&gifts);
        let giver = thread::spawn(move || give(&other.0, &other.1));
        let cancel = canceller(me());
        let got = match take(&gifts.0, CANCELLABLE) {
            Ended::Granted | Ended::NotNeeded => {
                assert_eq!(gifts.1.get(), 7);
                1
            }
            Ended::Interrupted => 0,
            other => panic!("{other:?}"),
        };
        super::join([giver, cancel]);
        let mut queue = gifts.0.lock();
        assert_eq!(*queue.state() + got, 1, "one gift");
        assert!(queue.is_empty());
    });
}

#[test]
fn a_gift_at_the_deadline_is_kept_or_left() {
    explore(|| {
        let gifts = Arc::new((Queue::new(0), Crossing::new()));
        let other = Arc::clone(&gifts);
        let giver = thread::spawn(move || give(&other.0, &other.1));
        let terms = Terms { kind: Kind::Cancellable, deadline: Some(Instant::now()) };
        let got = match take(&gifts.0, terms) {
            Ended::Granted | Ended::NotNeeded => {
                assert_eq!(gifts.1.get(), 7);
                1
            }
            Ended::TimedOut => 0,
            other => panic!("{other:?}"),
        };
        giver.join().unwrap();
        assert_eq!(*gifts.0.lock().state() + got, 1, "one gift");
    });
}

#[test]
fn two_gifts_to_two_that_wait_reach_both() {
    explore_three(|| {
        let gifts = Arc::new((Queue::new(0), [Crossing::new(), Crossing::new()]));
        let giver = Arc::clone(&gifts);
        let giver = thread::spawn(move || {
            for value in &giver.1 {
                give(&giver.0, value);
            }
        });
        let other = Arc::clone(&gifts);
        let other = thread::spawn(move || {
            let ended = take(&other.0, CANCELLABLE);
            assert!(matches!(ended, Ended::Granted | Ended::NotNeeded));
        });
        let ended = take(&gifts.0, CANCELLABLE);
        assert!(matches!(ended, Ended::Granted | Ended::NotNeeded));
        super::join([giver, other]);
        assert_eq!(*gifts.0.lock().state(), 0);
    });
}

fn acquire(semaphore: &RawSemaphore, n: usize, terms: Terms) -> bool {
    let ended = semaphore.queue().wait(
        terms,
        RawSemaphore::ticket(n),
        |queue| semaphore.enlist(n, queue),
        || {},
        |queue| semaphore.serve(queue),
    );
    matches!(ended, Ended::Granted | Ended::NotNeeded)
}

#[test]
fn a_permit_goes_from_one_to_the_next_with_what_was_done_under_it() {
    explore_three(|| {
        let shared = Arc::new((RawSemaphore::new(1), Crossing::new()));
        let job = |shared: &(RawSemaphore, Crossing)| {
            assert!(shared.0.try_acquire(1) || acquire(&shared.0, 1, CANCELLABLE));
            shared.1.put(shared.1.get() + 1);
            shared.0.release(1);
        };
        let others = [(), ()].map(|()| {
            let shared = Arc::clone(&shared);
            thread::spawn(move || job(&shared))
        });
        job(&shared);
        super::join(others);
        assert_eq!((shared.1.get(), shared.0.free()), (3, 1));
        assert!(shared.0.try_acquire(1), "nobody waits");
    });
}

#[test]
fn who_gives_up_waiting_for_many_lets_the_next_through() {
    explore(|| {
        let semaphore = Arc::new(RawSemaphore::new(1));
        let other = Arc::clone(&semaphore);
        let behind = thread::spawn(move || {
            assert!(acquire(&other, 1, CANCELLABLE));
            other.release(1);
        });
        let cancel = canceller(me());
        assert!(!acquire(&semaphore, 2, CANCELLABLE), "there are no two");
        super::join([behind, cancel]);
        assert_eq!(semaphore.free(), 1);
        assert!(semaphore.try_acquire(1), "nobody waits");
    });
}

#[test]
fn one_of_three_does_it_and_the_others_see_it() {
    explore_three(|| {
        let shared = Arc::new((RawOnce::new(), Crossing::new()));
        let job = |shared: &(RawOnce, Crossing)| {
            match shared.0.begin(false, || {}) {
                Begin::Run { poisoned } => {
                    assert!(!poisoned);
                    shared.1.put(7);
                    shared.0.finish(true);
                }
                Begin::Done => {}
                Begin::Poisoned => panic!("nobody broke it off"),
            }
            assert_eq!(shared.1.get(), 7);
        };
        let others = [(), ()].map(|()| {
            let shared = Arc::clone(&shared);
            thread::spawn(move || job(&shared))
        });
        job(&shared);
        super::join(others);
    });
}

#[test]
fn one_that_was_broken_off_is_done_by_another_that_waited() {
    explore_three(|| {
        let shared = Arc::new((RawOnce::new(), Crossing::new()));
        let other = Arc::clone(&shared);
        let breaks = thread::spawn(move || match other.0.begin(true, || {}) {
            Begin::Run { .. } => {
                other.1.put(other.1.get() + 1);
                other.0.finish(false);
            }
            Begin::Done => {}
            Begin::Poisoned => unreachable!("it was forced"),
        });
        let other = Arc::clone(&shared);
        let waits = thread::spawn(move || {
            assert!(other.0.wait(true));
            assert!(other.1.get() >= 10);
        });
        if let Begin::Run { .. } = shared.0.begin(true, || {}) {
            shared.1.put(shared.1.get() + 10);
            shared.0.finish(true);
        }
        super::join([breaks, waits]);
        assert!(shared.0.is_done());
    });
}

#[test]
fn a_claim_of_one_that_has_left_is_refused() {
    explore(|| {
        let queue: Queue<()> = Queue::new(());
        let terms = Terms { kind: Kind::Cancellable, deadline: Some(Instant::now()) };
        let mut epoch = None;
        let ended = queue.wait(
            terms,
            Ticket::plain(),
            |_| Some(Place::Back),
            || epoch = queue.lock().first_waker().map(|waker| waker.epoch),
            |_| {},
        );
        assert_eq!(ended, Ended::TimedOut);
        assert_eq!(me().word().wake(epoch.expect("it stood there")), Wake::Stale);
    });
}

// Broken by hand, each seen to fail:
//
// - a waiter that finds itself in the list before it has the lock ignores a grant
// - `unlink` in the list is Relaxed
// - who leaves the semaphore's queue doesn't serve; `release` doesn't look at QUEUED
// - who waits for a Once doesn't look at the word under the lock; `finish` is Relaxed
