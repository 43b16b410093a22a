//! How an outcome looks: as text for people, as flat JSON for programs.
//!
//! Only forms; every number and the verdict come from the outcome.

use serde_json::{Map, Value, json};

use crate::failure::Counts;
use crate::host::{self, TurnedAway};
use crate::outcome::Outcome;
use crate::scenario::Load;

/// The result this one is measured against.
const EARLIER: &str = "earlier C runtime: macOS arm64, kqueue: about 6 s, about 1,666 messages/s, \
                       9,999 of 10,000";

/// A report, in both its forms.
#[derive(Debug)]
pub(crate) struct Report {
    /// For people.
    pub(crate) text: String,
    /// For programs.
    pub(crate) json: Value,
    /// The verdict, which both have.
    pub(crate) passed: bool,
}

/// The report of a run with clients and a server.
pub(crate) fn of(outcome: &Outcome) -> Report {
    let passed = outcome.complaints().is_empty();
    Report { text: text(outcome), json: json(outcome), passed }
}

/// A number with its thousands set apart.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number of things, with the `ending` that makes them several.
pub(crate) fn counted(number: u64, thing: &str, ending: &str) -> String {
    format!("{} {thing}{}", grouped(number), if number == 1 { "" } else { ending })
}

/// A time in the unit that suits it.
pub(crate) fn time(us: f64) -> String {
    match us {
        us if us < 1_000.0 => format!("{us:.0} us"),
        us if us < 1_000_000.0 => format!("{:.2} ms", us / 1e3),
        us => format!("{:.2} s", us / 1e6),
    }
}

/// The percentiles of the report: (label, name in the JSON, percent).
const PERCENTILES: [(&str, &str, f64); 4] = [
    ("p50", "latency_p50_us", 50.0),
    ("p90", "latency_p90_us", 90.0),
    ("p99", "latency_p99_us", 99.0),
    ("p99.9", "latency_p999_us", 99.9),
];

/// The report as text; its last line is PASS or FAIL.
pub(crate) fn text(outcome: &Outcome) -> String {
    let mut page = Page::default();
    let run = &outcome.run;
    let scenario = run.scenario();
    page.row("scenario", &format!("{}: {}", scenario.name, scenario.about));
    page.row("load", &load_row(outcome));
    clients(&mut page, outcome);
    messages(&mut page, outcome);
    server(&mut page, outcome);
    comparison(&mut page, outcome);
    page.verdict(&outcome.complaints());
    page.0
}

fn load_row(outcome: &Outcome) -> String {
    let (run, plan) = (&outcome.run, &outcome.plan);
    format!(
        "{} of {} bytes a client; {} every {} ms; {} and {} at the server; {} of {}",
        counted(run.messages().into(), "message", "s"),
        grouped(run.size.into()),
        grouped(run.batch.into()),
        run.batch_delay,
        counted(run.workers().into(), "worker", "s"),
        counted(plan.listeners, "port", "s"),
        counted(plan.processes, "client process", "es"),
        counted(plan.client_workers, "worker", "s"),
    )
}

fn clients(page: &mut Page, outcome: &Outcome) {
    let run = &outcome.run;
    page.row("clients", &grouped(run.clients.into()));
    let mut peak = grouped(outcome.end.peak);
    if run.scenario().together {
        peak += &format!(
            " at the server, {} at the clients; {} until the end",
            grouped(outcome.clients_peak),
            grouped(outcome.held.unwrap_or(0))
        );
    } else {
        peak += &format!(", of {} connections", grouped(outcome.end.accepted));
    }
    page.row("connected at once", &peak);
    if run.scenario().load == Load::Slow {
        page.row("peers that stalled", &grouped(outcome.totals.stalled));
    }
}

