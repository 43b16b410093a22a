//! A closure on a stack of its own: resume, suspend, finish.
//!
//! Owns the rules around the switch; the switch itself is corosensei's. It never unwinds a stack
//! from outside, and doesn't decide who runs when.
//!
//! ```text
//!              resume                    resume
//!   new ─────────────────▶ running ◀───────────────── suspended
//!    │                      │    │      suspend           │
//!    │ drop: the closure    │    └───────────────────────▶│ drop, leak: stack and all that is
//!    ▼ is dropped           ▼                             ▼ on it are forgotten
//!   (stack to the depot)   finished ──▶ into_stack
//! ```

use std::io::Write;
use std::mem::ManuallyDrop;
use std::{fmt, io, process};

use corosensei::{CoroutineResult, Yielder};

use crate::stack::Stack;

/// What corosensei moves onto a new stack at most.
const LARGEST_ENTRY: usize = 1024;

/// A closure that runs on its own stack and can be suspended in the middle.
///
/// It isn't `Send`: what its stack holds may belong to the thread.
///
/// ```compile_fail
/// fn send<T: Send>() {}
/// send::<lif_coro::Coroutine>();
/// ```
///
/// Dropping a coroutine that was never resumed drops its closure. Dropping a suspended one *leaks*
/// it, as [`leak`](Self::leak) does: its destructors don't run, and its stack is never used again.
///
/// # Examples
///
/// ```
/// use lif_coro::{Coroutine, StackPool, StackSize, Step};
///
/// let mut pool = StackPool::default();
/// let mut coroutine = Coroutine::new(pool.take(StackSize::MIN)?, |suspender| {
///     for _ in 0..3 {
///         suspender.suspend();
///     }
/// });
/// let mut suspensions = 0;
/// while coroutine.resume() == Step::Suspended {
///     suspensions += 1;
/// }
/// assert_eq!(suspensions, 3);
/// pool.give(coroutine.into_stack());
/// # Ok::<(), lif_coro::StackError>(())
/// ```
pub struct Coroutine {
    inner: ManuallyDrop<corosensei::Coroutine<(), (), (), Stack>>,
}

// A scheduler keeps one a task, beside what every wake touches.
const _: () = assert!(size_of::<Coroutine>() <= 64);

/// Why [`Coroutine::resume`] returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a finished coroutine must not be resumed again"]
pub enum Step {
    /// The closure suspended itself; resume it to go on.
    Suspended,
    /// The closure returned; the stack can be had with [`Coroutine::into_stack`].
    Finished,
}

impl Coroutine {
    /// Puts `entry` on the stack, to be run by the first [`resume`](Self::resume).
    ///
    /// The closure may capture 1,024 bytes at most, which is checked when it is compiled: box what
    /// is larger. It must not unwind: a panic that leaves it ends the process with a message. So
    /// whoever runs code that may panic catches it inside the closure.
    ///
    /// ```compile_fail
    /// use lif_coro::{Coroutine, StackPool, StackSize};
    ///
    /// let large = [0u8; 1025];
    /// let stack = StackPool::default().take(StackSize::MIN).unwrap();
    /// Coroutine::new(stack, move |_| drop(large));
    /// ```
    #[inline]
    pub fn new<F>(stack: Stack, entry: F) -> Coroutine
    where
        F: FnOnce(&Suspender) + 'static,
    {
        const {
            assert!(size_of::<F>() <= LARGEST_ENTRY, "the closure captures more than 1,024 bytes");
        }
        let inner = corosensei::Coroutine::with_stack(stack, move |yielder, ()| {
            let base = Base;
            entry(Suspender::of(yielder));
            // Nothing was unwound, so nothing is to be reported.
            let _returned = ManuallyDrop::new(base);
        });
        Coroutine { inner: ManuallyDrop::new(inner) }
    }

    /// Runs the coroutine until it suspends itself or finishes.
    ///
    /// # Panics
    ///
    /// Panics if the coroutine has finished.
    #[inline]
    pub fn resume(&mut self) -> Step {
        match self.inner.resume(()) {
            CoroutineResult::Yield(()) => Step::Suspended,
            CoroutineResult::Return(()) => Step::Finished,
        }
    }

    /// Whether the closure has returned.
    #[inline]
    pub fn is_finished(&self) -> bool {
        self.inner.done()
    }

