//! What an alert says: which rule, how grave, why, and the events behind it.

use std::sync::Arc;

use super::severity::Severity;
use crate::{clock::BootTime, event::Origin};

/// Most events that an alert names as evidence.
pub const EVIDENCE_MAX: usize = 16;

/// A rule, as alerts and lists show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleDescription {
    /// Its id: a UUID for Sigma rules, a word for detectors.
    pub id: String,
    /// Its title.
    pub name: String,
    /// What kind of rule it is.
    pub kind: RuleKind,
    /// How grave what it finds is.
    pub severity: Severity,
    /// What it finds.
    pub description: String,
    /// Who wrote it; empty if it does not say.
    pub author: String,
    /// Under which licence; empty if it does not say.
    pub license: String,
    /// Where to read more.
    pub references: Vec<String>,
    /// What else it may find.
    pub false_positives: Vec<String>,
    /// The ATT&CK tactics and techniques.
    pub attack: Vec<AttackTag>,
}

/// What kind of rule raises an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RuleKind {
    /// A Sigma rule.
    Sigma,
    /// A Sigma correlation.
    Correlation,
    /// A stateful detector.
    Detector,
}

/// What ATT&CK calls it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum AttackTag {
    /// A tactic by its short name: `privilege-escalation`.
    Tactic(String),
    /// A technique or sub-technique by its id: `T1059.004`.
    Technique(String),
}

/// A rule found something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alert {
    /// Which rule.
    pub rule: Arc<RuleDescription>,
    /// One sentence for people: what was seen, with the values that decided.
    pub reason: String,
    /// The events behind it, oldest first, at most [`EVIDENCE_MAX`]; the last is the one that the
    /// alert is raised at.
    pub evidence: Vec<Origin>,
    /// How many events were behind it, of which those are some.
    pub evidence_count: u64,
    /// How many times the same was found since it was last said, this time included.
    pub count: u64,
    /// When the first of those was found.
    pub first: BootTime,
    /// How many alerts the rule had raised at the same event before.
    pub ordinal: u32,
    /// Of a correlation: what its events have in common, by the names in `group-by`.
    pub group: Vec<(String, String)>,
}

impl Alert {
    /// A rule found something in one event.
    #[must_use]
    pub fn single(rule: Arc<RuleDescription>, reason: String, event: Origin) -> Self {
        Self {
            rule,
            reason,
            evidence: vec![event],
            evidence_count: 1,
            count: 1,
            first: event.time,
            ordinal: 0,
            group: Vec::new(),
        }
    }

    /// ECS's `event.risk_score`, 0 to 100: as Elastic's rules have it for their severities.
    #[must_use]
    pub fn risk_score(&self) -> u8 {
        match self.rule.severity {
            Severity::Informational => 5,
            Severity::Low => 21,
            Severity::Medium => 47,
            Severity::High => 73,
            Severity::Critical => 99,
        }
    }
}
