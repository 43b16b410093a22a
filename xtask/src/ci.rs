//! `cargo xtask ci`: every gate that a change must pass, in order.
//!
//! Owns the command line, the order of events and the exit status. What a gate does stands in
//! `ci/gates.rs`; how its programs are run and counted, in `ci/job.rs`.

mod gates;
mod job;
mod summary;
mod toolchain;

use std::process::ExitCode;
use std::time::Instant;

use self::gates::{GATES, Gate};
use self::job::Job;
use self::summary::Row;

/// What comes after the options in the help.
const AFTER: &str = "\
All gates run, also after one has failed; the report at the end says which failed, and the exit
status is 0 only if none did. Gates build beneath target/, some of them in folders of their own
(target/emu, target/loom, ...), so that they don't undo each other's builds.

Toolchains and targets that are missing are installed with rustup; a gate that can't have what it
needs fails, and says so.

Examples:
  cargo xtask ci --list
  cargo xtask ci --only fmt --only clippy    what to run before each commit
  cargo xtask ci --skip stress-10000";

#[derive(clap::Args, Debug)]
#[command(after_help = AFTER)]
pub(crate) struct Args {
    /// List the gates, in order, and run none
    #[arg(long)]
    list: bool,
    /// Run this gate; may be given several times
    #[arg(long, value_name = "GATE", value_parser = known, conflicts_with = "skip")]
    only: Vec<&'static Gate>,
    /// Run all gates but this; may be given several times
    #[arg(long, value_name = "GATE", value_parser = known)]
    skip: Vec<&'static Gate>,
}

/// The gate of that name.
fn known(name: &str) -> Result<&'static Gate, String> {
    GATES.iter().find(|gate| gate.name == name).ok_or_else(|| {
        let names = GATES.iter().map(|gate| gate.name).collect::<Vec<_>>().join(", ");
        format!("there is no gate of that name; the gates are {names}")
    })
}

impl Args {
    /// What was asked for, in the order of the table, whatever the order of the options.
    fn chosen(&self) -> impl Iterator<Item = &'static Gate> {
        let among = |list: &[&'static Gate], gate: &Gate| list.iter().any(|g| g.name == gate.name);
        GATES.iter().filter(move |gate| {
            (self.only.is_empty() || among(&self.only, gate)) && !among(&self.skip, gate)
        })
    }
}

/// Runs what was asked for and reports. All that can go wrong is in the report.
pub(crate) fn run(args: &Args) -> ExitCode {
    if args.list {
        print!("{}", summary::list(&GATES));
        return ExitCode::SUCCESS;
    }
    let started = Instant::now();
    let rows: Vec<Row> = args.chosen().map(pass).collect();
    print!("\n{}", summary::table(&rows, started.elapsed()));
    if rows.iter().all(Row::passed) && !rows.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Runs one gate, between a line that announces it and a line that says what came of it.
fn pass(gate: &'static Gate) -> Row {
    println!("\n==== {}: {}", gate.name, gate.about);
    let started = Instant::now();
    let mut job = Job::default();
    (gate.run)(&mut job);
    let row = Row::new(gate, job, started.elapsed());
    println!("==== {}", row.line());
    row
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        args: Args,
    }

    fn chosen(line: &[&str]) -> Vec<&'static str> {
        let words = std::iter::once(&"ci").chain(line);
        Line::try_parse_from(words).unwrap().args.chosen().map(|gate| gate.name).collect()
    }

    #[test]
    fn without_options_every_gate_runs_in_order() {
        assert_eq!(chosen(&[]), GATES.iter().map(|gate| gate.name).collect::<Vec<_>>());
    }

    #[test]
    fn only_keeps_the_order_of_the_table_and_runs_each_once() {
        let line = ["--only", "clippy", "--only", "fmt", "--only", "clippy"];
        assert_eq!(chosen(&line), ["fmt", "clippy"]);
    }

    #[test]
    fn skip_leaves_the_others() {
        let rest = chosen(&["--skip", "fmt"]);
        assert_eq!(rest.len(), GATES.len() - 1);
        assert!(!rest.contains(&"fmt"));
    }

    #[test]
    fn an_unknown_gate_is_an_error_that_names_it_and_the_known_ones() {
        for option in ["--only", "--skip"] {
            let error = Line::try_parse_from(["ci", option, "clipy"]).unwrap_err().to_string();
            assert!(error.contains("clipy") && error.contains("clippy, docs"), "{error}");
        }
    }

    #[test]
    fn only_and_skip_exclude_each_other() {
        assert!(Line::try_parse_from(["ci", "--only", "fmt", "--skip", "docs"]).is_err());
    }
}
