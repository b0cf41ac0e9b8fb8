//! What is detected, and what is not: `cargo xtask attacks` boots a Debian with systemd as its first
//! process, and this runs in it. It uses the host as its owners would ([`benign`]), then attacks it in
//! each of the ways in [`attacks`], and counts what the sensor's rules and detectors said of both.
//!
//! - [`attacker`]: the host that attacks come from and connect to, an address of this machine.
//! - [`victim`]: the accounts, servers and containers that are attacked.
//! - [`watch`]: the sensor, and its alerts.
//! - [`report`]: what came of it.

#![forbid(unsafe_code)]

mod attacker;
mod attacks;
mod benign;
mod report;
mod victim;
mod watch;

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use clap::Parser;

use attacks::Attack;
use report::{Attacked, Report};
use watch::Watch;

/// The longest that an attack may take.
const LONGEST: Duration = Duration::from_secs(180);

#[derive(Parser)]
struct Arguments {
    /// Minutes of ordinary use
    #[arg(long, default_value_t = 3)]
    benign: u64,
    /// Only attacks with this in their name; none but ordinary use with `none`
    names: Vec<String>,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("sensor-attacks: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<bool> {
    let is_chosen = |attack: &&Attack| {
        arguments.names.is_empty()
            || arguments
                .names
                .iter()
                .any(|name| attack.name.contains(name.as_str()))
    };
    victim::prepare()?;
    attacker::listen()?;
    let mut watch = Watch::begin()?;
    let mut report = Report::default();
    // First, so that no alert about it is an attack's after-effect.
    if arguments.benign > 0 {
        let began = watch.mark()?;
        let used = benign::use_host(Duration::from_secs(arguments.benign * 60))?;
        watch.mark()?;
        report.used(used, watch.alerts_since(began));
    }
    for attack in attacks::all().filter(is_chosen) {
        let began = watch.mark()?;
        watch.seen();
        let ended = victim::run(attack.name, attack.user, attack.script, LONGEST)?;
        watch.mark()?;
        let alerts = watch.alerts_since(began);
        report.attacked(Attacked {
            attack,
            alerts,
            ended,
            seen: watch.seen(),
        });
    }
    watch.end()?;
    Ok(report.print())
}
