//! Readiness: how operations on descriptors wait.
//!
//! A socket registers its descriptor once, when it first has to wait, edge-triggered, with the
//! poller of the worker that waits. From then on its [`slot`](slot) remembers what the kernel has
//! reported, and an operation goes:
//!
//! ```text
//! snapshot the readiness                          (readiness.rs)
//! call; done unless it would block
//! clear the bit, unless an event has come since the snapshot
//! begin the wait; under the slot's lock: register if need be, look at the bit again, enlist
//! park                                            (task/wait.rs)
//! ```
//!
//! An event sets the bit and then, under the slot's lock, takes the waiters and wakes them all;
//! each calls again, and who comes too late waits again.
//!
//! *Why no event is lost.* An event that comes before the snapshot is in it, and the call sees what
//! it announced. One that comes between snapshot and clear keeps the bit set. One that comes later
//! either sets the bit before the look under the lock, which then does not park, or takes the lock
//! after it and finds the waiter enlisted.
//!
//! A plain thread does not use the bits: it calls, and then sits in poll(2), with its waker
//! enlisted for whoever shuts the socket down.

pub(crate) mod await_io;
pub(crate) mod driver;
pub(crate) mod poll;
pub(crate) mod readiness;
pub(crate) mod slot;
pub(crate) mod source;

pub(crate) use readiness::Direction;
pub(crate) use source::{Limit, Source};
