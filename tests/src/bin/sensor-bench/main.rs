//! What the sensor costs a machine: the part of `cargo xtask bench` that runs on that machine.
//!
//! Each bench starts `sensor run`, makes events, and prints what it measured as one JSON document;
//! times are in nanoseconds, which in a guest that counts instructions stand for instructions.
//! Progress goes to stderr. `xtask/src/bench` starts it, knows the goals and makes the tables.
//!
//! Operations are measured in a process of their own, a new one for each measurement: one that
//! loaded the sensor's programs has another memory layout, and another cost of a fork, than one that
//! did not. While the kernel's side is measured the sensor is stopped, so that nothing of its own
//! work is in the figure; its rings must have room for what happens meanwhile, and its totals prove
//! that they had.

#![forbid(unsafe_code)]

mod cgroup;
mod detect;
mod host;
mod latency;
mod lines;
mod maps;
mod memory;
mod operation;
mod output;
mod overhead;
mod population;
mod process;
mod replay;
#[allow(dead_code, reason = "the scenarios use more of it")]
#[path = "../../rung.rs"]
mod rung;
mod sensor;
mod start;
#[allow(dead_code, reason = "the scenarios use more of it")]
#[path = "../../tiny.rs"]
mod tiny;
mod userspace;
mod verifier;
mod worker;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};
use serde_json::Value;

#[derive(Parser)]
#[command(
    name = "sensor-bench",
    about = "Measures what the sensor costs this machine"
)]
struct Cli {
    #[command(flatten)]
    setting: sensor::Setting,
    #[command(subcommand)]
    bench: Bench,
}

#[derive(Subcommand)]
enum Bench {
    /// What each operation costs with the sensor and without
    Overhead(overhead::Arguments),
    /// What an event costs the sensor from the ring to its line
    Userspace(userspace::Arguments),
    /// The sensor's memory at its start and after many events
    Memory(memory::Arguments),
    /// How long the sensor takes until it watches
    Start(start::Arguments),
    /// What is remembered of many containers and processes, and what that costs
    Population(population::Arguments),
    /// How long an event takes to come out
    Latency(latency::Arguments),
    /// How many events a core writes down, in each format
    Output(output::Arguments),
    /// What detection costs an event, and that what it remembers is bounded
    Detect(detect::Arguments),
    /// What `sensor doctor` says on each rung of the ladder of hooks
    Verifier,
    /// One measurement, in a process of its own
    #[command(hide = true)]
    Worker(worker::Arguments),
    /// Makes events
    #[command(hide = true)]
    Load(worker::LoadArguments),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(&cli) {
        Ok(Some(result)) => {
            println!("{result}");
            ExitCode::SUCCESS
        }
        Ok(None) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("sensor-bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: &Cli) -> Result<Option<Value>> {
    let setting = &cli.setting;
    let figures = match &cli.bench {
        Bench::Overhead(arguments) => overhead::run(setting, arguments)?,
        Bench::Userspace(arguments) => userspace::run(setting, arguments)?,
        Bench::Memory(arguments) => memory::run(setting, arguments)?,
        Bench::Start(arguments) => start::run(setting, arguments)?,
        Bench::Population(arguments) => population::run(setting, arguments)?,
        Bench::Latency(arguments) => latency::run(setting, arguments)?,
        Bench::Output(arguments) => output::run(setting, arguments)?,
        Bench::Detect(arguments) => detect::run(arguments)?,
        Bench::Verifier => verifier::run(setting)?,
        Bench::Worker(arguments) => return worker::measure(arguments).map(|()| None),
        Bench::Load(arguments) => return worker::load(arguments).map(|()| None),
    };
    let release = rustix::system::uname();
    Ok(Some(serde_json::json!({
        "release": release.release().to_string_lossy(),
        "figures": figures,
    })))
}

/// Says what is being done: most of it takes longer than a reader's patience.
fn say(text: impl std::fmt::Display) {
    eprintln!("{text}");
}
