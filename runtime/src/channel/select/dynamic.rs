//! `Select`: operations that are known only at run time.

use std::{
    fmt,
    time::{Duration, Instant},
};

use super::{Arm, Limit, Placed, SelectedOperation, recv::RecvArm, send::SendArm};
use crate::channel::{
    error::{ReadyTimeoutError, SelectTimeoutError, TryReadyError, TrySelectError},
    receiver::Receiver,
    sender::Sender,
};

/// Waits for one of several operations, and selects one that need not wait: a random one, if there
/// are several. It can be used again and again.
///
/// An operation that would fail at once, because its channel is closed, need not wait either.
///
/// When the coroutine is cancelled, the first operation is selected and fails; see the
/// [module](crate::channel). In a coroutine that is unwinding, which never waits, a select without
/// a time limit does the same where it would have to, and one with a limit fails.
///
/// The nodes of the wait stand where the operations were added, so a wait allocates nothing.
///
/// ```
/// use lif::channel::{Select, unbounded};
/// lif::run(|| {
///     let channels: Vec<_> = (0..5).map(|_| unbounded()).collect();
///     for (i, (sender, _)) in channels.iter().enumerate() {
///         let sender = sender.clone();
///         lif::go(move || sender.send(i).unwrap());
///     }
///     let mut select = Select::new();
///     for (_, receiver) in &channels {
///         select.recv(receiver);
///     }
///     let operation = select.select();
///     let place = operation.index();
///     assert_eq!(operation.recv(&channels[place].1), Ok(place));
/// });
/// ```
#[derive(Default)]
pub struct Select<'a> {
    arms: Vec<Placed<Box<dyn Operation<'a> + 'a>>>,
    next: usize,
    biased: bool,
}

// SAFETY: between two selects, which need it mutably, the arms are in no list and hold no message,
// only references to senders and receivers. Selecting moves a message that is not Send at most out
// of a channel and into the operation, which can be completed only where the receiver is.
unsafe impl Send for Select<'_> {}
// SAFETY: through a reference it can only be copied.
unsafe impl Sync for Select<'_> {}

/// An arm that can be used again.
trait Operation<'a>: Arm {
    /// A new one for the same end of the same channel.
    fn again(&self) -> Box<dyn Operation<'a> + 'a>;
    /// What it was selected for.
    fn selected(&self, place: usize) -> SelectedOperation<'a>;
}

impl<'a, T> Operation<'a> for RecvArm<'a, T> {
    fn again(&self) -> Box<dyn Operation<'a> + 'a> {
        Box::new(RecvArm::new(self.receiver()))
    }

    fn selected(&self, place: usize) -> SelectedOperation<'a> {
        SelectedOperation::of_recv(place, self)
    }
}

impl<'a, T> Operation<'a> for SendArm<'a, T> {
    fn again(&self) -> Box<dyn Operation<'a> + 'a> {
        Box::new(SendArm::new(self.sender()))
    }

    fn selected(&self, place: usize) -> SelectedOperation<'a> {
        SelectedOperation::of_send(place, self)
    }
}

