//! What a rule says of itself, as alerts and lists show it.

use super::rule::{Header, Level};
use crate::detect::{
    alert::{AttackTag, RuleDescription, RuleKind},
    severity::Severity,
};

/// The tactics of ATT&CK's matrix for enterprises, by their short names: those that were, and those
/// that are.
const TACTICS: [&str; 16] = [
    "reconnaissance",
    "resource-development",
    "initial-access",
    "execution",
    "persistence",
    "privilege-escalation",
    "defense-evasion",
    "stealth",
    "defense-impairment",
    "credential-access",
    "discovery",
    "lateral-movement",
    "collection",
    "command-and-control",
    "exfiltration",
    "impact",
];

impl RuleDescription {
    /// Describes a rule by its header. One without a level is of medium severity; one without an id
    /// goes by its name, or else by its title.
    #[must_use]
    pub fn of_header(header: &Header, kind: RuleKind) -> Self {
        let id = header.id.as_ref().or(header.name.as_ref());
        Self {
            id: id.unwrap_or(&header.title).clone(),
            name: header.title.clone(),
            kind,
            severity: header.level.map_or(Severity::Medium, severity),
            description: header.description.clone(),
            author: header.author.clone(),
            license: header.license.clone(),
            references: header.references.clone(),
            false_positives: header.false_positives.clone(),
            attack: header.tags.iter().filter_map(|tag| attack(tag)).collect(),
        }
    }
}

/// A level's severity.
fn severity(level: Level) -> Severity {
    match level {
        Level::Informational => Severity::Informational,
        Level::Low => Severity::Low,
        Level::Medium => Severity::Medium,
        Level::High => Severity::High,
        Level::Critical => Severity::Critical,
    }
}

/// What a tag says of ATT&CK; none if that is nothing, or a group or a piece of software.
fn attack(tag: &str) -> Option<AttackTag> {
    let tag = tag.trim().to_ascii_lowercase();
    let name = tag.strip_prefix("attack.")?.replace('_', "-");
    if TACTICS.contains(&name.as_str()) {
        return Some(AttackTag::Tactic(name));
    }
    is_technique(&name).then(|| AttackTag::Technique(name.to_ascii_uppercase()))
}

/// `t1059` or `t1059.004`.
fn is_technique(name: &str) -> bool {
    let digits = |text: &str, count| {
        text.len() == count && text.bytes().all(|letter| letter.is_ascii_digit())
    };
    name.strip_prefix('t')
        .is_some_and(|number| match number.split_once('.') {
            Some((technique, part)) => digits(technique, 4) && digits(part, 3),
            None => digits(number, 4),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attacks(tags: &[&str]) -> Vec<AttackTag> {
        let header = Header {
            tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
            ..Header::default()
        };
        RuleDescription::of_header(&header, RuleKind::Sigma).attack
    }

    #[test]
    fn tags_of_attack_are_tactics_and_techniques() {
        let tactic = |name: &str| AttackTag::Tactic(name.to_owned());
        let technique = |name: &str| AttackTag::Technique(name.to_owned());
        assert_eq!(
            attacks(&[
                "attack.t1059.004",
                "attack.T1059",
                "attack.privilege-escalation",
                "attack.privilege_escalation",
                "attack.command-and-control",
                "attack.stealth",
            ]),
            [
                technique("T1059.004"),
                technique("T1059"),
                tactic("privilege-escalation"),
                tactic("privilege-escalation"),
                tactic("command-and-control"),
                tactic("stealth"),
            ]
        );
    }

    #[test]
    fn other_tags_are_none() {
        let others = [
            "cve.2021-44228",
            "attack.g0016",
            "attack.s0154",
            "attack.t1059.4",
            "attack.t105",
            "attack.t1059.",
            "attack.",
            "detection.threat-hunting",
            "t1059",
        ];
        assert_eq!(attacks(&others), []);
    }

    #[test]
    fn what_a_header_lacks_has_a_place_holder() {
        let mut header = Header {
            title: "A title".to_owned(),
            ..Header::default()
        };
        let describe = |header: &Header| RuleDescription::of_header(header, RuleKind::Sigma);
        assert_eq!(describe(&header).severity, Severity::Medium);
        assert_eq!(describe(&header).id, "A title");
        header.name = Some("a_name".to_owned());
        assert_eq!(describe(&header).id, "a_name");
        header.id = Some("an id".to_owned());
        header.level = Some(Level::Critical);
        assert_eq!(describe(&header).id, "an id");
        assert_eq!(describe(&header).severity, Severity::Critical);
    }
}
