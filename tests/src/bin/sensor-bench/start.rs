//! How long the sensor takes from its start to the line that says that it watches.

use anyhow::Result;
use serde_json::{Value, json};

use crate::rung::Rung;
use crate::say;
use crate::sensor::{Sensor, Setting};

/// What the bench is told.
#[derive(clap::Args)]
pub struct Arguments {
    /// How often it is started
    #[arg(long, default_value_t = 5)]
    rounds: u32,
}

/// Measures.
pub fn run(setting: &Setting, arguments: &Arguments) -> Result<Value> {
    let cgroup = setting.cgroup()?;
    let mut rows = Vec::new();
    for rung in Rung::ALL {
        let (mut elapsed, mut used, mut in_kernel) = (Vec::new(), Vec::new(), Vec::new());
        for round in 1..=arguments.rounds {
            say(format_args!(
                "rung {}, start {round} of {}",
                rung.name(),
                arguments.rounds
            ));
            let sensor = Sensor::start(setting, rung, "", cgroup.as_ref(), Box::new(|_| ()))?;
            elapsed.push(sensor.started_in.as_secs_f64() * 1e9);
            used.push(sensor.started_with.as_secs_f64() * 1e9);
            in_kernel.push(sensor.started_in_kernel);
            sensor.finish()?;
        }
        rows.push(json!({
            "rung": rung.name(),
            "elapsed": elapsed,
            "sensor": used,
            "in_kernel": in_kernel,
        }));
    }
    Ok(json!({"rows": rows}))
}
