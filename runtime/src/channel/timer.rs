//! Channels that the clock sends to: `after`, `at`, `tick`.
//!
//! No thread, no timer and no message exists for them. When the next message is due stands in the
//! channel; whoever receives parks until then, by its own deadline, and takes it. So there is
//! nobody to wake: what is due moves only forward.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use super::{
    error::{RecvTimeoutError, TryRecvError},
    turn,
    waits::{Kind, Wait, Waited},
};

/// See the module.
pub(crate) struct Timer<T> {
    /// When the next message comes; `None` is never again.
    due: Mutex<Option<Instant>>,
    period: Option<Duration>,
    /// What makes a message of the moment at which it was due.
    message: fn(Instant) -> T,
}

impl Timer<Instant> {
    /// One message, or one every `period`.
    pub(crate) fn new(due: Instant, period: Option<Duration>) -> Timer<Instant> {
        Timer { due: Mutex::new(Some(due)), period, message: |due| due }
    }
}

impl<T> Timer<T> {
    /// When the next message can be received.
    pub(crate) fn due(&self) -> Option<Instant> {
        *self.lock()
    }

    fn lock(&self) -> MutexGuard<'_, Option<Instant>> {
        // Nothing panics with it held.
        self.due.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn is_ready(&self) -> bool {
        self.due().is_some_and(|due| due <= Instant::now())
    }

    /// Takes the message that is due, if one is. Ticks that nobody has taken are not made up for.
    pub(crate) fn take(&self) -> Option<T> {
        let now = Instant::now();
        let mut due = self.lock();
        let taken = due.filter(|&due| due <= now)?;
        *due = self.period.and_then(|period| now.checked_add(period));
        drop(due);
        Some((self.message)(taken))
    }

    pub(crate) fn try_recv(&self) -> Result<T, TryRecvError> {
        turn::spend();
        self.take().ok_or(TryRecvError::Empty)
    }

    /// As for other channels.
    pub(crate) fn recv(&self, deadline: Option<Instant>) -> Result<T, RecvTimeoutError> {
        if turn::begin().is_err() {
            return Err(RecvTimeoutError::Disconnected);
        }
        loop {
            if let Some(message) = self.take() {
                return Ok(message);
            }
            wait_until(deadline, self.due())?;
        }
    }
}

/// Receives from a channel in which nothing ever comes.
pub(crate) fn recv_never<T>(deadline: Option<Instant>) -> Result<T, RecvTimeoutError> {
    if turn::begin().is_err() {
        return Err(RecvTimeoutError::Disconnected);
    }
    loop {
        wait_until(deadline, None)?;
    }
}

/// The earlier of two moments, of which each may be never.
pub(crate) fn earlier(one: Option<Instant>, other: Option<Instant>) -> Option<Instant> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

/// Parks until one of them has come, which is an error if it is the deadline.
fn wait_until(deadline: Option<Instant>, due: Option<Instant>) -> Result<(), RecvTimeoutError> {
    if !turn::may_wait(deadline) {
        return Err(RecvTimeoutError::Timeout);
    }
    match Wait::begin(Kind::Cancellable).park(earlier(deadline, due)) {
        Waited::Woken | Waited::TimedOut => Ok(()),
        Waited::Cancelled => {
            turn::cancelled();
            Err(RecvTimeoutError::Disconnected)
        }
    }
}
