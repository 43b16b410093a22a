//! The table of gates: what a change must pass, and the commands that show it.
//!
//! One row and one function for each gate. Runs nothing itself: the programs are started and
//! counted by `job`, and what they need to be there is seen to by `toolchain`.

use std::env;
use std::process::Command;

use super::job::Job;
use super::toolchain;
use crate::sh;

/// One row.
#[derive(Debug)]
pub(crate) struct Gate {
    /// As on the command line.
    pub(crate) name: &'static str,
    /// What it shows.
    pub(crate) about: &'static str,
    /// What its cases are: of one, and of several.
    units: [&'static str; 2],
    /// Does it all and notes what goes wrong.
    pub(crate) run: fn(&mut Job),
}

impl Gate {
    /// What to call so many cases.
    pub(crate) fn unit(&self, cases: u64) -> &'static str {
        self.units[usize::from(cases != 1)]
    }
}

const CHECKS: [&str; 2] = ["check", "checks"];
const TESTS: [&str; 2] = ["test", "tests"];
const RUNS: [&str; 2] = ["run", "runs"];

/// Every gate, in order: what fails most and fastest comes first.
pub(crate) static GATES: [Gate; 16] = [
    Gate { name: "fmt", about: "the code is formatted", units: CHECKS, run: fmt },
    Gate { name: "clippy", about: "no warnings, in any target", units: CHECKS, run: clippy },
    Gate { name: "docs", about: "the documentation has no warnings", units: CHECKS, run: docs },
    Gate {
        name: "doc-examples",
        about: "examples in the documentation and in README.md compile and run",
        units: TESTS,
        run: doc_examples,
    },
    Gate {
        name: "examples",
        about: "examples build, and embed ends well",
        units: CHECKS,
        run: examples,
    },
    Gate { name: "msrv", about: "all of it builds with the oldest Rust", units: CHECKS, run: msrv },
    Gate {
        name: "kqueue-types",
        about: "clippy for macOS and FreeBSD",
        units: ["target", "targets"],
        run: kqueue_types,
    },
    Gate {
        name: "kqueue-emulated",
        about: "poller, runtime and tests on kqueue's backend, its calls emulated",
        units: TESTS,
        run: kqueue_emulated,
    },
    Gate {
        name: "old-epoll",
        about: "poller and runtime on a kernel without epoll_pwait2",
        units: TESTS,
        run: old_epoll,
    },
    Gate {
        name: "old-guards",
        about: "stacks and runtime on a kernel without guards in page tables",
        units: TESTS,
        run: old_guards,
    },
    Gate {
        name: "loom",
        about: "the models of the protocols, exhaustively",
        units: TESTS,
        run: loom,
    },
    Gate {
        name: "panic-abort",
        about: "with panic = \"abort\" the library builds, serves and ends",
        units: RUNS,
        run: panic_abort,
    },
    Gate {
        name: "stress-10000",
        about: "10,000 clients connected at once, every byte verified",
        units: RUNS,
        run: stress_10000,
    },
    Gate {
        name: "stress-load",
        about: "100,000 messages as fast as they go",
        units: RUNS,
        run: stress_load,
    },
    Gate { name: "stress-kinds", about: "every scenario, small", units: RUNS, run: stress_kinds },
    Gate {
        name: "package",
        about: "each published package is complete and builds alone",
        units: ["package", "packages"],
        run: package,
    },
];

/// The packages that are published, lowest layer first.
const PUBLISHED: [&str; 3] = ["lif-coro", "lif-poller", "lif"];

/// What must be in each of them, beside the code.
const PAPERS: [&str; 3] = ["README.md", "LICENSE-APACHE", "LICENSE-MIT"];

/// Where kqueue is the backend. None of these can be run here.
const KQUEUE_TARGETS: [&str; 3] =
    ["x86_64-apple-darwin", "aarch64-apple-darwin", "x86_64-unknown-freebsd"];

/// Every package that has code for those, programs and tests included.
const KQUEUE_PACKAGES: [&str; 5] = ["lif-coro", "lif-poller", "lif", "lif-tests", "lif-stress"];

/// What comes after the options of clippy.
const DENY: [&str; 3] = ["--", "-D", "warnings"];

fn fmt(job: &mut Job) {
    job.case(sh::cargo("fmt").args(["--all", "--check"]));
}

fn clippy(job: &mut Job) {
    job.case(cargo("clippy").args(["--workspace", "--all-targets"]).args(DENY));
}

fn docs(job: &mut Job) {
    let mut doc = cargo("doc");
    job.case(flags(&mut doc, "RUSTDOCFLAGS", "-D warnings").args(["--workspace", "--no-deps"]));
}

fn doc_examples(job: &mut Job) {
    job.tests(cargo("test").args(["--workspace", "--doc", "--no-fail-fast"]));
}

fn examples(job: &mut Job) {
    if job.case(cargo("build").args(["--package", "lif", "--examples"])) {
        job.case(cargo("run").args(["--quiet", "--package", "lif", "--example", "embed"]));
    }
}

fn msrv(job: &mut Job) {
    if toolchain::minimum(job) {
        let mut check = toolchain::minimum_cargo("check");
        job.case(apart(&mut check, "msrv").args(["--workspace", "--all-targets"]));
    }
}

fn kqueue_types(job: &mut Job) {
    for target in KQUEUE_TARGETS {
        let Some(cross) = toolchain::cross(job, target) else { continue };
        let mut clippy = toolchain::clippy(cross, target);
        job.case(packages(&mut clippy, &KQUEUE_PACKAGES).arg("--all-targets").args(DENY));
    }
}

