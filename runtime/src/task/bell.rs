//! Futures as tasks: a header for each future that waits in a list, so that it stands in line with
//! coroutines and threads, and is claimed and let go as they are.
//!
//! Its word goes through the same states; instead of being resumed, it is polled, and may be gone
//! or do something else by the time its wait is delivered. Who claims it delivers later, after a
//! lock; so a delivery may reach a bell that has been given to another future. That one is polled
//! for nothing, as futures may be. Therefore these headers have a pool of their own, and are never
//! those of coroutines or threads, for which a delivery is a duty to run.

use super::{
    header::{Header, Waker},
    state::{Commit, Wake},
    thread::Parker,
};
use crate::stable::{Pooled, Stable};

static BELLS: Stable<Place> = Stable::new();

/// What stands for one future.
struct Place {
    header: Header,
    parker: Parker,
}

impl Pooled for Place {
    fn new(index: u32) -> Self {
        Place { header: Header::new(index), parker: Parker::new(index) }
    }
}

/// The waits of one future, one at a time.
pub(crate) struct Bell {
    place: &'static Place,
    /// The wait that has begun and was not ended.
    present: Option<Waker>,
}

impl Bell {
    /// For a future that waits nowhere yet.
    pub(crate) fn new() -> Bell {
        let place = BELLS.take();
        place.header.set_parker(Some(&place.parker));
        Bell { place, present: None }
    }

    /// Says whom to wake when a wait is delivered, once. To be called in each poll, before the
    /// future looks whether its wait is over: what comes after the look finds this waker.
    pub(crate) fn listen(&self, waker: &std::task::Waker) {
        // The old one is dropped after the lock.
        drop(self.place.parker.listen(Some(waker.clone())));
    }

    /// Names a new wait, which others may claim as soon as they know of it.
    pub(crate) fn begin(&mut self) -> Waker {
        self.end();
        let word = &self.place.header.word;
        let epoch = word.begin_wait(true);
        let committed = word.commit();
        assert_eq!(committed, Commit::Parked, "nobody knows of this wait yet");
        let waker = Waker { task: &self.place.header, epoch };
        self.present = Some(waker);
        waker
    }

    /// Ends the present wait, whether or not somebody has claimed it. Nobody can afterwards.
    pub(crate) fn end(&mut self) {
        let Some(waker) = self.present.take() else { return };
        let word = &self.place.header.word;
        match word.wake(waker.epoch) {
            // Either way it is claimed, and its owner goes on.
            Wake::Enqueue | Wake::Stale => word.run(),
            Wake::Noticed => unreachable!("a future's wait is committed when it begins"),
        }
    }
}

impl Drop for Bell {
    fn drop(&mut self) {
        self.end();
        let waker = self.place.parker.listen(None);
        BELLS.give(self.place);
        // Foreign code, so it comes last.
        drop(waker);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_that_was_ended_cannot_be_claimed() {
        let mut bell = Bell::new();
        let first = bell.begin();
        bell.end();
        assert!(!first.wake());
        let second = bell.begin();
        assert!(!first.wake());
        assert!(second.wake());
        assert!(!second.wake());
        bell.end();
    }
}
