//! The tasks of this repository, `cargo xtask <task>`.
//!
//! This file knows the names of the tasks and nothing else: each has a file of its own. Tasks start
//! programs; none of the project's crates is linked here, so that this one builds in a moment and
//! also when they don't.

mod ci;
mod port;
mod sh;
mod stress;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// What `cargo xtask help` ends with.
const AFTER: &str = "\
Examples:
  cargo xtask stress                        10,000 clients, one message each
  cargo xtask stress --clients 10000 --messages 100 --batch-delay 0
  cargo xtask stress --scenario idle        what a connection costs that only exists
  cargo xtask stress --scenario park        a million coroutines, parked at once
  cargo xtask stress --help                 every option of the load programs
  cargo xtask ci                            every check that a change must pass
  cargo xtask ci --only fmt --only clippy   some of them; --list shows all
  cargo xtask port                          published crates of threaded code, tested on Lif
  cargo xtask port threadpool               one of them; --list shows all

A task's exit status is that of the program it started; 0 always means that all went well.";

/// The tasks of the Lif repository.
///
/// Run from anywhere inside it. What a task starts, it prints first.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", after_help = AFTER)]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Load a server written with Lif with thousands of clients, and report
    ///
    /// Builds the load programs in release mode and runs them. All options are theirs; the exit
    /// status is 0 if the report ends with PASS.
    Stress(stress::Args),
    /// Run every check that a change must pass, and report
    ///
    /// Format, lints, documentation, examples, the oldest Rust, macOS and FreeBSD, models, load and
    /// packaging. `cargo test --workspace` is not among them: it comes first, and is a command of
    /// its own.
    Ci(ci::Args),
    /// Test published crates of threaded code with Lif in place of threads
    ///
    /// Downloads each, changes its `use` lines, puts its tests into a runtime and runs them. Needs a
    /// registry.
    Port(port::Args),
}

fn main() -> ExitCode {
    let result = match Cli::parse().task {
        Task::Stress(args) => stress::run(&args),
        Task::Ci(args) => return ci::run(&args),
        Task::Port(args) => return port::run(&args),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_parser_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_help_names_every_task_with_an_example() {
        let help = Cli::command().render_long_help().to_string();
        for task in Cli::command().get_subcommands() {
            assert!(help.contains(&format!("cargo xtask {}", task.get_name())), "{help}");
        }
    }

    #[test]
    fn no_task_and_an_unknown_task_are_errors() {
        assert_ne!(Cli::try_parse_from(["xtask"]).unwrap_err().exit_code(), 0);
        let error = Cli::try_parse_from(["xtask", "strees"]).unwrap_err();
        assert_ne!(error.exit_code(), 0);
        assert!(error.to_string().contains("stress"), "{error}");
    }

    #[test]
    fn options_of_the_load_programs_are_passed_on_untouched() {
        for line in [
            &["--clients", "10000"][..],
            &["--help"],
            &["-h"],
            &["--version"],
            &["--clients=5", "--", "x"],
            &["help"],
            &[],
        ] {
            let words = ["xtask", "stress"].iter().chain(line);
            let Task::Stress(args) = Cli::try_parse_from(words).unwrap().task else {
                panic!("{line:?} is another task");
            };
            assert_eq!(args.rest, line);
        }
    }
}
