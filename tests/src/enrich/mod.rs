//! Scenarios of who it was: containers, names and digests.

pub mod cgroup;
mod containers;
mod hash_limits;
mod hashes;
mod names;
mod replay;
mod runtime;
mod runtimes;

use crate::scenario::Scenario;
use crate::stage::Act;

/// The family's deeds.
pub const ACTS: &[&[Act]] = &[
    hashes::ACTS,
    hash_limits::ACTS,
    containers::ACTS,
    names::ACTS,
];

/// The family's scenarios.
pub const SCENARIOS: &[&[Scenario]] = &[
    hashes::SCENARIOS,
    hash_limits::SCENARIOS,
    runtimes::SCENARIOS,
    containers::SCENARIOS,
    names::SCENARIOS,
    replay::SCENARIOS,
];
