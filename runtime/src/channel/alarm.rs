//! What wakes a future that waits for a clock: an executor knows nothing of our timers, and there
//! may be no worker at all, so a thread of its own sleeps for it, until the future is gone.

use std::{
    sync::Arc,
    task::Waker,
    thread,
    time::{Duration, Instant},
};

use crate::atomics::{Mutex, lock};

/// What to wake, and when; no moment once the future is gone.
type Set = Mutex<Option<(Instant, Waker)>>;

/// See the module.
pub(super) struct Alarm {
    set: Arc<Set>,
    sleeper: thread::Thread,
}

impl Alarm {
    /// Has `waker` woken at `due`; never, if there is none.
    pub(super) fn set(alarm: &mut Option<Alarm>, due: Option<Instant>, waker: &Waker) {
        let next = due.map(|due| (due, waker.clone()));
        // A sleeper that has rung has ended, and has left nothing there.
        if let Some(alarm) = alarm {
            let mut set = lock(&alarm.set);
            if set.is_some() && next.is_some() {
                let before = std::mem::replace(&mut *set, next);
                drop(set);
                drop(before);
                return;
            }
        }
        *alarm = next.map(|next| {
            let set = Arc::new(Mutex::new(Some(next)));
            let sleeper = thread::spawn({
                let set = Arc::clone(&set);
                move || sleep(&set)
            });
            Alarm { set, sleeper: sleeper.thread().clone() }
        });
    }
}

/// Sleeps until the moment has come, which moves only forward, or the future is gone.
fn sleep(set: &Set) {
    loop {
        let mut next = lock(set);
        let Some((due, _)) = &*next else { return };
        let left = due.saturating_duration_since(Instant::now());
        if left.is_zero() {
            let rung = next.take();
            drop(next);
            if let Some((_, waker)) = rung {
                waker.wake();
            }
            return;
        }
        drop(next);
        thread::park_timeout(left.max(Duration::from_micros(1)));
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        let unused = lock(&self.set).take();
        self.sleeper.unpark();
        drop(unused);
    }
}
