//! Slabs: reserved ranges of address space that stacks are carved from.
//!
//! Owns the reservation, the carving with its guards, and the list of slabs that a signal handler
//! may read. It doesn't know which stacks are in use, and never takes memory from one.
//!
//! A slab is never unmapped and never changes, except that its count of carved stacks grows. So a
//! reference to a slab is good for ever, and reading the list needs no lock.

use std::iter;
use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};

use crate::diagnose::Refusal;
use crate::guard::{self, GuardKind, Mappings};
use crate::size::StackSize;
use crate::stack::Stack;
use crate::sys;

/// The newest slab; each one leads to the one before.
static NEWEST: AtomicPtr<Slab> = AtomicPtr::new(ptr::null_mut());

/// One reserved range.
#[derive(Debug)]
pub(crate) struct Slab {
    start: usize,
    size: StackSize,
    capacity: usize,
    /// The number of the first stack.
    first_id: u32,
    /// How many stacks are complete, guard included.
    carved: AtomicUsize,
    older: Option<&'static Slab>,
}

impl Slab {
    /// The lowest address of the stack at `index`.
    fn low(&self, index: usize) -> usize {
        self.start + index * self.size.bytes()
    }

    /// The stack that holds this address: its lowest address, number and size.
    pub(crate) fn find(&self, address: usize) -> Option<(usize, u32, StackSize)> {
        let index = address.checked_sub(self.start)? / self.size.bytes();
        // ORDER: Relaxed: nothing but the number is read. Whoever faults on a stack got it, by
        // whatever way, from the one who carved it, and so sees it counted.
        if index >= self.carved.load(Ordering::Relaxed) {
            return None;
        }
        Some((self.low(index), self.first_id + index as u32, self.size))
    }

    pub(crate) fn reserved(&self) -> usize {
        self.capacity * self.size.bytes()
    }

    pub(crate) fn carved(&self) -> usize {
        // ORDER: Relaxed: a count for reports; nothing is reached through it.
        self.carved.load(Ordering::Relaxed)
    }
}

/// All slabs, newest first. Takes no lock and allocates nothing.
pub(crate) fn all() -> impl Iterator<Item = &'static Slab> {
    // ORDER: Acquire: partner of the Release in `Cursor::reserve`; what crosses is the slab's
    // fields. Weaker, and a signal handler on another thread might read them before they are set.
    let newest = NEWEST.load(Ordering::Acquire);
    // SAFETY: the list holds null or slabs that `Cursor::reserve` leaked.
    let newest = unsafe { newest.as_ref() };
    iter::successors(newest, |slab| slab.older)
}

/// The slab that is being carved, and how far. One for each size; the depot's lock guards it.
#[derive(Debug)]
pub(crate) struct Cursor {
    slab: &'static Slab,
    guard: GuardKind,
    next: usize,
}

impl Cursor {
    /// Reserves a slab for `capacity` stacks, or for as many as the kernel grants.
    ///
    /// Takes `&mut Mappings` as the proof that the caller holds the depot's lock.
    pub(crate) fn reserve(
        size: StackSize,
        mut capacity: usize,
        first_id: u32,
        mappings: &mut Mappings,
    ) -> Result<Cursor, Refusal> {
        let guard = guard::choose();
        // One mapping for what is carved, one for the rest.
        if guard == GuardKind::Protect {
            mappings.fit(2, 1)?;
        }
        let start = loop {
            match sys::reserve(capacity * size.bytes()) {
                Ok(start) => break start,
                Err(_) if capacity > 1 => capacity /= 2,
                Err(error) => {
                    return Err(Refusal::Kernel { error, wanted: size.bytes() });
                }
            }
        };
        mappings.note(2);
        // SAFETY: the range was just reserved.
        // Kernels without huge pages refuse; they need no such advice.
        drop(unsafe { sys::refuse_huge_pages(start, capacity * size.bytes()) });

        // ORDER: Relaxed: written only below, under the lock that the caller holds.
        let older = NEWEST.load(Ordering::Relaxed);
        // SAFETY: null, or a slab that was leaked here.
        let older = unsafe { older.as_ref() };
        let carved = AtomicUsize::new(0);
        let slab = Box::leak(Box::new(Slab { start, size, capacity, first_id, carved, older }));
        // ORDER: Release: partner of the Acquire in `all`.
        NEWEST.store(ptr::from_mut(slab), Ordering::Release);
        Ok(Cursor { slab, guard, next: 0 })
    }

