//! Permits of a `Semaphore`, as guards.

use std::{mem, sync::Arc};

use super::semaphore::Semaphore;

/// One or more permits of a [`Semaphore`]; dropping it gives them back.
///
/// ```
/// let semaphore = lif::sync::Semaphore::new(1);
/// let permit = semaphore.acquire();
/// assert_eq!(semaphore.available_permits(), 0);
/// drop(permit);
/// assert_eq!(semaphore.available_permits(), 1);
/// ```
#[must_use = "dropped at once, it permits nothing"]
#[derive(Debug)]
pub struct SemaphorePermit<'a> {
    semaphore: &'a Semaphore,
    permits: usize,
}

/// One or more permits that own a reference to their [`Semaphore`]; dropping it gives them back.
///
/// ```
/// use lif::sync::{Arc, Semaphore};
/// let semaphore = Arc::new(Semaphore::new(1));
/// let permit = Arc::clone(&semaphore).acquire_owned();
/// std::thread::spawn(move || drop(permit)).join().unwrap();
/// assert_eq!(semaphore.available_permits(), 1);
/// ```
#[must_use = "dropped at once, it permits nothing"]
#[derive(Debug)]
pub struct OwnedSemaphorePermit {
    semaphore: Arc<Semaphore>,
    permits: usize,
}

impl<'a> SemaphorePermit<'a> {
    /// Of permits that the caller has just taken.
    pub(super) fn new(semaphore: &'a Semaphore, permits: usize) -> Self {
        SemaphorePermit { semaphore, permits }
    }

    /// Takes the permits away for good: there are fewer of them then.
    ///
    /// ```
    /// let semaphore = lif::sync::Semaphore::new(1);
    /// semaphore.acquire().forget();
    /// assert_eq!(semaphore.available_permits(), 0);
    /// ```
    pub fn forget(mut self) {
        self.permits = 0;
    }

    /// How many it is.
    ///
    /// ```
    /// assert_eq!(lif::sync::Semaphore::new(3).acquire_many(2).num_permits(), 2);
    /// ```
    #[must_use]
    pub fn num_permits(&self) -> usize {
        self.permits
    }

    /// Makes one of two.
    ///
    /// # Panics
    ///
    /// If they are permits of two semaphores.
    ///
    /// ```
    /// let semaphore = lif::sync::Semaphore::new(3);
    /// let mut permits = semaphore.acquire();
    /// permits.merge(semaphore.acquire());
    /// assert_eq!(permits.num_permits(), 2);
    /// ```
    #[track_caller]
    pub fn merge(&mut self, mut other: Self) {
        let same = std::ptr::eq(self.semaphore, other.semaphore);
        assert!(same, "permits of two semaphores cannot be merged");
        self.permits += mem::take(&mut other.permits);
    }

    /// Takes `n` out of it, if it has so many.
    ///
    /// ```
    /// let semaphore = lif::sync::Semaphore::new(3);
    /// let mut permits = semaphore.acquire_many(3);
    /// let one = permits.split(1).unwrap();
    /// assert_eq!((permits.num_permits(), one.num_permits()), (2, 1));
    /// ```
    pub fn split(&mut self, n: usize) -> Option<Self> {
        self.permits = self.permits.checked_sub(n)?;
        Some(SemaphorePermit::new(self.semaphore, n))
    }
}

impl OwnedSemaphorePermit {
    /// Of permits that the caller has just taken.
    pub(super) fn new(semaphore: Arc<Semaphore>, permits: usize) -> Self {
        OwnedSemaphorePermit { semaphore, permits }
    }

    /// Takes the permits away for good: there are fewer of them then.
    ///
    /// ```
    /// use lif::sync::{Arc, Semaphore};
    /// let semaphore = Arc::new(Semaphore::new(1));
    /// Arc::clone(&semaphore).acquire_owned().forget();
    /// assert_eq!(semaphore.available_permits(), 0);
    /// ```
    pub fn forget(mut self) {
        self.permits = 0;
    }

    /// How many it is.
    ///
    /// ```
    /// use lif::sync::{Arc, Semaphore};
    /// assert_eq!(Arc::new(Semaphore::new(3)).acquire_many_owned(2).num_permits(), 2);
    /// ```
    #[must_use]
    pub fn num_permits(&self) -> usize {
        self.permits
    }

    /// The semaphore.
    ///
    /// ```
    /// use lif::sync::{Arc, Semaphore};
    /// let permit = Arc::new(Semaphore::new(3)).acquire_owned();
    /// assert_eq!(permit.semaphore().available_permits(), 2);
    /// ```
    #[must_use]
    pub fn semaphore(&self) -> &Arc<Semaphore> {
        &self.semaphore
    }

    /// Makes one of two.
    ///
    /// # Panics
    ///
    /// If they are permits of two semaphores.
    ///
    /// ```
    /// use lif::sync::{Arc, Semaphore};
    /// let semaphore = Arc::new(Semaphore::new(3));
    /// let mut permits = Arc::clone(&semaphore).acquire_owned();
    /// permits.merge(semaphore.acquire_owned());
    /// assert_eq!(permits.num_permits(), 2);
    /// ```
    #[track_caller]
    pub fn merge(&mut self, mut other: Self) {
        let same = Arc::ptr_eq(&self.semaphore, &other.semaphore);
        assert!(same, "permits of two semaphores cannot be merged");
        self.permits += mem::take(&mut other.permits);
    }

    /// Takes `n` out of it, if it has so many.
    ///
    /// ```
    /// use lif::sync::{Arc, Semaphore};
    /// let mut permits = Arc::new(Semaphore::new(3)).acquire_many_owned(3);
    /// let one = permits.split(1).unwrap();
    /// assert_eq!((permits.num_permits(), one.num_permits()), (2, 1));
    /// ```
    pub fn split(&mut self, n: usize) -> Option<Self> {
        self.permits = self.permits.checked_sub(n)?;
        Some(OwnedSemaphorePermit::new(Arc::clone(&self.semaphore), n))
    }
}

impl Drop for SemaphorePermit<'_> {
    fn drop(&mut self) {
        self.semaphore.add_permits(self.permits);
    }
}

impl Drop for OwnedSemaphorePermit {
    fn drop(&mut self) {
        self.semaphore.add_permits(self.permits);
    }
}
