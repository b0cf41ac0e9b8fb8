//! `event_count` and `value_count`.

use super::*;

fn count(limit: f64) -> Vec<Correlation> {
    vec![correlation(
        "count",
        ["r0", "r1"],
        Ask::EventCount(at_least(limit)),
    )]
}

#[test]
fn so_many_events_of_a_group_within_the_time_fire_once() {
    let mut trial = Trial::new(count(3.0));
    assert!(trial.group(SECOND, &[0], "a").is_empty());
    assert!(trial.group(2 * SECOND, &[1], "a").is_empty());
    assert!(trial.group(2 * SECOND, &[0], "b").is_empty());
    assert!(trial.group(2 * SECOND, &[5], "a").is_empty());
    assert_eq!(trial.group(3 * SECOND, &[0], "a"), [0]);
    let (_, found) = &trial.found[0];
    assert_eq!(found.group, [("f0".to_owned(), "a".to_owned())]);
    assert_eq!((found.count, found.measured), (3, 3.0));
    assert_eq!(trial.evidence(), [1, 2, 5]);
    // Begins anew: two more are not three.
    assert!(trial.group(4 * SECOND, &[0], "a").is_empty());
    assert!(trial.group(5 * SECOND, &[0], "a").is_empty());
    assert_eq!(trial.group(6 * SECOND, &[0], "a"), [0]);
    assert_eq!(trial.evidence(), [6, 7, 8]);
}

#[test]
fn events_that_are_just_as_far_apart_as_the_time_are_within_it() {
    let mut trial = Trial::new(count(2.0));
    trial.group(SECOND, &[0], "a");
    assert_eq!(trial.group(11 * SECOND, &[0], "a"), [0]);
    trial.group(SECOND, &[0], "b");
    assert!(trial.group(11 * SECOND + 1, &[0], "b").is_empty());
}

#[test]
fn late_events_count_while_their_group_remembers_that_time() {
    let mut trial = Trial::new(count(3.0));
    trial.group(20 * SECOND, &[0], "a");
    trial.group(21 * SECOND, &[0], "a");
    assert!(trial.group(10 * SECOND, &[0], "a").is_empty());
    assert_eq!(trial.limit("correlation_events_late"), 1);
    assert_eq!(trial.group(11 * SECOND, &[0], "a"), [0]);
    assert_eq!(trial.evidence(), [1, 2, 4]);
    assert_eq!(trial.limit("correlation_events_late"), 1);
}

#[test]
fn an_event_counts_once_however_many_rules_found_it() {
    let mut trial = Trial::new(count(2.0));
    assert!(trial.group(SECOND, &[0, 1], "a").is_empty());
    assert_eq!(trial.group(SECOND, &[0, 1], "a"), [0]);
    assert_eq!(trial.found[0].1.count, 2);
}

#[test]
fn an_event_without_the_group_counts_for_none() {
    let mut trial = Trial::new(count(1.0));
    assert!(
        trial
            .event(SECOND, &[0], &Values::of([(1, "a")]))
            .is_empty()
    );
    assert_eq!(trial.correlator.groups.size(), (0, 0));
}

#[test]
fn without_group_by_all_events_are_one_group() {
    let mut all = count(2.0);
    all[0].group_by.clear();
    let mut trial = Trial::new(all);
    trial.group(SECOND, &[0], "a");
    assert_eq!(trial.group(SECOND, &[0], "b"), [0]);
    assert!(trial.found[0].1.group.is_empty());
}

#[test]
fn groups_are_told_apart_by_all_their_values() {
    let mut two = count(2.0);
    two[0].group_by.push("f1".into());
    let mut trial = Trial::new(two);
    for (left, right) in [("ab", "c"), ("a", "bc"), ("abc", "")] {
        assert!(
            trial
                .event(SECOND, &[0], &Values::of([(0, left), (1, right)]))
                .is_empty()
        );
    }
    assert_eq!(
        trial.event(SECOND, &[0], &Values::of([(0, "a"), (1, "bc")])),
        [0]
    );
}

