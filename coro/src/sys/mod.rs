//! What is asked of the operating system, and the only switch over which one it is.
//!
//! Owns the calls: mapping, access, advice, limits. Decides nothing: which memory, how much of it,
//! and what a refusal means is settled by the callers.
//!
//! `linux` and `bsd` hold the same items in the same order:
//!
//! | item | contract |
//! |---|---|
//! | `RESERVE_FLAGS` | flags of a reservation, besides private and anonymous |
//! | `install_guard` | makes pages fault on every access, without a mapping of their own |
//! | `discard` | gives the pages back; they read as zero, or as before, when next touched |
//! | `refuse_huge_pages` | keeps a page a page; a refusal doesn't matter |
//! | `residence` | one byte a page: 0 if it isn't in memory |
//! | `max_mappings`, `count_mappings` | the limit on mappings, and how many there are |
//! | `overcommit` | the value of `vm.overcommit_memory` |
//! | `usage` | bytes of address space and of data, as the resource limits count them |

use std::ffi::c_int;
use std::io;
use std::ptr;
use std::sync::atomic::{AtomicUsize, Ordering};

#[cfg_attr(any(target_os = "linux", target_os = "android"), path = "linux.rs")]
#[cfg_attr(not(any(target_os = "linux", target_os = "android")), path = "bsd.rs")]
mod os;

pub(crate) use os::{
    count_mappings, discard, install_guard, max_mappings, overcommit, refuse_huge_pages, residence,
    usage,
};

/// The size of a page.
pub(crate) fn page_size() -> usize {
    static PAGE: AtomicUsize = AtomicUsize::new(0);
    // ORDER: Relaxed: the number is all that crosses, and every thread would store the same one.
    match PAGE.load(Ordering::Relaxed) {
        0 => {
            // SAFETY: sysconf reads nothing of ours.
            let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
            let page = usize::try_from(page).expect("the system knows its page size");
            assert!(page.is_power_of_two(), "pages of {page} bytes");
            // ORDER: Relaxed: as for the load.
            PAGE.store(page, Ordering::Relaxed);
            page
        }
        page => page,
    }
}

/// Reserves `len` bytes of address space without access and without a promise of memory.
pub(crate) fn reserve(len: usize) -> io::Result<usize> {
    let flags = libc::MAP_PRIVATE | libc::MAP_ANON | os::RESERVE_FLAGS;
    // SAFETY: the kernel chooses the place, so nothing that exists is replaced.
    let start = unsafe { libc::mmap(ptr::null_mut(), len, libc::PROT_NONE, flags, -1, 0) };
    if start == libc::MAP_FAILED {
        Err(io::Error::last_os_error())
    } else {
        Ok(start.expose_provenance())
    }
}

/// Gives a whole reservation back.
///
/// # Safety
///
/// - `start` and `len` are those of one earlier [`reserve`].
/// - Nobody uses the range any more.
pub(crate) unsafe fn release(start: usize, len: usize) -> io::Result<()> {
    // SAFETY: the caller vouches for the range.
    check(unsafe { libc::munmap(ptr::with_exposed_provenance_mut(start), len) })
}

/// Makes reserved pages readable and writable.
///
/// # Safety
///
/// - The range lies in an earlier [`reserve`], on page boundaries.
pub(crate) unsafe fn allow(start: usize, len: usize) -> io::Result<()> {
    let access = libc::PROT_READ | libc::PROT_WRITE;
    // SAFETY: the range is ours, and more access takes nothing from anybody.
    check(unsafe { libc::mprotect(ptr::with_exposed_provenance_mut(start), len, access) })
}

/// Makes reserved pages inaccessible again.
///
/// # Safety
///
/// - The range lies in an earlier [`reserve`], on page boundaries.
/// - Nobody uses the range.
pub(crate) unsafe fn forbid(start: usize, len: usize) -> io::Result<()> {
    // SAFETY: the range is ours and unused.
    check(unsafe { libc::mprotect(ptr::with_exposed_provenance_mut(start), len, libc::PROT_NONE) })
}

/// The soft limits that bound memory, by name: address space first, then data. `None`: no limit,
/// or none of that name here.
pub(crate) fn memory_limits() -> [(&'static str, Option<u64>); 2] {
    #[cfg(not(target_os = "openbsd"))]
    // SAFETY: `soft_limit` passes a valid place for the answer.
    let space = soft_limit(|out| unsafe { libc::getrlimit(libc::RLIMIT_AS, out) });
    #[cfg(target_os = "openbsd")]
    let space = None;
    // SAFETY: `soft_limit` passes a valid place for the answer.
    let data = soft_limit(|out| unsafe { libc::getrlimit(libc::RLIMIT_DATA, out) });
    [("RLIMIT_AS", space), ("RLIMIT_DATA", data)]
}

fn soft_limit(read: impl FnOnce(*mut libc::rlimit) -> c_int) -> Option<u64> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    if read(&raw mut limit) != 0 || limit.rlim_cur == libc::RLIM_INFINITY {
        return None;
    }
    to_u64(limit.rlim_cur)
}

/// The systems differ in whether a limit is signed.
fn to_u64(limit: impl TryInto<u64>) -> Option<u64> {
    limit.try_into().ok()
}

fn check(result: c_int) -> io::Result<()> {
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
