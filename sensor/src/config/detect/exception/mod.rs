//! `[[detect.exception]]`: what is known to be harmless, who says so, and until when.
//!
//! `reading` goes through a file, and shows what was read.

mod reading;

pub(in crate::config) use reading::{NAME, read, show};

use std::{collections::BTreeMap, fmt};

use jiff::{Timestamp, civil::Date, tz::TimeZone};

use crate::{clock::WallTime, config::Problem};

/// What raises no alert although a rule finds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exception {
    /// The line that it begins on; none if no file says it.
    pub line: Option<usize>,
    /// Which rules it is for.
    pub rule: RuleChoice,
    /// What must be in the event: each field has one of its values, which are Sigma's patterns
    /// with `*` and `?`. Not empty.
    pub fields: BTreeMap<String, Vec<String>>,
    /// Why it is harmless.
    pub reason: String,
    /// Who says so.
    pub owner: String,
    /// The last day, in UTC, on which it is applied.
    pub expires: Date,
}

/// Which rules an exception is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RuleChoice {
    /// All rules and detectors.
    Every,
    /// The rule or detector with this id.
    Id(String),
}

impl RuleChoice {
    /// Whether it is for a rule, by the rule's id. Ids of Sigma rules are UUIDs, whose letters may be
    /// of either case.
    #[must_use]
    pub fn is_for(&self, id: &str) -> bool {
        match self {
            Self::Every => true,
            Self::Id(wanted) => wanted.eq_ignore_ascii_case(id),
        }
    }
}

impl Exception {
    /// The first moment at which it is not applied any more.
    #[must_use]
    pub fn end(&self) -> WallTime {
        let end = self
            .expires
            .tomorrow()
            .and_then(|day| day.to_zoned(TimeZone::UTC))
            .map_or(i128::MAX, |end| end.timestamp().as_nanosecond());
        WallTime(i64::try_from(end).unwrap_or(i64::MAX))
    }

    /// Whether it is the same but for its place in the file.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        let Self {
            line: _,
            rule,
            fields,
            reason,
            owner,
            expires,
        } = self;
        *rule == other.rule
            && *fields == other.fields
            && *reason == other.reason
            && *owner == other.owner
            && *expires == other.expires
    }
}

impl fmt::Display for Exception {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.rule {
            RuleChoice::Every => formatter.write_str("the exception from all rules")?,
            RuleChoice::Id(id) => write!(formatter, "the exception from the rule `{id}`")?,
        }
        write!(formatter, " (owner: {})", self.owner)
    }
}

/// Those that are not applied any more at a moment: a warning for each.
pub(in crate::config) fn expired(
    exceptions: &[Exception],
    now: WallTime,
) -> impl Iterator<Item = Problem> {
    exceptions
        .iter()
        .filter(move |exception| exception.end() <= now)
        .map(|exception| Problem {
            line: exception.line,
            what: format!(
                "{exception} expired on {} and is not applied: give it a new date if it still holds, or remove it",
                exception.expires
            ),
        })
}

/// The day of a moment, in UTC.
#[must_use]
pub fn day(moment: WallTime) -> Date {
    Timestamp::from_nanosecond(moment.0.into())
        .unwrap_or_default()
        .to_zoned(TimeZone::UTC)
        .date()
}