fn kqueue_emulated(job: &mut Job) {
    let mut test = cargo("test");
    apart(flags(&mut test, "RUSTFLAGS", "--cfg kq_emu"), "emu");
    job.tests(packages(&mut test, &["lif-poller", "lif", "lif-tests"]).arg("--no-fail-fast"));
}

fn old_epoll(job: &mut Job) {
    let mut test = cargo("test");
    test.env("LIF_NO_EPOLL_PWAIT2", "1").args(["--lib", "--tests", "--no-fail-fast"]);
    job.tests(packages(&mut test, &["lif-poller", "lif"]));
}

fn old_guards(job: &mut Job) {
    let mut test = cargo("test");
    test.env("LIF_STACK_GUARD", "mprotect").args(["--lib", "--tests", "--no-fail-fast"]);
    job.tests(packages(&mut test, &["lif-coro", "lif"]));
}

fn loom(job: &mut Job) {
    let mut test = cargo("test");
    apart(flags(&mut test, "RUSTFLAGS", "--cfg loom"), "loom");
    job.tests(test.args(["--package", "lif", "--release", "--lib", "--no-fail-fast"]));
}

/// The harness of `cargo test` can't be built like this, so programs are run instead.
fn panic_abort(job: &mut Job) {
    let abort = |command: &str| {
        let mut cargo = cargo(command);
        apart(&mut cargo, "abort").env("CARGO_PROFILE_DEV_PANIC", "abort").arg("--quiet");
        cargo
    };
    job.case(abort("run").args(["--package", "lif", "--example", "embed"]));
    job.case(abort("run").args(["--package", "lif-stress", "--", "--clients", "100"]));
}

fn stress_10000(job: &mut Job) {
    job.case(&mut stress("--clients 10000"));
}

fn stress_load(job: &mut Job) {
    job.case(&mut stress("--clients 1000 --messages 100 --batch-delay 0"));
}

fn stress_kinds(job: &mut Job) {
    for scenario in ["echo", "churn", "idle", "slow", "pipeline"] {
        job.case(&mut stress(&format!("--scenario {scenario} --clients 200")));
    }
}

fn package(job: &mut Job) {
    let mut all = cargo("package");
    packages(&mut all, &PUBLISHED).arg("--allow-dirty");
    if job.run(&mut all).is_none() {
        return;
    }
    for name in PUBLISHED {
        let mut list = cargo("package");
        list.args(["--quiet", "--list", "--allow-dirty", "--package", name]);
        let Some(files) = job.run(&mut list) else { continue };
        let missing = |paper: &&str| !files.lines().any(|file| file == *paper);
        match PAPERS.into_iter().filter(missing).collect::<Vec<_>>() {
            missing if missing.is_empty() => job.cases += 1,
            missing => job.fail(format!("the package {name} lacks {}", missing.join(", "))),
        }
    }
}

/// `cargo COMMAND` with the dependencies that are written down.
fn cargo(command: &str) -> Command {
    let mut cargo = sh::cargo(command);
    cargo.arg("--locked");
    cargo
}

/// `cargo xtask stress`, as a person types it.
fn stress(options: &str) -> Command {
    let mut stress = cargo("run");
    stress.args(["--quiet", "--package", "xtask", "--", "stress"]).args(options.split(' '));
    stress
}

fn packages<'a>(command: &'a mut Command, names: &[&str]) -> &'a mut Command {
    command.args(names.iter().flat_map(|name| ["--package", name]))
}

/// Builds in a folder of its own, because other flags would undo the builds of the others.
fn apart<'a>(command: &'a mut Command, folder: &str) -> &'a mut Command {
    command.env("CARGO_TARGET_DIR", sh::target(folder))
}

/// Adds to what the caller has set.
fn flags<'a>(command: &'a mut Command, variable: &str, more: &str) -> &'a mut Command {
    let set = env::var(variable).unwrap_or_default();
    command.env(variable, format!("{set} {more}").trim())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn names_are_unique_and_fit_the_table() {
        let names: HashSet<_> = GATES.iter().map(|gate| gate.name).collect();
        assert_eq!(names.len(), GATES.len());
        for gate in &GATES {
            assert!(gate.name.len() < 16 && !gate.name.contains(' '), "{}", gate.name);
            assert!(!gate.about.is_empty() && !gate.about.ends_with('.'), "{}", gate.name);
        }
    }

    #[test]
    fn one_case_is_not_several() {
        let types = GATES.iter().find(|gate| gate.name == "kqueue-types").unwrap();
        assert_eq!([0, 1, 3].map(|cases| types.unit(cases)), ["targets", "target", "targets"]);
    }

    #[test]
    fn every_published_package_is_in_the_workspace_and_no_other() {
        let unpublished = |folder: &str| {
            let manifest = sh::root().join(folder).join("Cargo.toml");
            std::fs::read_to_string(manifest).unwrap().contains("publish = false")
        };
        for (name, folder) in PUBLISHED.iter().zip(["coro", "poller", "runtime"]) {
            assert!(!unpublished(folder), "{name}");
        }
        assert!(["tests", "stress", "xtask"].into_iter().all(unpublished));
    }

    #[test]
    fn builds_with_other_flags_have_a_folder_of_their_own() {
        let mut test = cargo("test");
        apart(flags(&mut test, "RUSTFLAGS", "--cfg kq_emu"), "emu");
        let set = |name: &str| {
            let value = test.get_envs().find(|(key, _)| *key == name).and_then(|(_, value)| value);
            value.unwrap_or_default().to_string_lossy().into_owned()
        };
        assert!(set("RUSTFLAGS").ends_with("--cfg kq_emu"));
        assert!(set("CARGO_TARGET_DIR").ends_with("/emu"));
    }
}
