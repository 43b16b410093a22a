//! Memory as the kernel counts it: what parked coroutines and idle stacks keep, and in how many
//! mappings.
#![cfg(target_os = "linux")]

mod common;

use common::{assert_passed, kib, parked, rerun, use_stack};
use lif_coro::{PoolConfig, StackPool, StackSize, stats};

#[test]
fn trimming_takes_deep_pages_and_keeps_the_top() {
    let mut pool = StackPool::new(PoolConfig { keep: 100, deep: 8 * 1024 });
    let size = StackSize::DEFAULT;
    let fresh = pool.take(size).unwrap();
    assert_eq!(fresh.resident(), 0);

    let deep = use_stack(fresh, 150_000);
    assert!(deep.resident() >= 150_000, "{}", deep.resident());
    let shallow = use_stack(pool.take(size).unwrap(), 1024);
    let before = shallow.resident();
    assert!((1..=8 * 1024).contains(&before), "{before}");

    pool.give(deep);
    pool.give(shallow);
    assert!(!pool.trim(), "two stacks are less than one call looks at");
    assert_eq!(pool.take(size).unwrap().resident(), before);
    let trimmed = pool.take(size).unwrap();
    assert!((1..=8 * 1024).contains(&trimmed.resident()), "{}", trimmed.resident());
}

#[test]
fn trimming_finds_a_stack_that_was_used_again() {
    let mut pool = StackPool::default();
    let stacks: Vec<_> = (0..3).map(|_| pool.take(kib(256)).unwrap()).collect();
    stacks.into_iter().for_each(|stack| pool.give(stack));
    while pool.trim() {}
    let again = use_stack(pool.take(kib(256)).unwrap(), 150_000);
    pool.give(again);
    while pool.trim() {}
    assert!(pool.take(kib(256)).unwrap().resident() <= PoolConfig::default().deep);
}

#[test]
fn a_hundred_thousand_parked_coroutines_need_a_page_each_and_few_mappings() {
    // Protected guards for so many stacks exceed the system's limit, by design.
    if stats().limit.is_some_and(|limit| limit < 200_100) {
        return;
    }
    let name = "a_hundred_thousand_parked_coroutines_need_a_page_each_and_few_mappings";
    let Some(output) = rerun(name, &[]) else {
        const COUNT: usize = 100_000;
        let mut pool = StackPool::default();
        let mut coroutines = Vec::with_capacity(COUNT);
        parked(&mut pool, kib(64)).leak();
        let (mappings, resident) = (common::mappings(), common::resident());
        coroutines.extend((0..COUNT).map(|_| parked(&mut pool, kib(64))));
        let each = (common::resident() - resident) / COUNT;
        let more = common::mappings() - mappings;
        println!("{each} bytes resident each, {more} more mappings");
        assert!(each < 4400, "{each} bytes resident each");
        if stats().guard == lif_coro::GuardKind::Advice {
            assert!(more <= 60, "{more} more mappings");
        }
        for coroutine in &mut coroutines {
            assert_eq!(coroutine.resume(), lif_coro::Step::Finished);
        }
        for coroutine in coroutines {
            pool.give(coroutine.into_stack());
        }
        while pool.trim() {}
        let held = PoolConfig::default().keep * 4096 + COUNT * 100;
        let left = common::resident().saturating_sub(resident);
        assert!(left < 2 * held, "{left} bytes still resident");
        return;
    };
    println!("{}", String::from_utf8_lossy(&output.stdout));
    assert_passed(&output);
}
