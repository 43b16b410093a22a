//! From threads to coroutines.
//!
//! A program that was written with threads becomes one with coroutines by other `use` lines. The
//! names, the arguments and the semantics stay; what blocked the thread parks the coroutine.
//!
//! | instead of | write |
//! |---|---|
//! | `std::thread::{spawn, scope, sleep, park, current, Builder, JoinHandle, ...}` | [`lif::thread`](crate::thread) |
//! | `std::net::{TcpListener, TcpStream, UdpSocket}`, `std::os::unix::net` | [`lif::net`](crate::net) |
//! | `std::sync::{Mutex, RwLock, Condvar, Barrier, Once, OnceLock, LazyLock}` | [`lif::sync`](crate::sync) |
//! | `std::sync::mpsc` | [`lif::sync::mpsc`](crate::sync::mpsc) |
//! | `crossbeam_channel` | [`lif::channel`](crate::channel), [`lif::select!`](crate::select) |
//! | `crossbeam_utils::sync::{Parker, WaitGroup}` | [`lif::sync`](crate::sync) |
//! | `crossbeam_utils::thread::scope` | [`lif::thread::scope`](crate::thread::scope()) |
//! | `std::thread_local!`, for what belongs to one coroutine | [`lif::coroutine_local!`](crate::coroutine_local) |
//! | `std::sync::{Arc, Weak}`, `std::sync::atomic` | as they are: they never wait |
//! | `std::fs`, `std::process`, whatever else blocks | [`lif::blocking`](crate::blocking()) around the call |
//!
//! What remains is to start a runtime: [`lif::run`](crate::run) around the body of `main`.
//!
//! ```
//! use lif::{sync::{Mutex, mpsc}, thread}; // was: use std::...
//! use std::sync::Arc;
//!
//! lif::run(|| {
//!     let sum = Arc::new(Mutex::new(0));
//!     let (sender, receiver) = mpsc::channel();
//!     let workers: Vec<_> = (0..1000)
//!         .map(|i| {
//!             let (sum, sender) = (Arc::clone(&sum), sender.clone());
//!             thread::spawn(move || {
//!                 *sum.lock().unwrap() += i;
//!                 sender.send(i).unwrap();
//!             })
//!         })
//!         .collect();
//!     drop(sender);
//!     assert_eq!(receiver.iter().count(), 1000);
//!     for worker in workers {
//!         worker.join().unwrap();
//!     }
//!     assert_eq!(*sum.lock().unwrap(), 499_500);
//! });
//! ```
//!
//! # What differs
//!
//! - **A coroutine is cheap.** One per connection, per request, per item of work is the usual shape;
//!   a pool of coroutines has no use but to limit something, and a
//!   [`Semaphore`](crate::sync::Semaphore) says that better.
//! - **Nothing is preempted.** A thread that computes is interrupted by the kernel, a coroutine is
//!   not: see [`rules`](super::rules).
//! - **The end of `run` ends the coroutines**, as the end of `main` ends threads. But they are
//!   cancelled and unwound, not cut off: destructors run. Join what has to be done before.
//! - **Coroutines of a worker share its thread-locals.** Those of a `thread_local!` are still sound
//!   to use, since a coroutine never changes its thread, but others see what one has set.
//! - **A stack is 256 KiB, not 2 MiB**: see [`stacks`](super::stacks).
//! - **Any wait may be told to end**, which threads cannot be: see [`ending`](super::ending). A
//!   program that never cancels and sets no deadline need not care.
//!
//! # Libraries that block
//!
//! A library that is generic over `Read` and `Write` needs no port: give it a stream of
//! [`lif::net`](crate::net). The examples do so with TLS and WebSocket. One that opens its own
//! sockets of std, or waits on locks of std for long, belongs into
//! [`lif::blocking`](crate::blocking()).
//!
//! # Threads beside coroutines
//!
//! Every call works on a plain thread too, where it blocks that thread. So a program may be ported
//! piece by piece: one end of a channel in a coroutine, the other in a thread that is as it was.
//!
//! ```
//! let (sender, receiver) = lif::channel::bounded(1);
//! let old = std::thread::spawn(move || receiver.iter().sum::<u32>());
//! lif::run(move || {
//!     for i in 1..=10 {
//!         sender.send(i).unwrap();
//!     }
//! });
//! assert_eq!(old.join().unwrap(), 55);
//! ```
