//! Compares what came of the tests with what is known, and says it.
//!
//! Owns the verdict. A failure without a reason and a pass that is listed as a failure are both
//! wrong: the table is to say what is true.

use std::fmt::{self, Write};

use super::table::Crate;
use super::trial::{Outcome, Outcomes};

/// What came of one crate.
#[derive(Debug)]
pub(super) struct Report {
    name: String,
    tests: usize,
    passed: usize,
    ignored: usize,
    /// Tests that failed for a reason that is known.
    explained: Vec<(String, &'static str)>,
    /// What is not as the table says.
    wrong: Vec<String>,
}

impl Report {
    pub(super) fn new(of: &Crate, outcomes: &Outcomes) -> Report {
        let count = |wanted| outcomes.values().filter(|&&outcome| outcome == wanted).count();
        let mut report = Report {
            name: format!("{} {}", of.name, of.version),
            tests: outcomes.len(),
            passed: count(Outcome::Passed),
            ignored: count(Outcome::Ignored),
            explained: Vec::new(),
            wrong: Vec::new(),
        };
        if outcomes.is_empty() {
            report.wrong.push("no test was found".to_owned());
        }
        for (test, outcome) in outcomes {
            let known = of.known.iter().find(|(name, _)| name == test);
            let chance = of.chance.iter().find(|(name, _)| name == test);
            match (outcome, known.or(chance)) {
                (Outcome::Failed | Outcome::Hung, Some((_, why))) => {
                    report.explained.push((test.clone(), why));
                }
                (Outcome::Failed, None) => report.wrong.push(format!("{test} failed")),
                (Outcome::Hung, None) => report.wrong.push(format!("{test} hung or aborted")),
                (Outcome::Passed, Some(_)) if chance.is_none() => {
                    report.wrong.push(format!("{test} passed, and is listed as failing"));
                }
                (Outcome::Passed | Outcome::Ignored, _) => {}
            }
        }
        for (test, _) in of.known.iter().chain(of.chance) {
            if !outcomes.contains_key(*test) {
                report.wrong.push(format!("{test} is listed, and does not exist"));
            }
        }
        report
    }

    /// For a crate whose tests could not be run.
    pub(super) fn trouble(of: &Crate, why: String) -> Report {
        let mut report = Report::new(of, &Outcomes::new());
        report.wrong = vec![why];
        report
    }

    pub(super) fn passed(&self) -> bool {
        self.wrong.is_empty()
    }
}

/// The table that the run ends with.
pub(super) fn table(reports: &[Report]) -> String {
    let mut text = String::new();
    write(&mut text, reports).expect("a String takes all");
    text
}

fn write(text: &mut String, reports: &[Report]) -> fmt::Result {
    writeln!(
        text,
        "{:<26} {:>6} {:>7} {:>7} {:>8}",
        "crate", "tests", "passed", "failed", "ignored"
    )?;
    for report in reports {
        let failed = report.tests - report.passed - report.ignored;
        let (name, tests, passed, ignored) =
            (&report.name, report.tests, report.passed, report.ignored);
        writeln!(text, "{name:<26} {tests:>6} {passed:>7} {failed:>7} {ignored:>8}")?;
    }
    for report in reports {
        for (test, why) in &report.explained {
            writeln!(text, "known: {} {test}: {why}", report.name)?;
        }
    }
    for report in reports {
        for wrong in &report.wrong {
            writeln!(text, "WRONG: {} {wrong}", report.name)?;
        }
    }
    writeln!(text, "{}", if reports.iter().all(Report::passed) { "PASS" } else { "FAIL" })
}

#[cfg(test)]
mod tests {
    use super::super::table::Part;
    use super::*;

    const CRATE: Crate = Crate {
        name: "some",
        version: "1.0.0",
        about: "a crate",
        part: Part::Whole,
        edits: &[],
        known: &[("some/hard", "it counts the threads of the process")],
        chance: &[("some/dice", "it measures how far one thread gets ahead")],
    };

    fn of(tests: &[(&str, Outcome)]) -> Report {
        let all = tests.iter().chain(&[("dice", Outcome::Passed)]);
        let outcomes = all.map(|(name, outcome)| (format!("some/{name}"), *outcome));
        Report::new(&CRATE, &outcomes.collect())
    }

    #[test]
    fn what_is_known_and_so_is_a_pass() {
        let report = of(&[("a", Outcome::Passed), ("hard", Outcome::Failed)]);
        assert!(report.passed());
        let text = table(&[report]);
        assert!(text.contains("counts the threads") && text.ends_with("PASS\n"), "{text}");
    }

    #[test]
    fn what_is_a_matter_of_chance_may_also_fail() {
        let outcomes = [("some/hard", Outcome::Failed), ("some/dice", Outcome::Failed)];
        let outcomes = outcomes.map(|(name, outcome)| (name.to_owned(), outcome)).into();
        assert!(Report::new(&CRATE, &outcomes).passed());
    }

    #[test]
    fn an_unexpected_end_is_wrong() {
        for (a, hard) in [
            (Outcome::Failed, Outcome::Failed),
            (Outcome::Hung, Outcome::Failed),
            (Outcome::Passed, Outcome::Passed),
        ] {
            let report = of(&[("a", a), ("hard", hard)]);
            assert!(!report.passed() && table(&[report]).ends_with("FAIL\n"));
        }
    }

    #[test]
    fn a_test_that_is_gone_and_no_test_at_all_are_wrong() {
        assert!(!of(&[("a", Outcome::Passed)]).passed());
        assert!(!Report::new(&CRATE, &Outcomes::new()).passed());
        assert!(!Report::trouble(&CRATE, "it does not build".to_owned()).passed());
    }
}