fn messages(page: &mut Page, outcome: &Outcome) {
    let totals = &outcome.totals;
    page.row(
        "messages",
        &format!(
            "{} sent, {} received, {} of {} verified byte for byte",
            grouped(totals.sent),
            grouped(totals.received),
            grouped(totals.seen.verified),
            grouped(outcome.expected)
        ),
    );
    page.row("failures", &failures(&totals.failures));
    page.row("failures at the server", &failures(&outcome.end.failures));
    for first in &totals.first_failures {
        page.row("first failure", first);
    }
    page.row("listen-queue overflows", &turned_away(outcome.turned_away));
    page.row("wall time", &time(outcome.wall_ms() * 1000.0));
    page.row("messages/s", &grouped(outcome.messages_per_second() as u64));
    let mut latency = String::new();
    for (label, _, percent) in PERCENTILES {
        latency += &format!("{label} {}, ", time(totals.latency.percentile_us(percent)));
    }
    latency += &format!("max {}", time(totals.latency.max_us()));
    page.row("round trip", &latency);
}

fn failures(counts: &Counts) -> String {
    let seen = counts.iter().filter(|&(_, count)| count > 0);
    let list = seen.map(|(name, count)| format!("{} {name}", grouped(count))).collect::<Vec<_>>();
    if list.is_empty() { "none".to_owned() } else { list.join(", ") }
}

fn turned_away(count: Option<TurnedAway>) -> String {
    match count {
        None => "not told by this system".to_owned(),
        Some(TurnedAway { overflows: 0, drops: 0 }) => "none".to_owned(),
        Some(TurnedAway { overflows: 0, drops }) => {
            format!("none; {} dropped for other reasons on this host", grouped(drops))
        }
        Some(TurnedAway { overflows, .. }) => format!(
            "{} on this host; a longer --batch-delay or net.core.somaxconn (now {}) helps",
            grouped(overflows),
            host::listen_queue(),
        ),
    }
}

fn server(page: &mut Page, outcome: &Outcome) {
    let (plateau, end) = (&outcome.plateau, &outcome.end);
    page.row(
        "processor time",
        &format!(
            "{:.2} s server, {:.2} s clients",
            end.cpu_ms as f64 / 1000.0,
            outcome.totals.cpu_ms as f64 / 1000.0
        ),
    );
    let mut memory = format!("{} KiB at most", grouped(end.rss_peak_kib));
    if let Some(bytes) = outcome.bytes_per_connection() {
        memory += &format!(
            ", {} KiB empty, {} KiB with all connected: {} bytes a connection",
            grouped(outcome.rss_base_kib),
            grouped(plateau.rss_kib),
            grouped(bytes)
        );
    }
    page.row("server memory", &memory);
    page.row(
        "server descriptors",
        &format!("{}, {} at the end", grouped(plateau.descriptors), grouped(end.descriptors)),
    );
    page.row(
        "server coroutines",
        &format!(
            "{} live, {} at the end, {} ever started",
            grouped(plateau.coroutines),
            grouped(end.coroutines),
            grouped(end.spawned)
        ),
    );
}

fn comparison(page: &mut Page, outcome: &Outcome) {
    let (run, totals) = (&outcome.run, &outcome.totals);
    page.row("for comparison", EARLIER);
    page.row(
        "this run",
        &format!(
            "{} {}: {}, {} messages/s, {} of {}",
            std::env::consts::OS,
            std::env::consts::ARCH,
            time(outcome.wall_ms() * 1000.0),
            grouped(outcome.messages_per_second() as u64),
            grouped(totals.seen.verified),
            grouped(outcome.expected),
        ),
    );
    let same = (run.clients, run.messages(), run.size, run.scenario().name);
    if same != (10_000, 1, 64, "echo") {
        page.row("", "(another load than the earlier one: echo, 10,000 clients, 1 x 64 bytes)");
    }
}

/// The report as one flat JSON object.
pub(crate) fn json(outcome: &Outcome) -> Value {
    let (totals, end) = (&outcome.totals, &outcome.end);
    let complaints = outcome.complaints();
    let mut flat = Map::new();
    for part in [json_load(outcome), json_clients(outcome), json_server(outcome)] {
        if let Value::Object(part) = part {
            flat.extend(part);
        }
    }
    for (_, name, percent) in PERCENTILES {
        flat.insert(name.to_owned(), totals.latency.percentile_us(percent).into());
    }
    for (name, count) in totals.failures.iter() {
        flat.insert(format!("failures_{name}"), count.into());
    }
    for (name, count) in end.failures.iter() {
        flat.insert(format!("server_failures_{name}"), count.into());
    }
    flat.insert("pass".to_owned(), complaints.is_empty().into());
    flat.insert("complaints".to_owned(), complaints.join("; ").into());
    Value::Object(flat)
}

