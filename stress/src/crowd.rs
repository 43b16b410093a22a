//! The process of a crowd: very many coroutines that wait, and nothing beside them.
//!
//! Owns who has come how far, and the coroutines that look after the others: *shepherds*, one for
//! each worker, which spawn their share, wake it and join it. What the others do is in `park` and
//! `sleep`. The modules `coordinator`, `limits`, `outcome` and `report` belong to the process that
//! a person starts.

pub(crate) mod coordinator;
mod limits;
mod outcome;
mod park;
pub(crate) mod report;
pub(crate) mod sample;
mod sleep;

use std::any::Any;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use lif::{JoinHandle, Runtime};
use serde_json::{Value, json};

use crate::args::CrowdArgs;
use crate::counter::Counter;
use crate::host;
use crate::latency::Latency;
use crate::proto::{self, Command};
use crate::scenario::Load;
use crate::sys;
use sample::{Sample, Survey};

/// From here on the coroutines are to wake, for what comes next.
const WAKE: u64 = 1;

/// From here on they are to end.
const RELEASE: u64 = 2;

/// Stacks that are tried to find out what the guard of one costs.
const PROBES: u64 = 64;

/// How long that may take.
const PROBING: Duration = Duration::from_secs(5);

/// What the coroutines of a crowd share.
#[derive(Debug)]
struct Crowd {
    load: Load,
    coroutines: u64,
    /// From the first to the last deadline.
    spread: Duration,
    seed: u64,
    /// What deadlines are counted from.
    origin: Instant,
    /// The first deadline, in nanoseconds after the origin.
    first_deadline_ns: Counter,
    phase: Counter,
    /// Parked for the first time.
    parked: Milestone,
    /// Called `sleep_until`.
    asleep: Milestone,
    /// Woken from that wait which the scenario is about.
    woken: Milestone,
    /// Come to the end of their closure.
    ended: Milestone,
    /// How many were asleep when the last one fell asleep.
    asleep_at_once: Counter,
    /// Gone without having come to the end.
    failed: Counter,
    /// Returns from `park` that nobody had asked for: one who is woken twice makes such a one.
    in_vain: Counter,
    /// Woken before the deadline.
    early: Counter,
    /// Joined, with a result.
    joined: Counter,
    lateness: Latency,
    first_failure: Mutex<Option<String>>,
    /// When the coordinator said each of its words, in nanoseconds.
    spawn_ns: Counter,
    wake_ns: Counter,
    release_ns: Counter,
}

/// How many have come to a point, and when the last one did.
#[derive(Debug, Default)]
struct Milestone {
    count: Counter,
    last_ns: Counter,
}

impl Milestone {
    /// Counts one of `all`; true for the last.
    fn pass(&self, all: u64) -> bool {
        let last = self.count.add(1) == all;
        if last {
            // Only now, so that the others need no clock.
            self.last_ns.raise_to(sys::monotonic_ns());
        }
        last
    }
}

/// Does what the coordinator says until it says that it is over.
///
/// # Errors
///
/// The runtime could not start, or the coordinator is gone.
pub(crate) fn run(args: CrowdArgs) -> io::Result<()> {
    let runtime = Runtime::builder()
        .workers(args.child.workers as usize)
        .stack_size(args.stack as usize)
        .build()?;
    // Neither is ever dropped: what still waits at the end goes with the process.
    let runtime: &'static Runtime = Box::leak(Box::new(runtime));
    let crowd: &'static Crowd = Box::leak(Box::new(Crowd::new(&args)));
    let base = crowd.survey();
    let guard_mappings = guard_mappings(runtime);
    let mut shepherds = Vec::new();
    proto::answer(|command| {
        match command {
            Command::Hello => {
                return json!({ "base": base.to_json(), "guard_mappings": guard_mappings });
            }
            Command::Finish => return crowd.result(),
            Command::Spawn => {
                crowd.spawn_ns.raise_to(sys::monotonic_ns());
                let parts = args.child.workers;
                shepherds.extend((0..parts).map(|part| {
                    let ids = (part..args.coroutines).step_by(parts as usize);
                    runtime.go(move || crowd.tend(ids))
                }));
            }
            Command::Wake => {
                crowd.wake_ns.raise_to(sys::monotonic_ns());
                crowd.set_first_deadline();
                crowd.begin(WAKE, &shepherds);
            }
            Command::Release => {
                crowd.release_ns.raise_to(sys::monotonic_ns());
                crowd.begin(RELEASE, &shepherds);
            }
            _ => {}
        }
        // Who is through is asked for often, all the rest is looked up a few times in a run.
        if command == Command::Survey { crowd.survey().to_json() } else { crowd.sample().to_json() }
    })
}

