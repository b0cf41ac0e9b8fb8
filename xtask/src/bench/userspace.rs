//! What an event costs the sensor itself.

use anyhow::Result;
use serde::Deserialize;
use serde_json::Value;

use super::figures::{self, Totals, Unit, to_f64, whole};
use super::goal::Goal;
use super::table::{Column, Table};
use super::{Report, in_unit};

/// What `sensor-bench userspace` prints.
#[derive(Deserialize)]
struct Figures {
    rows: Vec<Row>,
}

#[derive(Deserialize)]
struct Row {
    events_of: String,
    events: u64,
    bytes: u64,
    /// Nanoseconds of its CPU time for all of them.
    sensor: f64,
    totals: Totals,
}

/// Instructions from the ring to the line.
const LIMIT: f64 = 16_000.0;

pub(super) fn report(figures: &Value, unit: Unit) -> Result<Report> {
    let figures = Figures::deserialize(figures)?;
    let mut table = Table::new(vec![
        Column::text("events"),
        Column::number("number"),
        Column::number("bytes/line"),
        Column::number(format!("{}/event", unit.name())),
    ]);
    let mut goals = Vec::new();
    for row in &figures.rows {
        let events = to_f64(row.events.max(1));
        let each = in_unit(row.sensor, unit) / events;
        table.row(vec![
            row.events_of.clone(),
            whole(to_f64(row.events)),
            whole(to_f64(row.bytes) / events),
            whole(each),
        ]);
        if unit == Unit::Instructions {
            goals.push(Goal::below(
                format!("{}: instructions for an event", row.events_of),
                each,
                LIMIT,
                whole,
            ));
        }
    }
    let totals: Vec<Totals> = figures.rows.iter().map(|row| row.totals.clone()).collect();
    let mut notes = vec![
        "the sensor's CPU time, system calls and writing the lines into a pipe included".to_owned(),
    ];
    notes.extend(figures::losses(&totals));
    Ok(Report {
        title: "userspace: from the ring to the line".to_owned(),
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
    fn the_cost_of_an_event_is_the_sum_over_their_number() {
        let row = json!({"events_of": "exec", "events": 9000, "bytes": 9_000_000,
                         "sensor": 9000.0 * 20_000.0, "totals": {"lost": {}}});
        let report = report(&json!({"rows": [row]}), Unit::Instructions).unwrap();
        assert!(
            report.table.show().contains("9,000       1,000"),
            "{}",
            report.table.show()
        );
        assert!(report.table.show().contains("10,000\n"));
        assert!(report.goals[0].is_met());
    }
}
