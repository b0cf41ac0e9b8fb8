//! What operations cost with the sensor and without, by turns, so that whatever drifts on the
//! machine drifts under both.

use std::path::Path;
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use crate::cgroup::Cgroup;
use crate::operation::Operation;
use crate::rung::Rung;
use crate::sensor::{ROOMY, Sensor, Setting, Totals};
use crate::{process, say, worker};

/// What the bench is told.
#[derive(clap::Args)]
pub struct Arguments {
    /// How often each is measured, with and without
    #[arg(long, default_value_t = 3)]
    rounds: u32,
    /// Every operation on every rung of the ladder of hooks; else those below the first only see
    /// what no sensor has any business with
    #[arg(long)]
    rungs: bool,
    /// Only this operation (may be repeated)
    #[arg(long)]
    operation: Vec<Operation>,
}

/// After the programs are loaded, until what that leaves behind in the kernel is done.
const CALM: Duration = Duration::from_secs(2);

/// An operation on a rung; times in nanoseconds for each operation, one a round.
struct Row {
    rung: Rung,
    operation: Operation,
    without: Vec<f64>,
    with: Vec<f64>,
    /// What the sensor itself used meanwhile, when it was not stopped.
    sensor: Vec<f64>,
    /// Events that came out for each operation.
    events: f64,
}

/// Measures.
pub fn run(setting: &Setting, arguments: &Arguments) -> Result<Value> {
    let cgroup = setting.cgroup()?;
    let place = cgroup.as_ref().map(Cgroup::path);
    let all: Vec<Operation> = match arguments.operation.as_slice() {
        [] => Operation::ALL.to_vec(),
        some => some.to_vec(),
    };
    say("warming up");
    for operation in &all {
        worker::start(*operation, None, place)?;
    }
    let mut rows = Vec::new();
    let mut totals = Vec::new();
    for rung in Rung::ALL {
        let is_full = arguments.rungs || rung == Rung::Tracing;
        let mut of_rung: Vec<Row> = all
            .iter()
            .filter(|operation| is_full || Operation::UNRELATED.contains(operation))
            .map(|operation| Row::new(rung, *operation))
            .collect();
        if of_rung.is_empty() {
            continue;
        }
        for round in 1..=arguments.rounds {
            say(format_args!(
                "rung {}, round {round} of {}",
                rung.name(),
                arguments.rounds
            ));
            totals.push(measure(setting, rung, cgroup.as_ref(), &mut of_rung)?);
        }
        rows.extend(of_rung);
    }
    Ok(json!({
        "rows": rows.iter().map(Row::to_json).collect::<Vec<_>>(),
        "totals": totals.iter().map(Totals::to_json).collect::<Vec<_>>(),
    }))
}

/// One round: every operation without, then every operation with.
fn measure(
    setting: &Setting,
    rung: Rung,
    cgroup: Option<&Cgroup>,
    rows: &mut [Row],
) -> Result<Totals> {
    let place = cgroup.map(Cgroup::path);
    for row in rows.iter_mut() {
        row.without.push(worker::start(row.operation, None, place)?);
    }
    let sensor = Sensor::start(setting, rung, ROOMY, cgroup, Box::new(|_| ()))?;
    thread::sleep(CALM);
    sensor.wait_until_quiet()?;
    for row in rows.iter_mut() {
        row.measure_with(&sensor, place)
            .with_context(|| format!("cannot measure {}", row.operation.name()))?;
    }
    sensor.finish()
}

impl Row {
    fn new(rung: Rung, operation: Operation) -> Self {
        Self {
            rung,
            operation,
            without: Vec::new(),
            with: Vec::new(),
            sensor: Vec::new(),
            events: 0.0,
        }
    }

    fn measure_with(&mut self, sensor: &Sensor, cgroup: Option<&Path>) -> Result<()> {
        let operations = f64::from(worker::operations(self.operation));
        // The kernel's side alone.
        let before = sensor.count()?.lines;
        self.with
            .push(worker::start(self.operation, Some(sensor.pid()), cgroup)?);
        sensor.resume()?;
        let (after, _) = sensor.wait_until_quiet()?;
        #[expect(
            clippy::cast_precision_loss,
            reason = "nobody waits for 2^53 events to come out"
        )]
        let events = (after.lines - before) as f64;
        self.events = events / operations;
        // And the sensor's own.
        let before = process::cpu_time(sensor.pid())?;
        worker::start(self.operation, None, cgroup)?;
        let (_, used) = sensor.wait_until_quiet()?;
        let used = used.saturating_sub(before);
        self.sensor.push(used.as_secs_f64() * 1e9 / operations);
        Ok(())
    }

    fn to_json(&self) -> Value {
        json!({
            "rung": self.rung.name(),
            "operation": self.operation.name(),
            "without": self.without,
            "with": self.with,
            "sensor": self.sensor,
            "events": self.events,
        })
    }
}
