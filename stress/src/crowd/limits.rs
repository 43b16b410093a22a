//! Can this host carry a crowd? Decided before its first coroutine is spawned, from numbers alone.
//!
//! Pure arithmetic: what the host allows is read elsewhere and handed in. A [`Refusal`] names the
//! limit, and what would help.

use std::fmt;

use crate::report::grouped;

/// A parked coroutine has one page of its stack in memory.
const PAGE: u64 = 4096;

/// What the library and this program keep of a coroutine beside its stack, generously.
const BESIDE: u64 = 640;

/// The stride of a last-level page table; each takes a page itself.
const TABLE: u64 = 2 << 20;

/// What the process needs whatever the crowd: itself, and what it touches for a moment.
const ONCE: u64 = 64 << 20;

/// Why the run can't work here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// There is not enough memory.
    Memory {
        /// The coroutines that were asked for.
        coroutines: u64,
        /// What they need, in bytes.
        needed: u64,
        /// What is available.
        available: u64,
        /// How many would fit.
        fit: u64,
    },
    /// Each guard is a mapping, and the process may not have so many.
    Mappings {
        /// What they need.
        needed: u64,
        /// What the process may have.
        limit: u64,
        /// How many coroutines would fit.
        fit: u64,
    },
}

/// Bytes that a coroutine takes with `stack` bytes of address space, page tables included.
fn each(stack: u64) -> u64 {
    // A stack as large as a table, or larger, has its ends in different ones.
    let tables = if stack < TABLE { (stack * PAGE).div_ceil(TABLE) } else { 2 * PAGE };
    PAGE + BESIDE + tables
}

/// Checks the memory that is available, in bytes.
pub(super) fn memory(coroutines: u64, stack: u64, available: u64) -> Result<(), Refusal> {
    let needed = coroutines * each(stack) + ONCE;
    if needed <= available {
        return Ok(());
    }
    let fit = available.saturating_sub(ONCE) / each(stack);
    Err(Refusal::Memory { coroutines, needed, available, fit })
}

/// Checks the mappings that the process may have, where the guard of each stack takes `each`. Of
/// the limit, a tenth is left to the rest of the process, as the library leaves it.
pub(super) fn mappings(coroutines: u64, each: u64, limit: u64) -> Result<(), Refusal> {
    let room = limit / 10 * 9;
    let needed = coroutines * each;
    if needed <= room {
        return Ok(());
    }
    Err(Refusal::Mappings { needed, limit, fit: room / each })
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Refusal::Memory { coroutines, needed, available, fit } => {
                let mib = |bytes: u64| grouped(bytes >> 20);
                writeln!(
                    f,
                    "{} coroutines need about {} MiB of memory, and {} MiB are available.",
                    grouped(coroutines),
                    mib(needed),
                    mib(available)
                )?;
                write!(f, "  Free some (MemAvailable in /proc/meminfo), or stay below it: ")?;
                write!(f, "--coroutines {fit}")
            }
            Refusal::Mappings { needed, limit, fit } => {
                writeln!(
                    f,
                    "the guards of so many stacks are {} memory mappings on this kernel, and a \
                     process may have {}.",
                    grouped(needed),
                    grouped(limit)
                )?;
                let raised = needed / 9 * 10 + 1000;
                writeln!(f, "  Linux 6.13 or later keeps guards in its page tables instead.")?;
                writeln!(f, "  Raise the limit:      sudo sysctl -w vm.max_map_count={raised}")?;
                write!(f, "  or stay below it:     --coroutines {fit}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_million_needs_less_than_five_gib() {
        assert!(memory(1_000_000, 65_536, 5 << 30).is_ok());
        let refusal = memory(1_000_000, 65_536, 4 << 30).unwrap_err();
        let text = refusal.to_string();
        assert!(text.contains("1,000,000 coroutines need about 4,"), "{text}");
        assert!(text.contains("4,096 MiB are available"), "{text}");
        let Refusal::Memory { fit, .. } = refusal else { panic!("{refusal:?}") };
        assert!(text.ends_with(&format!("--coroutines {fit}")), "{text}");
        assert!(memory(fit, 65_536, 4 << 30).is_ok());
        assert!(memory(fit + 1, 65_536, 4 << 30).is_err());
        assert!(memory(1, 65_536, 0).is_err());
    }

    #[test]
    fn page_tables_grow_with_the_stride() {
        let tables = |stack| each(stack) - PAGE - BESIDE;
        assert_eq!([tables(32 << 10), tables(64 << 10), tables(256 << 10)], [64, 128, 512]);
        assert_eq!(tables(64 << 20), 2 * PAGE);
    }

    #[test]
    fn guards_that_are_mappings_need_room_for_two_each() {
        assert!(mappings(1_000_000, 0, 65_530).is_ok());
        assert!(mappings(29_000, 2, 65_530).is_ok());
        let refusal = mappings(1_000_000, 2, 65_530).unwrap_err();
        let Refusal::Mappings { needed: 2_000_000, limit: 65_530, fit } = refusal else {
            panic!("{refusal:?}")
        };
        assert!(mappings(fit, 2, 65_530).is_ok());
        assert!(mappings(fit + 1, 2, 65_530).is_err());
        let text = refusal.to_string();
        let raised = text.split("vm.max_map_count=").nth(1).unwrap().split('\n').next().unwrap();
        assert!(mappings(1_000_000, 2, raised.parse().unwrap()).is_ok(), "{text}");
    }
}
