//! What correlations remember goes on with new ones.

use super::{groups::Groups, *};

fn count(name: &str, limit: f64) -> Correlation {
    correlation(name, ["r0"], Ask::EventCount(at_least(limit)))
}

/// Counts one event with the old ones, then one with the new ones: whether that made two.
fn goes_on(old: Vec<Correlation>, new: Vec<Correlation>) -> bool {
    let mut before = Trial::new(old);
    before.group(SECOND, &[0], "a");
    let mut after = Trial::new(new);
    after.correlator.take_over(before.correlator);
    !after.group(2 * SECOND, &[0], "a").is_empty()
}

#[test]
fn the_same_correlation_goes_on_wherever_it_stands() {
    assert!(goes_on(vec![count("c", 2.0)], vec![count("c", 2.0)]));
    let other = correlation("other", ["r5"], Ask::Temporal);
    assert!(goes_on(
        vec![count("c", 2.0)],
        vec![other.clone(), count("c", 2.0)]
    ));
    assert!(goes_on(vec![other, count("c", 2.0)], vec![count("c", 2.0)]));
}

#[test]
fn a_new_level_or_line_is_no_change() {
    let mut moved = count("c", 2.0);
    moved.place.line = 70;
    moved.header.description = "More words".into();
    assert!(goes_on(vec![count("c", 2.0)], vec![moved]));
}

#[test]
fn a_changed_correlation_begins_anew() {
    assert!(!goes_on(vec![count("c", 3.0)], vec![count("c", 2.0)]));
    assert!(!goes_on(vec![count("c", 2.0)], vec![count("d", 2.0)]));
    let mut longer = count("c", 2.0);
    longer.timespan *= 2;
    assert!(!goes_on(vec![count("c", 2.0)], vec![longer]));
    let mut wider = count("c", 2.0);
    wider.group_by = Vec::new();
    assert!(!goes_on(vec![count("c", 2.0)], vec![wider]));
}

#[test]
fn what_is_gone_is_forgotten_and_limits_go_on() {
    let mut before = Trial::new(vec![count("c", 2.0)]);
    before.group(20 * SECOND, &[0], "a");
    before.group(SECOND, &[0], "a");
    assert_eq!(before.limit("correlation_events_late"), 1);
    let mut after = Trial::new(vec![count("d", 2.0)]);
    after.correlator.take_over(before.correlator);
    assert_eq!(after.correlator.groups.size(), (0, 0));
    assert_eq!(after.limit("correlation_events_late"), 1);
}

#[test]
fn a_large_state_is_taken_over_in_the_order_of_use() {
    let mut before = Trial::new(vec![count("c", 2.0)]);
    for number in 0..100_u64 {
        before.group(SECOND + number, &[0], &number.to_string());
    }
    let mut after = Trial::new(vec![count("c", 2.0)]);
    after.correlator.groups = Groups::new(10, usize::MAX);
    after.correlator.take_over(before.correlator);
    assert_eq!(after.correlator.groups.size().0, 10);
    assert_eq!(after.limit("correlation_groups_full"), 90);
    assert_eq!(after.group(2 * SECOND, &[0], "99"), [0]);
    assert!(after.group(2 * SECOND, &[0], "5").is_empty());
}
