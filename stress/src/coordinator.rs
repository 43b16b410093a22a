//! The process that a person starts: it starts the others, leads them through the phases of a
//! run, and collects what they counted.
//!
//! Plain std: it carries no load, so that nothing of it is in the way of what is measured. Whatever
//! goes wrong in a child ends up in the outcome as words; it never keeps the run from ending.

use std::process;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::args::Run;
use crate::child::{ANSWER, Child, FAREWELL};
use crate::limits::{self, Demand, Plan, Supply};
use crate::outcome::Outcome;
use crate::progress::Progress;
use crate::proto::{ClientSample, Command, ServerSample, number};
use crate::report::grouped;
use crate::scenario::Load;
use crate::{host, load, sys};

/// From one look at the children to the next: so much at first, later a fiftieth of the phase so
/// far, so that a long phase is hardly disturbed and a short one hardly prolonged.
pub(crate) const FIRST_LOOKS: Duration = Duration::from_millis(5);

/// And never more than this.
pub(crate) const LATER_LOOKS: Duration = Duration::from_millis(50);

/// How long the server may take to see that all clients have closed.
const CLOSING: Duration = Duration::from_secs(10);

/// What a child may live longer than the run, before the kernel ends it.
const ALARM: Duration = Duration::from_secs(60);

/// Runs the whole of it.
///
/// # Errors
///
/// Why the run could not be started, in words for the person who did.
pub(crate) fn run(run: &Run) -> Result<Outcome, String> {
    let plan = plan(run)?;
    let mut crew = Crew::start(run, &plan)?;
    let turned_away = host::turned_away();
    let mut outcome = Outcome::new(run.clone(), plan, crew.expected, crew.rss_base_kib);
    if let Err(stop) = crew.lead(run, &mut outcome) {
        outcome.lost.push(stop);
    }
    crew.progress.end();
    crew.collect(&mut outcome);
    let both = host::turned_away().zip(turned_away);
    outcome.turned_away = both.map(|(now, then)| now.since(then));
    Ok(outcome)
}

/// Checks the run against the limits of the host.
fn plan(run: &Run) -> Result<Plan, String> {
    let descriptors = sys::raise_descriptor_limit()
        .map_err(|error| format!("the limit of descriptors can't be read: {error}"))?;
    let clients = u64::from(run.clients);
    let rounds = if run.scenario().load == Load::Churn { u64::from(run.messages()) } else { 1 };
    let demand = Demand {
        clients,
        connections: clients * rounds,
        burst: if run.batch_delay == 0 { clients } else { clients.min(run.batch.into()) },
        server_workers: run.workers().into(),
        client_workers: run.client_workers.into(),
        processes: run.client_processes.into(),
        port: run.port,
    };
    let cpus = std::thread::available_parallelism().map_or(1, usize::from) as u64;
    let supply =
        Supply { descriptors, ports: host::ports(), listen_queue: host::listen_queue(), cpus };
    limits::plan(&demand, &supply).map_err(|refusal| refusal.to_string())
}

/// The children of a run.
#[derive(Debug)]
struct Crew {
    server: Child,
    clients: Vec<Child>,
    progress: Progress,
    expected: u64,
    rss_base_kib: u64,
    /// What the last look at the clients showed, all processes together.
    seen: ClientSample,
    /// What the last look at the server showed.
    seen_server: ServerSample,
}

impl Crew {
    /// Starts the server, then the clients, and waits until all of them are ready.
    fn start(run: &Run, plan: &Plan) -> Result<Crew, String> {
        let start = |name: &str, line: &[String]| {
            Child::start(name, line).map_err(|error| format!("the {name} can't start: {error}"))
        };
        let mut server = start("server", &server_line(run, plan))?;
        let hello = server.ask(Command::Hello)?;
        let ports = hello["ports"].as_array().map_or(&[][..], Vec::as_slice);
        let ports = ports.iter().map(Value::to_string).collect::<Vec<_>>().join(",");
        let mut clients = Vec::new();
        for part in 0..plan.processes {
            clients.push(start("client process", &client_line(run, plan, part, &ports))?);
        }
        ask_all(&mut clients, Command::Hello)?;
        let expected = load::expected(run.scenario(), run.clients, run.messages());
        Ok(Crew {
            server,
            clients,
            progress: Progress::new(run.clients.into(), expected),
            expected,
            rss_base_kib: number(&hello, "rss_base_kib"),
            seen: ClientSample::default(),
            seen_server: ServerSample::default(),
        })
    }