impl<'a> Select<'a> {
    /// Without operations.
    #[must_use]
    pub fn new() -> Select<'a> {
        Select::default()
    }

    /// One that selects the first operation that need not wait, in the order in which they were
    /// added, and not a random one.
    ///
    /// ```
    /// use lif::channel::{Select, unbounded};
    /// let (sender, receiver) = unbounded();
    /// sender.send(1).unwrap();
    /// let mut select = Select::new_biased();
    /// let first = select.recv(&receiver);
    /// let _second = select.recv(&receiver);
    /// let operation = select.select();
    /// assert_eq!(operation.index(), first);
    /// assert_eq!(operation.recv(&receiver), Ok(1));
    /// ```
    #[must_use]
    pub fn new_biased() -> Select<'a> {
        Select { biased: true, ..Select::default() }
    }

    fn add(&mut self, arm: Box<dyn Operation<'a> + 'a>) -> usize {
        let place = self.next;
        self.next += 1;
        self.arms.push((place, arm));
        place
    }

    /// Adds sending on `sender`, and returns its place. The message comes when it is selected.
    pub fn send<T>(&mut self, sender: &'a Sender<T>) -> usize {
        self.add(Box::new(SendArm::new(sender)))
    }

    /// Adds receiving from `receiver`, and returns its place.
    pub fn recv<T>(&mut self, receiver: &'a Receiver<T>) -> usize {
        self.add(Box::new(RecvArm::new(receiver)))
    }

    /// Removes the operation at a place. Places are not used again.
    ///
    /// # Panics
    ///
    /// If there is none.
    ///
    /// ```
    /// use lif::channel::{Select, unbounded};
    /// let (_sender, receiver) = unbounded::<()>();
    /// let mut select = Select::new();
    /// let place = select.recv(&receiver);
    /// select.remove(place);
    /// assert!(select.try_select().is_err());
    /// ```
    pub fn remove(&mut self, index: usize) {
        let at = self.arms.iter().position(|(place, _)| *place == index);
        let at = at.unwrap_or_else(|| panic!("this select has no operation at place {index}"));
        drop(self.arms.remove(at));
    }

    fn run(&mut self, limit: Limit) -> Option<SelectedOperation<'a>> {
        let selected = super::select(&mut self.arms, limit, self.biased)?;
        let (_, arm) = self.arms.iter().find(|(place, _)| *place == selected)?;
        Some(arm.selected(selected))
    }

    fn wait(&mut self, limit: Limit) -> Option<usize> {
        super::ready(&mut self.arms, limit, self.biased)
    }

    /// Parks until one of the operations need not wait, and selects it.
    ///
    /// # Panics
    ///
    /// If no operations were added.
    ///
    /// ```
    /// use lif::channel::{Select, bounded};
    /// lif::run(|| {
    ///     let (sender, receiver) = bounded(0);
    ///     lif::go(move || sender.send(10).unwrap());
    ///     let mut select = Select::new();
    ///     select.recv(&receiver);
    ///     assert_eq!(select.select().recv(&receiver), Ok(10));
    /// });
    /// ```
    pub fn select(&mut self) -> SelectedOperation<'a> {
        assert!(!self.arms.is_empty(), "no operations were added to this select");
        self.run(Limit::Until(None)).expect("a select without a limit selects something")
    }

    /// Selects an operation that need not wait.
    ///
    /// # Errors
    ///
    /// If there is none.
    ///
    /// ```
    /// use lif::channel::{Select, bounded};
    /// let (_sender, receiver) = bounded::<()>(0);
    /// let mut select = Select::new();
    /// select.recv(&receiver);
    /// assert!(select.try_select().is_err());
    /// ```
    pub fn try_select(&mut self) -> Result<SelectedOperation<'a>, TrySelectError> {
        self.run(Limit::Try).ok_or(TrySelectError)
    }

    /// As [`select`](Self::select), but parks no longer than `timeout`. Without operations it
    /// parks for all of it; then a cancellation unwinds.
    ///
    /// # Errors
    ///
    /// If none was ready in time.
    ///
    /// ```
    /// use std::time::Duration;
    /// use lif::channel::{Select, bounded};
    /// let (_sender, receiver) = bounded::<()>(0);
    /// let mut select = Select::new();
    /// select.recv(&receiver);
    /// assert!(select.select_timeout(Duration::from_millis(1)).is_err());
    /// ```
    pub fn select_timeout(
        &mut self,
        timeout: Duration,
    ) -> Result<SelectedOperation<'a>, SelectTimeoutError> {
        self.run(Limit::timeout(timeout)).ok_or(SelectTimeoutError)
    }

    /// As [`select_timeout`](Self::select_timeout), until `deadline`.
    ///
    /// # Errors
    ///
    /// If none was ready in time.
    pub fn select_deadline(
        &mut self,
        deadline: Instant,
    ) -> Result<SelectedOperation<'a>, SelectTimeoutError> {
        self.run(Limit::Until(Some(deadline))).ok_or(SelectTimeoutError)
    }

    /// Parks until one of the operations need not wait, and returns its place, without doing it.
    ///
    /// Somebody else may be faster then, so it is best tried with a `try_` operation, in a loop.
    /// Two that wait only so for each other at a rendezvous are not ready.
    ///
    /// # Panics
    ///
    /// If no operations were added.
    ///
    /// ```
    /// use lif::channel::{Select, unbounded};
    /// let (sender, receiver) = unbounded();
    /// sender.send(1).unwrap();
    /// let mut select = Select::new();
    /// let place = select.recv(&receiver);
    /// assert_eq!(select.ready(), place);
    /// assert_eq!(receiver.try_recv(), Ok(1));
    /// ```
    pub fn ready(&mut self) -> usize {
        assert!(!self.arms.is_empty(), "no operations were added to this select");
        self.wait(Limit::Until(None)).expect("without a limit one becomes ready")
    }

    /// Returns the place of an operation that need not wait.
    ///
    /// # Errors
    ///
    /// If there is none.
    pub fn try_ready(&mut self) -> Result<usize, TryReadyError> {
        self.wait(Limit::Try).ok_or(TryReadyError)
    }

    /// As [`ready`](Self::ready), but parks no longer than `timeout`.
    ///
    /// # Errors
    ///
    /// If none was ready in time.
    pub fn ready_timeout(&mut self, timeout: Duration) -> Result<usize, ReadyTimeoutError> {
        self.wait(Limit::timeout(timeout)).ok_or(ReadyTimeoutError)
    }

    /// As [`ready`](Self::ready), but parks no longer than until `deadline`.
    ///
    /// # Errors
    ///
    /// If none was ready in time.
    pub fn ready_deadline(&mut self, deadline: Instant) -> Result<usize, ReadyTimeoutError> {
        self.wait(Limit::Until(Some(deadline))).ok_or(ReadyTimeoutError)
    }
}

impl Clone for Select<'_> {
    fn clone(&self) -> Self {
        let arms = self.arms.iter().map(|(place, arm)| (*place, arm.again())).collect();
        Select { arms, next: self.next, biased: self.biased }
    }
}

impl fmt::Debug for Select<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Select").field("operations", &self.arms.len()).finish_non_exhaustive()
    }
}