#[test]
fn ranges_hold_at_the_first_count_within_them() {
    let bounds = vec![
        Bound::Is(Relation::Greater, 1.0),
        Bound::Is(Relation::LessOrEqual, 3.0),
        Bound::NotEqual(2.0),
    ];
    let mut trial = Trial::new(vec![correlation("c", ["r0"], Ask::EventCount(bounds))]);
    assert_eq!(trial.uses, [Use::Full]);
    assert!(trial.group(SECOND, &[0], "a").is_empty());
    assert!(trial.group(SECOND, &[0], "a").is_empty());
    assert_eq!(trial.group(SECOND, &[0], "a"), [0]);
}

#[test]
fn many_thousand_events_are_counted_with_little_memory() {
    let mut trial = Trial::new(count(50_000.0));
    let fired: Vec<u64> = (1..=60_000_u64)
        .filter(|number| !trial.group(number * 100_000, &[0], "a").is_empty())
        .collect();
    assert_eq!(fired, [50_000]);
    assert!(trial.correlator.groups.size().1 < 64 << 10);
    assert_eq!(trial.found[0].1.events.len(), 16);
    assert_eq!(trial.found[0].1.count, 50_000);
}

#[test]
fn many_thousand_events_are_forgotten_when_their_time_is_over() {
    // Never more than 10,000 within the time, and a 512th of it too much.
    let mut trial = Trial::new(count(10_030.0));
    for number in 1..=60_000_u64 {
        assert!(
            trial.group(number * SECOND / 1000, &[0], "a").is_empty(),
            "{number}"
        );
    }
}

#[test]
fn so_many_different_values_fire() {
    let mut trial = Trial::new(vec![correlation("v", ["r0"], values_at_least("f1", 3.0))]);
    let mut see = |time, value| {
        let values = Values::of([(0, "a"), (1, value)]);
        (
            trial.event(time, &[0], &values),
            trial.found.last().cloned(),
        )
    };
    for value in ["x", "y", "x", "y", "y"] {
        assert!(see(SECOND, value).0.is_empty());
    }
    let (fired, found) = see(2 * SECOND, "z");
    assert_eq!(fired, [0]);
    assert_eq!(
        (
            found.as_ref().unwrap().1.count,
            found.unwrap().1.events.len()
        ),
        (3, 3)
    );
    // A value counts as long as its latest event: `x` is over, `y` is not.
    see(20 * SECOND, "x");
    see(21 * SECOND, "y");
    see(29 * SECOND, "y");
    assert!(see(31 * SECOND, "z").0.is_empty());
    assert_eq!(see(39 * SECOND, "x").0, [0]);
}

#[test]
fn values_of_several_fields_count_together_and_lacking_ones_not_at_all() {
    let ask = Ask::ValueCount {
        fields: vec!["f1".into(), "f2".into()],
        bounds: at_least(2.0),
    };
    let mut trial = Trial::new(vec![correlation("v", ["r0"], ask)]);
    let full = Values::of([(0, "a"), (1, "x"), (2, "y")]);
    assert!(trial.event(SECOND, &[0], &full).is_empty());
    for lacking in [
        Values::of([(0, "a"), (1, "z")]),
        Values::of([(0, "a"), (2, "z")]),
    ] {
        assert!(trial.event(SECOND, &[0], &lacking).is_empty());
    }
    assert!(trial.event(SECOND, &[0], &full).is_empty());
    let other = Values::of([(0, "a"), (1, "y"), (2, "x")]);
    assert_eq!(trial.event(SECOND, &[0], &other), [0]);
}

#[test]
fn a_late_event_does_not_make_its_value_older() {
    let mut trial = Trial::new(vec![correlation("v", ["r0"], values_at_least("f1", 2.0))]);
    let values = |value| Values::of([(0, "a"), (1, value)]);
    trial.event(20 * SECOND, &[0], &values("x"));
    trial.event(12 * SECOND, &[0], &values("x"));
    assert_eq!(trial.event(29 * SECOND, &[0], &values("y")), [0]);
}
