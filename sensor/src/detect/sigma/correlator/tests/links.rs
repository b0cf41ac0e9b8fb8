//! Correlations of correlations, aliases, and what cannot be used.

use super::*;

fn alias<const N: usize>(name: &str, fields: [(&str, &str); N]) -> Alias {
    let fields = fields.map(|(rule, field)| (rule.to_owned(), field.to_owned()));
    Alias {
        name: name.to_owned(),
        fields: fields.to_vec(),
    }
}

fn reason(usable: &Use) -> &str {
    match usable {
        Use::Full => "",
        Use::Partial(reason) | Use::NeverFires(reason) | Use::Refused(reason) => reason,
    }
}

fn count(name: &str, rule: &str) -> Correlation {
    correlation(name, [rule], Ask::EventCount(at_least(2.0)))
}

#[test]
fn many_failures_and_then_a_success() {
    let failures = correlation("failures", ["r0"], Ask::EventCount(at_least(3.0)));
    let mut success = correlation("success", ["failures", "r1"], Ask::TemporalOrdered);
    success.group_by = vec!["f1".into()];
    // The outer one comes first in the file, and asks later.
    let mut trial = Trial::new(vec![success, failures]);
    assert_eq!(trial.uses, [Use::Full, Use::Full]);
    let values = Values::of([(0, "host"), (1, "user")]);
    assert!(trial.event(SECOND, &[1], &values).is_empty());
    for second in 2..5 {
        assert!(trial.event(second * SECOND, &[0], &values).is_empty());
    }
    let other = Values::of([(0, "host"), (1, "other")]);
    assert!(trial.event(6 * SECOND, &[1], &other).is_empty());
    assert_eq!(trial.event(7 * SECOND, &[1], &values), [0]);
    assert_eq!(trial.evidence(), [4, 6]);
}

#[test]
fn what_is_only_correlated_is_not_heard() {
    let mut loud = count("loud", "r1");
    loud.generate = true;
    let trial = Trial::new(vec![
        count("silent", "r0"),
        loud,
        count("both", "r2"),
        Correlation {
            generate: true,
            ..count("both too", "r2")
        },
        correlation("unusable", ["r3", "no such"], Ask::Temporal),
        correlation("never", ["r4"], Ask::EventCount(vec![Bound::Equal(0.0)])),
    ]);
    let heard: Vec<bool> = (0..6).map(|rule| trial.correlator.is_heard(rule)).collect();
    assert_eq!(heard, [false, true, true, true, true, true]);
}

#[test]
fn an_inner_correlation_is_heard_if_that_is_wanted() {
    let mut outer = count("outer", "inner");
    outer.generate = true;
    let mut trial = Trial::new(vec![count("inner", "r0"), outer]);
    let fired: Vec<Vec<usize>> = (1..5).map(|time| trial.group(time, &[0], "a")).collect();
    assert_eq!(fired, [vec![], vec![0], vec![], vec![0, 1]]);
}

#[test]
fn aliases_compare_different_fields() {
    let mut pair = correlation("pair", ["r0", "r1"], Ask::Temporal);
    pair.group_by = vec!["address".into()];
    pair.aliases = vec![alias("address", [("r0", "f1"), ("ID-1", "f2")])];
    let mut trial = Trial::new(vec![pair]);
    assert_eq!(trial.uses, [Use::Full]);
    trial.event(SECOND, &[0], &Values::of([(1, "x"), (2, "y")]));
    assert!(
        trial
            .event(SECOND, &[1], &Values::of([(1, "x"), (2, "z")]))
            .is_empty()
    );
    assert_eq!(
        trial.event(SECOND, &[1], &Values::of([(1, "z"), (2, "x")])),
        [0]
    );
    assert_eq!(
        trial.found[0].1.group,
        [("address".to_owned(), "x".to_owned())]
    );
}

#[test]
fn one_event_may_be_of_two_groups_by_aliases() {
    let mut pair = count("pair", "r0");
    pair.rules.push("r1".into());
    pair.group_by = vec!["address".into()];
    pair.aliases = vec![alias("address", [("r0", "f1"), ("r1", "f2")])];
    let mut trial = Trial::new(vec![pair]);
    let values = Values::of([(1, "x"), (2, "y")]);
    assert!(trial.event(SECOND, &[0, 1], &values).is_empty());
    assert_eq!(trial.event(SECOND, &[0, 1], &values), [0, 0]);
}

