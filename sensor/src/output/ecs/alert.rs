//! `rule`, `threat`, `sensor.alert`, and what an alert's `event` says: what was found.

use super::{Context, lineage};
use crate::{
    event::Event,
    output::{
        Alerted, alerted,
        attack::{self, Attack},
        json::Object,
        labels::Labels,
        uuid,
    },
};

/// An alert, with the ids of the events behind it.
#[derive(Clone, Copy)]
pub(super) struct Found<'a> {
    pub(super) alerted: Alerted<'a>,
    pub(super) evidence: &'a [String],
}

impl Found<'_> {
    /// How grave it is, and why, for `event`.
    pub(super) fn event(&self, fields: &mut Object<'_>) {
        let alert = self.alerted.alert;
        fields.number("severity", alert.rule.severity.number());
        fields.number("risk_score", alert.risk_score());
        fields.text("reason", self.alerted.message());
    }

    /// `message`, `rule` and `threat`.
    pub(super) fn rule(&self, line: &mut Object<'_>) {
        line.text("message", self.alerted.message());
        let alert = self.alerted.alert;
        let rule = &alert.rule;
        line.object("rule", |fields| {
            fields.text("id", &rule.id);
            if uuid::is_uuid(&rule.id) {
                fields.text("uuid", &rule.id);
            }
            fields.text("name", self.alerted.title());
            fields.text("description", &rule.description);
            texts("author", [&rule.author], fields);
            fields.text("license", &rule.license);
            let references = rule.references.iter().map(|reference| &**reference);
            fields.text("reference", stated(references).next().unwrap_or_default());
            fields.word("category", alerted::kind(alert));
            fields.word("ruleset", alerted::ruleset(alert));
        });
        let attack = Attack::of(&rule.attack);
        if !attack.is_empty() {
            line.object("threat", |fields| threat(&attack, fields));
        }
    }

    /// `sensor.alert`.
    pub(super) fn sensor(&self, context: &mut Context<'_>, fields: &mut Object<'_>) {
        let alert = self.alerted.alert;
        let rule = &alert.rule;
        let event: &Event = self.alerted.observed.event;
        fields.word("severity", rule.severity.name());
        fields.word("event_code", event.kind().name());
        fields.word("event_action", Labels::of_event(event).action);
        fields.number("count", alert.count);
        fields.word("first", context.timestamp(alert.first));
        if !self.evidence.is_empty() {
            fields.words("evidence", self.evidence.iter().map(String::as_str));
        }
        fields.number("evidence_count", alert.evidence_count);
        texts("references", &rule.references, fields);
        texts("false_positives", &rule.false_positives, fields);
        if !rule.attack.is_empty() {
            fields.word("attack_version", attack::VERSION);
        }
        let mut ancestors = self.alerted.ancestors().peekable();
        if ancestors.peek().is_some() {
            fields.array("ancestors", |array| {
                for ancestor in ancestors {
                    array.object(|fields| lineage::ancestor(ancestor, fields));
                }
            });
        }
    }
}

fn threat(attack: &Attack<'_>, fields: &mut Object<'_>) {
    fields.word("framework", attack::FRAMEWORK);
    fields.object("tactic", |fields| {
        let tactics = &attack.tactics;
        texts("id", tactics.iter().filter_map(|tactic| tactic.id), fields);
        texts("name", tactics.iter().map(|tactic| tactic.name), fields);
        let pages = tactics.iter().filter_map(|tactic| tactic.page());
        texts("reference", pages, fields);
    });
    fields.object("technique", |fields| {
        let techniques = attack.whole_techniques();
        let (ids, pages) = (
            techniques.iter().map(|technique| technique.id),
            techniques.iter().filter_map(|technique| technique.page()),
        );
        texts("id", ids, fields);
        texts("reference", pages, fields);
        fields.object("subtechnique", |fields| {
            let techniques = || attack.sub_techniques();
            texts("id", techniques().map(|technique| technique.id), fields);
            let pages = techniques().filter_map(|technique| technique.page());
            texts("reference", pages, fields);
        });
    });
}

/// An array of those texts that say something, if there are some.
fn texts(
    name: &'static str,
    texts: impl IntoIterator<Item = impl AsRef<str>>,
    fields: &mut Object<'_>,
) {
    let mut texts = stated(texts).peekable();
    if texts.peek().is_some() {
        fields.array(name, |array| {
            texts.for_each(|text| array.text(text.as_ref()));
        });
    }
}

fn stated<T: AsRef<str>>(texts: impl IntoIterator<Item = T>) -> impl Iterator<Item = T> {
    texts.into_iter().filter(|text| !text.as_ref().is_empty())
}
