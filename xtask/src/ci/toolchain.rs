//! Toolchains and targets that gates need, beyond the one that runs them.
//!
//! Only asks for what is missing, and says what to do if it can't be had. Installs through rustup
//! alone; packages of the system are the business of whoever set the machine up (`.ci/run` does it).

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::job::Job;
use crate::sh;

/// The oldest Rust that the packages claim to build with: `rust-version` of the workspace.
pub(crate) const MINIMUM: &str = env!("CARGO_PKG_RUST_VERSION");

/// How to compile for a target that this machine can't run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cross {
    /// The running toolchain has its standard library.
    Installed,
    /// Debian's toolchain builds the standard library from Debian's source.
    Debian,
}

/// Finds a way to compile for `target`.
pub(crate) fn cross(job: &mut Job, target: &str) -> Option<Cross> {
    let has = |target: &str| {
        answer(rustup(&["target", "list", "--installed"])).lines().any(|line| line == target)
    };
    if has(target) || (succeeds(rustup(&["target", "add", target])) && has(target)) {
        return Some(Cross::Installed);
    }
    if debian_source().is_some() {
        return Some(Cross::Debian);
    }
    job.fail(format!(
        "there is no standard library for {target}: `rustup target add {target}` did not work, and \
         Debian's rustc-web, cargo-web, rust-web-src and rust-web-clippy are not installed"
    ));
    None
}

/// Makes sure that the oldest Rust is there.
pub(crate) fn minimum(job: &mut Job) -> bool {
    let version = ["run", MINIMUM, "cargo", "--version"];
    if quietly(rustup(&version))
        || (succeeds(rustup(&["toolchain", "install", MINIMUM, "--profile", "minimal"]))
            && quietly(rustup(&version)))
    {
        return true;
    }
    job.fail(format!(
        "Rust {MINIMUM} is not here, and `rustup toolchain install {MINIMUM}` did not work"
    ));
    false
}

/// `cargo COMMAND` of the oldest Rust.
pub(crate) fn minimum_cargo(command: &str) -> Command {
    let mut cargo = rustup(&["run", MINIMUM, "cargo", command]);
    // They name the toolchain that runs this task.
    cargo.env_remove("CARGO").env_remove("RUSTC").env_remove("RUSTDOC");
    cargo.arg("--locked").arg("--manifest-path").arg(sh::root().join("Cargo.toml"));
    cargo
}

/// `cargo clippy --target TARGET`, without what comes after.
///
/// Nothing is linked, so C code of development tools (criterion's) needs no cross compiler: one
/// that does nothing will do.
pub(crate) fn clippy(cross: Cross, target: &str) -> Command {
    let mut clippy = match cross {
        Cross::Installed => sh::cargo("clippy"),
        Cross::Debian => debian_clippy(),
    };
    for tool in ["CC", "AR"] {
        clippy.env(format!("{tool}_{}", target.replace('-', "_")), "true");
    }
    clippy.args(["--locked", "--target", target]);
    clippy
}

/// By its full path, because Debian's cargo would start rustup's cargo-clippy if it sees one.
fn debian_clippy() -> Command {
    let mut clippy = Command::new("/usr/bin/cargo-clippy");
    clippy.args(["clippy", "-Zbuild-std", "--manifest-path"]).arg(sh::root().join("Cargo.toml"));
    for name in ["CARGO", "RUSTC", "RUSTDOC", "RUSTUP_TOOLCHAIN", "LD_LIBRARY_PATH"] {
        clippy.env_remove(name);
    }
    clippy.env("PATH", "/usr/bin:/bin").env("RUSTC_BOOTSTRAP", "1");
    // The standard library's debug information would be most of the work.
    clippy.env("CARGO_PROFILE_DEV_DEBUG", "0").env("CARGO_TARGET_DIR", sh::target("debian"));
    clippy
}

/// Where Debian's rustc finds the source of its standard library.
fn debian_source() -> Option<PathBuf> {
    let mut rustc = Command::new("/usr/bin/rustc");
    rustc.args(["--print", "sysroot"]);
    let sysroot = answer(rustc);
    let source = Path::new(sysroot.trim()).join("lib/rustlib/src/rust/library/Cargo.lock");
    let complete = Path::new("/usr/bin/cargo-clippy").exists() && source.exists();
    complete.then_some(source)
}

fn rustup(words: &[&str]) -> Command {
    let mut rustup = Command::new("rustup");
    rustup.args(words).stdin(Stdio::null());
    rustup
}

/// What it writes; nothing if it fails or isn't there.
fn answer(mut command: Command) -> String {
    match command.stderr(Stdio::null()).output() {
        Ok(output) if output.status.success() => {
            String::from_utf8_lossy(&output.stdout).into_owned()
        }
        _ => String::new(),
    }
}

/// Runs it for all to see.
fn succeeds(mut command: Command) -> bool {
    sh::run(&mut command).is_ok()
}

/// Whether it works, and nothing else.
fn quietly(mut command: Command) -> bool {
    command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|s| s.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_minimum_is_that_of_the_workspace() {
        let manifest = std::fs::read_to_string(sh::root().join("Cargo.toml")).unwrap();
        assert!(manifest.contains(&format!("rust-version = \"{MINIMUM}\"")));
    }

    #[test]
    fn no_compiler_for_c_is_asked_for() {
        let clippy = clippy(Cross::Installed, "aarch64-apple-darwin");
        let set = |name: &str| clippy.get_envs().any(|(key, value)| key == name && value.is_some());
        assert!(set("CC_aarch64_apple_darwin") && set("AR_aarch64_apple_darwin"));
    }
}
