//! `cargo xtask`: the commands of whoever changes the project.
//!
//! `run` shows live events, `test` proves a change on real kernels, `vm` boots one of them, `ebpf`
//! rebuilds the committed kernel programs, `bench` measures what the sensor costs, `receivers` tries its
//! sinks. Each sets up what it needs and says so on stderr; stdout is for what a command was asked to
//! show. Exit status: 0 fine, 1 failed at work, 2 wrong usage;
//! `vm` ends with the status of the command it ran.

#![forbid(unsafe_code)]

mod attacks;
mod bench;
mod debian;
mod ebpf;
mod oracle;
mod parallel;
mod project;
mod receivers;
mod run;
mod test;
mod tool;
mod vm;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(
    name = "cargo xtask",
    bin_name = "cargo xtask",
    about = "The maintainer's commands"
)]
struct Cli {
    #[command(subcommand)]
    command: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Build `sensor` and show live events of this host (asks for root through sudo)
    Run(run::RunArgs),
    /// Run the unit tests, then the scenarios on real kernels in virtual machines
    Test(test::TestArgs),
    /// Attack a Debian in a machine, and use it as its owners would: what is detected, what is not
    Attacks(attacks::AttacksArgs),
    /// Run the scenarios that need a Debian with systemd, in a virtual machine
    Debian(debian::DebianArgs),
    /// Try the sinks against real receivers, on this host
    Receivers(receivers::ReceiversArgs),
    /// Compare the verdicts of the Sigma engine with those of others, on random events
    Oracle(oracle::OracleArgs),
    /// Boot a real kernel in a virtual machine and run a command in it
    Vm(vm::VmArgs),
    /// Rebuild the committed object of the kernel programs, or prove that it is up to date
    Ebpf(ebpf::EbpfArgs),
    /// Measure what the sensor costs, and compare with what it may cost
    Bench(bench::BenchArgs),
}

fn main() -> ExitCode {
    let ended = match Cli::parse().command {
        Task::Run(args) => run::run(&args),
        Task::Test(args) => test::run(&args),
        Task::Attacks(args) => attacks::run(&args),
        Task::Debian(args) => debian::run(&args),
        Task::Receivers(args) => receivers::run(&args),
        Task::Oracle(args) => oracle::run(&args),
        Task::Vm(args) => vm::run(&args),
        Task::Ebpf(args) => ebpf::run(&args),
        Task::Bench(args) => bench::run(&args),
    };
    ended.unwrap_or_else(|error| {
        eprintln!("xtask: {error:#}");
        ExitCode::FAILURE
    })
}

/// Says on stderr what is being done, when that takes time or changes something.
fn say(text: impl std::fmt::Display) {
    eprintln!("xtask: {text}");
}

/// What a command comes to when nothing went wrong on the way.
type Ended = Result<ExitCode>;
