//! `cargo xtask port`: published crates of threaded code, on Lif, with their own tests.
//!
//! Owns the command line and the order of events. A crate is fetched as it is published, its `use`
//! lines and paths are changed as a port by hand would change them (`port/uses.rs`), each of its
//! tests is put into a runtime (`port/wrap.rs`), and its tests are run. All of it stays beneath
//! target/port. It needs a registry, so it is no gate.

mod lex;
mod names;
mod prepare;
mod report;
mod table;
mod trial;
mod uses;
mod wrap;

use std::process::ExitCode;
use std::{fmt, io};

use self::report::Report;
use self::table::{CRATES, Crate};

/// What comes after the options in the help.
const AFTER: &str = "\
A crate is downloaded, rewritten beneath target/port and tested there; nothing of it is kept in the
repository. Known failures are listed with their reasons; the exit status is 0 only if every other
test passed and those failed.

Examples:
  cargo xtask port --list
  cargo xtask port threadpool";

#[derive(clap::Args, Debug)]
#[command(after_help = AFTER)]
pub(crate) struct Args {
    /// List the crates, and port none
    #[arg(long)]
    list: bool,
    /// The crates to port; all, if none is named
    #[arg(value_name = "NAME", value_parser = known, conflicts_with = "list")]
    names: Vec<&'static Crate>,
}

/// The crate of that name.
fn known(name: &str) -> Result<&'static Crate, String> {
    CRATES.iter().find(|one| one.name == name).ok_or_else(|| {
        let names = CRATES.iter().map(|one| one.name).collect::<Vec<_>>().join(", ");
        format!("there is no crate of that name in the table; it has {names}")
    })
}

/// What kept a crate's tests from being run.
#[derive(Debug)]
struct Trouble(String);

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Trouble {
        Trouble(error.to_string())
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Ports what was asked for and reports. All that can go wrong is in the report.
pub(crate) fn run(args: &Args) -> ExitCode {
    if args.list {
        for one in &CRATES {
            println!("{:<20} {:<9} {}", one.name, one.version, one.about);
        }
        return ExitCode::SUCCESS;
    }
    let all = || CRATES.iter().collect();
    let chosen: Vec<&Crate> = if args.names.is_empty() { all() } else { args.names.clone() };
    let reports: Vec<Report> = chosen.into_iter().map(try_port).collect();
    print!("\n{}", report::table(&reports));
    if reports.iter().all(Report::passed) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// One crate, from the registry to its report.
fn try_port(one: &'static Crate) -> Report {
    println!("\n==== {} {}: {}", one.name, one.version, one.about);
    let outcomes = prepare::prepare(one).and_then(|folder| trial::run(one, &folder));
    match outcomes {
        Ok(outcomes) => Report::new(one, &outcomes),
        Err(trouble) => Report::trouble(one, trouble.to_string()),
    }
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

    #[test]
    fn crates_are_chosen_by_name() {
        let line = Line::try_parse_from(["port", "bus", "threadpool"]).unwrap();
        let names: Vec<_> = line.args.names.iter().map(|one| one.name).collect();
        assert_eq!(names, ["bus", "threadpool"]);
    }

    #[test]
    fn an_unknown_crate_is_an_error_that_names_the_known_ones() {
        let error = Line::try_parse_from(["port", "buss"]).unwrap_err().to_string();
        assert!(error.contains("buss") && error.contains("threadpool"), "{error}");
    }
}
