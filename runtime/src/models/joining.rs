//! The join word: a coroutine that finishes against a handle that waits, is polled, gives up, or
//! lets go.

use std::sync::atomic::{AtomicUsize as Tally, Ordering as StdOrdering};

use loom::{
    cell::UnsafeCell,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use super::{
    explore,
    join_word::{Finish, JoinWord},
    state::{Epoch, Wake},
    tasks::{Crossing, Task},
};

/// Who waits, as it stands in the header.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Joiner {
    Task(Epoch),
    /// The async waker of this number.
    Async(usize),
}

/// A coroutine that has a handle, and the task that joins it.
struct Joined {
    word: JoinWord,
    joiner: Task,
    waker: UnsafeCell<Option<Joiner>>,
    /// How often each async waker has been woken. Says nothing about other memory.
    notices: [AtomicUsize; 2],
    result: Crossing,
    /// What the handle uses until it lets go, and the coroutine from then on.
    place: Crossing,
    drops: Tally,
}

// SAFETY: what the model checks: loom reports a use that the join word has not ordered.
unsafe impl Sync for Joined {}

impl Joined {
    fn new() -> Arc<Joined> {
        Arc::new(Joined {
            word: JoinWord::new(),
            joiner: Task::new(),
            waker: UnsafeCell::new(None),
            notices: [AtomicUsize::new(0), AtomicUsize::new(0)],
            result: Crossing::new(),
            place: Crossing::new(),
            drops: Tally::new(0),
        })
    }

    /// The end of the coroutine, as `worker::end` does it.
    fn finish(&self) {
        self.result.put(42);
        match self.word.finish() {
            Finish::Leave => {}
            Finish::WakeJoiner => {
                match self.take_joiner().expect("a joiner that waits has left its waker") {
                    Joiner::Task(epoch) => drop(self.joiner.wake(epoch, 0)),
                    Joiner::Async(waker) => {
                        self.notices[waker].fetch_add(1, Ordering::Relaxed);
                    }
                }
            }
            Finish::DropResult => {
                self.place.put(1);
                self.drop_result();
            }
        }
    }

    fn set_joiner(&self, joiner: Joiner) {
        self.waker.with_mut(|waker| {
            // SAFETY: loom checks that nobody else touches it meanwhile.
            unsafe { *waker = Some(joiner) };
        });
    }

    fn take_joiner(&self) -> Option<Joiner> {
        // SAFETY: as in `set_joiner`.
        self.waker.with_mut(|waker| unsafe { (*waker).take() })
    }

    fn drop_result(&self) {
        assert_eq!(self.result.get(), 42);
        self.result.put(0);
        self.drops.fetch_add(1, StdOrdering::Relaxed);
    }

    fn drops(&self) -> usize {
        self.drops.load(StdOrdering::Relaxed)
    }

    /// One wait of the handle, as `JoinHandle::wait_once` does it; with `timer`, it is over at
    /// once, if nothing else has ended it.
    fn wait(&self, timer: bool) {
        let epoch = self.joiner.word.begin_wait(false);
        self.set_joiner(Joiner::Task(epoch));
        if !self.word.wait() {
            return;
        }
        if timer {
            // A timer of the joiner's home that comes before the commit does.
            let _either: Wake = self.joiner.wake(epoch, 1);
        }
        let _either = self.joiner.park();
        let _open = self.word.stop_waiting();
    }

    /// A poll of the handle with the async waker `mine`, after one that has left `before`; true if
    /// it is pending.
    fn poll(&self, before: Option<usize>, mine: usize) -> bool {
        if let Some(before) = before {
            self.take_back(before);
        }
        if self.word.is_done() {
            return false;
        }
        self.set_joiner(Joiner::Async(mine));
        let pending = self.word.wait();
        if !pending {
            assert_eq!(self.take_joiner(), Some(Joiner::Async(mine)), "the finisher did not look");
        }
        pending
    }

    /// Takes back what the last poll has left, as `JoinHandle::take_back` does.
    fn take_back(&self, left: usize) {
        if self.word.stop_waiting() {
            assert_eq!(self.take_joiner(), Some(Joiner::Async(left)));
        }
    }

    fn notices(&self) -> [usize; 2] {
        [0, 1].map(|waker| self.notices[waker].load(Ordering::Relaxed))
    }

    /// The handle is dropped, as in `JoinHandle`.
    fn detach(&self) {
        if !self.word.detach() {
            self.drop_result();
        }
    }
}

