//! Locks and other ways to wait for each other, with the names and semantics of [`std::sync`].
//!
//! What has to wait parks its coroutine, and on a plain thread blocks it; coroutines of one worker,
//! of several, of several runtimes, and threads may wait for each other in any mix. A wait allocates
//! nothing: who waits stands in a queue whose nodes are on the waiters' own stacks.
//!
//! A program that uses `std::sync` comes here by its `use` lines: what need not wait ([`Arc`],
//! [`Weak`], [`atomic`], the words for poison) is std's own, under the same name. From elsewhere
//! come [`Semaphore`] and [`Notify`] (tokio's), [`WaitGroup`] and [`Parker`] (crossbeam-utils').
//!
//! # Cancellation
//!
//! | wait | when its coroutine is cancelled |
//! |---|---|
//! | [`Mutex`], [`RwLock`], [`Once`], [`OnceLock`], [`LazyLock`] | goes on waiting, and is told in a later wait: unwinding here would poison what else is held |
//! | [`Condvar`], [`Barrier`], [`Semaphore`], [`WaitGroup`], [`Notify`], [`Parker`] | unwinds, with nothing taken |
//!
//! One that gets what it waits for at the moment of its cancellation has it, and is told in a later
//! wait; so nothing that was given is lost.
//!
//! # While unwinding
//!
//! A coroutine that is unwinding must not switch. So it blocks its worker's thread while it waits, is
//! served before others where they could be stuck behind it, and if it waits for a lock whose holder
//! is a coroutine of the same worker, the process is aborted with a message that names both: that
//! would never end.
//!
//! ```
//! use lif::sync::{Arc, Condvar, Mutex};
//! lif::run(|| {
//!     let queue = Arc::new((Mutex::new(Vec::new()), Condvar::new()));
//!     let producer = Arc::clone(&queue);
//!     lif::go(move || {
//!         producer.0.lock().unwrap().push(1);
//!         producer.1.notify_one();
//!     });
//!     let items = queue.0.lock().unwrap();
//!     let mut items = queue.1.wait_while(items, |items| items.is_empty()).unwrap();
//!     assert_eq!(items.pop(), Some(1));
//! });
//! ```

// What the queue is built on, by the names under which the models give it theirs.
use crate::task::{header, list, wait};

pub mod mpsc;

mod age;
mod barrier;
mod condvar;
mod infallible;
mod lazy_lock;
mod lock;
mod mutex;
mod notify;
mod once;
mod once_lock;
mod owner;
mod parker;
mod permit;
mod poison;
mod queue;
mod raw_lock;
mod raw_once;
mod raw_semaphore;
mod rwlock;
mod rwlock_guards;
mod semaphore;
mod stuck;
mod wait_group;

pub use std::sync::{Arc, LockResult, PoisonError, TryLockError, TryLockResult, Weak, atomic};

pub use self::{
    barrier::{Barrier, BarrierWaitResult},
    condvar::{Condvar, WaitTimeoutResult},
    lazy_lock::LazyLock,
    mutex::{Mutex, MutexGuard},
    notify::Notify,
    once::{Once, OnceState},
    once_lock::OnceLock,
    parker::{Parker, Unparker},
    permit::{OwnedSemaphorePermit, SemaphorePermit},
    rwlock::RwLock,
    rwlock_guards::{RwLockReadGuard, RwLockWriteGuard},
    semaphore::Semaphore,
    wait_group::WaitGroup,
};
