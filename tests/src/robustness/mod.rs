//! Scenarios of a sensor that is stopped, started twice, misconfigured, refused or starved.

pub mod command;
mod configuration;
mod cost;
mod doctor;
mod host;
mod output;
pub mod recording;
mod stopping;

use crate::scenario::Scenario;
use crate::stage::Act;

/// The family's deeds.
pub const ACTS: &[&[Act]] = &[stopping::ACTS, output::ACTS, host::ACTS];

/// The family's scenarios.
pub const SCENARIOS: &[&[Scenario]] = &[
    stopping::SCENARIOS,
    output::SCENARIOS,
    host::SCENARIOS,
    configuration::SCENARIOS,
    recording::SCENARIOS,
    doctor::SCENARIOS,
    cost::SCENARIOS,
];
