//! The poller of one worker, as sockets know it: they may outlive the worker.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use lif_poller::{Events, Poller};

/// See the module.
#[derive(Debug)]
pub(crate) struct Driver {
    pub(crate) poller: Poller,
    /// Nobody polls it any more.
    stopped: AtomicBool,
}

impl Driver {
    pub(crate) fn new() -> std::io::Result<Driver> {
        Ok(Driver { poller: Poller::new()?, stopped: AtomicBool::new(false) })
    }

    /// Waits for events, no longer than `timeout`.
    pub(crate) fn poll(&self, events: &mut Events, timeout: Option<Duration>) {
        if let Err(error) = self.poller.wait(events, timeout) {
            // EBADF, EFAULT and EINVAL are all that is left: a descriptor of ours was closed by
            // somebody else. Without its poller the worker can do nothing right any more.
            panic!("the poller of a worker has failed: {error}");
        }
    }

    /// Makes a present or the next `poll` return.
    pub(crate) fn ring(&self) {
        if let Err(error) = self.poller.wake() {
            panic!("a worker could not be woken: {error}");
        }
    }

    pub(crate) fn stop(&self) {
        // ORDER: Release: partner is the Acquire in `is_stopped`.
        self.stopped.store(true, Ordering::Release);
    }

    /// Asked under a slot's lock, by who wants to wait there: `slot::orphan_all` sets the flag
    /// before it goes through the locks, so either it finds the waiter or the waiter finds this.
    pub(crate) fn is_stopped(&self) -> bool {
        // ORDER: Acquire: partner is the Release in `stop`.
        self.stopped.load(Ordering::Acquire)
    }
}
