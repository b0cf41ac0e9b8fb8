//! Which severities share a lane.

use crate::detect::severity::Severity;

/// A class of severities: what is evicted together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Class {
    /// What happens all the time.
    Informational,
    /// What is low.
    Low,
    /// What is medium.
    Medium,
    /// What is high or critical.
    High,
}

impl Class {
    /// Every class, the first one to be evicted first.
    pub(super) const ALL: [Self; 4] = [Self::Informational, Self::Low, Self::Medium, Self::High];

    pub(super) const fn of(severity: Severity) -> Self {
        match severity {
            Severity::Informational => Self::Informational,
            Severity::Low => Self::Low,
            Severity::Medium => Self::Medium,
            Severity::High | Severity::Critical => Self::High,
        }
    }

    /// How its segments' names begin.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Informational => "informational",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}
