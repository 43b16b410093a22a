//! What a person sees while the run goes on: a bar on a terminal, a line a second elsewhere.
//!
//! Writes to standard error only; standard output belongs to the report.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

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

    /// Shows how far it is.
    pub(crate) fn update(&mut self, phase: &'static str, sample: &ClientSample) {
        match &mut self.view {
            View::Bar(bar) => {
                let connecting = sample.tried < self.clients;
                let (length, position) = if connecting {
                    (self.clients, sample.tried)
                } else {
                    (self.expected, sample.verified)
                };
                bar.set_length(length);
                bar.set_position(position);
                let what = if connecting { "connected" } else { "verified" };
                let message = format!("{what}, {} failed: {phase}", sample.failed);
                if bar.message() != message {
                    bar.set_message(message);
                }
            }
            View::Lines { next } if Instant::now() >= *next => {
                *next += LINE_EVERY;
                let line = line(self.start.elapsed(), phase, sample, self.clients, self.expected);
                // Nobody reads it if this fails, and the report is still to come.
                drop(writeln!(std::io::stderr(), "{line}"));
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

fn line(
    elapsed: Duration,
    phase: &str,
    sample: &ClientSample,
    clients: u64,
    expected: u64,
) -> String {
    format!(
        "{:4} s  {phase}: {} of {} connected, {} of {} verified, {} failed",
        elapsed.as_secs(),
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
        let line = line(Duration::from_millis(2_400), "exchanging", &sample, 10_000, 10_000);
        let expected =
            "   2 s  exchanging: 9,000 of 10,000 connected, 1,200 of 10,000 verified, 3 failed";
        assert_eq!(line, expected);
    }
}
