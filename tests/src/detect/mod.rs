//! Scenarios of detection: alerts as they go out, rules that change meanwhile, and what is found in spite
//! of [known ways around](bypass). What is detected of attacks is the affair of `sensor-attacks`.

mod alerts;
mod bypass;
mod reload;
pub mod watch;

pub use bypass::ACTS;

use crate::scenario::Scenario;

/// The family's scenarios, but for those of [`bypass::SCENARIOS`].
pub const SCENARIOS: &[&[Scenario]] = &[alerts::SCENARIOS, reload::SCENARIOS];

/// Those of known ways around, in their order: they share a sensor.
pub const BYPASSES: &[&[Scenario]] = bypass::SCENARIOS;
