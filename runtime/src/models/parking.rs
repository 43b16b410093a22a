//! The park word with the task word: `unpark` before, during and after `park`.

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
    park_word::ParkWord,
    state::Stage,
    tasks::{Crossing, Task},
};

struct Parked {
    task: Task,
    park: ParkWord,
    written: [Crossing; 2],
    /// Who has said that it is done; says nothing about other memory.
    said: [AtomicUsize; 2],
    unparks: Tally,
}

impl Parked {
    fn new() -> Arc<Parked> {
        Arc::new(Parked {
            task: Task::new(),
            park: ParkWord::new(),
            written: [Crossing::new(), Crossing::new()],
            said: [AtomicUsize::new(0), AtomicUsize::new(0)],
            unparks: Tally::new(0),
        })
    }

    /// As `lif::park` does it.
    fn park(&self) {
        if self.park.take() {
            return;
        }
        let epoch = self.task.word.begin_wait(false);
        if !self.park.wait(epoch) {
            return;
        }
        let _either = self.task.park();
        self.park.end();
    }

    /// As `Thread::unpark` does it.
    fn unpark(&self, me: usize) {
        self.unparks.fetch_add(1, StdOrdering::Relaxed);
        if let Some(epoch) = self.park.notify() {
            let _either = self.task.wake(epoch, me);
        }
    }
}

fn unparker(parked: &Arc<Parked>, me: usize) -> thread::JoinHandle<()> {
    let parked = Arc::clone(parked);
    thread::spawn(move || {
        parked.written[me].put(7);
        parked.said[me].store(1, Ordering::Relaxed);
        parked.unpark(me);
    })
}

#[test]
fn what_came_before_the_unpark_is_seen_after_the_park() {
    explore(|| {
        let parked = Parked::new();
        let other = unparker(&parked, 0);
        parked.task.settle();
        parked.park();
        assert_eq!(parked.written[0].get(), 7);
        other.join().unwrap();
        assert!(!parked.park.take(), "the one notice has been taken");
        assert_eq!(parked.task.word.stage(), Stage::Executing);
    });
}

#[test]
fn no_unpark_is_lost_when_two_come() {
    explore(|| {
        let parked = Parked::new();
        let others = [0, 1].map(|me| unparker(&parked, me));
        parked.task.settle();
        // The loop that users of `park` write: whoever has said it has unparked, or will.
        let mut parks = 0;
        while parked.said.iter().any(|said| said.load(Ordering::Relaxed) == 0) {
            parked.park();
            parks += 1;
        }
        assert!(parks <= 2, "a park returns because of a notice");
        join(others);
    });
}

#[test]
fn a_second_notice_is_kept_for_the_next_park() {
    explore(|| {
        let parked = Parked::new();
        let other = {
            let parked = Arc::clone(&parked);
            thread::spawn(move || {
                parked.written[0].put(7);
                parked.unpark(0);
                // Not before the first has been taken.
                while parked.said[0].load(Ordering::Relaxed) == 0 {
                    thread::yield_now();
                }
                parked.written[1].put(8);
                parked.unpark(1);
            })
        };
        parked.task.settle();
        parked.park();
        assert_eq!(parked.written[0].get(), 7);
        parked.said[0].store(1, Ordering::Relaxed);
        parked.park();
        assert_eq!(parked.written[1].get(), 8);
        other.join().unwrap();
        assert_eq!(parked.unparks.load(StdOrdering::Relaxed), 2);
    });
}

#[test]
fn a_late_unpark_does_not_end_a_wait_for_something_else() {
    explore(|| {
        let parked = Parked::new();
        let others = [0, 1].map(|me| unparker(&parked, me));
        parked.task.settle();
        parked.park();
        // A wait for something else, that nobody ends.
        let _unknown = parked.task.word.begin_wait(true);
        let _parked = parked.task.word.commit();
        join(others);
        assert_eq!(parked.task.word.stage(), Stage::Waiting);
        assert!(parked.task.wins() <= 1);
    });
}

// Seen to fail when:
//
// | in park_word.rs | what was broken |
// |---|---|
// | `take` | Relaxed |
// | `wait` | Relaxed on success; writes WAITING over a notice |
// | `notify` | without Release; without Acquire; names no wait |
// | `end` | Relaxed |
//
// Not seen to fail: `wait` Relaxed on failure, since the `end` that follows it acquires.
