//! What a rule found.
//!
//! The custom keys (`cs1`, ...) have what the event has; a rule has keys of the sensor's own.

use super::{
    Context,
    keys::{self, Key},
    line::Line,
};
use crate::output::{Alerted, alerted, attack::Attack, labels::Labels};

/// An alert; `evidence` are the ids of the events behind it.
pub(super) fn alert(
    found: &Alerted<'_>,
    evidence: &[String],
    context: Context,
    line: &mut Line<'_>,
) {
    let alert = found.alert;
    let rule = &alert.rule;
    let event = found.observed.event;
    line.text(keys::MESSAGE, found.message());
    line.number(keys::COUNT, alert.count);
    line.number(Key::own("sensorRiskScore"), alert.risk_score());
    line.text(Key::own("sensorRuleId"), &rule.id);
    line.word(Key::own("sensorRuleKind"), alerted::kind(alert));
    line.text(Key::own("sensorRuleDescription"), &rule.description);
    line.text(Key::own("sensorRuleAuthor"), &rule.author);
    line.text(Key::own("sensorRuleLicense"), &rule.license);
    let mut references = rule.references.iter().map(String::as_str);
    let reference = references.find(|text| !text.is_empty());
    line.text(
        Key::own("sensorRuleReference"),
        reference.unwrap_or_default(),
    );
    let attack = Attack::of(&rule.attack);
    let tactics = attack.tactics.iter().map(|tactic| tactic.name);
    line.words(Key::own("sensorAttackTactics"), tactics);
    let techniques = attack.techniques.iter().map(|technique| technique.id);
    line.words(Key::own("sensorAttackTechniques"), techniques);
    let first = context.milliseconds(alert.first);
    line.number(Key::own("sensorFirst"), first);
    let evidence = evidence.iter().map(String::as_str);
    line.words(Key::own("sensorEvidence"), evidence);
    line.number(Key::own("sensorEvidenceCount"), alert.evidence_count);
    line.word(Key::own("sensorEventCode"), event.kind().name());
    let action = Labels::of_event(event).action;
    line.word(Key::own("sensorEventAction"), action);
    ancestors(found, line);
}

/// The processes that the one which acted comes from, nearest first.
fn ancestors(found: &Alerted<'_>, line: &mut Line<'_>) {
    line.pieces(Key::own("sensorAncestors"), |text| {
        for (index, ancestor) in found.ancestors().enumerate() {
            if index > 0 {
                text(" < ");
            }
            let image = ancestor.image.as_deref();
            text(match image {
                Some(image) if image.executable.is_empty() => &image.name,
                Some(image) => &image.executable,
                None => "",
            });
            text(&format!("[{}]", ancestor.id.tgid));
        }
    });
}
