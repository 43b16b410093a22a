//! What a [`Select`](super::Select) has selected, to be completed.

use std::{fmt, marker::PhantomData};

use super::{
    parcel::Parcel,
    recv::RecvArm,
    send::{Right, SendArm, complete, release},
};
use crate::channel::{
    error::{RecvError, SendError},
    receiver::Receiver,
    sender::Sender,
    slot::Slot,
    waits::{Claimed, Node},
};

/// An operation that was selected, and has to be completed with the sender or receiver that it was
/// added with.
///
/// Completing it never waits.
///
/// # Panics
///
/// When it is dropped before it was completed, unless the thread panics already. A receiver that
/// waits for its message then looks for another one; a message that it has received is lost.
#[must_use = "a selected operation has to be completed"]
pub struct SelectedOperation<'a> {
    place: usize,
    handle: *const (),
    chosen: Option<Chosen>,
    pass_on: unsafe fn(*const (), Erased),
    _borrows: PhantomData<&'a ()>,
}

/// What was won for an operation, without its type.
enum Chosen {
    Received(Parcel),
    Closed,
    May(Erased),
}

/// A right to send, without the type of its message.
pub(super) enum Erased {
    Room,
    Partner(*const (), Option<Claimed>),
}

/// # Safety
///
/// - The handle is a `Sender<T>` that is borrowed, and the right one that its channel has granted.
unsafe fn pass_on<T>(handle: *const (), right: Erased) {
    // SAFETY: the caller's duty is the same.
    let sender = unsafe { &*handle.cast::<Sender<T>>() };
    release(sender.shared(), right.typed());
}

/// For what has nothing to pass on.
///
/// # Safety
///
/// - None.
unsafe fn nothing(_: *const (), _: Erased) {}

impl Erased {
    fn typed<T>(self) -> Right<T> {
        match self {
            Erased::Room => Right::Room,
            Erased::Partner(node, claimed) => Right::Partner(node.cast::<Node<Slot<T>>>(), claimed),
        }
    }
}

impl<'a> SelectedOperation<'a> {
    pub(super) fn of_recv<T>(place: usize, arm: &RecvArm<'a, T>) -> SelectedOperation<'a> {
        let chosen = match arm.finish().expect("the arm that was selected is done") {
            Ok(message) => Chosen::Received(Parcel::new(message)),
            Err(RecvError) => Chosen::Closed,
        };
        let handle = std::ptr::from_ref(arm.receiver()).cast();
        SelectedOperation {
            place,
            handle,
            chosen: Some(chosen),
            pass_on: nothing,
            _borrows: PhantomData,
        }
    }

    pub(super) fn of_send<T>(place: usize, arm: &SendArm<'a, T>) -> SelectedOperation<'a> {
        let chosen = match arm.take_right().expect("the arm that was selected is done") {
            Right::Closed => Chosen::Closed,
            Right::Room => Chosen::May(Erased::Room),
            Right::Partner(node, claimed) => Chosen::May(Erased::Partner(node.cast(), claimed)),
        };
        let handle = std::ptr::from_ref(arm.sender()).cast();
        SelectedOperation {
            place,
            handle,
            chosen: Some(chosen),
            pass_on: pass_on::<T>,
            _borrows: PhantomData,
        }
    }

    /// The place of the operation: what adding it has returned.
    ///
    /// ```
    /// use lif::channel::{Select, bounded};
    /// let (sender, receiver) = bounded(1);
    /// sender.send("hello").unwrap();
    /// let mut select = Select::new();
    /// let place = select.recv(&receiver);
    /// let operation = select.select();
    /// assert_eq!(operation.index(), place);
    /// assert_eq!(operation.recv(&receiver), Ok("hello"));
    /// ```
    #[must_use]
    pub fn index(&self) -> usize {
        self.place
    }

    /// Completes an operation that sends.
    ///
    /// # Errors
    ///
    /// The message, if there is no receiver left, or the coroutine was cancelled.
    ///
    /// # Panics
    ///
    /// If `sender` is not the very one that the operation was added with.
    ///
    /// ```
    /// use lif::channel::{Select, bounded};
    /// let (sender, receiver) = bounded(1);
    /// let mut select = Select::new();
    /// select.send(&sender);
    /// select.select().send(&sender, "hello").unwrap();
    /// assert_eq!(receiver.recv(), Ok("hello"));
    /// ```
    pub fn send<T>(mut self, sender: &Sender<T>, message: T) -> Result<(), SendError<T>> {
        let handle: *const () = std::ptr::from_ref(sender).cast();
        assert!(handle == self.handle, "this sender is not the one that was selected");
        match self.chosen.take() {
            Some(Chosen::May(right)) => complete(sender.shared(), right.typed(), message),
            _ => Err(SendError(message)),
        }
    }

    /// Completes an operation that receives.
    ///
    /// # Errors
    ///
    /// If the channel is empty and has no sender left, or the coroutine was cancelled.
    ///
    /// # Panics
    ///
    /// If `receiver` is not the very one that the operation was added with.
    ///
    /// ```
    /// use lif::channel::{RecvError, Select, bounded};
    /// let (sender, receiver) = bounded::<()>(1);
    /// drop(sender);
    /// let mut select = Select::new();
    /// select.recv(&receiver);
    /// assert_eq!(select.select().recv(&receiver), Err(RecvError));
    /// ```
    pub fn recv<T>(mut self, receiver: &Receiver<T>) -> Result<T, RecvError> {
        let handle: *const () = std::ptr::from_ref(receiver).cast();
        assert!(handle == self.handle, "this receiver is not the one that was selected");
        match self.chosen.take() {
            // SAFETY: the receiver that the message is from is borrowed, and so still at this
            // address; it has one type.
            Some(Chosen::Received(parcel)) => Ok(unsafe { parcel.open() }),
            _ => Err(RecvError),
        }
    }
}

impl fmt::Debug for SelectedOperation<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SelectedOperation").field("index", &self.place).finish_non_exhaustive()
    }
}

impl Drop for SelectedOperation<'_> {
    fn drop(&mut self) {
        let Some(chosen) = self.chosen.take() else { return };
        if let Chosen::May(right) = chosen {
            // SAFETY: the sender is borrowed for as long as this lives, and has given the right.
            unsafe { (self.pass_on)(self.handle, right) };
        }
        assert!(
            std::thread::panicking(),
            "a selected operation has to be completed before it is dropped"
        );
    }
}