    /// The phases of a run. An error is why it was broken off, in words for the report.
    fn lead(&mut self, run: &Run, outcome: &mut Outcome) -> Result<(), String> {
        let all = u64::from(run.clients);
        let scenario = run.scenario();
        let hold = Duration::from_secs(run.hold.into());
        let mut until = Instant::now() + Duration::from_secs(run.timeout().into());
        ask_all(&mut self.clients, Command::Connect)?;
        if scenario.together {
            self.watch("connecting", until, |seen, server| {
                // Who failed to connect is not waited for at the server either.
                seen.tried == all && server.open >= seen.open
            })?;
            outcome.plateau = self.survey()?;
            outcome.clients_peak = self.seen.open;
            if scenario.hold_first {
                self.hold(hold)?;
                until += hold;
                let held = self.survey()?;
                // The dearer of the two moments counts.
                if held.rss_kib > outcome.plateau.rss_kib {
                    outcome.plateau = held;
                }
            }
            ask_all(&mut self.clients, Command::Go)?;
        }
        let done = self.watch("exchanging", until, |seen, _| seen.settled == all);
        outcome.held = Some(self.seen.open);
        done?;
        if !scenario.together {
            outcome.plateau = self.survey()?;
        }
        if !scenario.hold_first && !hold.is_zero() {
            self.hold(hold)?;
            outcome.held = Some(self.survey()?.open);
        }
        ask_all(&mut self.clients, Command::Close)?;
        self.watch("closing", Instant::now() + CLOSING, |_, server| server.open == 0)
    }

    /// Looks at the children, again and again, until `done`.
    fn watch(
        &mut self,
        phase: &'static str,
        until: Instant,
        done: impl Fn(&ClientSample, &ServerSample) -> bool,
    ) -> Result<(), String> {
        let start = Instant::now();
        loop {
            let server = ServerSample::from_json(&self.server.ask(Command::Sample)?);
            self.seen_server = server;
            let mut seen = ClientSample::default();
            for reply in ask_all(&mut self.clients, Command::Sample)? {
                seen.merge(&ClientSample::from_json(&reply));
            }
            self.seen = seen;
            self.progress.update(phase, &seen);
            if done(&seen, &server) {
                return Ok(());
            }
            if Instant::now() >= until {
                return Err(format!(
                    "{phase} took too long: {} clients through, {} connections open at the \
                     clients and {} at the server",
                    grouped(seen.settled),
                    grouped(seen.open),
                    grouped(server.open)
                ));
            }
            std::thread::sleep((start.elapsed() / 50).clamp(FIRST_LOOKS, LATER_LOOKS));
        }
    }

    fn hold(&mut self, hold: Duration) -> Result<(), String> {
        let over = Instant::now() + hold;
        self.watch("holding", over + ANSWER, |_, _| Instant::now() >= over)
    }

    fn survey(&mut self) -> Result<ServerSample, String> {
        Ok(ServerSample::from_json(&self.server.ask(Command::Survey)?))
    }

    /// Asks for the results, also after a run that was broken off, and lets the children end.
    fn collect(self, outcome: &mut Outcome) {
        let mut lost = Vec::new();
        for client in self.clients {
            match finish(client) {
                Ok((result, end)) => {
                    outcome.totals.add_json(&result);
                    lost.extend(end.err());
                }
                Err(why) => lost.push(why),
            }
        }
        // What was last seen of a server that can't say how it ended.
        outcome.end = self.seen_server;
        match finish(self.server) {
            Ok((result, end)) => {
                outcome.end = ServerSample::from_json(&result);
                lost.extend(end.err());
            }
            Err(why) => lost.push(why),
        }
        // The reason for which a run was broken off is often said again here.
        lost.retain(|why| !outcome.lost.contains(why));
        outcome.lost.append(&mut lost);
        outcome.totals.count_unfinished(outcome.run.clients.into());
    }
}

/// Asks for a child's last reply, and lets it end: (the reply, whether it ended well).
fn finish(mut child: Child) -> Result<(Value, Result<(), String>), String> {
    let result = child.ask(Command::Finish)?;
    Ok((result, child.part(FAREWELL)))
}

/// Asks all of them at once, and returns their replies in order.
fn ask_all(children: &mut [Child], command: Command) -> Result<Vec<Value>, String> {
    for child in children.iter_mut() {
        child.tell(command)?;
    }
    children.iter_mut().map(Child::listen).collect()
}

/// What every child is told.
pub(crate) fn child_line(role: &str, run: &Run, workers: u64) -> Vec<String> {
    let alarm = u64::from(run.timeout()) + u64::from(run.hold) + ALARM.as_secs();
    let mut line = vec![role.to_owned()];
    option(&mut line, "--parent", process::id());
    option(&mut line, "--alarm", alarm);
    option(&mut line, "--workers", workers);
    line
}

fn server_line(run: &Run, plan: &Plan) -> Vec<String> {
    let mut line = child_line("server", run, run.workers().into());
    option(&mut line, "--size", run.size);
    option(&mut line, "--port", run.port);
    option(&mut line, "--listeners", plan.listeners);
    line
}

fn client_line(run: &Run, plan: &Plan, part: u64, ports: &str) -> Vec<String> {
    let mut line = child_line("client", run, plan.client_workers);
    option(&mut line, "--ports", ports);
    option(&mut line, "--clients", run.clients);
    option(&mut line, "--messages", run.messages());
    option(&mut line, "--size", run.size);
    option(&mut line, "--batch", run.batch);
    option(&mut line, "--batch-delay", run.batch_delay);
    option(&mut line, "--scenario", run.scenario().name);
    option(&mut line, "--part", part);
    option(&mut line, "--parts", plan.processes);
    line
}

/// Adds an option and its value.
pub(crate) fn option(line: &mut Vec<String>, name: &str, value: impl ToString) {
    line.extend([name.to_owned(), value.to_string()]);
}
