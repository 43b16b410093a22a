//! How the outcome of a crowd looks: as text for people, as flat JSON for programs.
//!
//! Only forms; every number and the verdict come from the outcome.

use serde_json::{Map, Value, json};

use super::outcome::Outcome;
use crate::report::{Page, Report, counted, grouped, time};
use crate::scenario::Load;

/// The report, in both its forms.
pub(crate) fn of(outcome: &Outcome) -> Report {
    let passed = outcome.complaints().is_empty();
    Report { text: text(outcome), json: json(outcome), passed }
}

/// The report as text; its last line is PASS or FAIL.
fn text(outcome: &Outcome) -> String {
    let mut page = Page::default();
    let run = &outcome.run;
    let scenario = run.scenario();
    page.row("scenario", &format!("{}: {}", scenario.name, scenario.about));
    let mut load = format!(
        "{} on {}, stacks of {} KiB of address space",
        counted(run.coroutines.into(), "coroutine", "s"),
        counted(run.workers().into(), "worker", "s"),
        grouped(u64::from(run.stack) / 1024),
    );
    if scenario.load == Load::Sleep {
        load +=
            &format!("; deadlines over {} ms, --seed {}", grouped(run.spread.into()), outcome.seed);
    }
    page.row("load", &load);
    counts(&mut page, outcome);
    times(&mut page, outcome);
    memory(&mut page, outcome);
    page.verdict(&outcome.complaints());
    page.0
}

fn counts(page: &mut Page, outcome: &Outcome) {
    let (end, counted) = (&outcome.end.sample, &outcome.counted);
    page.row("parked at once", &grouped(outcome.parked_at_once()));
    if outcome.run.scenario().load == Load::Sleep {
        page.row("asleep at once", &grouped(counted.asleep_at_once));
        page.row(
            "woken",
            &format!("{}, {} before the deadline", grouped(end.woken), grouped(counted.early)),
        );
    } else {
        page.row("woken", &grouped(end.woken));
    }
    page.row("woken once too often", &grouped(counted.in_vain));
    page.row("ended", &format!("{}, {} joined", grouped(end.ended), grouped(end.joined)));
    page.row("failed", &grouped(end.failed));
    if let Some(first) = &counted.first_failure {
        page.row("first failure", first);
    }
}

fn times(page: &mut Page, outcome: &Outcome) {
    let counted = &outcome.counted;
    let mut row = |label: &str, ns: u64| {
        let each = outcome.ns_each(ns);
        page.row(label, &format!("{}, {each:.0} ns each", time(ns as f64 / 1000.0)));
    };
    row("spawn and park", counted.spawning_ns);
    if outcome.run.scenario().load == Load::Sleep {
        row("wake and fall asleep", counted.falling_asleep_ns);
        let late = &counted.lateness;
        page.row(
            "lateness",
            &format!(
                "mean {}, p50 {}, p99 {}, max {}",
                time(late.mean_us()),
                time(late.percentile_us(50.0)),
                time(late.percentile_us(99.0)),
                time(late.max_us())
            ),
        );
        page.row(
            "processor time",
            &format!(
                "{:.2} s, {:.2} s of it from all asleep to all woken",
                outcome.cpu_ms() as f64 / 1000.0,
                outcome.asleep_cpu_ms() as f64 / 1000.0
            ),
        );
    } else {
        row("wake", counted.waking_ns);
        row("wake and end", counted.ending_ns);
        page.row("processor time", &format!("{:.2} s", outcome.cpu_ms() as f64 / 1000.0));
    }
}

fn memory(page: &mut Page, outcome: &Outcome) {
    let (base, plateau, end) = (&outcome.base, outcome.plateau(), &outcome.end);
    let each = |bytes: Option<u64>| bytes.map_or("an untold number of".to_owned(), grouped);
    page.row(
        "resident memory",
        &format!(
            "{} bytes a coroutine: {} KiB before, {} KiB with all of them",
            each(outcome.resident_each()),
            grouped(base.memory.rss),
            grouped(plateau.memory.rss)
        ),
    );
    page.row(
        "page tables",
        &format!(
            "{} bytes a coroutine: {} KiB before, {} KiB with all of them",
            each(outcome.page_tables_each()),
            grouped(base.memory.page_tables),
            grouped(plateau.memory.page_tables)
        ),
    );
    page.row(
        "memory at the worst",
        &format!(
            "{} KiB resident; {} bytes a coroutine, page tables included",
            grouped(end.memory.peak),
            each(outcome.most_each())
        ),
    );
    let guards = match outcome.guard_mappings {
        None => "not told by this system",
        Some(0) => "guards need none",
        Some(_) => "guards need some on this kernel",
    };
    page.row(
        "memory mappings",
        &format!(
            "{} before, {} with all of them, {} at the end; {guards}",
            grouped(base.mappings),
            grouped(plateau.mappings),
            grouped(end.mappings)
        ),
    );
}

