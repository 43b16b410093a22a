//! The mailbox: pushes and nudges against an owner that goes to sleep.

use std::sync::atomic::{AtomicUsize as Tally, Ordering as StdOrdering};

use loom::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use super::{
    explore, join,
    mailbox::{Mailbox, Ring},
};

struct Home {
    mail: Mailbox<usize>,
    /// The poller's bell: a ring makes a present or the next poll return.
    bell: AtomicUsize,
    /// What a nudge points at; says nothing by itself.
    changed: AtomicUsize,
    rings: Tally,
}

impl Home {
    fn new() -> Arc<Home> {
        Arc::new(Home {
            mail: Mailbox::new(),
            bell: AtomicUsize::new(0),
            changed: AtomicUsize::new(0),
            rings: Tally::new(0),
        })
    }

    /// As `Inbox::ring` does it.
    fn ring(&self, ring: Ring) {
        if ring == Ring::Needed {
            self.rings.fetch_add(1, StdOrdering::Relaxed);
            self.bell.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Turns of the owner until `enough`; as a worker with nothing to run. A push that is slept
    /// through makes it poll until loom gives up.
    fn work(&self, enough: impl Fn(&[usize]) -> bool) -> Vec<usize> {
        let (mut all, mut sleeps) = (Vec::new(), 0);
        while !enough(&all) {
            if self.mail.try_sleep() {
                sleeps += 1;
                while self.bell.swap(0, Ordering::Relaxed) == 0 {
                    thread::yield_now();
                }
            }
            let mut now = Vec::new();
            self.mail.awake(&mut Vec::new(), &mut now);
            all.append(&mut now);
            let rings = self.rings.load(StdOrdering::Relaxed);
            assert!(rings <= sleeps, "one ring a sleep: {rings} rings, {sleeps} sleeps");
        }
        all
    }
}

#[test]
fn no_push_is_slept_through_and_a_sleep_is_rung_once() {
    explore(|| {
        let home = Home::new();
        let pushers = [1, 2].map(|item| {
            let home = Arc::clone(&home);
            thread::spawn(move || home.ring(home.mail.push(item)))
        });
        let mut all = home.work(|all| all.len() == 2);
        all.sort_unstable();
        assert_eq!(all, [1, 2]);
        join(pushers);
    });
}

#[test]
fn a_batch_and_a_single_push_both_arrive() {
    explore(|| {
        let home = Home::new();
        let batch = {
            let home = Arc::clone(&home);
            thread::spawn(move || home.ring(home.mail.push_all(&mut vec![1, 2])))
        };
        let single = {
            let home = Arc::clone(&home);
            thread::spawn(move || home.ring(home.mail.push(3)))
        };
        let mut all = home.work(|all| all.len() == 3);
        all.sort_unstable();
        assert_eq!(all, [1, 2, 3]);
        batch.join().unwrap();
        single.join().unwrap();
    });
}

#[test]
fn no_nudge_is_slept_through() {
    explore(|| {
        let home = Home::new();
        let nudger = {
            let home = Arc::clone(&home);
            thread::spawn(move || {
                home.changed.store(1, Ordering::Relaxed);
                home.ring(home.mail.nudge());
            })
        };
        let pusher = {
            let home = Arc::clone(&home);
            thread::spawn(move || home.ring(home.mail.push(1)))
        };
        let changed = |all: &[usize]| all.len() == 1 && home.changed.load(Ordering::Relaxed) == 1;
        assert_eq!(home.work(changed), [1]);
        nudger.join().unwrap();
        pusher.join().unwrap();
    });
}

#[test]
fn who_rings_has_pushed_before_the_owner_was_up() {
    explore(|| {
        let home = Home::new();
        let pusher = {
            let home = Arc::clone(&home);
            thread::spawn(move || home.mail.push(1))
        };
        let slept = home.mail.try_sleep();
        // A poll that ends by itself: a timer, an event.
        let mut all = Vec::new();
        home.mail.awake(&mut Vec::new(), &mut all);
        if pusher.join().unwrap() == Ring::Needed {
            assert!(slept);
            assert_eq!(all, [1], "rung for what it has taken already");
        }
    });
}

// Seen to fail when:
//
// | in mailbox.rs | what was broken |
// |---|---|
// | `try_sleep` | does not look at the queue; does not look at `nudged` |
// | `ring` | leaves `asleep` set: a second ring for one sleep |
// | `awake` | leaves `asleep` set: a ring for an owner that is up |
// | `push` | never rings |
// | `push_all` | clears `asleep` and does not ring |
