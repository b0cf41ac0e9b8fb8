//! The sensor's memory and that of its maps.

use anyhow::Result;
use serde::Deserialize;
use serde_json::Value;

use super::Report;
use super::figures::{self, Totals, mebibytes, to_f64, whole};
use super::goal::Goal;
use super::table::{Column, Table};

/// What `sensor-bench memory` prints; bytes.
#[derive(Deserialize)]
struct Figures {
    at_start: Snapshot,
    after: Snapshot,
    events: u64,
    maps: u64,
    map_bytes: u64,
    totals: Totals,
}

#[derive(Deserialize)]
struct Snapshot {
    resident: u64,
    peak: u64,
    anonymous: u64,
    file: u64,
    shared: u64,
}

const MEBIBYTE: f64 = 1_048_576.0;

pub(super) fn report(figures: &Value) -> Result<Report> {
    let figures = Figures::deserialize(figures)?;
    let mut table = Table::new(vec![
        Column::text("MiB"),
        Column::number("resident"),
        Column::number("peak"),
        Column::number("anonymous"),
        Column::number("file"),
        Column::number("shared"),
    ]);
    let after = format!("after {} events", whole(to_f64(figures.events)));
    for (when, snapshot) in [
        ("at its start", &figures.at_start),
        (after.as_str(), &figures.after),
    ] {
        let mut row = vec![when.to_owned()];
        row.extend(
            [
                snapshot.resident,
                snapshot.peak,
                snapshot.anonymous,
                snapshot.file,
                snapshot.shared,
            ]
            .map(|bytes| mebibytes(to_f64(bytes))),
        );
        table.row(row);
    }
    let goal = |what: &str, bytes: u64, limit: f64| {
        Goal::below(
            format!("{what}, MiB"),
            to_f64(bytes),
            limit * MEBIBYTE,
            mebibytes,
        )
    };
    let mut notes = vec![format!(
        "{} maps hold {} MiB of the kernel's memory; `file` counts the program's own file and the \
         rings, which the sensor has mapped",
        figures.maps,
        mebibytes(to_f64(figures.map_bytes))
    )];
    notes.extend(figures::losses(std::slice::from_ref(&figures.totals)));
    Ok(Report {
        title: "memory".to_owned(),
        table,
        goals: vec![
            goal("resident at its start", figures.at_start.resident, 25.0),
            goal(&format!("resident {after}"), figures.after.resident, 40.0),
            goal("maps", figures.map_bytes, 16.0),
        ],
        notes,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn memory_is_held_to_three_goals() {
        let snapshot = |resident: u64| {
            json!({"resident": resident << 20, "peak": resident << 20, "anonymous": 4 << 20,
                   "file": 6 << 20, "shared": 0})
        };
        let figures = json!({"at_start": snapshot(10), "after": snapshot(40), "events": 1_000_123,
                             "maps": 9, "map_bytes": 15 << 20, "totals": {"lost": {}}});
        let report = report(&figures).unwrap();
        let met: Vec<bool> = report.goals.iter().map(Goal::is_met).collect();
        assert_eq!(met, [true, false, true]);
        assert!(report.table.show().contains("after 1,000,123 events"));
    }
}
