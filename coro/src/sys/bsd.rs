//! macOS and the BSDs. The contract stands in the parent module.

use std::ffi::c_int;
use std::{io, ptr};

use super::check;
#[cfg(not(target_os = "openbsd"))]
use super::page_size;

#[cfg(any(target_vendor = "apple", target_os = "netbsd"))]
pub(super) const RESERVE_FLAGS: c_int = libc::MAP_NORESERVE;
/// OpenBSD runs a thread only on memory that was mapped as a stack.
#[cfg(target_os = "openbsd")]
pub(super) const RESERVE_FLAGS: c_int = libc::MAP_STACK;
/// FreeBSD and DragonFly promise nothing for a private mapping that is inaccessible.
#[cfg(any(target_os = "freebsd", target_os = "dragonfly"))]
pub(super) const RESERVE_FLAGS: c_int = 0;

/// Always refuses: these systems have no such advice.
///
/// # Safety
///
/// - None; the signature is that of the system that has it.
pub(crate) unsafe fn install_guard(_start: usize, _len: usize) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// # Safety
///
/// - The range lies in an earlier `reserve`, on page boundaries.
/// - Nobody needs what the range holds.
pub(crate) unsafe fn discard(start: usize, len: usize) -> io::Result<()> {
    let range = ptr::with_exposed_provenance_mut(start);
    // SAFETY: the range is ours, and its contents are no longer needed.
    check(unsafe { libc::madvise(range, len, libc::MADV_FREE) })
}

/// # Safety
///
/// - None; there is nothing to refuse on these systems.
pub(crate) unsafe fn refuse_huge_pages(_start: usize, _len: usize) -> io::Result<()> {
    Ok(())
}

/// # Safety
///
/// - `start` is on a page boundary, and `pages.len()` pages from there are mapped.
#[cfg(not(target_os = "openbsd"))]
pub(crate) unsafe fn residence(start: usize, pages: &mut [u8]) -> io::Result<()> {
    let len = pages.len() * page_size();
    // SAFETY: the kernel writes one byte a page, and `pages` has as many.
    check(unsafe {
        libc::mincore(ptr::with_exposed_provenance_mut(start), len, pages.as_mut_ptr().cast())
    })?;
    for page in pages {
        *page &= 1;
    }
    Ok(())
}

/// Always refuses: OpenBSD doesn't tell.
///
/// # Safety
///
/// - None; the signature is that of the systems that tell.
#[cfg(target_os = "openbsd")]
pub(crate) unsafe fn residence(_start: usize, _pages: &mut [u8]) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// These systems have no limit that a process could count against.
pub(crate) fn max_mappings() -> Option<usize> {
    None
}

pub(crate) fn count_mappings() -> Option<usize> {
    None
}

pub(crate) fn overcommit() -> Option<u8> {
    None
}

pub(crate) fn usage() -> [Option<u64>; 2] {
    [None, None]
}
