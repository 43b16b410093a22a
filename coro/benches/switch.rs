//! What a switch and a short life of a coroutine cost.
//!
//! `switch/1` is a resume and the suspension that answers it; the others are the same for many
//! coroutines in turn, so their times are for that many. `life` is taking a stack, putting a closure on it, running that to its
//! end and giving the stack back. `pool` is the taking and giving alone.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use lif_coro::{Coroutine, StackPool, StackSize, Step};

fn endless(pool: &mut StackPool, size: StackSize) -> Coroutine {
    let stack = pool.take(size).expect("a stack");
    let mut coroutine = Coroutine::new(stack, |suspender| {
        loop {
            suspender.suspend();
        }
    });
    assert_eq!(coroutine.resume(), Step::Suspended);
    coroutine
}

fn switch(c: &mut Criterion) {
    let mut pool = StackPool::default();
    let mut group = c.benchmark_group("switch");

    let mut one = endless(&mut pool, StackSize::DEFAULT);
    group.throughput(Throughput::Elements(1));
    group.bench_function("1", |b| b.iter(|| one.resume()));

    for (count, kib) in [(1000, 64), (1000, 256), (10_000, 64), (10_000, 256)] {
        let size = StackSize::new(kib * 1024).expect("a size");
        let mut many: Vec<_> = (0..count).map(|_| endless(&mut pool, size)).collect();
        group.throughput(Throughput::Elements(count));
        group.bench_function(format!("{count} of {size}"), |b| {
            b.iter(|| {
                for coroutine in &mut many {
                    assert_eq!(coroutine.resume(), Step::Suspended);
                }
            });
        });
    }
    group.finish();
}

fn life(c: &mut Criterion) {
    let mut pool = StackPool::default();
    c.bench_function("life", |b| {
        b.iter(|| {
            let stack = pool.take(StackSize::DEFAULT).expect("a stack");
            let mut coroutine = Coroutine::new(stack, |suspender| {
                black_box(suspender);
            });
            assert_eq!(coroutine.resume(), Step::Finished);
            pool.give(coroutine.into_stack());
        });
    });
    c.bench_function("pool", |b| {
        b.iter(|| {
            let stack = pool.take(StackSize::DEFAULT).expect("a stack");
            pool.give(black_box(stack));
        });
    });
}

criterion_group!(benches, switch, life);
criterion_main!(benches);
