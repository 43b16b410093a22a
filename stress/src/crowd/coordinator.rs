//! Leads the process of a crowd through its phases, and collects what it counted.
//!
//! The counterpart of the coordinator of clients and servers, for the one process that a crowd
//! needs. Plain std: it carries no load.

use std::time::{Duration, Instant};

use super::limits;
use super::outcome::{Counted, Outcome};
use super::sample::{Sample, Survey};
use crate::args::Run;
use crate::child::Child;
use crate::coordinator::{FIRST_LOOKS, LATER_LOOKS, child_line, option};
use crate::progress::Progress;
use crate::proto::Command;
use crate::report::grouped;
use crate::scenario::Load;
use crate::{host, sys};

/// How long the process may take to end: the kernel has gigabytes to take back from it.
const FAREWELL: Duration = Duration::from_secs(20);

/// Runs the whole of it.
///
/// # Errors
///
/// Why the run could not be started, in words for the person who did.
pub(crate) fn run(run: &Run) -> Result<Outcome, String> {
    let coroutines = u64::from(run.coroutines);
    if let Some(available) = host::available_kib() {
        limits::memory(coroutines, run.stack.into(), available * 1024)
            .map_err(|refusal| refusal.to_string())?;
    }
    // Any number will do; it only has to be told.
    let seed = run.seed.unwrap_or_else(|| sys::monotonic_ns() % 1_000_000_007);
    let child = Child::start("crowd", &line(run, seed))
        .map_err(|error| format!("the crowd's process can't start: {error}"))?;
    let mut leader = Leader {
        child,
        all: coroutines,
        until: Instant::now() + Duration::from_secs(run.timeout().into()),
        progress: Progress::new(coroutines, coroutines),
    };
    let hello = leader.child.ask(Command::Hello)?;
    let guard_mappings = hello["guard_mappings"].as_u64();
    if let (Some(each), Some(limit)) = (guard_mappings, host::most_mappings()) {
        limits::mappings(coroutines, each, limit).map_err(|refusal| refusal.to_string())?;
    }
    let base = Survey::from_json(&hello["base"]);
    let mut outcome = Outcome::new(run.clone(), seed, guard_mappings, base);
    if let Err(stop) = leader.lead(run.scenario().load, &mut outcome) {
        outcome.lost.push(stop);
    }
    leader.progress.end();
    let Leader { mut child, .. } = leader;
    match child.ask(Command::Finish) {
        Ok(result) => {
            outcome.end = Survey::from_json(&result["survey"]);
            outcome.counted = Counted::from_json(&result);
            // After a run that was broken off there is a crowd that nobody needs to wait for.
            if outcome.lost.is_empty() {
                outcome.lost.extend(child.part(FAREWELL).err());
            }
        }
        Err(why) if !outcome.lost.contains(&why) => outcome.lost.push(why),
        Err(_) => {}
    }
    Ok(outcome)
}

fn line(run: &Run, seed: u64) -> Vec<String> {
    let mut line = child_line("crowd", run, run.workers().into());
    option(&mut line, "--scenario", run.scenario().name);
    option(&mut line, "--coroutines", run.coroutines);
    option(&mut line, "--stack", run.stack);
    option(&mut line, "--spread", run.spread);
    option(&mut line, "--seed", seed);
    line
}

/// The child of a run, and how far the run is.
#[derive(Debug)]
struct Leader {
    child: Child,
    all: u64,
    until: Instant,
    progress: Progress,
}

impl Leader {
    /// The phases of a run. An error is why it was broken off, in words for the report.
    ///
    /// Coroutines that fail are not waited for, and the others go on without them.
    fn lead(&mut self, load: Load, outcome: &mut Outcome) -> Result<(), String> {
        let all = self.all;
        self.child.ask(Command::Spawn)?;
        self.watch("parking", |seen| (seen.parked, seen.parked + seen.failed >= all))?;
        outcome.parked = self.survey()?;
        self.child.ask(Command::Wake)?;
        if load == Load::Sleep {
            self.watch("falling asleep", |seen| (seen.asleep, seen.asleep + seen.failed >= all))?;
            outcome.asleep = self.survey()?;
            self.watch("sleeping", |seen| (seen.woken, seen.woken + seen.failed >= all))?;
        } else {
            self.watch("waking", |seen| (seen.woken, seen.woken + seen.failed >= all))?;
        }
        outcome.woken = self.survey()?;
        if load != Load::Sleep {
            self.child.ask(Command::Release)?;
        }
        self.watch("ending", |seen| (seen.ended, seen.joined + seen.failed >= all))
    }

    /// Looks at the child, again and again, until `look` says that the phase is over. What it says
    /// besides is how many have done what the phase is for.
    fn watch(&mut self, phase: &str, look: impl Fn(&Sample) -> (u64, bool)) -> Result<(), String> {
        let start = Instant::now();
        loop {
            let seen = Sample::from_json(&self.child.ask(Command::Sample)?);
            let (done, over) = look(&seen);
            self.progress.update_crowd(phase, done, &seen);
            if over {
                return Ok(());
            }
            if Instant::now() >= self.until {
                return Err(format!(
                    "{phase} took too long: {} of {} were through",
                    grouped(done),
                    grouped(self.all)
                ));
            }
            std::thread::sleep((start.elapsed() / 50).clamp(FIRST_LOOKS, LATER_LOOKS));
        }
    }

    fn survey(&mut self) -> Result<Survey, String> {
        Ok(Survey::from_json(&self.child.ask(Command::Survey)?))
    }
}
