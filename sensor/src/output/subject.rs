//! What a document is about, and how grave it is: what sinks choose by.

use sensor_common::record::{Family, Kind};

use super::{Content, Document};
use crate::{
    detect::severity::Severity,
    event::{Body, Verdict, state::Statement},
};

/// What a document is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Topic {
    /// An event of this kind.
    Event(Kind),
    /// What a rule found, at an event of any kind.
    Alert,
    /// The sensor itself; the `event.code`.
    Sensor(&'static str),
}

impl Topic {
    /// The `event.code`.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Event(kind) => kind.name(),
            Self::Alert => "alert",
            Self::Sensor(code) => code,
        }
    }

    /// The event family; none for alerts and for what the sensor says of itself.
    #[must_use]
    pub const fn family(self) -> Option<Family> {
        match self {
            Self::Event(kind) => Some(kind.family()),
            Self::Alert | Self::Sensor(_) => None,
        }
    }
}

impl Document<'_> {
    /// What it is about.
    #[must_use]
    pub fn topic(&self) -> Topic {
        match &self.content {
            Content::Event(observed) => Topic::Event(observed.event.kind()),
            Content::Alert(_) => Topic::Alert,
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
            Content::Alert(alerted) => alerted.alert.rule.severity,
            Content::Statement(stated) => match stated.statement {
                Statement::Lost(_) | Statement::Undelivered(_) => Severity::Medium,
                Statement::Started(_) | Statement::Tested | Statement::Stopped(_) => {
                    Severity::Informational
                }
            },
        }
    }
}
