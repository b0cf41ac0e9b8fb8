//! Random rules and random events: the matcher finds what the reference finds.

use std::net::IpAddr;

use proptest::{collection::vec, option, prelude::*, sample::select};

use super::{
    ALL, Condition, FEW, Item, NAMES, Names, Owned, Part, Pattern, Rule, Search, Test, TestEvent,
    Values, found, naive, rule,
};
use crate::detect::sigma::{
    matcher::{Matcher, Scratch, Use},
    rule::{MomentPart, Network, Position, Relation},
};

/// Texts of few letters, so that they are often in each other: with case, with letters whose lower
/// case is in ASCII or as long as two, and slashes.
fn short() -> impl Strategy<Value = String> {
    let letters = select(vec![
        'a', 'a', 'A', 'b', 'B', '/', '/', 'k', '\u{212a}', 'i', '\u{130}', 'ä', 'Ä', '1', '.',
        '\\',
    ]);
    vec(letters, 0..4).prop_map(String::from_iter)
}

fn long() -> impl Strategy<Value = String> {
    vec(short(), 0..5).prop_map(|parts| parts.concat())
}

fn pattern() -> impl Strategy<Value = Pattern> {
    let part = prop_oneof![
        4 => short().prop_map(Part::Literal),
        1 => Just(Part::One),
        2 => Just(Part::Any),
    ];
    vec(part, 0..5).prop_map(Pattern)
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        9 => select(NAMES.to_vec()).prop_map(str::to_owned),
        1 => Just("Unknown".to_owned()),
    ]
}

fn address() -> impl Strategy<Value = IpAddr> {
    select(
        [
            "10.0.0.1",
            "10.0.0.200",
            "192.168.1.1",
            "::ffff:10.0.0.1",
            "::1",
            "fe80::1",
            "::a00:1",
        ]
        .map(|text| text.parse().unwrap())
        .to_vec(),
    )
}

fn value() -> impl Strategy<Value = Owned> {
    prop_oneof![
        8 => long().prop_map(Owned::Text),
        1 => (-2_i64..12).prop_map(Owned::Number),
        1 => (-2_i64..12).prop_map(|number| Owned::Text(number.to_string())),
        1 => address().prop_map(Owned::Address),
        1 => address().prop_map(|address| Owned::Text(address.to_string())),
        1 => any::<bool>().prop_map(Owned::Boolean),
    ]
}

fn word() -> impl Strategy<Value = Test> {
    prop_oneof![
        8 => (pattern(), any::<bool>()).prop_map(|(pattern, cased)| Test::Text { pattern, cased }),
        1 => regex(),
    ]
}

fn regex() -> impl Strategy<Value = Test> {
    select(naive::REGEXES.to_vec()).prop_map(|regex| Test::Regex(regex.to_owned()))
}

fn test() -> impl Strategy<Value = Test> {
    let relation = select(vec![
        Relation::Less,
        Relation::LessOrEqual,
        Relation::Greater,
        Relation::GreaterOrEqual,
    ]);
    let position = select(vec![
        Position::Whole,
        Position::Start,
        Position::End,
        Position::Anywhere,
    ]);
    let part = select(vec![
        MomentPart::Minute,
        MomentPart::Hour,
        MomentPart::Day,
        MomentPart::Week,
        MomentPart::Month,
        MomentPart::Year,
    ]);
    let number = prop_oneof![0_i64..60, 1970_i64..1974];
    prop_oneof![
        10 => (pattern(), any::<bool>())
            .prop_map(|(pattern, cased)| Test::Text { pattern, cased }),
        // `contains`, `endswith` and `startswith` are what most rules have.
        6 => (short(), 0..4).prop_map(|(text, kind)| {
            let literal = Part::Literal(text);
            Test::Text {
                pattern: Pattern(match kind {
                    0 => vec![Part::Any, literal, Part::Any],
                    1 => vec![Part::Any, literal],
                    2 => vec![literal, Part::Any],
                    _ => vec![literal],
                }),
                cased: false,
            }
        }),
        1 => (-2_i64..12).prop_map(|number| Test::Text {
            pattern: Pattern(vec![Part::Literal(number.to_string())]),
            cased: false,
        }),
        1 => Just(Test::Null),
        1 => any::<bool>().prop_map(Test::Exists),
        2 => regex(),
        2 => (address(), 0_u8..=140).prop_map(|(address, prefix)| {
            Test::Network(Network { address, prefix })
        }),
        1 => (relation, -3_i32..12)
            .prop_map(|(relation, bound)| Test::Number(relation, bound.into())),
        2 => (name(), position, any::<bool>())
            .prop_map(|(name, position, cased)| Test::Field { name, position, cased }),
        1 => (part, number).prop_map(|(part, number)| Test::Moment(part, number)),
    ]
}

