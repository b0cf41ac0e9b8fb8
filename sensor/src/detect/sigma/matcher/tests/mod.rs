//! The matcher against a reference that takes rules word by word, and what rules are good for.

mod cases;
mod naive;
mod random;
mod uses;

use std::{path::Path, sync::Arc};

use super::{Matcher, Scratch, Use};
use crate::detect::sigma::{
    field::{Class, FieldId, Fields, Taxonomy, Value},
    rule::{
        Condition, Header, Item, LogSource, Part, Pattern, Place, Rule, Search, Selection, Test,
        Values,
    },
};

/// Class 1 has all fields, class 3 only the first two of them.
const ALL: Class = Class(1);
const FEW: Class = Class(3);

/// Names of fields; `Image` and `Parent` are paths.
const NAMES: [&str; 5] = ["Image", "Line", "Parent", "Port", "Address"];

/// The field `Kind`, which is always `EXECVE`.
const KIND: FieldId = FieldId(100);

struct Names;

impl Taxonomy for Names {
    fn classes(&self, source: &LogSource) -> Result<Vec<Class>, String> {
        match source.category.as_deref() {
            Some("all") => Ok(vec![ALL]),
            Some("few") => Ok(vec![FEW]),
            Some("both") => Ok(vec![FEW, ALL]),
            Some("none") => Ok(Vec::new()),
            _ => Err("nothing tells of that".to_owned()),
        }
    }

    fn field(&self, class: Class, name: &str) -> Option<FieldId> {
        if name == "Kind" {
            return (class == ALL).then_some(KIND);
        }
        let place = NAMES.iter().position(|known| *known == name)?;
        // Numbers with gaps, and not from 0.
        (class == ALL || place < 2).then(|| FieldId(u16::try_from(place * 3 + 2).unwrap()))
    }

    fn is_path(&self, field: FieldId) -> bool {
        field == FieldId(2) || field == FieldId(8)
    }

    fn constant(&self, field: FieldId) -> Option<&'static str> {
        (field == KIND).then_some("EXECVE")
    }
}

/// A value of a field.
#[derive(Clone, Debug, PartialEq)]
enum Owned {
    Text(String),
    Number(i64),
    Address(std::net::IpAddr),
    Boolean(bool),
}

/// An event with values by field.
#[derive(Clone, Debug, Default)]
struct TestEvent {
    values: Vec<(FieldId, Owned)>,
    moment: Option<i64>,
}

impl TestEvent {
    fn new(values: &[(&str, Owned)]) -> Self {
        Self {
            values: values
                .iter()
                .map(|(name, value)| (Names.field(ALL, name).unwrap(), value.clone()))
                .collect(),
            moment: None,
        }
    }

    fn texts(values: &[(&str, &str)]) -> Self {
        let values: Vec<_> = values
            .iter()
            .map(|(name, value)| (*name, Owned::Text((*value).to_owned())))
            .collect();
        Self::new(&values)
    }
}

impl Fields for TestEvent {
    fn value(&self, field: FieldId) -> Option<Value<'_>> {
        let (_, value) = self.values.iter().find(|(known, _)| *known == field)?;
        Some(match value {
            Owned::Text(text) => Value::Text(text),
            Owned::Number(number) => Value::Number(*number),
            Owned::Address(address) => Value::Address(*address),
            Owned::Boolean(boolean) => Value::Boolean(*boolean),
        })
    }

    fn any_text(&self, found: &mut dyn FnMut(&str) -> bool) -> bool {
        self.values.iter().any(|(_, value)| match value {
            Owned::Text(text) => found(text),
            _ => false,
        })
    }

    fn moment(&self, _field: FieldId) -> Option<i64> {
        self.moment
    }
}

fn rule(category: &str, selections: Vec<Search>, condition: Condition) -> Rule {
    Rule {
        place: Place {
            file: Arc::from(Path::new("test.yml")),
            line: 1,
        },
        header: Header::default(),
        log_source: LogSource {
            category: Some(category.to_owned()),
            ..LogSource::default()
        },
        selections: selections
            .into_iter()
            .enumerate()
            .map(|(index, search)| Selection {
                name: format!("selection{index}"),
                search,
            })
            .collect(),
        condition,
    }
}

/// A rule with one item.
fn single(field: &str, test: Test) -> Rule {
    rule(
        "all",
        vec![Search::All(vec![item(field, vec![test])])],
        Condition::Selection(0),
    )
}

/// Any of the tests.
fn item(field: &str, tests: Vec<Test>) -> Item {
    Item {
        line: 7,
        field: field.to_owned(),
        values: any(tests),
        negated: false,
    }
}

fn any(tests: Vec<Test>) -> Values {
    Values {
        all: false,
        tests: tests.into_iter().map(|test| vec![test]).collect(),
    }
}

/// A pattern without case, of which `*` and `?` are wildcards.
fn text(pattern: &str) -> Test {
    Test::Text {
        pattern: pattern_of(pattern),
        cased: false,
    }
}

fn pattern_of(text: &str) -> Pattern {
    let mut parts = Vec::new();
    for letter in text.chars() {
        match (letter, parts.last_mut()) {
            ('*', _) => parts.push(Part::Any),
            ('?', _) => parts.push(Part::One),
            (letter, Some(Part::Literal(literal))) => literal.push(letter),
            (letter, _) => parts.push(Part::Literal(letter.to_string())),
        }
    }
    Pattern(parts)
}

fn found(matcher: &Matcher, class: Class, event: &TestEvent, scratch: &mut Scratch) -> Vec<usize> {
    let mut found = Vec::new();
    matcher.matches(&[class], event, scratch, &mut |_, rule| found.push(rule));
    found
}

/// Whether one rule matches, which must be usable.
fn is_match(rule: &Rule, event: &TestEvent) -> bool {
    let (matcher, uses) = Matcher::compile(std::slice::from_ref(rule), &Names);
    assert_eq!(uses, [Use::Full], "{rule:?}");
    !found(&matcher, ALL, event, &mut Scratch::default()).is_empty()
}