fn json_load(outcome: &Outcome) -> Value {
    let (run, plan) = (&outcome.run, &outcome.plan);
    json!({
        "scenario": run.scenario().name,
        "clients": run.clients,
        "messages_per_client": run.messages(),
        "size": run.size,
        "batch": run.batch,
        "batch_delay_ms": run.batch_delay,
        "timeout_s": run.timeout(),
        "hold_s": run.hold,
        "workers": run.workers(),
        "listeners": plan.listeners,
        "client_processes": plan.processes,
        "client_workers": plan.client_workers,
        "os": std::env::consts::OS,
        "arch": std::env::consts::ARCH,
    })
}

fn json_clients(outcome: &Outcome) -> Value {
    let totals = &outcome.totals;
    json!({
        "clients_peak": outcome.end.peak,
        "clients_peak_at_clients": outcome.clients_peak,
        "clients_at_end": outcome.held,
        "clients_settled": totals.seen.settled,
        "clients_stalled": totals.stalled,
        "clients_cpu_ms": totals.cpu_ms,
        "messages_expected": outcome.expected,
        "messages_sent": totals.sent,
        "messages_received": totals.received,
        "messages_verified": totals.seen.verified,
        "messages_per_second": outcome.messages_per_second(),
        "wall_ms": outcome.wall_ms(),
        "latency_count": totals.latency.len(),
        "latency_max_us": totals.latency.max_us(),
        "failures_total": totals.failures.total(),
        "failures_listen_overflows": outcome.turned_away.map(|count| count.overflows),
        "failures_listen_drops": outcome.turned_away.map(|count| count.drops),
    })
}

fn json_server(outcome: &Outcome) -> Value {
    let (plateau, end) = (&outcome.plateau, &outcome.end);
    json!({
        "server_accepted": end.accepted,
        "server_bytes_echoed": end.echoed,
        "server_cpu_ms": end.cpu_ms,
        "server_rss_base_kib": outcome.rss_base_kib,
        "server_rss_kib": plateau.rss_kib,
        "server_rss_peak_kib": end.rss_peak_kib,
        "server_bytes_per_connection": outcome.bytes_per_connection(),
        "server_descriptors": plateau.descriptors,
        "server_descriptors_end": end.descriptors,
        "server_coroutines": plateau.coroutines,
        "server_coroutines_end": end.coroutines,
        "server_coroutines_spawned": end.spawned,
        "server_open_end": end.open,
        "server_failures_total": end.failures.total(),
    })
}

/// Text in two columns.
#[derive(Debug, Default)]
pub(crate) struct Page(pub(crate) String);

impl Page {
    /// A row with its label.
    pub(crate) fn row(&mut self, label: &str, value: &str) {
        self.line(format!("{label:<24}{value}").trim_end());
    }

    /// What speaks against the run, and the last line.
    pub(crate) fn verdict(&mut self, complaints: &[String]) {
        for complaint in complaints {
            self.row("against it", complaint);
        }
        self.line(if complaints.is_empty() { "PASS" } else { "FAIL" });
    }

    fn line(&mut self, line: &str) {
        self.0.push_str(line);
        self.0.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_set_apart() {
        for (number, text) in
            [(0, "0"), (999, "999"), (1_000, "1,000"), (12_345, "12,345"), (1_000_000, "1,000,000")]
        {
            assert_eq!(grouped(number), text);
        }
    }

    #[test]
    fn a_time_has_a_unit_that_suits_it() {
        assert_eq!(time(12.4), "12 us");
        assert_eq!(time(1_234.0), "1.23 ms");
        assert_eq!(time(2_500_000.0), "2.50 s");
    }

    #[test]
    fn overflows_come_with_what_helps() {
        let text = |overflows, drops| turned_away(Some(TurnedAway { overflows, drops }));
        assert_eq!(text(0, 0), "none");
        assert!(text(0, 2).starts_with("none; 2 dropped"));
        assert!(text(1_234, 1_300).starts_with("1,234 "));
        assert!(text(1_234, 1_300).contains("somaxconn"));
    }
}
