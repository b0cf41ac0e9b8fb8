//! `value_sum`, `value_avg`, `value_percentile` and `value_median`.

use super::*;

fn statistic(statistic: Statistic, limit: f64) -> Trial {
    let ask = Ask::Statistic {
        statistic,
        field: "f1".into(),
        bounds: at_least(limit),
    };
    Trial::new(vec![correlation("s", ["r0"], ask)])
}

use crate::detect::sigma::correlation::Statistic;

/// Events of one group, a second apart; what was measured when it fired first.
fn measured(trial: &mut Trial, numbers: &[&str]) -> Option<(u64, f64)> {
    for (second, number) in (1..).zip(numbers) {
        trial.event(second * SECOND, &[0], &Values::of([(0, "a"), (1, number)]));
    }
    let (_, first) = trial.found.first()?;
    Some((first.events.last().unwrap().sequence, first.measured))
}

#[test]
fn sums_fire_when_they_are_reached() {
    assert_eq!(
        measured(&mut statistic(Statistic::Sum, 10.0), &["4", "5", "1.5"]),
        Some((3, 10.5))
    );
    assert_eq!(
        measured(&mut statistic(Statistic::Sum, 10.0), &["4", "5", "-9", "9"]),
        None
    );
}

#[test]
fn what_is_over_is_not_in_the_sum() {
    let numbers = ["9", "0", "0", "0", "0", "0", "0", "0", "0", "0", "0", "9"];
    assert_eq!(
        measured(&mut statistic(Statistic::Sum, 10.0), &numbers),
        None
    );
    assert_eq!(
        measured(&mut statistic(Statistic::Sum, 10.0), &numbers[..11]),
        None
    );
    assert_eq!(
        measured(&mut statistic(Statistic::Sum, 9.0), &numbers),
        Some((1, 9.0))
    );
}

#[test]
fn averages_are_of_the_events_with_a_number() {
    let numbers = ["1", "x", "", "5", "12"];
    assert_eq!(
        measured(&mut statistic(Statistic::Average, 6.0), &numbers),
        Some((5, 6.0))
    );
    assert_eq!(
        measured(&mut statistic(Statistic::Average, 6.1), &numbers),
        None
    );
}

#[test]
fn medians_are_of_the_numbers_by_size() {
    assert_eq!(
        measured(&mut statistic(Statistic::Median, 5.0), &["1", "9"]),
        Some((2, 5.0))
    );
    assert_eq!(
        measured(&mut statistic(Statistic::Median, 5.0), &["1", "2", "900"]),
        None
    );
    assert_eq!(
        measured(
            &mut statistic(Statistic::Median, 5.0),
            &["1", "2", "900", "8", "9"]
        ),
        Some((4, 5.0))
    );
}

#[test]
fn percentiles_are_interpolated() {
    let percentile = |percentile, limit| statistic(Statistic::Percentile(percentile), limit);
    assert_eq!(
        measured(&mut percentile(90.0, 9.0), &["0", "10"]),
        Some((2, 9.0))
    );
    assert_eq!(measured(&mut percentile(90.0, 9.1), &["0", "10"]), None);
    assert_eq!(
        measured(&mut percentile(100.0, 7.0), &["1", "7", "3"]),
        Some((2, 7.0))
    );
    assert_eq!(measured(&mut percentile(0.0, 2.0), &["1", "7", "3"]), None);
}

#[test]
fn a_sample_has_room_for_so_many_numbers_and_counts_the_others() {
    let mut trial = statistic(Statistic::Median, 1e9);
    for number in 0..1100_u64 {
        trial.event(number, &[0], &Values::of([(0, "a"), (1, "1")]));
    }
    assert_eq!(trial.limit("correlation_values_full"), 1100 - 1024);
}
