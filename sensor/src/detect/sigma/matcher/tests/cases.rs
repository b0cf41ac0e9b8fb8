//! Single questions, each with what it matches and what not.

use super::{
    ALL, Condition, FEW, Matcher, Names, Owned, Scratch, Search, Test, TestEvent, Values, any,
    found, is_match, item, pattern_of, rule, single, text,
};
use crate::detect::sigma::rule::{MomentPart, Network, Position, Relation};

fn line(value: &str) -> TestEvent {
    TestEvent::texts(&[("Line", value)])
}

#[test]
fn patterns_match_the_whole_value() {
    for (pattern, matching, other) in [
        ("a", &["a", "A"][..], &["", "aa", "ba"][..]),
        ("", &[""], &["a"]),
        ("*", &["", "a"], &[]),
        ("?", &["a", "ä", "\u{1f600}"], &["", "aa"]),
        ("??*", &["ab", "abc"], &["", "a"]),
        ("*?*?*", &["ab", "aäb"], &["a", "ä"]),
        ("a*a", &["aa", "aba"], &["a", "ab"]),
        ("*ab*ab*", &["abab", "xabyabz"], &["ab", "aba"]),
        ("*aab", &["aaab", "aab"], &["aaba"]),
        ("*a?b*", &["aab", "aaab", "xa.b", "aaxbb"], &["ab", "a..b"]),
        ("*?b?", &["abc", "bbbc"], &["bc", "abcd"]),
        ("a?*?c", &["a..c", "a...c"], &["ac", "a.c"]),
        ("*\u{212a}*", &["k", "\u{212a}", "aKa"], &["c"]),
        (
            "k\u{130}ll",
            &["kill", "\u{212a}ILL"],
            &["kıll", "ki\u{307}ll"],
        ),
        ("*ÄÖ*", &["äö", "xÄöx"], &["ao", "ä"]),
    ] {
        for value in matching {
            assert!(
                is_match(&single("Line", text(pattern)), &line(value)),
                "{pattern} {value}"
            );
            let path = TestEvent::texts(&[("Image", value)]);
            assert!(
                is_match(&single("Image", text(pattern)), &path),
                "{pattern} {value}"
            );
        }
        for value in other {
            assert!(
                !is_match(&single("Line", text(pattern)), &line(value)),
                "{pattern} {value}"
            );
        }
        assert!(!is_match(
            &single("Line", text(pattern)),
            &TestEvent::default()
        ));
    }
}

#[test]
fn paths_are_found_by_how_they_end() {
    for (pattern, matching, other) in [
        (
            "*/bash",
            &["/bin/bash", "/BASH"][..],
            &["bash", "/bin/bash/", "/bin/xbash"][..],
        ),
        (
            "/usr/bin/\u{212a}ill",
            &["/usr/bin/kill"],
            &["/bin/kill", "kill"],
        ),
        (
            "*/bin/*/x?",
            &["/bin/a/xy", "/usr/bin//xä"],
            &["/bin/xy", "/bin/a/x"],
        ),
        ("*/", &["/", "/a/"], &["", "/a"]),
        ("bash", &["bash"], &["/bash", "a/bash"]),
        ("*bash", &["bash", "/rbash", "/x/bash"], &["bas"]),
    ] {
        let rule = single("Image", text(pattern));
        for value in matching {
            assert!(
                is_match(&rule, &TestEvent::texts(&[("Image", value)])),
                "{pattern} {value}"
            );
        }
        for value in other {
            assert!(
                !is_match(&rule, &TestEvent::texts(&[("Image", value)])),
                "{pattern} {value}"
            );
        }
    }
}

#[test]
fn case_counts_where_it_is_asked_for() {
    let cased = single(
        "Line",
        Test::Text {
            pattern: pattern_of("*Ab*"),
            cased: true,
        },
    );
    assert!(is_match(&cased, &line("xAbx")));
    assert!(!is_match(&cased, &line("xabx")));
    let regex = single("Line", Test::Regex("Ab+".to_owned()));
    assert!(is_match(&regex, &line("xAbbx")));
    assert!(!is_match(&regex, &line("xabbx")));
    let flag = single("Line", Test::Regex("(?i)k(ill|EEP)$".to_owned()));
    assert!(is_match(&flag, &line("\u{212a}eep")));
    assert!(!is_match(&flag, &line("keep it")));
}

