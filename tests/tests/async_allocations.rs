//! What waiting for a future allocates: once a call, nothing a poll. A file of its own, since its
//! allocator counts.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
    future::poll_fn,
    hint::black_box,
    task::Poll,
};

use lif::block_on;
use lif_tests::{runtime, watch};

/// Counts the allocations of each thread.
struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: all is handed to the system's allocator as it comes.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the caller's duty is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's duty is the same.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// The allocations of one `block_on` that is woken so often by another coroutine of its worker.
fn allocations(wakes: usize) -> usize {
    let before = ALLOCATIONS.get();
    let mut polls = 0;
    block_on(poll_fn(|context| {
        polls += 1;
        if polls > wakes {
            return Poll::Ready(());
        }
        WAKER.with(|slot| slot.set(Some(context.waker().clone())));
        Poll::Pending
    }));
    ALLOCATIONS.get() - before
}

thread_local! {
    static WAKER: Cell<Option<std::task::Waker>> = const { Cell::new(None) };
}

#[test]
fn a_wait_for_a_future_allocates_once_and_a_poll_nothing() {
    let _watch = watch();
    runtime(1).run(|| {
        let waking = lif::go_local(|| {
            while !lif::cancel::is_cancelled() {
                if let Some(waker) = WAKER.take() {
                    waker.wake();
                }
                lif::yield_now();
            }
        });
        // What grows once: queues, thread-locals.
        black_box(allocations(100));
        assert_eq!(allocations(0), 1);
        assert_eq!(allocations(1), 1);
        assert_eq!(allocations(1_000), 1);
        waking.cancel();
        waking.join().unwrap();
    });
}
