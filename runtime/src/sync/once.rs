//! `Once`.

use std::{
    fmt,
    panic::{RefUnwindSafe, UnwindSafe},
};

use super::{
    owner::Owner,
    raw_once::{Begin, RawOnce},
    stuck,
};
use crate::{
    current,
    task::{header::TaskRef, thread},
};

/// Has something done once; as [`std::sync::Once`].
///
/// A coroutine that has to wait for another to do it is parked, a plain thread is blocked. The
/// deprecated `ONCE_INIT` of std is left out: it is `Once::new()`.
///
/// # Poisoning, cancellation
///
/// If the closure panics, the `Once` is poisoned, as in std. A cancellation that unwinds it, in a
/// `sleep` of the closure say, is such a panic too. Waiting for somebody else to do it is not a
/// point of cancellation.
///
/// ```
/// static START: lif::sync::Once = lif::sync::Once::new();
/// START.call_once(|| println!("once"));
/// START.call_once(|| unreachable!());
/// ```
pub struct Once {
    raw: RawOnce,
    owner: Owner,
}

impl UnwindSafe for Once {}
impl RefUnwindSafe for Once {}

/// What the closure of [`Once::call_once_force`] is told; as [`std::sync::OnceState`].
///
/// ```
/// let once = lif::sync::Once::new();
/// once.call_once_force(|state| assert!(!state.is_poisoned()));
/// ```
pub struct OnceState {
    poisoned: bool,
}

impl OnceState {
    /// Whether an earlier closure has panicked.
    ///
    /// ```
    /// use std::panic::catch_unwind;
    /// static ONCE: lif::sync::Once = lif::sync::Once::new();
    /// catch_unwind(|| ONCE.call_once(|| panic!("on purpose"))).unwrap_err();
    /// ONCE.call_once_force(|state| assert!(state.is_poisoned()));
    /// ```
    #[must_use]
    pub fn is_poisoned(&self) -> bool {
        self.poisoned
    }
}

/// Ends what was begun, also when it panics.
struct Finish<'a> {
    once: &'a Once,
    complete: bool,
}

impl Drop for Finish<'_> {
    fn drop(&mut self) {
        self.once.owner.set(None);
        self.once.raw.finish(self.complete);
    }
}

impl Once {
    /// One that nothing was done for.
    ///
    /// ```
    /// static START: lif::sync::Once = lif::sync::Once::new();
    /// assert!(!START.is_completed());
    /// ```
    #[must_use]
    #[expect(clippy::new_without_default, reason = "std's has none either")]
    pub const fn new() -> Once {
        Once { raw: RawOnce::new(), owner: Owner::nobody() }
    }

    /// Calls `f` if nobody has before; parks the caller while another does.
    ///
    /// After it has returned, what the closure did is visible. Not a point of cancellation.
    ///
    /// # Panics
    ///
    /// If `f` does, or an earlier closure has. If `f` itself comes to the same `Once`, where std
    /// leaves open whether it panics or waits for ever. In a coroutine that is unwinding, and so may
    /// not switch, the call blocks the thread; if the one that is at it is a coroutine of the same
    /// worker, that would be for ever, and the process is aborted with a message.
    ///
    /// ```
    /// static START: lif::sync::Once = lif::sync::Once::new();
    /// START.call_once(|| println!("once"));
    /// assert!(START.is_completed());
    /// ```
    #[inline]
    #[track_caller]
    pub fn call_once<F: FnOnce()>(&self, f: F) {
        if !self.raw.is_done() {
            self.call(false, |_| f());
        }
    }

    /// As [`call_once`](Self::call_once), but calls `f` also if an earlier closure has panicked.
    ///
    /// # Panics
    ///
    /// If `f` does, or comes to the same `Once`.
    ///
    /// ```
    /// use std::panic::catch_unwind;
    /// static ONCE: lif::sync::Once = lif::sync::Once::new();
    /// catch_unwind(|| ONCE.call_once(|| panic!("on purpose"))).unwrap_err();
    /// ONCE.call_once_force(|_| {});
    /// assert!(ONCE.is_completed());
    /// ```
    #[inline]
    #[track_caller]
    pub fn call_once_force<F: FnOnce(&OnceState)>(&self, f: F) {
        if !self.raw.is_done() {
            self.call(true, f);
        }
    }

    /// Whether a closure has returned.
    ///
    /// ```
    /// assert!(!lif::sync::Once::new().is_completed());
    /// ```
    #[inline]
    pub fn is_completed(&self) -> bool {
        self.raw.is_done()
    }

    /// Parks the caller until a closure has returned, without calling one.
    ///
    /// Not a point of cancellation.
    ///
    /// # Panics
    ///
    /// If a closure has panicked, or does while this waits.
    ///
    /// ```
    /// static READY: lif::sync::Once = lif::sync::Once::new();
    /// lif::run(|| {
    ///     lif::go(|| READY.call_once(|| {}));
    ///     READY.wait();
    /// });
    /// ```
    #[track_caller]
    pub fn wait(&self) {
        assert!(self.raw.wait(false), "{POISONED}");
    }

    /// As [`wait`](Self::wait), but goes on waiting if a closure panics.
    ///
    /// ```
    /// static READY: lif::sync::Once = lif::sync::Once::new();
    /// lif::run(|| {
    ///     lif::go(|| READY.call_once(|| {}));
    ///     READY.wait_force();
    /// });
    /// ```
    pub fn wait_force(&self) {
        self.raw.wait(true);
    }

    #[cold]
    #[track_caller]
    fn call(&self, force: bool, f: impl FnOnce(&OnceState)) {
        // Held, so that no other thread is taken for this one meanwhile.
        let thread = current::task().is_none().then(|| thread::with(|thread| thread.handle()));
        let me = thread.as_ref().map(TaskRef::task).or_else(current::task);
        let me = me.expect("a thread, if not a coroutine");
        let is_mine = self.owner.get().is_some_and(|owner| std::ptr::eq(owner, me));
        assert!(!is_mine, "the closure of a Once has come to the same Once");
        let urgent = stuck::blocks_its_worker();
        let begun = self.raw.begin(force, || {
            if urgent {
                stuck::check(self.owner.get(), "a Once");
            }
        });
        match begun {
            Begin::Done => {}
            Begin::Poisoned => panic!("{POISONED}"),
            Begin::Run { poisoned } => {
                self.owner.set(Some(me));
                let mut finish = Finish { once: self, complete: false };
                f(&OnceState { poisoned });
                finish.complete = true;
            }
        }
    }
}

const POISONED: &str = "the Once is poisoned: its closure has panicked before";

impl fmt::Debug for Once {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Once").finish_non_exhaustive()
    }
}

impl fmt::Debug for OnceState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OnceState").field("poisoned", &self.is_poisoned()).finish()
    }
}
