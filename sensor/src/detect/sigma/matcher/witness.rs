//! What a rule cannot match without.
//!
//! Of each rule a set of atoms is picked, of which one must be so for the rule to match: its witnesses.
//! They are found in an event by few searches for all rules together, and only rules with a witness in
//! the event are looked at.

use regex_syntax::hir::{Hir, HirKind, literal::Extractor};

use super::{atom::Subject, fold, node::Node, text};
use crate::detect::sigma::rule::Pattern;

/// Most texts that one regular expression is looked for by.
const REGEX_TEXTS_MAX: usize = 16;

/// What is looked for in events. All of it is folded.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Clue {
    /// The last part of a field's text, after the last `/`, is this.
    Tail(Subject, String),
    /// This is somewhere in a text.
    Inside(Subject, String),
}

/// What shows that an atom may be so, and how often that is seen, about in thousandths of all events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Witness {
    /// One of them is seen if it is so.
    pub(super) clues: Vec<Clue>,
    /// How often they are seen.
    pub(super) frequency: u32,
}

/// Programs that run so often that their names tell little.
const FREQUENT: [&str; 16] = [
    "awk", "bash", "cat", "dash", "find", "grep", "ls", "perl", "ps", "python3", "rm", "sed", "sh",
    "sudo", "systemd", "zsh",
];

/// What shows that a pattern may match.
pub(super) fn of_pattern(subject: Subject, pattern: &Pattern, path: bool) -> Option<Witness> {
    let literals = text::literals(pattern);
    if literals.whole || literals.at_end {
        let last = literals.texts.last().map_or("", String::as_str);
        let tail = last.rsplit_once('/').map(|(_, tail)| tail);
        if let Some(tail) = tail.or(literals.whole.then_some(last))
            && matches!(subject, Subject::Field(_))
        {
            let frequency = match (path, FREQUENT.contains(&tail)) {
                (true, false) => 2,
                (true, true) => 30,
                // What is equal to a short text tends to be one of few values.
                (false, _) => inside_frequency(tail).max(20),
            };
            return Some(Witness {
                clues: vec![Clue::Tail(subject, tail.to_owned())],
                frequency,
            });
        }
    }
    let rarest = literals
        .texts
        .into_iter()
        .min_by_key(|literal| inside_frequency(literal))?;
    Some(Witness {
        frequency: inside_frequency(&rarest),
        clues: vec![Clue::Inside(subject, rarest)],
    })
}

/// What shows that a regular expression may match: texts that one of its parts begins with.
pub(super) fn of_regex(subject: Subject, regex: &str) -> Option<Witness> {
    let mut tree = regex_syntax::parse(regex).ok()?;
    while let HirKind::Capture(capture) = tree.kind() {
        tree = (*capture.sub).clone();
    }
    let parts = match tree.kind() {
        HirKind::Concat(parts) => parts.clone(),
        _ => vec![tree],
    };
    (0..parts.len())
        .filter_map(|first| {
            let rest = Hir::concat(parts.get(first..)?.to_vec());
            let mut texts: Vec<String> = Extractor::new()
                .extract(&rest)
                .literals()?
                .iter()
                .map(|literal| {
                    // It may have been cut within a letter.
                    let valid = literal.as_bytes().utf8_chunks().next();
                    fold::folded(valid.map_or("", |chunk| chunk.valid()))
                })
                .collect();
            texts.sort_unstable();
            texts.dedup();
            let usable = texts.len() <= REGEX_TEXTS_MAX && !texts.iter().any(String::is_empty);
            usable.then(|| Witness {
                frequency: texts.iter().map(|text| inside_frequency(text)).sum(),
                clues: texts
                    .into_iter()
                    .map(|text| Clue::Inside(subject, text))
                    .collect(),
            })
        })
        .min_by_key(|witness| witness.frequency)
}

/// How often a text is in another, about in thousandths.
fn inside_frequency(text: &str) -> u32 {
    match text.len() {
        0 => 1000,
        1 => 400,
        2 => 150,
        3 => 50,
        4 => 20,
        5 => 12,
        6 | 7 => 8,
        _ => 4,
    }
}

/// The rarest atoms of which one must be so for a condition to be so; none if there are no such.
pub(super) fn of_node<'a>(
    node: &Node,
    witness: &dyn Fn(usize) -> Option<&'a Witness>,
) -> Option<Witness> {
    match node {
        Node::Is(atom) => witness(*atom).cloned(),
        Node::Not(_) => None,
        Node::All(parts) => parts
            .iter()
            .filter_map(|part| of_node(part, witness))
            .min_by_key(|witness| witness.frequency),
        Node::Any(parts) => union(parts.iter().map(|part| of_node(part, witness))),
        Node::AtLeast(count, parts) => {
            // Of so many parts that not all others are enough, one must be so.
            let mut known: Vec<Witness> = parts
                .iter()
                .filter_map(|part| of_node(part, witness))
                .collect();
            let enough = (parts.len() + 1).checked_sub(*count)?;
            if known.len() < enough {
                return None;
            }
            known.sort_by_key(|witness| witness.frequency);
            union(known.into_iter().take(enough).map(Some))
        }
    }
}

fn union(parts: impl Iterator<Item = Option<Witness>>) -> Option<Witness> {
    let mut clues = Vec::new();
    let mut frequency = 0_u32;
    for part in parts {
        let part = part?;
        clues.extend(part.clues);
        frequency = frequency.saturating_add(part.frequency);
    }
    Some(Witness { clues, frequency })
}
