//! Known ways around sensors, each with the alert that it raises all the same: `T1` to `T20` of
//! `docs/bypasses.md`.
//!
//! What is done is done by the deeds of the other families, whose scenarios compare the events. Here it
//! is what a rule or a detector looks for, and the alerts are compared. What a rung does not see is
//! claimed to be not seen.
//!
//! - [`names`]: T1, T2, T4, T5, T6, of paths and files.
//! - [`arguments`]: T7, T16.
//! - [`many`]: T8, T9, T17, among many others.
//! - [`network`]: T3, T10, by other calls.
//! - [`rights`]: T11, T13, of credentials and the kernel.
//! - [`tampering`]: T12, with the sensor itself.
//! - [`lineage`]: T14, of ancestors that are hard to tell.
//! - [`containers`]: T15, T20.
//! - [`hooks`]: T18, without hooks.
//!
//! T19 is about what is learned, which no rule here does.

mod arguments;
mod containers;
mod hooks;
mod lineage;
mod many;
mod names;
mod network;
mod rights;
mod tampering;

use crate::scenario::{Context, Scenario};
use crate::sensor::Sensor;
use crate::stage::Act;

/// The deeds.
pub const ACTS: &[&[Act]] = &[lineage::ACTS, tampering::ACTS];

/// The scenarios.
pub const SCENARIOS: &[&[Scenario]] = &[
    names::SCENARIOS,
    network::SCENARIOS,
    arguments::SCENARIOS,
    many::SCENARIOS,
    rights::SCENARIOS,
    tampering::SCENARIOS,
    lineage::SCENARIOS,
    containers::SCENARIOS,
    hooks::SCENARIOS,
];

/// Whether the sensor sees a kind of event on this rung; notes it if not, for then it finds nothing by
/// it.
fn sees(context: &Context<'_>, sensor: &Sensor, code: &str) -> bool {
    let sees = sensor.means(code).is_some();
    if !sees {
        context.note(format!("{code} is not hooked, so nothing is found by it"));
    }
    sees
}
