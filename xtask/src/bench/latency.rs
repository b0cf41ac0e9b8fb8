//! How long an event takes to come out.

use anyhow::Result;
use serde::Deserialize;
use serde_json::Value;

use super::Report;
use super::figures::{self, Totals, milliseconds, to_f64, whole};
use super::goal::Goal;
use super::table::{Column, Table};

/// What `sensor-bench latency` prints; nanoseconds.
#[derive(Deserialize)]
struct Figures {
    seconds: u64,
    rows: Vec<Row>,
    totals: Totals,
}

#[derive(Deserialize)]
struct Row {
    load: String,
    events: u64,
    median: Option<u64>,
    p90: Option<u64>,
    p99: Option<u64>,
    most: Option<u64>,
}

/// For 99 of 100 events.
const LIMIT: f64 = 50e6;

pub(super) fn report(figures: &Value) -> Result<Report> {
    let figures = Figures::deserialize(figures)?;
    let mut table = Table::new(vec![
        Column::text("load"),
        Column::number("events"),
        Column::number("median ms"),
        Column::number("90 %"),
        Column::number("99 %"),
        Column::number("most"),
    ]);
    let mut goals = Vec::new();
    for row in &figures.rows {
        let mut cells = vec![row.load.clone(), whole(to_f64(row.events))];
        cells
            .extend([row.median, row.p90, row.p99, row.most].map(|time| {
                time.map_or_else(|| "-".to_owned(), |time| milliseconds(to_f64(time)))
            }));
        table.row(cells);
        goals.push(Goal::below(
            format!("{}: 99 % of the events, ms", row.load),
            row.p99.map_or(f64::NAN, to_f64),
            LIMIT,
            milliseconds,
        ));
    }
    let mut notes = vec![format!(
        "{} s each; idle: 10 connections a second, moderate: 1,000, flood: on every CPU programs \
         started one after the other",
        figures.seconds
    )];
    notes.extend(figures::losses(std::slice::from_ref(&figures.totals)));
    Ok(Report {
        title: "latency: from the kernel's hook to the line".to_owned(),
        table,
        goals,
        notes,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_load_without_an_event_meets_no_goal() {
        let figures = json!({"seconds": 1, "totals": {"lost": {}}, "rows": [
            {"load": "idle", "events": 10, "median": 1_000_000, "p90": 2_000_000,
             "p99": 49_000_000, "most": 60_000_000},
            {"load": "flood", "events": 0, "median": null, "p90": null, "p99": null, "most": null},
        ]});
        let report = report(&figures).unwrap();
        let met: Vec<bool> = report.goals.iter().map(Goal::is_met).collect();
        assert_eq!(met, [true, false]);
        assert!(report.table.show().contains("49.0"));
    }
}
