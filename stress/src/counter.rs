//! A number that many coroutines count with and the main thread reads.
//!
//! Owns the memory ordering of all statistics of this package.

use std::sync::atomic::{AtomicU64, Ordering};

/// A shared number.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

// ORDER: every change is a Release and every reading an Acquire, so that whoever sees a count also
// sees what was counted before it by the same coroutine. The coordinator relies on it: once all
// clients are counted as settled, each of their replies is counted as verified. With Relaxed, a
// machine that reorders stores could report a good run as one reply short.
impl Counter {
    /// Starts at `value`.
    pub(crate) fn new(value: u64) -> Counter {
        Counter(AtomicU64::new(value))
    }

    /// The number now.
    pub(crate) fn get(&self) -> u64 {
        // ORDER: Acquire, as said above.
        self.0.load(Ordering::Acquire)
    }

    /// Adds, and returns the sum.
    pub(crate) fn add(&self, n: u64) -> u64 {
        // ORDER: Release, as said above.
        self.0.fetch_add(n, Ordering::Release) + n
    }

    /// Takes away.
    pub(crate) fn sub(&self, n: u64) {
        // ORDER: Release, as said above.
        self.0.fetch_sub(n, Ordering::Release);
    }

    /// Makes it `value` if it is less.
    pub(crate) fn raise_to(&self, value: u64) {
        // ORDER: Release, as said above.
        self.0.fetch_max(value, Ordering::Release);
    }

    /// Makes it `value` if it is more.
    pub(crate) fn lower_to(&self, value: u64) {
        // ORDER: Release, as said above.
        self.0.fetch_min(value, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_counts_and_keeps_extremes() {
        let counter = Counter::new(5);
        assert_eq!(counter.add(2), 7);
        counter.sub(3);
        assert_eq!(counter.get(), 4);
        counter.raise_to(9);
        counter.raise_to(8);
        assert_eq!(counter.get(), 9);
        counter.lower_to(1);
        counter.lower_to(2);
        assert_eq!(counter.get(), 1);
    }
}
