//! What the rules of a channel know of waits: how one is won, let go, and found in a list.
//!
//! Under loom the models put their own in this place.

pub(crate) use crate::task::{
    header::{Claimed, Waker},
    list::{Node, WaitList},
};

/// Which task waits, as a number that orders them.
pub(crate) fn task_of(waker: Waker) -> usize {
    std::ptr::from_ref(waker.task).addr()
}
