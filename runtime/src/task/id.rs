//! Task ids: unique in the process for as long as it lives.

use std::sync::atomic::{AtomicU64, Ordering};

/// How many ids a worker takes at a time, so that spawning does not meet on one cache line.
const BLOCK: u64 = 256;

static NEXT: AtomicU64 = AtomicU64::new(1);

/// An id for a task that is not spawned by a worker.
pub(crate) fn next() -> u64 {
    // ORDER: Relaxed: only that each number comes once matters.
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// A worker's supply of ids.
#[derive(Debug, Default)]
pub(crate) struct Ids {
    next: u64,
    end: u64,
}

impl Ids {
    pub(crate) fn next(&mut self) -> u64 {
        if self.next == self.end {
            // ORDER: Relaxed: as in `next` above.
            self.next = NEXT.fetch_add(BLOCK, Ordering::Relaxed);
            self.end = self.next + BLOCK;
        }
        self.next += 1;
        self.next - 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_unique_across_workers_and_threads() {
        let (mut a, mut b) = (Ids::default(), Ids::default());
        let mut seen = std::collections::HashSet::new();
        for _ in 0..1000 {
            assert!(seen.insert(a.next()) && seen.insert(b.next()) && seen.insert(next()));
        }
    }
}
