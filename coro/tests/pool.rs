//! Pools, trimming and the depot: what is kept, what is given back, what is used again.

mod common;

use std::collections::HashSet;

use common::{assert_passed, kib, rerun, use_stack};
use lif_coro::{PoolConfig, StackPool, stats};

#[test]
fn the_stack_given_last_is_taken_first() {
    let mut pool = StackPool::default();
    let (a, b) = (pool.take(kib(64)).unwrap(), pool.take(kib(64)).unwrap());
    let (first, second) = (a.id(), b.id());
    pool.give(a);
    pool.give(b);
    assert_eq!(pool.take(kib(64)).unwrap().id(), second);
    assert_eq!(pool.take(kib(64)).unwrap().id(), first);
}

#[test]
fn sixteen_neighbours_have_sixteen_colours() {
    let mut pool = StackPool::default();
    let mut stacks: Vec<_> = (0..16).map(|_| pool.take(kib(512)).unwrap()).collect();
    stacks.sort_by_key(lif_coro::Stack::id);
    let offsets: HashSet<_> = stacks.iter().map(|stack| stack.top() % 4096).collect();
    assert_eq!(offsets.len(), 16, "{offsets:?}");
    for stack in &stacks {
        assert_eq!(stack.top() % 64, 0);
        let end = stack.limit() - stack.size().guard() + stack.size().bytes();
        assert!(end - stack.top() <= 960);
    }
}

#[test]
fn stacks_never_overlap() {
    let mut pool = StackPool::default();
    let mut ranges: Vec<_> = [32, 64, 256, 1024]
        .into_iter()
        .flat_map(|size| (0..100).map(move |_| size))
        .map(|size| pool.take(kib(size)).unwrap())
        .map(std::mem::ManuallyDrop::new)
        .map(|stack| (stack.limit() - stack.size().guard(), stack.top()))
        .collect();
    ranges.sort_unstable();
    for pair in ranges.windows(2) {
        assert!(pair[0].1 <= pair[1].0, "{pair:#x?}");
    }
}

#[test]
fn trimming_is_done_in_steps_and_ends() {
    let mut pool = StackPool::new(PoolConfig { keep: 10, deep: 4096 });
    let stacks: Vec<_> = (0..200).map(|_| pool.take(kib(32)).unwrap()).collect();
    stacks.into_iter().for_each(|stack| pool.give(stack));
    let mut steps = 1;
    while pool.trim() {
        steps += 1;
    }
    assert!((2..=200).contains(&steps), "{steps}");
    assert!(!pool.trim(), "nothing was given since");
}

#[test]
fn surplus_goes_to_the_depot_without_memory() {
    let Some(output) = rerun("surplus_goes_to_the_depot_without_memory", &[]) else {
        let mut pool = StackPool::new(PoolConfig { keep: 8, deep: 4096 });
        let stacks: Vec<_> = (0..100).map(|_| pool.take(kib(64)).unwrap()).collect();
        assert_eq!(stats().in_use, 100);
        for stack in stacks {
            pool.give(use_stack(stack, 20_000));
        }
        while pool.trim() {}
        let held = stats();
        assert_eq!((held.in_use, held.pooled), (0, 8));
        assert_eq!(held.depot, held.carved - 8);
        // The depot's are the next ones that an empty pool gets.
        let mut other = StackPool::default();
        for _ in 0..held.depot {
            let stack = std::mem::ManuallyDrop::new(other.take(kib(64)).unwrap());
            #[cfg(target_os = "linux")]
            assert_eq!(stack.resident(), 0);
            assert!(stack.limit() > 0);
        }
        assert_eq!(stats().carved, held.carved);
        return;
    };
    assert_passed(&output);
}

#[test]
fn a_thousand_pools_one_after_another_reserve_no_more_than_one() {
    let name = "a_thousand_pools_one_after_another_reserve_no_more_than_one";
    let Some(output) = rerun(name, &[]) else {
        let round = || {
            let mut pool = StackPool::default();
            let stacks: Vec<_> = (0..50).map(|_| pool.take(kib(64)).unwrap()).collect();
            for stack in stacks {
                pool.give(use_stack(stack, 2000));
            }
        };
        round();
        let first = stats();
        for _ in 0..1000 {
            round();
        }
        assert_eq!(stats(), first);
        assert_eq!((first.in_use, first.pooled), (0, 0));
        return;
    };
    assert_passed(&output);
}

#[test]
fn a_dropped_stack_is_used_again() {
    let Some(output) = rerun("a_dropped_stack_is_used_again", &[]) else {
        for _ in 0..1000 {
            drop(StackPool::default().take(kib(64)).unwrap());
        }
        assert!(stats().carved <= 64, "{:?}", stats());
        return;
    };
    assert_passed(&output);
}

#[test]
fn stacks_may_return_to_another_pool_on_another_thread() {
    let Some(output) = rerun("stacks_may_return_to_another_pool_on_another_thread", &[]) else {
        let mut here = StackPool::default();
        let stacks: Vec<_> = (0..10).map(|_| here.take(kib(64)).unwrap()).collect();
        let carried = std::thread::spawn(move || {
            let mut there = StackPool::default();
            stacks.into_iter().for_each(|stack| there.give(stack));
            (there, stats())
        });
        let (there, held) = carried.join().unwrap();
        assert_eq!(held.in_use, 0, "{held:?}");
        drop((here, there));
        let held = stats();
        assert_eq!((held.pooled, held.depot), (0, held.carved), "{held:?}");
        return;
    };
    assert_passed(&output);
}
