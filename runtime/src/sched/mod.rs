//! Workers and what they share.
//!
//! The path of a wake, wherever it comes from: a compare-and-swap on the task word
//! ([`task::state`](crate::task::state)) finds the one winner, which pushes the task to its home:
//! the local queue if it is on the home's thread, else the [`mailbox`], whose lock also guards the
//! flag that says whether the home sleeps. How new coroutines, which have no home yet, find a
//! worker stands in [`idle`]; when a runtime is quiet or over, in [`census`].

pub(crate) mod census;
pub(crate) mod idle;
pub(crate) mod inbox;
pub(crate) mod mailbox;
pub(crate) mod shared;
pub(crate) mod worker;
