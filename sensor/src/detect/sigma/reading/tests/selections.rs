//! Selections, and every modifier.

use proptest::prelude::*;

use super::{alternatives, document, problem, read, read_with, rule, search, text, values};
use crate::detect::sigma::{
    reading::Placeholders,
    rule::{MomentPart, Network, Position, Relation, Search, Test},
};

fn expanding(values: &[&str]) -> Placeholders {
    let values = values.iter().map(|value| (*value).to_owned()).collect();
    Placeholders([("servers".to_owned(), values)].into())
}

#[test]
fn plain_values_are_text_numbers_booleans_and_nothing() {
    for (item, wanted) in [
        ("f: /bin/sh", text("/bin/sh")),
        ("f: 'a*b?'", text("a*b?")),
        ("f: 22", text("22")),
        ("f: 0x10", text("16")),
        ("f: -1.50", text("-1.50")),
        ("f: true", text("true")),
        ("f: ''", text("")),
        ("f: null", Test::Null),
        ("f:", Test::Null),
        ("f: 'null'", text("null")),
        ("f: !!str 0x10", text("0x10")),
        (
            "f|cased: A",
            Test::Text {
                pattern: crate::detect::sigma::rule::Pattern::literal("A"),
                cased: true,
            },
        ),
        ("f|neq: null", Test::Null),
    ] {
        assert_eq!(alternatives(item), [wanted], "{item}");
    }
    assert_eq!(
        values("f: [1, null, a]").tests,
        [[text("1")], [Test::Null], [text("a")]]
    );
    assert!(!values("f: [1, 2]").all);
    assert!(values("f|contains|all: [1, 2]").all);
    assert!(values("f|all|contains: [1, 2]").all);
}

#[test]
fn positions_are_wildcards() {
    for (item, wanted) in [
        ("f|contains: a", "*a*"),
        ("f|startswith: a", "a*"),
        ("f|endswith: /a", "*/a"),
        ("f|endswith: '*a'", "*a"),
        ("f|contains: ''", "*"),
        ("f|contains: 5", "*5*"),
        (r"f|startswith: 'a\*'", r"a\**"),
    ] {
        assert_eq!(alternatives(item), [text(wanted)], "{item}");
    }
}

#[test]
fn encodings_follow_one_another() {
    for (item, wanted) in [
        ("f|base64: foobar", &["Zm9vYmFy"][..]),
        (
            "f|base64offset: foobar",
            &["Zm9vYmFy", "Zvb2Jhc", "mb29iYX"],
        ),
        (
            "f|base64offset|contains: foobar",
            &["*Zm9vYmFy*", "*Zvb2Jhc*", "*mb29iYX*"],
        ),
        ("f|utf16le|base64: ab", &["YQBiAA=="]),
        ("f|wide|base64: ab", &["YQBiAA=="]),
        ("f|utf16be|base64: ab", &["AGEAYg=="]),
        ("f|utf16|base64: ab", &["//5hAGIA"]),
        ("f|utf16le: a", &["a\0"]),
        ("f|base64|base64: a", &["WVE9PQ=="]),
        (
            "f|windash|contains: ' -x'",
            &["* -x*", "* /x*", "* –x*", "* —x*", "* ―x*"],
        ),
        (r"f|base64: '\*'", &["Kg=="]),
    ] {
        let wanted: Vec<_> = wanted.iter().map(|pattern| text(pattern)).collect();
        assert_eq!(alternatives(item), wanted, "{item}");
    }
}

#[test]
fn other_modifiers_make_tests_of_their_own() {
    let regex = |expression: &str| vec![Test::Regex(expression.to_owned())];
    let network = |address: &str, prefix| {
        vec![Test::Network(Network {
            address: address.parse().unwrap(),
            prefix,
        })]
    };
    let field = |position, cased| {
        vec![Test::Field {
            name: "g".to_owned(),
            position,
            cased,
        }]
    };
    let moments = |part, numbers: std::ops::RangeInclusive<i64>| -> Vec<_> {
        numbers.map(|number| Test::Moment(part, number)).collect()
    };
    for (item, wanted) in [
        (r"f|re: '^a\d+$'", regex(r"^a\d+$")),
        ("f|re|i: a", regex("(?i)a")),
        ("f|re|i|m|s: a", regex("(?ims)a")),
        ("f|re: 5", regex("5")),
        ("f|cidr: 10.0.0.0/8", network("10.0.0.0", 8)),
        ("f|cidr: 'fe80::/10'", network("fe80::", 10)),
        ("f|cidr: 127.0.0.1", network("127.0.0.1", 32)),
        ("f|lt: 5", vec![Test::Number(Relation::Less, 5.0)]),
        (
            "f|lte: -5.5",
            vec![Test::Number(Relation::LessOrEqual, -5.5)],
        ),
        ("f|gt: '5'", vec![Test::Number(Relation::Greater, 5.0)]),
        (
            "f|gte: 0x10",
            vec![Test::Number(Relation::GreaterOrEqual, 16.0)],
        ),
        ("f|fieldref: g", field(Position::Whole, false)),
        ("f|fieldref|startswith: g", field(Position::Start, false)),
        ("f|endswith|fieldref: g", field(Position::End, false)),
        (
            "f|fieldref|contains|cased: g",
            field(Position::Anywhere, true),
        ),
        ("f|exists: true", vec![Test::Exists(true)]),
        ("f|exists: no", vec![Test::Exists(false)]),
        ("f|minute: 59", moments(MomentPart::Minute, 59..=59)),
        ("f|hour: 0", moments(MomentPart::Hour, 0..=0)),
        ("f|hour|gte: 22", moments(MomentPart::Hour, 22..=23)),
        ("f|day|lt: 3", moments(MomentPart::Day, 1..=2)),
        ("f|week: 53", moments(MomentPart::Week, 53..=53)),
        ("f|month|lte: 2", moments(MomentPart::Month, 1..=2)),
        ("f|year: 2026", moments(MomentPart::Year, 2026..=2026)),
        ("f|year|gt: 2260", moments(MomentPart::Year, 2261..=2262)),
    ] {
        assert_eq!(alternatives(item), wanted, "{item}");
    }
}

