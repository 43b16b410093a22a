//! The lock as `Mutex` and `RwLock` use it: the raw one, and who holds all of it.

use super::{
    owner::Owner,
    raw_lock::{RawLock, Share},
    stuck,
};

/// See the module.
#[derive(Debug)]
pub(crate) struct Lock {
    raw: RawLock,
    owner: Owner,
}

impl Lock {
    pub(crate) const fn new() -> Lock {
        Lock { raw: RawLock::new(), owner: Owner::nobody() }
    }

    /// Takes a share, and waits for it if need be. Not a point of cancellation.
    #[inline]
    pub(crate) fn lock(&self, share: Share) {
        if !self.raw.try_lock(share) {
            self.wait(share);
        }
        self.taken(share);
    }

    /// Takes a share if that is possible at once.
    #[inline]
    pub(crate) fn try_lock(&self, share: Share) -> bool {
        let locked = self.raw.try_lock(share);
        if locked {
            self.taken(share);
        }
        locked
    }

    /// Gives up a share that the caller has.
    #[inline]
    pub(crate) fn unlock(&self, share: Share) {
        if share == Share::One {
            self.owner.set(None);
        }
        self.raw.unlock(share, |next| self.owner.set(Some(next.task)));
    }

    #[inline]
    fn taken(&self, share: Share) {
        if share == Share::One {
            self.owner.set_me();
        }
    }

    #[cold]
    fn wait(&self, share: Share) {
        let urgent = stuck::blocks_its_worker();
        assert!(urgent || !self.owner.is_me(), "a coroutine waits for a lock that it holds itself");
        self.raw.lock_slow(share, urgent, || {
            if urgent {
                stuck::check(self.owner.get(), "a lock");
            }
        });
    }
}