/// Memory mappings that the guard of each stack costs here: none where the kernel keeps guards in
/// its page tables. Found out with stacks that live for a moment.
fn guard_mappings(runtime: &Runtime) -> Option<u64> {
    let before = host::mappings()?;
    let parked = Arc::new(Counter::default());
    let probe = |_| {
        let parked = Arc::clone(&parked);
        runtime.go(move || {
            parked.add(1);
            lif::park();
        })
    };
    let probes: Vec<_> = (0..PROBES).map(probe).collect();
    let until = Instant::now() + PROBING;
    while parked.get() < PROBES && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(1));
    }
    let grown = host::mappings()?.saturating_sub(before);
    for probe in probes {
        probe.thread().unpark();
        // One that got no stack is no matter here: the run itself will meet the same limit.
        drop(probe.join());
    }
    Some(grown / PROBES)
}

impl Crowd {
    fn new(args: &CrowdArgs) -> Crowd {
        Crowd {
            load: args.scenario().load,
            coroutines: args.coroutines.into(),
            spread: Duration::from_millis(args.spread.into()),
            seed: args.seed,
            origin: Instant::now(),
            first_deadline_ns: Counter::default(),
            phase: Counter::default(),
            parked: Milestone::default(),
            asleep: Milestone::default(),
            woken: Milestone::default(),
            ended: Milestone::default(),
            asleep_at_once: Counter::default(),
            failed: Counter::default(),
            in_vain: Counter::default(),
            early: Counter::default(),
            joined: Counter::default(),
            lateness: Latency::new(),
            first_failure: Mutex::default(),
            spawn_ns: Counter::default(),
            wake_ns: Counter::default(),
            release_ns: Counter::default(),
        }
    }

    /// What a shepherd does, from the first to the last of its share.
    fn tend(&'static self, ids: impl Iterator<Item = u32>) {
        let flock: Vec<JoinHandle<Duration>> = ids
            .map(|id| {
                let seat = Seat { crowd: self, through: false };
                lif::go(move || match self.load {
                    Load::Sleep => sleep::stay(seat, id),
                    _ => park::stay(seat),
                })
            })
            .collect();
        // Those that sleep are woken by their deadlines after that, and end of themselves.
        let phases: &[u64] = if self.load == Load::Sleep { &[WAKE] } else { &[WAKE, RELEASE] };
        for &phase in phases {
            self.wait_for(phase);
            for coroutine in &flock {
                coroutine.thread().unpark();
            }
        }
        for coroutine in flock {
            match coroutine.join() {
                Ok(lateness) => {
                    if self.load == Load::Sleep {
                        self.lateness.record(lateness);
                    }
                    self.joined.add(1);
                }
                Err(payload) => {
                    let mut first = lock(&self.first_failure);
                    first.get_or_insert_with(|| words(&*payload));
                }
            }
        }
    }

    /// Begins a phase, and wakes the shepherds, who wake the others.
    fn begin(&self, phase: u64, shepherds: &[JoinHandle<()>]) {
        self.phase.raise_to(phase);
        for shepherd in shepherds {
            shepherd.thread().unpark();
        }
    }

