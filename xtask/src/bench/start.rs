//! How long the sensor takes until it watches.

use anyhow::{Context as _, Result};
use serde::Deserialize;
use serde_json::Value;

use super::figures::{Unit, median, percent, spread, whole};
use super::goal::Goal;
use super::table::{Column, Table};
use super::{Report, in_unit};

/// What `sensor-bench start` prints; nanoseconds, one a start.
#[derive(Deserialize)]
struct Figures {
    rows: Vec<Row>,
}

#[derive(Deserialize)]
struct Row {
    rung: String,
    elapsed: Vec<f64>,
    sensor: Vec<f64>,
    /// The part of that which was in the kernel.
    in_kernel: Vec<f64>,
}

/// Instructions of the whole machine.
const LIMIT: f64 = 500e6;

pub(super) fn report(figures: &Value, unit: Unit) -> Result<Report> {
    let figures = Figures::deserialize(figures)?;
    let mut table = Table::new(vec![
        Column::text("rung"),
        Column::number("whole machine"),
        Column::number("spread"),
        Column::number("sensor's own"),
        Column::number("in the kernel"),
    ]);
    let mut goals = Vec::new();
    for row in &figures.rows {
        let elapsed = median(&row.elapsed).context("the sensor was not started")?;
        let used = median(&row.sensor).context("the sensor was not started")?;
        table.row(vec![
            row.rung.clone(),
            whole(in_unit(elapsed, unit)),
            percent(spread(&row.elapsed).unwrap_or_default()),
            whole(in_unit(used, unit)),
            percent(median(&row.in_kernel).unwrap_or_default()),
        ]);
        if unit == Unit::Instructions {
            let name = format!("{}: instructions until it watches", row.rung);
            goals.push(Goal::below(name, in_unit(elapsed, unit), LIMIT, whole));
        }
    }
    Ok(Report {
        title: format!("start: {} until the sensor watches", unit.name()),
        table,
        goals,
        notes: vec![
            "`in the kernel` is the part of the sensor's own that the kernel works for it: mostly its \
             verifier"
                .to_owned(),
        ],
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_start_is_the_median_of_all() {
        let figures = json!({"rows": [
            {"rung": "tracing", "elapsed": [900e6, 800e6, 2000e6], "sensor": [1.0, 2.0, 3.0],
             "in_kernel": [0.5]},
            {"rung": "kprobes", "elapsed": [1000e6], "sensor": [1.0], "in_kernel": []},
        ]});
        let report = report(&figures, Unit::Instructions).unwrap();
        assert!(report.table.show().contains("450,000,000"));
        let met: Vec<bool> = report.goals.iter().map(Goal::is_met).collect();
        assert_eq!(met, [true, false]);
    }
}