fn values(test: impl Strategy<Value = Test>) -> impl Strategy<Value = Values> {
    (any::<bool>(), vec(vec(test, 1..3), 0..4)).prop_map(|(all, tests)| Values { all, tests })
}

fn search() -> impl Strategy<Value = Search> {
    let item =
        (name(), values(test()), prop::bool::weighted(0.2)).prop_map(|(field, values, negated)| {
            Item {
                line: 1,
                field,
                values,
                negated,
            }
        });
    let leaf = prop_oneof![
        4 => vec(item, 0..4).prop_map(Search::All),
        1 => values(word()).prop_map(Search::Keywords),
    ];
    leaf.prop_recursive(2, 6, 3, |search| vec(search, 0..4).prop_map(Search::Any))
}

fn condition(selections: usize) -> impl Strategy<Value = Condition> {
    (0..selections)
        .prop_map(Condition::Selection)
        .prop_recursive(4, 12, 4, |part| {
            prop_oneof![
                part.clone().prop_map(|part| Condition::Not(Box::new(part))),
                vec(part.clone(), 0..4).prop_map(Condition::All),
                vec(part.clone(), 0..4).prop_map(Condition::Any),
                (0_usize..5, vec(part, 0..5))
                    .prop_map(|(count, parts)| Condition::AtLeast(count, parts)),
            ]
        })
}

/// As most rules are: some of several selections, each with a few texts to look for, so that there is
/// nearly always something that they cannot match without.
fn plain_rule() -> impl Strategy<Value = Rule> {
    let part = (short(), 0..6).prop_map(|(text, kind)| {
        let pattern = match kind {
            0 | 1 => vec![Part::Any, Part::Literal(text), Part::Any],
            2 | 3 => vec![Part::Any, Part::Literal(text)],
            4 => vec![Part::Any, Part::One, Part::Literal(text)],
            _ => vec![Part::Literal(text), Part::Any],
        };
        Test::Text {
            pattern: Pattern(pattern),
            cased: false,
        }
    });
    let item = (0..3_usize, any::<bool>(), vec(part, 1..3)).prop_map(|(name, all, tests)| Item {
        line: 1,
        field: NAMES[name].to_owned(),
        values: Values {
            all,
            tests: tests.into_iter().map(|test| vec![test]).collect(),
        },
        negated: false,
    });
    (vec(item, 2..6), 1..5_usize).prop_map(|(items, count)| {
        let parts = (0..items.len()).map(Condition::Selection).collect();
        let selections = items
            .into_iter()
            .map(|item| Search::All(vec![item]))
            .collect();
        rule("all", selections, Condition::AtLeast(count, parts))
    })
}

fn any_rule() -> impl Strategy<Value = Rule> {
    let category = select(vec!["all", "few", "both", "nothing"]);
    vec(search(), 1..4)
        .prop_flat_map(|selections| {
            let count = selections.len();
            (Just(selections), condition(count))
        })
        .prop_flat_map(move |(selections, condition)| {
            (category.clone(), Just(selections), Just(condition))
        })
        .prop_map(|(category, selections, condition)| rule(category, selections, condition))
}

