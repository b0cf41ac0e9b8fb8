//! `cargo xtask oracle`: the sensor's Sigma engine and others on random events.
//!
//! `tests/oracle` is what compares them, in a workspace of its own. SigmaHQ's rules for Linux are looked
//! for beside the project; Tenzir is what `cargo xtask receivers --install` fetched, or what is on the
//! search path.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

use anyhow::Context as _;

use crate::{Ended, project, receivers, say, tool};

/// The arguments of `cargo xtask oracle`.
#[derive(clap::Args)]
pub(crate) struct OracleArgs {
    /// Directories of rules [default: rules, and ../shared/sigma/linux if it is there]
    #[arg(long, value_name = "DIRECTORY")]
    rules: Vec<PathBuf>,
    /// Tenzir's program; `none` to do without
    #[arg(long, value_name = "FILE")]
    tenzir: Option<PathBuf>,
    /// More arguments for the comparison: --seed, --events, --random-rules, --random-events
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    args: Vec<OsString>,
}

/// SigmaHQ's rules, beside the project.
const PUBLISHED: &str = "../shared/sigma/linux";

/// Builds and compares; ends with the comparison's status.
pub(crate) fn run(args: &OracleArgs) -> Ended {
    let root = project::root();
    let mut build = project::cargo();
    build
        .args(["build", "--release", "--locked", "--quiet"])
        .arg("--manifest-path")
        .arg(root.join("tests/oracle/Cargo.toml"))
        .arg("--target-dir")
        .arg(project::target().join("oracle"));
    say("building what compares the engines");
    let programs = project::build(&mut build).context("cannot build the comparison")?;
    let oracle = programs
        .first()
        .context("cargo built no program called oracle")?;
    let mut command = Command::new(oracle);
    command.current_dir(&root);
    if args.rules.is_empty() {
        command.arg("rules");
        if root.join(PUBLISHED).is_dir() {
            command.arg(PUBLISHED);
        } else {
            say(format_args!(
                "without SigmaHQ's rules: there is no {PUBLISHED}"
            ));
        }
    }
    command.args(&args.rules);
    let fetched = receivers::environment().join("bin/tenzir");
    let found = fetched.is_file().then_some(fetched);
    match args
        .tenzir
        .clone()
        .or(found)
        .or_else(|| tool::find("tenzir"))
    {
        Some(none) if none.as_os_str() == "none" => {}
        Some(tenzir) => {
            command.arg("--tenzir").arg(tenzir);
        }
        None => say("without Tenzir: `cargo xtask receivers --install` fetches it"),
    }
    let status = command
        .args(&args.args)
        .status()
        .with_context(|| format!("cannot start {}", oracle.display()))?;
    Ok(if status.success() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
