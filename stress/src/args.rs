//! The command line: of the program a person starts, and of the processes that it starts itself.
//!
//! Owns names, defaults and ranges. What can be said against a value without looking at the host
//! is said here; the host's limits are in `limits`.

use std::ops::RangeInclusive;
use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, RangedI64ValueParser};
use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{ArgMatches, Args, CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::scenario::{Load, SCENARIOS, Scenario};

/// What comes after the options in the help.
const AFTER: &str = "\
Every reply is compared byte for byte with what was sent. The scenarios park and sleep have neither
clients nor a server, but a crowd of coroutines in one process: each of them has to be woken once,
none before its deadline, and to end. The exit status is 0 if the report ends with PASS, 1 if it
ends with FAIL, and 2 if the run could not be started.

Examples:
  cargo xtask stress --clients 10000
  cargo xtask stress --clients 10000 --messages 100 --batch-delay 0
  cargo xtask stress --scenario idle --hold 10 --json idle.json
  cargo xtask stress --scenario churn --clients 1000 --messages 50
  cargo xtask stress --scenario park --coroutines 1000000
  cargo xtask stress --scenario sleep --coroutines 100000 --spread 2000 --seed 7";

/// Options of the scenarios with clients and a server; the others take none of them.
const OF_CLIENTS: [&str; 9] = [
    "clients",
    "messages",
    "size",
    "batch",
    "batch-delay",
    "port",
    "hold",
    "client-processes",
    "client-workers",
];

/// Options of park and sleep; the scenarios with clients take none of them.
const OF_CROWDS: [&str; 2] = ["coroutines", "stack"];

/// Options of sleep alone.
const OF_SLEEP: [&str; 2] = ["spread", "seed"];

/// Loads a server written with Lif with clients written with Lif, and reports what came of it.
#[derive(Debug, Parser)]
#[command(name = "lif-stress", version, after_help = AFTER, args_conflicts_with_subcommands = true)]
pub(crate) struct Cli {
    /// What this process is; nothing for the one that a person starts.
    #[command(subcommand)]
    pub(crate) role: Option<Role>,
    #[command(flatten)]
    pub(crate) run: Run,
}

/// The processes that a run consists of.
#[derive(Debug, Subcommand)]
pub(crate) enum Role {
    /// The process that listens.
    #[command(hide = true)]
    Server(ServerArgs),
    /// A process that connects.
    #[command(hide = true)]
    Client(ClientArgs),
    /// The process that a crowd of coroutines lives in.
    #[command(hide = true)]
    Crowd(CrowdArgs),
}

/// What a person can ask for.
#[derive(Args, Clone, Debug)]
pub(crate) struct Run {
    /// Clients, all of them connected at the same moment (except in churn)
    #[arg(long, default_value_t = 10_000, value_parser = within(1..=1_000_000))]
    pub(crate) clients: u32,
    /// Messages that each client sends [default: 1; churn 10, slow 20, pipeline 100]
    #[arg(long, value_parser = within(1..=1_000_000_000))]
    pub(crate) messages: Option<u32>,
    /// Bytes in a message
    #[arg(long, default_value_t = 64, value_parser = within(1..=1_073_741_824))]
    pub(crate) size: u32,
    /// Clients that start to connect at once
    #[arg(long, default_value_t = 100, value_parser = within(1..=u32::MAX.into()))]
    pub(crate) batch: u32,
    /// Milliseconds from one batch to the next
    #[arg(long, value_name = "MS", default_value_t = 5, value_parser = within(0..=60_000))]
    pub(crate) batch_delay: u32,
    /// Seconds after which the run has failed; --hold comes on top [default: 45; park, sleep 120]
    #[arg(long, value_name = "S", value_parser = within(1..=86_400))]
    timeout: Option<u32>,
    /// Worker threads of the server, or of the one process of park and sleep [default: 4; park,
    /// sleep: as many as processors]
    #[arg(long, value_parser = within(1..=1024))]
    workers: Option<u32>,
    /// Port to listen on, on 127.0.0.1, and those after it if one does not suffice; 0 for any
    #[arg(long, default_value_t = 0)]
    pub(crate) port: u16,
    /// Seconds to keep all connections before they are closed (in idle: before they are used)
    #[arg(long, value_name = "S", default_value_t = 0, value_parser = within(0..=86_400))]
    pub(crate) hold: u32,
    /// What the clients do, or the coroutines
    #[arg(
        long,
        default_value = SCENARIOS[0].name,
        value_parser = PossibleValuesParser::new(SCENARIOS.iter().map(|scenario| {
            clap::builder::PossibleValue::new(scenario.name).help(scenario.about)
        }))
    )]
    scenario: String,
    /// Coroutines, all of them parked or asleep at the same moment (park, sleep)
    #[arg(long, value_name = "N", default_value_t = 1_000_000, value_parser = within(1..=50_000_000))]
    pub(crate) coroutines: u32,
    /// Bytes of address space for the stack of each, its guard included (park, sleep)
    #[arg(
        long,
        value_name = "BYTES",
        default_value_t = 65_536,
        value_parser = within(32_768..=1_073_741_824)
    )]
    pub(crate) stack: u32,
    /// Milliseconds from the first to the last deadline (sleep)
    #[arg(long, value_name = "MS", default_value_t = 10_000, value_parser = within(1..=3_600_000))]
    pub(crate) spread: u32,
    /// Seed of the deadlines, as an earlier report tells it [default: another each time] (sleep)
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
    /// Write the report as one flat JSON object too
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
    /// Client processes; 0 for as many as the descriptor limit asks for
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = within(0..=1024))]
    pub(crate) client_processes: u32,
    /// Worker threads of each client process; 0 for half of the processors, shared between them
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = within(0..=1024))]
    pub(crate) client_workers: u32,
}

