//! The sensor's sinks against what they are for: real receivers, on loopback, and doubles that
//! misbehave. `cargo xtask receivers` builds and starts this; it runs on the host itself, as root, and
//! the sensor watches a cgroup of the test's own only.
//!
//! - [`receiver`]: the programs that receive, how they are started and killed, and what they got.
//! - [`sink`]: what the sensor's configuration says of them, the one place that knows how to write it.
//! - [`sensor`]: the sensor, and what it costs meanwhile. [`workload`]: what it sees.
//! - [`judge`]: what arrived, compared with a witness: a file that the same sensor writes.
//! - [`scenario`]: what is tried.
//!
//! What cannot be tried here (no such program, no root, a kernel that refuses) is said and counted as
//! skipped, never as passed.

#![forbid(unsafe_code)]

mod certificate;
#[path = "../sensor-bench/cgroup.rs"]
mod cgroup;
mod daemon;
mod document;
mod judge;
mod place;
#[allow(dead_code, reason = "the benches use more of it")]
#[path = "../sensor-bench/process.rs"]
mod process;
mod receiver;
mod scenario;
mod sensor;
mod sink;
mod tail;
#[allow(dead_code, reason = "the scenarios use more of it")]
#[path = "../../tiny.rs"]
mod tiny;
mod verdict;
mod workload;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::{Parser, Subcommand};

use place::Place;
use scenario::Scenario;
use verdict::Verdicts;

#[derive(Parser)]
#[command(
    name = "sensor-receivers",
    about = "Tries the sensor's sinks against real receivers"
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run scenarios
    Try(Trying),
    /// Make processes
    #[command(hide = true)]
    Load(workload::Arguments),
}

/// What is tried, and with what.
#[derive(clap::Args)]
struct Trying {
    /// The sensor
    #[arg(long, default_value = "sensor")]
    sensor: PathBuf,
    /// A Python that has the packages of the receivers that are written in it
    #[arg(long, default_value = "python3")]
    python: PathBuf,
    /// The folder that Debian's syslog-ng is unpacked in, if it is not installed
    #[arg(long, value_name = "FOLDER")]
    syslog_ng: Option<PathBuf>,
    /// Only receivers whose name has this in it
    #[arg(long, value_name = "TEXT")]
    receiver: Option<String>,
    /// How many processes are made for `chaos`; each makes three events
    #[arg(long, default_value_t = 67_000)]
    processes: u32,
    /// Leave the files, also when all is well
    #[arg(long)]
    keep: bool,
    /// Which [default: all]
    #[arg(value_name = "SCENARIO")]
    scenarios: Vec<Scenario>,
}

fn main() -> ExitCode {
    match run() {
        Ok(status) => status,
        Err(error) => {
            eprintln!("sensor-receivers: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<ExitCode> {
    let trying = match Cli::parse().command {
        Command::Load(arguments) => {
            return workload::make(&arguments).map(|()| ExitCode::SUCCESS);
        }
        Command::Try(trying) => trying,
    };
    let mut verdicts = Verdicts::default();
    let place = Place::make(trying.keep).context("cannot make a folder for the files")?;
    let stage = scenario::Stage {
        place: &place,
        trying: &trying,
    };
    for scenario in Scenario::chosen(&trying.scenarios) {
        scenario.play(&stage, &mut verdicts);
    }
    if verdicts.any_failed() {
        place.keep();
    }
    Ok(verdicts.conclude())
}

/// Says what is being done: most of it takes longer than a reader's patience.
fn say(text: impl std::fmt::Display) {
    eprintln!("{text}");
}
