//! Conditions.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::{document, problem, rule};
use crate::detect::sigma::{
    reading::CONDITION_DEPTH_MAX,
    rule::Condition::{self, All, Any, AtLeast, Not, Selection},
};

const NAMES: [&str; 6] = [
    "sel_a",
    "sel_b",
    "filter_main",
    "_hidden",
    "keywords",
    "sel-c",
];

fn detection(condition: &str) -> String {
    let selections: String = NAMES
        .iter()
        .map(|name| format!("  {name}:\n    f: 1\n"))
        .collect();
    format!("{selections}  condition: {condition}\n")
}

fn condition(text: &str) -> Condition {
    rule(&detection(text)).condition
}

fn selections(indices: &[usize]) -> Vec<Condition> {
    indices.iter().copied().map(Selection).collect()
}

fn not(condition: Condition) -> Condition {
    Not(Box::new(condition))
}

#[test]
fn operators_bind_as_the_specification_says() {
    for (text, wanted) in [
        ("sel_a", Selection(0)),
        ("not sel_a", not(Selection(0))),
        ("not not sel_a", not(not(Selection(0)))),
        ("sel_a and sel_b", All(selections(&[0, 1]))),
        (
            "sel_a AND sel_b Or not keywords",
            Any(vec![All(selections(&[0, 1])), not(Selection(4))]),
        ),
        (
            "sel_a or sel_b and not filter_main",
            Any(vec![
                Selection(0),
                All(vec![Selection(1), not(Selection(2))]),
            ]),
        ),
        (
            "(sel_a or sel_b) and not filter_main",
            All(vec![Any(selections(&[0, 1])), not(Selection(2))]),
        ),
        ("not(sel_a or(sel-c))", not(Any(selections(&[0, 5])))),
        (
            "sel_a and (sel_b and sel-c)",
            All(vec![Selection(0), All(selections(&[1, 5]))]),
        ),
        ("((sel_a))", Selection(0)),
        ("_hidden", Selection(3)),
    ] {
        assert_eq!(condition(text), wanted, "{text}");
    }
}

#[test]
fn quantifiers_stand_for_the_selections_that_are_like_them() {
    for (text, wanted) in [
        ("1 of sel_*", Any(selections(&[0, 1]))),
        ("any of sel*", Any(selections(&[0, 1, 5]))),
        ("all of sel*", All(selections(&[0, 1, 5]))),
        ("2 of sel*", AtLeast(2, selections(&[0, 1, 5]))),
        ("3 of sel*", AtLeast(3, selections(&[0, 1, 5]))),
        ("1 of them", Any(selections(&[0, 1, 2, 4, 5]))),
        ("all of them", All(selections(&[0, 1, 2, 4, 5]))),
        ("2 of them", AtLeast(2, selections(&[0, 1, 2, 4, 5]))),
        ("1 of filter_*", Selection(2)),
        ("all of keywords", Selection(4)),
        ("1 of *e*_*", Any(selections(&[0, 1, 2]))),
        ("1 of *_a", Selection(0)),
    ] {
        assert_eq!(condition(text), wanted, "{text}");
    }
    assert_eq!(
        condition("1 of sel_* and not 1 of filter*"),
        All(vec![Any(selections(&[0, 1])), not(Selection(2))])
    );
    assert_eq!(
        condition("not all of sel_* or keywords"),
        Any(vec![not(All(selections(&[0, 1]))), Selection(4)])
    );
}

#[test]
fn a_list_of_conditions_has_alternatives() {
    assert_eq!(
        condition("\n    - sel_a and sel_b\n    - keywords"),
        Any(vec![All(selections(&[0, 1])), Selection(4)])
    );
    assert_eq!(condition("\n    - keywords"), Selection(4));
    assert_eq!(
        condition(">\n    sel_a and\n    sel_b"),
        All(selections(&[0, 1]))
    );
}

