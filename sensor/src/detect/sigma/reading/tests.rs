//! Tests of the reader as a whole; what its parts do is tested beside them.

mod conditions;
mod documents;
mod hostile;
mod others;
mod published;
mod selections;

use std::{path::Path, sync::Arc};

use super::{Placeholders, Reading};
use crate::detect::sigma::rule::{Condition, Rule, Search, Test, Values};

/// Reads a text as a file named `a.yml`.
fn read(text: &str) -> Reading {
    read_with(text, &Placeholders::default())
}

fn read_with(text: &str, placeholders: &Placeholders) -> Reading {
    super::read(text, &Arc::from(Path::new("a.yml")), placeholders)
}

/// A rule with this `detection`, whose first line is the fifth of the text.
fn document(detection: &str) -> String {
    format!("title: T\nlogsource:\n    category: process_creation\ndetection:\n{detection}")
}

/// Reads the one rule with this `detection`.
fn rule(detection: &str) -> Rule {
    let mut reading = read(&document(detection));
    assert_eq!(reading.problems, [], "{detection}");
    assert_eq!(reading.rules.len(), 1);
    reading.rules.remove(0)
}

/// The line and the words of the one problem with this text.
fn problem(text: &str) -> (usize, String) {
    let reading = read(text);
    assert_eq!(reading.problems.len(), 1, "{text}\n{:?}", reading.problems);
    let problem = &reading.problems[0];
    (problem.place.line, problem.what.clone())
}

/// The one selection of a rule that has `condition: s`.
fn search(selection: &str) -> Search {
    let mut rule = rule(&format!("  s:{selection}\n  condition: s"));
    assert_eq!(rule.condition, Condition::Selection(0));
    rule.selections.remove(0).search
}

/// The values of the one item of a selection.
fn values(item: &str) -> Values {
    let Search::All(mut items) = search(&format!("\n    {item}")) else {
        panic!("{item} is no mapping");
    };
    assert_eq!(items.len(), 1);
    items.remove(0).values
}

/// The alternatives of the one value of the one item of a selection.
fn alternatives(item: &str) -> Vec<Test> {
    let mut values = values(item);
    assert_eq!(values.tests.len(), 1, "{item}");
    values.tests.remove(0)
}

/// A pattern as it is written in a rule.
fn text(pattern: &str) -> Test {
    Test::Text {
        pattern: super::pattern::parse(pattern),
        cased: false,
    }
}
