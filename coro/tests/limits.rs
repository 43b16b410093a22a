//! What happens at the system's limits: a clear error, nothing unguarded, and life goes on.
#![cfg(target_os = "linux")]

mod common;

use common::{assert_guarded, assert_passed, kib, rerun};
use lif_coro::{GuardKind, Stack, StackError, StackPool, StackSize, stats};

const PROTECT: (&str, &str) = ("LIF_STACK_GUARD", "mprotect");

/// Takes stacks until there are no more, at most so many.
fn take_all(size: StackSize, most: usize) -> (Vec<Stack>, StackError) {
    let mut pool = StackPool::default();
    let mut stacks = Vec::with_capacity(most);
    loop {
        match pool.take(size) {
            Ok(stack) => stacks.push(stack),
            Err(error) => return (stacks, error),
        }
        assert!(stacks.len() < most, "no limit within {most} stacks");
    }
}

/// Sets a soft limit of this process.
fn limit(resource: u32, bytes: u64) {
    let mut limits = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the call writes `limits` and nothing else.
    let got = unsafe { libc::getrlimit(resource as _, &raw mut limits) };
    assert_eq!(got, 0, "{}", std::io::Error::last_os_error());
    limits.rlim_cur = bytes.min(limits.rlim_max);
    // SAFETY: the call reads `limits` and nothing else.
    let set = unsafe { libc::setrlimit(resource as _, &raw const limits) };
    assert_eq!(set, 0, "{}", std::io::Error::last_os_error());
}

fn used(name: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    line.trim().strip_suffix(" kB").unwrap().parse::<u64>().unwrap() * 1024
}

#[test]
fn the_limit_on_mappings_is_reported_before_the_kernel_is_hit() {
    let name = "the_limit_on_mappings_is_reported_before_the_kernel_is_hit";
    let Some(output) = rerun(name, &[PROTECT, ("LIF_MAX_MAPS", "1000")]) else {
        let before = common::mappings();
        let (mut stacks, error) = take_all(kib(64), 1000);
        assert!(matches!(error, StackError::Mappings { limit: 1000, .. }), "{error:?}");
        let text = error.to_string();
        assert!(text.contains("sysctl -w vm.max_map_count=4000"), "{text}");
        assert!((400..=450).contains(&stacks.len()), "{}", stacks.len());
        assert!(common::mappings() - before <= 900);
        assert_eq!(stats().limit, Some(900));
        for stack in stacks.iter().step_by(37) {
            assert_guarded(stack);
        }
        // One comes back, one can be had.
        drop(stacks.pop());
        assert_guarded(&StackPool::default().take(kib(64)).unwrap());
        return;
    };
    assert_passed(&output);
}

#[test]
fn protected_guards_reach_the_kernels_own_limit_without_harm() {
    let name = "protected_guards_reach_the_kernels_own_limit_without_harm";
    // A limit that the kernel doesn't share, so that it's the kernel that refuses.
    let Some(output) = rerun(name, &[PROTECT, ("LIF_MAX_MAPS", "100000000")]) else {
        let limit = std::fs::read_to_string("/proc/sys/vm/max_map_count").unwrap();
        let limit: usize = limit.trim().parse().unwrap();
        if limit > 300_000 {
            return;
        }
        let (stacks, error) = take_all(kib(64), limit);
        assert!(matches!(error, StackError::Mappings { limit: l, .. } if l == limit), "{error}");
        assert!(stacks.len() > limit / 2 - 1000, "{}", stacks.len());
        // Freed without mapping anything, which would be impossible here.
        drop(stacks);
        assert_eq!(stats().in_use, 0);
        return;
    };
    assert_passed(&output);
}