#[test]
fn values_that_are_no_text_are_compared_as_it() {
    let port = |number| TestEvent::new(&[("Port", Owned::Number(number))]);
    assert!(is_match(&single("Port", text("0")), &port(0)));
    assert!(!is_match(&single("Port", text("0")), &port(10)));
    assert!(is_match(&single("Port", text("-1*")), &port(-12)));
    assert!(is_match(
        &single("Port", Test::Regex("^4".to_owned())),
        &port(443)
    ));
    let boolean = TestEvent::new(&[("Line", Owned::Boolean(true))]);
    assert!(is_match(&single("Line", text("True")), &boolean));
    assert!(!is_match(&single("Line", text("false")), &boolean));
    let address = TestEvent::new(&[("Address", Owned::Address("FE80::0:1".parse().unwrap()))]);
    assert!(is_match(&single("Address", text("fe80::1")), &address));
    let number = |relation, bound| single("Port", Test::Number(relation, bound));
    for event in [port(5), TestEvent::texts(&[("Port", "5")])] {
        assert!(is_match(&number(Relation::Less, 5.5), &event));
        assert!(is_match(&number(Relation::LessOrEqual, 5.0), &event));
        assert!(!is_match(&number(Relation::Greater, 5.0), &event));
        assert!(is_match(&number(Relation::GreaterOrEqual, 5.0), &event));
    }
    let odd = TestEvent::texts(&[("Port", "inf")]);
    assert!(!is_match(&number(Relation::Greater, 5.0), &odd));
}

#[test]
fn networks_have_addresses_however_they_are_written() {
    let network = |address: &str, prefix| {
        let address = address.parse().unwrap();
        single("Address", Test::Network(Network { address, prefix }))
    };
    let has = |rule: &super::Rule, address: &str| {
        let number = TestEvent::new(&[("Address", Owned::Address(address.parse().unwrap()))]);
        let text = TestEvent::texts(&[("Address", address)]);
        assert_eq!(is_match(rule, &number), is_match(rule, &text), "{address}");
        is_match(rule, &text)
    };
    let private = network("10.0.0.0", 8);
    assert!(has(&private, "10.255.0.1") && has(&private, "::ffff:10.1.1.1"));
    assert!(!has(&private, "11.0.0.1") && !has(&private, "::a00:1"));
    assert!(has(&network("0.0.0.0", 0), "1.2.3.4") && !has(&network("0.0.0.0", 0), "::1"));
    assert!(has(&network("::", 0), "::1") && !has(&network("::", 0), "1.2.3.4"));
    let link = network("fe80::", 10);
    assert!(has(&link, "febf::1") && !has(&link, "fec0::1"));
    assert!(has(&network("::ffff:10.0.0.0", 104), "10.1.1.1"));
    assert!(!has(&network("10.0.0.1", 32), "10.0.0.2"));
    assert!(!is_match(
        &private,
        &TestEvent::texts(&[("Address", "10.0.0.1 ")])
    ));
    assert!(!is_match(
        &private,
        &TestEvent::new(&[("Address", Owned::Number(10))])
    ));
}

#[test]
fn what_is_not_there_is_null_and_empty_text_is_not() {
    let null = single("Line", Test::Null);
    assert!(is_match(&null, &TestEvent::default()));
    assert!(!is_match(&null, &line("")));
    assert!(is_match(&single("Line", Test::Exists(true)), &line("")));
    assert!(is_match(
        &single("Line", Test::Exists(false)),
        &TestEvent::default()
    ));
    assert!(!is_match(&single("Line", text("")), &TestEvent::default()));
    let mut other = item("Line", vec![text("a"), text("b")]);
    other.negated = true;
    let other = rule(
        "all",
        vec![Search::All(vec![other])],
        Condition::Selection(0),
    );
    assert!(is_match(&other, &line("c")) && is_match(&other, &TestEvent::default()));
    assert!(!is_match(&other, &line("B")));
}

#[test]
fn fields_are_compared_with_each_other() {
    let same = |position, cased| {
        let name = "Parent".to_owned();
        single(
            "Image",
            Test::Field {
                name,
                position,
                cased,
            },
        )
    };
    let event = |image, parent| TestEvent::texts(&[("Image", image), ("Parent", parent)]);
    assert!(is_match(
        &same(Position::Whole, false),
        &event("/Bin/ä", "/bin/Ä")
    ));
    assert!(!is_match(
        &same(Position::Whole, true),
        &event("/Bin/ä", "/bin/ä")
    ));
    assert!(is_match(
        &same(Position::Start, true),
        &event("/bin/a", "/bin")
    ));
    assert!(is_match(&same(Position::End, true), &event("/bin/a", "/a")));
    assert!(is_match(
        &same(Position::Anywhere, false),
        &event("/bin/a", "IN")
    ));
    assert!(!is_match(
        &same(Position::Anywhere, false),
        &TestEvent::texts(&[("Image", "a")])
    ));
}

#[test]
fn moments_have_parts_in_utc() {
    // 2024-12-30T23:59:30Z, a Monday in the first week of 2025 by ISO 8601.
    let mut event = line("");
    event.moment = Some(1_735_603_170_000_000_000);
    for (part, number) in [
        (MomentPart::Minute, 59),
        (MomentPart::Hour, 23),
        (MomentPart::Day, 30),
        (MomentPart::Week, 1),
        (MomentPart::Month, 12),
        (MomentPart::Year, 2024),
    ] {
        assert!(
            is_match(&single("Line", Test::Moment(part, number)), &event),
            "{part:?}"
        );
        assert!(!is_match(
            &single("Line", Test::Moment(part, number + 1)),
            &event
        ));
        assert!(!is_match(
            &single("Line", Test::Moment(part, number)),
            &line("")
        ));
    }
}