    pub(crate) fn is_exhausted(&self) -> bool {
        self.next == self.slab.capacity
    }

    pub(crate) fn capacity(&self) -> usize {
        self.slab.capacity
    }

    /// Carves up to `want` stacks, at least one.
    pub(crate) fn carve(
        &mut self,
        want: usize,
        out: &mut Vec<Stack>,
        mappings: &mut Mappings,
    ) -> Result<(), Refusal> {
        let want = want.min(self.slab.capacity - self.next);
        debug_assert!(want > 0 && out.is_empty(), "asked an exhausted slab, or for a second batch");
        if self.guard == GuardKind::Advice {
            self.carve_marked(want, out)?;
        }
        // Also where the first mark of the batch was refused.
        if out.is_empty() {
            self.carve_protected(want, out, mappings)?;
        }
        Ok(())
    }

    /// Makes a batch accessible with one call, then marks each guard.
    fn carve_marked(&mut self, want: usize, out: &mut Vec<Stack>) -> Result<(), Refusal> {
        let (size, start) = (self.slab.size, self.slab.low(self.next));
        let mut want = want;
        let len = loop {
            let len = want * size.bytes();
            // SAFETY: the range is in our slab, beyond what is carved.
            match unsafe { sys::allow(start, len) } {
                Ok(()) => break len,
                // Where access is charged, a smaller batch may be affordable.
                Err(_) if want > 1 => want /= 2,
                Err(error) => return Err(Refusal::Kernel { error, wanted: len }),
            }
        };
        for index in self.next..self.next + want {
            let low = self.slab.low(index);
            // SAFETY: as above; the stack isn't handed out before it is pushed below.
            if unsafe { sys::install_guard(low, size.guard()) }.is_err() {
                let given_up = self.give_up_marks(start + len);
                return if out.is_empty() { given_up } else { Ok(()) };
            }
            self.push(out);
        }
        Ok(())
    }

    /// Marks don't work in this slab, or no longer: its memory was locked, for instance. What isn't
    /// carved yet is guarded by mappings from now on.
    fn give_up_marks(&mut self, allowed_to: usize) -> Result<(), Refusal> {
        self.guard = GuardKind::Protect;
        let start = self.slab.low(self.next);
        let wanted = allowed_to - start;
        // SAFETY: the range is in our slab, beyond what is carved.
        unsafe { sys::forbid(start, wanted) }.map_err(|error| {
            // It stays accessible, so no guard can be trusted there. To leave the slab alone costs
            // address space and nothing else.
            self.next = self.slab.capacity;
            Refusal::Kernel { error, wanted }
        })
    }

    /// Makes the usable part of each stack accessible; what lies between stays without access.
    fn carve_protected(
        &mut self,
        want: usize,
        out: &mut Vec<Stack>,
        mappings: &mut Mappings,
    ) -> Result<(), Refusal> {
        let size = self.slab.size;
        let fit = mappings.fit(2, want)?;
        for nth in 0..fit {
            let low = self.slab.low(self.next);
            // SAFETY: the range is in our slab, beyond what is carved.
            match unsafe { sys::allow(low + size.guard(), size.usable()) } {
                Ok(()) => {
                    mappings.note(2);
                    self.push(out);
                }
                Err(error) if nth == 0 => {
                    return Err(Refusal::Kernel { error, wanted: size.usable() });
                }
                // Fewer than wanted; whoever needs the rest will learn why.
                Err(_) => break,
            }
        }
        Ok(())
    }

    /// Hands the next stack out. Its guard is in place, and the rest is accessible.
    fn push(&mut self, out: &mut Vec<Stack>) {
        let (low, id) = (self.slab.low(self.next), self.slab.first_id + self.next as u32);
        self.next += 1;
        // ORDER: Relaxed: see `Slab::find`.
        self.slab.carved.store(self.next, Ordering::Relaxed);
        // SAFETY: guarded and accessible, as every caller just made it; `next` only grows, so no
        // other `Stack` has this range.
        out.push(unsafe { Stack::new(low, id, self.slab.size) });
    }
}
