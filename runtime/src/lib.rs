//! Stackful coroutines for plain blocking-style code.
//!
//! ```no_run
//! use std::io::{Read, Write};
//!
//! fn main() -> std::io::Result<()> {
//!     lif::run(|| {
//!         let listener = lif::net::TcpListener::bind("127.0.0.1:7777")?;
//!         loop {
//!             let (mut stream, _peer) = listener.accept()?;
//!             lif::go(move || {
//!                 let mut buffer = [0; 1024];
//!                 while let Ok(n @ 1..) = stream.read(&mut buffer) {
//!                     if stream.write_all(&buffer[..n]).is_err() {
//!                         break;
//!                     }
//!                 }
//!             });
//!         }
//!     })
//! }
//! ```
//!
//! The [guide] tells how a program with threads becomes one with coroutines, and what must not
//! be done in one.
//!
//! # Coroutines
//!
//! [`go`] starts one on any worker of the runtime, [`go_local`] on the caller's own, [`Builder`] gives
//! it a name or another stack. Each has a stack of its own with a guard below it, by default 256 KiB
//! of *address space*; memory is what is touched. The [`JoinHandle`] gives its result, or the payload
//! of its panic, which stays in it.
//!
//! A coroutine that has started stays on its worker's thread to its last instruction. So `go` is safe,
//! and `Rc`, `RefCell` borrows and references to thread-locals may live across waits.
//!
//! # Waiting
//!
//! What waits parks the coroutine and not the thread: the sockets of [`net`], which have std's names
//! and semantics; [`sleep`]; [`park`] until somebody calls [`unpark`](thread::Thread::unpark);
//! [`join`](JoinHandle::join); [`await_io`] for other descriptors; [`blocking()`] for work that has to
//! block a thread.
//!
//! ```
//! use std::time::Duration;
//!
//! lif::run(|| {
//!     let slow = lif::go(|| lif::sleep(Duration::from_millis(2)));
//!     let quick = lif::go(|| lif::current().id());
//!     assert_eq!(quick.id(), quick.join().unwrap());
//!     slow.join().unwrap();
//! });
//! ```
//!
//! # Cancellation
//!
//! [`JoinHandle::cancel`], and the end of a runtime, ask a coroutine to end. Waits for I/O then fail
//! with an [`io::Error`](std::io::Error) that has [`Cancelled`] inside; waits that cannot fail
//! (`sleep`, `park`, `join`) unwind the coroutine, destructors and all, and its joiner gets
//! [`Cancelled`]. `blocking` jobs are not interrupted, and who computes without waiting is not told.
//!
//! # Async code
//!
//! [`block_on`] parks the coroutine until a future is done, and a [`JoinHandle`] is a future that any
//! executor can await.
//!
//! # Limits
//!
//! - A lock of std that is held across a wait can block the worker's thread for ever: who wants it
//!   blocks the thread on which alone its holder can run. Let go of it before waiting.
//! - Nothing is preempted: a long computation stalls its worker. See [`yield_now`] and [`blocking()`].
//! - Coroutines of a worker share its thread-locals. Do not wait in the initialiser of one, nor between
//!   saving one and restoring it. `errno` does not survive a wait.
//! - A coroutine that is unwinding does not switch: I/O that would have to wait fails there, other
//!   waits block the thread.
//! - After `fork` the child must not use or drop a runtime or a socket of this library.
//! - With `panic = "abort"`, `sleep`, `park` and `join` are not interrupted by a cancellation.
//! - A stack does not grow. A coroutine that overflows it ends the process, with a message that says
//!   which one it was.
//!
//! # Runtimes
//!
//! [`run`] starts a runtime for a `main` and ends it when its closure returns. A program with more to
//! it makes a [`Runtime`], with [`Runtime::builder`] if it is to differ from the defaults, uses it from
//! anywhere through a [`Handle`], and stops it with
//! [`shutdown_timeout`](Runtime::shutdown_timeout). There may be any number of them.
//!
//! # Threads
//!
//! Every call also works on a plain thread, where it blocks that thread: one end of a connection may be
//! in a coroutine and the other in a thread, and [`current`], `park` and `unpark` work between the two.
//! Only starting a coroutine needs a runtime.

// Under loom only the protocols are compiled, flat, with the models that explore them.
#[cfg(loom)]
mod models;

#[cfg_attr(loom, allow(dead_code, unused_imports, reason = "used by the models alone"))]
mod atomics;
#[cfg(not(loom))]
mod blocking;
#[cfg(not(loom))]
mod bridge;
#[cfg(not(loom))]
pub mod cancel;
#[cfg_attr(loom, allow(dead_code, unused_imports, reason = "used by the models alone"))]
pub mod channel;
#[cfg(not(loom))]
mod coop;
#[cfg(not(loom))]
mod current;
#[cfg(not(loom))]
mod fault;
#[cfg(not(loom))]
pub mod guide;
#[cfg(not(loom))]
mod local;
#[cfg(not(loom))]
mod metrics;
#[cfg(not(loom))]
pub mod net;
#[cfg(not(loom))]
mod ready;
#[cfg(not(loom))]
pub mod runtime;
#[cfg(not(loom))]
mod sched;
#[cfg(not(loom))]
mod stable;
#[cfg(not(loom))]
pub mod sync;
#[cfg(not(loom))]
mod task;
#[cfg(not(loom))]
pub mod thread;
#[cfg(not(loom))]
pub mod time;

#[cfg(not(loom))]
pub use crate::{
    blocking::blocking,
    bridge::block_on,
    cancel::Cancelled,
    metrics::Metrics,
    ready::await_io::{Ready, await_io},
    runtime::{Handle, Runtime, run},
    task::scope::linked_scope as scope,
    thread::{Builder, JoinHandle, LocalKey, current, go, go_local, park, park_timeout, yield_now},
    time::{sleep, sleep_until},
};
#[cfg(not(loom))]
pub use lif_coro::StackError;
#[cfg(not(loom))]
pub use lif_poller::Interest;

/// The code of the README, tested as the examples of these pages are.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct ReadmeDoctests;
