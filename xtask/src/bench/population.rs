//! What the sensor remembers of many containers and processes, and what that costs.

use anyhow::{Context as _, Result};
use serde::Deserialize;
use serde_json::Value;

use super::Report;
use super::figures::{Unit, mebibytes, to_f64, whole};
use super::goal::Goal;
use super::in_unit;
use super::table::{Column, Table};

/// What `sensor-bench population` prints; bytes, and nanoseconds of CPU time.
#[derive(Deserialize)]
struct Figures {
    curve: Vec<Point>,
    rounds: Vec<Round>,
}

#[derive(Deserialize)]
struct Point {
    containers: u64,
    events: u64,
    resident: u64,
    cpu: f64,
}

#[derive(Deserialize)]
struct Round {
    events: u64,
    bare: f64,
    rich: f64,
}

const MEBIBYTE: f64 = 1_048_576.0;

/// Where the sensor has forgotten its first processes, of all the way.
const WARM: usize = 5;

/// Characters of the longest bar.
const BAR: f64 = 32.0;

pub(super) fn report(figures: &Value, unit: Unit) -> Result<Report> {
    let figures = Figures::deserialize(figures)?;
    let mut table = Table::new(vec![
        Column::number("containers"),
        Column::number("events"),
        Column::number("MiB resident"),
        Column::text(""),
        Column::number(format!("{}/event", unit.name())),
    ]);
    let mut costs = Vec::new();
    let mut before = (0, 0.0);
    for point in &figures.curve {
        let cost = (point.cpu - before.1) / to_f64(point.events - before.0);
        before = (point.events, point.cpu);
        costs.push(cost);
        table.row(vec![
            whole(to_f64(point.containers)),
            whole(to_f64(point.events)),
            mebibytes(to_f64(point.resident)),
            bar(to_f64(point.resident) / (64.0 * MEBIBYTE)),
            whole(in_unit(cost, unit)),
        ]);
    }
    let warm = figures.curve.get(WARM..).unwrap_or_default();
    let resident = warm.iter().map(|point| point.resident);
    let (least, most) = (resident.clone().min(), resident.max());
    let (least, most) = least.zip(most).context("the curve is too short")?;
    let costs = costs.get(WARM..).unwrap_or_default();
    let half = costs.len() / 2;
    let (first, second) = costs.split_at(half);
    let extra = median(
        figures
            .rounds
            .iter()
            .map(|round| (round.rich - round.bare) / to_f64(round.events)),
    );
    Ok(Report {
        title: "population".to_owned(),
        table,
        goals: vec![
            Goal::below(
                "resident at most, MiB",
                to_f64(most),
                64.0 * MEBIBYTE,
                mebibytes,
            ),
            Goal::below(
                "growth after warm-up, MiB",
                to_f64(most - least),
                2.0 * MEBIBYTE,
                mebibytes,
            ),
            Goal::below(
                "an event of the second half beside one of the first",
                median(second.iter().copied()) / median(first.iter().copied()),
                1.2,
                |ratio| format!("{ratio:.3}"),
            ),
            Goal::below("enrichment of an event, ns", extra, 1_000.0, whole),
        ],
        notes: vec![format!(
            "warm after {WARM} of {} looks; enrichment is what lineage, container, unit, names and \
                 digests add to the same events told without them, the median of {} rounds",
            figures.curve.len(),
            figures.rounds.len()
        )],
    })
}

fn bar(part: f64) -> String {
    let full = (part * BAR).round().clamp(0.0, BAR);
    "#".repeat(
        std::iter::successors(Some(1.0), |at| Some(at + 1.0))
            .take_while(|at| *at <= full)
            .count(),
    )
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_flat_curve_and_a_small_cost_meet_the_goals() {
        let curve: Vec<Value> = (1..=20_u64)
            .map(|look| {
                json!({
                    "containers": look * 500,
                    "events": look * 150_000,
                    "resident": 30_u64 << 20,
                    "cpu": to_f64(look) * 1.5e9,
                })
            })
            .collect();
        let round = json!({"events": 1000, "bare": 1e6, "rich": 1.9e6});
        let mut figures = json!({"curve": curve, "rounds": [round]});
        let met = |figures: &Value| -> Vec<bool> {
            let report = report(figures, Unit::Nanoseconds).unwrap();
            report.goals.iter().map(Goal::is_met).collect()
        };
        assert_eq!(met(&figures), [true; 4]);
        figures["curve"][19]["resident"] = json!(70_u64 << 20);
        figures["rounds"][0]["rich"] = json!(2.1e6);
        assert_eq!(met(&figures), [false, false, true, false]);
    }
}