#[test]
fn words_are_looked_for_in_all_texts() {
    let words = |all, tests: Vec<Test>| {
        let values = Values { all, ..any(tests) };
        rule(
            "all",
            vec![Search::Keywords(values)],
            Condition::Selection(0),
        )
    };
    let event = TestEvent::texts(&[("Line", "rm -RF"), ("Image", "/bin/\u{212a}m")]);
    assert!(is_match(
        &words(false, vec![text("nothing"), text("-rf")]),
        &event
    ));
    assert!(is_match(
        &words(true, vec![text("km"), text("r*f")]),
        &event
    ));
    assert!(!is_match(
        &words(true, vec![text("km"), text("nothing")]),
        &event
    ));
    assert!(is_match(
        &words(false, vec![Test::Regex("RF$".to_owned())]),
        &event
    ));
    assert!(!is_match(
        &words(false, vec![text("a")]),
        &TestEvent::default()
    ));
}

#[test]
fn overlapping_texts_are_all_found() {
    let texts = [
        "*aaa*", "*aa*", "*a*", "*abab*", "*bab*", "*b*", "*abc", "*bc", "c*", "*?ab?*",
    ];
    let rules: Vec<_> = texts
        .iter()
        .map(|pattern| single("Line", text(pattern)))
        .collect();
    let (matcher, _) = Matcher::compile(&rules, &Names);
    let mut scratch = Scratch::default();
    for (value, expected) in [
        ("aaa", &[0, 1, 2][..]),
        ("abab", &[2, 3, 4, 5]),
        ("xababc", &[2, 3, 4, 5, 6, 7, 9]),
        ("", &[]),
        ("c", &[8]),
    ] {
        assert_eq!(
            found(&matcher, ALL, &line(value), &mut scratch),
            expected,
            "{value}"
        );
    }
}

#[test]
fn a_pattern_of_many_wildcards_takes_no_time() {
    let pattern = "*a".repeat(2000) + "*b" + &"?".repeat(5000);
    let rule = single("Line", text(&pattern));
    assert!(!is_match(&rule, &line(&"a".repeat(50_000))));
    assert!(is_match(
        &rule,
        &line(&("a".repeat(2000) + "b" + &"c".repeat(5000)))
    ));
    let steps = single("Line", text(&("*".to_owned() + &"a?".repeat(500) + "b*")));
    assert!(!is_match(&steps, &line(&"a".repeat(20_000))));
}

#[test]
fn an_event_of_several_classes_is_asked_as_each() {
    let of = |category: &str, pattern: &str| {
        let search = Search::All(vec![item("Line", vec![text(pattern)])]);
        rule(category, vec![search], Condition::Selection(0))
    };
    let rules = [
        of("all", "*a*"),
        of("both", "*b*"),
        of("few", "*c*"),
        of("both", "*d*"),
    ];
    let (matcher, _) = Matcher::compile(&rules, &Names);
    let mut scratch = Scratch::near_the_last_turn();
    for _ in 0..10 {
        for (text, expected) in [
            ("ABC", vec![(FEW, 1), (FEW, 2), (ALL, 0), (ALL, 1)]),
            ("c", vec![(FEW, 2)]),
            ("x", vec![]),
        ] {
            let mut found = Vec::new();
            matcher.matches(
                &[FEW, ALL],
                &line(text),
                &mut scratch,
                &mut |class, rule| {
                    found.push((class, rule));
                },
            );
            assert_eq!(found, expected, "{text}");
        }
    }
}

#[test]
fn a_scratch_serves_one_matcher_after_another() {
    let mut scratch = Scratch::near_the_last_turn();
    let few = [single("Line", text("*a*"))];
    let many: Vec<_> = (0..300)
        .map(|number| single("Line", text(&format!("*{number}*"))))
        .collect();
    let (few, _) = Matcher::compile(&few, &Names);
    let (many, _) = Matcher::compile(&many, &Names);
    for _ in 0..10 {
        assert_eq!(found(&few, ALL, &line("a1"), &mut scratch), [0]);
        assert_eq!(found(&many, ALL, &line("a17"), &mut scratch), [1, 7, 17]);
        assert_eq!(
            found(&many, ALL, &line("b"), &mut scratch),
            Vec::<usize>::new()
        );
    }
}

#[test]
fn many_long_texts_are_searched_for_in_less_memory() {
    let rules: Vec<_> = (0..4000)
        .map(|number| single("Line", text(&format!("*text {number}.*"))))
        .collect();
    let (matcher, _) = Matcher::compile(&rules, &Names);
    assert_eq!(matcher.classes[1].searches.always(), 0);
    let mut scratch = Scratch::default();
    assert_eq!(
        found(&matcher, ALL, &line("a Text 3999. text 7."), &mut scratch),
        [7, 3999]
    );
}
