//! Runs the scenarios, on one rung after the other.

use std::fs;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use rustix::process::Signal;

use crate::detect::watch::{self, Watch};
use crate::host::Host;
use crate::place::Place;
use crate::rung::Rung;
use crate::scenario::{self, Context, Outcome, Scenario};
use crate::sensor::{Sensor, Settings};

/// The scenario that looks at the sensor's output of a whole rung.
pub const OUTPUT: &str = "output/whole";

/// The same of the sensor that detects for several scenarios.
pub const WATCHED: &str = "output/watched";

/// Plays the scenarios; says whether all of them passed or could not be played.
pub fn run(scenarios: &[&Scenario], rungs: &[Rung]) -> Result<bool> {
    let place = Place::prepare()?;
    let host = Host::read()?;
    println!("kernel {}", host.release);
    let mut report = Report {
        width: scenarios
            .iter()
            .map(|scenario| scenario.name.len())
            .max()
            .unwrap_or_default()
            .max(OUTPUT.len()),
        ..Report::default()
    };
    for rung in rungs {
        println!("rung {}", rung.name());
        let scenarios: Vec<&Scenario> = scenarios
            .iter()
            .copied()
            .filter(|scenario| !is_repetition(scenario, *rung, rungs))
            .collect();
        run_rung(&scenarios, *rung, &place, &host, &mut report)
            .with_context(|| format!("rung {}", rung.name()))?;
    }
    println!(
        "{} passed, {} failed, {} skipped",
        report.passed,
        report.failed.len(),
        report.skipped
    );
    for name in &report.failed {
        println!("failed: {name}");
    }
    Ok(report.failed.is_empty())
}

/// Whether another rung of this run plays the same: who it was is told by execs and cgroups, whose
/// programs are those of a locked-down host where there are kprobes.
fn is_repetition(scenario: &Scenario, rung: Rung, rungs: &[Rung]) -> bool {
    rung == Rung::Kprobes
        && rungs.contains(&Rung::LockedDown)
        && scenario.name.starts_with("enrich/")
}

fn run_rung(
    scenarios: &[&Scenario],
    rung: Rung,
    place: &Place,
    host: &Host,
    report: &mut Report,
) -> Result<()> {
    let sensor = Sensor::start(&Settings {
        configuration: &rung.configuration(),
        scope: place.scope.as_deref(),
        folder: &place.folder,
        record: None,
    })?;
    let mut watch = Watch::new(place.folder.clone());
    for scenario in scenarios {
        if !watch::is_for(scenario) {
            end_watch(&mut watch, rung, report)?;
        }
        let folder = place.folder.join(scenario.name.replace('/', "-"));
        fs::create_dir(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        sensor.clear();
        let begun = Instant::now();
        let context = Context::new(host, rung, &sensor, &watch, folder, place.scope.as_deref());
        let result = scenario::play(scenario, &context);
        report.add(rung, scenario.name, begun.elapsed(), result);
        for note in context.notes() {
            println!("     {}: {note}", scenario.name);
        }
        fs::remove_dir_all(&context.folder)
            .with_context(|| format!("cannot remove {}", context.folder.display()))?;
    }

    end_watch(&mut watch, rung, report)?;
    end(sensor, OUTPUT, rung, report)
}

/// Ends the sensor that detects for several scenarios, if one of them has started it.
fn end_watch(watch: &mut Watch, rung: Rung, report: &mut Report) -> Result<()> {
    let sensor = watch.end();
    sensor.map_or(Ok(()), |sensor| end(sensor, WATCHED, rung, report))
}

/// Ends a sensor and looks at its output as a whole.
fn end(sensor: Sensor, name: &str, rung: Rung, report: &mut Report) -> Result<()> {
    let begun = Instant::now();
    let ended = sensor.stop(Signal::TERM)?;
    let mut problems = ended.stream.problems().to_vec();
    if !ended.status.success() {
        problems.push(format!("the sensor ended with {}", ended.status));
    }
    let result = match problems.as_slice() {
        [] => Ok(Outcome::Passed),
        some => Err(some.join("\n")),
    };
    report.add(rung, name, begun.elapsed(), result);
    if !ended.diagnostics.is_empty() {
        println!("the sensor said:\n{}", indented(&ended.diagnostics));
    }
    Ok(())
}

#[derive(Default)]
struct Report {
    width: usize,
    passed: usize,
    skipped: usize,
    failed: Vec<String>,
}

impl Report {
    fn add(&mut self, rung: Rung, name: &str, took: Duration, result: Result<Outcome, String>) {
        let width = self.width;
        let took = took.as_millis();
        match result {
            Ok(Outcome::Passed) => {
                self.passed += 1;
                println!("ok   {name:width$} {took:>7} ms");
            }
            Ok(Outcome::Skipped(reason)) => {
                self.skipped += 1;
                println!("skip {name:width$} {took:>7} ms  {reason}");
            }
            Err(how) => {
                self.failed.push(format!("{name} ({})", rung.name()));
                println!("FAIL {name:width$} {took:>7} ms\n{}", indented(&how));
            }
        }
    }
}

fn indented(text: &str) -> String {
    text.lines()
        .map(|line| format!("     {line}"))
        .collect::<Vec<_>>()
        .join("\n")
}
