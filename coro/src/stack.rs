//! One owned stack: where it lies, its colour, what of it is in memory.
//!
//! It neither makes stacks (`slab`) nor keeps them (`pool`, `depot`).

use std::fmt;
use std::num::NonZeroUsize;

use corosensei::stack::StackPointer;

use crate::size::{CLASSES, StackSize};
use crate::{depot, slab, sys};

/// How many colours there are, and how far apart: one cache line.
const COLOURS: usize = 16;
const COLOUR_STEP: usize = 64;

/// Every system's pages are a multiple of this.
const LEAST_PAGE: usize = 4096;

/// How many pages are asked about in one go.
const PAGES: usize = 1024;

/// An owned stack with a guard below it.
///
/// Got from [`StackPool::take`](crate::StackPool::take), and best given back with
/// [`give`](crate::StackPool::give). A stack that is dropped goes to the process-wide depot, which
/// costs a lock and a system call.
///
/// Stacks are *coloured*: their tops lie at 16 different offsets in a page. Were the offset always
/// the same, then the hottest lines of all stacks would compete for the same few places in the
/// processor's cache, and switching between many coroutines would take three times as long.
pub struct Stack {
    /// The coloured top, with the size class in the bits that are zero there.
    ///
    /// One word, since a stack is handed on with each start and each end of a coroutine, and a
    /// struct of several is written and read back in pieces of different widths, which is slow. The
    /// rest follows from it: the end is the next page boundary, and the slab knows the number.
    word: NonZeroUsize,
}

/// The bits of the word that hold the size class.
const CLASS_BITS: usize = COLOUR_STEP - 1;

const _: () = assert!(CLASSES <= COLOUR_STEP && COLOURS * COLOUR_STEP <= LEAST_PAGE);

impl Stack {
    /// A stack over `size` bytes from `low`.
    ///
    /// # Safety
    ///
    /// - The range is guarded at its low end and accessible in the rest.
    /// - Nobody else has a `Stack` over it.
    pub(crate) unsafe fn new(low: usize, id: u32, size: StackSize) -> Stack {
        let top = coloured_top(low, id, size);
        assert!(top >= LEAST_PAGE && top & CLASS_BITS == 0, "a stack with its top at {top:#x}");
        let word = NonZeroUsize::new(top | size.class()).expect("checked above");
        Stack { word }
    }

    /// The size asked for, rounded up.
    #[inline]
    pub fn size(&self) -> StackSize {
        StackSize::of_class(self.word.get() & CLASS_BITS)
    }

    /// The number of this stack in the process. It stays the same when the stack is used again.
    ///
    /// Looked up, so that it costs a little where a process has many stacks.
    pub fn id(&self) -> u32 {
        let found = slab::all().find_map(|slab| slab.find(self.low()));
        found.expect("every stack lies in a slab").1
    }

    /// The address from which the stack grows down.
    #[inline]
    pub fn top(&self) -> usize {
        self.word.get() & !CLASS_BITS
    }

    /// The lowest address that a coroutine may use: the end of the guard.
    #[inline]
    pub fn limit(&self) -> usize {
        self.low() + self.size().guard()
    }

    /// The lowest address of the guard.
    #[inline]
    fn low(&self) -> usize {
        self.end() - self.size().bytes()
    }

    /// The end of the stack's range, above the colour.
    #[inline]
    fn end(&self) -> usize {
        self.top().next_multiple_of(LEAST_PAGE)
    }

    /// The bytes from the deepest page in memory to the end of the stack, its colour included; 0 if
    /// none is.
    ///
    /// One or more system calls. On systems that don't tell what is in memory, all of it counts.
    pub fn resident(&self) -> usize {
        self.end() - first_resident(self.limit(), self.end()).unwrap_or(self.end())
    }

    /// Gives the memory of all but the top `keep` bytes back. Returns whether there was any.
    ///
    /// The stack must be idle: what a coroutine keeps on it would be lost.
    pub(crate) fn discard_below_top(&mut self, keep: usize) -> bool {
        let keep = keep.next_multiple_of(sys::page_size()).min(self.size().usable());
        let (limit, end) = (self.limit(), self.end() - keep);
        if first_resident(limit, end).is_none() {
            return false;
        }
        self.discard(limit, end);
        true
    }

    /// Gives all memory of an idle stack back.
    pub(crate) fn discard_all(&mut self) {
        self.discard(self.limit(), self.end());
    }

    fn discard(&mut self, start: usize, end: usize) {
        // SAFETY: the range is the usable part of a stack that we own, and whose contents nobody
        // needs: `&mut self`, and a coroutine owns the stack it runs on.
        let given_back = unsafe { sys::discard(start, end - start) };
        // Locked memory (mlockall) can't be given back, by its owner's wish. It is used again with
        // the stack, so nothing is lost but the saving.
        drop(given_back);
    }
}

impl fmt::Debug for Stack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stack")
            .field("id", &self.id())
            .field("size", &self.size())
            .field("top", &format_args!("{:#x}", self.top()))
            .finish()
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        depot::put_one(Stack { word: self.word });
    }
}

// SAFETY: the range has a guard at its low end and is accessible from there to its end (the
// duties of `Stack::new`); the least size leaves 16 KiB of it; `coloured_top` is a multiple of 64.
unsafe impl corosensei::stack::Stack for Stack {
    #[inline]
    fn base(&self) -> StackPointer {
        // SAFETY: `new` has seen to it that the top isn't zero.
        unsafe { StackPointer::new_unchecked(self.top()) }
    }

    /// The lowest address of the guard, which is below [`Stack::limit`].
    #[inline]
    fn limit(&self) -> StackPointer {
        StackPointer::new(self.low()).expect("nothing is mapped at address zero")
    }
}

/// The top of the stack `id` at `low`: its end, moved down by its colour.
pub(crate) fn coloured_top(low: usize, id: u32, size: StackSize) -> usize {
    low + size.bytes() - (id as usize % COLOURS) * COLOUR_STEP
}

/// The first address from `start` to `end` whose page is in memory.
fn first_resident(start: usize, end: usize) -> Option<usize> {
    let page = sys::page_size();
    let mut buffer = [0; PAGES];
    let mut at = start;
    while at < end {
        let pages = &mut buffer[..PAGES.min((end - at) / page)];
        // SAFETY: the range lies in the usable part of a stack, which is mapped.
        if unsafe { sys::residence(at, pages) }.is_err() {
            return Some(at);
        }
        if let Some(index) = pages.iter().position(|&resident| resident != 0) {
            return Some(at + index * page);
        }
        at += pages.len() * page;
    }
    None
}
