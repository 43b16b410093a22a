//! Where tasks are sent to a worker from elsewhere: its mutex queue and the bell of its poller.
//!
//! Inboxes are type-stable: a task that has been claimed knows its home by a plain pointer, and the
//! home may have run it to its end, and ended itself, before the waker lets go of the queue's lock.

use std::sync::{Arc, Mutex, PoisonError};

use super::mailbox::{Mailbox, Ring};
use crate::{
    ready::driver::Driver,
    stable::{Pooled, Stable},
    task::header::Task,
};

static INBOXES: Stable<Inbox> = Stable::new();

/// See the module.
pub(crate) struct Inbox {
    mail: Mailbox<Task>,
    /// The poller to ring; `None` while no worker has this inbox.
    driver: Mutex<Option<Arc<Driver>>>,
}

impl Pooled for Inbox {
    fn new(_index: u32) -> Self {
        Inbox { mail: Mailbox::new(), driver: Mutex::new(None) }
    }
}

impl Inbox {
    /// An inbox for a worker that polls `driver`.
    pub(crate) fn open(driver: Arc<Driver>) -> &'static Inbox {
        let inbox = INBOXES.take();
        // A nudge for the worker that had it before.
        inbox.mail.awake(&mut Vec::new(), &mut Vec::new());
        *inbox.driver.lock().unwrap_or_else(PoisonError::into_inner) = Some(driver);
        inbox
    }

    /// The worker has ended: it had no residents, so nothing is sent to it any more.
    pub(crate) fn close(&'static self) {
        *self.driver.lock().unwrap_or_else(PoisonError::into_inner) = None;
        INBOXES.give(self);
    }

    /// Sends a task that the caller has claimed.
    pub(crate) fn push(&self, task: Task) {
        self.ring(self.mail.push(task));
    }

    /// Sends all of `tasks`.
    pub(crate) fn push_all(&self, tasks: &mut Vec<Task>) {
        self.ring(self.mail.push_all(tasks));
    }

    /// Makes the worker look around.
    pub(crate) fn nudge(&self) {
        self.ring(self.mail.nudge());
    }

    /// The owner's side: see [`Mailbox`].
    pub(crate) fn mail(&self) -> &Mailbox<Task> {
        &self.mail
    }

    /// Done outside the queue's lock. The worker may have ended meanwhile: then there is nobody
    /// to ring, or a later worker, which looks around once for nothing.
    fn ring(&self, ring: Ring) {
        if ring == Ring::Needed {
            let driver = self.driver.lock().unwrap_or_else(PoisonError::into_inner).clone();
            if let Some(driver) = driver {
                driver.ring();
            }
        }
    }
}
