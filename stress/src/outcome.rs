//! What came of a run: every number that the report needs, and whether it is good enough.
//!
//! Owns the sums over the client processes and the verdict. How it looks is the report's matter.

use serde_json::Value;

use crate::args::Run;
use crate::failure::{Counts, Kind};
use crate::host::TurnedAway;
use crate::latency::Merged;
use crate::limits::Plan;
use crate::proto::{ClientSample, ServerSample, number};
use crate::report::grouped;
use crate::scenario::{Load, MEMORY_CLIENTS};

/// The clients' side, all processes together.
#[derive(Clone, Debug)]
pub(crate) struct Totals {
    /// Who is through, who failed, what was verified.
    pub(crate) seen: ClientSample,
    /// Messages handed to the kernel.
    pub(crate) sent: u64,
    /// Messages that came back whole.
    pub(crate) received: u64,
    /// Peers that were brought to a halt (slow).
    pub(crate) stalled: u64,
    /// Failed clients by kind.
    pub(crate) failures: Counts,
    /// The first failure of each process that had one, in words.
    pub(crate) first_failures: Vec<String>,
    /// Round trips.
    pub(crate) latency: Merged,
    /// Processor time, in milliseconds.
    pub(crate) cpu_ms: u64,
    first_ns: u64,
    last_ns: u64,
}

impl Totals {
    fn new() -> Totals {
        Totals {
            seen: ClientSample::default(),
            sent: 0,
            received: 0,
            stalled: 0,
            failures: Counts::default(),
            first_failures: Vec::new(),
            latency: Merged::new(),
            cpu_ms: 0,
            first_ns: u64::MAX,
            last_ns: 0,
        }
    }

    /// Adds what one client process says at its end.
    pub(crate) fn add_json(&mut self, result: &Value) {
        self.seen.merge(&ClientSample::from_json(result));
        self.sent += number(result, "sent");
        self.received += number(result, "received");
        self.stalled += number(result, "stalled");
        self.failures.merge(&Counts::from_json(&result["failures"]));
        self.first_failures.extend(result["first_failure"].as_str().map(str::to_owned));
        self.latency.add_json(&result["latency"]);
        self.cpu_ms += number(result, "cpu_ms");
        self.first_ns = self.first_ns.min(number(result, "first_ns"));
        self.last_ns = self.last_ns.max(number(result, "last_ns"));
    }

    /// Who was not through when the run was broken off ran out of time.
    pub(crate) fn count_unfinished(&mut self, clients: u64) {
        self.failures.add(Kind::Timeout, clients.saturating_sub(self.seen.settled));
    }
}

/// A run that has ended, well or not.
#[derive(Clone, Debug)]
pub(crate) struct Outcome {
    /// What was asked for.
    pub(crate) run: Run,
    /// How it was spread.
    pub(crate) plan: Plan,
    /// Replies that were due.
    pub(crate) expected: u64,
    /// Resident memory of the server before the first connection, in KiB.
    pub(crate) rss_base_kib: u64,
    /// The server while all were connected, or when all were through where they never are.
    pub(crate) plateau: ServerSample,
    /// The server at the end.
    pub(crate) end: ServerSample,
    /// The clients.
    pub(crate) totals: Totals,
    /// Connections that the clients had open at the plateau.
    pub(crate) clients_peak: u64,
    /// Connections still open when the last client was through, after `--hold`.
    pub(crate) held: Option<u64>,
    /// What listening sockets of this host turned away meanwhile, where the system counts it.
    pub(crate) turned_away: Option<TurnedAway>,
    /// Why the run was broken off, and which process was lost.
    pub(crate) lost: Vec<String>,
}

impl Outcome {
    /// Nothing has happened yet.
    pub(crate) fn new(run: Run, plan: Plan, expected: u64, rss_base_kib: u64) -> Outcome {
        Outcome {
            run,
            plan,
            expected,
            rss_base_kib,
            plateau: ServerSample::default(),
            end: ServerSample::default(),
            totals: Totals::new(),
            clients_peak: 0,
            held: None,
            turned_away: None,
            lost: Vec::new(),
        }
    }

    /// From the first connect to the last verified reply, in milliseconds.
    pub(crate) fn wall_ms(&self) -> f64 {
        self.totals.last_ns.saturating_sub(self.totals.first_ns) as f64 / 1e6
    }

    /// Verified messages a second of wall time.
    pub(crate) fn messages_per_second(&self) -> f64 {
        let wall = self.wall_ms();
        if wall > 0.0 { self.totals.seen.verified as f64 * 1000.0 / wall } else { 0.0 }
    }

    /// Resident bytes that each connection of the plateau cost the server, where there was one and
    /// the system tells.
    pub(crate) fn bytes_per_connection(&self) -> Option<u64> {
        let grown = self.plateau.rss_kib.checked_sub(self.rss_base_kib)?;
        (grown * 1024).checked_div(self.plateau.open)
    }

    /// What speaks against it; nothing if it passed.
    pub(crate) fn complaints(&self) -> Vec<String> {
        let mut complaints = self.lost.clone();
        let mut demand = |holds: bool, complaint: String| {
            if !holds {
                complaints.push(complaint);
            }
        };
        let scenario = self.run.scenario();
        let clients = u64::from(self.run.clients);
        let verified = self.totals.seen.verified;
        demand(
            verified == self.expected,
            format!("{} of {} replies verified", grouped(verified), grouped(self.expected)),
        );
        let failed = self.totals.failures.total();
        demand(failed == 0, format!("{} clients failed", grouped(failed)));
        let mut server = self.end.failures.total();
        if scenario.load == Load::Slow {
            // Who goes away with replies unread resets the connection: that is what they are for.
            server -= self.end.failures.of(Kind::Reset);
        }
        demand(server == 0, format!("{} failures at the server", grouped(server)));
        demand(self.end.open == 0, format!("{} connections never ended", grouped(self.end.open)));
        if scenario.together {
            let peak = self.end.peak.min(self.clients_peak);
            demand(
                peak == clients,
                format!("{} of {} connected at once", grouped(peak), grouped(clients)),
            );
            let held = self.held.unwrap_or(0);
            demand(
                held == clients,
                format!("{} of {} still connected", grouped(held), grouped(clients)),
            );
        }
        if let (Some(most), Some(bytes)) = (scenario.memory, self.bytes_per_connection()) {
            demand(
                bytes < most || self.run.clients < MEMORY_CLIENTS,
                format!("{} bytes a connection, {} allowed", grouped(bytes), grouped(most)),
            );
        }
        if let Some(most) = scenario.p99 {
            let p99 = self.totals.latency.percentile_us(99.0);
            demand(
                p99 <= most.as_micros() as f64,
                format!("p99 of the well-behaved is {:.0} ms", p99 / 1000.0),
            );
        }
        complaints
    }
}

#[cfg(test)]
mod tests;
