//! The verdict and the report, for outcomes made up by hand.

use serde_json::json;

use super::*;
use crate::args::Cli;
use crate::report;

const PLAN: Plan = Plan { processes: 1, client_workers: 1, listeners: 1 };

/// An outcome in which 2,000 clients of two processes did all that was asked of them.
fn good(line: &str) -> Outcome {
    let line = std::iter::once("lif-stress").chain(line.split_whitespace());
    let run = Cli::from(line).unwrap().run;
    let mut outcome = Outcome::new(run, PLAN, 2_000, 1_000);
    for first in [5_000_000_u64, 4_000_000] {
        outcome.totals.add_json(&json!({
            "tried": 1_000, "settled": 1_000, "verified": 1_000, "sent": 1_000, "received": 1_000,
            "failures": {}, "first_failure": null, "cpu_ms": 7, "latency": [50_000, 1_000],
            "first_ns": first, "last_ns": first + 100_000_000,
        }));
    }
    outcome.plateau = ServerSample { open: 2_000, rss_kib: 11_000, ..Default::default() };
    outcome.end = ServerSample { peak: 2_000, ..Default::default() };
    outcome.clients_peak = 2_000;
    outcome.held = Some(2_000);
    outcome.totals.count_unfinished(2_000);
    outcome
}

fn last_line(outcome: &Outcome) -> String {
    report::text(outcome).lines().last().unwrap().to_owned()
}

#[test]
fn a_run_without_a_flaw_passes() {
    let outcome = good("--clients 2000");
    assert_eq!(outcome.complaints(), Vec::<String>::new());
    assert_eq!(last_line(&outcome), "PASS");
    assert!((outcome.wall_ms() - 101.0).abs() < 1e-9);
    assert!((outcome.messages_per_second() - 2_000.0 / 0.101).abs() < 1.0);
    assert_eq!(outcome.bytes_per_connection(), Some(5_120));
}

#[test]
fn each_flaw_fails_the_run_and_is_named() {
    type Break = fn(&mut Outcome);
    let flaws: [(&str, Break); 8] = [
        ("1,999 of 2,000 replies", |outcome| {
            outcome.totals.seen.verified -= 1;
        }),
        ("1 clients failed", |outcome| {
            outcome.totals.failures.add(Kind::Reset, 1);
        }),
        ("1 failures at the server", |outcome| {
            outcome.end.failures.add(Kind::Reset, 1);
        }),
        ("3 connections never ended", |outcome| outcome.end.open = 3),
        ("1,999 of 2,000 connected at once", |outcome| {
            outcome.end.peak -= 1;
        }),
        ("1,998 of 2,000 connected at once", |outcome| {
            outcome.clients_peak -= 2;
        }),
        ("1,999 of 2,000 still connected", |outcome| {
            outcome.held = Some(1_999);
        }),
        ("the server ended", |outcome| {
            outcome.lost.push("the server ended".to_owned());
        }),
    ];
    for (complaint, make_it) in flaws {
        let mut outcome = good("--clients 2000");
        make_it(&mut outcome);
        assert!(
            outcome.complaints().iter().any(|text| text.contains(complaint)),
            "{complaint}: {:?}",
            outcome.complaints()
        );
        assert_eq!(last_line(&outcome), "FAIL");
        assert_eq!(report::json(&outcome)["pass"], false);
    }
}

#[test]
fn who_was_not_through_ran_out_of_time() {
    let mut outcome = good("--clients 2000");
    outcome.totals.seen.settled = 1_500;
    outcome.totals.count_unfinished(2_000);
    assert_eq!(outcome.totals.failures.of(Kind::Timeout), 500);
    assert!(report::text(&outcome).contains("500 timeout"));
}

#[test]
fn idle_connections_must_not_cost_too_much() {
    let mut outcome = good("--clients 2000 --scenario idle");
    assert_eq!(outcome.complaints(), Vec::<String>::new());
    outcome.plateau.rss_kib = 1_000 + 2_000 * 8;
    assert!(outcome.complaints()[0].contains("8,192 bytes a connection"));
    outcome.run.clients = MEMORY_CLIENTS - 1;
    assert!(!outcome.complaints().iter().any(|text| text.contains("bytes a connection")));
}

#[test]
fn slow_peers_may_reset_but_not_slow_the_others() {
    let mut outcome = good("--clients 2000 --scenario slow");
    outcome.end.failures.add(Kind::Reset, 32);
    assert_eq!(outcome.complaints(), Vec::<String>::new());
    outcome.totals.latency.add_json(&json!([2_000_000_000_u64, 5_000]));
    assert_eq!(outcome.complaints(), ["p99 of the well-behaved is 2001 ms"]);
}

#[test]
fn churn_has_no_peak_to_reach() {
    let mut outcome = good("--clients 2000 --scenario churn");
    outcome.end.peak = 17;
    outcome.clients_peak = 0;
    outcome.held = Some(0);
    assert_eq!(outcome.complaints(), Vec::<String>::new());
}

#[test]
fn the_json_is_flat_and_has_the_promised_names() {
    let json = report::json(&good("--clients 2000"));
    let flat = json.as_object().unwrap();
    assert!(flat.values().all(|value| !value.is_object() && !value.is_array()));
    for name in [
        "clients_peak",
        "messages_sent",
        "messages_received",
        "messages_verified",
        "wall_ms",
        "failures_total",
        "failures_refused",
        "failures_reordered",
        "latency_p50_us",
        "latency_p99_us",
        "latency_p999_us",
        "server_cpu_ms",
        "server_rss_kib",
        "server_rss_base_kib",
        "server_bytes_per_connection",
    ] {
        assert!(flat.contains_key(name), "{name}");
    }
    assert_eq!(flat["messages_verified"], 2_000);
    assert_eq!(flat["server_bytes_per_connection"], 5_120);
}

#[test]
fn the_earlier_result_stands_beside_this_one() {
    let text = report::text(&good("--clients 2000"));
    assert!(text.contains("macOS arm64, kqueue: about 6 s, about 1,666 messages/s"), "{text}");
    assert!(text.contains("another load than the earlier one"), "{text}");
}
