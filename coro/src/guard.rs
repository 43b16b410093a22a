//! How stacks are guarded, and what that costs in mappings.
//!
//! Owns the choice between marks in the page tables and mappings without access, the proof that the
//! marks work, and the account of mappings. It never touches a stack: `slab` applies the choice.

use std::io::{self, PipeWriter, Write};
use std::os::fd::AsRawFd;
use std::sync::OnceLock;
use std::{env, fmt};

use crate::diagnose::Refusal;
use crate::sys;

/// How the pages below each stack are made inaccessible.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum GuardKind {
    /// Marks in the page tables (`MADV_GUARD_INSTALL`): no mapping of their own.
    Advice,
    /// Mappings without access: two mappings for each stack.
    Protect,
}

impl fmt::Display for GuardKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            GuardKind::Advice => "page table marks",
            GuardKind::Protect => "protected mappings",
        })
    }
}

/// The kind of guard that works for memory reserved from now on.
///
/// Asked once for each slab and not once for each process: after `mlockall` new memory is locked,
/// where the kernel refuses marks. That marks which are accepted do guard is proven only once, since
/// it can't change: emulators are known to answer "done" and to do nothing.
pub(crate) fn choose() -> GuardKind {
    static REFUSED: OnceLock<bool> = OnceLock::new();
    let refused = *REFUSED
        .get_or_init(|| env::var_os("LIF_STACK_GUARD").is_some_and(|value| value == "mprotect"));
    if !refused && spare_page_is_guarded() { GuardKind::Advice } else { GuardKind::Protect }
}

fn spare_page_is_guarded() -> bool {
    let page = sys::page_size();
    let Ok(start) = sys::reserve(page) else {
        return false;
    };
    // SAFETY: this is the page just reserved; nobody else knows of it.
    let marked = unsafe { sys::allow(start, page).and_then(|()| sys::install_guard(start, page)) };
    let guarded = marked.is_ok() && marks_are_proven(start);
    // SAFETY: the page was reserved above, and nothing refers to it.
    // A page that can't be given back is lost, and that is all.
    drop(unsafe { sys::release(start, page) });
    guarded
}

/// Whether an access to a marked page fails; `marked` is such a page.
fn marks_are_proven(marked: usize) -> bool {
    static PROVEN: OnceLock<bool> = OnceLock::new();
    if let Some(&proven) = PROVEN.get() {
        return proven;
    }
    // Without a descriptor to spare there is no proof this time, which isn't a proof to the contrary.
    let Ok((_reader, writer)) = io::pipe() else {
        return false;
    };
    let fault = faults(&writer, marked);
    *PROVEN.get_or_init(|| fault)
}

/// Whether the kernel can't read the byte at `address`, found out without a signal.
///
/// `writer` is a pipe with room for a byte.
pub(crate) fn faults(mut writer: &PipeWriter, address: usize) -> bool {
    // An empty write shows that the pipe works, so that a later failure is the address's.
    if writer.write(&[]).is_err() {
        return false;
    }
    let byte = std::ptr::with_exposed_provenance(address);
    // SAFETY: the kernel reads the byte; if it can't, it says so and does nothing else.
    let written = unsafe { libc::write(writer.as_raw_fd(), byte, 1) };
    written == -1 && io::Error::last_os_error().raw_os_error() == Some(libc::EFAULT)
}

/// The account of mappings that hold stacks.
///
/// Kept so that a limit is reported before the kernel is hit: a process at the kernel's limit can't
/// map anything at all, not even to report it.
#[derive(Debug)]
pub(crate) struct Mappings {
    used: usize,
    /// What the system allows the process; unknown until first needed.
    allowed: Option<usize>,
}

impl Mappings {
    pub(crate) const fn new() -> Self {
        Mappings { used: 0, allowed: None }
    }

    pub(crate) fn used(&self) -> usize {
        self.used
    }

    /// How many mappings stacks may take: nine tenths of what the system allows the process.
    pub(crate) fn limit(&mut self) -> usize {
        let allowed = self.allowed.unwrap_or_else(allowed_now);
        self.allowed = Some(allowed);
        share(allowed)
    }

    /// Notes `more` mappings that can't be done without.
    pub(crate) fn note(&mut self, more: usize) {
        self.used += more;
    }

    /// How many times `each` more mappings fit, up to `want`. Looks again at the system's limit
    /// before it says none, since somebody may have raised it.
    pub(crate) fn fit(&mut self, each: usize, want: usize) -> Result<usize, Refusal> {
        let mut fit = self.limit().saturating_sub(self.used) / each;
        if fit == 0 {
            self.allowed = None;
            fit = self.limit().saturating_sub(self.used) / each;
        }
        if fit == 0 {
            let limit = self.allowed.unwrap_or(usize::MAX);
            return Err(Refusal::Mappings { limit, used: self.used });
        }
        Ok(fit.min(want))
    }
}

fn share(allowed: usize) -> usize {
    allowed - allowed / 10
}

fn allowed_now() -> usize {
    static ASSUMED: OnceLock<Option<usize>> = OnceLock::new();
    let assumed = *ASSUMED.get_or_init(|| env::var("LIF_MAX_MAPS").ok()?.parse().ok());
    assumed.or_else(sys::max_mappings).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_tells_readable_memory_from_unreadable() {
        let (_reader, writer) = io::pipe().unwrap();
        let byte = 1u8;
        assert!(!faults(&writer, (&raw const byte).expose_provenance()));
        let page = sys::page_size();
        let start = sys::reserve(page).unwrap();
        assert!(faults(&writer, start));
        // SAFETY: reserved above, used by nobody.
        unsafe { sys::release(start, page) }.unwrap();
    }

    #[test]
    fn mappings_fit_until_the_share_is_used() {
        let mut mappings = Mappings { used: 0, allowed: Some(100) };
        assert_eq!(mappings.limit(), 90);
        mappings.note(81);
        assert_eq!(mappings.fit(2, 32).unwrap(), 4);
        assert_eq!(mappings.fit(2, 3).unwrap(), 3);
    }

    #[test]
    fn an_unknown_limit_is_no_limit() {
        assert!(share(usize::MAX) > usize::MAX / 2);
    }
}
