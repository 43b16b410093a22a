//! Load programs for Lif, and their report.
//!
//! One program, four parts to play: the coordinator, which a person starts, and the server and
//! client processes, or the one process of a crowd, which it starts itself. This file only chooses the part and turns its end
//! into an exit status: 0 passed, 1 failed, 2 not started.

mod args;
mod child;
mod client;
mod coordinator;
mod counter;
mod crowd;
mod failure;
mod host;
mod latency;
mod limits;
mod load;
mod outcome;
mod payload;
mod progress;
mod proto;
mod report;
mod scenario;
mod server;
mod sys;

use std::fs::File;
use std::io::{self, Write};
use std::process::ExitCode;

use args::{Cli, Role, Run};

fn main() -> ExitCode {
    let cli = Cli::from(std::env::args_os()).unwrap_or_else(|error| error.exit());
    let (name, end) = match cli.role {
        None => return coordinate(&cli.run),
        Some(Role::Server(args)) => {
            ("server", child::prepare(&args.child).and_then(|()| server::run(&args)))
        }
        Some(Role::Client(args)) => {
            ("client process", child::prepare(&args.child).and_then(|()| client::run(args)))
        }
        Some(Role::Crowd(args)) => {
            ("crowd", child::prepare(&args.child).and_then(|()| crowd::run(args)))
        }
    };
    // What still runs in this process is of no more interest: it ends here, without being waited
    // for.
    match end {
        Ok(()) => std::process::exit(0),
        Err(error) => {
            eprintln!("lif-stress: {name}: {error}");
            std::process::exit(1)
        }
    }
}

/// Starts the runtime of a child process. It is never dropped, because dropping it waits for its
/// coroutines, and those are to end with the process.
fn start_runtime(workers: u32) -> io::Result<&'static lif::Runtime> {
    let runtime = lif::Runtime::builder().workers(workers as usize).build()?;
    Ok(Box::leak(Box::new(runtime)))
}

fn coordinate(run: &Run) -> ExitCode {
    match report(run) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("lif-stress: {error}");
            ExitCode::from(2)
        }
    }
}

/// Runs, and writes the report. Returns whether the run passed.
fn report(run: &Run) -> Result<bool, String> {
    // Opened before the run, which would be for nothing if it can't be.
    let file = run
        .json
        .as_ref()
        .map(|path| File::create(path).map(|file| (path, file)).map_err(|error| (path, error)));
    let file = file.transpose().map_err(|(path, error)| format!("{}: {error}", path.display()))?;
    let report = if run.scenario().load.crowd() {
        crowd::report::of(&crowd::coordinator::run(run)?)
    } else {
        report::of(&coordinator::run(run)?)
    };
    if let Some((path, mut file)) = file {
        writeln!(file, "{:#}", report.json)
            .map_err(|error| format!("{}: {error}", path.display()))?;
    }
    let text = report.text;
    io::stdout().write_all(text.as_bytes()).map_err(|error| format!("the report: {error}"))?;
    Ok(report.passed)
}