fn event() -> impl Strategy<Value = TestEvent> {
    let moment = option::of(0_i64..4 * 365 * 86_400 * 1_000_000_000);
    (vec(option::of(value()), NAMES.len()), moment).prop_map(|(values, moment)| {
        let present: Vec<_> = NAMES
            .iter()
            .zip(values)
            .filter_map(|(name, value)| Some((*name, value?)))
            .collect();
        TestEvent {
            moment,
            ..TestEvent::new(&present)
        }
    })
}

/// Of class [`FEW`] are events without the fields that it lacks.
fn with_few_fields(event: &TestEvent) -> TestEvent {
    let mut event = event.clone();
    event.values.retain(|(field, _)| field.0 <= 5);
    event
}

/// The matches of a rule by the reference; none where the matcher does not use it.
fn expected(rule: &Rule, usable: &Use, class: super::Class, event: &TestEvent) -> bool {
    let about = match rule.log_source.category.as_deref() {
        Some("all") => class == ALL,
        Some("few") => class == FEW,
        Some("both") => true,
        _ => false,
    };
    let is_match = about && naive::matches(rule, class, event);
    match usable {
        Use::Full | Use::Partial(_) => is_match,
        Use::NeverFires(reason) => {
            // Not even the reference finds an event that it matches, but for odd names of files.
            assert!(!is_match || reason.contains("paths on Linux"), "{reason}");
            is_match
        }
        Use::Refused(reason) => {
            assert!(reason.contains("matches every event"), "{reason}");
            if rule.log_source.category.as_deref() != Some("both") {
                assert!(is_match || !about, "{reason}");
            }
            false
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn what_the_reference_finds_is_found(
        rules in vec(prop_oneof![any_rule(), plain_rule()], 1..12),
        events in vec(event(), 1..24),
    ) {
        let (matcher, uses) = Matcher::compile(&rules, &Names);
        prop_assert_eq!(uses.len(), rules.len());
        let mut scratch = Scratch::near_the_last_turn();
        for event in &events {
            for class in [ALL, FEW] {
                let event = if class == FEW { with_few_fields(event) } else { event.clone() };
                let expected: Vec<usize> = (0..rules.len())
                    .filter(|index| {
                        expected(&rules[*index], &uses[*index], class, &event)
                            && !always(&rules[*index], class)
                    })
                    .collect();
                prop_assert_eq!(
                    found(&matcher, class, &event, &mut scratch),
                    expected,
                    "{:?}",
                    event
                );
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(30))]

    #[test]
    fn rules_together_find_what_they_find_apart(
        rules in vec(any_rule(), 10..40),
        event in event(),
    ) {
        // Many rules at once share questions and searches.
        let (together, uses) = Matcher::compile(&rules, &Names);
        let mut apart = Vec::new();
        for (index, rule) in rules.iter().enumerate() {
            let (alone, its_use) = Matcher::compile(std::slice::from_ref(rule), &Names);
            prop_assert_eq!(&its_use[0], &uses[index]);
            if !found(&alone, ALL, &event, &mut Scratch::default()).is_empty() {
                apart.push(index);
            }
        }
        prop_assert_eq!(found(&together, ALL, &event, &mut Scratch::default()), apart);
    }
}

/// Whether a rule about both classes was left out in one, as it matches every event of it.
fn always(rule: &Rule, class: super::Class) -> bool {
    if rule.log_source.category.as_deref() != Some("both") {
        return false;
    }
    let category = if class == ALL { "all" } else { "few" };
    let mut alone = rule.clone();
    alone.log_source.category = Some(category.to_owned());
    let (_, uses) = Matcher::compile(&[alone], &Names);
    matches!(uses[0], Use::Refused(_))
}
