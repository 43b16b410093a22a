//! A descriptor's slot: where it is registered, what it is ready for, who waits.
//!
//! Slots are type-stable, and the kernel knows them as (index, generation). An event whose
//! generation is not the slot's is stale, dropped and counted: it was meant for a registration that
//! has been moved or deleted.
//!
//! | registration | how it gets there |
//! |---|---|
//! | none | a new slot; a socket that never had to wait, or only on plain threads |
//! | in the poller of worker P | [`enlist`](Slot::enlist): at the first wait on P; DELETE, then ADD |
//! | moved to P' | at a wait on P', when P has stopped, or when only P' has waited several times running |
//! | orphan | P has stopped: every waiter was woken, the next one moves it |
//!
//! ADD reports what is ready at that moment, so neither a move nor a change of interest can lose
//! anything. All of it happens under the slot's lock, also the system calls, which are rare.

use std::{
    io,
    os::fd::BorrowedFd,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use lif_poller::{Event, Interest, Mode, Token};

use super::{
    driver::Driver,
    readiness::{Direction, Readiness, Report},
};
use crate::{
    sched::inbox::Inbox,
    stable::{Pooled, Stable},
    task::{
        header::{Task, Waker},
        list::{Node, WaitList},
        state::Wake,
    },
};

pub(crate) static SLOTS: Stable<Slot> = Stable::new();

/// So many waits running on the same foreign worker move a registration there.
const MOVE_AFTER: u8 = 4;

/// See the module.
pub(crate) struct Slot {
    pub(crate) readiness: Readiness,
    inner: Mutex<Inner>,
    index: u32,
}

struct Inner {
    generation: u32,
    registered: Option<Registered>,
    readers: WaitList,
    writers: WaitList,
}

struct Registered {
    driver: Arc<Driver>,
    interest: Interest,
    /// How many times running a foreign worker was the only one to wait.
    foreign: u8,
}

impl Pooled for Slot {
    fn new(index: u32) -> Self {
        let inner = Inner {
            generation: 0,
            registered: None,
            readers: WaitList::new(),
            writers: WaitList::new(),
        };
        Slot { readiness: Readiness::new(), inner: Mutex::new(inner), index }
    }
}

impl Inner {
    fn list(&mut self, direction: Direction) -> &mut WaitList {
        match direction {
            Direction::Read => &mut self.readers,
            Direction::Write => &mut self.writers,
        }
    }

    fn wanted(&self) -> Interest {
        let mut wanted = Interest::NONE;
        if !self.readers.is_empty() {
            wanted |= Interest::READ;
        }
        if !self.writers.is_empty() {
            wanted |= Interest::WRITE;
        }
        wanted
    }

    /// Wakes all that a report concerns.
    fn wake(&mut self, report: Report, mut wake: impl FnMut(Waker)) {
        for direction in [Direction::Read, Direction::Write] {
            if report.has(direction) {
                while let Some(waker) = self.list(direction).pop() {
                    wake(waker);
                }
            }
        }
    }
}

impl Slot {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn token(&self, inner: &Inner) -> Token {
        Token::new(self.index, inner.generation)
    }

    /// A slot for a new owner.
    pub(crate) fn take() -> &'static Slot {
        let slot = SLOTS.take();
        slot.readiness.reset();
        slot
    }

    /// Puts a wait in the list of its side, and sees to it that `driver`, or another that runs,
    /// watches `fd`. False if the wait need not park: the side is ready, or the slot is closed.
    ///
    /// # Safety
    ///
    /// - As [`WaitList::push`]; [`withdraw`](Self::withdraw) takes it out again.
    pub(crate) unsafe fn enlist(
        &self,
        direction: Direction,
        node: &Node,
        fd: BorrowedFd<'_>,
        driver: &Arc<Driver>,
    ) -> io::Result<bool> {
        let mut inner = self.lock();
        self.watch(&mut inner, direction, fd, driver)?;
        let now = self.readiness.snapshot();
        if now.has(direction) || now.is_closed() {
            return Ok(false);
        }
        // SAFETY: the caller's duty is the same.
        unsafe { inner.list(direction).push(node) };
        Ok(true)
    }

    /// The same for a thread, which sits in poll(2) itself: only so that it can be woken.
    ///
    /// # Safety
    ///
    /// - As [`enlist`](Self::enlist).
    pub(crate) unsafe fn enlist_thread(&self, direction: Direction, node: &Node) -> bool {
        let mut inner = self.lock();
        if self.readiness.snapshot().is_closed() {
            return false;
        }
        // SAFETY: the caller's duty is the same.
        unsafe { inner.list(direction).push(node) };
        true
    }

    /// Takes a wait out of its list, if nobody has woken it.
    pub(crate) fn withdraw(&self, direction: Direction, node: &Node) {
        if node.is_linked() {
            // SAFETY: the caller has enlisted it on this side of this slot.
            unsafe { self.lock().list(direction).remove(node) };
        }
    }

    /// Registers the descriptor where it is not yet, for what it is not yet.
    fn watch(
        &self,
        inner: &mut Inner,
        direction: Direction,
        fd: BorrowedFd<'_>,
        driver: &Arc<Driver>,
    ) -> io::Result<()> {
        let alone = inner.readers.is_empty() && inner.writers.is_empty();
        let mut interest = direction.interest();
        let mut target = driver;
        if let Some(registered) = &mut inner.registered {
            let at_home = Arc::ptr_eq(&registered.driver, driver);
            let stopped = registered.driver.is_stopped();
            registered.foreign = match at_home || !alone {
                true => 0,
                false => registered.foreign + 1,
            };
            let stays = !stopped && registered.foreign < MOVE_AFTER;
            if stays && registered.interest.contains(interest) {
                return Ok(());
            }
            interest |= registered.interest;
            if stays {
                target = &registered.driver;
            } else if !stopped {
                registered.driver.poller.delete(fd)?;
            }
        }
        let target = Arc::clone(target);
        if !inner.registered.as_ref().is_some_and(|at| Arc::ptr_eq(&at.driver, &target)) {
            // What the old poller may still report is stale from here on.
            inner.generation = inner.generation.wrapping_add(1);
            inner.registered = None;
        }
        // Before ADD, which reports what is ready.
        self.readiness.forget(interest);
        if let Err(error) = target.poller.add(fd, self.token(inner), interest, Mode::Edge) {
            // DELETE has been done, so nothing is registered.
            inner.registered = None;
            self.report(inner, Report::ALL);
            return Err(error);
        }
        inner.registered = Some(Registered { driver: target, interest, foreign: 0 });
        Ok(())
    }

    /// Whether the kernel is asked about that side, so that its bit means what it says.
    pub(crate) fn is_watched(&self, direction: Direction) -> bool {
        let inner = self.lock();
        let asked = |at: &Registered| at.interest.contains(direction.interest());
        inner.registered.as_ref().is_some_and(asked)
    }

    /// Sets bits and wakes whom they concern.
    fn report(&self, inner: &mut Inner, report: Report) {
        self.readiness.report(report);
        inner.wake(report, |waker| {
            waker.wake();
        });
    }

    /// Lets all that wait on one side call again.
    pub(crate) fn wake(&self, direction: Direction) {
        self.report(&mut self.lock(), Report::side(direction));
    }

    /// Closes it for good: all waits end, and new ones do not begin.
    pub(crate) fn close(&self) {
        self.report(&mut self.lock(), Report::CLOSED);
    }

    /// The owner lets go: DELETE, and back to the pool.
    pub(crate) fn release(&'static self, fd: BorrowedFd<'_>) {
        let mut inner = self.lock();
        debug_assert_eq!(inner.wanted(), Interest::NONE, "who waits borrows the owner");
        if let Some(registered) = inner.registered.take()
            && !registered.driver.is_stopped()
        {
            // A failure leaves a registration whose events are stale.
            let _stale = registered.driver.poller.delete(fd);
        }
        inner.generation = inner.generation.wrapping_add(1);
        drop(inner);
        SLOTS.give(self);
    }
}

