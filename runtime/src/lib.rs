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
//! Each coroutine has a guard-paged stack of its own, and stays on one worker thread from its first
//! instruction to its last; so [`go`] is safe, and `Rc`, `RefCell` borrows and references to
//! thread-locals may live across waits. What waits (for a socket, a timer, another coroutine) parks
//! the coroutine and not the thread. Every call also works on a plain thread, where it blocks.

// Under loom only the protocols are compiled, flat, with the models that explore them.
#[cfg(loom)]
mod models;

#[cfg_attr(loom, allow(dead_code, unused_imports, reason = "used by the models alone"))]
mod atomics;
#[cfg(not(loom))]
mod blocking;
#[cfg(not(loom))]
pub mod cancel;
#[cfg(not(loom))]
mod coop;
#[cfg(not(loom))]
mod current;
#[cfg(not(loom))]
mod fault;
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
mod task;
#[cfg(not(loom))]
pub mod thread;
#[cfg(not(loom))]
pub mod time;

#[cfg(not(loom))]
pub use crate::{
    blocking::blocking,
    cancel::Cancelled,
    metrics::Metrics,
    ready::await_io::{Ready, await_io},
    runtime::{Handle, Runtime, run},
    thread::{Builder, JoinHandle, current, go, go_local, park, park_timeout, yield_now},
    time::{sleep, sleep_until},
};
#[cfg(not(loom))]
pub use lif_coro::StackError;
#[cfg(not(loom))]
pub use lif_poller::Interest;
