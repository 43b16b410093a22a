//! The few system calls that std does not wrap: limits, clocks, and dying with the parent.
//!
//! The only file of this package with `unsafe` in it. Owns no state.

use std::io;
use std::os::fd::{AsFd, AsRawFd};

/// What the kernel allows this process: (soft, hard) number of descriptors.
#[allow(clippy::unnecessary_cast, reason = "rlim_t is signed on FreeBSD")]
pub(crate) fn descriptor_limits() -> io::Result<(u64, u64)> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `limit` is a live rlimit for the call to fill in.
    if unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) } != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok((limit.rlim_cur as u64, limit.rlim_max as u64))
}

/// Raises the soft limit of descriptors as far as the hard one, and returns what was reached.
///
/// A hard limit may be higher than the kernel grants (macOS says "unlimited" and takes 10,240), so
/// a refused value is halved until one is taken.
pub(crate) fn raise_descriptor_limit() -> io::Result<u64> {
    let (soft, hard) = descriptor_limits()?;
    let mut wanted = hard.min(1 << 30);
    while wanted > soft {
        let limit =
            libc::rlimit { rlim_cur: wanted as libc::rlim_t, rlim_max: hard as libc::rlim_t };
        // SAFETY: `limit` is a live rlimit that the call only reads.
        if unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &limit) } == 0 {
            return Ok(wanted);
        }
        wanted = if wanted > 10_240 && wanted / 2 < 10_240 { 10_240 } else { wanted / 2 };
    }
    Ok(soft)
}

/// Lets the queue of a listening socket be as long as the kernel grants. Whoever serves thousands
/// who come at once needs that; a socket library's own choice suits the average.
pub(crate) fn lengthen_listen_queue(listener: &impl AsFd) -> io::Result<()> {
    // SAFETY: takes two numbers, and the borrow keeps the descriptor open. To listen once more only
    // changes the length.
    if unsafe { libc::listen(listener.as_fd().as_raw_fd(), libc::c_int::MAX) } == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// Nanoseconds on the clock that all processes of the machine share and nobody sets.
pub(crate) fn monotonic_ns() -> u64 {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `now` is a live timespec for the call to fill in.
    let result = unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut now) };
    assert_eq!(result, 0, "the monotonic clock always exists");
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}

/// What this process has used so far.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Usage {
    /// Processor time in user and kernel mode, in milliseconds.
    pub(crate) cpu_ms: u64,
    /// The most memory that was ever resident, in KiB.
    pub(crate) peak_rss_kib: u64,
}

/// Processor time and peak memory of this process, all threads together.
pub(crate) fn usage() -> Usage {
    // SAFETY: all-zero bytes are a valid rusage, which holds only integers.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: `usage` is a live rusage for the call to fill in.
    let result = unsafe { libc::getrusage(libc::RUSAGE_SELF, &mut usage) };
    assert_eq!(result, 0, "getrusage of the process itself can't fail");
    let ms = |time: libc::timeval| time.tv_sec as u64 * 1000 + time.tv_usec as u64 / 1000;
    // macOS counts bytes, everyone else KiB.
    let unit = if cfg!(target_os = "macos") { 1024 } else { 1 };
    Usage {
        cpu_ms: ms(usage.ru_utime) + ms(usage.ru_stime),
        peak_rss_kib: usage.ru_maxrss as u64 / unit,
    }
}

/// Arranges that this process dies when `parent`, which started it, does.
///
/// Where the kernel has no such wish (all but Linux), the end of standard input has to do.
///
/// # Errors
///
/// The parent is gone already.
pub(crate) fn die_with(parent: u32) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    {
        // SAFETY: this option takes a signal number and no pointer.
        if unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) } != 0 {
            return Err(io::Error::last_os_error());
        }
    }
    // The parent may have died before the wish was made; an orphan then has another parent.
    if std::os::unix::process::parent_id() == parent {
        Ok(())
    } else {
        Err(io::Error::other("the process that started this one has ended"))
    }
}

/// Lets the kernel end this process after so many seconds, whatever its threads are stuck in.
pub(crate) fn end_after(seconds: u32) {
    // SAFETY: takes a number; the default action of SIGALRM, which nobody changes here, ends the
    // process.
    unsafe { libc::alarm(seconds) };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn raising_the_limit_reaches_the_hard_one_or_says_what_it_reached() {
        let (soft, hard) = descriptor_limits().unwrap();
        let reached = raise_descriptor_limit().unwrap();
        assert!(soft <= reached && reached <= hard);
        assert_eq!(descriptor_limits().unwrap().0, reached);
    }

    #[test]
    fn the_clock_goes_forward() {
        let before = monotonic_ns();
        assert!(monotonic_ns() >= before && before > 0);
    }

    #[test]
    fn a_process_has_used_some_memory() {
        assert!(usage().peak_rss_kib > 100);
    }
}
