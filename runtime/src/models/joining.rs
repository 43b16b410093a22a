//! The join word: a coroutine that finishes against a handle that waits, gives up, or lets go.

use std::sync::atomic::{AtomicUsize as Tally, Ordering as StdOrdering};

use loom::{cell::UnsafeCell, sync::Arc, thread};

use super::{
    explore,
    join_word::{Finish, JoinWord},
    state::{Epoch, Wake},
    tasks::{Crossing, Task},
};

/// A coroutine that has a handle, and the task that joins it.
struct Joined {
    word: JoinWord,
    joiner: Task,
    /// The joiner's waker, as it stands in the header.
    waker: UnsafeCell<Option<Epoch>>,
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
                // SAFETY: loom checks that the joiner has written it before and writes no more.
                let epoch = self.waker.with(|waker| unsafe { *waker });
                let epoch = epoch.expect("a joiner that waits has left its waker");
                let _either = self.joiner.wake(epoch, 0);
            }
            Finish::DropResult => {
                self.place.put(1);
                self.drop_result();
            }
        }
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
        self.waker.with_mut(|waker| {
            // SAFETY: loom checks that the finisher does not read it meanwhile.
            unsafe { *waker = Some(epoch) };
        });
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
// Not seen to fail: `wait` and `stop_waiting` Relaxed on failure, since `JoinHandle` asks `is_done`
// before it touches the result.
