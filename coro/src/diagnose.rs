//! What a refusal by the kernel means.
//!
//! "Out of memory" stands for four different limits; this looks at the process to tell which. It
//! reads `/proc` and so is slow: callers hold no lock.

use std::io;

use crate::error::StackError;
use crate::sys;

/// A refusal as met, before anybody asked why.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// Our own account of mappings is used up.
    Mappings { limit: usize, used: usize },
    /// The kernel refused `wanted` bytes.
    Kernel { error: io::Error, wanted: usize },
}

/// What is known about the process when the kernel has refused.
#[derive(Debug, Default)]
struct Facts {
    /// The limit on mappings, and how many there are.
    mappings: (Option<usize>, Option<usize>),
    /// The resource limits, in the order of `sys::memory_limits`.
    limits: [(&'static str, Option<u64>); 2],
    /// How much of each is used.
    usage: [Option<u64>; 2],
    overcommit: Option<u8>,
}

/// Names the limit behind a refusal. `ours` is the number of mappings that hold stacks.
pub(crate) fn diagnose(refusal: Refusal, ours: usize) -> StackError {
    match refusal {
        Refusal::Mappings { limit, used } => StackError::Mappings { limit, used },
        Refusal::Kernel { error, wanted } => {
            if error.raw_os_error() != Some(libc::ENOMEM) {
                return StackError::Os(error);
            }
            let facts = Facts {
                mappings: (sys::max_mappings(), sys::count_mappings()),
                limits: sys::memory_limits(),
                usage: sys::usage(),
                overcommit: sys::overcommit(),
            };
            judge(error, wanted, ours, &facts)
        }
    }
}

fn judge(error: io::Error, wanted: usize, ours: usize, facts: &Facts) -> StackError {
    for ((resource, limit), used) in facts.limits.into_iter().zip(facts.usage) {
        if let Some(limit) = limit
            && used.unwrap_or(0).saturating_add(wanted as u64) > limit
        {
            return StackError::AddressSpace { resource, limit, wanted };
        }
    }
    // A change of access in the middle of a mapping makes two more.
    if let (Some(limit), Some(count)) = facts.mappings
        && count + 2 >= limit
    {
        return StackError::Mappings { limit, used: ours };
    }
    if facts.overcommit == Some(2) {
        return StackError::Overcommit { wanted };
    }
    StackError::Os(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WANTED: usize = 256 * 1024;

    fn judged(facts: Facts) -> StackError {
        judge(io::Error::from_raw_os_error(libc::ENOMEM), WANTED, 7, &facts)
    }

    #[test]
    fn a_full_address_space_is_told_from_full_data() {
        let space = judged(Facts {
            limits: [("RLIMIT_AS", Some(1 << 20)), ("RLIMIT_DATA", None)],
            usage: [Some(1 << 20), Some(1 << 20)],
            ..Facts::default()
        });
        assert!(matches!(space, StackError::AddressSpace { resource: "RLIMIT_AS", .. }));
        let data = judged(Facts {
            limits: [("RLIMIT_AS", Some(1 << 30)), ("RLIMIT_DATA", Some(1 << 20))],
            usage: [Some(1 << 20), Some(1 << 20)],
            ..Facts::default()
        });
        assert!(matches!(data, StackError::AddressSpace { resource: "RLIMIT_DATA", .. }));
    }

    #[test]
    fn a_process_at_its_last_mapping_is_told_so() {
        let error = judged(Facts { mappings: (Some(65_530), Some(65_529)), ..Facts::default() });
        assert!(matches!(error, StackError::Mappings { limit: 65_530, used: 7 }));
    }

    #[test]
    fn strict_overcommit_is_named_when_nothing_else_is_full() {
        let error = judged(Facts {
            mappings: (Some(65_530), Some(100)),
            overcommit: Some(2),
            ..Facts::default()
        });
        assert!(matches!(error, StackError::Overcommit { wanted: WANTED }));
    }

    #[test]
    fn what_no_limit_explains_stays_the_systems_error() {
        assert!(matches!(judged(Facts::default()), StackError::Os(_)));
        let refusal =
            Refusal::Kernel { error: io::Error::from_raw_os_error(libc::EAGAIN), wanted: WANTED };
        assert!(matches!(diagnose(refusal, 0), StackError::Os(_)));
    }
}