fn finisher(joined: &Arc<Joined>) -> thread::JoinHandle<()> {
    let joined = Arc::clone(joined);
    thread::spawn(move || joined.finish())
}

#[test]
fn a_joiner_is_woken_and_sees_the_result() {
    explore(|| {
        let joined = Joined::new();
        let other = finisher(&joined);
        joined.joiner.settle();
        let mut waits = 0;
        while !joined.word.is_done() {
            joined.wait(false);
            waits += 1;
        }
        assert!(waits <= 1, "nothing but the end wakes it");
        assert_eq!(joined.result.get(), 42);
        joined.detach();
        other.join().unwrap();
        assert_eq!(joined.drops(), 1);
    });
}

#[test]
fn a_joiner_that_gives_up_may_wait_again() {
    explore(|| {
        let joined = Joined::new();
        let other = finisher(&joined);
        joined.joiner.settle();
        joined.wait(true);
        while !joined.word.is_done() {
            joined.wait(false);
        }
        assert_eq!(joined.result.get(), 42);
        joined.detach();
        other.join().unwrap();
        assert_eq!(joined.drops(), 1);
    });
}

#[test]
fn a_result_is_dropped_once_when_the_handle_gives_up() {
    explore(|| {
        let joined = Joined::new();
        let other = finisher(&joined);
        joined.joiner.settle();
        joined.wait(true);
        joined.detach();
        other.join().unwrap();
        assert_eq!(joined.drops(), 1);
    });
}

#[test]
fn a_result_is_dropped_once_when_the_handle_lets_go() {
    explore(|| {
        let joined = Joined::new();
        let other = finisher(&joined);
        assert_eq!(joined.place.get(), 0);
        joined.detach();
        other.join().unwrap();
        assert_eq!(joined.drops(), 1);
    });
}

#[test]
fn a_handle_that_is_polled_is_told_of_the_end_by_its_waker() {
    explore(|| {
        let joined = Joined::new();
        let other = finisher(&joined);
        if joined.poll(None, 0) {
            while joined.notices()[0] == 0 {
                thread::yield_now();
            }
            assert!(!joined.poll(Some(0), 1), "a waker is woken after the end");
        }
        assert_eq!(joined.result.get(), 42);
        joined.detach();
        other.join().unwrap();
        assert_eq!(joined.take_joiner(), None);
        assert_eq!(joined.drops(), 1);
    });
}

#[test]
fn a_poll_with_another_waker_replaces_the_first() {
    explore(|| {
        let joined = Joined::new();
        let other = finisher(&joined);
        let first = joined.poll(None, 0);
        let second = joined.poll(first.then_some(0), 1);
        other.join().unwrap();
        let [one, two] = joined.notices();
        assert_eq!(two, usize::from(second), "the last waker is woken if its poll was pending");
        assert!(one + two <= 1, "one waker is woken");
        assert_eq!(joined.take_joiner(), None);
        assert_eq!(joined.result.get(), 42);
    });
}

#[test]
fn a_handle_that_was_polled_may_be_joined() {
    explore(|| {
        let joined = Joined::new();
        let other = finisher(&joined);
        joined.joiner.settle();
        if joined.poll(None, 0) {
            joined.take_back(0);
        }
        while !joined.word.is_done() {
            joined.wait(false);
        }
        assert_eq!(joined.result.get(), 42);
        joined.detach();
        other.join().unwrap();
        assert_eq!(joined.drops(), 1);
    });
}

#[test]
fn a_result_is_dropped_once_when_a_polled_handle_lets_go() {
    explore(|| {
        let joined = Joined::new();
        let other = finisher(&joined);
        assert_eq!(joined.place.get(), 0);
        if joined.poll(None, 0) {
            joined.take_back(0);
        }
        joined.detach();
        other.join().unwrap();
        assert_eq!(joined.take_joiner(), None, "no waker is left behind");
        assert_eq!(joined.drops(), 1);
    });
}

// Seen to fail when:
//
// | in join_word.rs | what was broken |
// |---|---|
// | `finish` | without Release; without Acquire |
// | `wait` | Relaxed on success |
// | `detach` | Relaxed on success; Relaxed on failure |
// | `is_done` | Relaxed |
// | `stop_waiting` | a store, whatever the word is |
//
// and the models of polls also when a poll takes its waker back without asking `stop_waiting`.
//
// Not seen to fail: `wait` and `stop_waiting` Relaxed on failure, since `JoinHandle` asks `is_done`
// before it touches the result.