#[test]
fn a_condition_that_cannot_be_read_says_why() {
    // The condition stands in the line after four of the rule and two for each selection.
    for (text, wanted) in [
        ("sel_x", "names `sel_x`, but there is no such selection"),
        ("Sel_a", "names `Sel_a`"),
        ("sel_*", "write `1 of` or `all of` before it"),
        ("1 of sel_x*", "asks for `1 of sel_x*`"),
        ("4 of sel*", "there are 3 of them"),
        ("0 of sel*", "asks for `0 of sel*`"),
        ("some of sel*", "write `1 of`"),
        ("1 of", "ends after `1 of`"),
        ("1 of (sel_a)", "ends after `1 of`"),
        ("sel_a and", "ends where a selection's name must stand"),
        ("and sel_a", "has `and` where"),
        ("sel_a sel_b", "`and` or `or` is missing before `sel_b`"),
        ("(sel_a", "`(` without its `)`"),
        ("sel_a)", "`)` without its `(`"),
        ("()", "has `)` where"),
        ("sel_a | count() by User > 5", "`type: event_count`"),
        ("sel_a | count(Image) > 5", "`| count()`"),
        ("sel_a|near sel_b", "`type: temporal`"),
        ("sel_a | sum(x) > 5", "aggregation of Sigma 1"),
        ("''", "is empty"),
        ("[]", "empty list"),
        ("{a: b}", "must be a single value"),
        ("[[sel_a]]", "must be a single value"),
    ] {
        let (line, what) = problem(&document(&detection(text)));
        assert!(what.contains(wanted), "{text}: {what}");
        assert_eq!(line, 5 + 2 * NAMES.len(), "{text}: {what}");
    }
}

#[test]
fn conditions_are_bounded() {
    let nested = |depth: usize| format!("{}sel_a{}", "(".repeat(depth), ")".repeat(depth));
    assert_eq!(condition(&nested(CONDITION_DEPTH_MAX)), Selection(0));
    let too_deep = document(&detection(&nested(CONDITION_DEPTH_MAX + 1)));
    assert!(problem(&too_deep).1.contains("nested more than"));
    let negations = document(&detection(&format!("{} sel_a", "not ".repeat(100_000))));
    assert!(problem(&negations).1.contains("nested more than"));
    let long = document(&detection(&format!(
        "sel_a{}",
        " or 1 of them".repeat(10_000)
    )));
    assert!(problem(&long).1.contains("more than 20000 parts"));
}

/// A condition as text, with no more parentheses than it needs.
fn written(condition: &Condition) -> String {
    let listed = |parts: &[Condition], word: &str, least: u8| {
        let parts: Vec<_> = parts.iter().map(|part| within(part, least)).collect();
        parts.join(word)
    };
    match condition {
        Selection(index) => NAMES[*index].to_owned(),
        Not(part) => format!("not {}", within(part, 2)),
        All(parts) => listed(parts, " and ", 2),
        Any(parts) => listed(parts, " or ", 1),
        AtLeast(count, parts) => {
            // The only lists of this sort here are of the selections that begin with `sel`.
            assert_eq!(parts, &selections(&[0, 1, 5]));
            format!("{count} of sel*")
        }
    }
}

fn within(condition: &Condition, least: u8) -> String {
    let binds = match condition {
        Any(_) => 0,
        All(_) => 1,
        _ => 2,
    };
    let text = written(condition);
    if binds < least {
        format!("({text})")
    } else {
        text
    }
}

fn any_condition() -> impl Strategy<Value = Condition> {
    let leaf = prop_oneof![
        (0..NAMES.len()).prop_map(Selection),
        (2..4_usize).prop_map(|count| AtLeast(count, selections(&[0, 1, 5]))),
    ];
    leaf.prop_recursive(5, 40, 4, |inner| {
        prop_oneof![
            inner.clone().prop_map(not),
            prop::collection::vec(inner.clone(), 2..4).prop_map(All),
            prop::collection::vec(inner, 2..4).prop_map(Any),
        ]
    })
}

proptest! {
    #[test]
    fn a_written_condition_is_read_back(wanted in any_condition()) {
        prop_assert_eq!(condition(&written(&wanted)), wanted);
    }

    #[test]
    fn any_words_make_a_condition_or_one_problem(
        words in prop::collection::vec(
            prop_oneof![
                Just("and"), Just("or"), Just("not"), Just("("), Just(")"), Just("1"), Just("of"),
                Just("all"), Just("them"), Just("sel*"), Just("sel_a"), Just("keywords"), Just("|"),
            ],
            0..12,
        ),
    ) {
        let text = document(&detection(&format!("'{}'", words.join(" "))));
        let reading = super::read(&text);
        prop_assert_eq!(reading.rules.len() + reading.problems.len(), 1);
        if let Some(rule) = reading.rules.first() {
            let mut used = BTreeSet::new();
            mentioned(&rule.condition, &mut used);
            prop_assert!(used.iter().all(|index| *index < NAMES.len()));
            prop_assert!(!used.is_empty());
        }
    }
}

fn mentioned(condition: &Condition, into: &mut BTreeSet<usize>) {
    match condition {
        Selection(index) => {
            into.insert(*index);
        }
        Not(part) => mentioned(part, into),
        All(parts) | Any(parts) | AtLeast(_, parts) => {
            for part in parts {
                mentioned(part, into);
            }
        }
    }
}
