//! Starting programs: print what is started, run it, fail loudly.
//!
//! The only place where a task starts anything. Decides nothing about what to start.

use std::path::{self, Path, PathBuf};
use std::process::{Command, ExitCode, ExitStatus};
use std::{env, fmt, io};

/// A program that did not start or did not end well.
#[derive(Debug)]
pub(crate) struct Failure {
    line: String,
    why: Why,
}

#[derive(Debug)]
enum Why {
    NotStarted(io::Error),
    Ended(ExitStatus),
}

impl Failure {
    /// Says what failed, and returns the exit status that passes it on.
    pub(crate) fn report(&self) -> ExitCode {
        eprintln!("xtask: {self}");
        self.code()
    }

    /// The program's own status; 1 where it has none that is one.
    fn code(&self) -> ExitCode {
        match &self.why {
            Why::Ended(status) => status
                .code()
                .and_then(|code| u8::try_from(code).ok())
                .filter(|&code| code != 0)
                .map_or(ExitCode::FAILURE, ExitCode::from),
            Why::NotStarted(_) => ExitCode::FAILURE,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.why {
            Why::NotStarted(error) => write!(f, "could not start `{}`: {error}", self.line),
            Why::Ended(status) => write!(f, "`{}` failed: {status}", self.line),
        }
    }
}

/// `cargo COMMAND`, the cargo that runs this task, on this repository from wherever it is called.
pub(crate) fn cargo(command: &str) -> Command {
    let mut cargo = cargo_alone(command);
    cargo.arg("--manifest-path").arg(root().join("Cargo.toml"));
    cargo
}

/// `cargo COMMAND`, the cargo that runs this task, on no repository yet.
pub(crate) fn cargo_alone(command: &str) -> Command {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.arg(command);
    cargo
}

/// The folder of the repository.
pub(crate) fn root() -> &'static Path {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().expect("this package has its folder inside the repository")
}

/// The folder `name` beneath the one that builds go to.
pub(crate) fn target(name: &str) -> PathBuf {
    let target = env::var_os("CARGO_TARGET_DIR").filter(|target| !target.is_empty());
    let target = target.map_or_else(|| root().join("target"), PathBuf::from);
    path::absolute(&target).unwrap_or(target).join(name)
}

/// Runs to the end. Standard streams are inherited.
pub(crate) fn run(command: &mut Command) -> Result<(), Failure> {
    let line = announce(command);
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(Failure { line, why: Why::Ended(status) }),
        Err(error) => Err(Failure { line, why: Why::NotStarted(error) }),
    }
}

/// Runs as the last thing that this process does. On Unix it takes this process's place, so that
/// signals reach it directly and its exit status needs nobody to pass it on.
pub(crate) fn hand_over(command: &mut Command) -> Result<(), Failure> {
    #[cfg(unix)]
    {
        use std::os::unix::process::CommandExt;
        let line = announce(command);
        Err(Failure { line, why: Why::NotStarted(command.exec()) })
    }
    #[cfg(not(unix))]
    run(command)
}

/// Prints the command as a person would type it, on standard error.
pub(crate) fn announce(command: &Command) -> String {
    let line = line(command);
    eprintln!("$ {line}");
    line
}

/// The command as a person would type it, with the environment that it adds.
pub(crate) fn line(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or_default();
    let words = std::iter::once(program).chain(command.get_args());
    let set = command.get_envs().filter_map(|(name, value)| {
        Some(format!("{}={}", name.to_string_lossy(), quoted(&value?.to_string_lossy())))
    });
    set.chain(words.map(|word| quoted(&word.to_string_lossy()))).collect::<Vec<_>>().join(" ")
}

fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_=./:,+@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn a_good_end_is_ok() {
        run(&mut shell("exit 0")).unwrap();
    }

    #[test]
    fn a_bad_end_names_the_command_and_keeps_its_status() {
        let failure = run(&mut shell("exit 7")).unwrap_err();
        let text = failure.to_string();
        assert!(text.contains("sh -c 'exit 7'") && text.contains('7'), "{text}");
        assert_eq!(format!("{:?}", failure.code()), format!("{:?}", ExitCode::from(7)));
    }

    #[test]
    fn a_program_ended_by_a_signal_is_a_failure() {
        let failure = run(&mut shell("kill -TERM $$")).unwrap_err();
        assert_eq!(format!("{:?}", failure.code()), format!("{:?}", ExitCode::FAILURE));
    }

    #[test]
    fn a_program_that_does_not_exist_is_a_failure() {
        let failure = run(&mut Command::new("lif-no-such-program")).unwrap_err();
        assert!(failure.to_string().starts_with("could not start `lif-no-such-program`"));
    }

    #[test]
    fn a_line_can_be_typed_again() {
        let mut command = Command::new("/usr/bin/cargo");
        command.args(["run", "--", "--json", "a b.json", "", "it's"]);
        assert_eq!(line(&command), r"cargo run -- --json 'a b.json' '' 'it'\''s'");
    }

    #[test]
    fn a_line_shows_the_environment_that_is_set_and_not_what_is_removed() {
        let mut command = Command::new("cargo");
        command.arg("test").env("RUSTFLAGS", "--cfg loom").env_remove("RUSTC");
        assert_eq!(line(&command), "RUSTFLAGS='--cfg loom' cargo test");
    }

    #[test]
    fn a_target_folder_does_not_depend_on_the_current_one() {
        let target = target("emu");
        assert!(target.is_absolute() && target.ends_with("emu"), "{}", target.display());
    }

    #[test]
    fn the_root_holds_the_workspace() {
        assert!(root().join("xtask/Cargo.toml").exists() && root().join("Cargo.toml").exists());
    }
}
