//! A descriptor of ours and how its operations wait.

use std::{
    fmt, io,
    mem::ManuallyDrop,
    os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd},
    ptr,
    sync::{
        Arc,
        atomic::{AtomicPtr, Ordering},
    },
    time::{Duration, Instant},
};

use super::{
    driver::Driver,
    poll,
    readiness::{Direction, Snapshot},
    slot::{SLOTS, Slot},
};
use crate::{
    coop, current,
    net::Closed,
    task::{
        list::Node,
        state::Commit,
        thread,
        wait::{Kind, Until, Wait, Waited, thread_resumes},
    },
};

/// How long an operation may wait.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Limit {
    /// From its first wait on; `None` is for ever.
    pub(crate) timeout: Option<Duration>,
    /// Not at all.
    pub(crate) nonblocking: bool,
}

/// How a wait for readiness has ended.
enum Ready {
    CallAgain,
    TimedOut,
}

/// See the module. The descriptor is non-blocking.
pub(crate) struct Source {
    fd: ManuallyDrop<OwnedFd>,
    /// Null until an operation has to wait.
    slot: AtomicPtr<Slot>,
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Source").field("fd", &self.fd.as_raw_fd()).finish_non_exhaustive()
    }
}

impl Source {
    /// Takes over a descriptor that is non-blocking already. No system call.
    pub(crate) fn new(fd: OwnedFd) -> Source {
        Source { fd: ManuallyDrop::new(fd), slot: AtomicPtr::new(ptr::null_mut()) }
    }

