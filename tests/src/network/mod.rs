//! Scenarios of the network family.

mod flow;
mod namespace;
mod pair;
mod puppet;
mod tcp;

use crate::scenario::Scenario;
use crate::stage::Act;

/// The family's deeds.
pub const ACTS: &[&[Act]] = &[puppet::ACTS];

/// The family's scenarios.
pub const SCENARIOS: &[&[Scenario]] = &[tcp::SCENARIOS, namespace::SCENARIOS];
