//! Which stack is at an address, and what the process holds.
//!
//! Owns the answers, not the data. [`locate`] may be called from a signal handler; [`stats`] may
//! not.

use crate::guard::{self, GuardKind};
use crate::size::StackSize;
use crate::{depot, pool, slab, stack};

/// Where an address lies, if it lies in a stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Place {
    /// The lowest address of the stack's guard.
    pub stack_low: usize,
    /// The end of the guard: the lowest address that a coroutine may use.
    pub guard_end: usize,
    /// The address from which the stack grows down.
    pub top: usize,
    /// The size of the stack.
    pub size: StackSize,
    /// The number of the stack: its [`Stack::id`](crate::Stack::id).
    pub id: u32,
    /// Whether the address lies in the guard: an access there is an overflow.
    pub in_guard: bool,
}

/// Finds the stack that an address lies in, be the stack in use or idle.
///
/// Safe to call in a signal handler: it takes no lock, allocates nothing, and calls nothing that
/// could fail. It looks at one entry for each slab, of which even a million stacks need few.
///
/// # Examples
///
/// ```
/// use lif_coro::{StackPool, StackSize, locate};
///
/// let stack = StackPool::default().take(StackSize::DEFAULT)?;
/// assert!(locate(stack.limit() - 1).unwrap().in_guard);
/// assert!(!locate(stack.limit()).unwrap().in_guard);
/// assert!(locate(&raw const stack as usize).is_none());
/// # Ok::<(), lif_coro::StackError>(())
/// ```
pub fn locate(addr: usize) -> Option<Place> {
    let (low, id, size) = slab::all().find_map(|slab| slab.find(addr))?;
    let guard_end = low + size.guard();
    Some(Place {
        stack_low: low,
        guard_end,
        top: stack::coloured_top(low, id, size),
        size,
        id,
        in_guard: addr < guard_end,
    })
}

/// What the process holds for stacks. A moment's approximation where other threads are at work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Reserved ranges.
    pub slabs: usize,
    /// The address space of all slabs.
    pub reserved_bytes: usize,
    /// An upper estimate of the kernel's mappings for them.
    pub mappings: usize,
    /// Stacks that exist.
    pub carved: usize,
    /// Of these, stacks that are neither in a pool nor in the depot. Leaked ones stay counted.
    pub in_use: usize,
    /// Stacks in pools.
    pub pooled: usize,
    /// Stacks in the depot, which hold no memory.
    pub depot: usize,
    /// How new stacks are guarded.
    pub guard: GuardKind,
    /// The most mappings that stacks may take, if guards are mappings.
    pub limit: Option<usize>,
}

/// Counts what the process holds for stacks. Takes locks and makes system calls: for reports.
///
/// # Examples
///
/// ```
/// use lif_coro::{StackPool, StackSize};
///
/// let stack = StackPool::default().take(StackSize::DEFAULT)?;
/// assert!(lif_coro::stats().in_use >= 1);
/// # Ok::<(), lif_coro::StackError>(())
/// ```
pub fn stats() -> Stats {
    let depot = depot::summary();
    let pooled = pool::idle_in_all_pools();
    let carved: usize = slab::all().map(slab::Slab::carved).sum();
    let guard = guard::choose();
    Stats {
        slabs: slab::all().count(),
        reserved_bytes: slab::all().map(slab::Slab::reserved).sum(),
        mappings: depot.mappings,
        carved,
        in_use: carved.saturating_sub(depot.idle + pooled),
        pooled,
        depot: depot.idle,
        guard,
        limit: (guard == GuardKind::Protect).then_some(depot.mapping_limit),
    }
}