/// The report as one flat JSON object.
fn json(outcome: &Outcome) -> Value {
    let complaints = outcome.complaints();
    let mut flat = Map::new();
    for part in [json_load(outcome), json_counts(outcome), json_memory(outcome)] {
        if let Value::Object(part) = part {
            flat.extend(part);
        }
    }
    flat.insert("pass".to_owned(), complaints.is_empty().into());
    flat.insert("complaints".to_owned(), complaints.join("; ").into());
    Value::Object(flat)
}

fn json_load(outcome: &Outcome) -> Value {
    let run = &outcome.run;
    let sleep = run.scenario().load == Load::Sleep;
    json!({
        "scenario": run.scenario().name,
        "coroutines": run.coroutines,
        "stack_bytes": run.stack,
        "workers": run.workers(),
        "spread_ms": sleep.then_some(run.spread),
        "seed": sleep.then_some(outcome.seed),
        "timeout_s": run.timeout(),
        "os": std::env::consts::OS,
        "arch": std::env::consts::ARCH,
    })
}

fn json_counts(outcome: &Outcome) -> Value {
    let (end, counted) = (&outcome.end.sample, &outcome.counted);
    let load = outcome.run.scenario().load;
    let ms = |ns: u64| ns as f64 / 1e6;
    let mut counts = json!({
        "parked_at_once": outcome.parked_at_once(),
        "woken": end.woken,
        "woken_in_vain": counted.in_vain,
        "ended": end.ended,
        "joined": end.joined,
        "failures_total": end.failed,
        "first_failure": counted.first_failure,
        "spawn_ms": ms(counted.spawning_ns),
        "spawn_ns_each": outcome.ns_each(counted.spawning_ns),
        "cpu_ms": outcome.cpu_ms(),
    });
    let rest = if load == Load::Sleep {
        let late = &counted.lateness;
        json!({
            "asleep_at_once": counted.asleep_at_once,
            "early": counted.early,
            "fall_asleep_ms": ms(counted.falling_asleep_ns),
            "fall_asleep_ns_each": outcome.ns_each(counted.falling_asleep_ns),
            "asleep_cpu_ms": outcome.asleep_cpu_ms(),
            "lateness_count": late.len(),
            "lateness_mean_us": late.mean_us(),
            "lateness_p50_us": late.percentile_us(50.0),
            "lateness_p99_us": late.percentile_us(99.0),
            "lateness_max_us": late.max_us(),
        })
    } else {
        json!({
            "wake_ms": ms(counted.waking_ns),
            "wake_ns_each": outcome.ns_each(counted.waking_ns),
            "end_ms": ms(counted.ending_ns),
            "end_ns_each": outcome.ns_each(counted.ending_ns),
        })
    };
    if let (Value::Object(counts), Value::Object(rest)) = (&mut counts, rest) {
        counts.extend(rest);
    }
    counts
}

fn json_memory(outcome: &Outcome) -> Value {
    let (base, plateau, end) = (&outcome.base, outcome.plateau(), &outcome.end);
    json!({
        "rss_base_kib": base.memory.rss,
        "rss_kib": plateau.memory.rss,
        "rss_peak_kib": end.memory.peak,
        "rss_end_kib": end.memory.rss,
        "resident_bytes_each": outcome.resident_each(),
        "page_tables_kib": plateau.memory.page_tables,
        "page_table_bytes_each": outcome.page_tables_each(),
        "most_bytes_each": outcome.most_each(),
        "mappings_base": base.mappings,
        "mappings": plateau.mappings,
        "mappings_end": end.mappings,
        "guard_mappings_each": outcome.guard_mappings,
    })
}
