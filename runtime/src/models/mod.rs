//! Loom models of the protocols, one a file: `RUSTFLAGS="--cfg loom" cargo test -p lif --release`.
//!
//! The protocol files are compiled here as they ship, with loom's atomics in place of std's; this
//! is the only place that says which. A model plays what surrounds a protocol (a worker's queue, the
//! kernel, a deque) with as little ordering of its own as it can, so that what crosses has to cross
//! by the protocol's. Counts of what has happened are kept in std's atomics, which loom does not
//! see, and so cannot order anything.
//!
//! Loom treats SeqCst accesses as AcqRel, and models SeqCst fences; the protocols use fences.
//!
//! At the end of each model stands what was broken by hand to see the model fail.

// The protocols have calls that no model needs.
#![allow(dead_code, reason = "the whole protocol is compiled, for the models that need a part")]

#[path = "../sched/census.rs"]
mod census;
#[path = "../sched/idle.rs"]
mod idle;
#[path = "../task/join_word.rs"]
mod join_word;
#[cfg(test)]
#[path = "../task/list.rs"]
mod list;
#[path = "../sched/mailbox.rs"]
mod mailbox;
#[path = "../task/park_word.rs"]
mod park_word;
#[cfg(test)]
#[path = "../sync/queue.rs"]
mod queue;
#[cfg(test)]
#[path = "../sync/raw_lock.rs"]
mod raw_lock;
#[cfg(test)]
#[path = "../sync/raw_once.rs"]
mod raw_once;
#[cfg(test)]
#[path = "../sync/raw_semaphore.rs"]
mod raw_semaphore;
#[path = "../ready/readiness.rs"]
mod readiness;
#[path = "../task/state.rs"]
mod state;

// Where the wait queue looks for what it is built on.
#[cfg(test)]
use queueing::{age, header, wait};

pub(crate) mod exchanging;
#[cfg(test)]
mod queueing;
mod tasks;

#[cfg(test)]
mod channels;
#[cfg(test)]
mod giving;
#[cfg(test)]
mod idling;
#[cfg(test)]
mod joining;
#[cfg(test)]
mod locking;
#[cfg(test)]
mod mail;
#[cfg(test)]
mod parking;
#[cfg(test)]
mod ready;
#[cfg(test)]
mod stopping;
#[cfg(test)]
mod waking;

/// Explores every interleaving of `model` with at most three preemptions, or as many as
/// `LOOM_MAX_PREEMPTIONS` says.
#[cfg(test)]
fn explore(model: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = builder.preemption_bound.or(Some(3));
    builder.check(model);
}

/// The same with at most two preemptions: for models of three that all wait for each other.
#[cfg(test)]
fn explore_three(model: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = builder.preemption_bound.or(Some(2));
    builder.check(model);
}

/// Waits until both have ended.
#[cfg(test)]
fn join(threads: [loom::thread::JoinHandle<()>; 2]) {
    for thread in threads {
        thread.join().unwrap();
    }
}
