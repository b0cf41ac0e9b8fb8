//! Values that are as they must be.

use std::collections::BTreeMap;

use regex_syntax::hir::{Class, Hir, HirKind};

use super::{Values, ways::Demand};
use crate::detect::sigma::rule::{Part, Pattern, Relation, Test};

/// An event in which all is so that must be; what must not be so is left to chance.
pub(super) fn event(way: &[Demand<'_>]) -> Option<Values> {
    let mut texts: BTreeMap<&str, Parts> = BTreeMap::new();
    for demand in way.iter().filter(|demand| demand.wanted) {
        let parts = texts.entry(demand.field).or_default();
        parts.take(demand.test)?;
    }
    let texts = texts.into_iter();
    let known = texts.filter(|(_, parts)| !parts.is_absent);
    Some(
        known
            .map(|(field, parts)| (field.to_owned(), parts.text()))
            .collect(),
    )
}

/// What a text must be made of.
#[derive(Default)]
struct Parts {
    is_absent: bool,
    whole: Option<String>,
    start: String,
    middle: Vec<String>,
    end: String,
}

impl Parts {
    fn take(&mut self, test: &Test) -> Option<()> {
        match test {
            Test::Null | Test::Exists(false) => self.is_absent = true,
            Test::Exists(true) => {}
            Test::Text { pattern, .. } => self.pattern(pattern),
            Test::Regex(regex) => {
                let hir = regex_syntax::parse(regex).ok()?;
                let mut text = String::new();
                sample(&hir, &mut text);
                self.middle.push(text);
            }
            Test::Network(network) => self.whole = Some(network.address.to_string()),
            Test::Number(relation, bound) => {
                let number = match relation {
                    Relation::Less => bound - 1.0,
                    Relation::Greater => bound + 1.0,
                    Relation::LessOrEqual | Relation::GreaterOrEqual => *bound,
                };
                self.whole = Some(number.to_string());
            }
            Test::Field { .. } | Test::Moment(..) => return None,
        }
        Some(())
    }

    fn pattern(&mut self, pattern: &Pattern) {
        let text: String = pattern
            .0
            .iter()
            .map(|part| match part {
                Part::Literal(text) => text,
                Part::One => "x",
                Part::Any => "",
            })
            .collect();
        let opens = pattern.0.first() == Some(&Part::Any);
        let closes = pattern.0.last() == Some(&Part::Any);
        match (opens, closes) {
            (false, false) => self.whole = Some(text),
            (false, true) if text.len() > self.start.len() => self.start = text,
            (true, false) if text.len() > self.end.len() => self.end = text,
            (true, true) => self.middle.push(text),
            _ => {}
        }
    }

    fn text(self) -> String {
        if let Some(whole) = self.whole {
            return whole;
        }
        let mut text = self.start;
        for part in self.middle.into_iter().chain([self.end]) {
            if !text.contains(&part) || !text.ends_with(&part) {
                text.push_str(&part);
            }
        }
        if text.is_empty() {
            "x".to_owned()
        } else {
            text
        }
    }
}

/// Appends something that a regular expression matches; what it asks of the surroundings is left to
/// chance.
fn sample(hir: &Hir, text: &mut String) {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => {}
        HirKind::Literal(literal) => text.push_str(&String::from_utf8_lossy(&literal.0)),
        HirKind::Class(class) => text.push(one_of(class)),
        HirKind::Repetition(repetition) => {
            for _ in 0..repetition.min {
                sample(&repetition.sub, text);
            }
        }
        HirKind::Capture(capture) => sample(&capture.sub, text),
        HirKind::Concat(parts) => parts.iter().for_each(|part| sample(part, text)),
        HirKind::Alternation(parts) => sample(&parts[0], text),
    }
}

/// A character of a class, one that prints if there is such.
fn one_of(class: &Class) -> char {
    let Class::Unicode(class) = class else {
        return 'x';
    };
    let has = |wanted: &char| {
        let ranges = class.ranges();
        ranges
            .iter()
            .any(|range| (range.start()..=range.end()).contains(wanted))
    };
    let nice = ['a', '1', ' ', '/', '-', '.', '_'];
    nice.into_iter()
        .find(has)
        .unwrap_or_else(|| class.ranges()[0].start())
}
