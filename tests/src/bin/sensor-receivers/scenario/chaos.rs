//! Receivers and the sensor are killed under load.

use std::thread;
use std::time::Duration;

use anyhow::{Result, ensure};

use super::{Stage, bytes_in, cast, settle};
use crate::judge::{Allowance, Arrivals};
use crate::sensor::{Sensor, WitnessSpool};
use crate::sink::Format;
use crate::verdict::{Verdicts, skip};
use crate::workload::{self, EVENTS_EACH, Workload};

/// Those that can be killed without losing what they acknowledged, and syslog, which acknowledges
/// nothing.
const NAMES: &[&str] = &[
    "rsyslog-openssl",
    "nats",
    "double-elasticsearch",
    "double-splunk",
];

/// Processes a second: three times as many events.
const RATE: u32 = 1_000;
/// A receiver is away for so long.
const AWAY: Duration = Duration::from_secs(3);
/// Longer than the longest wait of a sink between two tries.
const QUIET: Duration = Duration::from_secs(40);
/// The sensor's promise.
const MEMORY_MAX: u64 = 64 << 20;
/// What the files of an empty spool may have.
const EMPTY_SPOOL: u64 = 64 << 10;

/// What happens in the middle of a part of the load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Incident {
    Nothing,
    ReceiversKilled,
    SensorKilled,
}

const PLOT: [Incident; 8] = [
    Incident::Nothing,
    Incident::ReceiversKilled,
    Incident::SensorKilled,
    Incident::ReceiversKilled,
    Incident::ReceiversKilled,
    Incident::SensorKilled,
    Incident::ReceiversKilled,
    Incident::ReceiversKilled,
];

/// Tries it.
pub fn play(stage: &Stage<'_>, verdicts: &mut Verdicts) -> Result<()> {
    let materials = stage.materials("chaos")?;
    let mut receivers = cast::start(stage, &materials, Format::Ecs, NAMES, verdicts);
    if receivers.is_empty() {
        return skip("there is no receiver");
    }
    let mut arrivals: Vec<Arrivals> = receivers.iter().map(Arrivals::new).collect();
    let cgroup = stage.cgroup()?;
    // Room for all of it: a slow machine's receivers take a part only while they are there.
    for receiver in &mut receivers {
        receiver.sink = receiver.sink.clone().text("spool_bytes", "1GiB");
    }
    let sinks = receivers
        .iter()
        .map(|receiver| (&*receiver.name, &receiver.sink));
    let spools = materials.folder.join("spools");
    let mut sensor = Sensor::with_spools(
        &stage.trying.sensor,
        materials.folder.clone(),
        cgroup.path(),
        sinks,
        &spools,
        WitnessSpool::Large,
    )?;
    sensor.start()?;
    let part = stage.trying.processes / 8;
    let half = Duration::from_secs(u64::from(part / RATE / 2));
    let mut parts = Vec::new();
    let mut most = 0;
    for (number, incident) in PLOT.into_iter().enumerate() {
        let load = Workload::new(cgroup.path(), &materials.folder, &format!("mark-{number}"))?;
        let running = load.start(part, Some(RATE))?;
        thread::sleep(half);
        match incident {
            Incident::Nothing => (),
            Incident::ReceiversKilled => {
                receivers.iter_mut().for_each(|receiver| receiver.kill());
                thread::sleep(AWAY);
                most = most.max(bytes_in(&spools)?);
                for receiver in &mut receivers {
                    receiver.start()?;
                }
            }
            Incident::SensorKilled => {
                sensor.kill()?;
                sensor.start()?;
            }
        }
        workload::wait(running)?;
        parts.push((load.name().to_owned(), incident));
    }
    settle(&mut sensor.witness, &mut receivers, &mut arrivals, QUIET)?;
    let left = bytes_in(&spools)?;
    let memory = sensor.memory();
    sensor.end()?;
    settle(&mut sensor.witness, &mut receivers, &mut arrivals, QUIET)?;
    let allowance = Allowance {
        duplicates: true,
        killed: true,
        disorder: false,
        ..Allowance::default()
    };
    for (receiver, arrivals) in receivers.iter().zip(&arrivals) {
        let came = arrivals.judge(&sensor.witness, allowance);
        verdicts.note(&format!("chaos {}", receiver.name), came);
    }
    verdicts.note("chaos witness", seen(&sensor, &parts, part));
    verdicts.note("chaos memory", small(memory, MEMORY_MAX));
    verdicts.note("chaos spool", emptied(most, left));
    Ok(())
}

/// Whether the witness has every process that was made while the sensor was not away.
fn seen(sensor: &Sensor, parts: &[(String, Incident)], part: u32) -> Result<String> {
    let mut while_away = 0;
    for (name, incident) in parts {
        let execs = sensor.witness.execs(name);
        match incident {
            Incident::SensorKilled => while_away += u64::from(part).saturating_sub(execs),
            _ => ensure!(
                execs == u64::from(part),
                "{execs} of {part} processes called {name} were seen"
            ),
        }
    }
    sensor.witness.ensure_nothing_lost()?;
    let events = parts.len() as u64 * u64::from(part) * EVENTS_EACH;
    Ok(format!(
        "{events} events made, {} documents; {while_away} processes while the sensor was away",
        sensor.witness.count()
    ))
}

/// Whether the spools had what waited, and have nothing in the end.
fn emptied(most: u64, left: u64) -> Result<String> {
    ensure!(
        most > EMPTY_SPOOL,
        "the spools had {most} bytes while receivers were away"
    );
    small(left, EMPTY_SPOOL).map(|left| format!("{left}, {} KiB at most", most >> 10))
}

fn small(bytes: u64, most: u64) -> Result<String> {
    ensure!(
        bytes < most,
        "{} KiB, not below {}",
        bytes >> 10,
        most >> 10
    );
    Ok(format!("{} KiB", bytes >> 10))
}
