//! Can this host carry the run? Decided before anything starts, from numbers alone.
//!
//! Pure arithmetic: what the host allows is read elsewhere and handed in. The answer is either a
//! [`Plan`] or a [`Refusal`] that names the limit and the command that would raise it.

use std::fmt;

use crate::host::Ports;

/// Descriptors that a process needs beside its connections: standard streams, the poller and the
/// wake-up of each worker, what libraries open for a moment.
const SPARE: u64 = 64;

/// The same, for each worker.
const PER_WORKER: u64 = 4;

/// More listening ports than this would make the accept loops the load.
const MOST_LISTENERS: u64 = 64;

/// Lets a local port be used again a second after its connection has ended.
const REUSE: &str = "sudo sysctl -w net.ipv4.tcp_tw_reuse=2";

/// Gives more local ports.
const WIDEN: &str = "sudo sysctl -w net.ipv4.ip_local_port_range=\"1024 65535\"";

/// What was asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Demand {
    /// Connections open at the same moment.
    pub(crate) clients: u64,
    /// Connections that are made in the whole run.
    pub(crate) connections: u64,
    /// Connections that are begun without a pause between them.
    pub(crate) burst: u64,
    /// Workers of the server.
    pub(crate) server_workers: u64,
    /// Workers of one client process; 0 to choose here.
    pub(crate) client_workers: u64,
    /// Client processes; 0 to choose here.
    pub(crate) processes: u64,
    /// The first port to listen on; 0 for any.
    pub(crate) port: u16,
}

/// What the host has.
#[derive(Clone, Debug)]
pub(crate) struct Supply {
    /// The descriptors that one process may have.
    pub(crate) descriptors: u64,
    /// Local ports.
    pub(crate) ports: Ports,
    /// Connections that wait at one listener until they are accepted, at most.
    pub(crate) listen_queue: u64,
    /// Processors.
    pub(crate) cpus: u64,
}

/// How the run is spread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    /// Client processes.
    pub(crate) processes: u64,
    /// Workers of each of them.
    pub(crate) client_workers: u64,
    /// Ports that the server listens on.
    pub(crate) listeners: u64,
}

/// Why the run can't work here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// One process can't have so many descriptors.
    Descriptors {
        /// Which process.
        process: &'static str,
        /// What it needs.
        needed: u64,
        /// What it may have.
        allowed: u64,
        /// The most clients that would fit.
        clients: u64,
    },
    /// There are not enough local ports.
    Ports {
        /// Connections to be made.
        needed: u64,
        /// Connections that find a port.
        available: u64,
        /// Whether ports in TIME_WAIT are what is missing.
        resting: bool,
    },
    /// The ports to listen on run past 65,535.
    LastPort {
        /// The first.
        first: u16,
        /// How many are needed.
        listeners: u64,
    },
}

/// Spreads the run over processes and ports, or says why it can't work.
pub(crate) fn plan(demand: &Demand, supply: &Supply) -> Result<Plan, Refusal> {
    let listeners = listeners(demand, supply)?;
    let server_spare = SPARE + PER_WORKER * demand.server_workers + listeners;
    let server_room = supply.descriptors.saturating_sub(server_spare);
    if demand.clients > server_room {
        return Err(Refusal::Descriptors {
            process: "server",
            needed: demand.clients + server_spare,
            allowed: supply.descriptors,
            clients: server_room,
        });
    }
    let (processes, client_workers) = spread(demand, supply);
    let client_spare = SPARE + PER_WORKER * client_workers;
    let client_room = supply.descriptors.saturating_sub(client_spare);
    let share = demand.clients.div_ceil(processes);
    if share > client_room {
        return Err(Refusal::Descriptors {
            process: "client",
            needed: share + client_spare,
            allowed: supply.descriptors,
            clients: client_room * processes,
        });
    }
    Ok(Plan { processes, client_workers, listeners })
}

/// (client processes, workers of each): as few processes as the descriptor limit allows, and half
/// of the processors for all of them together.
fn spread(demand: &Demand, supply: &Supply) -> (u64, u64) {
    let workers = |processes: u64| match demand.client_workers {
        0 => (supply.cpus / 2 / processes).max(1),
        chosen => chosen,
    };
    if demand.processes > 0 {
        let processes = demand.processes.min(demand.clients);
        return (processes, workers(processes));
    }
    let spare = SPARE + PER_WORKER * workers(1);
    let room = supply.descriptors.saturating_sub(spare).max(1);
    let processes = demand.clients.div_ceil(room);
    (processes, workers(processes))
}

/// A connection is named by its two addresses and ports, so each port that the server listens on
/// gives every local port once more. The kernel looks for a free local port in one half of the
/// range first and gets slow beyond it: half of the range is what one listener should see.
///
/// Those that come at once spread over as many queues as it takes to hold them all: what a full
/// queue turns away comes back a second later, or, if the kernel has fallen back on cookies, never.
fn listeners(demand: &Demand, supply: &Supply) -> Result<u64, Refusal> {
    let ports = &supply.ports;
    let range = u64::from(*ports.range.end()) - u64::from(*ports.range.start()) + 1;
    let mut usable = range.saturating_sub(u64::from(ports.reserved));
    if demand.port != 0 && !ports.reuse {
        // What an earlier run on the same port left behind is in the way for a minute.
        usable = usable.saturating_sub(u64::from(ports.time_wait));
    }
    let comfortable = (usable / 2).max(1);
    let queues = demand.burst.div_ceil(supply.listen_queue.max(1));
    let wanted = demand.connections.div_ceil(comfortable).max(queues);
    let listeners = wanted.clamp(1, MOST_LISTENERS);
    let available = listeners * usable;
    // A port that rests in TIME_WAIT serves again after a second where the kernel reuses them.
    let needed = if ports.reuse { demand.clients } else { demand.connections };
    if needed > available {
        let resting = !ports.reuse && (demand.port != 0 || demand.clients <= available);
        return Err(Refusal::Ports { needed, available, resting });
    }
    if demand.port != 0 && u64::from(demand.port) + listeners - 1 > 65_535 {
        return Err(Refusal::LastPort { first: demand.port, listeners });
    }
    Ok(listeners)
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Refusal::Descriptors { process, needed, allowed, clients } => {
                writeln!(
                    f,
                    "the {process} process needs {needed} descriptors, and its hard limit is \
                     {allowed}."
                )?;
                let raise = format!("sudo prlimit --pid $$ --nofile={needed}:{needed}");
                writeln!(f, "  Raise it for this shell:  {raise}")?;
                write!(f, "  or stay below it:         --clients {clients}")
            }
            Refusal::Ports { needed, available, resting } => {
                writeln!(
                    f,
                    "{needed} connections need more local ports than are free: {available} at \
                     most."
                )?;
                if resting {
                    writeln!(f, "  A used one rests for a minute; take it sooner: {REUSE}")?;
                }
                write!(f, "  Widen the range:  {WIDEN}")
            }
            Refusal::LastPort { first, listeners } => {
                writeln!(f, "{listeners} ports to listen on don't fit from {first} to 65535.")?;
                write!(f, "  Take a lower one: --port {}, or any: --port 0", 65_536 - listeners)
            }
        }
    }
}

#[cfg(test)]
mod tests;
