//! Why there is no stack, in words that lead to the remedy.
//!
//! Owns the texts. Finding out which limit was hit is `diagnose`'s job.

use std::{fmt, io};

use crate::size::StackSize;

/// A stack could not be provided.
///
/// Each text names the limit and the command that raises it. Nothing is lost by it: what was taken
/// before stays usable, and a later attempt may succeed.
#[derive(Debug)]
#[non_exhaustive]
pub enum StackError {
    /// The size asked for is beyond [`StackSize::MAX`].
    #[non_exhaustive]
    TooLarge {
        /// The size that was asked for.
        bytes: usize,
    },
    /// The process has as many memory mappings as it may have.
    ///
    /// Expected only where guards are mappings of their own: two for each stack.
    #[non_exhaustive]
    Mappings {
        /// How many mappings the system allows the process.
        limit: usize,
        /// How many of them hold stacks.
        used: usize,
    },
    /// A resource limit of the process is used up.
    #[non_exhaustive]
    AddressSpace {
        /// Which limit: `RLIMIT_AS` or `RLIMIT_DATA`.
        resource: &'static str,
        /// Its value in bytes.
        limit: u64,
        /// The bytes that were asked for last.
        wanted: usize,
    },
    /// The system promises no more memory than it has (`vm.overcommit_memory` is 2), and all is
    /// promised.
    #[non_exhaustive]
    Overcommit {
        /// The bytes that were asked for last.
        wanted: usize,
    },
    /// The system refused for a reason that isn't one of the above.
    Os(io::Error),
}

impl fmt::Display for StackError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StackError::TooLarge { bytes } => {
                write!(f, "a stack of {bytes} bytes is too large; the most is {}", StackSize::MAX)
            }
            StackError::Mappings { limit, used } => {
                let raised = limit.saturating_mul(4);
                write!(
                    f,
                    "no stack: the process may have {limit} memory mappings \
                     (vm.max_map_count), and {used} of them hold stacks; raise the limit with \
                     `sysctl -w vm.max_map_count={raised}`"
                )
            }
            StackError::AddressSpace { resource, limit, wanted } => {
                let flag = if *resource == "RLIMIT_DATA" { 'd' } else { 'v' };
                write!(
                    f,
                    "no stack: {wanted} more bytes would exceed the limit of {limit} bytes \
                     ({resource}); raise it with `ulimit -{flag} unlimited`"
                )
            }
            StackError::Overcommit { wanted } => write!(
                f,
                "no stack: the system will not promise {wanted} more bytes, because it never \
                 overcommits (vm.overcommit_memory is 2); allow it with \
                 `sysctl -w vm.overcommit_memory=0`, or promise more with \
                 `sysctl -w vm.overcommit_ratio=95`"
            ),
            StackError::Os(error) => write!(f, "no stack: the system refused memory: {error}"),
        }
    }
}

impl std::error::Error for StackError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            StackError::Os(error) => Some(error),
            _ => None,
        }
    }
}

/// `InvalidInput` for a size that is too large, the system's own kind for [`StackError::Os`], and
/// `OutOfMemory` for every limit.
impl From<StackError> for io::Error {
    fn from(error: StackError) -> io::Error {
        let kind = match &error {
            StackError::TooLarge { .. } => io::ErrorKind::InvalidInput,
            StackError::Os(os) => os.kind(),
            _ => io::ErrorKind::OutOfMemory,
        };
        io::Error::new(kind, error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_limit_names_itself_and_its_remedy() {
        let cases: [(StackError, &[&str]); 5] = [
            (StackError::TooLarge { bytes: 7 << 30 }, &["7516192768", "1 GiB"]),
            (
                StackError::Mappings { limit: 65_530, used: 58_976 },
                &["vm.max_map_count", "65530", "58976", "sysctl -w vm.max_map_count=262120"],
            ),
            (
                StackError::AddressSpace { resource: "RLIMIT_AS", limit: 1 << 30, wanted: 4096 },
                &["RLIMIT_AS", "1073741824", "ulimit -v unlimited"],
            ),
            (
                StackError::AddressSpace { resource: "RLIMIT_DATA", limit: 1 << 30, wanted: 4096 },
                &["RLIMIT_DATA", "ulimit -d unlimited"],
            ),
            (
                StackError::Overcommit { wanted: 4096 },
                &["vm.overcommit_memory", "sysctl -w vm.overcommit_memory=0"],
            ),
        ];
        for (error, words) in cases {
            let text = error.to_string();
            for word in words {
                assert!(text.contains(word), "{text:?} lacks {word:?}");
            }
        }
    }

    #[test]
    fn limits_become_out_of_memory_and_system_errors_keep_their_kind() {
        let kind = |error: StackError| io::Error::from(error).kind();
        assert_eq!(kind(StackError::Mappings { limit: 1, used: 1 }), io::ErrorKind::OutOfMemory);
        assert_eq!(kind(StackError::Overcommit { wanted: 1 }), io::ErrorKind::OutOfMemory);
        assert_eq!(kind(StackError::TooLarge { bytes: 1 }), io::ErrorKind::InvalidInput);
        let denied = io::Error::from(io::ErrorKind::PermissionDenied);
        assert_eq!(kind(StackError::Os(denied)), io::ErrorKind::PermissionDenied);
    }
}
