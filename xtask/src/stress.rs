//! `cargo xtask stress`: builds the load programs and becomes them.
//!
//! Knows no option of theirs, so it never has to be changed when they are.

use std::ffi::OsString;

use crate::sh::{self, Failure};

/// Everything after `stress`, passed on as it is.
#[derive(clap::Args, Debug)]
#[command(disable_help_flag = true, disable_version_flag = true)]
pub(crate) struct Args {
    /// Options of the load programs; --help lists them
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "OPTIONS")]
    pub(crate) rest: Vec<OsString>,
}

/// Builds first, so that the time of the build is not in anyone's way; then hands the terminal, the
/// signals and the exit status over.
pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let package = ["--release", "--package", "lif-stress"];
    sh::run(sh::cargo("build").args(package))?;
    sh::hand_over(sh::cargo("run").arg("--quiet").args(package).arg("--").args(&args.rest))
}
