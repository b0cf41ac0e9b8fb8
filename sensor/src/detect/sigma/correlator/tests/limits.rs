//! What is remembered is bounded, and what was forgotten is counted.

use super::*;
use crate::detect::sigma::correlator::{
    asked::empty,
    digest::Digest,
    groups::{GroupKey, Groups},
    window::{Seen, Window},
};

fn every_kind() -> Vec<Correlation> {
    let statistic = |statistic| Ask::Statistic {
        statistic,
        field: "f1".into(),
        bounds: at_least(1e18),
    };
    vec![
        correlation("count", ["r0"], Ask::EventCount(at_least(1e9))),
        correlation("values", ["r0"], values_at_least("f1", 5000.0)),
        correlation("sum", ["r0"], statistic(Statistic::Sum)),
        correlation("median", ["r0"], statistic(Statistic::Median)),
        correlation("temporal", ["r0", "r1"], Ask::Temporal),
        correlation("ordered", ["r0", "r1"], Ask::TemporalOrdered),
    ]
}

use crate::detect::sigma::correlation::Statistic;

#[test]
fn many_groups_leave_ten_thousand() {
    let count = correlation("count", ["r0"], Ask::EventCount(at_least(2.0)));
    let mut groups = Groups::new(GROUPS_MAX, BYTES_MAX);
    let mut see = |number: u64| {
        let seen = Seen {
            origin: Origin {
                cpu: 0,
                ring: Ring::Critical,
                sequence: number,
                time: BootTime(SECOND + number),
            },
            positions: &[0],
            value: None,
            number: None,
        };
        let key = GroupKey {
            correlation: 0,
            values: Digest::numbered(number),
        };
        let judge = |window: &dyn Window| (window.measure() >= 2.0).then_some(());
        let found = groups.add(key, &seen, 10 * SECOND, || empty(&count, 1), judge);
        (found.is_some(), groups.size(), groups.limits())
    };
    for number in 0..30_000 {
        let (found, (kept, bytes), _) = see(number);
        assert!(
            !found && kept <= GROUPS_MAX && bytes <= 10 << 20,
            "{kept} {bytes}"
        );
    }
    // The latest are there, the first are not.
    let (found, (kept, _), limits) = see(29_999);
    assert!(found);
    assert_eq!((kept, limits.groups), (GROUPS_MAX - 1, 20_000));
    assert!(!see(0).0);
}

#[test]
fn groups_whose_time_is_over_make_room_and_are_no_loss() {
    let count = correlation("count", ["r0"], Ask::EventCount(at_least(2.0)));
    let mut trial = Trial::new(vec![count]);
    for number in 0..30_000_u64 {
        trial.group(number * SECOND, &[0], &number.to_string());
    }
    assert_eq!(trial.limit("correlation_groups_full"), 0);
    assert!(trial.correlator.groups.size().0 <= GROUPS_MAX);
}

#[test]
fn the_group_without_events_for_longest_goes() {
    let count = correlation("count", ["r0"], Ask::EventCount(at_least(3.0)));
    let mut trial = Trial::new(vec![count]);
    trial.correlator.groups = Groups::new(2, usize::MAX);
    for (time, group) in (1..).zip(["a", "b", "a", "c"]) {
        assert!(trial.group(time, &[0], group).is_empty());
    }
    assert_eq!(trial.limit("correlation_groups_full"), 1);
    assert_eq!(trial.group(5, &[0], "a"), [0]);
    assert_eq!(trial.limit("correlation_groups_full"), 1);
}

#[test]
fn memory_of_every_kind_is_bounded_and_counted() {
    const ROOM: usize = 64 << 10;
    let mut trial = Trial::new(every_kind());
    trial.correlator.groups = Groups::new(GROUPS_MAX, ROOM);
    for number in 0..3000_u64 {
        let group = (number % 7).to_string();
        let value = number.to_string();
        trial.event(number * 1000, &[0], &Values::of([(0, &group), (1, &value)]));
        assert!(trial.correlator.groups.size().1 <= ROOM);
    }
    assert!(trial.limit("correlation_memory_full") > 0);
    assert_eq!(trial.limit("correlation_groups_full"), 0);
}

#[test]
fn what_was_found_gives_its_memory_back() {
    let temporal = correlation("temporal", ["r0", "r1"], Ask::Temporal);
    let mut trial = Trial::new(vec![temporal]);
    trial.group(SECOND, &[0], "a");
    assert_ne!(trial.correlator.groups.size(), (0, 0));
    trial.group(SECOND, &[1], "a");
    assert_eq!(trial.correlator.groups.size(), (0, 0));
}

#[test]
fn values_have_room_for_so_many() {
    let mut rare = correlation("values", ["r0"], values_at_least("f1", 3.0));
    let Ask::ValueCount { bounds, .. } = &mut rare.ask else {
        unreachable!()
    };
    bounds.push(Bound::Is(Relation::Less, 3.5));
    bounds.push(Bound::NotEqual(3.0));
    let never = Trial::new(vec![rare]);
    assert!(matches!(never.uses[0], Use::NeverFires(_)));
    let mut trial = never;
    for number in 0..10_050_u64 {
        let value = number.to_string();
        trial.event(SECOND, &[0], &Values::of([(0, "a"), (1, &value)]));
    }
    assert_eq!(trial.limit("correlation_values_full"), 50);
    let too_many = Trial::new(vec![correlation(
        "v",
        ["r0"],
        values_at_least("f1", 10_001.0),
    )]);
    assert!(matches!(too_many.uses[0], Use::Refused(_)));
}

#[test]
fn groups_of_one_event_are_bounded() {
    // Correlations of each rule under each of ten names, in four layers, each about all of the layer
    // below: without a bound, one event would be of ever more groups.
    let mut all = Vec::new();
    let mut below: Vec<String> = (0..10).map(|rule| format!("r{rule}")).collect();
    for layer in 0..4 {
        let mut names = Vec::new();
        for number in 0..10 {
            let name = format!("c{layer}-{number}");
            let mut next = correlation(&name, [], Ask::EventCount(at_least(1.0)));
            next.rules.clone_from(&below);
            next.aliases = vec![Alias {
                name: "f0".into(),
                fields: (0..)
                    .zip(&below)
                    .map(|(n, rule)| (rule.clone(), format!("f{n}")))
                    .collect(),
            }];
            all.push(next);
            names.push(name);
        }
        below = names;
    }
    let mut trial = Trial::new(all);
    let values = Values((0..10).map(|field| (field, field.to_string())).collect());
    let every: Vec<usize> = (0..10).collect();
    let fired = trial.event(SECOND, &every, &values);
    assert!((10..=640).contains(&fired.len()), "{}", fired.len());
}
