//! `RwLock`. Its guards have a file of their own.

use std::{
    cell::UnsafeCell,
    fmt,
    panic::{RefUnwindSafe, UnwindSafe},
    sync::{LockResult, TryLockError, TryLockResult},
};

use super::{
    lock::Lock,
    poison::Flag,
    raw_lock::Share,
    rwlock_guards::{RwLockReadGuard, RwLockWriteGuard},
};

/// Lets many read a value, or one change it; as [`std::sync::RwLock`].
///
/// A coroutine that has to wait is parked, a plain thread is blocked.
///
/// # Fairness
///
/// Who runs may take a free lock at once; readers join readers while nobody waits, and a writer that
/// has waited for a millisecond is the next to get the lock. So a coroutine that reads, and then
/// wants to read again while a writer waits, waits for itself: as in std, that is a deadlock.
///
/// # Poisoning, cancellation
///
/// As with [`Mutex`](super::Mutex): a writer that panics, or is cancelled and unwinds, poisons; a
/// reader doesn't. Waiting for the lock is not a point of cancellation.
///
/// ```
/// use lif::sync::RwLock;
/// let lock = RwLock::new(vec![1]);
/// {
///     let (one, two) = (lock.read().unwrap(), lock.read().unwrap());
///     assert_eq!(*one, *two);
/// }
/// lock.write().unwrap().push(2);
/// ```
pub struct RwLock<T: ?Sized> {
    pub(super) lock: Lock,
    pub(super) poison: Flag,
    pub(super) value: UnsafeCell<T>,
}

// SAFETY: the lock gives the value to one writer, who may be on another thread, or shared references
// to readers on several.
unsafe impl<T: ?Sized + Send> Send for RwLock<T> {}
// SAFETY: as above; shared references on several threads need `Sync`.
unsafe impl<T: ?Sized + Send + Sync> Sync for RwLock<T> {}

impl<T: ?Sized> UnwindSafe for RwLock<T> {}
impl<T: ?Sized> RefUnwindSafe for RwLock<T> {}

impl<T> RwLock<T> {
    /// A free lock around `value`.
    ///
    /// ```
    /// static NAMES: lif::sync::RwLock<Vec<&str>> = lif::sync::RwLock::new(Vec::new());
    /// NAMES.write().unwrap().push("lif");
    /// ```
    pub const fn new(value: T) -> RwLock<T> {
        RwLock { lock: Lock::new(), poison: Flag::new(), value: UnsafeCell::new(value) }
    }

    /// The value; nobody else can have the lock.
    ///
    /// # Errors
    ///
    /// If the lock is poisoned; the value is in the error.
    ///
    /// ```
    /// assert_eq!(lif::sync::RwLock::new(5).into_inner().unwrap(), 5);
    /// ```
    pub fn into_inner(self) -> LockResult<T> {
        let RwLock { poison, value, .. } = self;
        poison.wrap(value.into_inner())
    }
}

