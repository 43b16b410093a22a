//! A client process: its share of the clients, one coroutine each, and their books.
//!
//! Owns who is connected, who waits and who is through. What a client says on its connection is in
//! `load`. Each process takes every so-and-so-many-th client, so that the batches of all processes
//! together follow one schedule.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use std::{io, mem};

use lif::net::TcpStream;
use serde_json::{Value, json};

use crate::args::ClientArgs;
use crate::counter::Counter;
use crate::failure::{Failure, Kind, Tally};
use crate::latency::Latency;
use crate::load;
use crate::proto::{self, ClientSample, Command};
use crate::scenario::{Load, Scenario};
use crate::sys;

/// What the coroutines of a client process share.
#[derive(Debug)]
pub(crate) struct Clients {
    /// What they do.
    pub(crate) scenario: &'static Scenario,
    /// Messages of each.
    pub(crate) messages: u32,
    /// Bytes of each.
    pub(crate) size: usize,
    /// Round trips.
    pub(crate) latency: Latency,
    /// Peers of the slow scenario that have not been brought to a halt yet.
    pub(crate) stalling: Counter,
    /// Those that have.
    pub(crate) stalled: Counter,
    ports: Vec<u16>,
    /// Connected, and waiting for the others: no coroutine is spent on that.
    waiting: Mutex<Vec<Link>>,
    /// Through, and kept open until all are closed.
    through: Mutex<Vec<Link>>,
    tried: Counter,
    open: Counter,
    sent: Counter,
    received: Counter,
    verified: Counter,
    settled: Counter,
    failed: Counter,
    failures: Tally,
    first_failure: Mutex<Option<String>>,
    first_ns: Counter,
    last_ns: Counter,
}

/// Does what the coordinator says until it says that it is over.
///
/// # Errors
///
/// The runtime could not start, or the coordinator is gone.
pub(crate) fn run(args: ClientArgs) -> io::Result<()> {
    let runtime = crate::start_runtime(args.child.workers)?;
    let (part, parts, clients) = (args.part, args.parts, args.clients);
    let (batch, delay) = (args.batch, Duration::from_millis(args.batch_delay));
    let all: &'static Clients = Box::leak(Box::new(Clients::new(args)));
    proto::answer(|command| match command {
        Command::Connect => {
            let ids = (part..clients).step_by(parts as usize);
            drop(runtime.go(move || all.arrive(ids, batch, delay)));
            Value::Null
        }
        Command::Go => {
            drop(runtime.go(move || load::start(all, take(&all.waiting))));
            Value::Null
        }
        Command::Close => {
            drop(runtime.go(move || drop((take(&all.waiting), take(&all.through)))));
            Value::Null
        }
        Command::Finish => all.result(),
        _ => all.sample().to_json(),
    })
}

impl Clients {
    /// Nobody has come yet.
    pub(crate) fn new(args: ClientArgs) -> Clients {
        Clients {
            scenario: args.scenario(),
            messages: args.messages,
            size: args.size as usize,
            latency: Latency::new(),
            stalling: Counter::default(),
            stalled: Counter::default(),
            ports: args.ports,
            waiting: Mutex::default(),
            through: Mutex::default(),
            tried: Counter::default(),
            open: Counter::default(),
            sent: Counter::default(),
            received: Counter::default(),
            verified: Counter::default(),
            settled: Counter::default(),
            failed: Counter::default(),
            failures: Tally::default(),
            first_failure: Mutex::default(),
            first_ns: Counter::new(u64::MAX),
            last_ns: Counter::default(),
        }
    }

    /// Lets the clients begin, a batch at a time. Batches are of all processes together: client
    /// 250 of batches of 100 begins after two delays, whichever process it is in.
    fn arrive(&'static self, ids: impl Iterator<Item = u32>, batch: u32, delay: Duration) {
        let start = Instant::now();
        let mut current = 0;
        for id in ids {
            if id / batch != current {
                current = id / batch;
                if delay.is_zero() {
                    lif::yield_now();
                } else {
                    lif::sleep_until(start + delay * current);
                }
            }
            drop(lif::go(move || self.begin(id)));
        }
    }

