//! Values of `coroutine_local!`: one of each per coroutine, or per plain thread.
//!
//! They stand in a small map that is made with the first of them, and are dropped on the
//! coroutine's own stack when its closure has returned, before its joiner is told.

use std::{any::Any, cell::UnsafeCell, collections::HashMap};

/// The values of one coroutine.
pub(crate) struct Locals(UnsafeCell<State>);

enum State {
    Empty,
    Some(Box<Values>),
    /// They are being dropped, or have been.
    Gone,
}

/// By the address of the key. Boxed as a whole, so that a coroutine without any pays one word.
struct Values(HashMap<usize, Value>);

/// In a box of its own: its address stays while the map grows.
type Value = Box<dyn Any>;

impl Locals {
    pub(crate) fn new() -> Locals {
        Locals(UnsafeCell::new(State::Empty))
    }

    /// The value of a key, if it is there; `Err` once they are being dropped.
    pub(crate) fn get(&self, key: usize) -> Result<Option<*const dyn Any>, ()> {
        // SAFETY: the home alone comes here, and no reference into the state outlives a call.
        match unsafe { &*self.0.get() } {
            State::Empty => Ok(None),
            State::Some(values) => Ok(values.0.get(&key).map(|value| &raw const **value)),
            State::Gone => Err(()),
        }
    }

    /// Puts a value in, unless there is one by now; the address of the one that is in.
    pub(crate) fn put(&self, key: usize, value: Value) -> Result<*const dyn Any, Value> {
        // SAFETY: as in `get`; no code of the user runs in here.
        let state = unsafe { &mut *self.0.get() };
        if let State::Empty = state {
            *state = State::Some(Box::new(Values(HashMap::new())));
        }
        match state {
            State::Some(values) => Ok(&raw const **values.0.entry(key).or_insert(value)),
            _ => Err(value),
        }
    }

    /// Drops them all; what their destructors ask for is gone.
    pub(crate) fn clear(&self) {
        // SAFETY: as in `get`.
        let state = std::mem::replace(unsafe { &mut *self.0.get() }, State::Gone);
        drop(state);
    }

    /// For another task.
    pub(crate) fn reset(&self) {
        // SAFETY: as in `get`.
        unsafe { *self.0.get() = State::Empty };
    }

    /// Whether there is anything to drop.
    pub(crate) fn is_empty(&self) -> bool {
        // SAFETY: as in `get`.
        !matches!(unsafe { &*self.0.get() }, State::Some(_))
    }
}
