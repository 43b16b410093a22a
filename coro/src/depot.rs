//! The depot: all stacks of the process that no pool holds, behind one lock.
//!
//! Owns the idle stacks between pools and the decision when to reserve more. What it holds uses no
//! memory. It is meant to be visited rarely, for a batch at a time.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::diagnose::{Refusal, diagnose};
use crate::error::StackError;
use crate::guard::Mappings;
use crate::size::{CLASSES, StackSize};
use crate::slab::Cursor;
use crate::stack::Stack;

/// A slab holds at most this many stacks and this much address space. With slabs that double up to
/// these, a million stacks take some seventy slabs, and a small program reserves a few megabytes.
const SLAB_STACKS: usize = 16 * 1024;
const SLAB_BYTES: usize = 1 << (usize::BITS / 2);
const FIRST_STACKS: usize = 16;
const FIRST_BYTES: usize = SLAB_BYTES >> 6;

/// A pool gets at most this many stacks at once, and carves at most this much address space.
const BATCH_STACKS: usize = 32;
const BATCH_BYTES: usize = 1 << 23;

static DEPOT: Mutex<Depot> = Mutex::new(Depot::new());

#[derive(Debug)]
struct Depot {
    classes: [Class; CLASSES],
    mappings: Mappings,
    next_id: u32,
}

#[derive(Debug)]
struct Class {
    idle: Vec<Stack>,
    cursor: Option<Cursor>,
}

/// What the depot can say about itself.
#[derive(Debug)]
pub(crate) struct Summary {
    pub(crate) idle: usize,
    pub(crate) mappings: usize,
    pub(crate) mapping_limit: usize,
}

impl Depot {
    const fn new() -> Self {
        Depot {
            classes: [const { Class { idle: Vec::new(), cursor: None } }; CLASSES],
            mappings: Mappings::new(),
            next_id: 0,
        }
    }

    fn take(&mut self, size: StackSize, out: &mut Vec<Stack>) -> Result<(), Refusal> {
        let batch = (BATCH_BYTES / size.bytes()).clamp(1, BATCH_STACKS);
        let class = &mut self.classes[size.class()];
        if !class.idle.is_empty() {
            out.extend(class.idle.drain(class.idle.len().saturating_sub(batch)..));
            return Ok(());
        }
        let cursor = match &mut class.cursor {
            Some(cursor) if !cursor.is_exhausted() => cursor,
            last => {
                let capacity = next_capacity(size, last.as_ref().map(Cursor::capacity));
                let cursor = Cursor::reserve(size, capacity, self.next_id, &mut self.mappings)?;
                self.next_id += cursor.capacity() as u32;
                last.insert(cursor)
            }
        };
        cursor.carve(batch, out, &mut self.mappings)
    }
}

/// How many stacks the next slab should hold, if the one before holds `last`.
fn next_capacity(size: StackSize, last: Option<usize>) -> usize {
    match last {
        None => (FIRST_BYTES / size.bytes()).clamp(1, FIRST_STACKS),
        Some(last) => (last * 2).min(SLAB_STACKS).min(SLAB_BYTES / size.bytes()).max(1),
    }
}

fn lock() -> MutexGuard<'static, Depot> {
    // Nothing under the lock panics half-way through a change.
    DEPOT.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Puts a batch of stacks, at least one, into `out`: idle ones if there are, else new ones.
pub(crate) fn take(size: StackSize, out: &mut Vec<Stack>) -> Result<(), StackError> {
    let (taken, ours) = {
        let mut depot = lock();
        (depot.take(size, out), depot.mappings.used())
    };
    // To find out why is slow, so the lock is free by now.
    taken.map_err(|refusal| diagnose(refusal, ours))
}

/// Takes stacks back, and gives their memory back to the system.
pub(crate) fn put(stacks: &mut Vec<Stack>) {
    for stack in stacks.iter_mut() {
        stack.discard_all();
    }
    let mut depot = lock();
    for stack in stacks.drain(..) {
        depot.classes[stack.size().class()].idle.push(stack);
    }
}

/// As [`put`], for one stack.
pub(crate) fn put_one(mut stack: Stack) {
    stack.discard_all();
    lock().classes[stack.size().class()].idle.push(stack);
}

pub(crate) fn summary() -> Summary {
    let mut depot = lock();
    Summary {
        idle: depot.classes.iter().map(|class| class.idle.len()).sum(),
        mappings: depot.mappings.used(),
        mapping_limit: depot.mappings.limit(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The slabs for `count` stacks of one size.
    fn slabs_for(size: StackSize, count: usize) -> usize {
        let (mut slabs, mut have, mut last) = (0, 0, None);
        while have < count {
            let capacity = next_capacity(size, last);
            (slabs, have, last) = (slabs + 1, have + capacity, Some(capacity));
        }
        slabs
    }

    #[test]
    fn a_million_stacks_need_few_slabs() {
        let size = StackSize::new(64 * 1024).unwrap();
        assert!(slabs_for(size, 1_000_000) <= 100);
        assert!(slabs_for(StackSize::DEFAULT, 1_000_000) <= 100);
    }

    #[test]
    fn first_slabs_are_small_and_none_exceeds_its_bounds() {
        for shift in 15..=30 {
            let size = StackSize::new(1 << shift).unwrap();
            let first = next_capacity(size, None);
            assert!(first == 1 || first * size.bytes() <= FIRST_BYTES, "{size}");
            let mut last = first;
            for _ in 0..20 {
                last = next_capacity(size, Some(last));
                assert!((1..=SLAB_STACKS).contains(&last), "{size}");
                assert!(last * size.bytes() <= SLAB_BYTES, "{size}");
            }
        }
    }
}
