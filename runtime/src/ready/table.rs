//! The descriptors that coroutines of one worker wait for with `await_io`, by number.
//!
//! The library never sees those descriptors close, so nothing about them is kept: an entry exists
//! while somebody waits.

use std::{collections::HashMap, os::fd::RawFd};

use super::slot::Slot;

/// See the module.
#[derive(Default)]
pub(crate) struct Table(HashMap<RawFd, &'static Slot>);

impl Table {
    /// The slot of a number; made if nobody waits for it yet.
    pub(crate) fn slot(&mut self, fd: RawFd) -> &'static Slot {
        self.0.entry(fd).or_insert_with(Slot::take)
    }

    /// A wait has ended: removes the slot, and returns it, if it was the last.
    pub(crate) fn last(&mut self, fd: RawFd) -> Option<&'static Slot> {
        let unwanted = self.0.get(&fd).is_some_and(|slot| slot.is_unwanted());
        if unwanted { self.0.remove(&fd) } else { None }
    }
}
