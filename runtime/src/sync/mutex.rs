//! `Mutex` and its guard.

use std::{
    cell::UnsafeCell,
    fmt,
    marker::PhantomData,
    mem::ManuallyDrop,
    ops::{Deref, DerefMut},
    panic::{RefUnwindSafe, UnwindSafe},
    sync::{LockResult, TryLockError, TryLockResult},
};

use super::{
    lock::Lock,
    poison::{Entered, Flag},
    raw_lock::Share,
};

/// Lets one at a time have a value; as [`std::sync::Mutex`].
///
/// A coroutine that has to wait is parked, a plain thread is blocked. A lock may be held across
/// other waits; it belongs to the coroutine, not to the thread that runs it.
///
/// # Fairness
///
/// Who runs may take a free lock at once, also before those that wait; but one that has waited for
/// a millisecond is the next to get it.
///
/// # Poisoning
///
/// As in std: a guard that is dropped by a panic that began after it was taken poisons the lock. A
/// cancellation that unwinds its holder, in a `sleep` say, is such a panic too: what the lock
/// protects may have been left half changed. The exception is a wait at a
/// [`Condvar`](super::Condvar), during which the lock is not held.
///
/// # Cancellation
///
/// Waiting for a lock is not a point of cancellation: a coroutine that is cancelled gets the lock
/// first, and is told in a later wait.
///
/// ```
/// use lif::sync::{Arc, Mutex};
/// lif::run(|| {
///     let count = Arc::new(Mutex::new(0));
///     let all: Vec<_> = (0..100)
///         .map(|_| {
///             let count = Arc::clone(&count);
///             lif::go(move || *count.lock().unwrap() += 1)
///         })
///         .collect();
///     for one in all {
///         one.join().unwrap();
///     }
///     assert_eq!(*count.lock().unwrap(), 100);
/// });
/// ```
pub struct Mutex<T: ?Sized> {
    pub(super) lock: Lock,
    pub(super) poison: Flag,
    value: UnsafeCell<T>,
}

// SAFETY: the mutex gives the value to whoever holds the lock, one at a time.
unsafe impl<T: ?Sized + Send> Send for Mutex<T> {}
// SAFETY: as above.
unsafe impl<T: ?Sized + Send> Sync for Mutex<T> {}

impl<T: ?Sized> UnwindSafe for Mutex<T> {}
impl<T: ?Sized> RefUnwindSafe for Mutex<T> {}

/// The right to the value of a [`Mutex`]; dropping it unlocks. As [`std::sync::MutexGuard`].
///
/// It is not `Send`: it belongs to the coroutine (or thread) that has locked.
///
/// ```
/// let mutex = lif::sync::Mutex::new(String::from("a"));
/// mutex.lock().unwrap().push('b');
/// assert_eq!(*mutex.lock().unwrap(), "ab");
/// ```
#[must_use = "dropped at once, it protects nothing"]
pub struct MutexGuard<'a, T: ?Sized> {
    mutex: &'a Mutex<T>,
    entered: Entered,
    _not_send: PhantomData<*const ()>,
}

// SAFETY: a shared guard gives shared references to the value alone.
unsafe impl<T: ?Sized + Sync> Sync for MutexGuard<'_, T> {}

impl<T> Mutex<T> {
    /// A free lock around `value`.
    ///
    /// ```
    /// static COUNT: lif::sync::Mutex<u32> = lif::sync::Mutex::new(0);
    /// *COUNT.lock().unwrap() += 1;
    /// ```
    pub const fn new(value: T) -> Mutex<T> {
        Mutex { lock: Lock::new(), poison: Flag::new(), value: UnsafeCell::new(value) }
    }

    /// The value; nobody else can have the lock.
    ///
    /// # Errors
    ///
    /// If the lock is poisoned; the value is in the error.
    ///
    /// ```
    /// assert_eq!(lif::sync::Mutex::new(5).into_inner().unwrap(), 5);
    /// ```
    pub fn into_inner(self) -> LockResult<T> {
        let Mutex { poison, value, .. } = self;
        poison.wrap(value.into_inner())
    }
}

