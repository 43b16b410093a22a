//! What channels know of waits and of the task that runs: how a wait begins and ends, how one is won
//! and let go, how it stands in a list.
//!
//! Under loom the models put their own in the place of this file and of [`turn`](super::turn); the
//! rest of the channels is explored as it ships.

pub(crate) use crate::task::{
    header::{Claimed, Waker},
    list::{Node, WaitList},
    wait::{Kind, Wait, Waited},
};

/// Which task waits, as a number that orders them.
pub(crate) fn task_of(waker: Waker) -> usize {
    std::ptr::from_ref(waker.task).addr()
}
