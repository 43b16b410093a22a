//! The switch: order, ending, panics, and what is left alone.

mod common;

use std::cell::{Cell, RefCell};
use std::panic::{self, AssertUnwindSafe};
use std::rc::Rc;

use common::{assert_passed, kib, parked, rerun};
use lif_coro::{Coroutine, Stack, StackPool, StackSize, Step, Suspender, locate, stats};

fn stack() -> Stack {
    StackPool::default().take(StackSize::DEFAULT).unwrap()
}

struct OnDrop<F: FnMut()>(F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

#[test]
fn resume_and_suspend_take_turns() {
    let log = Rc::new(RefCell::new(Vec::new()));
    let inner = Rc::clone(&log);
    let mut coroutine = Coroutine::new(stack(), move |suspender| {
        inner.borrow_mut().push("a");
        suspender.suspend();
        inner.borrow_mut().push("b");
        suspender.suspend();
        inner.borrow_mut().push("c");
    });
    assert!(log.borrow().is_empty(), "nothing runs before the first resume");
    assert_eq!(coroutine.resume(), Step::Suspended);
    log.borrow_mut().push("1");
    assert_eq!(coroutine.resume(), Step::Suspended);
    log.borrow_mut().push("2");
    assert!(!coroutine.is_finished());
    assert_eq!(coroutine.resume(), Step::Finished);
    assert!(coroutine.is_finished());
    assert_eq!(*log.borrow(), ["a", "1", "b", "2", "c"]);
    assert_eq!(Rc::strong_count(&log), 1, "what the closure held is dropped when it ends");
}

#[test]
fn coroutines_nest() {
    let total = Rc::new(Cell::new(0));
    let sum = Rc::clone(&total);
    let mut outer = Coroutine::new(stack(), move |outer| {
        let sum_inner = Rc::clone(&sum);
        let mut inner = Coroutine::new(stack(), move |inner| {
            for n in 1..=3 {
                sum_inner.set(sum_inner.get() + n);
                inner.suspend();
            }
        });
        while inner.resume() == Step::Suspended {
            outer.suspend();
        }
    });
    let mut turns = 0;
    while outer.resume() == Step::Suspended {
        turns += 1;
    }
    assert_eq!((turns, total.get()), (3, 6));
}

#[test]
fn floats_and_many_locals_survive_a_suspension() {
    let mut coroutine = Coroutine::new(stack(), |suspender| {
        let values: Vec<f64> = (0..64).map(f64::from).collect();
        let mut sum = 0.0;
        for value in &values {
            sum += value * 0.5;
            suspender.suspend();
        }
        assert_eq!(sum, 1008.0);
    });
    let mut noise = 1.0f64;
    while coroutine.resume() == Step::Suspended {
        noise = std::hint::black_box(noise.mul_add(1.5, 0.25));
    }
    assert!(noise > 1.0);
}

#[test]
fn the_parent_stack_is_the_resumers() {
    let mut coroutine = Coroutine::new(stack(), |suspender| {
        let here = 0u8;
        assert!(locate((&raw const here).addr()).is_some());
        let there = suspender.on_parent_stack(|| {
            let local = 0u8;
            (&raw const local).addr()
        });
        assert_eq!(locate(there), None);
        let not_send = Rc::new(7);
        // SAFETY: the closure has no suspender.
        let seven = unsafe { suspender.on_parent_stack_unchecked(|| *not_send) };
        assert_eq!(seven, 7);
        let caught = panic::catch_unwind(AssertUnwindSafe(|| {
            suspender.on_parent_stack(|| panic::resume_unwind(Box::new("from above")));
        }));
        assert_eq!(*caught.unwrap_err().downcast::<&str>().unwrap(), "from above");
    });
    assert_eq!(coroutine.resume(), Step::Finished);
}

#[test]
fn a_panic_that_is_caught_inside_stays_inside() {
    let mut coroutine = Coroutine::new(stack(), |suspender| {
        let dropped = Cell::new(false);
        let caught = panic::catch_unwind(AssertUnwindSafe(|| {
            let _on_drop = OnDrop(|| dropped.set(true));
            suspender.suspend();
            panic::resume_unwind(Box::new(42));
        }));
        assert_eq!(*caught.unwrap_err().downcast::<i32>().unwrap(), 42);
        assert!(dropped.get());
    });
    assert_eq!(coroutine.resume(), Step::Suspended);
    assert_eq!(coroutine.resume(), Step::Finished);
}

#[test]
fn a_panic_at_the_base_aborts_with_a_message() {
    let Some(output) = rerun("a_panic_at_the_base_aborts_with_a_message", &[]) else {
        let mut coroutine = Coroutine::new(stack(), |_| panic!("nobody catches this"));
        let step = coroutine.resume();
        unreachable!("{step:?}");
    };
    use std::os::unix::process::ExitStatusExt;
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.signal(), Some(libc::SIGABRT), "{said}");
    assert!(said.contains("nobody catches this"), "{said}");
    assert!(said.contains("the base of a coroutine's stack"), "{said}");
}

