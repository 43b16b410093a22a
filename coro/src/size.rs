//! Stack sizes: rounding, guards and size classes.
//!
//! Owns the arithmetic and nothing else: apart from asking for the page size it makes no system
//! call and touches no memory.

use std::fmt;

use crate::error::StackError;
use crate::sys;

/// How many sizes there are: every power of two from [`StackSize::MIN`] to [`StackSize::MAX`].
pub(crate) const CLASSES: usize = (MAX_SHIFT - MIN_SHIFT) as usize + 1;

const MIN_SHIFT: u8 = 15;
const MAX_SHIFT: u8 = 30;
const DEFAULT_SHIFT: u8 = 18;

/// The guard that fits every frame: a function with a large frame that doesn't probe its pages (C
/// code, often) steps over a narrower one.
const FULL_GUARD: usize = 64 * 1024;

// Indices are masked with `CLASSES - 1`, which is right only for a power of two.
const _: () = assert!(CLASSES.is_power_of_two());

/// The size of a stack: a power of two of *address space*, guard included.
///
/// Memory is used only where the stack has been touched, a page at a time, so a generous size
/// costs address space and 8 bytes of page table a page at most.
///
/// On systems whose pages are 64 KiB, a stack is never smaller than two pages, whatever was asked.
///
/// # Examples
///
/// ```
/// use lif_coro::StackSize;
///
/// let size = StackSize::new(100_000)?;
/// assert_eq!(size.bytes(), 128 * 1024);
/// assert_eq!(size.usable() + size.guard(), size.bytes());
/// assert_eq!(size.to_string(), "128 KiB");
/// # Ok::<(), lif_coro::StackError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StackSize(u8);

impl StackSize {
    /// The smallest size, 32 KiB.
    pub const MIN: StackSize = StackSize(MIN_SHIFT);
    /// The largest size, 1 GiB.
    pub const MAX: StackSize = StackSize(MAX_SHIFT);
    /// The size for those who have no reason to choose another, 256 KiB.
    pub const DEFAULT: StackSize = StackSize(DEFAULT_SHIFT);

    /// Rounds `bytes` up to the next size; anything below [`MIN`](Self::MIN) is `MIN`.
    ///
    /// # Errors
    ///
    /// [`StackError::TooLarge`] if `bytes` exceeds [`MAX`](Self::MAX).
    pub const fn new(bytes: usize) -> Result<StackSize, StackError> {
        if bytes > StackSize::MAX.bytes() {
            return Err(StackError::TooLarge { bytes });
        }
        if bytes <= StackSize::MIN.bytes() {
            return Ok(StackSize::MIN);
        }
        Ok(StackSize(bytes.next_power_of_two().trailing_zeros() as u8))
    }

    /// The address space of one stack, guard included.
    #[inline]
    pub const fn bytes(self) -> usize {
        1 << self.0
    }

    /// The inaccessible part at the low end: 64 KiB, or a quarter of a stack smaller than 256 KiB,
    /// in whole pages.
    pub fn guard(self) -> usize {
        guard_for(self.bytes(), sys::page_size())
    }

    /// What a coroutine may use, less up to 960 bytes of colour.
    pub fn usable(self) -> usize {
        self.bytes() - self.guard()
    }

    /// The index of this size among all, from 0 to `CLASSES - 1`.
    #[inline]
    pub(crate) const fn class(self) -> usize {
        (self.0 - MIN_SHIFT) as usize & (CLASSES - 1)
    }

    /// The size with this index.
    #[inline]
    pub(crate) const fn of_class(class: usize) -> StackSize {
        StackSize(MIN_SHIFT + (class & (CLASSES - 1)) as u8)
    }

    /// The least size that has room for a guard and a stack with pages of this size.
    pub(crate) fn least(page: usize) -> StackSize {
        let two = StackSize((2 * page).next_power_of_two().trailing_zeros() as u8);
        two.clamp(StackSize::MIN, StackSize::MAX)
    }
}

impl Default for StackSize {
    fn default() -> Self {
        StackSize::DEFAULT
    }
}

impl fmt::Debug for StackSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StackSize({self})")
    }
}

