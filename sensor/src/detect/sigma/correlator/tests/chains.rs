//! `temporal` and `temporal_ordered`.

use super::*;

fn temporal() -> Trial {
    Trial::new(vec![correlation("t", ["r0", "r1", "r2"], Ask::Temporal)])
}

fn ordered<const N: usize>(rules: [&str; N]) -> Trial {
    Trial::new(vec![correlation("o", rules, Ask::TemporalOrdered)])
}

#[test]
fn events_of_all_rules_in_any_order_fire() {
    for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0]] {
        let mut trial = temporal();
        assert!(trial.group(SECOND, &[order[0]], "a").is_empty());
        assert!(trial.group(2 * SECOND, &[order[1]], "a").is_empty());
        assert!(trial.group(2 * SECOND, &[order[2]], "b").is_empty());
        assert_eq!(trial.group(11 * SECOND, &[order[2]], "a"), [0]);
        assert_eq!(trial.evidence(), [1, 2, 4]);
        assert!(trial.group(11 * SECOND, &[order[2]], "a").is_empty());
    }
}

#[test]
fn events_too_far_apart_do_not_fire_until_the_first_comes_again() {
    let mut trial = temporal();
    trial.group(SECOND, &[0], "a");
    trial.group(2 * SECOND, &[1], "a");
    assert!(trial.group(11 * SECOND + 1, &[2], "a").is_empty());
    assert_eq!(trial.group(12 * SECOND, &[0], "a"), [0]);
    assert_eq!(trial.evidence(), [2, 3, 4]);
}

#[test]
fn one_event_may_be_of_several_rules() {
    let mut trial = temporal();
    trial.group(SECOND, &[0, 2], "a");
    assert_eq!(trial.group(2 * SECOND, &[1], "a"), [0]);
    assert_eq!(trial.found[0].1.count, 2);
}

#[test]
fn late_events_complete_what_is_temporal() {
    let mut trial = temporal();
    trial.group(10 * SECOND, &[0], "a");
    trial.group(11 * SECOND, &[2], "a");
    assert_eq!(trial.group(9 * SECOND, &[1], "a"), [0]);
    assert_eq!(trial.evidence(), [1, 2, 3]);
}

#[test]
fn events_in_order_fire_and_others_do_not() {
    let mut trial = ordered(["r0", "r1", "r2"]);
    for (second, rule) in (1..).zip([2, 1, 0, 2, 1]) {
        assert!(trial.group(second * SECOND, &[rule], "a").is_empty());
    }
    assert_eq!(trial.group(6 * SECOND, &[2], "a"), [0]);
    assert_eq!(trial.evidence(), [3, 5, 6]);
    assert!(trial.group(7 * SECOND, &[2], "a").is_empty());
}

#[test]
fn the_order_is_within_the_time() {
    let mut trial = ordered(["r0", "r1"]);
    trial.group(SECOND, &[0], "a");
    assert!(trial.group(11 * SECOND + 1, &[1], "a").is_empty());
    trial.group(12 * SECOND, &[0], "a");
    assert_eq!(trial.group(22 * SECOND, &[1], "a"), [0]);
}

#[test]
fn an_event_does_not_come_after_itself() {
    let mut trial = ordered(["r0", "r1"]);
    assert!(trial.group(SECOND, &[0, 1], "a").is_empty());
    // It ends one chain and begins another.
    assert_eq!(trial.group(2 * SECOND, &[0, 1], "a"), [0]);
    assert_eq!(trial.evidence(), [1, 2]);
}

#[test]
fn a_rule_may_come_twice_in_an_order() {
    let mut trial = ordered(["r0", "r1", "r0"]);
    trial.group(SECOND, &[0], "a");
    trial.group(2 * SECOND, &[0], "a");
    trial.group(3 * SECOND, &[1], "a");
    assert_eq!(trial.group(4 * SECOND, &[0], "a"), [0]);
    assert_eq!(trial.evidence(), [2, 3, 4]);
}

#[test]
fn a_flood_of_the_first_does_not_hide_the_others() {
    let mut trial = ordered(["r0", "r1", "r2"]);
    trial.group(SECOND, &[0], "a");
    trial.group(2 * SECOND, &[1], "a");
    for number in 0..5000 {
        trial.group(3 * SECOND + number, &[0], "a");
    }
    assert_eq!(trial.group(4 * SECOND, &[2], "a"), [0]);
    assert_eq!(trial.evidence(), [1, 2, 5003]);
}

#[test]
fn a_late_event_is_put_in_its_place() {
    let mut trial = ordered(["r0", "r1", "r2"]);
    let late = SECOND / 2;
    trial.group(10 * SECOND, &[0], "a");
    trial.group(11 * SECOND, &[2], "a");
    assert_eq!(trial.group(11 * SECOND - late, &[1], "a"), [0]);
    // What came before it in time but not in order is still not in order.
    trial.group(20 * SECOND, &[1], "a");
    trial.group(20 * SECOND + late, &[0], "a");
    assert!(trial.group(20 * SECOND + 2 * late, &[2], "a").is_empty());
}