#[test]
fn a_limited_address_space_is_used_up_and_named() {
    let Some(output) = rerun("a_limited_address_space_is_used_up_and_named", &[]) else {
        limit(libc::RLIMIT_AS, used("VmSize:") + (64 << 20));
        let (stacks, error) = take_all(kib(256), 512);
        limit(libc::RLIMIT_AS, libc::RLIM_INFINITY);
        let text = error.to_string();
        assert!(matches!(error, StackError::AddressSpace { resource: "RLIMIT_AS", .. }), "{text}");
        assert!(text.contains("RLIMIT_AS") && text.contains("ulimit -v"), "{text}");
        assert!(stacks.len() >= 200, "only {} of 256 KiB in 64 MiB", stacks.len());
        assert_eq!(std::io::Error::from(error).kind(), std::io::ErrorKind::OutOfMemory);
        limit(libc::RLIMIT_AS, libc::RLIM_INFINITY);
        assert_guarded(&StackPool::default().take(kib(256)).unwrap());
        return;
    };
    assert_passed(&output);
}

#[test]
fn limited_data_is_named_and_charged_for_carved_stacks_only() {
    let name = "limited_data_is_named_and_charged_for_carved_stacks_only";
    let Some(output) = rerun(name, &[]) else {
        limit(libc::RLIMIT_DATA, used("VmData:") + (32 << 20));
        let (stacks, error) = take_all(kib(256), 256);
        // A failed check couldn't even be printed under the limit.
        limit(libc::RLIMIT_DATA, libc::RLIM_INFINITY);
        let text = error.to_string();
        assert!(
            matches!(error, StackError::AddressSpace { resource: "RLIMIT_DATA", .. }),
            "{text}"
        );
        assert!(text.contains("ulimit -d"), "{text}");
        assert!(stacks.len() >= 100, "only {} of 256 KiB in 32 MiB", stacks.len());
        return;
    };
    assert_passed(&output);
}

/// Locks what is mapped and what will be, without touching it. Not everybody may.
fn lock_memory(flags: i32) -> bool {
    // SAFETY: changes no contents.
    let locked = unsafe { libc::mlockall(flags | libc::MCL_ONFAULT) } == 0;
    if !locked {
        eprintln!("not allowed to lock memory: {}", std::io::Error::last_os_error());
    }
    locked
}

#[test]
fn locked_memory_is_guarded_by_mappings() {
    let Some(output) = rerun("locked_memory_is_guarded_by_mappings", &[]) else {
        if lock_memory(libc::MCL_CURRENT | libc::MCL_FUTURE) {
            let mut pool = StackPool::default();
            let stacks: Vec<_> = (0..100).map(|_| pool.take(kib(64)).unwrap()).collect();
            stacks.iter().for_each(assert_guarded);
            assert_eq!(stats().guard, GuardKind::Protect);
            for stack in stacks {
                pool.give(common::use_stack(stack, 20_000));
            }
            while pool.trim() {}
        }
        return;
    };
    assert_passed(&output);
}

#[test]
fn memory_locked_later_is_guarded_all_the_same() {
    let Some(output) = rerun("memory_locked_later_is_guarded_all_the_same", &[]) else {
        let mut pool = StackPool::default();
        // One more than the first slab has, so that the second one is half carved.
        let mut stacks: Vec<_> = (0..49).map(|_| pool.take(kib(64)).unwrap()).collect();
        if lock_memory(libc::MCL_CURRENT) {
            let before = stats();
            stacks.extend((0..400).map(|_| pool.take(kib(64)).unwrap()));
            stacks.iter().for_each(assert_guarded);
            let after = stats();
            if before.guard == GuardKind::Advice {
                let by_mapping = (after.mappings - before.mappings) / 2;
                assert!(by_mapping > after.slabs - before.slabs, "{before:?} {after:?}");
            }
        }
        return;
    };
    assert_passed(&output);
}

#[test]
fn without_a_descriptor_to_prove_marks_stacks_are_guarded_by_mappings() {
    let name = "without_a_descriptor_to_prove_marks_stacks_are_guarded_by_mappings";
    let Some(output) = rerun(name, &[]) else {
        limit(libc::RLIMIT_NOFILE, 3);
        let stack = StackPool::default().take(kib(64)).unwrap();
        limit(libc::RLIMIT_NOFILE, 100);
        assert_guarded(&stack);
        return;
    };
    assert_passed(&output);
}
