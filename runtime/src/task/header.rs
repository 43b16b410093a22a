//! The header of a task: what handles and wakers share, and what only its home touches.
//!
//! Headers live in a type-stable pool, so a waker is a plain pointer with an epoch, and a stale one
//! is refused by the task word. Plain OS threads that wait for something of the library have a
//! header too: there is one way to park and one to wake.
//!
//! This file must not know how a task is scheduled, only to whom it is handed.

use std::{
    cell::{Cell, UnsafeCell},
    panic::Location,
    ptr::NonNull,
    sync::{
        Arc,
        atomic::{AtomicPtr, AtomicU32, AtomicU64, Ordering},
    },
};

use lif_coro::{Coroutine, StackSize, Suspender};

use super::{
    body::BodyPtr,
    join_future::Joiner,
    join_word::JoinWord,
    local::Locals,
    park_word::ParkWord,
    scope::ScopeCore,
    state::{Epoch, TaskWord, Wake},
    thread::Parker,
};
use crate::{
    cancel::Reason,
    current,
    sched::inbox::Inbox,
    stable::{Pooled, Stable},
};

/// A task, by its header.
pub(crate) type Task = &'static Header;

pub(crate) static HEADERS: Stable<Header> = Stable::new();

/// No deadline, no timer, no place.
pub(crate) const NONE: u32 = u32::MAX;

/// See the module.
pub(crate) struct Header {
    pub(crate) word: TaskWord,
    /// The inbox of the home, from the first run on, or from when only one worker can start it;
    /// null before, and for threads.
    home: AtomicPtr<Inbox>,
    /// The parker of an OS thread; null for coroutines.
    parker: AtomicPtr<Parker>,
    local: HomeOnly<Local>,
    pub(crate) join: JoinWord,
    pub(crate) park: ParkWord,
    /// The handle's while the join word is OPEN, the finisher's if it saw WAITING.
    joiner: UnsafeCell<Option<Joiner>>,
    meta: UnsafeCell<Meta>,
    id: AtomicU64,
    reason: AtomicU32,
    refs: AtomicU32,
}

/// What is written before a task is queued, and then only read until its last reference goes.
pub(crate) struct Meta {
    pub(crate) name: Option<Box<str>>,
    pub(crate) spawned_at: &'static Location<'static>,
    pub(crate) stack_size: StackSize,
    pub(crate) runtime: u32,
}

/// What only the home touches (and the spawner, before it queues the task).
pub(crate) struct Local {
    /// The coroutine, from the first run until it has finished.
    pub(crate) coroutine: UnsafeCell<Option<Coroutine>>,
    /// The closure and the place of its result, from the spawn until the coroutine has run it.
    pub(crate) body: Cell<Option<BodyPtr>>,
    /// How the coroutine switches away; stands on its own stack.
    pub(crate) suspender: Cell<Option<NonNull<Suspender>>>,
    /// The present wait, for the timer that may end it.
    pub(crate) waiting: Cell<Option<Epoch>>,
    /// When the present wait ends by itself, in ticks of the wheel.
    pub(crate) deadline: Cell<u64>,
    /// The entry in the home's wheel, or `NONE`.
    pub(crate) timer: Cell<u32>,
    /// The place among the home's residents, or `NONE`.
    pub(crate) resident: Cell<u32>,
    /// How many shields defer a cancellation.
    pub(crate) shields: Cell<u32>,
    /// When the nearest `timeout` around the running code ends its waits, by the clock.
    pub(crate) scope_deadline: Cell<u64>,
    /// The scope that waits for the end of this task.
    pub(crate) scope: Cell<Option<Arc<ScopeCore>>>,
    /// The values of `coroutine_local!`.
    pub(crate) locals: Locals,
    /// Whether the timer has ended the present wait.
    pub(crate) timed_out: Cell<bool>,
}

/// A value that only one thread at a time may touch, by a rule that the compiler cannot see.
pub(crate) struct HomeOnly<T>(T);

impl<T> HomeOnly<T> {
    /// The value.
    ///
    /// # Safety
    ///
    /// - The caller is on the thread of the task's home, or is the spawner and has not queued the
    ///   task yet, or is the worker that has popped it and is making it a resident.
    pub(crate) unsafe fn get(&self) -> &T {
        &self.0
    }
}

// SAFETY: the atomics are Sync. `local` is reached only through `HomeOnly::get`, whose callers
// answer for being alone with it. `joiner` is handed over by the join word, `meta` is written by
// the spawner before the task is shared and dropped after the last reference has gone.
unsafe impl Sync for Header {}

