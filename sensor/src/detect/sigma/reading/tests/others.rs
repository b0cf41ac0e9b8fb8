//! Correlations and filters.

use std::time::Duration;

use super::{problem, read, rule};
use crate::detect::sigma::{
    correlation::{Alias, Ask, Bound, Correlation, Statistic},
    filter::{Filter, FilterRules},
    rule::{Condition, Relation},
};

/// The document with this `correlation`, whose first line is the third.
fn document(correlation: &str) -> String {
    format!("title: Many\ncorrelation:\n{correlation}")
}

fn correlation(text: &str) -> Correlation {
    let mut reading = read(&document(text));
    assert_eq!(reading.problems, [], "{text}");
    reading.correlations.remove(0)
}

fn ask(sort: &str, condition: &str) -> Ask {
    let condition = match condition {
        "" => String::new(),
        _ => format!("    condition: {condition}\n"),
    };
    correlation(&format!(
        "    type: {sort}\n    rules: [a, b]\n    timespan: 1h\n{condition}"
    ))
    .ask
}

#[test]
fn a_correlation_is_read() {
    let read = correlation(
        "    type: event_count
    rules:
        - a
        - 5638f7c0-ac70-491d-8465-2a65075e0d86
    group-by:
        - user
        - host
    timespan: 90m
    generate: true
    aliases:
        user:
            a: User
            5638f7c0-ac70-491d-8465-2a65075e0d86: TargetUser
    condition:
        gt: 100
        lte: 200
level: high
",
    );
    assert_eq!(read.header.title, "Many");
    assert_eq!(read.rules, ["a", "5638f7c0-ac70-491d-8465-2a65075e0d86"]);
    assert_eq!(read.group_by, ["user", "host"]);
    assert_eq!(read.timespan, Duration::from_secs(5_400));
    assert!(read.generate);
    let field = |rule: &str, field: &str| (rule.to_owned(), field.to_owned());
    assert_eq!(
        read.aliases,
        [Alias {
            name: "user".to_owned(),
            fields: vec![
                field("a", "User"),
                field("5638f7c0-ac70-491d-8465-2a65075e0d86", "TargetUser"),
            ],
        }]
    );
    assert_eq!(
        read.ask,
        Ask::EventCount(vec![
            Bound::Is(Relation::Greater, 100.0),
            Bound::Is(Relation::LessOrEqual, 200.0)
        ])
    );
}

#[test]
fn every_type_is_read() {
    let bounds = || vec![Bound::Is(Relation::GreaterOrEqual, 5.0)];
    let fields = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let statistic = |statistic| Ask::Statistic {
        statistic,
        field: "f".to_owned(),
        bounds: bounds(),
    };
    for (sort, condition, wanted) in [
        ("event_count", "{gte: 5}", Ask::EventCount(bounds())),
        (
            "event_count",
            "{eq: 5}",
            Ask::EventCount(vec![Bound::Equal(5.0)]),
        ),
        (
            "event_count",
            "{neq: 5}",
            Ask::EventCount(vec![Bound::NotEqual(5.0)]),
        ),
        (
            "event_count",
            "{lt: 5}",
            Ask::EventCount(vec![Bound::Is(Relation::Less, 5.0)]),
        ),
        (
            "value_count",
            "{gte: 5, field: f}",
            Ask::ValueCount {
                fields: fields(&["f"]),
                bounds: bounds(),
            },
        ),
        (
            "value_count",
            "{gte: 5, field: [f, g]}",
            Ask::ValueCount {
                fields: fields(&["f", "g"]),
                bounds: bounds(),
            },
        ),
        ("value_sum", "{gte: 5, field: f}", statistic(Statistic::Sum)),
        (
            "value_avg",
            "{gte: 5, field: [f]}",
            statistic(Statistic::Average),
        ),
        (
            "value_median",
            "{gte: 5, field: f}",
            statistic(Statistic::Median),
        ),
        (
            "value_percentile",
            "{gte: 5, field: f, percentile: 95}",
            statistic(Statistic::Percentile(95.0)),
        ),
        ("temporal", "", Ask::Temporal),
        ("temporal", "{gte: 2}", Ask::Temporal),
        ("temporal_ordered", "", Ask::TemporalOrdered),
    ] {
        assert_eq!(ask(sort, condition), wanted, "{sort} {condition}");
    }
}

