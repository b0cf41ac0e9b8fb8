//! What a detector's rule says of itself.

use std::sync::Arc;

use crate::detect::{
    alert::{AttackTag, RuleDescription, RuleKind},
    severity::Severity,
};

/// What a rule says of itself, as it is written down in the detector's file.
pub(super) struct Rule<'a> {
    /// A stable word.
    pub(super) id: &'a str,
    /// Its title.
    pub(super) name: &'a str,
    /// How grave what it finds is.
    pub(super) severity: Severity,
    /// What it finds.
    pub(super) description: &'a str,
    /// ATT&CK's tactics, by their short names.
    pub(super) tactics: &'a [&'a str],
    /// ATT&CK's techniques, by their ids.
    pub(super) techniques: &'a [&'a str],
    /// What else it may find.
    pub(super) false_positives: &'a [&'a str],
}

impl Rule<'_> {
    /// The same as alerts and lists show it.
    pub(super) fn describe(&self) -> Arc<RuleDescription> {
        let owned = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect();
        let tactics = self.tactics.iter();
        let techniques = self.techniques.iter();
        Arc::new(RuleDescription {
            id: self.id.to_owned(),
            name: self.name.to_owned(),
            kind: RuleKind::Detector,
            severity: self.severity,
            description: self.description.to_owned(),
            author: String::new(),
            license: String::new(),
            references: techniques.clone().map(|id| page(id)).collect(),
            false_positives: owned(self.false_positives),
            attack: tactics
                .map(|&tactic| AttackTag::Tactic(tactic.to_owned()))
                .chain(techniques.map(|&id| AttackTag::Technique(id.to_owned())))
                .collect(),
        })
    }
}

/// Where ATT&CK tells of a technique.
fn page(technique: &str) -> String {
    let path = technique.replace('.', "/");
    format!("https://attack.mitre.org/techniques/{path}/")
}
