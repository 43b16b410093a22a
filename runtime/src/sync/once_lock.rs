//! `OnceLock`.

use std::{
    cell::UnsafeCell,
    fmt,
    panic::{RefUnwindSafe, UnwindSafe},
};

use super::once::Once;

/// A place for a value that is written once; as [`std::sync::OnceLock`].
///
/// A coroutine that has to wait for another to make the value is parked, a plain thread is blocked.
/// If the closure that makes it panics, or is cancelled and unwinds, the place stays empty, and the
/// next may try. Waiting for somebody else's is not a point of cancellation.
///
/// ```
/// static NAME: lif::sync::OnceLock<String> = lif::sync::OnceLock::new();
/// assert!(NAME.get().is_none());
/// assert_eq!(NAME.get_or_init(|| String::from("lif")), "lif");
/// assert_eq!(NAME.get().unwrap(), "lif");
/// ```
pub struct OnceLock<T> {
    once: Once,
    /// Written while `once` runs, and only read once it is completed.
    value: UnsafeCell<Option<T>>,
}

// SAFETY: references are shared between threads; and one thread may have made the value that
// another drops.
unsafe impl<T: Sync + Send> Sync for OnceLock<T> {}

impl<T: RefUnwindSafe + UnwindSafe> RefUnwindSafe for OnceLock<T> {}
impl<T: UnwindSafe> UnwindSafe for OnceLock<T> {}

impl<T> OnceLock<T> {
    /// An empty place.
    ///
    /// ```
    /// static PLACE: lif::sync::OnceLock<u32> = lif::sync::OnceLock::new();
    /// ```
    #[must_use]
    pub const fn new() -> OnceLock<T> {
        OnceLock { once: Once::new(), value: UnsafeCell::new(None) }
    }

    /// The value, if it is there. Never waits.
    ///
    /// ```
    /// assert_eq!(lif::sync::OnceLock::<u32>::new().get(), None);
    /// ```
    #[inline]
    pub fn get(&self) -> Option<&T> {
        if !self.once.is_completed() {
            return None;
        }
        // SAFETY: the Once is completed, so nobody writes any more while it is shared.
        unsafe { (*self.value.get()).as_ref() }
    }

    /// The value, if it is there, to be changed.
    ///
    /// ```
    /// let mut place = lif::sync::OnceLock::from(1);
    /// *place.get_mut().unwrap() = 2;
    /// assert_eq!(place.get(), Some(&2));
    /// ```
    #[inline]
    pub fn get_mut(&mut self) -> Option<&mut T> {
        // One whose closure has panicked is empty.
        self.value.get_mut().as_mut()
    }

    /// Parks the caller until there is a value.
    ///
    /// Not a point of cancellation.
    ///
    /// ```
    /// static PLACE: lif::sync::OnceLock<u32> = lif::sync::OnceLock::new();
    /// lif::run(|| {
    ///     lif::go(|| PLACE.set(1));
    ///     assert_eq!(*PLACE.wait(), 1);
    /// });
    /// ```
    pub fn wait(&self) -> &T {
        self.once.wait_force();
        self.filled()
    }

    /// Writes the value; parks the caller while another does.
    ///
    /// # Errors
    ///
    /// If there was one already, `value` is given back.
    ///
    /// ```
    /// let place = lif::sync::OnceLock::new();
    /// assert_eq!(place.set(1), Ok(()));
    /// assert_eq!(place.set(2), Err(2));
    /// ```
    #[inline]
    pub fn set(&self, value: T) -> Result<(), T> {
        let mut value = Some(value);
        self.get_or_init(|| value.take().expect("called once"));
        match value {
            None => Ok(()),
            Some(value) => Err(value),
        }
    }

    /// The value, made by `f` if there is none; parks the caller while another makes it.
    ///
    /// Not a point of cancellation.
    ///
    /// # Panics
    ///
    /// If `f` does, which leaves the place empty; if `f` comes to the same place, where std leaves
    /// open whether it panics or waits for ever. In a coroutine that unwinds as
    /// [`Once::call_once`](super::Once::call_once).
    ///
    /// ```
    /// let place = lif::sync::OnceLock::new();
    /// assert_eq!(*place.get_or_init(|| 1), 1);
    /// assert_eq!(*place.get_or_init(|| 2), 1);
    /// ```
    #[inline]
    #[track_caller]
    pub fn get_or_init<F: FnOnce() -> T>(&self, f: F) -> &T {
        if let Some(value) = self.get() {
            return value;
        }
        self.once.call_once_force(|_| {
            let value = f();
            // SAFETY: one closure runs at a time, and nobody reads before the Once is completed.
            unsafe { *self.value.get() = Some(value) };
        });
        self.filled()
    }

    /// The value, out of the place.
    ///
    /// ```
    /// assert_eq!(lif::sync::OnceLock::from(1).into_inner(), Some(1));
    /// ```
    #[inline]
    pub fn into_inner(self) -> Option<T> {
        self.value.into_inner()
    }

    /// The value, out of the place, which is empty then.
    ///
    /// ```
    /// let mut place = lif::sync::OnceLock::from(1);
    /// assert_eq!(place.take(), Some(1));
    /// assert_eq!(place.set(2), Ok(()));
    /// ```
    #[inline]
    pub fn take(&mut self) -> Option<T> {
        std::mem::take(self).into_inner()
    }

    fn filled(&self) -> &T {
        self.get().expect("a Once that is completed has written the value")
    }
}

impl<T> Default for OnceLock<T> {
    fn default() -> Self {
        OnceLock::new()
    }
}

impl<T: fmt::Debug> fmt::Debug for OnceLock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut f = f.debug_tuple("OnceLock");
        match self.get() {
            Some(value) => f.field(value),
            None => f.field(&format_args!("<uninit>")),
        };
        f.finish()
    }
}

impl<T: Clone> Clone for OnceLock<T> {
    fn clone(&self) -> Self {
        self.get().cloned().map_or_else(OnceLock::new, OnceLock::from)
    }
}

impl<T> From<T> for OnceLock<T> {
    fn from(value: T) -> Self {
        let once = Once::new();
        once.call_once(|| {});
        OnceLock { once, value: UnsafeCell::new(Some(value)) }
    }
}

impl<T: PartialEq> PartialEq for OnceLock<T> {
    fn eq(&self, other: &Self) -> bool {
        self.get() == other.get()
    }
}

impl<T: Eq> Eq for OnceLock<T> {}
