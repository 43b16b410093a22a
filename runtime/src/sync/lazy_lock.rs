//! `LazyLock`.

use std::{
    cell::UnsafeCell,
    fmt, mem,
    ops::Deref,
    panic::{RefUnwindSafe, UnwindSafe},
};

use super::once::Once;

/// A value that is made when it is first asked for; as [`std::sync::LazyLock`].
///
/// A coroutine that has to wait for another to make the value is parked, a plain thread is blocked;
/// that is not a point of cancellation. If the closure that makes it panics, or is cancelled and
/// unwinds, the value is poisoned: as in std, everybody who asks for it panics from then on.
///
/// ```
/// use lif::sync::LazyLock;
/// static NAMES: LazyLock<Vec<&str>> = LazyLock::new(|| vec!["lif"]);
/// assert_eq!(NAMES.len(), 1);
/// ```
pub struct LazyLock<T, F = fn() -> T> {
    once: Once,
    /// Changed while `once` runs, and only read once it is completed.
    state: UnsafeCell<State<T, F>>,
}

enum State<T, F> {
    Closure(F),
    Value(T),
    /// The closure runs, or has panicked.
    Taken,
}

// SAFETY: references to the value are shared between threads; one thread may make what another
// drops; and the closure is called on whatever thread asks first.
unsafe impl<T: Sync + Send, F: Send> Sync for LazyLock<T, F> {}

impl<T: RefUnwindSafe + UnwindSafe, F: UnwindSafe> RefUnwindSafe for LazyLock<T, F> {}
impl<T: UnwindSafe, F: UnwindSafe> UnwindSafe for LazyLock<T, F> {}

impl<T, F: FnOnce() -> T> LazyLock<T, F> {
    /// A value that `f` will make.
    ///
    /// ```
    /// let lazy = lif::sync::LazyLock::new(|| 6 * 7);
    /// assert_eq!(*lazy, 42);
    /// ```
    pub const fn new(f: F) -> LazyLock<T, F> {
        LazyLock { once: Once::new(), state: UnsafeCell::new(State::Closure(f)) }
    }

    /// The value, made now if it has not been; parks the caller while another makes it.
    ///
    /// Not a point of cancellation.
    ///
    /// # Panics
    ///
    /// If the closure does or has; if the closure asks for the same value. In a coroutine that
    /// unwinds as [`Once::call_once`](super::Once::call_once).
    ///
    /// ```
    /// use lif::sync::LazyLock;
    /// let lazy = LazyLock::new(|| 6 * 7);
    /// assert_eq!(LazyLock::force(&lazy), &42);
    /// ```
    #[inline]
    #[track_caller]
    pub fn force(this: &LazyLock<T, F>) -> &T {
        this.once.call_once(|| {
            // SAFETY: one closure runs at a time, and nobody reads before the Once is completed.
            let taken = unsafe { mem::replace(&mut *this.state.get(), State::Taken) };
            let State::Closure(f) = taken else {
                unreachable!("the Once is poisoned, or completed, after the closure was taken")
            };
            let value = f();
            // SAFETY: as above.
            unsafe { *this.state.get() = State::Value(value) };
        });
        this.get().expect("a Once that is completed has written the value")
    }
}

impl<T, F> LazyLock<T, F> {
    fn get(&self) -> Option<&T> {
        if !self.once.is_completed() {
            return None;
        }
        // SAFETY: the Once is completed, so nobody writes any more while it is shared.
        match unsafe { &*self.state.get() } {
            State::Value(value) => Some(value),
            State::Closure(_) | State::Taken => None,
        }
    }
}

impl<T, F: FnOnce() -> T> Deref for LazyLock<T, F> {
    type Target = T;

    #[inline]
    #[track_caller]
    fn deref(&self) -> &T {
        LazyLock::force(self)
    }
}

impl<T: Default> Default for LazyLock<T> {
    fn default() -> Self {
        LazyLock::new(T::default)
    }
}

impl<T: fmt::Debug, F> fmt::Debug for LazyLock<T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut f = f.debug_tuple("LazyLock");
        match self.get() {
            Some(value) => f.field(value),
            None => f.field(&format_args!("<uninit>")),
        };
        f.finish()
    }
}
