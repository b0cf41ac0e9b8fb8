//! `cargo xtask run`: builds the sensor and shows live events of this host.

use std::ffi::OsString;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

use anyhow::{Context as _, Error};

use crate::{Ended, project, say, tool};

/// The arguments of `cargo xtask run`.
#[derive(clap::Args)]
pub(crate) struct RunArgs {
    /// More arguments for `sensor run`
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    args: Vec<OsString>,
}

/// Builds and becomes the sensor; returns only when that fails.
pub(crate) fn run(args: &RunArgs) -> Ended {
    let programs = project::build(project::cargo().args([
        "build",
        "--release",
        "--package",
        "sensor",
        "--bin",
        "sensor",
    ]))
    .context("cannot build the sensor")?;
    let sensor = programs
        .first()
        .context("cargo built no program called sensor")?;
    let mut command = if tool::is_root()? {
        Command::new(sensor)
    } else {
        say("loading programs into the kernel needs root: starting the sensor with sudo");
        let mut sudo = Command::new("sudo");
        sudo.arg(sensor);
        sudo
    };
    command.args(["run", "--output", "pretty"]).args(&args.args);
    // The sensor takes this process's place, so that signals and the exit status are its own.
    let error = Error::new(command.exec());
    let program = command.get_program().display();
    Err(error.context(format!("cannot start {program}; as root no sudo is needed")))
}
