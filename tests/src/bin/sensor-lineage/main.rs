//! Who did it, on a host as people run them: `cargo xtask debian` boots a Debian with systemd as its
//! first process, and this runs in it. It brings about each way in which a process comes into such a
//! host, has the sensor watch, and judges what the sensor said.
//!
//! - [`situations`]: brings them about. Each runs a program of its own name, `mark-NAME`, by which its
//!   events are found.
//! - [`told`]: the events.
//! - [`judge`]: what they must say.

#![forbid(unsafe_code)]

mod judge;
mod situations;
mod told;

use std::process::ExitCode;

use anyhow::Result;

use situations::Happened;

/// What is wrong with the events of one situation; nothing if they are right.
type Verdict = (&'static str, Result<String>);

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("sensor-lineage: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<bool> {
    situations::prepare()?;
    let sensor = situations::start_sensor()?;
    let happened: Happened = situations::bring_about()?;
    let told = sensor.stop()?;
    let verdicts: Vec<Verdict> = judge::all(&happened, &told);
    let width = verdicts
        .iter()
        .map(|(name, _)| name.len())
        .max()
        .unwrap_or(0);
    for (name, verdict) in &verdicts {
        match verdict {
            Ok(seen) => println!("ok    {name:width$}  {seen}"),
            Err(error) => println!("FAIL  {name:width$}  {error:#}"),
        }
    }
    let failed = verdicts
        .iter()
        .filter(|(_, verdict)| verdict.is_err())
        .count();
    println!("{} passed, {failed} failed", verdicts.len() - failed);
    Ok(failed == 0)
}
