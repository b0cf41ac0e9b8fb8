//! What the sensor says of itself in the stream of events.

use std::collections::BTreeMap;

use sensor_common::record::Kind;
use serde::{Deserialize, Serialize};

use crate::clock::BootTime;

/// Something that the sensor says of itself.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Statement {
    /// It watches.
    Started(Box<Started>),
    /// Events were lost since the last such statement.
    Lost(Vec<Lost>),
    /// Events were given up on their way to a sink since the last such statement.
    Undelivered(Vec<Undelivered>),
    /// Somebody tries a sink.
    Tested,
    /// It stops, and this is the account.
    Stopped(Totals),
}

impl Statement {
    /// The `event.code`.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Started(_) => "sensor_start",
            Self::Lost(_) => "events_lost",
            Self::Undelivered(_) => "events_undelivered",
            Self::Tested => "sink_test",
            Self::Stopped(_) => "sensor_stop",
        }
    }
}

/// A statement, and when it was made.
#[derive(Clone, Debug)]
pub struct Stated {
    /// When.
    pub time: BootTime,
    /// What.
    pub statement: Statement,
}

/// How the sensor watches.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Started {
    /// The hooks, in the order of the ladder.
    pub hooks: Vec<HookReport>,
    /// The directory of the cgroup that is watched; none for the whole host.
    pub scope: Option<String>,
    /// Kernel structure members that this kernel does not have, and what that costs.
    pub missing_fields: Vec<String>,
    /// The limits in force, by their names in the configuration.
    pub limits: BTreeMap<String, u64>,
}

/// How an event is hooked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HookReport {
    /// The event.
    pub event: String,
    /// By what means; none if it is not.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub means: Option<String>,
    /// The programs.
    pub programs: Vec<ProgramReport>,
    /// What is not seen this way; empty if everything is.
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub misses: String,
    /// Ids of the rules of detectors that find nothing for that reason.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub blind: Vec<String>,
    /// Better means, and why each was not taken.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub refused: Vec<RefusalReport>,
}

/// A program that runs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProgramReport {
    /// Its name.
    pub name: String,
    /// What it is attached to.
    pub target: String,
    /// Instructions that the verifier looked at, where the kernel tells.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub verified_instructions: Option<u32>,
}

/// Means that were not taken.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusalReport {
    /// The means.
    pub means: String,
    /// Why.
    pub reason: String,
}

/// Events of one kind that were lost for one reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lost {
    /// The kind's name.
    pub code: String,
    /// The family's name.
    pub family: String,
    /// Why.
    pub reason: String,
    /// How many.
    pub count: u64,
}

/// Events that a sink's receiver does not get, for one reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Undelivered {
    /// The sink's name.
    pub sink: String,
    /// Why.
    pub reason: String,
    /// The word for how grave they were.
    pub severity: String,
    /// How many.
    pub count: u64,
}

/// The account: for every kind, *seen = delivered + own + lost*.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// By kind, those that were seen at all.
    pub kinds: Vec<KindTotal>,
    /// Events that were written after one with a later time.
    pub late: u64,
    /// Limits that cost a field of an event, but no event.
    pub degraded: BTreeMap<String, u64>,
    /// Runs of programs that the kernel skipped, by hook; only those that are not 0.
    pub skipped_runs: BTreeMap<String, u64>,
}

/// The account of a kind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KindTotal {
    /// The kind's name.
    pub code: String,
    /// The family's name.
    pub family: String,
    /// Occurrences in scope.
    pub seen: u64,
    /// Events written.
    pub delivered: u64,
    /// Events that are the sensor's own doing and were not asked for.
    #[serde(skip_serializing_if = "is_zero", default)]
    pub own: u64,
    /// Occurrences that no event tells of, by reason.
    pub lost: BTreeMap<String, u64>,
}

impl Lost {
    /// A loss of events of a kind.
    #[must_use]
    pub fn new(kind: Kind, reason: &str, count: u64) -> Self {
        Self {
            code: kind.name().to_owned(),
            family: kind.family().name().to_owned(),
            reason: reason.to_owned(),
            count,
        }
    }
}

#[allow(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde calls it with a reference"
)]
const fn is_zero(count: &u64) -> bool {
    *count == 0
}
