//! Scenarios on a real kernel: each does a deed and asserts every field of what `sensor` tells of
//! it, against what the scenario itself knows.
//!
//! One sensor runs for all scenarios of a rung (a configuration of the sensor: see [`rung`]), but
//! for those that need a sensor of their own. Deeds are done in processes of their own: see
//! [`stage`]. The families of scenarios are [`exec`], [`network`], [`privilege`], [`enrich`], [`detect`]
//! and [`robustness`].

#![deny(unsafe_code)]

mod base64;
mod clock;
mod command_line;
mod compat;
mod contract;
mod detect;
mod enrich;
mod event;
mod exec;
mod expect;
mod host;
mod network;
mod place;
mod portrait;
mod privilege;
mod robustness;
mod rung;
mod runner;
mod scenario;
mod sensor;
mod stage;
mod stream;
#[allow(
    unsafe_code,
    reason = "system calls that no library wraps; each block says why it is sound"
)]
mod sys;
mod tiny;

use std::env;
use std::process::ExitCode;

use anyhow::Result;

use command_line::{CommandLine, USAGE, usual_rungs};
use host::Host;
use scenario::Scenario;
use stage::Act;

fn main() -> ExitCode {
    let mut words = env::args_os().skip(1);
    let done = if env::args_os().nth(1).is_some_and(|word| word == "act") {
        words.next();
        stage::play(all_acts(), words).map(|()| ExitCode::SUCCESS)
    } else {
        run(words.map(|word| word.to_string_lossy().into_owned()))
    };
    done.unwrap_or_else(|error| {
        eprintln!("sensor-scenarios: {error:#}");
        ExitCode::FAILURE
    })
}

fn run(words: impl Iterator<Item = String>) -> Result<ExitCode> {
    let wanted = match CommandLine::parse(words) {
        Ok(wanted) => wanted,
        Err(error) => {
            eprint!("sensor-scenarios: {error:#}\n{USAGE}");
            return Ok(ExitCode::from(2));
        }
    };
    if wanted.help {
        print!("{USAGE}");
        return Ok(ExitCode::SUCCESS);
    }
    let chosen: Vec<&Scenario> = all_scenarios()
        .filter(|scenario| wanted.wants(scenario.name))
        .collect();
    if wanted.list {
        for scenario in chosen {
            println!("{}", scenario.name);
        }
        return Ok(ExitCode::SUCCESS);
    }
    let passed = if wanted.rungs.is_empty() {
        runner::run(&chosen, usual_rungs(&Host::read()?))?
    } else {
        runner::run(&chosen, &wanted.rungs)?
    };
    Ok(if passed {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn all_scenarios() -> impl Iterator<Item = &'static Scenario> {
    [
        exec::SCENARIOS,
        network::SCENARIOS,
        privilege::SCENARIOS,
        enrich::SCENARIOS,
        detect::SCENARIOS,
        detect::BYPASSES,
        robustness::SCENARIOS,
    ]
    .into_iter()
    .flatten()
    .copied()
    .flatten()
}

fn all_acts() -> impl Iterator<Item = &'static Act> {
    [
        exec::ACTS,
        network::ACTS,
        privilege::ACTS,
        enrich::ACTS,
        detect::ACTS,
        robustness::ACTS,
    ]
    .into_iter()
    .flatten()
    .copied()
    .flatten()
}