#[test]
fn neq_negates_the_item() {
    let rule = rule("  s:\n    a|neq: [1, 2]\n    b|neq|contains: x\n    c: 1\n  condition: s");
    let Search::All(items) = &rule.selections[0].search else {
        panic!("a mapping is one");
    };
    let told: Vec<_> = items
        .iter()
        .map(|item| (item.field.as_str(), item.negated, item.line))
        .collect();
    assert_eq!(told, [("a", true, 6), ("b", true, 7), ("c", false, 8)]);
}

#[test]
fn words_without_a_field_may_be_anywhere() {
    let any = |words: &[&str], all| {
        let tests = words.iter().map(|word| vec![text(word)]).collect();
        Search::Keywords(crate::detect::sigma::rule::Values { all, tests })
    };
    for (selection, wanted) in [
        (
            "\n    - one\n    - 'two *'\n    - 3",
            any(&["*one*", "*two *", "*3*"], false),
        ),
        (" one", any(&["*one*"], false)),
        (
            "\n    '|all':\n      - one\n      - two",
            any(&["*one*", "*two*"], true),
        ),
        ("\n    '|contains': one", any(&["*one*"], false)),
        (
            "\n    '|base64offset': foobar",
            Search::Keywords(crate::detect::sigma::rule::Values {
                all: false,
                tests: vec![["*Zm9vYmFy*", "*Zvb2Jhc*", "*mb29iYX*"].map(text).into()],
            }),
        ),
        (
            "\n    '|re': 'a+'",
            Search::Keywords(crate::detect::sigma::rule::Values {
                all: false,
                tests: vec![vec![Test::Regex("a+".to_owned())]],
            }),
        ),
    ] {
        assert_eq!(search(selection), wanted, "{selection}");
    }
}

#[test]
fn a_list_of_mappings_has_alternatives() {
    let Search::Any(searches) = search("\n    - a: 1\n      b: 2\n    - c: 3\n    - word") else {
        panic!("a list of mappings has alternatives");
    };
    assert!(matches!(&searches[0], Search::All(items) if items.len() == 2));
    assert!(matches!(&searches[1], Search::All(items) if items.len() == 1));
    assert!(matches!(&searches[2], Search::Keywords(_)));
}

#[test]
fn what_is_not_asked_for_is_no_selection() {
    let rule = rule("  s:\n    f: 1\n  unused:\n    f: 2\n  timeframe: 5m\n  condition: s");
    let names: Vec<_> = rule
        .selections
        .iter()
        .map(|selection| &*selection.name)
        .collect();
    assert_eq!(names, ["s", "unused"]);
}

#[test]
fn placeholders_are_expanded_or_the_rule_waits_for_values() {
    let item = document("  s:\n    f|expand|contains: '%servers%-x'\n  condition: s");
    let reading = read_with(&item, &expanding(&["a", "b*"]));
    assert_eq!(reading.problems, []);
    let Search::All(items) = &reading.rules[0].selections[0].search else {
        panic!("a mapping is one");
    };
    assert_eq!(items[0].values.tests, [[text("*a-x*"), text("*b*-x*")]]);
    let without = read(&item);
    assert_eq!((without.rules, without.problems), (Vec::new(), Vec::new()));
    let problem = without.unresolved[0].problem();
    assert_eq!(problem.place.line, 1);
    assert!(
        problem
            .what
            .contains("until `%servers%` (line 6) has values"),
        "{problem}"
    );
    assert_eq!(alternatives("f: '%servers%'"), [text("%servers%")]);

    let networks = document("  s:\n    f|expand|cidr: '%servers%'\n  condition: s");
    let reading = read_with(&networks, &expanding(&["10.0.0.0/8", "::1"]));
    assert_eq!(reading.problems, []);
}

