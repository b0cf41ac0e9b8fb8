//! What every format says of an alert in the same words.

use super::Alerted;
use crate::{
    detect::alert::{Alert, RuleKind},
    process::lineage::Ancestor,
};

/// Most ancestors of the process that an alert tells of, nearest first.
pub(super) const ANCESTORS_TOLD: usize = 8;

/// What a rule is called that has neither a title nor an id.
const NAMELESS: &str = "rule without a name";

impl<'a> Alerted<'a> {
    /// The rule's title, which there always is.
    pub(super) fn title(&self) -> &'a str {
        let rule = &self.alert.rule;
        let names = [&*rule.name, &*rule.id, NAMELESS];
        let mut names = names.into_iter().filter(|name| !name.is_empty());
        names.next().unwrap_or(NAMELESS)
    }

    /// The reason, or the rule's title where there is none.
    pub(super) fn message(&self) -> &'a str {
        match &*self.alert.reason {
            "" => self.title(),
            reason => reason,
        }
    }

    /// The processes that the one which acted comes from.
    pub(super) fn ancestors(&self) -> impl Iterator<Item = &'a Ancestor> {
        let process = self.observed.process.into_iter();
        process
            .flat_map(|process| process.lineage.ancestors())
            .take(ANCESTORS_TOLD)
    }
}

/// The word for what kind of rule it is.
pub(super) fn kind(alert: &Alert) -> &'static str {
    match alert.rule.kind {
        RuleKind::Sigma => "sigma",
        RuleKind::Correlation => "correlation",
        RuleKind::Detector => "detector",
    }
}

/// Which rules it is one of: those in the Sigma format, or the sensor's own detectors.
pub(super) fn ruleset(alert: &Alert) -> &'static str {
    match alert.rule.kind {
        RuleKind::Sigma | RuleKind::Correlation => "sigma",
        RuleKind::Detector => "sensor",
    }
}
