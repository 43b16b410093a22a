//! The one import point of atomics and locks: std's, or loom's under `--cfg loom`.
//!
//! Protocol files (the task word, the readiness word, the idle protocol, the mutex queue, the join
//! and park words, the wait list and the locks) take their atomics from here, so that the code that loom explores is the code
//! that ships.

#[cfg(not(loom))]
pub(crate) use std::sync::{
    Mutex, MutexGuard,
    atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering, fence},
};

#[cfg(loom)]
pub(crate) use loom::sync::{
    Mutex, MutexGuard,
    atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering, fence},
};

/// Locks, whether or not a panic has poisoned the lock: no code of the library panics with a
/// protocol lock held and its data half changed, and a poisoned queue would stop every worker.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}