impl fmt::Display for StackSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            30.. => write!(f, "{} GiB", self.bytes() >> 30),
            20.. => write!(f, "{} MiB", self.bytes() >> 20),
            _ => write!(f, "{} KiB", self.bytes() >> 10),
        }
    }
}

/// The guard of a stack of `stride` bytes, with pages of `page` bytes.
const fn guard_for(stride: usize, page: usize) -> usize {
    let quarter = stride / 4;
    let wanted = if quarter < FULL_GUARD { quarter } else { FULL_GUARD };
    wanted.next_multiple_of(page)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const KIB: usize = 1024;

    #[test]
    fn small_sizes_are_raised_to_the_least() {
        for bytes in [0, 1, 4096, 32 * KIB - 1, 32 * KIB] {
            assert_eq!(StackSize::new(bytes).unwrap(), StackSize::MIN, "{bytes}");
        }
    }

    #[test]
    fn a_size_beyond_the_largest_is_refused_with_the_number() {
        let bytes = StackSize::MAX.bytes() + 1;
        let error = StackSize::new(bytes).unwrap_err();
        assert!(matches!(error, StackError::TooLarge { bytes: b } if b == bytes));
        assert!(StackSize::new(usize::MAX).is_err());
        assert_eq!(StackSize::new(StackSize::MAX.bytes()).unwrap(), StackSize::MAX);
    }

    #[test]
    fn guards_are_a_quarter_up_to_64_kib() {
        assert_eq!(guard_for(32 * KIB, 4 * KIB), 8 * KIB);
        assert_eq!(guard_for(64 * KIB, 4 * KIB), 16 * KIB);
        assert_eq!(guard_for(256 * KIB, 4 * KIB), 64 * KIB);
        assert_eq!(guard_for(1 << 30, 4 * KIB), 64 * KIB);
        assert_eq!(guard_for(32 * KIB, 16 * KIB), 16 * KIB);
        assert_eq!(guard_for(128 * KIB, 64 * KIB), 64 * KIB);
    }

    #[test]
    fn the_least_size_has_room_for_a_guard_at_every_page_size() {
        for page in [4 * KIB, 8 * KIB, 16 * KIB, 64 * KIB] {
            let least = StackSize::least(page).bytes();
            assert!(least - guard_for(least, page) >= page, "{page}");
        }
        assert_eq!(StackSize::least(4 * KIB), StackSize::MIN);
        assert_eq!(StackSize::least(64 * KIB).bytes(), 128 * KIB);
    }

    #[test]
    fn sizes_read_as_people_write_them() {
        assert_eq!(StackSize::MIN.to_string(), "32 KiB");
        assert_eq!(format!("{:?}", StackSize::DEFAULT), "StackSize(256 KiB)");
        assert_eq!(StackSize::new(3 << 20).unwrap().to_string(), "4 MiB");
        assert_eq!(StackSize::MAX.to_string(), "1 GiB");
    }

    proptest! {
        #[test]
        fn rounding_is_up_tight_and_monotonic(a in 0usize..=1 << 30, b in 0usize..=1 << 30) {
            let (low, high) = (a.min(b), a.max(b));
            let size = StackSize::new(low).unwrap();
            prop_assert!(size.bytes() >= low);
            prop_assert!(size == StackSize::MIN || size.bytes() / 2 < low);
            prop_assert!(size.bytes().is_power_of_two());
            prop_assert!(size <= StackSize::new(high).unwrap());
            prop_assert_eq!(StackSize::new(size.bytes()).unwrap(), size);
            prop_assert!(size.class() < CLASSES);
            prop_assert_eq!(StackSize::of_class(size.class()), size);
        }

        #[test]
        fn guards_are_whole_pages_and_leave_most_of_the_stack(
            shift in 15u32..=30, page_shift in 12u32..=14,
        ) {
            let (stride, page) = (1usize << shift, 1usize << page_shift);
            let guard = guard_for(stride, page);
            prop_assert_eq!(guard % page, 0);
            prop_assert!(guard >= page);
            prop_assert!(guard <= stride / 2);
        }
    }
}
