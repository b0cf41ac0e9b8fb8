//! Receivers that misbehave, and a full disk: the sensor says so once, nobody else is affected, and
//! what waited arrives when all is well again.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

use super::{Stage, settle};
use crate::certificate::Identity;
use crate::judge::{Allowance, Arrivals};
use crate::place::free_port;
use crate::receiver::double::{self, Behaviour, Conscience, Kind};
use crate::receiver::{Materials, Receiver};
use crate::sensor::{Sensor, WitnessSpool};
use crate::sink::{Format, Sink};
use crate::verdict::Verdicts;
use crate::workload::Workload;

/// The name of the one that behaves.
const GOOD: &str = "good";

const PROCESSES: u32 = 300;
/// More events than the small disk has room for.
const MANY_PROCESSES: u32 = 2_000;
const RATE: u32 = 250;
const QUIET: Duration = Duration::from_secs(20);
/// How long a sink is given to say that it does not work.
const PATIENCE: Duration = Duration::from_secs(40);
/// How long it is watched whether it says so again.
const MORE: Duration = Duration::from_secs(6);
const SMALL_DISK: &str = "size=2m";

const MISBEHAVING: &[(&str, Kind, Behaviour)] = &[
    (
        "silent-elasticsearch",
        Kind::Elasticsearch,
        Behaviour::Silent,
    ),
    ("silent-splunk", Kind::Splunk, Behaviour::Silent),
    ("close-elasticsearch", Kind::Elasticsearch, Behaviour::Close),
    ("close-http", Kind::Http, Behaviour::Close),
    ("close-syslog", Kind::Syslog, Behaviour::Close),
    (
        "busy-elasticsearch",
        Kind::Elasticsearch,
        Behaviour::TooMany,
    ),
    ("busy-http", Kind::Http, Behaviour::TooMany),
    (
        "unavailable-elasticsearch",
        Kind::Elasticsearch,
        Behaviour::Unavailable,
    ),
    ("unavailable-splunk", Kind::Splunk, Behaviour::Unavailable),
    (
        "partial-elasticsearch",
        Kind::Elasticsearch,
        Behaviour::Partial,
    ),
];

const FALSE_NAMES: &[(&str, Kind, Falseness)] = &[
    (
        "expired-elasticsearch",
        Kind::Elasticsearch,
        Falseness::Expired,
    ),
    ("expired-syslog", Kind::Syslog, Falseness::Expired),
    ("elsewhere-splunk", Kind::Splunk, Falseness::Elsewhere),
    ("elsewhere-syslog", Kind::Syslog, Falseness::Elsewhere),
];

/// What is wrong with a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Falseness {
    Expired,
    Elsewhere,
}

/// Tries it.
pub fn play(stage: &Stage<'_>, verdicts: &mut Verdicts) -> Result<()> {
    misbehaving(stage, verdicts)?;
    let came = full_disk(stage, verdicts);
    verdicts.note("bad full-disk", came);
    Ok(())
}