#[test]
fn an_outer_correlation_knows_the_aliases_of_an_inner_one() {
    let mut inner = count("inner", "r0");
    inner.group_by = vec!["address".into()];
    inner.aliases = vec![alias("address", [("r0", "f1")])];
    let mut outer = count("outer", "inner");
    outer.group_by = vec!["address".into()];
    let mut trial = Trial::new(vec![inner, outer]);
    let values = Values::of([(1, "x")]);
    let fired: Vec<usize> = (1..5)
        .flat_map(|time| trial.event(time, &[0], &values))
        .collect();
    assert_eq!(fired, [1]);
    assert_eq!(
        trial.found[0].1.group,
        [("address".to_owned(), "x".to_owned())]
    );
}

#[test]
fn unknown_rules_are_refused_alone() {
    let mut aliased = count("aliased", "r0");
    aliased.aliases = vec![alias("f0", [("r1", "f1")])];
    let mut trial = Trial::new(vec![
        correlation("unknown", ["r0", "nobody"], Ask::EventCount(at_least(1.0))),
        aliased,
        correlation("empty", [], Ask::EventCount(at_least(1.0))),
        count("good", "id-0"),
    ]);
    for (usable, word) in trial.uses.iter().zip(["`nobody`", "`r1`", "no rules"]) {
        assert!(
            matches!(usable, Use::Refused(reason) if reason.contains(word)),
            "{usable:?}"
        );
    }
    assert_eq!(trial.uses[3], Use::Full);
    trial.group(SECOND, &[0], "a");
    assert_eq!(trial.group(SECOND, &[0], "a"), [3]);
}

#[test]
fn cycles_are_refused_and_what_is_beside_them_is_not() {
    let trial = Trial::new(vec![
        count("a", "b"),
        count("b", "c"),
        count("c", "a"),
        count("self", "self"),
        correlation("behind", ["a", "r0"], Ask::Temporal),
        correlation("partly behind", ["a", "r0"], Ask::EventCount(at_least(2.0))),
        count("good", "r0"),
        count("above", "good"),
    ]);
    for cyclic in &trial.uses[..4] {
        assert!(matches!(cyclic, Use::Refused(_)) && reason(cyclic).contains("cycle"));
    }
    assert!(matches!(&trial.uses[4], Use::Refused(reason) if reason.contains("`a`")));
    assert!(matches!(&trial.uses[5], Use::Partial(reason) if reason.contains("`a`")));
    assert_eq!(trial.uses[6..], [Use::Full, Use::Full]);
}

#[test]
fn a_very_long_line_of_correlations_is_no_trouble() {
    let mut all = vec![count("c0", "r0")];
    all.extend((1..20_000).map(|n| count(&format!("c{n}"), &format!("c{}", n - 1))));
    all.reverse();
    let trial = Trial::new(all);
    assert!(trial.uses.iter().all(|usable| *usable == Use::Full));
}

#[test]
fn rules_that_cannot_be_used_leave_what_can() {
    let mut of_rules = vec![Use::Full; 10];
    of_rules[1] = Use::Refused("bad".into());
    of_rules[2] = Use::NeverFires("dead".into());
    of_rules[3] = Use::Partial("half".into());
    let any = |name, rules: [&str; 2]| correlation(name, rules, Ask::EventCount(at_least(2.0)));
    let mut unknown_field = any("field", ["r0", "r4"]);
    unknown_field.group_by = vec!["Nothing".into()];
    let trial = Trial::with_uses(
        vec![
            any("0", ["r0", "r1"]),
            any("1", ["r1", "r2"]),
            any("2", ["r2", "r2"]),
            any("3", ["r0", "r3"]),
            correlation("4", ["r0", "r1"], Ask::Temporal),
            correlation("5", ["r0", "r2"], Ask::TemporalOrdered),
            unknown_field,
        ],
        &of_rules,
    );
    let kinds: String = trial
        .uses
        .iter()
        .map(|usable| match usable {
            Use::Full => 'f',
            Use::Partial(_) => 'p',
            Use::NeverFires(_) => 'n',
            Use::Refused(_) => 'r',
        })
        .collect();
    assert_eq!(kinds, "prnprnn");
    assert!(reason(&trial.uses[6]).contains("`Nothing`"));
}

#[test]
fn conditions_that_say_nothing_of_value_are_told() {
    let bounds = |bounds| correlation("c", ["r0"], Ask::EventCount(bounds));
    let trial = Trial::new(vec![
        bounds(vec![Bound::Is(Relation::Less, 5.0)]),
        bounds(vec![Bound::Is(Relation::Less, 1.0)]),
        bounds(vec![]),
        bounds(at_least(1.0)),
    ]);
    assert!(matches!(trial.uses[0], Use::Partial(_)));
    assert!(matches!(trial.uses[1], Use::NeverFires(_)));
    assert!(matches!(trial.uses[2], Use::Refused(_)));
    assert_eq!(trial.uses[3], Use::Full);
}
