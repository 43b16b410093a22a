//! The closure of a task and the place of its result, in one allocation.
//!
//! Between spawn and finish it belongs to the coroutine, afterwards to the `JoinHandle`, or if that
//! is gone, to the coroutine again, which drops it on its own stack: the join word says to whom.

use std::{
    any::Any,
    cell::UnsafeCell,
    marker::PhantomData,
    panic::{AssertUnwindSafe, catch_unwind},
    ptr::NonNull,
    thread::Result,
};

use crate::cancel::{self, Cancelled};

/// What a coroutine has thrown, or what its joiner gets instead of a result.
pub(crate) type Payload = Box<dyn Any + Send>;

/// A closure and the place of its result.
#[repr(C)]
struct Body<F, T> {
    /// First, so that the handle finds it without knowing `F`.
    result: UnsafeCell<Option<Result<T>>>,
    closure: UnsafeCell<Option<F>>,
}

/// What the coroutine does with its body, whatever its types.
trait Run {
    /// Runs the closure and leaves its result; with `refused`, only drops it and leaves that.
    ///
    /// # Safety
    ///
    /// - Called once, by the coroutine, before its join word is finished.
    unsafe fn run(&self, refused: Option<Payload>) -> Outcome;
}

impl<F: FnOnce() -> T, T> Run for Body<F, T> {
    unsafe fn run(&self, refused: Option<Payload>) -> Outcome {
        // SAFETY: the coroutine alone touches the body until it finishes the join word.
        let closure = unsafe { (*self.closure.get()).take() }.expect("a body runs once");
        let result = catch_unwind(AssertUnwindSafe(|| match refused {
            None => Ok(closure()),
            Some(payload) => {
                drop(closure);
                Err(payload)
            }
        }));
        let result = match result {
            Ok(result) => result,
            Err(payload) => Err(cancel::published(payload)),
        };
        let outcome = Outcome::of(&result);
        // SAFETY: as above.
        unsafe { *self.result.get() = Some(result) };
        outcome
    }
}

/// How a body has ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Outcome {
    /// The closure has returned.
    Returned,
    /// It has panicked.
    Panicked,
    /// It was unwound by a cancellation, or never ran.
    Cancelled,
}

impl Outcome {
    pub(crate) fn of<T>(result: &Result<T>) -> Outcome {
        match result {
            Ok(_) => Outcome::Returned,
            Err(payload) if payload.is::<Cancelled>() => Outcome::Cancelled,
            Err(_) => Outcome::Panicked,
        }
    }
}

/// The coroutine's pointer to its body.
#[derive(Clone, Copy)]
pub(crate) struct BodyPtr(NonNull<dyn Run>);

/// The handle's pointer to the result.
pub(crate) struct ResultPtr<T> {
    body: BodyPtr,
    result: NonNull<UnsafeCell<Option<Result<T>>>>,
    marker: PhantomData<T>,
}

/// Allocates a body.
///
/// # Safety
///
/// - `F` and `T` may hold references: the caller sees to it that the coroutine has finished, or
///   never runs again, before what they borrow ends.
pub(crate) unsafe fn allocate<F: FnOnce() -> T, T>(closure: F) -> (BodyPtr, ResultPtr<T>) {
    let body =
        Box::new(Body { result: UnsafeCell::new(None), closure: UnsafeCell::new(Some(closure)) });
    let raw: NonNull<Body<F, T>> = NonNull::from(Box::leak(body));
    let run: NonNull<dyn Run + '_> = raw;
    // SAFETY: only the lifetime changes, for which the caller answers.
    let run: NonNull<dyn Run> = unsafe { std::mem::transmute(run) };
    let body = BodyPtr(run);
    (body, ResultPtr { body, result: raw.cast(), marker: PhantomData })
}

impl BodyPtr {
    /// See [`Run::run`].
    ///
    /// # Safety
    ///
    /// - As [`Run::run`], and the body has not been freed.
    pub(crate) unsafe fn run(self, refused: Option<Payload>) -> Outcome {
        // SAFETY: the caller's duty.
        unsafe { self.0.as_ref().run(refused) }
    }

    /// Frees the body with whatever is left in it. Panics of destructors are contained.
    ///
    /// # Safety
    ///
    /// - The caller is the owner that the join word has named, and nobody uses the body after.
    pub(crate) unsafe fn free(self) {
        // SAFETY: it was leaked from a box of this very type in `allocate`.
        let body = unsafe { Box::from_raw(self.0.as_ptr()) };
        contain(|| drop(body));
    }
}

impl<T> ResultPtr<T> {
    /// Takes the result.
    ///
    /// # Safety
    ///
    /// - The join word is DONE, the caller is the handle, and the body has not been freed.
    pub(crate) unsafe fn take(&self) -> Option<Result<T>> {
        // SAFETY: after DONE the cell belongs to the handle.
        unsafe { (*self.result.as_ref().get()).take() }
    }

    /// The body, to be freed.
    pub(crate) fn body(&self) -> BodyPtr {
        self.body
    }
}

/// Runs destructors whose panics have nowhere to go. What they throw has been printed by the panic
/// hook; a payload that panics when dropped, again and again, is leaked in the end.
pub(crate) fn contain(run: impl FnOnce()) {
    let mut thrown: Payload = match catch_unwind(AssertUnwindSafe(run)) {
        Ok(()) => return,
        Err(payload) => payload,
    };
    for _ in 0..8 {
        match catch_unwind(AssertUnwindSafe(|| drop(thrown))) {
            Ok(()) => return,
            Err(next) => thrown = next,
        }
    }
    let _leaked = std::mem::ManuallyDrop::new(thrown);
}
