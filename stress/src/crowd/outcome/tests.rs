//! The verdict and the report, for outcomes made up by hand.

use serde_json::json;

use super::*;
use crate::args::Cli;
use crate::crowd::report;
use crate::crowd::sample::Sample;
use crate::host::Memory;

const ALL: u64 = 20_000;

/// An outcome in which 20,000 coroutines did all that was asked of them.
fn good(scenario: &str) -> Outcome {
    let line = ["lif-stress", "--scenario", scenario, "--coroutines", "20000"];
    let run = Cli::from(line).unwrap().run;
    let survey = |rss, page_tables, mappings, cpu_ms| Survey {
        memory: Memory { rss, peak: rss, page_tables },
        mappings,
        cpu_ms,
        ..Survey::default()
    };
    let mut outcome = Outcome::new(run, 5, Some(0), survey(4_000, 100, 40, 10));
    outcome.parked = survey(94_000, 2_600, 60, 500);
    outcome.parked.sample.parked = ALL;
    outcome.asleep = Survey { cpu_ms: 600, ..outcome.parked };
    outcome.woken = Survey { cpu_ms: 700, ..outcome.parked };
    outcome.end = survey(90_000, 2_600, 60, 1_010);
    outcome.end.memory.peak = 95_000;
    outcome.end.sample =
        Sample { parked: ALL, asleep: 0, woken: ALL, ended: ALL, joined: ALL, failed: 0 };
    outcome.counted = Counted::from_json(&json!({
        "asleep_at_once": ALL, "lateness": [30_000, 19_999, 90_000, 1],
        "spawning_ns": 40_000_000, "waking_ns": 8_000_000, "ending_ns": 10_000_000,
        "falling_asleep_ns": 9_000_000,
    }));
    outcome
}

fn last_line(outcome: &Outcome) -> String {
    report::of(outcome).text.lines().last().unwrap().to_owned()
}

#[test]
fn a_run_without_a_flaw_passes() {
    for scenario in ["park", "sleep"] {
        let outcome = good(scenario);
        assert_eq!(outcome.complaints(), Vec::<String>::new());
        assert_eq!(last_line(&outcome), "PASS");
        assert_eq!(outcome.resident_each(), Some(4_608));
        assert_eq!(outcome.page_tables_each(), Some(128));
        assert_eq!(outcome.most_each(), Some(91_000 * 1024 / ALL + 128));
        assert_eq!((outcome.mappings_grown(), outcome.cpu_ms()), (20, 1_000));
    }
    assert_eq!(good("sleep").asleep_cpu_ms(), 100);
}

#[test]
fn each_flaw_fails_the_run_and_is_named() {
    type Break = fn(&mut Outcome);
    let flaws: [(&str, Break); 10] = [
        ("1 coroutines failed", |outcome| outcome.end.sample.failed = 1),
        ("19,999 of 20,000 parked at once", |outcome| outcome.parked.sample.woken = 1),
        ("19,998 of 20,000 asleep at once", |outcome| outcome.counted.asleep_at_once -= 2),
        ("3 of 20,000 woken before", |outcome| outcome.counted.early = 3),
        ("19,999 of 20,000 woken", |outcome| outcome.end.sample.woken -= 1),
        ("19,999 of 20,000 ended", |outcome| outcome.end.sample.ended -= 1),
        ("19,999 of 20,000 joined", |outcome| outcome.end.sample.joined -= 1),
        ("1 wake-ups that nobody", |outcome| outcome.counted.in_vain = 1),
        ("101 memory mappings more, 100", |outcome| outcome.asleep.mappings += 81),
        ("took too long", |outcome| outcome.lost.push("it took too long".to_owned())),
    ];
    for (complaint, make_it) in flaws {
        let mut outcome = good("sleep");
        make_it(&mut outcome);
        assert!(
            outcome.complaints().iter().any(|text| text.contains(complaint)),
            "{complaint}: {:?}",
            outcome.complaints()
        );
        assert_eq!(last_line(&outcome), "FAIL");
        assert_eq!(report::of(&outcome).json["pass"], false);
    }
}

#[test]
fn a_million_parked_may_take_six_gib_and_no_more() {
    assert_eq!(MEMORY_EACH, 6_442);
    let mut outcome = good("park");
    outcome.end.memory.peak = 4_000 + 6_400 * ALL / 1024;
    assert!(outcome.complaints()[0].contains("6,442 allowed"), "{:?}", outcome.complaints());
    outcome.run.coroutines = MEMORY_COROUTINES - 1;
    assert!(!outcome.complaints().iter().any(|text| text.contains("bytes a coroutine")));
}

#[test]
fn guards_that_are_mappings_are_not_held_against_the_crowd() {
    let mut outcome = good("park");
    outcome.parked.mappings = 40_000 + 140;
    assert!(outcome.complaints()[0].contains("40,100 memory mappings more, 100 allowed"));
    outcome.guard_mappings = Some(2);
    assert_eq!(outcome.complaints(), Vec::<String>::new());
}

#[test]
fn the_json_is_flat_and_has_what_the_text_has() {
    for scenario in ["park", "sleep"] {
        let report = report::of(&good(scenario));
        let flat = report.json.as_object().unwrap();
        assert!(flat.values().all(|value| !value.is_object() && !value.is_array()));
        assert_eq!(flat["resident_bytes_each"], 4_608);
        assert_eq!(flat["woken"], ALL);
        assert!(report.text.contains("4,608 bytes a coroutine"), "{}", report.text);
    }
    let json = report::of(&good("park")).json;
    assert_eq!((json["wake_ns_each"].as_f64(), json["end_ms"].as_f64()), (Some(400.0), Some(10.0)));
    assert_eq!(json["seed"], serde_json::Value::Null);
    let sleep = report::of(&good("sleep"));
    assert_eq!((&sleep.json["early"], &sleep.json["seed"]), (&json!(0), &json!(5)));
    assert_eq!(sleep.json["lateness_count"], ALL);
    assert!(sleep.text.contains("--seed 5"), "{}", sleep.text);
    assert!(sleep.text.contains("p50 30 us"), "{}", sleep.text);
}
