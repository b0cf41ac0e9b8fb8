//! What `sensor doctor` says of this kernel, on each rung of the ladder of hooks.

use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use crate::rung::Rung;
use crate::sensor::{Configuration, Setting};

/// Asks.
pub fn run(setting: &Setting) -> Result<Value> {
    let mut rungs = Vec::new();
    for rung in Rung::ALL {
        let configuration = Configuration::write(rung, "")?;
        let output = Command::new(&setting.sensor)
            .args(["doctor", "--json", "--config"])
            .arg(configuration.path())
            .output()
            .with_context(|| format!("cannot start {}", setting.sensor.display()))?;
        ensure!(
            output.status.success(),
            "`sensor doctor` ended with {}\n{}",
            output.status,
            String::from_utf8_lossy(&output.stderr)
        );
        let doctor: Value = serde_json::from_slice(&output.stdout)
            .context("`sensor doctor --json` printed no JSON")?;
        rungs.push(json!({"rung": rung.name(), "doctor": doctor}));
    }
    Ok(json!(rungs))
}