fn misbehaving(stage: &Stage<'_>, verdicts: &mut Verdicts) -> Result<()> {
    let materials = stage.materials("bad")?;
    let mut receivers = vec![named(&materials, GOOD, Kind::Elasticsearch, None)?.0];
    let mut consciences = Vec::new();
    for (name, kind, behaviour) in MISBEHAVING {
        if !stage.wants(name) {
            continue;
        }
        let (receiver, conscience) = named(&materials, name, *kind, None)?;
        conscience.set(*behaviour)?;
        receivers.push(receiver);
        consciences.push(conscience);
    }
    for (name, kind, falseness) in FALSE_NAMES {
        if !stage.wants(name) {
            continue;
        }
        let certificates = &materials.certificates;
        let identity = match falseness {
            Falseness::Expired => &certificates.expired,
            Falseness::Elsewhere => &certificates.elsewhere,
        };
        receivers.push(named(&materials, name, *kind, Some(identity))?.0);
    }
    for receiver in &mut receivers {
        receiver.start()?;
    }
    let mut arrivals: Vec<Arrivals> = receivers.iter().map(Arrivals::new).collect();
    let cgroup = stage.cgroup()?;
    let workload = Workload::new(cgroup.path(), &materials.folder, "mark")?;
    let sinks = receivers
        .iter()
        .map(|receiver| (&*receiver.name, &receiver.sink));
    let folder = materials.folder.clone();
    let mut sensor = Sensor::new(&stage.trying.sensor, folder, cgroup.path(), sinks)?;
    sensor.start()?;
    workload.make(PROCESSES, Some(RATE))?;
    wait_for_complaints(&sensor, &receivers);
    // The good one has everything while the others have nothing.
    let good = {
        let (receivers, arrivals) = (receivers.get_mut(..1), arrivals.get_mut(..1));
        let (Some(receivers), Some(arrivals)) = (receivers, arrivals) else {
            anyhow::bail!("there is no good receiver");
        };
        settle(&mut sensor.witness, receivers, arrivals, QUIET)?;
        arrivals
            .first()
            .context("there is no good receiver")?
            .judge(&sensor.witness, Allowance::default())
    };
    verdicts.note("bad good-sink-meanwhile", good);
    let said = sensor.said();
    for conscience in &consciences {
        conscience.set(Behaviour::Right)?;
    }
    settle(&mut sensor.witness, &mut receivers, &mut arrivals, QUIET)?;
    sensor.end()?;
    settle(
        &mut sensor.witness,
        &mut receivers,
        &mut arrivals,
        Duration::from_secs(5),
    )?;
    let all_said = sensor.said();
    for (receiver, arrivals) in receivers.iter().zip(&arrivals) {
        let name = &receiver.name;
        let came = if name == GOOD {
            arrivals.judge(&sensor.witness, Allowance::default())
        } else if FALSE_NAMES
            .iter()
            .any(|(false_name, ..)| false_name == name)
        {
            never_trusted(name, arrivals, &said)
        } else {
            let is_partial = name.starts_with("partial");
            let allowance = Allowance {
                duplicates: true,
                disorder: is_partial,
                killed: false,
                ..Allowance::default()
            };
            arrivals.judge(&sensor.witness, allowance).and_then(|seen| {
                let line = complaint(name, &said)?;
                recovery(name, &all_said)?;
                Ok(format!("{seen}; {line}"))
            })
        };
        verdicts.note(&format!("bad {name}"), came);
    }
    Ok(())
}

/// Nothing came, and the sensor says that it is because of the certificate.
fn never_trusted(name: &str, arrivals: &Arrivals, said: &str) -> Result<String> {
    ensure!(
        arrivals.count() == 0,
        "{} documents went to whom nobody should trust",
        arrivals.count()
    );
    let line = complaint(name, said)?;
    ensure!(
        line.to_lowercase().contains("certificate"),
        "the line does not speak of the certificate: {line}"
    );
    Ok(line)
}

/// The one line in which the sensor says that a sink does not deliver.
fn complaint(name: &str, said: &str) -> Result<String> {
    let lines = lines_of(name, said, "cannot deliver");
    ensure!(
        lines.len() == 1,
        "the sensor complained {} times, not once: {}",
        lines.len(),
        lines.join(" / ")
    );
    Ok(lines.concat())
}

fn recovery(name: &str, said: &str) -> Result<()> {
    let complaints = lines_of(name, said, "cannot deliver").len();
    let recoveries = lines_of(name, said, "delivers again").len();
    ensure!(
        recoveries == complaints,
        "the sensor complained {complaints} times and said {recoveries} times that all is well"
    );
    Ok(())
}

fn lines_of(name: &str, said: &str, what: &str) -> Vec<String> {
    let sink = format!("sink {name}: ");
    said.lines()
        .filter(|line| line.contains(&sink) && line.contains(what))
        .map(str::to_owned)
        .collect()
}

/// Waits until every sink that must complain has, and a while longer to see whether it does again.
fn wait_for_complaints(sensor: &Sensor, receivers: &[Receiver]) {
    let names = receivers.iter().map(|receiver| receiver.name.as_str());
    let names: Vec<&str> = names
        .filter(|name| *name != GOOD && !name.starts_with("partial"))
        .collect();
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        let said = sensor.said();
        if names
            .iter()
            .all(|name| !lines_of(name, &said, "cannot deliver").is_empty())
        {
            break;
        }
        thread::sleep(Duration::from_millis(300));
    }
    thread::sleep(MORE);
}

