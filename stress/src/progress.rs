//! What a person sees while the run goes on: a bar on a terminal, a line a second elsewhere.
//!
//! Writes to standard error only; standard output belongs to the report.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::crowd::sample::Sample;
use crate::proto::ClientSample;
use crate::report::grouped;

/// From one line to the next where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(1);

/// The progress of one run.
#[derive(Debug)]
pub(crate) struct Progress {
    clients: u64,
    expected: u64,
    start: Instant,
    view: View,
}

#[derive(Debug)]
enum View {
    Bar(ProgressBar),
    Lines { next: Instant },
}

impl Progress {
    /// Of a run with so many clients, which owe so many replies.
    pub(crate) fn new(clients: u64, expected: u64) -> Progress {
        let start = Instant::now();
        let view = if std::io::stderr().is_terminal() {
            let target = ProgressDrawTarget::stderr_with_hz(10);
            let bar = ProgressBar::with_draw_target(Some(clients), target);
            let style = "{elapsed_precise} [{bar:40}] {human_pos}/{human_len} {msg}";
            bar.set_style(ProgressStyle::with_template(style).expect("a constant template"));
            View::Bar(bar)
        } else {
            View::Lines { next: start + LINE_EVERY }
        };
        Progress { clients, expected, start, view }
    }

    /// Shows how far the clients are.
    pub(crate) fn update(&mut self, phase: &str, sample: &ClientSample) {
        let (clients, expected) = (self.clients, self.expected);
        let (what, position, length) = if sample.tried < clients {
            ("connected", sample.tried, clients)
        } else {
            ("verified", sample.verified, expected)
        };
        self.show(Step {
            length,
            position,
            message: format!("{what}, {} failed: {phase}", sample.failed),
            line: line(phase, sample, clients, expected),
        });
    }

    /// Shows how far a crowd is: of all its coroutines, `done` have done what the phase is for.
    pub(crate) fn update_crowd(&mut self, phase: &str, done: u64, sample: &Sample) {
        let length = self.clients;
        self.show(Step {
            length,
            position: done,
            message: format!("{} failed: {phase}", sample.failed),
            line: crowd_line(phase, done, length, sample.failed),
        });
    }

    fn show(&mut self, step: Step) {
        match &mut self.view {
            View::Bar(bar) => {
                bar.set_length(step.length);
                bar.set_position(step.position);
                if bar.message() != step.message {
                    bar.set_message(step.message);
                }
            }
            View::Lines { next } if Instant::now() >= *next => {
                *next += LINE_EVERY;
                let elapsed = self.start.elapsed().as_secs();
                // Nobody reads it if this fails, and the report is still to come.
                drop(writeln!(std::io::stderr(), "{elapsed:4} s  {}", step.line));
            }
            View::Lines { .. } => {}
        }
    }

    /// Clears the bar away, so that the report begins on a clean line.
    pub(crate) fn end(&self) {
        if let View::Bar(bar) = &self.view {
            bar.finish_and_clear();
        }
    }
}

/// One look, as a bar and as a line.
#[derive(Debug)]
struct Step {
    length: u64,
    position: u64,
    message: String,
    line: String,
}

fn crowd_line(phase: &str, done: u64, all: u64, failed: u64) -> String {
    format!("{phase}: {} of {}, {} failed", grouped(done), grouped(all), grouped(failed))
}

fn line(phase: &str, sample: &ClientSample, clients: u64, expected: u64) -> String {
    format!(
        "{phase}: {} of {} connected, {} of {} verified, {} failed",
        grouped(sample.open),
        grouped(clients),
        grouped(sample.verified),
        grouped(expected),
        grouped(sample.failed),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_tells_phase_and_numbers() {
        let sample = ClientSample { open: 9_000, verified: 1_200, failed: 3, ..Default::default() };
        let line = line("exchanging", &sample, 10_000, 10_000);
        let expected = "exchanging: 9,000 of 10,000 connected, 1,200 of 10,000 verified, 3 failed";
        assert_eq!(line, expected);
        assert_eq!(crowd_line("waking", 1_500, 2_000, 0), "waking: 1,500 of 2,000, 0 failed");
    }
}