impl Pooled for Header {
    fn new(_index: u32) -> Self {
        Header {
            word: TaskWord::new(),
            home: AtomicPtr::new(std::ptr::null_mut()),
            parker: AtomicPtr::new(std::ptr::null_mut()),
            local: HomeOnly(Local {
                coroutine: UnsafeCell::new(None),
                body: Cell::new(None),
                suspender: Cell::new(None),
                waiting: Cell::new(None),
                deadline: Cell::new(u64::MAX),
                timer: Cell::new(NONE),
                resident: Cell::new(NONE),
                shields: Cell::new(0),
                scope_deadline: Cell::new(u64::MAX),
                scope: Cell::new(None),
                locals: Locals::new(),
                timed_out: Cell::new(false),
            }),
            join: JoinWord::new(),
            park: ParkWord::new(),
            joiner: UnsafeCell::new(None),
            meta: UnsafeCell::new(Meta {
                name: None,
                spawned_at: Location::caller(),
                stack_size: StackSize::DEFAULT,
                runtime: 0,
            }),
            id: AtomicU64::new(0),
            reason: AtomicU32::new(0),
            refs: AtomicU32::new(0),
        }
    }
}

impl Header {
    /// Makes a header from the pool into a task with `refs` references.
    ///
    /// # Safety
    ///
    /// - The header comes from the pool and has not been shared since.
    pub(crate) unsafe fn assign(&self, id: u64, meta: Meta, refs: u32) {
        // SAFETY: nobody else refers to an unshared header, but for stale wakers, which touch the
        // word alone.
        unsafe { *self.meta.get() = meta };
        // ORDER: Relaxed, all three: the queue to which the task is pushed, or the handle that is
        // returned, publishes the header; for scans `refs` does.
        self.id.store(id, Ordering::Relaxed);
        self.reason.store(0, Ordering::Relaxed);
        self.home.store(std::ptr::null_mut(), Ordering::Relaxed);
        self.join.reopen();
        self.park.end();
        // ORDER: Release: partner is the Acquire in `try_ref`: who finds a reference to share sees
        // all of the above.
        self.refs.store(refs, Ordering::Release);
    }

    pub(crate) fn id(&self) -> u64 {
        // ORDER: Relaxed: written before the header was shared.
        self.id.load(Ordering::Relaxed)
    }

    /// What the spawner said of the task. The caller holds a reference, or runs on its home.
    pub(crate) fn meta(&self) -> &Meta {
        // SAFETY: written by `assign` before the header was shared; dropped by `recycle` after
        // the last reference has gone, and the caller has one.
        unsafe { &*self.meta.get() }
    }

    /// See [`HomeOnly::get`].
    ///
    /// # Safety
    ///
    /// - As [`HomeOnly::get`].
    pub(crate) unsafe fn local(&self) -> &Local {
        // SAFETY: the caller's duty is the same.
        unsafe { self.local.get() }
    }

    /// Whether this is an OS thread and not a coroutine.
    pub(crate) fn is_thread(&self) -> bool {
        // ORDER: Relaxed: only compared with null.
        !self.parker.load(Ordering::Relaxed).is_null()
    }

    /// Says which thread this header stands for, or with `None` that it stands for none any more.
    pub(crate) fn set_parker(&self, parker: Option<&'static Parker>) {
        let raw =
            parker.map_or(std::ptr::null_mut(), |parker| std::ptr::from_ref(parker).cast_mut());
        // ORDER: Relaxed: set before the header is shared, and again when it no longer is.
        self.parker.store(raw, Ordering::Relaxed);
    }