    /// The first thing that a client does.
    fn begin(&'static self, id: u32) {
        if self.scenario.load == Load::Churn {
            self.tried.add(1);
            self.seat(|| load::churn(self, id));
            return;
        }
        match self.connect(id) {
            Ok(link) => {
                lock(&self.waiting).push(link);
                self.tried.add(1);
            }
            Err(failure) => {
                self.settle(Err(failure));
                self.tried.add(1);
            }
        }
    }

    /// Connects client `id`. Parks until the kernel has made the connection.
    pub(crate) fn connect(&'static self, id: u32) -> Result<Link, Failure> {
        let port = self.ports[id as usize % self.ports.len()];
        self.first_ns.lower_to(sys::monotonic_ns());
        let stream = TcpStream::connect(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
            .and_then(|stream| stream.set_nodelay(true).map(|()| stream))
            .map_err(|error| Failure::from_io("connect", &error))?;
        self.open.add(1);
        Ok(Link { clients: self, id, stream: Arc::new(stream) })
    }

    /// Starts a coroutine for a client, and books its end, be it a panic.
    pub(crate) fn start(
        &'static self,
        client: impl FnOnce() -> Result<(), Failure> + Send + 'static,
    ) {
        // Nobody joins it: its end is in the books.
        drop(lif::go(move || self.seat(client)));
    }

    fn seat(&'static self, client: impl FnOnce() -> Result<(), Failure>) {
        struct Seat(Option<&'static Clients>);
        impl Drop for Seat {
            fn drop(&mut self) {
                if let Some(clients) = self.0 {
                    clients.settle(Err(Failure::new(Kind::Panic, "a client panicked")));
                }
            }
        }
        let mut seat = Seat(Some(self));
        let end = client();
        seat.0 = None;
        self.settle(end);
    }

    fn settle(&self, end: Result<(), Failure>) {
        match end {
            Ok(()) => {
                self.last_ns.raise_to(sys::monotonic_ns());
            }
            Err(failure) => {
                self.failures.count(failure.kind);
                lock(&self.first_failure).get_or_insert_with(|| failure.to_string());
                self.failed.add(1);
            }
        }
        self.settled.add(1);
    }

    /// Keeps a connection whose client is through.
    pub(crate) fn keep(&self, link: Link) {
        lock(&self.through).push(link);
    }

    /// Counts messages that were handed to the kernel.
    pub(crate) fn count_sent(&self, messages: u32) {
        self.sent.add(u64::from(messages));
    }

    /// Counts a message that came back whole.
    pub(crate) fn count_received(&self) {
        self.received.add(1);
    }

    /// Counts one that was what it should be.
    pub(crate) fn count_verified(&self) {
        self.verified.add(1);
    }

    fn sample(&self) -> ClientSample {
        // These two first: what was counted before them is then in the others.
        let (settled, tried) = (self.settled.get(), self.tried.get());
        ClientSample {
            tried,
            open: self.open.get(),
            verified: self.verified.get(),
            settled,
            failed: self.failed.get(),
        }
    }

    fn result(&self) -> Value {
        let mut result = self.sample().to_json();
        let first_failure = lock(&self.first_failure).clone();
        let rest = json!({
            "sent": self.sent.get(),
            "received": self.received.get(),
            "stalled": self.stalled.get(),
            "failures": self.failures.counts().to_json(),
            "first_failure": first_failure,
            "first_ns": self.first_ns.get(),
            "last_ns": self.last_ns.get(),
            "cpu_ms": sys::usage().cpu_ms,
            "latency": self.latency.to_json(),
        });
        if let (Value::Object(result), Value::Object(rest)) = (&mut result, rest) {
            result.extend(rest);
        }
        result
    }
}

/// An open connection of a client.
#[derive(Debug)]
pub(crate) struct Link {
    /// Whose, among all processes.
    pub(crate) id: u32,
    /// Shared, because a long message is written by one coroutine while another reads.
    pub(crate) stream: Arc<TcpStream>,
    clients: &'static Clients,
}

impl Drop for Link {
    fn drop(&mut self) {
        self.clients.open.sub(1);
    }
}

/// All that is in a list. The lock is free again when this returns.
fn take<T>(list: &Mutex<Vec<T>>) -> Vec<T> {
    mem::take(&mut lock(list))
}

/// Held for a push or a swap, never across a wait.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    // Each use leaves the value whole, so one that ended in a panic is no reason to stop.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
