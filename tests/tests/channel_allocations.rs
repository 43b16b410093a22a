//! A wait allocates nothing: counted, in a process of its own.

mod channel_common;

use std::{
    alloc::{GlobalAlloc, Layout, System},
    sync::atomic::{AtomicUsize, Ordering},
};

use lif::{
    channel::{Select, bounded, never},
    select,
};

struct Counting;

static ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);

// SAFETY: it does what the system's allocator does, and counts.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
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

#[test]
fn a_wait_allocates_nothing() {
    channel_common::within_a_minute(|| {
        let runtime = lif::Runtime::builder().workers(1).build().unwrap();
        runtime.run(|| {
            let (sender, receiver) = bounded(0);
            let (back, comes) = bounded(1);
            let quiet = never::<u32>();
            lif::go(move || receiver.iter().try_for_each(|i: u32| back.send(i)));
            let mut dynamic = Select::new();
            dynamic.recv(&comes);
            dynamic.recv(&quiet);
            let mut exchange = |i| {
                sender.send(i).unwrap();
                assert_eq!(comes.recv(), Ok(i));
                select! { recv(quiet) -> _ => {} send(sender, i) -> sent => sent.unwrap() }
                select! { recv(comes) -> got => assert_eq!(got, Ok(i)), recv(quiet) -> _ => {} }
                sender.send(i).unwrap();
                assert_eq!(dynamic.select().recv(&comes), Ok(i));
            };
            // Queues and buffers grow to what is needed.
            (0..100).for_each(&mut exchange);
            let before = ALLOCATIONS.load(Ordering::Relaxed);
            (0..1000).for_each(&mut exchange);
            assert_eq!(ALLOCATIONS.load(Ordering::Relaxed), before);
        });
    });
}
