//! Rules in the Sigma format (specification 2.1.0), compiled to a matcher of our own.
//!
//! - [`rule`]: a rule as it was written, its modifiers applied.
//! - [`correlation`]: a correlation as it was written.
//! - [`correlator`]: correlations of what rules found.
//! - [`filter`]: what suits rules to a place.
//! - [`reading`]: makes those of YAML; [`problem`]: what is wrong with one.
//! - [`describe`]: what alerts say of a rule.
//! - [`field`]: how a matcher sees an event.
//! - [`matcher`]: which rules match an event.
//! - [`trial`]: a rule, tried on an event that is made up.
//! - [`taxonomy`]: what rules' words mean for the sensor's events.
//! - [`ruleset`]: rules of files and directories, in force together.

pub mod correlation;
pub mod correlator;
pub mod describe;
pub mod field;
pub mod filter;
#[cfg(test)]
mod generator;
pub mod matcher;
pub mod problem;
pub mod reading;
pub mod rule;
pub mod ruleset;
pub mod taxonomy;
pub mod trial;
