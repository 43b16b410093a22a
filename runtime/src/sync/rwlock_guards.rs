//! The guards of `RwLock`.

use std::{
    fmt,
    marker::PhantomData,
    ops::{Deref, DerefMut},
    sync::LockResult,
};

use super::{poison::Entered, raw_lock::Share, rwlock::RwLock};

/// The right to read the value of an [`RwLock`]; dropping it unlocks. As
/// [`std::sync::RwLockReadGuard`].
///
/// It is not `Send`: it belongs to the coroutine (or thread) that has locked.
///
/// ```
/// let lock = lif::sync::RwLock::new(1);
/// let held = lock.read().unwrap();
/// assert_eq!(*held, 1);
/// ```
#[must_use = "dropped at once, it protects nothing"]
pub struct RwLockReadGuard<'a, T: ?Sized> {
    lock: &'a RwLock<T>,
    /// Neither `Send`, nor unwind safe if a reference to the value isn't.
    _as_reference: PhantomData<(*const (), &'a T)>,
}

// SAFETY: a shared guard gives shared references to the value alone.
unsafe impl<T: ?Sized + Sync> Sync for RwLockReadGuard<'_, T> {}

/// The right to change the value of an [`RwLock`]; dropping it unlocks. As
/// [`std::sync::RwLockWriteGuard`].
///
/// It is not `Send`: it belongs to the coroutine (or thread) that has locked.
///
/// ```
/// let lock = lif::sync::RwLock::new(1);
/// let mut held = lock.write().unwrap();
/// *held = 2;
/// ```
#[must_use = "dropped at once, it protects nothing"]
pub struct RwLockWriteGuard<'a, T: ?Sized> {
    lock: &'a RwLock<T>,
    entered: Entered,
    _not_send: PhantomData<*const ()>,
}

// SAFETY: as for the other guard.
unsafe impl<T: ?Sized + Sync> Sync for RwLockWriteGuard<'_, T> {}

impl<'a, T: ?Sized> RwLockReadGuard<'a, T> {
    /// Of a lock that the caller has just taken for reading.
    #[inline]
    pub(super) fn new(lock: &'a RwLock<T>) -> LockResult<Self> {
        lock.poison.wrap(RwLockReadGuard { lock, _as_reference: PhantomData })
    }
}

impl<'a, T: ?Sized> RwLockWriteGuard<'a, T> {
    /// Of a lock that the caller has just taken for writing.
    #[inline]
    pub(super) fn new(lock: &'a RwLock<T>) -> LockResult<Self> {
        let entered = lock.poison.enter();
        lock.poison.wrap(RwLockWriteGuard { lock, entered, _not_send: PhantomData })
    }
}

impl<T: ?Sized> Drop for RwLockReadGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        self.lock.lock.unlock(Share::Shared);
    }
}

impl<T: ?Sized> Drop for RwLockWriteGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        self.lock.poison.leave(self.entered);
        self.lock.lock.unlock(Share::One);
    }
}

impl<T: ?Sized> Deref for RwLockReadGuard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: the guard has a share of the lock, so nobody changes the value.
        unsafe { &*self.lock.value.get() }
    }
}

impl<T: ?Sized> Deref for RwLockWriteGuard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: the guard has all of the lock, so nobody else has the value.
        unsafe { &*self.lock.value.get() }
    }
}

impl<T: ?Sized> DerefMut for RwLockWriteGuard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as in `deref`.
        unsafe { &mut *self.lock.value.get() }
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for RwLockReadGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: ?Sized + fmt::Display> fmt::Display for RwLockReadGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for RwLockWriteGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: ?Sized + fmt::Display> fmt::Display for RwLockWriteGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
