//! `Parker` and `Unparker`.

use std::{
    fmt,
    marker::PhantomData,
    sync::Arc,
    time::{Duration, Instant},
};

use super::notify::Notify;

/// Parks whoever has it; as crossbeam-utils' `sync::Parker`.
///
/// It has a token: [`Unparker::unpark`] puts it there, [`park`](Self::park) takes it, and waits for
/// it if need be. It can be sent to another coroutine or thread, but not shared. A park is a point of
/// cancellation: a coroutine that is cancelled unwinds.
///
/// ```
/// use lif::sync::Parker;
/// lif::run(|| {
///     let parker = Parker::new();
///     let unparker = parker.unparker().clone();
///     lif::go(move || unparker.unpark());
///     parker.park();
/// });
/// ```
pub struct Parker {
    unparker: Unparker,
    _not_sync: PhantomData<*const ()>,
}

// SAFETY: the pointer is there only so that the type is not `Sync`; there is none.
unsafe impl Send for Parker {}

/// Wakes the one that has the [`Parker`]; as crossbeam-utils' `sync::Unparker`.
///
/// ```
/// let parker = lif::sync::Parker::new();
/// let unparker = parker.unparker().clone();
/// std::thread::spawn(move || unparker.unpark());
/// parker.park();
/// ```
#[derive(Clone)]
pub struct Unparker {
    token: Arc<Notify>,
}

impl Parker {
    /// One without a token.
    ///
    /// ```
    /// let parker = lif::sync::Parker::new();
    /// ```
    #[must_use]
    pub fn new() -> Parker {
        Parker { unparker: Unparker { token: Arc::new(Notify::new()) }, _not_sync: PhantomData }
    }

    /// Parks the caller until there is a token, and takes it.
    ///
    /// It never returns without one. A coroutine that is cancelled unwinds; the token, if there is
    /// one, stays. In a coroutine that is unwinding, and so may not switch, the call blocks the
    /// thread.
    ///
    /// ```
    /// let parker = lif::sync::Parker::new();
    /// parker.unparker().unpark();
    /// parker.park();
    /// ```
    pub fn park(&self) {
        self.unparker.token.wait();
    }

    /// As [`park`](Self::park), but no longer than `timeout`.
    ///
    /// ```
    /// lif::sync::Parker::new().park_timeout(std::time::Duration::from_millis(1));
    /// ```
    pub fn park_timeout(&self, timeout: Duration) {
        self.unparker.token.wait_timeout(timeout);
    }

    /// As [`park`](Self::park), but no longer than until `deadline`.
    ///
    /// ```
    /// lif::sync::Parker::new().park_deadline(std::time::Instant::now());
    /// ```
    pub fn park_deadline(&self, deadline: Instant) {
        self.unparker.token.wait_until(Some(deadline));
    }

    /// What wakes it.
    ///
    /// ```
    /// let parker = lif::sync::Parker::new();
    /// parker.unparker().unpark();
    /// ```
    #[must_use]
    pub fn unparker(&self) -> &Unparker {
        &self.unparker
    }

    /// As a raw pointer; [`from_raw`](Self::from_raw) makes a parker of it again.
    ///
    /// ```
    /// use lif::sync::Parker;
    /// let raw = Parker::into_raw(Parker::new());
    /// // SAFETY: it comes from `into_raw`, and is used once.
    /// drop(unsafe { Parker::from_raw(raw) });
    /// ```
    #[must_use]
    pub fn into_raw(this: Parker) -> *const () {
        Unparker::into_raw(this.unparker)
    }

    /// A parker from what [`into_raw`](Self::into_raw) has returned.
    ///
    /// # Safety
    ///
    /// - The pointer comes from [`into_raw`](Self::into_raw), and is given back once.
    ///
    /// ```
    /// use lif::sync::Parker;
    /// let raw = Parker::into_raw(Parker::new());
    /// // SAFETY: it comes from `into_raw`, and is used once.
    /// let parker = unsafe { Parker::from_raw(raw) };
    /// parker.unparker().unpark();
    /// parker.park();
    /// ```
    #[must_use]
    pub unsafe fn from_raw(raw: *const ()) -> Parker {
        // SAFETY: the caller's duty is the same, as a parker is its unparker.
        Parker { unparker: unsafe { Unparker::from_raw(raw) }, _not_sync: PhantomData }
    }
}

impl Unparker {
    /// Puts the token there, and wakes who waits for it; one token at most is there.
    ///
    /// What was written before is visible after the `park` that takes the token.
    ///
    /// ```
    /// let parker = lif::sync::Parker::new();
    /// parker.unparker().unpark();
    /// parker.park();
    /// ```
    pub fn unpark(&self) {
        self.token.notify_one();
    }

    /// As a raw pointer; [`from_raw`](Self::from_raw) makes an unparker of it again.
    ///
    /// ```
    /// use lif::sync::{Parker, Unparker};
    /// let raw = Unparker::into_raw(Parker::new().unparker().clone());
    /// // SAFETY: it comes from `into_raw`, and is used once.
    /// drop(unsafe { Unparker::from_raw(raw) });
    /// ```
    #[must_use]
    pub fn into_raw(this: Unparker) -> *const () {
        Arc::into_raw(this.token).cast()
    }

    /// An unparker from what [`into_raw`](Self::into_raw) has returned.
    ///
    /// # Safety
    ///
    /// - The pointer comes from [`into_raw`](Self::into_raw), and is given back once.
    ///
    /// ```
    /// use lif::sync::{Parker, Unparker};
    /// let parker = Parker::new();
    /// let raw = Unparker::into_raw(parker.unparker().clone());
    /// // SAFETY: it comes from `into_raw`, and is used once.
    /// unsafe { Unparker::from_raw(raw) }.unpark();
    /// parker.park();
    /// ```
    #[must_use]
    pub unsafe fn from_raw(raw: *const ()) -> Unparker {
        // SAFETY: the pointer comes from `Arc::into_raw` on the same type, and is used once, as the
        // caller answers for.
        Unparker { token: unsafe { Arc::from_raw(raw.cast()) } }
    }
}

impl Default for Parker {
    fn default() -> Self {
        Parker::new()
    }
}

impl fmt::Debug for Parker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parker").finish_non_exhaustive()
    }
}

impl fmt::Debug for Unparker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unparker").finish_non_exhaustive()
    }
}