impl Run {
    /// The row of the table that was asked for.
    pub(crate) fn scenario(&self) -> &'static Scenario {
        scenario(&self.scenario)
    }

    /// Messages of each client.
    pub(crate) fn messages(&self) -> u32 {
        self.messages.unwrap_or(self.scenario().messages)
    }

    /// Seconds after which the run has failed.
    pub(crate) fn timeout(&self) -> u32 {
        self.timeout.unwrap_or(if self.scenario().load.crowd() { 120 } else { 45 })
    }

    /// Worker threads of the server, or of the crowd.
    pub(crate) fn workers(&self) -> u32 {
        self.workers.unwrap_or_else(|| match self.scenario().load.crowd() {
            true => std::thread::available_parallelism().map_or(1, |cpus| cpus.get() as u32),
            false => 4,
        })
    }
}

/// The command line of a server process.
#[derive(Args, Debug)]
pub(crate) struct ServerArgs {
    #[command(flatten)]
    pub(crate) child: ChildArgs,
    /// The first port; 0 for any.
    #[arg(long)]
    pub(crate) port: u16,
    /// How many ports.
    #[arg(long)]
    pub(crate) listeners: u16,
    /// Bytes in a message.
    #[arg(long)]
    pub(crate) size: u32,
}

/// The command line of a client process.
#[derive(Args, Debug)]
pub(crate) struct ClientArgs {
    #[command(flatten)]
    pub(crate) child: ChildArgs,
    /// Where the server listens.
    #[arg(long, value_delimiter = ',')]
    pub(crate) ports: Vec<u16>,
    /// Clients in all processes.
    #[arg(long)]
    pub(crate) clients: u32,
    /// Messages of each client.
    #[arg(long)]
    pub(crate) messages: u32,
    /// Bytes in a message.
    #[arg(long)]
    pub(crate) size: u32,
    /// Clients that start at once.
    #[arg(long)]
    pub(crate) batch: u32,
    /// Milliseconds between batches.
    #[arg(long)]
    pub(crate) batch_delay: u64,
    /// What the clients do.
    #[arg(long)]
    scenario: String,
    /// Which of the client processes this is.
    #[arg(long)]
    pub(crate) part: u32,
    /// How many there are.
    #[arg(long)]
    pub(crate) parts: u32,
}

impl ClientArgs {
    /// The row of the table that was asked for.
    pub(crate) fn scenario(&self) -> &'static Scenario {
        scenario(&self.scenario)
    }
}

/// The command line of the process of a crowd.
#[derive(Args, Clone, Debug)]
pub(crate) struct CrowdArgs {
    #[command(flatten)]
    pub(crate) child: ChildArgs,
    /// What the coroutines do.
    #[arg(long)]
    scenario: String,
    /// How many.
    #[arg(long)]
    pub(crate) coroutines: u32,
    /// Bytes of address space for the stack of each.
    #[arg(long)]
    pub(crate) stack: u32,
    /// Milliseconds from the first to the last deadline.
    #[arg(long)]
    pub(crate) spread: u32,
    /// Seed of the deadlines.
    #[arg(long)]
    pub(crate) seed: u64,
}

impl CrowdArgs {
    /// The row of the table that was asked for.
    pub(crate) fn scenario(&self) -> &'static Scenario {
        scenario(&self.scenario)
    }
}

/// What all kinds of process are told.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct ChildArgs {
    /// The process that started this one.
    #[arg(long)]
    pub(crate) parent: u32,
    /// Seconds after which this process ends, come what may.
    #[arg(long)]
    pub(crate) alarm: u32,
    /// Worker threads.
    #[arg(long)]
    pub(crate) workers: u32,
}

/// A number, and the least and the most that it may be.
fn within(range: RangeInclusive<i64>) -> RangedI64ValueParser<u32> {
    RangedI64ValueParser::new().range(range)
}

fn scenario(name: &str) -> &'static Scenario {
    Scenario::named(name).expect("the parser took the name from the table")
}

impl Cli {
    /// Parses, and checks what one option alone can't tell.
    pub(crate) fn from<I: IntoIterator<Item = T>, T: Into<std::ffi::OsString> + Clone>(
        line: I,
    ) -> Result<Cli, clap::Error> {
        let given = Cli::command().try_get_matches_from(line)?;
        let cli = Cli::from_arg_matches(&given)?;
        if cli.role.is_some() {
            return Ok(cli);
        }
        let scenario = cli.run.scenario();
        if let Some(option) = misplaced(scenario.load, &given) {
            let text = format!("the scenario {} has no use for --{option}", scenario.name);
            return Err(Cli::command().error(ErrorKind::ArgumentConflict, text));
        }
        if cli.run.clients < scenario.least_clients {
            let text = format!(
                "the scenario {} needs --clients {} or more",
                scenario.name, scenario.least_clients
            );
            return Err(Cli::command().error(ErrorKind::ValueValidation, text));
        }
        Ok(cli)
    }
}

/// An option that was given, and means nothing to a scenario with such a load.
fn misplaced(load: Load, given: &ArgMatches) -> Option<&'static str> {
    let mut others = Vec::new();
    if load.crowd() {
        others.extend(OF_CLIENTS);
    } else {
        others.extend(OF_CROWDS);
    }
    if load != Load::Sleep {
        others.extend(OF_SLEEP);
    }
    let on_the_line = |option: &str| {
        given.value_source(&option.replace('-', "_")) == Some(ValueSource::CommandLine)
    };
    others.into_iter().find(|option| on_the_line(option))
}

#[cfg(test)]
mod tests;
