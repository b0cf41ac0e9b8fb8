//! What operations cost with the sensor and without.

use anyhow::{Context as _, Result};
use serde::Deserialize;
use serde_json::Value;

use super::figures::{self, Totals, Unit, median, ratio, spread, whole};
use super::goal::Goal;
use super::table::{Column, Table};
use super::{Report, in_unit};

/// What `sensor-bench overhead` prints; times in nanoseconds for one operation, one a round.
#[derive(Deserialize)]
struct Figures {
    rows: Vec<Row>,
    totals: Vec<Totals>,
}

#[derive(Deserialize)]
struct Row {
    rung: String,
    operation: String,
    without: Vec<f64>,
    with: Vec<f64>,
    /// What the sensor used.
    sensor: Vec<f64>,
    /// Events for one operation.
    events: f64,
}

/// One line of the table, in the place's unit.
struct Cost {
    without: f64,
    with: f64,
    more: f64,
    ratio: f64,
    spread: f64,
    /// The kernel's side of one event.
    each: Option<f64>,
    sensor: f64,
    /// With the sensor's own work, for the whole machine.
    total: f64,
}

/// Anything from here on is more than the noise of the method.
const NO_CHANGE: f64 = 1.005;
/// The same without a count of instructions: a busy host's clock is not that good.
const NO_CHANGE_BY_THE_CLOCK: f64 = 1.03;

pub(super) fn report(figures: &Value, unit: Unit) -> Result<Report> {
    let figures = Figures::deserialize(figures)?;
    let mut table = Table::new(vec![
        Column::text("rung"),
        Column::text("operation"),
        Column::number("without"),
        Column::number("with"),
        Column::number("more"),
        Column::number("ratio"),
        Column::number("spread"),
        Column::number("events"),
        Column::number("more/event"),
        Column::number("sensor"),
        Column::number("total ratio"),
    ]);
    let mut goals = Vec::new();
    for row in &figures.rows {
        let cost = cost(row, unit)
            .with_context(|| format!("{} on {} was not measured", row.operation, row.rung))?;
        table.row(vec![
            row.rung.clone(),
            row.operation.clone(),
            whole(cost.without),
            whole(cost.with),
            whole(cost.more),
            ratio(cost.ratio),
            figures::percent(cost.spread),
            format!("{:.1}", row.events),
            cost.each.map_or_else(|| "-".to_owned(), whole),
            whole(cost.sensor),
            ratio(cost.total),
        ]);
        goals.extend(goals_of(row, &cost, unit));
    }
    let mut notes = vec![
        "`without`, `with`: one operation, the sensor stopped meanwhile, so that the kernel's side \
         alone is seen; `spread` is that of `with` over the rounds"
            .to_owned(),
        "`sensor`: what its own process uses for the events of one operation; `total ratio` counts \
         that too, as on a machine with one CPU"
            .to_owned(),
    ];
    notes.extend(figures::losses(&figures.totals));
    Ok(Report {
        title: format!("overhead: {} for one operation", unit.name()),
        table,
        goals,
        notes,
    })
}

fn cost(row: &Row, unit: Unit) -> Option<Cost> {
    let more: Vec<f64> = row
        .with
        .iter()
        .zip(&row.without)
        .map(|(with, without)| with - without)
        .collect();
    let ratios: Vec<f64> = row
        .with
        .iter()
        .zip(&row.without)
        .map(|(with, without)| with / without)
        .collect();
    let (without, with) = (median(&row.without)?, median(&row.with)?);
    let (more, sensor) = (median(&more)?, median(&row.sensor)?);
    Some(Cost {
        without: in_unit(without, unit),
        with: in_unit(with, unit),
        more: in_unit(more, unit),
        ratio: median(&ratios)?,
        spread: spread(&row.with)?,
        // The worker's own start is three events over thousands of operations.
        each: (row.events > 0.5).then_some(in_unit(more, unit) / row.events),
        sensor: in_unit(sensor, unit),
        total: (with + sensor) / without,
    })
}

fn goals_of(row: &Row, cost: &Cost, unit: Unit) -> Vec<Goal> {
    let name = |what: &str| format!("{}, {}: {what}", row.rung, row.operation);
    let counts = unit == Unit::Instructions;
    match row.operation.as_str() {
        "getppid" | "pread" => {
            let limit = if counts {
                NO_CHANGE
            } else {
                NO_CHANGE_BY_THE_CLOCK
            };
            vec![Goal::below(name("ratio"), cost.ratio, limit, ratio)]
        }
        "exec" => {
            let mut goals = vec![
                Goal::below(name("ratio"), cost.ratio, 1.02, ratio),
                Goal::below(name("total ratio"), cost.total, 1.10, ratio),
            ];
            if counts {
                goals.push(Goal::below(name("more"), cost.more, 3_000.0, whole));
            }
            goals
        }
        "tcp" => vec![
            Goal::below(name("ratio"), cost.ratio, 1.02, ratio),
            Goal::below(name("total ratio"), cost.total, 1.10, ratio),
        ],
        "setuid" => vec![Goal::below(name("ratio"), cost.ratio, 1.30, ratio)],
        "connect" | "setresuid" | "setresgid" if counts => cost
            .each
            .map(|each| Goal::below(name("more/event"), each, 600.0, whole))
            .into_iter()
            .collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn figures() -> Value {
        json!({
            "rows": [
                {"rung": "tracing", "operation": "exec", "without": [400_000.0, 400_400.0, 400_200.0],
                 "with": [405_000.0, 405_400.0, 405_200.0], "sensor": [60_000.0, 60_000.0, 60_000.0],
                 "events": 3.0},
                {"rung": "tracing", "operation": "getppid", "without": [500.0], "with": [510.0],
                 "sensor": [0.0], "events": 0.001},
                {"rung": "kprobes", "operation": "setresuid", "without": [4000.0],
                 "with": [6000.0], "sensor": [100.0], "events": 2.0},
            ],
            "totals": [{"seen": 1, "delivered": 0, "lost": {"exec: ring_full": 1}}],
        })
    }

    #[test]
    fn a_time_is_two_nanoseconds_an_instruction() {
        let report = report(&figures(), Unit::Instructions).unwrap();
        let shown = report.table.show();
        let exec: Vec<&str> = shown.lines().nth(1).unwrap().split_whitespace().collect();
        assert_eq!(
            exec,
            [
                "tracing", "exec", "200,100", "202,600", "2,500", "1.012", "0.1", "%", "3.0",
                "833", "30,000", "1.162"
            ]
        );
        assert!(report.notes.iter().any(|note| note.contains("ring_full 1")));
    }

    #[test]
    fn each_operation_is_held_to_its_goal() {
        let report = report(&figures(), Unit::Instructions).unwrap();
        let met: Vec<bool> = report.goals.iter().map(Goal::is_met).collect();
        // exec: ratio, total ratio, more; getppid: ratio; setresuid: more for each event.
        assert_eq!(met, [true, false, true, false, true]);
    }

    #[test]
    fn figures_of_another_form_are_an_error() {
        assert!(report(&json!({"rows": [{}]}), Unit::Instructions).is_err());
        let empty = json!({"rung": "r", "operation": "o", "without": [], "with": [], "sensor": [],
                           "events": 0.0});
        assert!(report(&json!({"rows": [empty], "totals": []}), Unit::Instructions).is_err());
    }
}
