//! Linux and Android. The contract stands in the parent module.

use std::ffi::c_int;
use std::{fs, io, ptr};

use super::{check, page_size};

/// `MADV_GUARD_INSTALL`, since Linux 6.13.
const GUARD_INSTALL: c_int = 102;

pub(super) const RESERVE_FLAGS: c_int = libc::MAP_NORESERVE;

/// # Safety
///
/// - The range lies in an earlier `reserve`, on page boundaries.
/// - Nobody uses the range: its contents are lost.
pub(crate) unsafe fn install_guard(start: usize, len: usize) -> io::Result<()> {
    // SAFETY: the range is ours and unused.
    check(unsafe { libc::madvise(ptr::with_exposed_provenance_mut(start), len, GUARD_INSTALL) })
}

/// # Safety
///
/// - The range lies in an earlier `reserve`, on page boundaries.
/// - Nobody needs what the range holds.
pub(crate) unsafe fn discard(start: usize, len: usize) -> io::Result<()> {
    let range = ptr::with_exposed_provenance_mut(start);
    // SAFETY: the range is ours, and its contents are no longer needed.
    check(unsafe { libc::madvise(range, len, libc::MADV_DONTNEED) })
}

/// # Safety
///
/// - The range lies in an earlier `reserve`, on page boundaries.
pub(crate) unsafe fn refuse_huge_pages(start: usize, len: usize) -> io::Result<()> {
    let range = ptr::with_exposed_provenance_mut(start);
    // SAFETY: changes how the range is backed, never what it holds.
    check(unsafe { libc::madvise(range, len, libc::MADV_NOHUGEPAGE) })
}

/// # Safety
///
/// - `start` is on a page boundary, and `pages.len()` pages from there are mapped.
pub(crate) unsafe fn residence(start: usize, pages: &mut [u8]) -> io::Result<()> {
    let len = pages.len() * page_size();
    // SAFETY: the kernel writes one byte a page, and `pages` has as many.
    check(unsafe {
        libc::mincore(ptr::with_exposed_provenance_mut(start), len, pages.as_mut_ptr())
    })?;
    for page in pages {
        *page &= 1;
    }
    Ok(())
}

pub(crate) fn max_mappings() -> Option<usize> {
    fs::read_to_string("/proc/sys/vm/max_map_count").ok()?.trim().parse().ok()
}

pub(crate) fn count_mappings() -> Option<usize> {
    let maps = fs::read("/proc/self/maps").ok()?;
    Some(maps.iter().filter(|&&byte| byte == b'\n').count())
}

pub(crate) fn overcommit() -> Option<u8> {
    fs::read_to_string("/proc/sys/vm/overcommit_memory").ok()?.trim().parse().ok()
}

pub(crate) fn usage() -> [Option<u64>; 2] {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let bytes = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim().strip_suffix(" kB")?.parse::<u64>().ok().map(|kib| kib * 1024)
    };
    [bytes("VmSize:"), bytes("VmData:")]
}
