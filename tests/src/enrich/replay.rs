//! A recording keeps what was found out, so that a replay says the same.

use std::path::Path;

use anyhow::Result;
use rustix::process::Signal;

use crate::exec::spawn::seven;
use crate::robustness::recording::claim_replayed;
use crate::scenario::{Context, Outcome, Scenario};
use crate::tiny;

use super::cgroup::{Container, refusal};
use super::hashes::exec_of;
use super::names;
use super::runtime::{Manner, Runtime};

/// The scenarios.
pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "enrich/replay",
        play: |context| replay(context, 500, &PATIENT),
    },
    // Most answers come too late, and a replay must not tell them earlier.
    Scenario {
        name: "enrich/replay-impatient",
        play: |context| replay(context, 1, &["sensor.process.hash_missing"]),
    },
];

/// What some event tells, if each has time enough.
const PATIENT: [&str; 5] = [
    "process.hash.sha256",
    "sensor.script.hash.sha256",
    "sensor.process.hash_missing",
    "container.name",
    "user.name",
];

/// Records a bit of everything, where an event waits so many milliseconds, and some tell what is in `told`.
fn replay(context: &Context<'_>, wait: u32, told: &[&str]) -> Result<Outcome> {
    if let Some(reason) = refusal(context) {
        return Ok(Outcome::Skipped(reason));
    }
    let program = seven(context)?;
    let waits = context.folder.join("waits");
    tiny::write(&waits, &tiny::waits(7))?;
    let script = context.folder.join("script");
    tiny::write(&script, format!("#!{}\n", program.display()).as_bytes())?;
    let huge = context.folder.join("huge");
    tiny::write(&huge, &tiny::exits(7))?;
    std::fs::OpenOptions::new()
        .write(true)
        .open(&huge)?
        .set_len(10 << 30)?;

    let container = Container::unit(context)?;
    let runtime = Runtime::start(&context.folder, Manner::Docker(container.id.clone()))?;
    let path = context.folder.join("recording");
    let configuration = runtime
        .configuration()
        .replace("hashes = false", &format!("wait_milliseconds = {wait}"));
    let sensor = context.recording_sensor(&configuration, &path)?;
    for program in [&program, &script, &huge, &program] {
        context.act("exec/exec", &[program])?;
    }
    for (act, executable) in [
        ("exec/memfd", Path::new("/memfd:payload")),
        ("exec/deleted", &waits),
    ] {
        let mut stage = context.stage(act, &[&*waits, Path::new("/dev/fd")])?;
        stage.go()?;
        exec_of(&sensor, stage.pid(), executable)?;
        stage.tell("end")?;
        stage.finish()?;
    }
    for _ in 0..20 {
        let mut stage = context.stage("exec/spawn", &[&program])?;
        container.cgroup.take(&mut stage)?;
        stage.go()?;
        stage.finish()?.success()?;
    }
    let (mut stage, _) = names::start(context, &container, 70_000)?;
    exec_of(&sensor, stage.pid(), Path::new("/waits"))?;
    stage.tell("end")?;
    stage.finish()?;
    sensor.settle()?;
    let ended = sensor.stop(Signal::TERM)?;
    context.claim_eq("problems", &ended.stream.problems(), &[].as_slice());
    let live = &ended.events.0;
    for path in told {
        let told = live.iter().any(|event| event.get(path).is_some());
        context.claim(told, format!("some event has {path}"));
    }
    claim_replayed(context, &path, live)?;
    Ok(Outcome::Passed)
}
