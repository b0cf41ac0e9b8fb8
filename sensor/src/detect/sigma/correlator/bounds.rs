//! What a correlation's condition says of numbers.

use crate::detect::sigma::{correlation::Bound, rule::Relation};

/// Whether all bounds hold; none are no condition and never hold.
pub(super) fn hold(bounds: &[Bound], measured: f64) -> bool {
    !bounds.is_empty() && bounds.iter().all(|bound| holds(bound, measured))
}

/// The least whole number from 1 for which all bounds hold; none if there is none.
pub(super) fn least_count(bounds: &[Bound]) -> Option<f64> {
    // What holds is an interval without some points: its least number is 1, or beside a bound.
    bounds
        .iter()
        .map(limit)
        .flat_map(|limit| [-1.0, 0.0, 1.0].map(|step| limit.floor() + step))
        .chain([1.0])
        .filter(|count| *count >= 1.0 && hold(bounds, *count))
        .min_by(f64::total_cmp)
}

/// Whether a bound is one that few events keep and many break.
pub(super) fn is_upper(bound: &Bound) -> bool {
    match bound {
        Bound::Is(Relation::Less | Relation::LessOrEqual, _) | Bound::NotEqual(_) => true,
        Bound::Is(Relation::Greater | Relation::GreaterOrEqual, _) | Bound::Equal(_) => false,
    }
}

fn holds(bound: &Bound, measured: f64) -> bool {
    match *bound {
        Bound::Is(Relation::Less, limit) => measured < limit,
        Bound::Is(Relation::LessOrEqual, limit) => measured <= limit,
        Bound::Is(Relation::Greater, limit) => measured > limit,
        Bound::Is(Relation::GreaterOrEqual, limit) => measured >= limit,
        Bound::Equal(limit) => measured == limit,
        Bound::NotEqual(limit) => measured != limit,
    }
}

fn limit(bound: &Bound) -> f64 {
    match *bound {
        Bound::Is(_, limit) | Bound::Equal(limit) | Bound::NotEqual(limit) => limit,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_bound() -> impl Strategy<Value = Bound> {
        let limit = (-4_i32..20).prop_map(|half| f64::from(half) / 2.0);
        (0..6, limit).prop_map(|(which, limit)| match which {
            0 => Bound::Is(Relation::Less, limit),
            1 => Bound::Is(Relation::LessOrEqual, limit),
            2 => Bound::Is(Relation::Greater, limit),
            3 => Bound::Is(Relation::GreaterOrEqual, limit),
            4 => Bound::Equal(limit),
            _ => Bound::NotEqual(limit),
        })
    }

    proptest! {
        #[test]
        fn the_least_count_is_what_trying_all_finds(
            bounds in prop::collection::vec(any_bound(), 0..5),
        ) {
            let tried = (1..30_u32).map(f64::from).find(|count| hold(&bounds, *count));
            prop_assert_eq!(least_count(&bounds), tried);
        }
    }
}
