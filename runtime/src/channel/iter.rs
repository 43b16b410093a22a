//! The iterators of a [`Receiver`].

use std::{fmt, iter::FusedIterator};

use super::receiver::Receiver;

/// Receives until there is no sender left, and parks in between: [`Receiver::iter`].
pub struct Iter<'a, T> {
    pub(crate) receiver: &'a Receiver<T>,
}

/// Receives what can be had at once: [`Receiver::try_iter`].
pub struct TryIter<'a, T> {
    pub(crate) receiver: &'a Receiver<T>,
}

/// As [`Iter`], and owns the receiver.
pub struct IntoIter<T> {
    pub(crate) receiver: Receiver<T>,
}

impl<T> FusedIterator for Iter<'_, T> {}

impl<T> Iterator for Iter<'_, T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        self.receiver.recv().ok()
    }
}

impl<T> Iterator for TryIter<'_, T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        self.receiver.try_recv().ok()
    }
}

impl<T> FusedIterator for IntoIter<T> {}

impl<T> Iterator for IntoIter<T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        self.receiver.recv().ok()
    }
}

impl<T> fmt::Debug for Iter<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Iter { .. }")
    }
}

impl<T> fmt::Debug for TryIter<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TryIter { .. }")
    }
}

impl<T> fmt::Debug for IntoIter<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IntoIter { .. }")
    }
}