fn named(
    materials: &Materials,
    name: &str,
    kind: Kind,
    identity: Option<&Identity>,
) -> Result<(Receiver, Conscience)> {
    let (mut receiver, conscience) = double::receiver(materials, kind, Format::Ecs, identity)?;
    name.clone_into(&mut receiver.name);
    receiver.sink = impatient(receiver.sink);
    Ok((receiver, conscience))
}

fn impatient(sink: Sink) -> Sink {
    sink.number("timeout_milliseconds", 2_000)
        .number("retry_milliseconds_max", 2_000)
}

/// The spools are on a disk that is too small, and one receiver is away.
fn full_disk(stage: &Stage<'_>, verdicts: &mut Verdicts) -> Result<String> {
    let materials = stage.materials("full-disk")?;
    let disk = Disk::mount(materials.folder.join("spools"))?;
    let mut receivers = vec![named(&materials, GOOD, Kind::Elasticsearch, None)?.0];
    for receiver in &mut receivers {
        receiver.start()?;
    }
    let mut arrivals: Vec<Arrivals> = receivers.iter().map(Arrivals::new).collect();
    let nowhere = format!("http://127.0.0.1:{}", free_port()?);
    let away = impatient(Sink::new("elasticsearch", Format::Ecs))
        .text("url", nowhere)
        .text("index", "sensor");
    let sinks = receivers
        .iter()
        .map(|receiver| (&*receiver.name, &receiver.sink))
        .chain([("away", &away)]);
    let cgroup = stage.cgroup()?;
    let workload = Workload::new(cgroup.path(), &materials.folder, "mark")?;
    let mut sensor = Sensor::with_spools(
        &stage.trying.sensor,
        materials.folder.clone(),
        cgroup.path(),
        sinks,
        &disk.0,
        WitnessSpool::None,
    )?;
    sensor.start()?;
    workload.make(MANY_PROCESSES, Some(RATE))?;
    settle(&mut sensor.witness, &mut receivers, &mut arrivals, QUIET)?;
    sensor.end()?;
    settle(&mut sensor.witness, &mut receivers, &mut arrivals, QUIET)?;
    for arrivals in &arrivals {
        let came = arrivals.judge(&sensor.witness, Allowance::default());
        verdicts.note("bad full-disk good-sink", came);
    }
    let execs = sensor.witness.execs(workload.name());
    ensure!(
        execs == u64::from(MANY_PROCESSES),
        "the witness has {execs} of {MANY_PROCESSES} processes"
    );
    let said = sensor.said();
    let lines = lines_of("away", &said, "");
    let is_about_room = |line: &&String| {
        let line = line.to_lowercase();
        ["no space", "backlog_full", "limit"]
            .iter()
            .any(|word| line.contains(word))
    };
    let about_room: Vec<&String> = lines.iter().filter(is_about_room).collect();
    ensure!(
        !about_room.is_empty() && about_room.len() <= 3,
        "the sensor should say that there is no room, and not often: {}",
        lines.join(" / ")
    );
    ensure!(
        sensor.witness.codes("events_undelivered") > 0,
        "no event says what was given up"
    );
    Ok(about_room
        .iter()
        .map(|line| line.as_str())
        .collect::<Vec<_>>()
        .join(" / "))
}

/// A small file system in memory, which is there as long as this value.
struct Disk(PathBuf);

impl Disk {
    fn mount(path: PathBuf) -> Result<Self> {
        fs::create_dir_all(&path).with_context(|| format!("cannot make {}", path.display()))?;
        run(Command::new("mount")
            .args(["-t", "tmpfs", "-o", SMALL_DISK, "tmpfs"])
            .arg(&path))?;
        Ok(Self(path))
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let Self(path) = self;
        // What still has a file open there keeps it until it ends.
        let _stays = run(Command::new("umount").arg("--lazy").arg(path as &Path));
    }
}

fn run(command: &mut Command) -> Result<()> {
    let status = command.status().context("cannot start a program")?;
    ensure!(status.success(), "{command:?} failed: {status}");
    Ok(())
}
