//! What detection costs an event, and that what it remembers is bounded.

use std::ffi::OsString;

use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;
use serde_json::Value;

use super::Report;
use super::figures::{Unit, mebibytes, median, percent, to_f64, whole};
use super::goal::Goal;
use super::in_unit;
use super::machine::Place;
use super::table::{Column, Table};
use crate::project::root;

/// What `sensor-bench detect` prints.
#[derive(Deserialize)]
struct Figures {
    /// Of each round.
    events: u64,
    rows: Vec<Row>,
    keys: Vec<Keys>,
}

#[derive(Deserialize)]
struct Row {
    what: String,
    /// How many rules there are for each of the first.
    times: u32,
    rules: u64,
    /// Nanoseconds of CPU time of each.
    rounds: Vec<f64>,
}

/// Many keys of a kind.
#[derive(Deserialize)]
struct Keys {
    kind: String,
    limits: Vec<String>,
    keys: u64,
    /// Bytes from a fifth of the keys to the last.
    growth: u64,
    forgotten: Vec<Forgotten>,
    /// Nanoseconds of an event.
    cpu: f64,
}

#[derive(Deserialize)]
struct Forgotten {
    limit: String,
    count: u64,
}

/// Nanoseconds of an event where a core does a million a second.
const EVENT: f64 = 1_000.0;
/// How many times longer an event may take with the most rules.
const TIMES: f64 = 2.0;
/// Bytes that the process may grow while keys are forgotten as fast as they come.
const GROWTH: f64 = 2.0 * 1_048_576.0;
/// Of all keys, so many may be without a count: of some kinds only every third event brings one.
const COUNTED: f64 = 0.8;
/// Where more rules are, beside the project.
const RULES: &str = "../shared/sigma";

/// What the bench is told beside what the user tells it: more rules, if they are here.
pub(super) fn arguments(place: &Place) -> Vec<OsString> {
    let rules = root().join(RULES);
    match place {
        Place::Native { .. } if rules.is_dir() => vec!["--rules".into(), rules.into()],
        _ => Vec::new(),
    }
}

pub(super) fn report(figures: &Value, unit: Unit) -> Result<Report> {
    let figures = Figures::deserialize(figures)?;
    let mut table = Table::new(vec![
        Column::text("what looks"),
        Column::number("rules"),
        Column::number(format!("{}/event", unit.name())),
        Column::number("half of rounds within"),
        Column::number("events/s of a core"),
        Column::number("ratio to fewer rules"),
    ]);
    let mut goals = Vec::new();
    for row in &figures.rows {
        let cost = row.cost(figures.events)?;
        let fewer = figures
            .rows
            .iter()
            .find(|other| other.what == row.what && other.times < row.times);
        let ratio = fewer.map(|fewer| row.ratio(fewer)).transpose()?;
        table.row(vec![
            row.what.clone(),
            whole(to_f64(row.rules)),
            whole(in_unit(cost, unit)),
            percent(row.middle_half()? / (cost * to_f64(figures.events))),
            whole(1e9 / cost),
            ratio.map_or_else(String::new, |ratio| format!("{ratio:.2}")),
        ]);
        match ratio {
            Some(ratio) => goals.push(Goal::below(
                format!("{}: an event with {} times the rules", row.what, row.times),
                ratio,
                TIMES,
                |ratio| format!("{ratio:.2}"),
            )),
            None => goals.push(Goal::below(
                format!("{}: ns an event", row.what),
                cost,
                EVENT,
                whole,
            )),
        }
    }
    let mut notes = vec![
        "the events of a made-up busy host, shown to each in turn; medians of rounds, ratios of pairs of \
         rounds"
            .to_owned(),
    ];
    for keys in &figures.keys {
        goals.push(Goal::below(
            format!(
                "{}: MiB more after {} keys",
                keys.kind,
                whole(to_f64(keys.keys))
            ),
            to_f64(keys.growth),
            GROWTH,
            mebibytes,
        ));
        for limit in &keys.limits {
            goals.push(keys.kept(limit));
        }
        notes.push(format!(
            "{}: {} {} an event",
            keys.kind,
            whole(in_unit(keys.cpu, unit)),
            unit.name()
        ));
    }
    Ok(Report {
        title: "detect: from an event to its alerts".to_owned(),
        table,
        goals,
        notes,
    })
}

impl Row {
    /// Nanoseconds of an event.
    fn cost(&self, events: u64) -> Result<f64> {
        ensure!(events > 0, "there are no events");
        let round = median(&self.rounds).context("there are no rounds")?;
        Ok(round / to_f64(events))
    }

    /// How much longer it takes than another, round by round.
    fn ratio(&self, other: &Self) -> Result<f64> {
        let pairs = self.rounds.iter().zip(&other.rounds);
        let ratios: Vec<f64> = pairs.map(|(this, other)| this / other).collect();
        median(&ratios).context("there are no rounds")
    }

    /// How far apart the rounds of the middle half are.
    fn middle_half(&self) -> Result<f64> {
        let mut sorted = self.rounds.clone();
        sorted.sort_by(f64::total_cmp);
        let quarter = sorted.len() / 4;
        let first = sorted.get(quarter).context("there are no rounds")?;
        let last = sorted.get(sorted.len() - 1 - quarter);
        Ok(last.context("there are no rounds")? - first)
    }
}

impl Keys {
    /// How many keys were not counted as forgotten: those that are remembered, and events that bring no
    /// key of this limit.
    fn kept(&self, limit: &str) -> Goal {
        let forgotten = self.forgotten.iter().find(|one| one.limit == limit);
        let forgotten = forgotten.map_or(0, |one| one.count);
        Goal::below(
            format!("{}: not counted by {limit}", self.kind),
            to_f64(self.keys.saturating_sub(forgotten)),
            to_f64(self.keys) * COUNTED,
            whole,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn speed_ratio_and_memory_are_held_to_their_goals() {
        let row = |times: u32, rounds: [f64; 3]| json!({"what": "rules", "times": times, "rules": 10 * times, "rounds": rounds});
        let keys = json!({
            "kind": "addresses", "limits": ["a_full"], "keys": 1_000, "growth": 0, "cpu": 300.0,
            "forgotten": [{"limit": "a_full", "count": 900}],
        });
        let mut figures = json!({
            "events": 100,
            "rows": [row(1, [8e4, 9e4, 7e4]), row(10, [9e4, 9e4, 9e4])],
            "keys": [keys],
        });
        let met = |figures: &Value| -> Vec<bool> {
            let report = report(figures, Unit::Nanoseconds).unwrap();
            report.goals.iter().map(Goal::is_met).collect()
        };
        assert_eq!(met(&figures), [true; 4]);
        let shown = report(&figures, Unit::Nanoseconds).unwrap().table.show();
        assert!(shown.contains("1,250,000"), "{shown}");
        assert!(shown.contains("1.12"), "{shown}");
        figures["rows"][0]["rounds"] = json!([11e4, 11e4, 11e4]);
        figures["rows"][1]["rounds"] = json!([30e4, 30e4, 30e4]);
        figures["keys"][0]["growth"] = json!(3 << 20);
        figures["keys"][0]["forgotten"] = json!([]);
        assert_eq!(met(&figures), [false; 4]);
    }
}
