//! The guide: how programs are written with this library.
//!
//! | page | |
//! |---|---|
//! | [`threads`] | from threads to coroutines: which `use` lines change, and what differs then |
//! | [`rules`] | what must not be done in a coroutine, and what to do instead |
//! | [`stacks`] | choosing a stack size |
//! | [`ending`] | cancellation and deadlines in practice |
//!
//! The pages are text alone: there is nothing to call in this module.

pub mod ending;
pub mod rules;
pub mod stacks;
pub mod threads;
