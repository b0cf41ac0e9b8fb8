//! Scenarios of the privilege family: credentials, namespaces, ptrace, and code that enters the
//! kernel.

pub mod changes;
pub mod code;
mod compat;
pub mod credentials;
mod deeds;
pub mod exec;
pub mod integrity;
pub mod kernel_memory;
mod namespaces;
mod ptrace;
pub mod subject;
mod user_namespaces;

use crate::scenario::Scenario;
use crate::stage::Act;

/// The family's deeds.
pub const ACTS: &[&[Act]] = &[deeds::ACTS, code::ACTS];

/// The family's scenarios.
pub const SCENARIOS: &[&[Scenario]] = &[
    changes::SCENARIOS,
    exec::SCENARIOS,
    namespaces::SCENARIOS,
    user_namespaces::SCENARIOS,
    ptrace::SCENARIOS,
    code::SCENARIOS,
    integrity::SCENARIOS,
    compat::SCENARIOS,
];
