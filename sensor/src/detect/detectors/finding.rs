//! What detectors' rules and alerts are made of: descriptions, evidence, wording.

use std::{fmt::Write as _, sync::Arc};

use crate::{
    detect::{
        alert::{Alert, AttackTag, EVIDENCE_MAX, RuleDescription, RuleKind},
        severity::Severity,
    },
    event::{Exec, Origin, Tgid},
    output::arguments::{Arguments, CommandLine},
    process::{Image, Process, lineage::Ancestor},
};

/// Most characters of a text of the host's that are repeated in a reason.
const QUOTED_MAX: usize = 160;

/// A rule as it is written down beside its detector.
pub(super) struct Written {
    pub(super) id: &'static str,
    pub(super) name: &'static str,
    pub(super) severity: Severity,
    pub(super) description: &'static str,
    pub(super) false_positives: &'static [&'static str],
    pub(super) references: &'static [&'static str],
    /// Tactics by their names, techniques by their ids.
    pub(super) attack: &'static [&'static str],
}

impl Written {
    /// The rule as alerts have it.
    pub(super) fn rule(&self) -> Arc<RuleDescription> {
        let texts = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect();
        let tag = |tag: &&str| {
            if tag.starts_with('T') {
                AttackTag::Technique((*tag).to_owned())
            } else {
                AttackTag::Tactic((*tag).to_owned())
            }
        };
        Arc::new(RuleDescription {
            id: self.id.to_owned(),
            name: self.name.to_owned(),
            kind: RuleKind::Detector,
            severity: self.severity,
            description: self.description.to_owned(),
            author: "sensor".to_owned(),
            license: "MIT OR Apache-2.0".to_owned(),
            references: texts(self.references),
            false_positives: texts(self.false_positives),
            attack: self.attack.iter().map(tag).collect(),
        })
    }
}

/// An alert at an event, with the earlier events that count.
pub(super) fn alert(
    rule: &Arc<RuleDescription>,
    reason: String,
    earlier: impl IntoIterator<Item = Origin>,
    event: Origin,
) -> Alert {
    let mut evidence: Vec<Origin> = earlier.into_iter().filter(|one| *one != event).collect();
    evidence.sort_by_key(|origin| origin.time);
    evidence.dedup();
    evidence.push(event);
    let evidence_count = evidence.len() as u64;
    evidence.drain(..evidence.len().saturating_sub(EVIDENCE_MAX));
    Alert {
        evidence,
        evidence_count,
        ..Alert::single(rule.clone(), reason, event)
    }
}

/// A text of the host's in quotes, cut where it is long, without control characters.
pub(super) fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for (count, character) in text.chars().enumerate() {
        if count == QUOTED_MAX {
            quoted.push('…');
            break;
        }
        if character.is_control() {
            quoted.extend(character.escape_default());
        } else {
            quoted.push(character);
        }
    }
    quoted.push('"');
    quoted
}

/// An exec's arguments in one line, in quotes.
pub(super) fn command(exec: &Exec) -> String {
    let mut line = String::new();
    CommandLine(Arguments::Captured(&exec.arguments.bytes)).pieces(|piece| {
        if line.len() <= 4 * QUOTED_MAX {
            line.push_str(piece);
        }
    });
    quoted(&line)
}

/// An exec's arguments one by one.
pub(super) fn arguments(exec: &Exec) -> Vec<String> {
    let arguments = Arguments::Captured(&exec.arguments.bytes).iter();
    arguments.map(std::borrow::Cow::into_owned).collect()
}

/// A process by its program and id.
pub(super) fn who(process: Option<&Process>) -> String {
    process.map_or_else(
        || "an unknown process".to_owned(),
        |process| named(process.image.as_deref(), process.id.tgid),
    )
}

/// An ancestor by the program that it was and its id.
pub(super) fn who_made(ancestor: &Ancestor) -> String {
    named(ancestor.image.as_deref(), ancestor.id.tgid)
}

fn named(image: Option<&Image>, id: Tgid) -> String {
    let mut name = match image {
        Some(image) if !image.executable.is_empty() => quoted(&image.executable),
        Some(image) => quoted(&image.name),
        None => "process".to_owned(),
    };
    // Writing to a string cannot fail.
    let _ = write!(name, " ({id})");
    name
}

/// Most generations of one program between a process and what it was started for.
const GENERATIONS: usize = 4;

/// The process that made this one, and those before it that were the same program: a program that
/// forks twice is not the parent of what it starts, for in between one has ended. Nearest first, each
/// as it was when it made the next one.
pub(super) fn makers(process: &Process) -> impl Iterator<Item = &Ancestor> {
    let executable = |ancestor: &Ancestor| {
        let image = ancestor.image.as_deref();
        image.map(|image| image.executable.clone())
    };
    let first = process.lineage.ancestors().next().and_then(executable);
    process
        .lineage
        .ancestors()
        .enumerate()
        .take_while(move |(number, ancestor)| {
            *number == 0 || first.is_some() && executable(ancestor) == first
        })
        .map(|(_, ancestor)| ancestor)
        .take(GENERATIONS)
}

#[cfg(test)]
mod tests {
    use sensor_common::record::Ring;

    use super::*;
    use crate::clock::BootTime;

    const RULE: Written = Written {
        id: "a-rule",
        name: "A rule",
        severity: Severity::High,
        description: "Something.",
        false_positives: &[],
        references: &[],
        attack: &["execution", "T1059.004"],
    };

    fn origin(time: u64) -> Origin {
        Origin {
            cpu: 0,
            ring: Ring::Bulk,
            sequence: time,
            time: BootTime(time),
        }
    }

    #[test]
    fn evidence_is_in_order_and_bounded_and_ends_with_the_event() {
        let rule = RULE.rule();
        let earlier = (0..40).rev().map(origin);
        let alert = alert(&rule, "so".to_owned(), earlier, origin(40));
        assert_eq!(alert.evidence_count, 41);
        let expected: Vec<_> = (25..=40).map(origin).collect();
        assert_eq!(alert.evidence, expected);
        assert_eq!(
            rule.attack,
            [
                AttackTag::Tactic("execution".into()),
                AttackTag::Technique("T1059.004".into())
            ]
        );
    }

    #[test]
    fn what_is_quoted_is_short_and_in_one_line() {
        assert_eq!(quoted("a\n\u{1b}b"), "\"a\\n\\u{1b}b\"");
        assert!(quoted(&"x".repeat(9_000)).chars().count() <= QUOTED_MAX + 3);
    }
}