#[test]
fn timespans_have_units() {
    for (text, seconds) in [
        ("1s", 1),
        ("5m", 300),
        ("2h", 7_200),
        ("365d", 31_536_000),
        ("2w", 1_209_600),
        ("1M", 2_629_746),
        ("1y", 31_556_952),
    ] {
        let whole = format!("    type: temporal\n    rules: [a]\n    timespan: {text}\n");
        assert_eq!(correlation(&whole).timespan.as_secs(), seconds, "{text}");
    }
    for text in [
        "0s",
        "5",
        "m",
        "5x",
        "-5m",
        "+5m",
        "1.5h",
        "2y",
        "99999999999999999999d",
        "5 m",
        "ü",
    ] {
        let whole = format!("    type: temporal\n    rules: [a]\n    timespan: {text}\n");
        let (line, what) = problem(&document(&whole));
        assert_eq!(line, 5, "{text}");
        assert!(what.contains("must be as 30s"), "{text}: {what}");
    }
}

#[test]
fn a_correlation_that_cannot_be_read_says_why() {
    let base =
        "    type: event_count\n    rules: [a, b]\n    timespan: 1h\n    condition: {gte: 5}\n";
    for (from, to, line, wanted) in [
        ("    type: event_count\n", "", 2, "has no `type`"),
        (
            "event_count",
            "value_max",
            3,
            "`type` is `value_max`, but must be one of",
        ),
        ("    rules: [a, b]\n", "", 2, "has no `rules`"),
        ("[a, b]", "[]", 2, "has no `rules`"),
        ("    timespan: 1h\n", "", 2, "has no `timespan`"),
        ("    condition: {gte: 5}\n", "", 2, "has no bound"),
        ("{gte: 5}", "{}", 6, "has no bound"),
        ("{gte: 5}", "{gte: many}", 6, "`gte` must be a number"),
        ("{gte: 5}", "{ge: 5}", 6, "`condition` has `ge`"),
        ("{gte: 5}", "gte 5", 6, "must be a mapping"),
        ("event_count", "value_count", 6, "has no `field`"),
        ("event_count", "value_sum", 6, "has no `field`"),
        ("event_count", "temporal", 6, "all must match"),
        (
            "{gte: 5}",
            "{gte: 5}\n    generate: maybe",
            7,
            "`generate` is `maybe`",
        ),
        (
            "{gte: 5}",
            "{gte: 5}\n    aliases:\n        x:\n            c: f",
            9,
            "not in `rules`",
        ),
        (
            "{gte: 5}",
            "{gte: 5}\n    aliases: [x]",
            7,
            "`aliases` must be a mapping",
        ),
    ] {
        let text = document(&base.replacen(from, to, 1));
        let (told, what) = problem(&text);
        assert!(what.contains(wanted), "{text}: {what}");
        assert_eq!(told, line, "{text}: {what}");
    }
    let percentile = base.replace("event_count", "value_percentile");
    let percentile = percentile.replace("gte: 5", "gte: 5, field: f, percentile: 101");
    assert!(problem(&document(&percentile)).1.contains("from 0 to 100"));
    assert!(
        problem("title: a\ncorrelation: text\n")
            .1
            .contains("must be a mapping")
    );
}

#[test]
fn correlations_take_what_is_global_but_no_selections() {
    let text = "action: global\ntitle: T\nlevel: low\ndetection:\n    condition: s\n---\ncorrelation:\n    \
                type: temporal\n    rules: a\n    timespan: 1m\n";
    let reading = read(text);
    assert_eq!(reading.problems, []);
    assert_eq!(reading.correlations[0].header.title, "T");
    assert_eq!(reading.correlations[0].rules, ["a"]);
}

