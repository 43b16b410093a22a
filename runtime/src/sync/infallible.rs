//! Waits that cannot fail, and so unwind a coroutine that is cancelled.

use std::time::Instant;

use super::queue::{Ended, Locked, Place, Queue, Terms, Ticket};
use crate::cancel;

/// Waits in `queue` until it is granted `wants`, or `enter` says that there is nothing to wait for;
/// false if the deadline has passed before. A point of cancellation, also if there is no wait.
///
/// `enter` and `left` run under the queue's lock, in pairs unless something is granted.
pub(crate) fn wait<S>(
    queue: &Queue<S>,
    wants: Ticket,
    deadline: Option<Instant>,
    mut enter: impl FnMut(&mut Locked<'_, S>) -> Option<Place>,
    mut left: impl FnMut(&mut Locked<'_, S>),
) -> bool {
    cancel::check_unwind();
    loop {
        let terms = Terms { kind: cancel::infallible(), deadline };
        let ticket = Ticket::new(wants.wants, wants.since);
        match queue.wait(terms, ticket, &mut enter, || {}, &mut left) {
            Ended::Granted | Ended::NotNeeded => return true,
            Ended::TimedOut => return false,
            Ended::Called | Ended::Interrupted => cancel::check_unwind(),
        }
    }
}
