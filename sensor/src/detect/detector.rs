//! Detectors: what looks at more than one event, or at more than a rule can say.

use std::sync::Arc;

use super::alert::{Alert, RuleDescription};
use crate::observed::Observed;

/// Looks at events one after another, in the order of their times, and keeps what it needs to know
/// of earlier ones, bounded.
pub trait Detector: Send {
    /// The rules under which it raises alerts.
    fn rules(&self) -> &[Arc<RuleDescription>];

    /// Looks at an event.
    fn inspect(&mut self, observed: &Observed<'_>, alerts: &mut Vec<Alert>);

    /// What it had no room for, by the limit's name.
    fn limits(&self, limit: &mut dyn FnMut(&'static str, u64));
}