#[test]
fn dropping_a_new_coroutine_drops_its_closure() {
    let held = Rc::new(());
    let inner = Rc::clone(&held);
    drop(Coroutine::new(stack(), move |_| drop(inner)));
    assert_eq!(Rc::strong_count(&held), 1);
}

#[test]
fn dropping_a_suspended_coroutine_runs_no_destructor() {
    let dropped = Rc::new(Cell::new(0));
    let start = |dropped: &Rc<Cell<i32>>| {
        let dropped = Rc::clone(dropped);
        let mut coroutine = Coroutine::new(stack(), move |suspender| {
            let _on_drop = OnDrop(|| dropped.set(dropped.get() + 1));
            suspender.suspend();
        });
        assert_eq!(coroutine.resume(), Step::Suspended);
        coroutine
    };
    drop(start(&dropped));
    start(&dropped).leak();
    assert_eq!(dropped.get(), 0);
    let mut finished = start(&dropped);
    assert_eq!(finished.resume(), Step::Finished);
    assert_eq!(dropped.get(), 1);
}

#[test]
fn the_stack_of_a_leaked_coroutine_is_never_handed_out_again() {
    let name = "the_stack_of_a_leaked_coroutine_is_never_handed_out_again";
    let Some(output) = rerun(name, &[]) else {
        let mut pool = StackPool::default();
        let stack = pool.take(kib(512)).unwrap();
        let leaked = stack.id();
        let mut coroutine = Coroutine::new(stack, Suspender::suspend);
        assert_eq!(coroutine.resume(), Step::Suspended);
        drop(coroutine);
        assert_eq!(stats().in_use, 1);
        drop(pool);
        let mut pool = StackPool::default();
        let all: Vec<_> = (0..stats().carved + 100).map(|_| pool.take(kib(512)).unwrap()).collect();
        assert!(all.iter().all(|stack| stack.id() != leaked));
        return;
    };
    assert_passed(&output);
}

#[test]
fn a_finished_coroutine_gives_its_stack_back() {
    let stack = stack();
    let id = stack.id();
    let mut coroutine = Coroutine::new(stack, |_| {});
    assert_eq!(coroutine.resume(), Step::Finished);
    assert_eq!(coroutine.into_stack().id(), id);
}

#[test]
#[should_panic(expected = "hasn't finished keeps its stack")]
fn the_stack_of_a_suspended_coroutine_is_refused() {
    let coroutine = parked(&mut StackPool::default(), kib(64));
    drop(coroutine.into_stack());
}

#[test]
#[should_panic(expected = "resume a completed coroutine")]
fn a_finished_coroutine_is_not_resumed() {
    let mut coroutine = Coroutine::new(stack(), |_| {});
    assert_eq!(coroutine.resume(), Step::Finished);
    let step = coroutine.resume();
    unreachable!("{step:?}");
}

#[test]
fn a_closure_of_1024_bytes_fits() {
    let large = [7u8; 1024];
    let mut coroutine = Coroutine::new(stack(), move |_| {
        assert!(std::hint::black_box(&large).iter().all(|&byte| byte == 7));
    });
    assert_eq!(coroutine.resume(), Step::Finished);
}

#[test]
fn a_coroutine_tells_its_state() {
    let mut coroutine = Coroutine::new(stack(), Suspender::suspend);
    assert!(format!("{coroutine:?}").contains("new"));
    assert_eq!(coroutine.resume(), Step::Suspended);
    assert!(format!("{coroutine:?}").contains("suspended"));
    assert_eq!(coroutine.resume(), Step::Finished);
    assert!(format!("{coroutine:?}").contains("finished"));
}
