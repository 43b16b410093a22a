//! What the tests share: a look at memory without a signal, and tests that run in a process of
//! their own. It tests nothing itself.

// Each test program uses some of it.
#![allow(dead_code)]

use std::io::{self, Write};
use std::os::fd::AsRawFd;
use std::process::{Command, Output};
use std::time::Duration;
use std::{env, process, ptr, thread};

use lif_coro::{Coroutine, Stack, StackPool, StackSize, Step};

const CHILD: &str = "LIF_CORO_TEST_CHILD";
const PATIENCE: Duration = Duration::from_secs(120);

/// Runs the test of this name again, in a child process with this environment. Returns what came of
/// it, or `None` in the child itself.
pub(crate) fn rerun(test: &str, environment: &[(&str, &str)]) -> Option<Output> {
    if env::var_os(CHILD).is_some() {
        let started = std::sync::Arc::new(std::sync::Barrier::new(2));
        let here = std::sync::Arc::clone(&started);
        thread::spawn(move || {
            here.wait();
            thread::sleep(PATIENCE);
            eprintln!("the test hangs");
            process::abort();
        });
        // Its memory is had before the test lowers any limit.
        started.wait();
        return None;
    }
    let output = Command::new(env::current_exe().expect("a test program"))
        .args([test, "--exact", "--nocapture", "--test-threads=1"])
        .envs(environment.iter().copied())
        .env(CHILD, "1")
        .env("RUST_BACKTRACE", "0")
        .output()
        .expect("a child process");
    Some(output)
}

/// Fails with what the child said, unless it passed.
#[track_caller]
pub(crate) fn assert_passed(output: &Output) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}\n{said}", output.status);
    let ran = String::from_utf8_lossy(&output.stdout);
    assert!(ran.contains("1 passed"), "the child ran no test: {ran}");
}

/// Whether the kernel can't read this byte.
pub(crate) fn faults(address: usize) -> bool {
    let (_reader, mut writer) = io::pipe().expect("a pipe");
    writer.write_all(b"x").expect("room in the pipe");
    // SAFETY: the kernel reads the byte; if it can't, it says so and does nothing else.
    let written =
        unsafe { libc::write(writer.as_raw_fd(), ptr::with_exposed_provenance(address), 1) };
    written == -1 && io::Error::last_os_error().raw_os_error() == Some(libc::EFAULT)
}

/// Checks one stack: the guard faults at both ends and in the middle, the rest doesn't.
#[track_caller]
pub(crate) fn assert_guarded(stack: &Stack) {
    let low = stack.limit() - stack.size().guard();
    for address in [low, low + stack.size().guard() / 2, stack.limit() - 1] {
        assert!(faults(address), "{address:#x} of {stack:?} is not guarded");
    }
    for address in [stack.limit(), stack.top() - 1] {
        assert!(!faults(address), "{address:#x} of {stack:?} is not accessible");
    }
}

/// Uses so many bytes of stack, and a frame more.
pub(crate) fn dig(bytes: usize) -> usize {
    let here = 0u8;
    dig_to((&raw const here).addr() - bytes)
}

#[inline(never)]
fn dig_to(address: usize) -> usize {
    let frame = std::hint::black_box([1u8; 256]);
    let below = if frame.as_ptr().addr() <= address { 0 } else { dig_to(address) };
    below + usize::from(frame[below % frame.len()])
}

/// Runs a coroutine on the stack that uses so much of it, and gives the stack back.
pub(crate) fn use_stack(stack: Stack, bytes: usize) -> Stack {
    let mut coroutine = Coroutine::new(stack, move |_| {
        dig(bytes);
    });
    assert_eq!(coroutine.resume(), Step::Finished);
    coroutine.into_stack()
}

/// A coroutine that has run a little, and waits.
pub(crate) fn parked(pool: &mut StackPool, size: StackSize) -> Coroutine {
    let mut coroutine = Coroutine::new(pool.take(size).expect("a stack"), |suspender| {
        std::hint::black_box([0u8; 256]);
        suspender.suspend();
    });
    assert_eq!(coroutine.resume(), Step::Suspended);
    coroutine
}

pub(crate) fn kib(kib: usize) -> StackSize {
    StackSize::new(kib * 1024).expect("a size")
}

/// How many mappings the process has.
#[cfg(target_os = "linux")]
pub(crate) fn mappings() -> usize {
    std::fs::read_to_string("/proc/self/maps").expect("maps").lines().count()
}

/// The bytes that the process has in memory.
#[cfg(target_os = "linux")]
pub(crate) fn resident() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").expect("statm");
    let pages: usize = statm.split(' ').nth(1).and_then(|n| n.parse().ok()).expect("a number");
    pages * 4096
}
