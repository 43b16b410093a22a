//! Async code from blocking-style code: `block_on`.
//!
//! It owns the waker that a future is polled with. A waker may be kept for ever and used from
//! anywhere, any number of times, so it cannot name one wait: it leaves a notice in a token word of
//! its own (see [`park_word`](crate::task::park_word)), and from there goes the one way to wake.
//! What drives the future (a reactor, a timer, another executor) is not this file's business.

use std::{
    future::{Future, IntoFuture},
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Wake},
};

use crate::{
    cancel, coop,
    task::{
        header::{Task, Waker},
        park_word::ParkWord,
        wait::{self, Wait},
    },
    thread,
};

/// Parks the caller until the future is done, and returns its output. A plain thread is blocked.
///
/// The future is polled here, on the caller's own stack, first at once and then whenever its waker
/// has been woken; in between other coroutines run. It need not be `Send`, and may itself use what
/// parks. A future that wakes itself while it is polled lets other coroutines run before it is
/// polled again. The call allocates once, a poll never.
///
/// When the coroutine is cancelled, or the time of a [`timeout`](crate::time::timeout) around it is
/// over, it unwinds, and the future is dropped with the rest; if the future was done at that very
/// moment, its output counts. A future that is to be given up and used later is passed as `&mut`.
///
/// # Futures that need a runtime of their own
///
/// Channels, locks and whatever else lives of its waker alone work anywhere. A timer or a socket of
/// another runtime has to be driven by that runtime, which runs on threads of its own: spawn it
/// there, and wait here for the handle. The guard of an `enter()` must not be held across a wait:
/// it belongs to the thread, which other coroutines use meanwhile.
///
/// On a thread of another async runtime it blocks that thread, as every call of this library does;
/// what is async there awaits a [`JoinHandle`](crate::JoinHandle) instead.
///
/// # Panics
///
/// With the panics of the future. In a coroutine that is unwinding, and so may not switch, the call
/// blocks the thread; a future that only coroutines of the same worker could complete is then never
/// done.
///
/// ```
/// lif::run(|| {
///     let answer = lif::go(|| 6 * 7);
///     let doubled = lif::block_on(async { answer.await.unwrap() * 2 });
///     assert_eq!(doubled, 84);
/// });
/// ```
pub fn block_on<F: IntoFuture>(future: F) -> F::Output {
    cancel::check_unwind();
    coop::breathe();
    let mut future = pin!(future.into_future());
    let bell = Arc::new(Bell { word: ParkWord::new(), task: wait::waiter() });
    let waker = std::task::Waker::from(Arc::clone(&bell));
    let mut context = Context::from_waker(&waker);
    loop {
        // Asked before the poll: what has come for the future by the time of a cancellation is
        // found first.
        let told = cancel::pending().is_some();
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
        if told {
            cancel::check_unwind();
        }
        bell.wait();
    }
}

/// What the wakers of one `block_on` share.
struct Bell {
    word: ParkWord,
    /// Whose waits it ends. Not counted: the word names one of its waits, or none.
    task: Task,
}

impl Bell {
    /// Waits until it has been rung, which may be already; also returns when the caller has been
    /// cancelled.
    fn wait(&self) {
        let wait = Wait::begin(cancel::infallible());
        let waker = wait.waker();
        assert!(std::ptr::eq(waker.task, self.task), "a future is waited for where it is polled");
        if !self.word.wait(waker.epoch) {
            // Perhaps the future has woken itself, so that others can run.
            thread::yield_now();
            return;
        }
        let _looked_at_by_the_caller = wait.park(None);
        self.word.end();
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if let Some(epoch) = self.word.notify() {
            Waker { task: self.task, epoch }.wake();
        }
    }
}