/// Hands an event to its slot. Tasks of the worker that polls are put into `polled`. False if the
/// event is stale.
pub(crate) fn dispatch(
    event: Event,
    driver: &Arc<Driver>,
    home: &'static Inbox,
    polled: &mut Vec<Task>,
) -> bool {
    let token = event.token();
    let Some(slot) = SLOTS.get(token.slot) else {
        return false;
    };
    let mut inner = slot.lock();
    let Some(registered) = &inner.registered else {
        return false;
    };
    if inner.generation != token.generation || !Arc::ptr_eq(&registered.driver, driver) {
        return false;
    }
    let report = Report::of(&event);
    slot.readiness.report(report);
    inner.wake(report, |waker| match waker.task.word.wake(waker.epoch) {
        Wake::Enqueue if waker.task.home().is_some_and(|at| std::ptr::eq(at, home)) => {
            polled.push(waker.task);
        }
        Wake::Enqueue => waker.task.deliver(),
        Wake::Noticed | Wake::Stale => {}
    });
    true
}

/// A worker stops polling: whoever waits for its poller is woken, and registers elsewhere.
pub(crate) fn orphan_all(driver: &Arc<Driver>) {
    driver.stop();
    for slot in SLOTS.all() {
        let mut inner = slot.lock();
        let here = |registered: &Registered| Arc::ptr_eq(&registered.driver, driver);
        if inner.registered.as_ref().is_some_and(here) {
            inner.registered = None;
            inner.generation = inner.generation.wrapping_add(1);
            slot.report(&mut inner, Report::ALL);
        }
    }
}
