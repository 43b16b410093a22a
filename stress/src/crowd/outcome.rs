//! What came of a crowd: every number that its report needs, and whether it is good enough.
//!
//! Owns the verdict. How it looks is the report's matter.

use serde_json::Value;

use super::sample::Survey;
use crate::args::Run;
use crate::latency::Merged;
use crate::proto::number;
use crate::report::grouped;
use crate::scenario::Load;

/// The most memory that a coroutine of the scenario park may cost, at the worst moment of the run
/// and with all that belongs to it: 6 GiB for a million.
pub(super) const MEMORY_EACH: u64 = (6 << 30) / 1_000_000;

/// With fewer coroutines, what the process needs once weighs too much in "bytes a coroutine".
const MEMORY_COROUTINES: u32 = 10_000;

/// The most memory mappings that a crowd may cost, whatever its size, beside guards that are
/// mappings themselves.
const MAPPINGS: u64 = 100;

/// What the coroutines counted, and the times that they noted.
#[derive(Clone, Debug)]
pub(super) struct Counted {
    /// How many were asleep when the last one fell asleep.
    pub(super) asleep_at_once: u64,
    /// Wake-ups that nobody had asked for.
    pub(super) in_vain: u64,
    /// Sleeps that ended before their deadline.
    pub(super) early: u64,
    /// By how much the others missed theirs.
    pub(super) lateness: Merged,
    /// Why the first of those that failed did.
    pub(super) first_failure: Option<String>,
    /// From the first spawn until the last one parked; as all of these 0 if that never came.
    pub(super) spawning_ns: u64,
    /// From the word to wake until the last one slept.
    pub(super) falling_asleep_ns: u64,
    /// From the word to wake until the last one was woken.
    pub(super) waking_ns: u64,
    /// From the word to end until the last one had ended.
    pub(super) ending_ns: u64,
}

impl Counted {
    fn new() -> Counted {
        Counted::from_json(&Value::Null)
    }

    /// Reads what the crowd says at its end; what is missing is 0.
    pub(super) fn from_json(reply: &Value) -> Counted {
        let mut lateness = Merged::new();
        lateness.add_json(&reply["lateness"]);
        Counted {
            asleep_at_once: number(reply, "asleep_at_once"),
            in_vain: number(reply, "in_vain"),
            early: number(reply, "early"),
            lateness,
            first_failure: reply["first_failure"].as_str().map(str::to_owned),
            spawning_ns: number(reply, "spawning_ns"),
            falling_asleep_ns: number(reply, "falling_asleep_ns"),
            waking_ns: number(reply, "waking_ns"),
            ending_ns: number(reply, "ending_ns"),
        }
    }
}

/// A run that has ended, well or not.
#[derive(Clone, Debug)]
pub(crate) struct Outcome {
    /// What was asked for.
    pub(super) run: Run,
    /// The seed of the deadlines.
    pub(super) seed: u64,
    /// Memory mappings that each guard costs here, where the system tells.
    pub(super) guard_mappings: Option<u64>,
    /// The process before the first coroutine.
    pub(super) base: Survey,
    /// The process with all of them parked.
    pub(super) parked: Survey,
    /// With all of them asleep (sleep).
    pub(super) asleep: Survey,
    /// When the last one had been woken.
    pub(super) woken: Survey,
    /// At the end.
    pub(super) end: Survey,
    /// What the coroutines counted.
    pub(super) counted: Counted,
    /// Why the run was broken off.
    pub(super) lost: Vec<String>,
}

impl Outcome {
    /// Nothing has happened yet.
    pub(super) fn new(run: Run, seed: u64, guard_mappings: Option<u64>, base: Survey) -> Outcome {
        Outcome {
            run,
            seed,
            guard_mappings,
            base,
            parked: Survey::default(),
            asleep: Survey::default(),
            woken: Survey::default(),
            end: Survey::default(),
            counted: Counted::new(),
            lost: Vec::new(),
        }
    }

    /// How many parked and had not been woken when the last of them parked.
    pub(super) fn parked_at_once(&self) -> u64 {
        self.parked.sample.parked.saturating_sub(self.parked.sample.woken)
    }

