//! Builds the tests of a ported crate, runs them, and finds out what came of each.
//!
//! Owns the time limits: a test that hangs is ended and named. Judges nothing.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::Trouble;
use super::table::{Crate, Part};
use crate::sh;

/// How long the tests of one program may take, all together.
const PROGRAM: Duration = Duration::from_secs(180);
/// How long a test may take that gave no result among the others, by itself.
const ALONE: Duration = Duration::from_secs(30);

/// What came of a test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Passed,
    Failed,
    /// It ended its whole process, or had to be ended.
    Hung,
    /// Its own crate says that it is not to run.
    Ignored,
}

/// Every test, as `binary/name`.
pub(super) type Outcomes = BTreeMap<String, Outcome>;

/// Builds and runs the tests in `folder`.
pub(super) fn run(of: &Crate, folder: &Path) -> Result<Outcomes, Trouble> {
    let mut outcomes = Outcomes::new();
    for (binary, program) in build(of, folder)? {
        let test = Program { path: program, folder, log: folder.join(format!("{binary}.log")) };
        for (name, outcome) in test.outcomes()? {
            outcomes.insert(format!("{binary}/{name}"), outcome);
        }
    }
    Ok(outcomes)
}

/// Builds the test programs and gives each with its name.
fn build(of: &Crate, folder: &Path) -> Result<Vec<(String, PathBuf)>, Trouble> {
    let mut cargo = sh::cargo_alone("test");
    cargo.args(["--no-run", "--message-format=json-render-diagnostics", "--manifest-path"]);
    cargo.arg(folder.join("Cargo.toml"));
    // The code in comments is not rewritten, so it is not tested.
    cargo.args(if of.part == Part::Whole { &["--lib", "--tests"][..] } else { &["--test", "*"] });
    // What the crates warn of is their own affair.
    cargo.env("CARGO_TARGET_DIR", sh::target("port").join("build")).env("RUSTFLAGS", "-Awarnings");
    sh::announce(&cargo);
    let output = cargo.stderr(Stdio::inherit()).output()?;
    if !output.status.success() {
        return Err(Trouble(format!("{} does not build with lif", of.name)));
    }
    let artifacts = String::from_utf8_lossy(&output.stdout);
    let programs = artifacts.lines().filter_map(|line| {
        let artifact: Value = serde_json::from_str(line).ok()?;
        let name = artifact["target"]["name"].as_str()?.to_owned();
        Some((name, PathBuf::from(artifact["executable"].as_str()?)))
    });
    Ok(programs.collect())
}

/// A test program.
struct Program<'f> {
    path: PathBuf,
    folder: &'f Path,
    log: PathBuf,
}

impl Program<'_> {
    /// Runs all tests together, then those alone that gave no result.
    fn outcomes(&self) -> Result<BTreeMap<String, Outcome>, Trouble> {
        let list = self.command().args(["--list", "--format=terse"]).output()?;
        let list = String::from_utf8_lossy(&list.stdout).into_owned();
        let names = list.lines().filter_map(|line| line.strip_suffix(": test"));
        self.limited(self.command().args(["--test-threads", "4"]), PROGRAM)?;
        let text = String::from_utf8_lossy(&fs::read(&self.log)?).into_owned();
        let mut outcomes = results(&text);
        for name in names {
            if !outcomes.contains_key(name) {
                let end = self.limited(self.command().args(["--exact", name]), ALONE)?;
                let outcome = match end.and_then(|status| status.code()) {
                    Some(0) => Outcome::Passed,
                    Some(101) => Outcome::Failed,
                    _ => Outcome::Hung,
                };
                outcomes.insert(name.to_owned(), outcome);
            }
        }
        Ok(outcomes)
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.path);
        command.current_dir(self.folder).stdin(Stdio::null());
        command
    }

    /// Runs to the end, into the log; `None` if it had to be ended.
    fn limited(
        &self,
        command: &mut Command,
        limit: Duration,
    ) -> Result<Option<ExitStatus>, Trouble> {
        let log = File::create(&self.log)?;
        sh::announce(command);
        let child = command.stderr(log.try_clone()?).stdout(log).spawn()?;
        await_end(child, limit)
    }
}

fn await_end(mut child: Child, limit: Duration) -> Result<Option<ExitStatus>, Trouble> {
    let started = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if started.elapsed() > limit {
            child.kill()?;
            child.wait()?;
            return Ok(None);
        }
        thread::sleep(Duration::from_millis(20));
    }
}

/// The results that a test program has printed.
fn results(text: &str) -> BTreeMap<String, Outcome> {
    let result = |line: &str| {
        let (name, result) = line.strip_prefix("test ")?.rsplit_once(" ... ")?;
        let outcome = match result {
            "ok" => Outcome::Passed,
            "FAILED" => Outcome::Failed,
            _ if result.starts_with("ignored") => Outcome::Ignored,
            _ => return None,
        };
        Some((name.strip_suffix(" - should panic").unwrap_or(name).to_owned(), outcome))
    };
    text.lines().filter_map(result).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_of_a_test_program_are_read() {
        let text = "running 4 tests\ntest a::b ... ok\ntest c - should panic ... ok\n\
                    test d ... FAILED\ntest e ... ignored, slow\ntest f has been running for over\n\
                    test result: FAILED. 2 passed; 1 failed";
        let named = |name: &str, outcome| (name.to_owned(), outcome);
        assert_eq!(
            results(text),
            BTreeMap::from([
                named("a::b", Outcome::Passed),
                named("c", Outcome::Passed),
                named("d", Outcome::Failed),
                named("e", Outcome::Ignored),
            ])
        );
    }
}
