//! What the user types.
//!
//! Data goes to standard output, everything else to standard error. The exit status is 0 if all
//! went well, 1 if something failed at work, 2 if the usage or the configuration is wrong.

mod config;
mod delivery;
mod detection;
mod doctor;
mod enrichment;
mod inputs;
mod instance;
mod output;
mod replay;
mod report;
mod rules;
mod run;
mod sinks;
mod stdout;

use std::{path::PathBuf, process::ExitCode};

use clap::{Args, Parser, Subcommand};

use crate::{memory, output::FormatChoice};

/// Watches a Linux host from inside its kernel: exec, network and privilege events
#[derive(Debug, Parser)]
#[command(version, disable_help_subcommand = true, max_term_width = 100)]
struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Watch, and write events to the sinks, or standard output, until SIGTERM or SIGINT
    Run(RunArguments),
    /// Say what this kernel allows, which hook each event uses, and what is missing
    Doctor(DoctorArguments),
    /// Write the events of a recording
    Replay(ReplayArguments),
    /// Check or show the configuration
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Try the sinks
    #[command(subcommand)]
    Output(OutputCommand),
    /// Check, list or test rules
    #[command(subcommand)]
    Rules(rules::RulesCommand),
}

/// The arguments of `sensor run`.
#[derive(Args, Debug)]
struct RunArguments {
    /// The configuration [default: /etc/sensor/sensor.toml, if it is there]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The format on standard output [default: pretty on a terminal, else json]; with sinks
    /// configured nothing is written there but with this
    #[arg(long, value_name = "FORMAT")]
    output: Option<FormatChoice>,
    /// Watch only this cgroup and what is below it
    #[arg(long, value_name = "PATH")]
    scope_cgroup: Option<PathBuf>,
    /// Also keep what the kernel says in a new file, for `sensor replay`
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
}

/// The arguments of `sensor doctor`.
#[derive(Args, Debug)]
struct DoctorArguments {
    /// One JSON object instead of a table
    #[arg(long)]
    json: bool,
    /// The configuration [default: /etc/sensor/sensor.toml, if it is there]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// As it would be with this scope
    #[arg(long, value_name = "PATH")]
    scope_cgroup: Option<PathBuf>,
}

/// The arguments of `sensor replay`.
#[derive(Args, Debug)]
struct ReplayArguments {
    /// A recording of `sensor run --record`
    file: PathBuf,
    /// The format [default: pretty on a terminal, else json]
    #[arg(long, value_name = "FORMAT")]
    output: Option<FormatChoice>,
    /// Also try these rules: files, or directories of them (may be repeated)
    #[arg(long, value_name = "PATH")]
    rules: Vec<PathBuf>,
    /// Only the events, no alerts
    #[arg(long, conflicts_with_all = ["rules", "config"])]
    events_only: bool,
    /// What it says of detection is in force [default: the rules and detectors that the sensor brings
    /// along]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Say every error of a configuration, with its line
    Check {
        /// The file [default: /etc/sensor/sensor.toml]
        file: Option<PathBuf>,
    },
    /// Write the configuration in force, every key with its meaning
    Show {
        /// The configuration [default: /etc/sensor/sensor.toml, if it is there]
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
    },
}

#[derive(Debug, Subcommand)]
enum OutputCommand {
    /// Send one event through each sink, and say what the receiver answered
    Test {
        /// The configuration [default: /etc/sensor/sensor.toml, if it is there]
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
    },
}

/// Exit status for a failure at work.
const FAILED: u8 = 1;

/// Exit status for wrong usage or configuration.
const WRONG_USAGE: u8 = 2;

/// Does what the user typed.
#[must_use]
pub fn main() -> ExitCode {
    memory::share_one_heap();
    match CommandLine::parse().command {
        Command::Run(arguments) => run::run(&arguments),
        Command::Doctor(arguments) => doctor::doctor(&arguments),
        Command::Replay(arguments) => replay::replay(&arguments),
        Command::Config(ConfigCommand::Check { file }) => config::check(file.as_deref()),
        Command::Config(ConfigCommand::Show { config }) => config::show(config.as_deref()),
        Command::Output(OutputCommand::Test { config }) => output::test(config.as_deref()),
        Command::Rules(command) => rules::rules(&command),
    }
}

/// Says on standard error what went wrong. A standard error that cannot be written to leaves
/// nobody to tell.
fn say(what: impl std::fmt::Display) {
    use std::io::Write as _;
    let _ = writeln!(std::io::stderr(), "sensor: {what}");
}

/// Says what went wrong, and gives the exit status of a failure at work.
fn fail(what: impl std::fmt::Display) -> ExitCode {
    say(what);
    ExitCode::from(FAILED)
}

/// Says what is wrong with the usage or configuration, and gives the exit status for that.
fn refuse(what: impl std::fmt::Display) -> ExitCode {
    say(what);
    ExitCode::from(WRONG_USAGE)
}
