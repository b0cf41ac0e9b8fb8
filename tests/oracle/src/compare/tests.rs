//! Each reason with an event about which the engines differ, and that a difference without one is told.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may")]

use std::path::Path;

use super::*;
use crate::{event::Datum, random_rules::RandomTaxonomy, rules::Rules};

/// The reason, what a rule asks, and an event.
type Case<'a> = (&'a str, &'a str, Vec<(&'a str, Datum)>);

fn text(text: &str) -> Datum {
    Datum::Text(text.to_owned())
}

/// The verdicts of both on an event, and the reasons if they differ.
fn verdicts(
    selection: &str,
    other: &str,
    values: &[(&str, Datum)],
) -> (bool, bool, Option<String>) {
    let rules = [selection, other].map(|selection| {
        let mut rules = Rules::default();
        let text = format!(
            "title: T\nlogsource:\n    category: random\ndetection:\n    selection:\n        \
             {selection}\n    never:\n        Flag|neq: [true, false]\n    \
             condition: selection and not (never and not never)\n"
        );
        rules.add(&text, Path::new("a.yml"), &RandomTaxonomy);
        assert!(rules.refusals.is_empty(), "{:?}", rules.refusals);
        rules.pairs.remove(0)
    });
    let [ours, theirs] = &rules;
    let vocabulary = Vocabulary::of_names(&["Image", "Line", "Port", "Address", "Time", "Flag"]);
    let class = *ours.classes.first().unwrap();
    let event = Event {
        class,
        values: vocabulary
            .fields(class)
            .iter()
            .filter_map(|field| {
                let mut known = values.iter();
                let (_, datum) =
                    known.find(|(name, _)| field.names.iter().any(|own| own == name))?;
                Some((field, datum.clone()))
            })
            .collect(),
    };
    let (matcher, _) = Matcher::compile(std::slice::from_ref(&ours.rule), &RandomTaxonomy);
    let mut one = false;
    matcher.matches(class, &event, &mut Scratch::default(), &mut |_| one = true);
    let json = event.flat_json();
    let other = theirs.second.matches(&json);
    let reasons = if one == other {
        None
    } else {
        second_reasons(&theirs.second, &event, &json, one).unwrap()
    };
    (one, other, reasons)
}

#[test]
fn each_reason_explains_a_difference() {
    let list = |parts: &[&str]| Datum::list(parts.iter().map(|part| (*part).to_owned()).collect());
    let cases: Vec<Case<'_>> = vec![
        (
            "base64offset",
            "Line|base64offset|contains: foob",
            vec![("Line", text("Zm9vYmFy"))],
        ),
        (
            "windash",
            "Line|windash|contains: x-y",
            vec![("Line", text("x/y"))],
        ),
        (
            "windash",
            "Line|windash|contains: /c",
            vec![("Line", text("-c"))],
        ),
        (
            "UTF-16 as text",
            "Line|wide: ab",
            vec![("Line", text("a\0b\0"))],
        ),
        ("neq of a field that is absent", "Line|neq: a", vec![]),
        ("null among other values", "Line: [null, a]", vec![]),
        (
            "numbers that are written otherwise",
            "Port: 7",
            vec![("Port", text("007"))],
        ),
        (
            "words for true and false",
            "Flag: true",
            vec![("Flag", text("yes"))],
        ),
        (
            "wildcards and line breaks",
            "Line: a*b",
            vec![("Line", text("a\nb"))],
        ),
        (
            "wildcards with startswith or endswith",
            "Line|startswith: a?b",
            vec![("Line", text("axbc"))],
        ),
        (
            "letters with more than one lower case",
            "Line: i",
            vec![("Line", text("İ"))],
        ),
        (
            "IPv4 written as IPv6",
            "Address|cidr: 10.0.0.0/8",
            vec![("Address", text("::ffff:10.0.0.1"))],
        ),
        (
            "moments without a time zone",
            "Time|hour: 7",
            vec![("Time", text("2004-04-12T07:07:30"))],
        ),
        (
            "numbers without an end",
            "Port|gt: 5",
            vec![("Port", text("inf"))],
        ),
        (
            "fieldref of values of different sorts",
            "Line|fieldref|cased: Port",
            vec![("Line", text("5")), ("Port", Datum::Number(5))],
        ),
        (
            "words in different texts",
            "'|all': [sh, curl]",
            vec![("Line", text("curl")), ("Image", text("/bin/sh"))],
        ),
        (
            "words that are numbers",
            "- 22",
            vec![("Line", text("ssh 22"))],
        ),
        (
            "several texts",
            "Line: sh",
            vec![("Line", list(&["sh", "-c"]))],
        ),
    ];
    for (name, selection, values) in &cases {
        let (ours, theirs, reasons) = verdicts(selection, selection, values);
        assert_ne!(ours, theirs, "{selection}");
        assert_eq!(reasons.as_deref(), Some(*name), "{selection}");
    }
    for reason in REASONS {
        assert!(
            cases.iter().any(|(name, ..)| *name == reason.name),
            "{}",
            reason.name
        );
    }
}

#[test]
fn a_difference_without_a_reason_is_none_of_the_known() {
    // As if one of them had read another rule.
    for values in [
        vec![("Line", text("a"))],
        vec![("Line", text("İ\n"))],
        vec![],
    ] {
        let (ours, theirs, reasons) = verdicts("Line|contains: a", "Line: [b*, null]", &values);
        assert!(
            ours == theirs || reasons.is_none(),
            "{values:?}: {reasons:?}"
        );
    }
    let (ours, theirs, reasons) = verdicts("Line: a", "Line: b", &[("Line", text("a"))]);
    assert_eq!((ours, theirs, reasons), (true, false, None));
    let absent = verdicts("Line|neq: a", "Line|exists: true", &[]);
    assert_eq!(absent, (true, false, None));
}

#[test]
fn engines_agree_on_random_rules_but_for_reasons() {
    let mut random = Rng::with_seed(7);
    let mut rules = Rules::default();
    for number in 0..100 {
        let text = crate::random_rules::rule(number, &mut random);
        rules.add(&text, Path::new("random.yml"), &RandomTaxonomy);
    }
    let vocabulary = Vocabulary::new(&rules.pairs, &RandomTaxonomy, &mut random);
    let comparison = second(&rules.pairs, &vocabulary, &RandomTaxonomy, 200, &mut random).unwrap();
    let differences = comparison.differences;
    assert_eq!(differences.unexplained, 0, "{differences}");
    assert!(differences.both > 1_000, "{differences}");
}
