//! `WaitGroup`.
//!
//! *No wake is lost.* A waiter looks at the count under the queue's lock before it enters; who lets
//! the last member go counts down, and locks the queue after that. If the waiter was first, it is in
//! the list and is found; if not, it sees the count that the lock has carried. From nothing the
//! count never grows: only a member makes another.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use super::{
    infallible,
    queue::{Place, Queue, Ticket},
};

/// Lets one wait for many to be done; as crossbeam-utils' `sync::WaitGroup`.
///
/// Each member is a clone; dropping it says that it is done.
///
/// # Cancellation
///
/// A wait is a point of cancellation: a coroutine that is cancelled unwinds. It was done as a member
/// before.
///
/// ```
/// use lif::sync::WaitGroup;
/// lif::run(|| {
///     let group = WaitGroup::new();
///     for _ in 0..4 {
///         let member = group.clone();
///         lif::go(move || drop(member));
///     }
///     group.wait();
/// });
/// ```
pub struct WaitGroup {
    shared: Arc<Shared>,
}

struct Shared {
    members: AtomicUsize,
    queue: Queue,
}

impl WaitGroup {
    /// A group with one member, which is what is returned.
    ///
    /// ```
    /// lif::sync::WaitGroup::new().wait();
    /// ```
    #[must_use]
    pub fn new() -> WaitGroup {
        let shared = Shared { members: AtomicUsize::new(1), queue: Queue::new(()) };
        WaitGroup { shared: Arc::new(shared) }
    }

    /// Drops this member, and parks the caller until no other is left.
    ///
    /// A coroutine that is cancelled unwinds. In a coroutine that is unwinding, and so may not
    /// switch, the call blocks the thread.
    ///
    /// ```
    /// let group = lif::sync::WaitGroup::new();
    /// let member = group.clone();
    /// std::thread::spawn(move || drop(member));
    /// group.wait();
    /// ```
    pub fn wait(self) {
        let shared = Arc::clone(&self.shared);
        drop(self);
        infallible::wait(
            &shared.queue,
            Ticket::plain(),
            None,
            // ORDER: Acquire: partner is the Release in `drop`: what members did is visible to who
            // does not wait; to who does, the queue carries it.
            |_| (shared.members.load(Ordering::Acquire) > 0).then_some(Place::Back),
            |_| {},
        );
    }
}

impl Clone for WaitGroup {
    fn clone(&self) -> Self {
        // ORDER: Relaxed: a member is made by a member, so the count is not nothing.
        self.shared.members.fetch_add(1, Ordering::Relaxed);
        WaitGroup { shared: Arc::clone(&self.shared) }
    }
}

impl Drop for WaitGroup {
    fn drop(&mut self) {
        // ORDER: AcqRel: Release: what this member did comes before; Acquire: so does what the
        // others did, which the queue's lock then carries to who is woken.
        if self.shared.members.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.shared.queue.lock().grant_all();
        }
    }
}

impl Default for WaitGroup {
    fn default() -> Self {
        WaitGroup::new()
    }
}

impl fmt::Debug for WaitGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // ORDER: Relaxed: advice.
        let members = self.shared.members.load(Ordering::Relaxed);
        f.debug_struct("WaitGroup").field("count", &members).finish()
    }
}
