//! Scenarios of detection: alerts as they go out, and rules that change meanwhile. What is detected is
//! the affair of `sensor-attacks`.

mod alerts;
mod reload;

use crate::scenario::Scenario;

/// The family's scenarios.
pub const SCENARIOS: &[&[Scenario]] = &[alerts::SCENARIOS, reload::SCENARIOS];
