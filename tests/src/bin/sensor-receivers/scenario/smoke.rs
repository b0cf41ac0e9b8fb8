//! Every receiver gets a thousand processes' events, in every format that fits it.

use std::time::Duration;

use anyhow::{Result, anyhow, ensure};

use super::{Stage, cast, settle};
use crate::judge::{Allowance, Arrivals};
use crate::receiver::Receiver;
use crate::sensor::Sensor;
use crate::sink::Format;
use crate::verdict::{Verdicts, skip};
use crate::workload::Workload;

const PROCESSES: u32 = 1_000;
/// Slow enough for datagrams, quick enough for a person.
const RATE: u32 = 250;
const QUIET: Duration = Duration::from_secs(15);

/// Tries it, one format after the other: a sensor has all receivers of a format.
pub fn play(stage: &Stage<'_>, verdicts: &mut Verdicts) -> Result<()> {
    for format in cast::EVERY {
        let name = format!("smoke {}", format.name());
        let came = round(stage, *format, verdicts);
        verdicts.note(&name, came);
    }
    Ok(())
}

fn round(stage: &Stage<'_>, format: Format, verdicts: &mut Verdicts) -> Result<String> {
    let folder = format!("smoke-{}", format.name());
    let materials = stage.materials(&folder)?;
    let mut receivers = cast::start(stage, &materials, format, &[], verdicts);
    if receivers.is_empty() {
        return skip("there is no receiver");
    }
    let mut arrivals: Vec<Arrivals> = receivers.iter().map(Arrivals::new).collect();
    let cgroup = stage.cgroup()?;
    let workload = Workload::new(cgroup.path(), &materials.folder, "mark")?;
    let sinks = receivers
        .iter()
        .map(|receiver| (&*receiver.name, &receiver.sink));
    let mut sensor = Sensor::new(
        &stage.trying.sensor,
        materials.folder.clone(),
        cgroup.path(),
        sinks,
    )?;
    output_test(&mut sensor, &mut receivers, verdicts)?;
    sensor.start()?;
    workload.make(PROCESSES, Some(RATE))?;
    settle(&mut sensor.witness, &mut receivers, &mut arrivals, QUIET)?;
    sensor.end()?;
    settle(&mut sensor.witness, &mut receivers, &mut arrivals, QUIET)?;
    for (receiver, arrivals) in receivers.iter().zip(&arrivals) {
        let came = arrivals.judge(&sensor.witness, Allowance::default());
        verdicts.note(&format!("smoke {}", receiver.name), came);
    }
    let execs = sensor.witness.execs(workload.name());
    ensure!(
        execs == u64::from(PROCESSES),
        "the witness has {execs} of {PROCESSES} processes"
    );
    sensor.witness.ensure_nothing_lost()?;
    Ok(format!(
        "{} receivers, {} documents each, {} MiB of memory at most",
        receivers.len(),
        sensor.witness.count(),
        sensor.memory() >> 20
    ))
}

/// `sensor output test` gets one document through each sink, and says so.
fn output_test(
    sensor: &mut Sensor,
    receivers: &mut [Receiver],
    verdicts: &mut Verdicts,
) -> Result<()> {
    let printed = sensor.ask(&["output", "test"])?;
    let is_told = |receiver: &Receiver| printed.contains(&format!(" {} ", receiver.name));
    ensure!(
        receivers.iter().all(is_told),
        "`sensor output test` says: {}",
        printed.lines().next().unwrap_or_default()
    );
    let mut arrivals: Vec<Arrivals> = receivers.iter().map(Arrivals::new).collect();
    // The witness has one too.
    settle(&mut sensor.witness, receivers, &mut arrivals, QUIET)?;
    sensor.witness.forget()?;
    for (receiver, arrivals) in receivers.iter().zip(&arrivals) {
        let name = format!("output-test {}", receiver.name);
        let mut words = printed.lines().map(str::split_whitespace);
        let line = words.find_map(|mut words| {
            let first = words.next()?;
            (words.next()? == receiver.name).then(|| (first, words.collect::<Vec<_>>().join(" ")))
        });
        let came = match line {
            Some(("ok", answer)) if arrivals.count() == 1 => Ok(answer),
            Some((word, answer)) => Err(anyhow!(
                "{} documents arrived; it said: {word} {answer}",
                arrivals.count()
            )),
            None => Err(anyhow!("it says nothing of it: {printed}")),
        };
        verdicts.note(&name, came);
    }
    Ok(())
}