    /// The stack of a coroutine that has finished, for the next one.
    ///
    /// # Panics
    ///
    /// Panics if the coroutine hasn't finished; it is leaked then if it is suspended.
    #[inline]
    pub fn into_stack(self) -> Stack {
        assert!(self.is_finished(), "a coroutine that hasn't finished keeps its stack");
        let mut this = ManuallyDrop::new(self);
        // SAFETY: `this` is never used or dropped again.
        let inner = unsafe { ManuallyDrop::take(&mut this.inner) };
        inner.into_stack()
    }

    /// Forgets a coroutine wherever it stands, its stack and all that lives there.
    ///
    /// No destructor runs, and the memory is lost to the process. That is the only way to be rid of
    /// a suspended coroutine: its stack can't be unwound from outside, since code that is being
    /// unwound may suspend, or keep references that others hold.
    pub fn leak(self) {
        // `inner` is a `ManuallyDrop`, so all that is left out here is `Drop for Coroutine`.
        let _forgotten = ManuallyDrop::new(self);
    }
}

impl Drop for Coroutine {
    #[inline]
    fn drop(&mut self) {
        if self.inner.done() || !self.inner.started() {
            // SAFETY: `self.inner` isn't used after this. Neither state needs an unwinding: the
            // closure returned, or waits at the top of the stack as an ordinary value.
            unsafe { ManuallyDrop::drop(&mut self.inner) };
        }
    }
}

impl fmt::Debug for Coroutine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match (self.inner.done(), self.inner.started()) {
            (true, _) => "finished",
            (false, true) => "suspended",
            (false, false) => "new",
        };
        f.debug_struct("Coroutine").field("state", &state).finish_non_exhaustive()
    }
}

/// What a running coroutine suspends itself with. Lives at the top of the coroutine's stack.
#[repr(transparent)]
pub struct Suspender {
    yielder: Yielder<(), ()>,
}

impl Suspender {
    #[inline]
    fn of(yielder: &Yielder<(), ()>) -> &Suspender {
        // SAFETY: `Suspender` is a transparent wrapper, so the reference is as good for it.
        unsafe { &*std::ptr::from_ref(yielder).cast::<Suspender>() }
    }

    /// Returns control to whoever resumed the coroutine; returns when it is resumed again.
    #[inline]
    pub fn suspend(&self) {
        self.yielder.suspend(());
    }

    /// Runs `f` on the stack of whoever resumed the coroutine: for what needs much stack, rarely.
    ///
    /// `f` can't suspend the coroutine, and being `Send`, can't hold what would let it.
    ///
    /// # Panics
    ///
    /// A panic of `f` continues in the coroutine.
    #[inline]
    pub fn on_parent_stack<F, R>(&self, f: F) -> R
    where
        F: FnOnce() -> R + Send,
    {
        self.yielder.on_parent_stack(f)
    }

    /// As [`on_parent_stack`](Self::on_parent_stack), for a closure that isn't `Send`. It stays on
    /// this thread all the same.
    ///
    /// # Panics
    ///
    /// A panic of `f` continues in the coroutine.
    ///
    /// # Safety
    ///
    /// - `f` must not suspend this coroutine, by whatever way it could get hold of its suspender.
    #[inline]
    pub unsafe fn on_parent_stack_unchecked<F, R>(&self, f: F) -> R
    where
        F: FnOnce() -> R,
    {
        /// A closure that never leaves its thread, whatever its type says.
        struct Stays<F>(F);
        // SAFETY: `on_parent_stack` calls it on this thread, at once. That it must be `Send` there
        // is only to keep suspenders out, which is our caller's duty here.
        unsafe impl<F> Send for Stays<F> {}
        impl<F: FnOnce() -> R, R> Stays<F> {
            #[inline]
            fn call(self) -> R {
                (self.0)()
            }
        }

        let f = Stays(f);
        self.yielder.on_parent_stack(move || f.call())
    }
}

impl fmt::Debug for Suspender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Suspender").finish_non_exhaustive()
    }
}

/// Stands at the base of a stack; dropped only when an unwinding gets there.
struct Base;

impl Drop for Base {
    #[cold]
    fn drop(&mut self) {
        const MESSAGE: &[u8] = b"\nlif: a panic reached the base of a coroutine's stack, where \
            nobody can catch it; aborting\n";
        // If even this can't be written, there is nobody left to tell.
        drop(io::stderr().write_all(MESSAGE));
        process::abort();
    }
}
