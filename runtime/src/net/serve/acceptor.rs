//! One accept loop, and the connections that it starts. Why it ends, and when, is `core`'s.

use std::{
    net::SocketAddr,
    panic::{AssertUnwindSafe, Location, catch_unwind, resume_unwind},
    sync::Arc,
};

use lif_coro::StackSize;

use super::{
    core::{Core, Counts, Running},
    failure::{Failure, Rest},
    gate::Permit,
};
use crate::{
    Cancelled,
    cancel::{self, Reason},
    current,
    net::{TcpListener, TcpStream},
    sched::worker::Worker,
    task::{
        body::Payload,
        spawn::{self, Options, Place},
    },
    thread,
};

/// Of what waits in the kernel's queue when the loop is told to end, so much is taken at most.
const LAST: usize = 4096;
/// Where the kernel spreads connections, so many more than its share may live on a worker before
/// it hands any over: most are short, and have ended by the time that they would arrive.
const SPREAD_MORE: u64 = 32;
/// So much of it between two turns of others.
const TURN: usize = 32;

/// What an accept loop shares with its own connections; one for each loop, so that the loops do
/// not share a reference count.
pub(super) struct Station<F> {
    pub(super) core: Arc<Core>,
    pub(super) handler: Arc<F>,
    pub(super) nodelay: bool,
    pub(super) stack_size: Option<StackSize>,
    pub(super) served_at: &'static Location<'static>,
}

/// See the module. The fields are dropped in this order: when the loop counts as ended, its
/// listener is closed.
pub(super) struct Acceptor<F> {
    listener: Arc<TcpListener>,
    station: Arc<Station<F>>,
    place: Placed,
    _running: Running,
}

/// Where the next connections go.
struct Placed {
    /// So many more than its share may live on the worker of the loop.
    more: u64,
    worker: usize,
    left: u64,
}

impl<F> Acceptor<F>
where
    F: Fn(TcpStream, SocketAddr) + Send + Sync + 'static,
{
    /// `spread`: the kernel spreads the connections over all workers.
    pub(super) fn new(
        listener: Arc<TcpListener>,
        station: Station<F>,
        spread: bool,
    ) -> Acceptor<F> {
        let _running = Running::new(&station.core);
        let more = if spread { SPREAD_MORE } else { 0 };
        let place = Placed { more, worker: 0, left: 0 };
        Acceptor { listener, station: Arc::new(station), place, _running }
    }

    /// Accepts until it is told to end.
    pub(super) fn run(mut self) {
        let core = Arc::clone(&self.station.core);
        let listener = Arc::clone(&self.listener);
        let mut held = None;
        let mut rest = Rest::default();
        loop {
            let permit = || held.take().or_else(|| core.gate.try_enter());
            match listener.accept_permitted(permit) {
                Ok(Some((stream, peer, permit))) => {
                    rest.over();
                    self.start(stream, peer, permit);
                }
                Ok(None) => {
                    Counts::add(&core.counts.held_back);
                    held = core.gate.enter();
                    if held.is_none() {
                        break;
                    }
                }
                Err(error) => match Failure::of(&error) {
                    Failure::Told => break,
                    Failure::Gone => Counts::add(&core.counts.aborted),
                    Failure::Broken => {
                        core.broke(&error);
                        break;
                    }
                    Failure::Short => {
                        Counts::add(&core.counts.exhausted);
                        if crate::time::pause(rest.next()).is_err() {
                            break;
                        }
                    }
                },
            }
        }
        drop(held);
        // Clients believe that these connections stand already. A runtime that ends refuses them.
        if core.is_stopping() && cancel::reason() != Some(Reason::Shutdown) {
            self.take_queued(&core);
        }
    }

    /// Takes what is in the kernel's queue, as far as the limit allows.
    fn take_queued(&mut self, core: &Core) {
        for taken in 1..=LAST {
            let Some(permit) = core.gate.try_enter() else { return };
            match self.listener.accept_queued() {
                Ok((stream, peer)) => self.start(stream, peer, permit),
                Err(error) if Failure::of(&error) == Failure::Gone => {}
                Err(_) => return,
            }
            if taken % TURN == 0 {
                thread::yield_now();
            }
        }
    }

    /// Starts the coroutine of a connection.
    fn start(&mut self, stream: TcpStream, peer: SocketAddr, permit: Permit<'_>) {
        permit.keep();
        let visit = Visit { station: Arc::clone(&self.station), began: false };
        let options = Options {
            name: None,
            stack_size: self.station.stack_size,
            spawned_at: self.station.served_at,
            scope: None,
        };
        current::with_worker(|worker| {
            let worker = worker.expect("an accept loop is a coroutine");
            self.station.core.roll(worker.index()).count_accepted();
            let place = self.place.next(worker);
            // SAFETY: all that the closure holds is 'static and Send.
            drop(unsafe { spawn::spawn(place, options, move || visit.serve(stream, peer)) });
        });
    }
}

impl Placed {
    fn next<'a>(&mut self, worker: &'a Worker) -> Place<'a> {
        if self.left == 0 {
            (self.worker, self.left) = worker.roomiest(self.more);
        }
        self.left -= 1;
        // Also on the loop's own worker no other may take it: a thief does not look at the loads.
        Place::On(worker, self.worker)
    }
}

/// A connection, from its accept to the end of its coroutine, however that comes; it holds a permit.
struct Visit<F> {
    station: Arc<Station<F>>,
    /// Whether the handler has been called.
    began: bool,
}

impl<F> Visit<F>
where
    F: Fn(TcpStream, SocketAddr),
{
    fn serve(mut self, stream: TcpStream, peer: SocketAddr) {
        let core = &self.station.core;
        let (task, worker) = current::with_worker(|worker| {
            let worker = worker.expect("a connection is served by a coroutine");
            (worker.current().expect("which runs"), worker.index())
        });
        let Some(entry) = core.roll(worker).enter(task) else {
            return;
        };
        self.began = true;
        if self.station.nodelay {
            // It fails if the client is gone, which the handler is told when it reads or writes.
            drop(stream.set_nodelay(true));
        }
        let served = catch_unwind(AssertUnwindSafe(|| (self.station.handler)(stream, peer)));
        drop(entry);
        if let Err(payload) = served {
            self.unwound(payload);
        }
    }

    /// Counts how the handler has ended, and lets the coroutine end in the same way.
    #[cold]
    fn unwound(self, payload: Payload) {
        let payload = cancel::published(payload);
        let counts = &self.station.core.counts;
        let cancelled = payload.is::<Cancelled>();
        Counts::add(if cancelled { &counts.cancelled } else { &counts.panicked });
        drop(self);
        resume_unwind(payload)
    }
}

impl<F> Drop for Visit<F> {
    fn drop(&mut self) {
        let core = &self.station.core;
        if !self.began {
            Counts::add(&core.counts.cancelled);
        }
        core.gate.leave();
    }
}
