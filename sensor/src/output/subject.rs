//! What a document is about, and how grave it is: what sinks choose by.

use sensor_common::record::{Family, Kind};

use super::{Content, Document};
use crate::event::{Body, Verdict, state::Statement};

/// What a document is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Topic {
    /// An event of this kind.
    Event(Kind),
    /// The sensor itself; the `event.code`.
    Sensor(&'static str),
}

impl Topic {
    /// The `event.code`.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Event(kind) => kind.name(),
            Self::Sensor(code) => code,
        }
    }

    /// The event family; none for what the sensor says of itself.
    #[must_use]
    pub const fn family(self) -> Option<Family> {
        match self {
            Self::Event(kind) => Some(kind.family()),
            Self::Sensor(_) => None,
        }
    }
}

/// How grave a document is. The words and numbers are OCSF's `severity_id`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Severity {
    /// What happens all the time.
    #[default]
    Informational = 1,
    /// What changes privileges or the kernel, as a rule for good reasons.
    Low = 2,
    /// What somebody should know: the sensor lost events.
    Medium = 3,
    /// What somebody should look at.
    High = 4,
    /// What must not happen.
    Critical = 5,
}

impl Severity {
    /// Every severity, the least grave first.
    pub const ALL: [Self; 5] = [
        Self::Informational,
        Self::Low,
        Self::Medium,
        Self::High,
        Self::Critical,
    ];

    /// The word for it in configuration and diagnostics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Informational => "informational",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }

    /// The severity with this number, if it is one.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number).checked_sub(1)?).copied()
    }

    /// Its number.
    #[must_use]
    pub const fn number(self) -> u8 {
        self as u8
    }
}

impl Document<'_> {
    /// What it is about.
    #[must_use]
    pub fn topic(&self) -> Topic {
        match &self.content {
            Content::Event(observed) => Topic::Event(observed.event.kind()),
            Content::Statement(stated) => Topic::Sensor(stated.statement.code()),
        }
    }

    /// How grave it is.
    #[must_use]
    pub fn severity(&self) -> Severity {
        match &self.content {
            Content::Event(observed) => match &observed.event.body {
                Body::CredentialDivergence(divergence)
                    if divergence.verdict == Verdict::Overwritten =>
                {
                    Severity::Critical
                }
                _ if observed.event.kind().family() == Family::Privilege => Severity::Low,
                _ => Severity::Informational,
            },
            Content::Statement(stated) => match stated.statement {
                Statement::Lost(_) | Statement::Undelivered(_) => Severity::Medium,
                Statement::Started(_) | Statement::Tested | Statement::Stopped(_) => {
                    Severity::Informational
                }
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn severities_have_ocsfs_numbers() {
        for severity in Severity::ALL {
            assert_eq!(Severity::from_number(severity.number()), Some(severity));
        }
        assert_eq!(Severity::from_number(0), None);
        assert_eq!(Severity::from_number(6), None);
        assert!(Severity::Informational < Severity::Critical);
    }
}