#[test]
fn what_cannot_be_read_is_refused_with_its_line() {
    for (selection, line, wanted) in [
        (
            "    a: 1\n    b|contain: x",
            7,
            "`b|contain`: `contain` is no modifier",
        ),
        ("    a: 1\n    b:\n      - x\n      - [y]", 9, "not a list"),
        ("    a:\n      b: 1", 7, "not a mapping"),
        ("    a: []", 6, "has no values"),
        ("    {}", 6, "the selection `s` is empty"),
        ("    []", 6, "the selection `s` is empty"),
        ("    a: 1\n    a: 2", 7, "`a` is written twice"),
        ("    a|contains: null", 6, "write `''` for empty text"),
        ("    a: 010", 6, "put it in quotation marks"),
        ("    a|re:\n      - ok\n      - '(x'", 8, "unclosed group"),
        ("    a|re: '(?<=x)y'", 6, "look-around"),
        (r"    a|re: '(\w{1000}){1000}'", 6, "more than 1024 KiB"),
        ("    a|cidr: 10.0.0.0/33", 6, "`10.0.0.0/33` is no network"),
        ("    a|cidr: 10.0.0.*", 6, "is no network"),
        ("    a|cidr: '::1/129'", 6, "is no network"),
        ("    a|cidr: '::1/'", 6, "is no network"),
        ("    a|gt: many", 6, "`many` is no number"),
        ("    a|gt: .nan", 6, "`.nan` is no number"),
        ("    a|fieldref: 5", 6, "no field's name"),
        ("    a|exists: maybe", 6, "must be `true` or `false`"),
        ("    a|exists: [true, false]", 6, "takes one value"),
        ("    a|hour: 24", 6, "a number from 0 to 23"),
        ("    a|hour: x", 6, "a number from 0 to 23"),
        ("    a|hour|gt: 23", 6, "nothing is less or greater"),
        ("    a|base64: 'x*'", 6, "wildcards cannot be encoded"),
        ("    a|base64offset: x", 6, "too short"),
        ("    a|utf16: x", 6, "no text"),
        ("    a|utf16le: ü", 6, "no text"),
        (
            "    a|windash: '-a -b -c -d -e -f'",
            6,
            "`windash` makes more than 3125",
        ),
        ("    '|all': [a]\n    b: 1", 6, "a selection of their own"),
        ("    '|cidr': 10.0.0.0/8", 6, "needs a field"),
        ("    '|neq': a", 6, "needs a field"),
        ("    '|startswith': a", 6, "looked for anywhere"),
        ("    - ''", 6, "an empty word"),
        ("    - null\n    - a", 6, "no modifiers"),
        ("    - [a, b]\n    - {}", 7, "empty"),
    ] {
        let text = document(&format!("  s:\n{selection}\n  condition: s\n"));
        let (told, what) = problem(&text);
        assert!(what.contains(wanted), "{selection}: {what}");
        assert_eq!(told, line, "{selection}: {what}");
    }
}

#[test]
fn a_rule_with_too_many_values_is_refused() {
    // Each makes 625 alternatives.
    let values = "      - '-a -b -c -d'\n".repeat(161);
    let text = document(&format!("  s:\n    f|windash:\n{values}  condition: s\n"));
    let (line, what) = problem(&text);
    assert!(what.contains("more than 100000 values"), "{what}");
    assert_eq!(line, 6 + 161);
    let expressions = "      - a\n".repeat(2_001);
    let text = document(&format!("  s:\n    f|re:\n{expressions}  condition: s\n"));
    assert!(
        problem(&text)
            .1
            .contains("more than 2000 regular expressions")
    );
}

proptest! {
    #[test]
    fn any_key_and_value_make_a_rule_or_one_problem(
        modifiers in prop::collection::vec(
            prop::sample::select(vec![
                "contains", "startswith", "endswith", "all", "cased", "re", "i", "m", "s", "cidr",
                "base64", "base64offset", "utf16le", "utf16be", "utf16", "wide", "windash", "expand",
                "exists", "fieldref", "lt", "lte", "gt", "gte", "neq", "minute", "hour", "day",
                "week", "month", "year", "other",
            ]),
            0..4,
        ),
        value in prop_oneof![
            "[-/a-z*?\\\\%() ]{0,10}".prop_map(|text| format!("'{text}'")),
            "[0-9.]{1,6}",
            Just("null".to_owned()),
            Just("true".to_owned()),
            Just("10.0.0.0/8".to_owned()),
            Just("[1, a]".to_owned()),
        ],
    ) {
        let key = ["f"].into_iter().chain(modifiers).collect::<Vec<_>>().join("|");
        let text = document(&format!("  s:\n    {key}: {value}\n  condition: s\n"));
        let reading = read(&text);
        prop_assert_eq!(reading.rules.len() + reading.problems.len(), 1, "{}", text);
        for problem in reading.problems {
            prop_assert_eq!(problem.place.line, 6, "{}", text);
        }
    }
}
