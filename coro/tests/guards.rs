//! Guards guard: fresh stacks and used ones, with either kind of guard, to the end of the process
//! if need be.

mod common;

use common::{assert_guarded, assert_passed, dig, kib, parked, rerun, use_stack};
use lif_coro::{Coroutine, GuardKind, PoolConfig, StackPool, StackSize, locate, stats};

const PROTECT: (&str, &str) = ("LIF_STACK_GUARD", "mprotect");

fn every_size_is_guarded() {
    let mut pool = StackPool::default();
    for shift in 15..=30 {
        let size = StackSize::new(1 << shift).unwrap();
        let stacks: Vec<_> = (0..3).map(|_| pool.take(size).unwrap()).collect();
        for stack in &stacks {
            assert_guarded(stack);
        }
    }
}

#[test]
fn every_stack_size_is_guarded() {
    every_size_is_guarded();
}

#[test]
fn every_stack_size_is_guarded_by_mappings() {
    let Some(output) = rerun("every_stack_size_is_guarded_by_mappings", &[PROTECT]) else {
        assert_eq!(stats().guard, GuardKind::Protect);
        every_size_is_guarded();
        return;
    };
    assert_passed(&output);
}

fn guards_survive_everything() {
    let mut pool = StackPool::new(PoolConfig { keep: 4, deep: 0 });
    let size = kib(64);
    for _ in 0..5 {
        let stacks: Vec<_> = (0..16).map(|_| pool.take(size).unwrap()).collect();
        for stack in stacks {
            let stack = use_stack(stack, 30_000);
            assert_guarded(&stack);
            pool.give(stack);
        }
        while pool.trim() {}
    }
    let mut other = StackPool::default();
    for _ in 0..16 {
        assert_guarded(&other.take(size).unwrap());
    }
}

#[test]
fn guards_survive_use_trimming_and_the_depot() {
    guards_survive_everything();
}

#[test]
fn protected_guards_survive_use_trimming_and_the_depot() {
    let name = "protected_guards_survive_use_trimming_and_the_depot";
    let Some(output) = rerun(name, &[PROTECT]) else {
        return guards_survive_everything();
    };
    assert_passed(&output);
}

fn overflow() {
    let mut pool = StackPool::default();
    // Neighbours, to be hurt if nothing guarded them.
    let _parked: Vec<_> = (0..8).map(|_| parked(&mut pool, kib(64))).collect();
    let mut coroutine = Coroutine::new(pool.take(kib(64)).unwrap(), |_| {
        dig(1 << 20);
    });
    let step = coroutine.resume();
    unreachable!("survived an overflow: {step:?}");
}

#[track_caller]
fn assert_killed_by_a_fault(output: &std::process::Output) {
    use std::os::unix::process::ExitStatusExt;
    let signal = output.status.signal();
    let expected = [Some(libc::SIGSEGV), Some(libc::SIGBUS)];
    assert!(expected.contains(&signal), "{}", output.status);
}

#[test]
fn an_overflow_ends_the_process() {
    let Some(output) = rerun("an_overflow_ends_the_process", &[]) else {
        return overflow();
    };
    assert_killed_by_a_fault(&output);
}

#[test]
fn an_overflow_into_a_protected_guard_ends_the_process() {
    let name = "an_overflow_into_a_protected_guard_ends_the_process";
    let Some(output) = rerun(name, &[PROTECT]) else {
        return overflow();
    };
    assert_killed_by_a_fault(&output);
}

#[test]
fn an_address_is_located_in_guard_stack_or_neither() {
    let mut pool = StackPool::default();
    let stacks: Vec<_> = (0..40).map(|_| pool.take(kib(128)).unwrap()).collect();
    for stack in &stacks {
        let low = stack.limit() - stack.size().guard();
        for (address, in_guard) in [
            (low, true),
            (stack.limit() - 1, true),
            (stack.limit(), false),
            (stack.top() - 1, false),
            (low + stack.size().bytes() - 1, false),
        ] {
            let place = locate(address).unwrap();
            assert_eq!(place.in_guard, in_guard, "{address:#x} of {stack:?}");
            assert_eq!(place.stack_low, low);
            assert_eq!(place.guard_end, stack.limit());
            assert_eq!(place.top, stack.top());
            assert_eq!((place.size, place.id), (stack.size(), stack.id()));
        }
    }
    let local = 0u8;
    for address in [0, 1, usize::MAX, (&raw const local).addr()] {
        assert_eq!(locate(address), None, "{address:#x}");
    }
}

#[test]
fn an_address_in_a_running_coroutine_is_located_in_its_stack() {
    let stack = StackPool::default().take(StackSize::DEFAULT).unwrap();
    let id = stack.id();
    let mut coroutine = Coroutine::new(stack, move |_| {
        let local = 0u8;
        let place = locate((&raw const local).addr()).unwrap();
        assert_eq!((place.id, place.in_guard), (id, false));
    });
    assert_eq!(coroutine.resume(), lif_coro::Step::Finished);
}
