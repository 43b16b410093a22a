//! One gate at work: runs its programs, passes their output on, and counts.
//!
//! Decides nothing about what is run. A program that fails, hangs, or leaves something behind that
//! holds its output, is noted and the gate goes on, so that one run tells all there is to tell.

use std::io::{self, BufRead, BufReader, IsTerminal, Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::sh;

/// The longest that one program may take, builds included.
const LIMIT: Duration = Duration::from_secs(15 * 60);

/// How long the output of a program may stay open after its end.
const LINGER: Duration = Duration::from_secs(10);

/// What a gate has done so far.
#[derive(Debug, Default)]
pub(crate) struct Job {
    /// Cases that passed, in the gate's own unit.
    pub(crate) cases: u64,
    /// What went wrong, one line each.
    pub(crate) failures: Vec<String>,
}

impl Job {
    /// Notes that something went wrong.
    pub(crate) fn fail(&mut self, what: impl Into<String>) {
        let what = what.into();
        eprintln!("xtask: {what}");
        self.failures.push(what);
    }

    /// Runs a program that is one case. True if it passed.
    pub(crate) fn case(&mut self, command: &mut Command) -> bool {
        let passed = self.run(command).is_some();
        self.cases += u64::from(passed);
        passed
    }

    /// Runs `cargo test` in one of its forms: its cases are the tests that passed. None at all is a
    /// failure, because a filter or a `cfg` that matches nothing would look like a success.
    pub(crate) fn tests(&mut self, command: &mut Command) {
        let Some(output) = self.run(command) else { return };
        let passed = tests_passed(&output);
        self.cases += passed;
        if passed == 0 {
            self.fail(format!("`{}` ran no test", sh::line(command)));
        }
    }

    /// Runs a program to its end. Gives what it wrote to standard output if it passed.
    pub(crate) fn run(&mut self, command: &mut Command) -> Option<String> {
        let line = sh::announce(command);
        match attended(command, LIMIT) {
            Ok(output) => Some(output),
            Err(why) => {
                self.fail(format!("`{line}` {why}"));
                None
            }
        }
    }
}

/// The sum of the numbers in lines like `test result: ok. 12 passed; 0 failed; ...`.
fn tests_passed(output: &str) -> u64 {
    let passed = |line: &str| -> Option<u64> {
        let (_, counts) = line.strip_prefix("test result: ")?.split_once(". ")?;
        counts.split_once(" passed")?.0.parse().ok()
    };
    output.lines().filter_map(passed).sum()
}

/// Runs a program, for `limit` at most, and copies its standard output to ours.
///
/// Where a person sits at a terminal it stays in our process group, so that the person's Ctrl-C
/// reaches it, and the person is the limit. Elsewhere it gets a group of its own, which can be
/// ended as a whole.
fn attended(command: &mut Command, limit: Duration) -> Result<String, String> {
    let alone = !io::stdin().is_terminal() && !io::stderr().is_terminal();
    if alone {
        command.process_group(0);
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    let mut child = command.spawn().map_err(|error| format!("could not be started: {error}"))?;
    let output = Output::of(child.stdout.take().expect("standard output was asked for"));
    let until = alone.then(|| Instant::now() + limit);
    let Some(status) = wait(&mut child, until).map_err(|error| error.to_string())? else {
        end_group(&mut child);
        return Err(format!("took longer than {} s and was ended", limit.as_secs()));
    };
    let Some(output) = output.rest() else {
        return Err("has ended, but something that it started still holds its output".into());
    };
    if status.success() { Ok(output) } else { Err(format!("failed: {status}")) }
}

/// Waits for the end, or gives up at that moment.
fn wait(child: &mut Child, until: Option<Instant>) -> io::Result<Option<ExitStatus>> {
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if until.is_some_and(|until| Instant::now() >= until) {
            return Ok(None);
        }
        thread::sleep(Duration::from_millis(20));
    }
}

/// Ends a program that leads a process group, and whatever it started in there.
fn end_group(child: &mut Child) {
    let group = format!("-{}", child.id());
    let ended = Command::new("kill").args(["-KILL", "--", &group]).status();
    if !ended.is_ok_and(|status| status.success())
        && let Err(error) = child.kill()
    {
        eprintln!("xtask: could not end process {}: {error}", child.id());
    }
    if let Err(error) = child.wait() {
        eprintln!("xtask: could not wait for process {}: {error}", child.id());
    }
}

/// A program's standard output on its way to ours, and a copy of it.
struct Output {
    copy: Arc<Mutex<String>>,
    /// Carries nothing: its other side is dropped when all has been passed on.
    done: mpsc::Receiver<()>,
}

impl Output {
    fn of(pipe: ChildStdout) -> Output {
        let (ended, done) = mpsc::channel();
        let copy = Arc::new(Mutex::new(String::new()));
        let kept = Arc::clone(&copy);
        thread::spawn(move || {
            if let Err(error) = pass_on(pipe, &kept) {
                eprintln!("xtask: could not pass output on: {error}");
            }
            drop(ended);
        });
        Output { copy, done }
    }

    /// All of it, if it ends soon: its writer has ended.
    fn rest(self) -> Option<String> {
        match self.done.recv_timeout(LINGER) {
            Ok(()) | Err(RecvTimeoutError::Timeout) => return None,
            Err(RecvTimeoutError::Disconnected) => {}
        }
        Some(std::mem::take(&mut *self.copy.lock().unwrap_or_else(PoisonError::into_inner)))
    }
}

fn pass_on(pipe: impl Read, copy: &Mutex<String>) -> io::Result<()> {
    let mut pipe = BufReader::new(pipe);
    let mut line = Vec::new();
    while pipe.read_until(b'\n', &mut line)? != 0 {
        io::stdout().write_all(&line)?;
        io::stdout().flush()?;
        let text = String::from_utf8_lossy(&line);
        copy.lock().unwrap_or_else(PoisonError::into_inner).push_str(&text);
        line.clear();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn a_case_counts_if_it_passes_and_is_noted_if_not() {
        let mut job = Job::default();
        assert!(job.case(&mut shell("exit 0")));
        assert!(!job.case(&mut shell("exit 3")));
        assert_eq!(job.cases, 1);
        assert_eq!(job.failures.len(), 1);
        assert!(job.failures[0].contains("exit 3"), "{:?}", job.failures);
    }

    #[test]
    fn tests_are_counted_over_all_binaries() {
        let output = "test result: ok. 12 passed; 0 failed; 0 ignored; finished in 0.1s\n\
                      a test result: ok. 99 passed;\n\
                      test result: FAILED. 3 passed; 1 failed";
        assert_eq!(tests_passed(output), 15);
        assert_eq!(tests_passed(""), 0);
    }

    #[test]
    fn a_run_without_tests_fails() {
        let mut job = Job::default();
        job.tests(&mut shell("echo nothing to do"));
        assert!(job.failures[0].contains("ran no test"), "{:?}", job.failures);
    }

    #[test]
    fn a_program_that_is_not_there_is_noted() {
        let mut job = Job::default();
        assert!(!job.case(&mut Command::new("lif-no-such-program")));
        assert!(job.failures[0].contains("could not be started"), "{:?}", job.failures);
    }

    #[test]
    fn what_takes_too_long_is_ended_with_all_that_it_started() {
        let mut command = shell("sleep 60 & sleep 60");
        command.process_group(0).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let output = Output::of(child.stdout.take().unwrap());
        let until = Instant::now() + Duration::from_millis(50);
        assert!(wait(&mut child, Some(until)).unwrap().is_none());
        end_group(&mut child);
        assert!(output.rest().is_some(), "its background child still holds the output");
    }
}