impl<T: ?Sized> RwLock<T> {
    /// Takes the lock for reading, and parks the caller until it can.
    ///
    /// Not a point of cancellation.
    ///
    /// # Errors
    ///
    /// If the lock is poisoned; it is taken all the same, and the guard is in the error.
    ///
    /// # Panics
    ///
    /// If a coroutine holds the lock for writing itself. In a coroutine that is unwinding, and so
    /// may not switch, the call blocks the thread; if the writer is a coroutine of the same worker,
    /// that would be for ever, and the process is aborted with a message.
    ///
    /// ```
    /// let lock = lif::sync::RwLock::new(1);
    /// assert_eq!(*lock.read().unwrap(), 1);
    /// ```
    #[inline]
    pub fn read(&self) -> LockResult<RwLockReadGuard<'_, T>> {
        self.lock.lock(Share::Shared);
        RwLockReadGuard::new(self)
    }

    /// Takes the lock for reading if that is possible at once.
    ///
    /// # Errors
    ///
    /// [`TryLockError::WouldBlock`] if it isn't, also if others read but somebody waits;
    /// [`TryLockError::Poisoned`] with the guard if the lock is poisoned.
    ///
    /// ```
    /// let lock = lif::sync::RwLock::new(1);
    /// let held = lock.write().unwrap();
    /// assert!(lock.try_read().is_err());
    /// # drop(held);
    /// ```
    #[inline]
    pub fn try_read(&self) -> TryLockResult<RwLockReadGuard<'_, T>> {
        if self.lock.try_lock(Share::Shared) {
            Ok(RwLockReadGuard::new(self)?)
        } else {
            Err(TryLockError::WouldBlock)
        }
    }

    /// Takes the lock for writing, and parks the caller until it can.
    ///
    /// Not a point of cancellation.
    ///
    /// # Errors
    ///
    /// If the lock is poisoned; it is taken all the same, and the guard is in the error.
    ///
    /// # Panics
    ///
    /// As [`read`](Self::read). A coroutine that holds the lock for reading and wants to write waits
    /// for ever, as in std. Which coroutines read is not recorded: so one that unwinds, and waits
    /// for a reader of its own worker, blocks it for ever without a message.
    ///
    /// ```
    /// let lock = lif::sync::RwLock::new(1);
    /// *lock.write().unwrap() = 2;
    /// ```
    #[inline]
    pub fn write(&self) -> LockResult<RwLockWriteGuard<'_, T>> {
        self.lock.lock(Share::One);
        RwLockWriteGuard::new(self)
    }

    /// Takes the lock for writing if it is free.
    ///
    /// # Errors
    ///
    /// [`TryLockError::WouldBlock`] if it isn't; [`TryLockError::Poisoned`] with the guard if it
    /// was, but is poisoned.
    ///
    /// ```
    /// let lock = lif::sync::RwLock::new(1);
    /// let held = lock.read().unwrap();
    /// assert!(lock.try_write().is_err());
    /// # drop(held);
    /// ```
    #[inline]
    pub fn try_write(&self) -> TryLockResult<RwLockWriteGuard<'_, T>> {
        if self.lock.try_lock(Share::One) {
            Ok(RwLockWriteGuard::new(self)?)
        } else {
            Err(TryLockError::WouldBlock)
        }
    }

    /// Whether the lock is poisoned; without the lock, it may be so a moment later.
    ///
    /// ```
    /// assert!(!lif::sync::RwLock::new(1).is_poisoned());
    /// ```
    #[inline]
    pub fn is_poisoned(&self) -> bool {
        self.poison.is_set()
    }

    /// Makes a poisoned lock a sound one, after the value has been looked after.
    ///
    /// ```
    /// let lock = lif::sync::RwLock::new(1);
    /// lock.clear_poison();
    /// assert!(!lock.is_poisoned());
    /// ```
    #[inline]
    pub fn clear_poison(&self) {
        self.poison.clear();
    }

    /// The value, without locking: who has the lock alone has that too.
    ///
    /// # Errors
    ///
    /// If the lock is poisoned; the reference is in the error.
    ///
    /// ```
    /// let mut lock = lif::sync::RwLock::new(1);
    /// *lock.get_mut().unwrap() = 2;
    /// assert_eq!(lock.into_inner().unwrap(), 2);
    /// ```
    pub fn get_mut(&mut self) -> LockResult<&mut T> {
        self.poison.wrap(self.value.get_mut())
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for RwLock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut f = f.debug_struct("RwLock");
        match self.try_read() {
            Ok(guard) => f.field("data", &&*guard),
            Err(TryLockError::Poisoned(at)) => f.field("data", &&**at.get_ref()),
            Err(TryLockError::WouldBlock) => f.field("data", &format_args!("<locked>")),
        };
        f.field("poisoned", &self.is_poisoned()).finish_non_exhaustive()
    }
}

impl<T: Default> Default for RwLock<T> {
    fn default() -> Self {
        RwLock::new(T::default())
    }
}

impl<T> From<T> for RwLock<T> {
    fn from(value: T) -> Self {
        RwLock::new(value)
    }
}
