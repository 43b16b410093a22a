//! Guard-paged stacks in large slabs, and the switch between them: the lowest layer of Lif.
//!
//! This crate owns the memory that coroutines run on and the jump onto it and off it. It knows
//! nothing of scheduling, sockets or threads, and must never start to.
//!
//! | part | job |
//! |---|---|
//! | [`StackSize`] | sizes, guards and classes: arithmetic only |
//! | [`StackPool`] | one worker's stacks: take, give, trim |
//! | [`Stack`] | one owned stack, guarded below and coloured above |
//! | [`Coroutine`] | a closure on a stack: resume, suspend, finish, leak |
//! | [`locate`], [`stats`] | which stack is at this address; what the process holds |
//! | [`StackError`] | why there is no stack, and the command that helps |
//!
//! # How memory is held
//!
//! Address space is reserved in *slabs*: few, large mappings without access, one series per stack
//! size. Stacks are *carved* from a slab when first needed: made accessible a batch at a time, and
//! guarded one by one. A slab is never unmapped, so a guard, once installed, serves every later
//! user of its stack. Idle stacks wait in the [`StackPool`] of a worker, and what the pools don't
//! keep waits in a process-wide depot, without memory, until some pool asks.
//!
//! ```text
//!  slab ┌───────────────┬───────────────┬───────────────┬─ ─ ─ ─ ─ ─ ─ ─┐
//!       │ stack 0       │ stack 1       │ stack 2       │ not yet carved │
//!       └───────────────┴───────────────┴───────────────┴─ ─ ─ ─ ─ ─ ─ ─┘
//!       │     ╲
//!       ├───────┬──────────────────────────────────┬────┤
//!       │ guard │ usable        ◀── grows down ─── │    │  colour: 0 to 960 bytes, unused
//!       └───────┴──────────────────────────────────┴────┘
//!      low    limit                               top
//! ```
//!
//! Where the kernel has it (Linux 6.13 and later), a guard is a mark in the page tables, and a
//! million guarded stacks need some tens of kernel mappings. Elsewhere a guard is a mapping of its
//! own, so each stack costs two; the limit that follows is known and reported before the kernel is
//! hit. There is no stack without a guard.
//!
//! Two environment variables exist for testing: `LIF_STACK_GUARD=mprotect` does without the page
//! table marks, and `LIF_MAX_MAPS=n` assumes that the kernel allows `n` mappings.
//!
//! # Example
//!
//! ```
//! use lif_coro::{Coroutine, StackPool, StackSize, Step};
//!
//! let mut pool = StackPool::default();
//! let stack = pool.take(StackSize::DEFAULT)?;
//! let mut coroutine = Coroutine::new(stack, |suspender| {
//!     println!("one");
//!     suspender.suspend();
//!     println!("three");
//! });
//! assert_eq!(coroutine.resume(), Step::Suspended);
//! println!("two");
//! assert_eq!(coroutine.resume(), Step::Finished);
//! pool.give(coroutine.into_stack());
//! # Ok::<(), lif_coro::StackError>(())
//! ```

mod coroutine;
mod depot;
mod diagnose;
mod error;
mod fault;
mod guard;
mod pool;
mod size;
mod slab;
mod stack;
mod sys;

pub use coroutine::{Coroutine, Step, Suspender};
pub use error::StackError;
pub use fault::{Place, Stats, locate, stats};
pub use guard::GuardKind;
pub use pool::{PoolConfig, StackPool};
pub use size::StackSize;
pub use stack::Stack;
