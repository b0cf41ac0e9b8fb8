//! A hostile rule.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{Place, hostile::Hostile};
use crate::{
    detect::{
        alert::{Alert, AttackTag, RuleDescription, RuleKind},
        severity::Severity,
    },
    event::Origin,
};

/// An alert of a rule that is hostile in all that it says, and where that is expected.
pub(super) fn alert(hostile: &Hostile, event: Origin) -> (Alert, Vec<(Place, Value)>) {
    let references: Vec<String> = [hostile.string(5), hostile.string(6)]
        .into_iter()
        .filter(|text| !text.is_empty())
        .collect();
    let rule = RuleDescription {
        id: hostile.string(0),
        name: hostile.string(1),
        kind: RuleKind::Sigma,
        severity: Severity::High,
        description: hostile.string(3),
        author: hostile.string(4),
        license: hostile.string(7),
        references: references.clone(),
        false_positives: vec![hostile.string(1)],
        attack: vec![
            AttackTag::Tactic(hostile.string(2)),
            AttackTag::Technique(hostile.string(3)),
        ],
    };
    let or = |text: String, other: &String| match text.is_empty() {
        true => other.clone(),
        false => text,
    };
    let nameless = "rule without a name".to_owned();
    let title = or(rule.name.clone(), &or(rule.id.clone(), &nameless));
    let alert = Alert::single(Arc::new(rule), hostile.string(2), event);
    let reason = or(alert.reason.clone(), &title);
    let expected = vec![
        (Place::Action, json!("rule_detection")),
        (Place::Rule, json!(title)),
        (Place::RuleDescription, json!(hostile.string(3))),
        (Place::RuleAuthor, json!(hostile.string(4))),
        (Place::RuleLicense, json!(hostile.string(7))),
        (Place::RuleReferences, json!(references)),
        (Place::Reason, json!(reason)),
    ];
    (alert, expected)
}
