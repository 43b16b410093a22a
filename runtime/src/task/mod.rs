//! Tasks: their life, their waits, their ends.
//!
//! # Who may touch what
//!
//! | of a task | who |
//! |---|---|
//! | the word ([`state`]) | anyone, through its named transitions |
//! | `Local` in the [`header`]: coroutine, body, deadline, timer | its home; before it is queued, the spawner |
//! | `Meta`: name, spawn site | whoever holds a reference, to read |
//! | the joiner (its waker) | the handle or the finisher, as the [`join_word`] says |
//! | the result in the [`body`] | the coroutine or the handle, as the [`join_word`] says |
//! | the header's memory | anyone, for ever: it is type-stable |
//!
//! A header has one reference for its home, from spawn to finish, and one for each handle. Queues
//! and wakers hold none: what is queued has not finished, and a waker names an epoch that the word
//! refuses once the wait is over.

pub(crate) mod bell;
pub(crate) mod body;
pub(crate) mod header;
pub(crate) mod id;
pub(crate) mod join;
pub(crate) mod join_future;
pub(crate) mod join_word;
pub(crate) mod list;
pub(crate) mod local;
pub(crate) mod park_word;
pub(crate) mod scope;
pub(crate) mod spawn;
pub(crate) mod state;
pub(crate) mod thread;
pub(crate) mod wait;
