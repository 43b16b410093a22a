//! Channels with many senders and many receivers, as in crossbeam-channel.
//!
//! Ends in coroutines park, ends on plain threads block, in any mix. A message goes from the sender
//! to a receiver that waits without a detour, and a wait allocates nothing.
//!
//! | | made by | a send waits |
//! |---|---|---|
//! | without bound | [`unbounded`] | never |
//! | with a buffer | [`bounded(n)`](bounded) | while it is full |
//! | a rendezvous | [`bounded(0)`](bounded) | until a receiver takes the message |
//! | a clock | [`after`], [`at`], [`tick`] | |
//! | nothing | [`never()`] | |
//!
//! [`select!`](crate::select) waits for several operations at once, and does one of them;
//! [`Select`] does so for operations that are known only at run time. [`oneshot`] has
//! channels for a single message.
//!
//! # In async code
//!
//! [`recv_async`](Receiver::recv_async) and [`send_async`](Sender::send_async) are futures for any
//! executor, on any thread. They wait in line with whoever is parked, so the other end need not
//! know. A future that is dropped has sent nothing, and loses nothing that it was given.
//!
//! # When a coroutine is cancelled
//!
//! What it sends, receives and selects fails as if the channel were closed: a send gives its message
//! back, and nobody has received it; a receive has taken none. A `select!` selects its first
//! operation, to fail. Calls that by their name do not wait (`try_`, a `select!` with a plain
//! `default`) are not told. While a coroutine unwinds, operations are tried once, and fail instead
//! of waiting.

#[cfg(not(loom))]
mod alarm;
mod core;
mod error;
mod iter;
#[cfg(not(loom))]
mod line;
pub mod oneshot;
mod peer;
mod receiver;
#[cfg(not(loom))]
mod recv_future;
#[doc(hidden)]
pub mod select;
#[cfg(not(loom))]
mod send_future;
mod sender;
mod shared;
mod slot;
mod timer;
#[cfg(not(loom))]
mod turn;
#[cfg(not(loom))]
mod waits;

#[cfg(loom)]
use crate::models::exchanging::{turn, waits};

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

pub use self::{
    error::{
        ReadyTimeoutError, RecvError, RecvTimeoutError, SelectTimeoutError, SendError,
        SendTimeoutError, TryReadyError, TryRecvError, TrySelectError, TrySendError,
    },
    iter::{IntoIter, Iter, TryIter},
    receiver::Receiver,
    select::{Select, SelectedOperation},
    sender::Sender,
};
use self::{receiver::Source, shared::Shared, timer::Timer};
#[cfg(not(loom))]
pub use self::{recv_future::RecvFuture, send_future::SendFuture};
#[doc(inline)]
pub use crate::{select, select_biased};

fn channel<T>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    let shared = Arc::new(Shared::new(capacity));
    (Sender::new(Arc::clone(&shared)), Receiver::new(Source::Senders(shared)))
}

/// Makes a channel that takes any number of messages: sending never waits.
///
/// ```
/// lif::run(|| {
///     let (sender, receiver) = lif::channel::unbounded();
///     lif::go(move || sender.send("from another coroutine"));
///     assert_eq!(receiver.recv(), Ok("from another coroutine"));
/// });
/// ```
#[must_use]
pub fn unbounded<T>() -> (Sender<T>, Receiver<T>) {
    channel(usize::MAX)
}

/// Makes a channel that holds up to `capacity` messages: sending waits while it is full.
///
/// With a capacity of 0 it holds none: sender and receiver wait for each other, and the message
/// goes from hand to hand.
///
/// ```
/// lif::run(|| {
///     let (sender, receiver) = lif::channel::bounded(0);
///     lif::go(move || sender.send("hello").unwrap()); // waits for the other
///     assert_eq!(receiver.recv(), Ok("hello"));
/// });
/// ```
#[must_use]
pub fn bounded<T>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    channel(capacity)
}

/// Makes a channel in which one message comes, `duration` from now: the moment at which it came.
///
/// It is never closed. Several receivers share the one message. It costs nothing while nobody
/// waits. If the clock cannot count that far, it is as [`never()`].
///
/// ```
/// use std::time::Duration;
/// lif::run(|| {
///     let (_sender, receiver) = lif::channel::unbounded::<()>();
///     lif::select! {
///         recv(receiver) -> _ => unreachable!("nobody sends"),
///         recv(lif::channel::after(Duration::from_millis(1))) -> _ => println!("too late"),
///     }
/// });
/// ```
#[must_use]
pub fn after(duration: Duration) -> Receiver<Instant> {
    Instant::now().checked_add(duration).map_or_else(never, at)
}

/// Makes a channel in which one message comes, at `when`, as [`after`].
///
/// ```
/// use std::time::{Duration, Instant};
/// let when = Instant::now() + Duration::from_millis(1);
/// assert_eq!(lif::channel::at(when).recv(), Ok(when));
/// ```
#[must_use]
pub fn at(when: Instant) -> Receiver<Instant> {
    Receiver::new(Source::Clock(Arc::new(Timer::new(when, None))))
}

/// Makes a channel in which a message comes every `period`, the first one `period` from now.
///
/// It holds one message; while that has not been received, no other comes, and the next is due a
/// period after it was. The message is the moment at which it was due. It is never closed.
///
/// ```
/// use std::time::{Duration, Instant};
/// let start = Instant::now();
/// let ticker = lif::channel::tick(Duration::from_millis(2));
/// let ticks: Vec<Instant> = ticker.iter().take(3).collect();
/// assert!(ticks[0] >= start + Duration::from_millis(2));
/// assert!(ticks[2] >= ticks[0] + Duration::from_millis(4));
/// ```
#[must_use]
pub fn tick(period: Duration) -> Receiver<Instant> {
    match Instant::now().checked_add(period) {
        Some(due) => Receiver::new(Source::Clock(Arc::new(Timer::new(due, Some(period))))),
        None => never(),
    }
}

/// Makes a channel in which nothing ever comes, and which is never closed.
///
/// ```
/// use lif::channel::{TryRecvError, never};
/// assert_eq!(never::<()>().try_recv(), Err(TryRecvError::Empty));
/// ```
#[must_use]
pub fn never<T>() -> Receiver<T> {
    Receiver::new(Source::Nothing)
}