    /// The process with all of them where the scenario wants them: parked or asleep.
    pub(super) fn plateau(&self) -> &Survey {
        if self.run.scenario().load == Load::Sleep { &self.asleep } else { &self.parked }
    }

    /// Bytes that each of the coroutines took, from a base and a size in KiB.
    fn each(&self, base_kib: u64, kib: u64) -> Option<u64> {
        (kib.checked_sub(base_kib)? * 1024).checked_div(self.run.coroutines.into())
    }

    /// Resident bytes a coroutine, page tables not included.
    pub(super) fn resident_each(&self) -> Option<u64> {
        self.each(self.base.memory.rss, self.plateau().memory.rss)
    }

    /// Bytes of page tables a coroutine.
    pub(super) fn page_tables_each(&self) -> Option<u64> {
        self.each(self.base.memory.page_tables, self.plateau().memory.page_tables)
    }

    /// The most bytes that a coroutine cost, page tables included.
    pub(super) fn most_each(&self) -> Option<u64> {
        let resident = self.each(self.base.memory.rss, self.end.memory.peak)?;
        Some(resident + self.page_tables_each()?)
    }

    /// Memory mappings that the crowd cost, those of its guards included.
    pub(super) fn mappings_grown(&self) -> u64 {
        self.plateau().mappings.saturating_sub(self.base.mappings)
    }

    /// Nanoseconds from word to word, shared out among the coroutines.
    pub(super) fn ns_each(&self, ns: u64) -> f64 {
        ns as f64 / f64::from(self.run.coroutines)
    }

    /// Processor time from when all were asleep until all were woken, in milliseconds.
    pub(super) fn asleep_cpu_ms(&self) -> u64 {
        self.woken.cpu_ms.saturating_sub(self.asleep.cpu_ms)
    }

    /// Processor time from the first spawn on, in milliseconds.
    pub(super) fn cpu_ms(&self) -> u64 {
        self.end.cpu_ms.saturating_sub(self.base.cpu_ms)
    }

    /// What speaks against it; nothing if it passed.
    pub(super) fn complaints(&self) -> Vec<String> {
        let mut complaints = self.lost.clone();
        let mut demand = |holds: bool, complaint: String| {
            if !holds {
                complaints.push(complaint);
            }
        };
        let (end, counted) = (&self.end.sample, &self.counted);
        let all = u64::from(self.run.coroutines);
        let load = self.run.scenario().load;
        let of_all =
            |count: u64, what: &str| format!("{} of {} {what}", grouped(count), grouped(all));
        demand(end.failed == 0, format!("{} coroutines failed", grouped(end.failed)));
        let at_once = self.parked_at_once();
        demand(at_once == all, of_all(at_once, "parked at once"));
        if load == Load::Sleep {
            let at_once = counted.asleep_at_once;
            demand(at_once == all, of_all(at_once, "asleep at once"));
            demand(counted.early == 0, of_all(counted.early, "woken before their deadline"));
        }
        demand(end.woken == all, of_all(end.woken, "woken"));
        demand(end.ended == all, of_all(end.ended, "ended"));
        demand(end.joined == all, of_all(end.joined, "joined"));
        let in_vain = counted.in_vain;
        demand(in_vain == 0, format!("{} wake-ups that nobody asked for", grouped(in_vain)));
        if let Some(bytes) = self.most_each()
            && load == Load::Park
            && self.run.coroutines >= MEMORY_COROUTINES
        {
            let (bytes_text, most) = (grouped(bytes), grouped(MEMORY_EACH));
            demand(
                bytes <= MEMORY_EACH,
                format!("{bytes_text} bytes a coroutine at the worst, {most} allowed"),
            );
        }
        let allowed = MAPPINGS + self.guard_mappings.unwrap_or(0) * all;
        let grown = self.mappings_grown();
        demand(
            grown <= allowed,
            format!("{} memory mappings more, {} allowed", grouped(grown), grouped(allowed)),
        );
        complaints
    }
}

#[cfg(test)]
mod tests;