/// The filter with this in it, whose `filter` is the third line.
fn filter_document(filter: &str) -> String {
    format!("title: F\nlogsource: {{category: process_creation}}\nfilter:\n{filter}")
}

fn filter(text: &str) -> Filter {
    let mut reading = read(&filter_document(text));
    assert_eq!(reading.problems, [], "{text}");
    reading.filters.remove(0)
}

#[test]
fn a_filter_is_added_to_the_rules_that_it_names() {
    let text = "    rules:\n        - ID\n        - other\n    admin:\n        User|startswith: adm_\n    \
                backup:\n        User: b\n    condition: not admin and not 1 of back*\n";
    let filter = filter(text);
    assert_eq!(
        filter.rules,
        FilterRules::Named(vec!["ID".to_owned(), "other".to_owned()])
    );
    let plain = rule("  s:\n    f: 1\n  t:\n    f: 2\n  condition: s or t");
    let selection = |index| Condition::Selection(index);
    let not = |index| Condition::Not(Box::new(selection(index)));

    let mut unnamed = plain.clone();
    assert!(!filter.apply(&mut unnamed));
    assert_eq!(unnamed, plain);

    for (id, name) in [(Some("id"), None), (None, Some("other"))] {
        let mut named = plain.clone();
        named.header.id = id.map(str::to_owned);
        named.header.name = name.map(str::to_owned);
        assert!(filter.apply(&mut named));
        let names: Vec<_> = named
            .selections
            .iter()
            .map(|selection| &*selection.name)
            .collect();
        assert_eq!(names, ["s", "t", "admin", "backup"]);
        let wanted = Condition::All(vec![
            Condition::Any(vec![selection(0), selection(1)]),
            Condition::All(vec![not(2), not(3)]),
        ]);
        assert_eq!(named.condition, wanted);
    }
}

#[test]
fn many_filters_make_no_deep_condition() {
    let filter = filter("    rules: any\n    s:\n        f: 1\n    condition: not s\n");
    let mut rule = rule("  s:\n    f: 1\n  condition: s");
    for _ in 0..3 {
        assert!(filter.apply(&mut rule));
    }
    let not = |index| Condition::Not(Box::new(Condition::Selection(index)));
    let wanted = Condition::All(vec![Condition::Selection(0), not(1), not(2), not(3)]);
    assert_eq!(rule.condition, wanted);
}

#[test]
fn a_filter_for_any_rule_is_bound_by_its_log_source() {
    let mut filter = filter("    rules: any\n    s:\n        f: 1\n    condition: not s\n");
    assert_eq!(filter.rules, FilterRules::Any);
    let mut any = rule("  s:\n    f: 1\n  condition: s");
    any.log_source.product = Some("linux".to_owned());
    assert!(
        filter.apply(&mut any.clone()),
        "the rule's source says more"
    );
    filter.log_source.product = Some("windows".to_owned());
    assert!(
        !filter.apply(&mut any.clone()),
        "the rule's source says another thing"
    );
    filter.log_source.product = Some("linux".to_owned());
    filter.log_source.service = Some("auditd".to_owned());
    assert!(
        !filter.apply(&mut any.clone()),
        "the rule's source says less"
    );
}

#[test]
fn a_filter_that_cannot_be_read_says_why() {
    for (text, line, wanted) in [
        ("    s: {f: 1}\n    condition: s\n", 3, "has no `rules`"),
        (
            "    rules: any\n    condition: s\n",
            3,
            "`filter` has no selection",
        ),
        ("    rules: any\n    s: {f: 1}\n", 3, "has no `condition`"),
        (
            "    rules: any\n    s: {f: 1}\n    condition: x\n",
            6,
            "names `x`",
        ),
        (
            "    rules: {a: b}\n    s: {f: 1}\n    condition: s\n",
            4,
            "must be a single value",
        ),
    ] {
        let (told, what) = problem(&filter_document(text));
        assert!(what.contains(wanted), "{text}: {what}");
        assert_eq!(told, line, "{text}: {what}");
    }
}
