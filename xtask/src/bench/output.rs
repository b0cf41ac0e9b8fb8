//! How many events a core writes down in a second, in each format.

use anyhow::{Result, ensure};
use serde::Deserialize;
use serde_json::Value;

use super::Report;
use super::figures::{Unit, to_f64, whole};
use super::in_unit;
use super::table::{Column, Table};

/// What `sensor-bench output` prints.
#[derive(Deserialize)]
struct Figures {
    rows: Vec<Row>,
}

#[derive(Deserialize)]
struct Row {
    format: String,
    /// Whether lines went to a file, or nowhere.
    file: bool,
    events: u64,
    /// Nanoseconds of the sensor's CPU time for all of them.
    cpu: f64,
}

impl Row {
    /// Nanoseconds for an event.
    fn cost(&self) -> f64 {
        self.cpu / to_f64(self.events.max(1))
    }

    fn place(&self) -> &'static str {
        if self.file { "a file" } else { "nowhere" }
    }
}

pub(super) fn report(figures: &Value, unit: Unit) -> Result<Report> {
    let figures = Figures::deserialize(figures)?;
    let mut table = Table::new(vec![
        Column::text("format"),
        Column::text("to"),
        Column::number(format!("{}/event", unit.name())),
        Column::number("least"),
        Column::number("most"),
        Column::number("events/s of a core"),
    ]);
    let mut done: Vec<(&str, bool)> = Vec::new();
    for row in &figures.rows {
        let key = (row.format.as_str(), row.file);
        if done.contains(&key) {
            continue;
        }
        done.push(key);
        let mut costs: Vec<f64> = figures
            .rows
            .iter()
            .filter(|other| (other.format.as_str(), other.file) == key)
            .map(Row::cost)
            .collect();
        costs.sort_by(f64::total_cmp);
        let (Some(least), Some(most)) = (costs.first(), costs.last()) else {
            continue;
        };
        let median = costs.get(costs.len() / 2).copied().unwrap_or(*most);
        table.row(vec![
            row.format.clone(),
            row.place().to_owned(),
            whole(in_unit(median, unit)),
            whole(in_unit(*least, unit)),
            whole(in_unit(*most, unit)),
            whole(1e9 / median),
        ]);
    }
    ensure!(!done.is_empty(), "there are no rows");
    Ok(Report {
        title: "output: from the kernel's record to the line".to_owned(),
        table,
        goals: Vec::new(),
        notes: vec![
            "all of the pipeline is in it: decoding, order, the process table, lineage, container, names; \
             the median of the rounds"
                .to_owned(),
        ],
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn each_format_has_a_row_with_its_median() {
        let row = |cpu: f64| json!({"format": "cef", "file": false, "events": 1000, "cpu": cpu});
        let rows = [row(3e6), row(1e6), row(2e6)];
        let report = report(&json!({ "rows": rows }), Unit::Nanoseconds).unwrap();
        let shown = report.table.show();
        assert!(shown.contains("2,000"), "{shown}");
        assert!(shown.contains("500,000"), "{shown}");
        assert_eq!(shown.matches("cef").count(), 1);
    }
}
