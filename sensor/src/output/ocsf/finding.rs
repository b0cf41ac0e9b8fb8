//! What was found: credentials that nobody committed, or what a rule looks for.

use sensor_common::privilege::PtraceOperation;

use super::{Context, actor, attacks, dns, kernel, long, network, process};
use crate::{
    detect::{alert::RuleKind, severity::Severity},
    event::{Body, dns::Message},
    observed::Observed,
    output::{Alerted, alerted, attack, json::Object, labels::Labels},
};

/// An alert, with what it needs beside it.
#[derive(Clone, Copy)]
pub(super) struct Found<'a> {
    pub(super) alerted: Alerted<'a>,
    /// The ids of the events behind it.
    pub(super) evidence: &'a [String],
}

/// What a finding says of credentials that nobody committed.
pub(super) fn divergence(
    id: &[u8],
    observed: &Observed<'_>,
    context: &mut Context<'_>,
    line: &mut Object<'_>,
) {
    line.text(
        "message",
        "Credentials of a process were overwritten in kernel memory",
    );
    new(context, line);
    line.object("finding_info", |info| {
        info.word("uid", id);
        info.word("title", "Credentials overwritten");
        info.number(
            "created_time",
            context.milliseconds(observed.event.origin.time),
        );
        info.object("analytic", |analytic| {
            analytic.word("name", "Credential divergence");
            analytic.word("uid", "credential_divergence");
            analytic.number("type_id", 1);
            analytic.word("type", "Rule");
        });
    });
    evidences([who(observed, context)], line);
}

/// A finding of which nobody knows yet.
fn new(context: &mut Context<'_>, line: &mut Object<'_>) {
    context.profiles.security_control = true;
    line.truth("is_alert", true);
    // The sensor watches, and stops nothing.
    line.number("action_id", 3);
    line.word("action", "Observed");
    line.number("disposition_id", 19);
    line.word("disposition", "Alert");
    line.number("status_id", 1);
    line.word("status", "New");
}

/// Pieces of evidence, of those that say something.
fn evidences(pieces: impl IntoIterator<Item = Vec<u8>>, line: &mut Object<'_>) {
    let mut pieces = pieces
        .into_iter()
        .filter(|fields| !fields.is_empty())
        .peekable();
    if pieces.peek().is_some() {
        line.array("evidences", |array| {
            for fields in pieces {
                array.object(|evidence| evidence.append(&fields));
            }
        });
    }
}

/// The process that an event is about, and its user.
fn who(observed: &Observed<'_>, context: &mut Context<'_>) -> Vec<u8> {
    Object::alone(|evidence| {
        evidence.object("process", |fields| {
            process::subject(observed, process::parent(observed), context, fields);
        });
        evidence.object("user", |fields| process::user(observed, fields));
    })
}

impl Found<'_> {
    /// What a finding says of what a rule found; `message` is a DNS event's.
    pub(super) fn write(
        &self,
        id: &[u8],
        message: Option<&Message>,
        context: &mut Context<'_>,
        line: &mut Object<'_>,
    ) {
        let alert = self.alerted.alert;
        let observed = &self.alerted.observed;
        line.text("message", self.alerted.message());
        new(context, line);
        line.number("risk_score", alert.risk_score());
        let (level, caption) = risk_level(alert.rule.severity);
        line.number("risk_level_id", level);
        line.word("risk_level", caption);
        line.number("count", integer(alert.count));
        let end = observed.event.origin.time;
        let start = alert.evidence.iter().map(|origin| origin.time).min();
        let start = start.map_or(alert.first, |start| start.min(alert.first));
        line.number("start_time", context.milliseconds(start.min(end)));
        line.number("end_time", context.milliseconds(end));
        line.object("finding_info", |info| self.info(id, context, info));
        let mut subject = who(observed, context);
        subject.extend(Object::alone(|evidence| {
            deed(observed, message, context, evidence);
        }));
        evidences([subject, target(observed, context)], line);
    }

    fn info(&self, id: &[u8], context: &Context<'_>, info: &mut Object<'_>) {
        let alert = self.alerted.alert;
        let rule = &alert.rule;
        let time = context.milliseconds(self.alerted.observed.event.origin.time);
        info.word("uid", id);
        info.text("title", self.alerted.title());
        info.text("desc", &rule.description);
        info.words("types", [alerted::kind(alert)]);
        info.number("created_time", time);
        info.number("first_seen_time", context.milliseconds(alert.first));
        info.number("last_seen_time", time);
        info.object("analytic", |analytic| {
            analytic.text("name", self.alerted.title());
            analytic.text("uid", &rule.id);
            let (id, caption) = match rule.kind {
                RuleKind::Sigma | RuleKind::Correlation => (1, "Rule"),
                RuleKind::Detector => (2, "Behavioral"),
            };
            analytic.number("type_id", id);
            analytic.word("type", caption);
            analytic.word("category", alerted::ruleset(alert));
        });
        attacks::attacks(&rule.attack, info);
        if !self.evidence.is_empty() {
            info.array("related_events", |events| {
                for (id, origin) in self.evidence.iter().zip(&alert.evidence) {
                    events.object(|event| {
                        event.word("uid", id);
                        event.number("created_time", context.milliseconds(origin.time));
                    });
                }
            });
        }
        info.number("related_events_count", integer(alert.evidence_count));
    }

    /// `unmapped.alert`.
    pub(super) fn unmapped(&self, fields: &mut Object<'_>) {
        let rule = &self.alerted.alert.rule;
        let event = self.alerted.observed.event;
        fields.word("event_code", event.kind().name());
        fields.word("event_action", Labels::of_event(event).action);
        fields.text("author", &rule.author);
        fields.text("license", &rule.license);
        for (name, texts) in [
            ("references", &rule.references),
            ("false_positives", &rule.false_positives),
        ] {
            if !texts.is_empty() {
                fields.array(name, |array| texts.iter().for_each(|text| array.text(text)));
            }
        }
        if !rule.attack.is_empty() {
            fields.word("attack_version", attack::VERSION);
        }
    }
}

/// What the process did, as far as evidence has a place for it.
fn deed(
    observed: &Observed<'_>,
    message: Option<&Message>,
    context: &Context<'_>,
    evidence: &mut Object<'_>,
) {
    network::evidence(observed.event, message, context, evidence);
    dns::query(message, evidence);
    if let Body::ModuleLoad(module) = &observed.event.body {
        evidence.object("file", |file| kernel::module_file(module, file));
    }
}

/// The process that another one got access to.
fn target(observed: &Observed<'_>, context: &mut Context<'_>) -> Vec<u8> {
    match &observed.event.body {
        Body::Ptrace(ptrace) if ptrace.operation == PtraceOperation::Access => {
            Object::alone(|evidence| {
                evidence.word("name", "Target");
                evidence.object("process", |fields| {
                    actor::opened(ptrace, observed, context, fields);
                });
            })
        }
        _ => Vec::new(),
    }
}

const fn risk_level(severity: Severity) -> (u8, &'static str) {
    match severity {
        Severity::Informational => (0, "Info"),
        Severity::Low => (1, "Low"),
        Severity::Medium => (2, "Medium"),
        Severity::High => (3, "High"),
        Severity::Critical => (4, "Critical"),
    }
}

/// OCSF's `integer_t`. What is greater is shown as the greatest there is.
fn integer(number: u64) -> i64 {
    long(number).min(i32::MAX.into())
}
