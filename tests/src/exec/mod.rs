//! Scenarios of the exec family: fork, exec, exit.

pub mod arguments;
mod files;
pub mod image;
mod life;
mod lineage;
pub mod many;
mod paths;
mod races;
pub mod spawn;
mod surroundings;

use crate::scenario::Scenario;
use crate::stage::Act;

/// The family's deeds.
pub const ACTS: &[&[Act]] = &[
    spawn::ACTS,
    life::ACTS,
    lineage::ACTS,
    many::ACTS,
    arguments::ACTS,
    paths::ACTS,
    files::ACTS,
    races::ACTS,
    surroundings::ACTS,
];

/// The family's scenarios.
pub const SCENARIOS: &[&[Scenario]] = &[
    life::SCENARIOS,
    lineage::SCENARIOS,
    many::SCENARIOS,
    arguments::SCENARIOS,
    paths::SCENARIOS,
    files::SCENARIOS,
    races::SCENARIOS,
    surroundings::SCENARIOS,
];
