//! Development only: the names and structs of nix's kqueue API, for its emulation.
//!
//! Owns the shapes alone; what they do is in `kq_emu`. It must not have items that nix lacks, other
//! than for the emulation's own use, nor take the values of the bits for anything but distinct.

use std::ops::{BitOr, BitOrAssign};

use nix::Result;

/// A set of bits with the names that the kernel gives them.
macro_rules! flag_set {
    ($(#[$doc:meta])* $name:ident: $bits:ty { $($flag:ident = $value:expr,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub(crate) struct $name($bits);

        #[allow(dead_code, reason = "the two sets share their methods; each is used in one")]
        impl $name {
            $(pub(crate) const $flag: $name = $name($value);)*

            pub(crate) const fn empty() -> $name {
                $name(0)
            }

            pub(crate) const fn contains(self, other: $name) -> bool {
                self.0 & other.0 == other.0
            }

            pub(crate) const fn is_empty(self) -> bool {
                self.0 == 0
            }
        }

        impl BitOr for $name {
            type Output = $name;

            fn bitor(self, other: $name) -> $name {
                $name(self.0 | other.0)
            }
        }

        impl BitOrAssign for $name {
            fn bitor_assign(&mut self, other: $name) {
                self.0 |= other.0;
            }
        }
    };
}

flag_set! {
    /// What to do with a knote, and what became of it.
    EvFlags: u16 {
        EV_ADD = 0x1,
        EV_DELETE = 0x2,
        EV_ONESHOT = 0x10,
        EV_CLEAR = 0x20,
        EV_RECEIPT = 0x40,
        EV_ERROR = 0x4000,
        EV_EOF = 0x8000,
    }
}

flag_set! {
    /// What a filter says beyond having fired.
    FilterFlag: u32 {
        NOTE_WRITE = 0x2,
        NOTE_TRIGGER = 0x0100_0000,
    }
}

impl FilterFlag {
    /// At the end of a socket these bits are its errno.
    pub(super) const fn errno(errno: i32) -> FilterFlag {
        FilterFlag(errno as u32)
    }
}

/// The filters that the backend uses.
#[allow(non_camel_case_types, reason = "the kernel's names")]
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum EventFilter {
    EVFILT_READ,
    EVFILT_WRITE,
    EVFILT_USER,
}

/// A change asked for, or an event reported.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KEvent {
    pub(super) ident: usize,
    pub(super) filter: EventFilter,
    pub(super) flags: EvFlags,
    pub(super) fflags: FilterFlag,
    pub(super) data: isize,
    pub(super) udata: isize,
}

impl KEvent {
    pub(crate) fn new(
        ident: usize,
        filter: EventFilter,
        flags: EvFlags,
        fflags: FilterFlag,
        data: isize,
        udata: isize,
    ) -> KEvent {
        KEvent { ident, filter, flags, fflags, data, udata }
    }

    /// A result because nix's is: a kernel may report filters that it has no name for.
    pub(crate) fn filter(&self) -> Result<EventFilter> {
        Ok(self.filter)
    }

    pub(crate) fn flags(&self) -> EvFlags {
        self.flags
    }

    pub(crate) fn fflags(&self) -> FilterFlag {
        self.fflags
    }

    pub(crate) fn data(&self) -> isize {
        self.data
    }

    pub(crate) fn udata(&self) -> isize {
        self.udata
    }
}
