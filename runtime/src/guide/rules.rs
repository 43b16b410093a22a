//! What must not be done in a coroutine, and what to do instead.
//!
//! None of this is checked by the compiler. The first four can stop a worker, with all that lives on
//! it; the last two break what others rely on.
//!
//! # Holding a lock of std across a wait
//!
//! Another coroutine of the same worker that wants the lock blocks the thread, and the one that
//! holds it can only go on on that thread: both wait for ever. Locks of std that are held for a few
//! instructions are fine. Across a wait, hold one of [`lif::sync`](crate::sync), whose waiters park:
//!
//! ```
//! use lif::sync::Mutex;
//! use std::{sync::Arc, time::Duration};
//!
//! lif::run(|| {
//!     let shared = Arc::new(Mutex::new(0));
//!     let other = Arc::clone(&shared);
//!     let mut held = shared.lock().unwrap();
//!     let waits = lif::go(move || *other.lock().unwrap());
//!     lif::sleep(Duration::from_millis(1)); // with std's lock, this could be the end
//!     *held += 1;
//!     drop(held);
//!     assert_eq!(waits.join().unwrap(), 1);
//! });
//! ```
//!
//! *Reentrant* locks, such as that of `std::io::stdout().lock()`, know threads and not coroutines:
//! two coroutines of one worker get it at once. Take it and let go of it without a wait between.
//!
//! # Calls that block
//!
//! Files, child processes, `std::thread::sleep`, receivers of `std::sync::mpsc`, lookups in the C
//! library: none of them knows of coroutines. [`lif::blocking`](crate::blocking()) runs such a call
//! on another thread while the coroutine is parked; it may borrow from the stack.
//!
//! ```
//! lif::run(|| {
//!     let path = String::from("/");
//!     let entries = lif::blocking(|| std::fs::read_dir(&path).map(|all| all.count()));
//!     assert!(entries.is_ok());
//! });
//! ```
//!
//! # Long computations
//!
//! Until a coroutine waits, the others of its worker do not run, and their sockets and timers are
//! not looked at. What takes more than about a millisecond calls
//! [`yield_now`](crate::yield_now) now and then, or goes to [`lif::blocking`](crate::blocking()).
//! Operations that always succeed at once are no danger: they yield by themselves after a while.
//!
//! ```
//! lif::run(|| {
//!     let mut sum = 0_u64;
//!     for i in 0..100_000_u64 {
//!         sum = sum.wrapping_add(i * i);
//!         if i % 10_000 == 0 {
//!             lif::yield_now();
//!         }
//!     }
//!     assert_eq!(sum, 333_328_333_350_000);
//! });
//! ```
//!
//! # Waiting in a destructor
//!
//! Destructors run while a panic or a cancellation unwinds, and a coroutine that is unwinding never
//! switches: std counts panics by thread. I/O that would have to wait fails there, and other waits
//! block the thread. Do what waits before the drop, in a method with a result.
//!
//! # Thread-locals: initialisers that wait, and scopes
//!
//! The *initialiser* of a `thread_local!` must not wait. Another coroutine of the worker would
//! initialise the same variable meanwhile, and references to the one that loses would dangle.
//!
//! Code that saves a thread-local, sets it, calls something, and restores it relies on strict
//! nesting (that is how crates in the style of `scoped_tls` work). Two coroutines of one worker that
//! wait inside of it interleave, and one sees, or restores, what belongs to the other. Pass such a
//! value as an argument, or capture it in the closure. `errno` is a thread-local as well: read it
//! before the next wait.
//!
//! # `fork`
//!
//! The child has one thread, and shares the kernel's readiness queue with its parent. It must not use
//! or drop a runtime, or a socket of this library: call nothing but `exec` or `_exit`.
//! `std::process::Command` does exactly that, and is fine; waiting for its end blocks.
