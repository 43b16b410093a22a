//! One worker's idle stacks.
//!
//! Owns the fast path, which is a push or a pop, and the trimming of what idle stacks hold. It
//! neither makes stacks nor knows when its worker is about to sleep.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use crate::error::StackError;
use crate::size::{CLASSES, StackSize};
use crate::stack::Stack;
use crate::{depot, sys};

/// How much one call of [`StackPool::trim`] looks at: so many small stacks.
const TRIM_BUDGET: usize = 32;
/// A stack with more than this counts as several.
const TRIM_UNIT: usize = 4 << 20;

/// The idle counts of all pools, for whoever wants the sum.
static POOLS: Mutex<Vec<Weak<Idle>>> = Mutex::new(Vec::new());

/// What a [`StackPool`] keeps.
///
/// # Examples
///
/// ```
/// use lif_coro::{PoolConfig, StackPool};
///
/// let pool = StackPool::new(PoolConfig { keep: 64, ..PoolConfig::default() });
/// # drop(pool);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolConfig {
    /// The most idle stacks of one size that the pool keeps when it is trimmed. Default: 1,024.
    pub keep: usize,
    /// The bytes at the top of an idle stack whose memory it keeps when it is trimmed, rounded up
    /// to whole pages. Default: 16 KiB.
    pub deep: usize,
}

impl Default for PoolConfig {
    fn default() -> Self {
        PoolConfig { keep: 1024, deep: 16 * 1024 }
    }
}

/// The idle stacks of one worker.
///
/// Taking and giving are a pop and a push: no lock, no system call, no contended memory. An empty
/// pool fetches a batch from the process-wide depot; a dropped one gives all that it has to the
/// depot, so that stacks are used again by whichever pool comes next.
#[derive(Debug)]
pub struct StackPool {
    classes: [Class; CLASSES],
    config: PoolConfig,
    /// What a smaller size is raised to; above `StackSize::MIN` only where pages are huge.
    least: StackSize,
    idle: Arc<Idle>,
    /// Whether something was given since the last complete trim.
    dirty: bool,
    /// Stacks on their way to the depot; empty between calls.
    surplus: Vec<Stack>,
}

/// The idle stacks of one size, the last one given on top.
#[derive(Debug)]
struct Class {
    stacks: Vec<Stack>,
    /// So many from the bottom hold no deep pages: they were looked at, and not used since.
    trimmed: usize,
}

/// The number of idle stacks in one pool. Only the pool writes it.
#[derive(Debug, Default)]
struct Idle(AtomicUsize);

impl Idle {
    #[inline]
    fn add(&self, more: usize) {
        self.set(self.get().wrapping_add(more));
    }

    #[inline]
    fn sub(&self, fewer: usize) {
        self.set(self.get().wrapping_sub(fewer));
    }

    #[inline]
    fn set(&self, count: usize) {
        // ORDER: Relaxed: a number for reports. There is one writer, so a load and a store, which
        // compile to plain moves, lose nothing.
        self.0.store(count, Ordering::Relaxed);
    }

    #[inline]
    fn get(&self) -> usize {
        // ORDER: Relaxed: as in `set`.
        self.0.load(Ordering::Relaxed)
    }
}

impl StackPool {
    /// Makes an empty pool. Reserves nothing.
    pub fn new(config: PoolConfig) -> StackPool {
        let idle = Arc::new(Idle::default());
        let mut pools = lock_pools();
        pools.retain(|pool| pool.strong_count() > 0);
        pools.push(Arc::downgrade(&idle));
        drop(pools);
        StackPool {
            classes: [const { Class { stacks: Vec::new(), trimmed: 0 } }; CLASSES],
            config,
            least: StackSize::least(sys::page_size()),
            idle,
            dirty: false,
            surplus: Vec::new(),
        }
    }

    /// Takes a stack of this size: the one given last, if there is one.
    ///
    /// # Errors
    ///
    /// A [`StackError`] that names the limit, if the pool is empty and the kernel refuses more.
    #[inline]
    pub fn take(&mut self, size: StackSize) -> Result<Stack, StackError> {
        let size = size.max(self.least);
        let class = &mut self.classes[size.class()];
        let Some(stack) = class.stacks.pop() else {
            return self.refill(size);
        };
        class.trimmed = class.trimmed.min(class.stacks.len());
        self.idle.sub(1);
        Ok(stack)
    }

    /// Gives a stack back, to be the next one taken. It may come from another pool.
    #[inline]
    pub fn give(&mut self, stack: Stack) {
        self.classes[stack.size().class()].stacks.push(stack);
        self.idle.add(1);
        self.dirty = true;
    }

    #[cold]
    fn refill(&mut self, size: StackSize) -> Result<Stack, StackError> {
        let class = &mut self.classes[size.class()];
        depot::take(size, &mut class.stacks)?;
        // The depot's stacks hold no memory at all.
        let stack = class.stacks.pop().expect("a batch is never empty");
        class.trimmed = class.stacks.len();
        self.idle.add(class.stacks.len());
        Ok(stack)
    }

    /// Gives memory back that idle stacks don't need: for a worker that is about to sleep.
    ///
    /// Stacks beyond [`PoolConfig::keep`] go to the depot, without any memory. Of the others, those
    /// that were used since the last trim and deeper than [`PoolConfig::deep`] lose the deep pages.
    /// Returns whether there is more to do: one call looks at a few tens of stacks only (some tens
    /// of microseconds), and at none if nothing was given since the last trim.
    pub fn trim(&mut self) -> bool {
        if !self.dirty {
            return false;
        }
        let PoolConfig { keep, deep } = self.config;
        let (mut budget, mut surplus) = (TRIM_BUDGET, 0);
        let mut more = false;
        for class in &mut self.classes {
            while class.stacks.len() > keep && budget > 0 {
                self.surplus.extend(class.stacks.pop());
                (budget, surplus) = (budget - 1, surplus + 1);
            }
            class.trimmed = class.trimmed.min(class.stacks.len());
            for stack in &mut class.stacks[class.trimmed..] {
                if budget == 0 {
                    break;
                }
                stack.discard_below_top(deep);
                budget = budget.saturating_sub(1 + stack.size().bytes() / TRIM_UNIT);
                class.trimmed += 1;
            }
            more |= class.stacks.len() > keep || class.trimmed < class.stacks.len();
        }
        self.idle.sub(surplus);
        if surplus > 0 {
            depot::put(&mut self.surplus);
        }
        self.dirty = more;
        more
    }
}

impl Default for StackPool {
    fn default() -> Self {
        StackPool::new(PoolConfig::default())
    }
}

impl Drop for StackPool {
    fn drop(&mut self) {
        self.idle.set(0);
        for class in &mut self.classes {
            if !class.stacks.is_empty() {
                depot::put(&mut class.stacks);
            }
        }
    }
}

/// The idle stacks in all pools. Pools at work make it a moment's approximation.
pub(crate) fn idle_in_all_pools() -> usize {
    lock_pools().iter().filter_map(Weak::upgrade).map(|idle| idle.get()).sum()
}

fn lock_pools() -> MutexGuard<'static, Vec<Weak<Idle>>> {
    // Nothing under the lock panics half-way through a change.
    POOLS.lock().unwrap_or_else(PoisonError::into_inner)
}