    /// The home, once the task has been started.
    pub(crate) fn home(&self) -> Option<&'static Inbox> {
        // ORDER: Relaxed: who wakes has acquired the word from a commit that came after the home
        // was set; anyone else only compares.
        NonNull::new(self.home.load(Ordering::Relaxed)).map(|home| {
            // SAFETY: inboxes are type-stable.
            unsafe { home.as_ref() }
        })
    }

    /// Makes the caller's worker the home.
    pub(crate) fn set_home(&self, inbox: &'static Inbox) {
        // ORDER: Relaxed: partner is whoever acquires the word from the first commit.
        self.home.store(std::ptr::from_ref(inbox).cast_mut(), Ordering::Relaxed);
    }

    /// Hands a task that has just been claimed to whoever runs it: the duty of `Wake::Enqueue`.
    pub(crate) fn deliver(&'static self) {
        // ORDER: Relaxed: as in `home`.
        if let Some(parker) = NonNull::new(self.parker.load(Ordering::Relaxed)) {
            // SAFETY: parkers are type-stable.
            unsafe { parker.as_ref() }.unpark();
            return;
        }
        let home = self.home().expect("a task that has waited has a home");
        if !current::push_local(self, home) {
            home.push(self);
        }
    }

    /// Asks the task to end, for `reason` if it has none yet.
    pub(crate) fn cancel(&'static self, reason: Reason) {
        // ORDER: Relaxed: published by the Release in `TaskWord::cancel`. The first reason stays.
        let raw = reason.to_raw();
        let _first = self.reason.compare_exchange(0, raw, Ordering::Relaxed, Ordering::Relaxed);
        if self.word.cancel() == Wake::Enqueue {
            self.deliver();
        }
    }

    /// Why the task was cancelled, if it was.
    pub(crate) fn cancelled(&self) -> Option<Reason> {
        // ORDER: Relaxed: the word was acquired by `is_cancelled`.
        self.word.is_cancelled().then(|| Reason::from_raw(self.reason.load(Ordering::Relaxed)))
    }

    /// Writes who joins.
    ///
    /// # Safety
    ///
    /// - The caller is the one handle, and its last change of the join word has left it OPEN.
    pub(crate) unsafe fn set_joiner(&self, joiner: Joiner) {
        // SAFETY: the finisher reads it only after it has seen WAITING, which the handle sets
        // after this.
        unsafe { *self.joiner.get() = Some(joiner) };
    }

    /// Takes who joins.
    ///
    /// # Safety
    ///
    /// - The caller has got `Finish::WakeJoiner` from the join word, or is the one handle, and its
    ///   last change of the join word has left it OPEN.
    pub(crate) unsafe fn take_joiner(&self) -> Option<Joiner> {
        // SAFETY: the handle has written it before WAITING, and does not touch it again unless it
        // can take WAITING back; who finishes a word that is OPEN does not touch it at all.
        unsafe { (*self.joiner.get()).take() }
    }

    /// One more reference, if there is one yet: for scans over all headers.
    pub(crate) fn try_ref(&'static self) -> Option<TaskRef> {
        // ORDER: Acquire: partner is the Release in `TaskRef::drop` and the publication of the
        // header: the meta that the reference protects is visible.
        self.refs
            .fetch_update(Ordering::Acquire, Ordering::Relaxed, |refs| (refs > 0).then(|| refs + 1))
            .ok()
            .map(|_| TaskRef(self))
    }

    /// The last reference has gone.
    fn recycle(&'static self) {
        // SAFETY: no reference is left, and the header is not in the pool yet.
        unsafe { (*self.meta.get()).name = None };
        self.word.recycled();
        current::give_header(self);
    }
}

/// A counted reference to a header: it is not reused while one exists.
pub(crate) struct TaskRef(Task);

impl TaskRef {
    /// Takes over one of the references that `assign` has counted.
    ///
    /// # Safety
    ///
    /// - The reference is counted and nobody else's.
    pub(crate) unsafe fn adopt(task: Task) -> TaskRef {
        TaskRef(task)
    }

    /// The header.
    pub(crate) fn task(&self) -> Task {
        self.0
    }
}

impl Clone for TaskRef {
    fn clone(&self) -> Self {
        // ORDER: Relaxed: a new reference is made from one that keeps the header as it is.
        self.0.refs.fetch_add(1, Ordering::Relaxed);
        TaskRef(self.0)
    }
}

impl Drop for TaskRef {
    fn drop(&mut self) {
        // ORDER: AcqRel: Release: my uses come before the recycling; Acquire: so do the others'.
        if self.0.refs.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.recycle();
        }
    }
}

/// Names one wait of one task; ends it, if it still lasts. Copied freely, owns nothing.
#[derive(Clone, Copy)]
pub(crate) struct Waker {
    pub(crate) task: Task,
    pub(crate) epoch: Epoch,
}

/// A wait that the caller has won.
#[must_use = "a task that was claimed must be delivered"]
pub(crate) struct Claimed(Option<Task>);

impl Claimed {
    /// Lets the task go on. Best done after the lock under which it was claimed.
    pub(crate) fn deliver(self) {
        if let Some(task) = self.0 {
            task.deliver();
        }
    }
}

impl Waker {
    /// Whether the wait is over, so that nobody can win it any more.
    pub(crate) fn is_stale(self) -> bool {
        !self.task.word.is_waiting_in(self.epoch)
    }

    /// Wins the wait, unless it is over; nobody else can win it then.
    pub(crate) fn claim(self) -> Option<Claimed> {
        match self.task.word.wake(self.epoch) {
            Wake::Enqueue => Some(Claimed(Some(self.task))),
            Wake::Noticed => Some(Claimed(None)),
            Wake::Stale => None,
        }
    }

    /// Ends the wait: true if it was this call that did.
    pub(crate) fn wake(self) -> bool {
        self.claim().map(Claimed::deliver).is_some()
    }
}