impl<T: ?Sized> Mutex<T> {
    /// Takes the lock, and parks the caller until it can.
    ///
    /// Not a point of cancellation.
    ///
    /// # Errors
    ///
    /// If the lock is poisoned; it is taken all the same, and the guard is in the error.
    ///
    /// # Panics
    ///
    /// If a coroutine waits for a lock that it holds itself; a plain thread that does so waits for
    /// ever. In a coroutine that is unwinding, and so may not switch, the call blocks the thread; if
    /// the holder is a coroutine of the same worker, that would be for ever, and the process is
    /// aborted with a message.
    ///
    /// ```
    /// let mutex = lif::sync::Mutex::new(1);
    /// *mutex.lock().unwrap() = 2;
    /// ```
    #[inline]
    pub fn lock(&self) -> LockResult<MutexGuard<'_, T>> {
        self.lock.lock(Share::One);
        self.guard()
    }

    /// Takes the lock if it is free.
    ///
    /// # Errors
    ///
    /// [`TryLockError::WouldBlock`] if it isn't, [`TryLockError::Poisoned`] with the guard if it
    /// was, but is poisoned.
    ///
    /// ```
    /// let mutex = lif::sync::Mutex::new(1);
    /// let held = mutex.try_lock().unwrap();
    /// assert!(mutex.try_lock().is_err());
    /// # drop(held);
    /// ```
    #[inline]
    pub fn try_lock(&self) -> TryLockResult<MutexGuard<'_, T>> {
        if self.lock.try_lock(Share::One) {
            Ok(self.guard()?)
        } else {
            Err(TryLockError::WouldBlock)
        }
    }

    /// Whether the lock is poisoned; without the lock, it may be so a moment later.
    ///
    /// ```
    /// assert!(!lif::sync::Mutex::new(1).is_poisoned());
    /// ```
    #[inline]
    pub fn is_poisoned(&self) -> bool {
        self.poison.is_set()
    }

    /// Makes a poisoned lock a sound one, after the value has been looked after.
    ///
    /// ```
    /// use lif::sync::{Arc, Mutex};
    /// lif::run(|| {
    ///     let mutex = Arc::new(Mutex::new(0));
    ///     let other = Arc::clone(&mutex);
    ///     let broken = lif::go(move || {
    ///         let _held = other.lock().unwrap();
    ///         panic!("on purpose");
    ///     });
    ///     broken.join().unwrap_err();
    ///     assert!(mutex.is_poisoned());
    ///     *mutex.lock().unwrap_err().into_inner() = 1;
    ///     mutex.clear_poison();
    ///     assert_eq!(*mutex.lock().unwrap(), 1);
    /// });
    /// ```
    #[inline]
    pub fn clear_poison(&self) {
        self.poison.clear();
    }

    /// The value, without locking: who has the mutex alone has that too.
    ///
    /// # Errors
    ///
    /// If the lock is poisoned; the reference is in the error.
    ///
    /// ```
    /// let mut mutex = lif::sync::Mutex::new(1);
    /// *mutex.get_mut().unwrap() = 2;
    /// assert_eq!(mutex.into_inner().unwrap(), 2);
    /// ```
    pub fn get_mut(&mut self) -> LockResult<&mut T> {
        self.poison.wrap(self.value.get_mut())
    }

    /// The guard of a lock that the caller has just taken.
    #[inline]
    fn guard(&self) -> LockResult<MutexGuard<'_, T>> {
        let entered = self.poison.enter();
        self.poison.wrap(MutexGuard { mutex: self, entered, _not_send: PhantomData })
    }
}

impl<'a, T: ?Sized> MutexGuard<'a, T> {
    /// Gives the lock up for a while, or for good: without a look at whether the caller unwinds.
    pub(super) fn dissolve(self) -> &'a Mutex<T> {
        // The lock now belongs to the caller, who unlocks it.
        ManuallyDrop::new(self).mutex
    }
}

impl<T: ?Sized> Drop for MutexGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        self.mutex.poison.leave(self.entered);
        self.mutex.lock.unlock(Share::One);
    }
}

impl<T: ?Sized> Deref for MutexGuard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: the guard has the lock, so nobody else has the value.
        unsafe { &*self.mutex.value.get() }
    }
}

impl<T: ?Sized> DerefMut for MutexGuard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as in `deref`.
        unsafe { &mut *self.mutex.value.get() }
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for MutexGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: ?Sized + fmt::Display> fmt::Display for MutexGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for Mutex<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut f = f.debug_struct("Mutex");
        match self.try_lock() {
            Ok(guard) => f.field("data", &&*guard),
            Err(TryLockError::Poisoned(at)) => f.field("data", &&**at.get_ref()),
            Err(TryLockError::WouldBlock) => f.field("data", &format_args!("<locked>")),
        };
        f.field("poisoned", &self.is_poisoned()).finish_non_exhaustive()
    }
}

impl<T: Default> Default for Mutex<T> {
    fn default() -> Self {
        Mutex::new(T::default())
    }
}

impl<T> From<T> for Mutex<T> {
    fn from(value: T) -> Self {
        Mutex::new(value)
    }
}
