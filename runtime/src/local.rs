//! `coroutine_local!` and its keys.

use std::{
    any::Any,
    cell::{Cell, RefCell},
    error, fmt,
};

use crate::cancel::with_local;

/// Declares values of which each coroutine has its own, with the syntax of [`thread_local!`].
///
/// A value is made when its coroutine first uses it, and dropped when the coroutine ends, before
/// its joiner is told. On a plain thread it is the thread's. Unlike in [`thread_local!`], the
/// initialiser and the destructor may wait.
///
/// ```
/// use std::cell::Cell;
/// lif::coroutine_local! {
///     static REQUEST: Cell<u64> = const { Cell::new(0) };
///     pub static NAME: String = String::from("nobody");
/// }
/// lif::run(|| {
///     REQUEST.set(7);
///     let other = lif::go(|| REQUEST.get()).join().unwrap();
///     assert_eq!((REQUEST.get(), other), (7, 0));
///     NAME.with(|name| assert_eq!(name, "nobody"));
/// });
/// ```
#[macro_export]
macro_rules! coroutine_local {
    () => {};
    ($(#[$attr:meta])* $vis:vis static $name:ident : $t:ty = const $init:block; $($rest:tt)*) => {
        $crate::coroutine_local!($(#[$attr])* $vis static $name: $t = const $init);
        $crate::coroutine_local!($($rest)*);
    };
    ($(#[$attr:meta])* $vis:vis static $name:ident : $t:ty = const $init:block) => {
        $(#[$attr])*
        $vis static $name: $crate::LocalKey<$t> = $crate::LocalKey::new(|| const $init);
    };
    ($(#[$attr:meta])* $vis:vis static $name:ident : $t:ty = $init:expr; $($rest:tt)*) => {
        $crate::coroutine_local!($(#[$attr])* $vis static $name: $t = $init);
        $crate::coroutine_local!($($rest)*);
    };
    ($(#[$attr:meta])* $vis:vis static $name:ident : $t:ty = $init:expr) => {
        $(#[$attr])*
        $vis static $name: $crate::LocalKey<$t> = $crate::LocalKey::new(|| $init);
    };
}

/// A value that is being dropped, or has been, was asked for by a destructor.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct AccessError;

impl fmt::Display for AccessError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the coroutine's local values are being dropped, or have been")
    }
}

impl error::Error for AccessError {}

/// A key of [`coroutine_local!`](crate::coroutine_local): as [`std::thread::LocalKey`].
pub struct LocalKey<T: 'static> {
    init: fn() -> T,
}

impl<T: 'static> fmt::Debug for LocalKey<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalKey").finish_non_exhaustive()
    }
}

impl<T: 'static> LocalKey<T> {
    #[doc(hidden)]
    #[must_use]
    pub const fn new(init: fn() -> T) -> LocalKey<T> {
        LocalKey { init }
    }

    /// Calls `f` with the caller's own value, which is made first if need be.
    ///
    /// # Panics
    ///
    /// In a destructor of such a value; see [`try_with`](Self::try_with).
    pub fn with<F, R>(&'static self, f: F) -> R
    where
        F: FnOnce(&T) -> R,
    {
        self.try_with(f).unwrap_or_else(|error| panic!("LocalKey::with: {error}"))
    }

    /// As [`with`](Self::with), but fails where that panics.
    ///
    /// # Errors
    ///
    /// [`AccessError`], if the values of the coroutine are being dropped.
    pub fn try_with<F, R>(&'static self, f: F) -> Result<R, AccessError>
    where
        F: FnOnce(&T) -> R,
    {
        let key = std::ptr::from_ref(self) as usize;
        let found = with_local(|local| local.locals.get(key)).map_err(|()| AccessError)?;
        let value = match found {
            Some(value) => value,
            None => {
                // May wait, and may use this very key: the first value that is put in stays.
                let made: Box<dyn Any> = Box::new((self.init)());
                with_local(|local| local.locals.put(key, made)).map_err(|_late| AccessError)?
            }
        };
        // SAFETY: the value is dropped when the coroutine, or the thread, ends, which cannot be
        // before `f` has returned on it; only shared references are made until then.
        let value = unsafe { &*value };
        // Constants that look alike may be given one address: then this is another key's value.
        let value = value.downcast_ref().expect("a LocalKey has to be a static");
        Ok(f(value))
    }
}

impl<T: 'static> LocalKey<Cell<T>> {
    /// Sets the caller's value.
    pub fn set(&'static self, value: T) {
        self.with(|cell| cell.set(value));
    }

    /// A copy of the caller's value.
    pub fn get(&'static self) -> T
    where
        T: Copy,
    {
        self.with(Cell::get)
    }

    /// Takes the caller's value, and leaves the default.
    pub fn take(&'static self) -> T
    where
        T: Default,
    {
        self.with(Cell::take)
    }

    /// Replaces the caller's value.
    pub fn replace(&'static self, value: T) -> T {
        self.with(|cell| cell.replace(value))
    }
}

impl<T: 'static> LocalKey<RefCell<T>> {
    /// Calls `f` with the caller's value.
    ///
    /// # Panics
    ///
    /// If it is mutably borrowed.
    pub fn with_borrow<F, R>(&'static self, f: F) -> R
    where
        F: FnOnce(&T) -> R,
    {
        self.with(|cell| f(&cell.borrow()))
    }

    /// Calls `f` with the caller's value, to be changed.
    ///
    /// # Panics
    ///
    /// If it is borrowed.
    pub fn with_borrow_mut<F, R>(&'static self, f: F) -> R
    where
        F: FnOnce(&mut T) -> R,
    {
        self.with(|cell| f(&mut cell.borrow_mut()))
    }

    /// Sets the caller's value.
    ///
    /// # Panics
    ///
    /// If it is borrowed.
    pub fn set(&'static self, value: T) {
        self.with(|cell| *cell.borrow_mut() = value);
    }

    /// Takes the caller's value, and leaves the default.
    ///
    /// # Panics
    ///
    /// If it is borrowed.
    pub fn take(&'static self) -> T
    where
        T: Default,
    {
        self.with(RefCell::take)
    }

    /// Replaces the caller's value.
    ///
    /// # Panics
    ///
    /// If it is borrowed.
    pub fn replace(&'static self, value: T) -> T {
        self.with(|cell| cell.replace(value))
    }
}
