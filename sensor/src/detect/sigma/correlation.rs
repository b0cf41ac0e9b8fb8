//! A correlation as it was written.

use std::time::Duration;

use super::rule::{Header, Place, Relation};

/// A correlation of rules.
#[derive(Clone, Debug, PartialEq)]
pub struct Correlation {
    /// Where it begins.
    pub place: Place,
    /// What it says of itself.
    pub header: Header,
    /// The rules or correlations that it is about, by name or id.
    pub rules: Vec<String>,
    /// What must be equal in all events.
    pub group_by: Vec<String>,
    /// Within what time, at most a year.
    pub timespan: Duration,
    /// What is asked.
    pub ask: Ask,
    /// `aliases`: what a name in `group_by` is called in each rule's events.
    pub aliases: Vec<Alias>,
    /// `generate`: whether the rules raise alerts of their own too.
    pub generate: bool,
}

/// What a name in `group_by` is called in each rule's events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alias {
    /// The name in `group_by`.
    pub name: String,
    /// Rule (name or id) and field.
    pub fields: Vec<(String, String)>,
}

/// What a correlation asks.
#[derive(Clone, Debug, PartialEq)]
pub enum Ask {
    /// `event_count`: how many events.
    EventCount(Vec<Bound>),
    /// `value_count`: how many different values of fields.
    ValueCount {
        /// The fields, whose values count together.
        fields: Vec<String>,
        /// How many.
        bounds: Vec<Bound>,
    },
    /// `value_sum`, `value_avg`, `value_percentile`, `value_median`: of a field's numbers.
    Statistic {
        /// Which.
        statistic: Statistic,
        /// The field.
        field: String,
        /// What it must be.
        bounds: Vec<Bound>,
    },
    /// `temporal`: events of each rule.
    Temporal,
    /// `temporal_ordered`: in the order of the rules.
    TemporalOrdered,
}

/// A statistic of numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Statistic {
    /// `value_sum`.
    Sum,
    /// `value_avg`.
    Average,
    /// `value_percentile`, 0 to 100.
    Percentile(f64),
    /// `value_median`.
    Median,
}

/// A bound in `condition`; all must hold.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Bound {
    /// `gt`, `gte`, `lt`, `lte`.
    Is(Relation, f64),
    /// `eq`.
    Equal(f64),
    /// `neq`.
    NotEqual(f64),
}