    /// Parks until `phase` has begun. There is exactly one wake-up for each who waits, so every
    /// return before that is one too many, and counted.
    fn wait_for(&self, phase: u64) {
        loop {
            lif::park();
            if self.phase.get() >= phase {
                return;
            }
            self.in_vain.add(1);
        }
    }

    /// Puts the first deadline so far from now as it took to spawn and park them all: to wake
    /// them and let them fall asleep takes less, so that they will all be asleep at once.
    fn set_first_deadline(&self) {
        let spawning = self.parked.last_ns.get().saturating_sub(self.spawn_ns.get());
        let passed = self.origin.elapsed().as_nanos() as u64;
        self.first_deadline_ns.raise_to(passed + spawning.max(sleep::LEAST_LEAD_NS));
    }

    fn first_deadline(&self) -> Instant {
        self.origin + Duration::from_nanos(self.first_deadline_ns.get())
    }

    fn sample(&self) -> Sample {
        // From the last step to the first: nobody is then seen to have done a later one without
        // the earlier.
        let (joined, failed, ended) =
            (self.joined.get(), self.failed.get(), self.ended.count.get());
        let (woken, asleep) = (self.woken.count.get(), self.asleep.count.get());
        Sample { parked: self.parked.count.get(), asleep, woken, ended, joined, failed }
    }

    fn survey(&self) -> Survey {
        let usage = sys::usage();
        let told = host::memory();
        let peak = usage.peak_rss_kib;
        Survey {
            sample: self.sample(),
            memory: told.unwrap_or(host::Memory { peak, ..Default::default() }),
            mappings: host::mappings().unwrap_or(0),
            cpu_ms: usage.cpu_ms,
        }
    }

    fn result(&self) -> Value {
        let first_failure = lock(&self.first_failure).clone();
        let between = |from: &Counter, to: &Milestone| to.last_ns.get().saturating_sub(from.get());
        json!({
            "survey": self.survey().to_json(),
            "asleep_at_once": self.asleep_at_once.get(),
            "in_vain": self.in_vain.get(),
            "early": self.early.get(),
            "first_failure": first_failure,
            "lateness": self.lateness.to_json(),
            "spawning_ns": between(&self.spawn_ns, &self.parked),
            "falling_asleep_ns": between(&self.wake_ns, &self.asleep),
            "waking_ns": between(&self.wake_ns, &self.woken),
            "ending_ns": between(&self.release_ns, &self.ended),
        })
    }
}

/// The place of a coroutine in the books, from its spawn to its end, however that comes.
#[derive(Debug)]
struct Seat {
    crowd: &'static Crowd,
    through: bool,
}

impl Drop for Seat {
    fn drop(&mut self) {
        if self.through {
            self.crowd.ended.pass(self.crowd.coroutines);
        } else {
            self.crowd.failed.add(1);
        }
    }
}

/// What a coroutine that did not come to its end leaves to its joiner, in words.
fn words(payload: &(dyn Any + Send)) -> String {
    if let Some(error) = payload.downcast_ref::<lif::StackError>() {
        error.to_string()
    } else if let Some(text) = payload.downcast_ref::<&str>() {
        format!("a coroutine panicked: {text}")
    } else if let Some(text) = payload.downcast_ref::<String>() {
        format!("a coroutine panicked: {text}")
    } else {
        "a coroutine was cancelled, or panicked without words".to_owned()
    }
}

/// Held for an assignment, never across a wait.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    // Each use leaves the value whole, so one that ended in a panic is no reason to stop.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_to_pass_a_milestone_reads_the_clock() {
        let milestone = Milestone::default();
        assert!(!milestone.pass(2));
        assert_eq!(milestone.last_ns.get(), 0);
        assert!(milestone.pass(2));
        assert!(milestone.last_ns.get() > 0);
    }

    #[test]
    fn a_payload_is_put_into_words() {
        assert_eq!(words(&"oh"), "a coroutine panicked: oh");
        assert_eq!(words(&String::from("no")), "a coroutine panicked: no");
        assert!(words(&7_u8).contains("without words"));
    }
}
