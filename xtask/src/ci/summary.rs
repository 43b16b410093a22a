//! What a run of the gates has to say at its end. Text only; runs nothing.

use std::fmt::Write;
use std::time::Duration;

use super::gates::Gate;
use super::job::Job;

/// What came of one gate.
#[derive(Debug)]
pub(crate) struct Row {
    gate: &'static Gate,
    job: Job,
    took: Duration,
}

impl Row {
    /// A gate that has done nothing has not passed either.
    pub(crate) fn new(gate: &'static Gate, mut job: Job, took: Duration) -> Row {
        if job.cases == 0 && job.failures.is_empty() {
            job.fail(format!("the gate {} has checked nothing", gate.name));
        }
        Row { gate, job, took }
    }

    pub(crate) fn passed(&self) -> bool {
        self.job.failures.is_empty()
    }

    /// The row of the table.
    pub(crate) fn line(&self) -> String {
        let result = if self.passed() { "ok" } else { "FAILED" };
        let cases = format!("{} {}", self.job.cases, self.gate.unit(self.job.cases));
        format!("{:<16}{result:<8}{cases:<14}{:>8.1} s", self.gate.name, self.took.as_secs_f64())
    }
}

/// All rows, then every failure, then the verdict.
pub(crate) fn table(rows: &[Row], took: Duration) -> String {
    let mut text = format!("{:<16}{:<8}{:<14}{:>10}\n", "gate", "result", "passed", "time");
    for row in rows {
        text += &row.line();
        text += "\n";
    }
    for row in rows {
        for failure in &row.job.failures {
            line(&mut text, format_args!("{}: {failure}", row.gate.name));
        }
    }
    let failed = rows.iter().filter(|row| !row.passed()).count();
    let verdict = match (rows.len(), failed) {
        (0, _) => "FAIL: no gate was run".to_owned(),
        (all, 0) => format!("PASS: {all} of {all} gates"),
        (all, failed) => format!("FAIL: {failed} of {all} gates failed"),
    };
    line(&mut text, format_args!("{verdict}, {:.0} s", took.as_secs_f64()));
    text
}

/// The names of the gates, and what each is for.
pub(crate) fn list(gates: &[Gate]) -> String {
    let mut text = String::new();
    for gate in gates {
        line(&mut text, format_args!("{:<16}{}", gate.name, gate.about));
    }
    text
}

fn line(text: &mut String, what: std::fmt::Arguments<'_>) {
    writeln!(text, "{what}").expect("writing into a string can't fail");
}

#[cfg(test)]
mod tests {
    use super::super::gates::GATES;
    use super::*;

    fn row(cases: u64, failures: &[&str]) -> Row {
        let failures = failures.iter().map(|&text| text.to_owned()).collect();
        Row::new(&GATES[0], Job { cases, failures }, Duration::from_millis(1250))
    }

    #[test]
    fn good_rows_are_a_pass() {
        let text = table(&[row(3, &[]), row(1, &[])], Duration::from_secs(3));
        assert!(text.ends_with("PASS: 2 of 2 gates, 3 s\n"), "{text}");
        assert!(text.contains("ok      3 ") && text.contains(" 1.2 s"), "{text}");
    }

    #[test]
    fn one_failure_fails_the_run_and_is_named() {
        let text = table(&[row(3, &[]), row(1, &["the sky fell"])], Duration::from_secs(3));
        assert!(text.contains("the sky fell"), "{text}");
        assert!(text.ends_with("FAIL: 1 of 2 gates failed, 3 s\n"), "{text}");
    }

    #[test]
    fn a_gate_that_checks_nothing_and_a_run_without_gates_fail() {
        assert!(!row(0, &[]).passed());
        assert!(
            table(&[], Duration::ZERO).starts_with("gate") && {
                table(&[], Duration::ZERO).contains("FAIL: no gate was run")
            }
        );
    }

    #[test]
    fn the_list_has_a_line_for_each_gate() {
        let text = list(&GATES);
        assert_eq!(text.lines().count(), GATES.len());
        assert!(GATES.iter().all(|gate| text.contains(gate.about)));
    }
}