    pub(crate) fn fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }

    /// Gives the descriptor back, registered nowhere.
    pub(crate) fn into_fd(self) -> OwnedFd {
        let mut this = ManuallyDrop::new(self);
        this.release();
        // SAFETY: `this` is not dropped, so the descriptor is taken once.
        unsafe { ManuallyDrop::take(&mut this.fd) }
    }

    fn release(&mut self) {
        if let Some(slot) = self.slot() {
            slot.release(self.fd());
            *self.slot.get_mut() = ptr::null_mut();
        }
    }

    #[inline]
    fn slot(&self) -> Option<&'static Slot> {
        // ORDER: Acquire: partner is the Release in `slot_or_new`, for the reset of the slot.
        let slot = self.slot.load(Ordering::Acquire);
        // SAFETY: slots are type-stable.
        unsafe { slot.as_ref() }
    }

    pub(crate) fn slot_or_new(&self) -> &'static Slot {
        if let Some(slot) = self.slot() {
            return slot;
        }
        let mine = Slot::take();
        let raw = ptr::from_ref(mine).cast_mut();
        // ORDER: Release: publishes the reset. Acquire on failure: as in `slot`.
        let set =
            self.slot.compare_exchange(ptr::null_mut(), raw, Ordering::AcqRel, Ordering::Acquire);
        if set.is_err() {
            SLOTS.give(mine);
        }
        self.slot().expect("set by us or by another")
    }

    /// Calls `op` until it does not say `WouldBlock`, and parks in between. A timeout gives
    /// `WouldBlock`, as the system's own does.
    pub(crate) fn io<T>(
        &self,
        direction: Direction,
        limit: Limit,
        op: impl FnMut(BorrowedFd<'_>) -> io::Result<T>,
    ) -> io::Result<T> {
        self.call(direction, limit, |_, _| false, op)
    }

    /// The same for a plain read or write on a stream that moves up to `len` bytes: a short count
    /// says that nothing is left, or no room, so the next operation waits without calling.
    pub(crate) fn transfer(
        &self,
        direction: Direction,
        limit: Limit,
        len: usize,
        op: impl FnMut(BorrowedFd<'_>) -> io::Result<usize>,
    ) -> io::Result<usize> {
        let drained =
            |before: Snapshot, &moved: &usize| moved < len && before.short_means_drained(direction);
        self.call(direction, limit, drained, op)
    }

    #[inline]
    fn call<T>(
        &self,
        direction: Direction,
        limit: Limit,
        drained: impl Fn(Snapshot, &T) -> bool,
        mut op: impl FnMut(BorrowedFd<'_>) -> io::Result<T>,
    ) -> io::Result<T> {
        coop::operation()?;
        let mut deadline = None;
        loop {
            let slot = self.slot();
            let before = slot.map(|slot| slot.readiness.snapshot());
            if before.is_some_and(Snapshot::is_closed) {
                return Err(Closed.into());
            }
            let may_succeed = before.is_none_or(|before| before.has(direction));
            if may_succeed || limit.nonblocking || current::switchable().is_none() {
                let done = op(self.fd());
                if let (Some(slot), Some(before)) = (slot, before) {
                    let empty = match &done {
                        Ok(value) => drained(before, value),
                        Err(error) => error.kind() == io::ErrorKind::WouldBlock,
                    };
                    if empty {
                        slot.readiness.clear(direction, before);
                    }
                }
                match done {
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                        if limit.nonblocking {
                            return Err(error);
                        }
                    }
                    done => return done,
                }
            }
            match self.wait_until(direction, limit, &mut deadline)? {
                Ready::CallAgain => {}
                Ready::TimedOut => return Err(io::Error::from_raw_os_error(libc::EAGAIN)),
            }
        }
    }

    /// Waits until the descriptor is reported ready, without an operation; for a connection that
    /// is being made.
    pub(crate) fn wait(&self, direction: Direction, limit: Limit) -> io::Result<()> {
        coop::operation()?;
        let mut deadline = None;
        loop {
            if let Some(slot) = self.slot() {
                let now = slot.readiness.snapshot();
                if now.is_closed() {
                    return Err(Closed.into());
                }
                if slot.is_watched(direction) && now.has(direction) {
                    return Ok(());
                }
            }
            if current::switchable().is_none() && poll::is_ready(self.fd(), direction.interest())? {
                return Ok(());
            }
            match self.wait_until(direction, limit, &mut deadline)? {
                Ready::CallAgain => {}
                Ready::TimedOut => {
                    let late = "the connection was not made in time";
                    return Err(io::Error::new(io::ErrorKind::TimedOut, late));
                }
            }
        }
    }

    /// Lets all that wait on that side call again.
    pub(crate) fn wake(&self, direction: Direction) {
        if let Some(slot) = self.slot() {
            slot.wake(direction);
        }
    }

    /// Ends every wait, and every call from now on, with [`Closed`].
    pub(crate) fn close(&self) {
        self.slot_or_new().close();
    }

    #[cold]
    fn wait_until(
        &self,
        direction: Direction,
        limit: Limit,
        deadline: &mut Option<Instant>,
    ) -> io::Result<Ready> {
        if let (None, Some(timeout)) = (*deadline, limit.timeout) {
            // One that the clock can't count to is for ever.
            *deadline = Instant::now().checked_add(timeout);
        }
        if current::switchable().is_some() {
            return current::with_worker(|worker| {
                let driver = worker.expect("a coroutine has a worker").driver();
                self.wait_in_coroutine(direction, *deadline, driver)
            });
        }
        if current::task().is_some() {
            return Err(coop::unwinding());
        }
        self.wait_on_thread(direction, *deadline)
    }

    fn wait_in_coroutine(
        &self,
        direction: Direction,
        deadline: Option<Instant>,
        driver: &Arc<Driver>,
    ) -> io::Result<Ready> {
        let slot = self.slot_or_new();
        let wait = Wait::begin(Kind::Cancellable);
        let node = Node::new(wait.waker(), ());
        // SAFETY: the node is withdrawn below, before it goes; a park does not unwind.
        if !unsafe { slot.enlist(direction, &node, self.fd(), driver) }? {
            // Without a park; so that no chain of these keeps the worker from the others.
            return coop::operation().map(|()| Ready::CallAgain);
        }
        let waited = wait.park(deadline);
        let was_woken = !node.is_linked();
        slot.withdraw(direction, &node);
        match waited {
            // The event has come as well: the call decides.
            Waited::TimedOut | Waited::Cancelled if was_woken => Ok(Ready::CallAgain),
            Waited::TimedOut => Ok(Ready::TimedOut),
            Waited::Woken => Ok(Ready::CallAgain),
            Waited::Cancelled => Err(coop::cancelled()),
        }
    }

    fn wait_on_thread(&self, direction: Direction, deadline: Option<Instant>) -> io::Result<Ready> {
        let slot = self.slot_or_new();
        thread::with(|thread| {
            let wire = thread.wire()?;
            let wait = Wait::begin(Kind::Uninterruptible);
            let waker = wait.waker();
            let node = Node::new(waker, ());
            // SAFETY: the node is withdrawn below, before it goes.
            if !unsafe { slot.enlist_thread(direction, &node) } {
                return Ok(Ready::CallAgain);
            }
            let until = Until::of(Kind::Cancellable, deadline);
            let polled = match waker.task.word.commit() {
                Commit::Parked => {
                    let interest = direction.interest();
                    let polled = thread.parker().park_on(wire, self.fd(), interest, until.first);
                    let rung = matches!(polled, Ok(poll::Woken::Rung));
                    let _either = thread_resumes(waker, thread, rung);
                    polled
                }
                Commit::Noticed | Commit::Cancelled => Ok(poll::Woken::Rung),
            };
            slot.withdraw(direction, &node);
            match polled? {
                poll::Woken::TimedOut => match until.judge(Waited::TimedOut) {
                    Waited::Cancelled => Err(coop::cancelled()),
                    _ => Ok(Ready::TimedOut),
                },
                _ => Ok(Ready::CallAgain),
            }
        })
    }
}

impl Drop for Source {
    fn drop(&mut self) {
        self.release();
        // SAFETY: dropped once, here; `into_fd` does not come here.
        unsafe { ManuallyDrop::drop(&mut self.fd) };
    }
}
