//! OS threads as tasks: a header for each thread that waits for something of the library, and the
//! parker that its wakers ring.
//!
//! It is not `std::thread::park`, whose token belongs to the user. A thread that waits for a
//! descriptor sits in poll(2) and is woken through a socket pair of its own; any other wait sits in
//! a condition variable.

use std::{
    cell::{Cell, OnceCell},
    io,
    os::{
        fd::{AsFd, BorrowedFd},
        unix::net::UnixStream,
    },
    panic::Location,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use lif_coro::StackSize;

use super::{
    body::contain,
    header::{HEADERS, Meta, Task, TaskRef},
};
use crate::{
    ready::poll,
    stable::{Pooled, Stable},
    task::id,
};

static PARKERS: Stable<Parker> = Stable::new();

/// Where one thread sleeps. Type-stable: a waker may still be ringing when the thread has gone.
pub(crate) struct Parker {
    state: Mutex<State>,
    bell: Condvar,
}

#[derive(Default)]
struct State {
    rung: bool,
    /// The thread sits in poll(2), and is to be rung through the wire.
    polling: bool,
    /// The end to write to, once the thread has waited for a descriptor.
    wire: Option<UnixStream>,
    /// Of a future that waits here: it is rung through this.
    waker: Option<std::task::Waker>,
}

impl Pooled for Parker {
    fn new(_index: u32) -> Self {
        Parker { state: Mutex::default(), bell: Condvar::new() }
    }
}

impl Parker {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets the thread go, now or when it next waits.
    pub(crate) fn unpark(&self) {
        let mut state = self.state();
        state.rung = true;
        if let Some(waker) = state.waker.take() {
            drop(state);
            // What a foreign waker throws has nowhere to go.
            contain(|| waker.wake());
            return;
        }
        match &state.wire {
            // A full socket has bytes in it, and so wakes the thread as well.
            Some(wire) if state.polling => drop(io::Write::write(&mut &*wire, &[1])),
            _ => self.bell.notify_one(),
        }
    }

    /// Leaves the waker that the next ring wakes, once; returns the one that was there.
    pub(super) fn listen(&self, waker: Option<std::task::Waker>) -> Option<std::task::Waker> {
        std::mem::replace(&mut self.state().waker, waker)
    }

    /// Waits until it is rung (true) or the deadline has passed (false).
    pub(crate) fn park(&self, deadline: Option<Instant>) -> bool {
        let mut state = self.state();
        while !state.rung {
            match deadline {
                None => {
                    state = self.bell.wait(state).unwrap_or_else(PoisonError::into_inner);
                }
                Some(deadline) => {
                    let left = deadline.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        return false;
                    }
                    let waited = self.bell.wait_timeout(state, left);
                    state = waited.unwrap_or_else(PoisonError::into_inner).0;
                }
            }
        }
        state.rung = false;
        true
    }

    /// Waits until it is rung, the descriptor is ready, or the deadline has passed. `wire` is what
    /// [`ThreadTask::wire`] has returned.
    pub(crate) fn park_on(
        &self,
        wire: &UnixStream,
        fd: BorrowedFd<'_>,
        interest: poll::Interest,
        deadline: Option<Instant>,
    ) -> io::Result<poll::Woken> {
        let mut woken = Ok(poll::Woken::Interrupted);
        while matches!(woken, Ok(poll::Woken::Interrupted)) {
            let mut state = self.state();
            if std::mem::take(&mut state.rung) {
                return Ok(poll::Woken::Rung);
            }
            state.polling = true;
            drop(state);
            woken = poll::wait(fd, interest, Some(wire.as_fd()), deadline);
            let mut state = self.state();
            state.polling = false;
            if state.rung {
                let mut sink = [0; 64];
                while matches!(io::Read::read(&mut &*wire, &mut sink), Ok(1..)) {}
            }
            if matches!(woken, Ok(poll::Woken::Rung)) {
                woken = Ok(poll::Woken::Interrupted);
            }
        }
        woken
    }
}

/// What a thread has of its own while it may wait.
pub(crate) struct ThreadTask {
    header: TaskRef,
    parker: &'static Parker,
    /// The end of a socket pair to read from, through which a thread in poll(2) is woken.
    wire: OnceCell<UnixStream>,
}

impl ThreadTask {
    #[track_caller]
    fn new() -> ThreadTask {
        let task = HEADERS.take();
        let parker = PARKERS.take();
        // A notice for the thread that had this parker before.
        parker.state().rung = false;
        let meta = Meta {
            name: std::thread::current().name().map(Into::into),
            spawned_at: Location::caller(),
            stack_size: StackSize::DEFAULT,
            runtime: 0,
        };
        // SAFETY: the header was just taken from the pool.
        unsafe { task.assign(id::next(), meta, 1) };
        task.set_parker(Some(parker));
        task.word.mark_executing();
        // SAFETY: `assign` has counted one reference, which is this one.
        let header = unsafe { TaskRef::adopt(task) };
        ThreadTask { header, parker, wire: OnceCell::new() }
    }

    pub(crate) fn task(&self) -> Task {
        self.header.task()
    }

    pub(crate) fn handle(&self) -> TaskRef {
        self.header.clone()
    }

    pub(crate) fn parker(&self) -> &'static Parker {
        self.parker
    }

    /// The wire, made when it is first needed.
    ///
    /// # Errors
    ///
    /// When the process is out of descriptors.
    pub(crate) fn wire(&self) -> io::Result<&UnixStream> {
        if let Some(wire) = self.wire.get() {
            return Ok(wire);
        }
        let (read, write) = UnixStream::pair()?;
        read.set_nonblocking(true)?;
        write.set_nonblocking(true)?;
        self.parker.state().wire = Some(write);
        Ok(self.wire.get_or_init(|| read))
    }
}

impl Drop for ThreadTask {
    fn drop(&mut self) {
        let task = self.task();
        // SAFETY: the header stands for this very thread.
        let locals = &unsafe { task.local() }.locals;
        contain(|| locals.clear());
        locals.reset();
        task.word.finished();
        // A handle to the thread may live on and unpark it: that finds no wait. Somebody who
        // claimed the last wait may still ring the parker: it stays one.
        task.set_parker(None);
        self.parker.state().wire = None;
        PARKERS.give(self.parker);
    }
}

thread_local! {
    static THREAD: ThreadTask = ThreadTask::new();
}

thread_local! {
    /// The task of a thread whose own is gone already: it waits in the destructor of another
    /// thread-local. Needs no destructor itself, so it is there to the end.
    static LATE: Cell<Option<&'static ThreadTask>> = const { Cell::new(None) };
}

/// Calls `f` with the task of the calling thread.
pub(crate) fn with<R>(f: impl FnOnce(&ThreadTask) -> R) -> R {
    let mut f = Some(f);
    let mut call = |thread: &ThreadTask| (f.take().expect("called once"))(thread);
    match THREAD.try_with(&mut call) {
        Ok(result) => result,
        Err(_) => {
            // Leaked: nothing that the thread runs comes later.
            let late = LATE.get().unwrap_or_else(|| Box::leak(Box::new(ThreadTask::new())));
            LATE.set(Some(late));
            call(late)
        }
    }
}
