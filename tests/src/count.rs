//! Counters of what this process holds: descriptors, threads, stacks, memory.
//!
//! They count the whole process, so tests that compare them run alone.

use std::fs;

/// Open descriptors.
///
/// # Panics
///
/// Without /proc.
#[must_use]
pub fn descriptors() -> usize {
    // One of them is the directory that is read.
    fs::read_dir("/proc/self/fd").expect("/proc is there").count() - 1
}

/// Threads.
///
/// # Panics
///
/// Without /proc.
#[must_use]
pub fn threads() -> usize {
    fs::read_dir("/proc/self/task").expect("/proc is there").count()
}

/// Stacks of coroutines that have not ended.
#[must_use]
pub fn live_stacks() -> usize {
    lif_coro::stats().in_use
}

/// Bytes of memory that are resident.
///
/// # Panics
///
/// Without /proc.
#[must_use]
pub fn resident_bytes() -> usize {
    let text = fs::read_to_string("/proc/self/statm").expect("/proc is there");
    let pages = text.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok());
    // SAFETY: it only asks.
    let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    pages.expect("statm has numbers") * usize::try_from(page).expect("pages have a size")
}
