//! Recordings: what `sensor run --record` keeps, and what `sensor replay` makes of it.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use rustix::process::Signal;
use sensor::recording::{Frame, Reader};

use crate::event::Event;
use crate::scenario::{Context, Outcome, Scenario};

use super::command::{self, FAILED, Finished, Running, configuration};
use super::output::{SmallDisk, terminate, wait_for_start};
use super::stopping::{ending, execs, runs};

/// The scenarios.
pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "robustness/replay",
        play: replay,
    },
    Scenario {
        name: "robustness/replay-truncated",
        play: truncated,
    },
    Scenario {
        name: "robustness/replay-corrupt",
        play: corrupt,
    },
    Scenario {
        name: "robustness/replay-after-kill",
        play: after_kill,
    },
    Scenario {
        name: "robustness/replay-foreign",
        play: foreign,
    },
    Scenario {
        name: "robustness/record-disk-full",
        play: disk_full,
    },
    Scenario {
        name: "robustness/record-over-a-file",
        play: over_a_file,
    },
];

/// Programs that run while a recording is made.
const TIMES: u32 = 20;

/// Makes a recording, and returns the events that were written meanwhile.
fn record(context: &Context<'_>, path: &Path, end: Signal) -> Result<Vec<Arc<Event>>> {
    let sensor = context.recording_sensor("", path)?;
    execs(context, &ending(context)?, TIMES)?;
    sensor.settle()?;
    let ended = sensor.stop(end)?;
    context.claim_eq("problems", &ended.stream.problems(), &[].as_slice());
    Ok(ended.events.0)
}

fn replay_of(path: &Path) -> Result<Finished> {
    let words = ["replay", "--events-only", "--output", "json"].map(Path::new);
    command::finish(command::command(&words).arg(path))
}

fn replay(context: &Context<'_>) -> Result<Outcome> {
    let path = context.folder.join("recording");
    let live = record(context, &path, Signal::TERM)?;
    let replayed = claim_replayed(context, &path, &live)?;
    let program = ending(context)?;
    let told = replayed
        .iter()
        .filter(|event| event.code() == "exec" && runs(&program)(event));
    context.claim_eq("exec events", &told.count(), &(TIMES as usize));
    Ok(Outcome::Passed)
}

/// A recording is replayed as the events that were written when it was made, to the last field.
pub fn claim_replayed(
    context: &Context<'_>,
    path: &Path,
    live: &[Arc<Event>],
) -> Result<Vec<Event>> {
    let finished = replay_of(path)?;
    finished.claim(context, "the replay", 0, &[]);
    let replayed = finished.events()?;
    context.claim_eq("events", &replayed.len(), &live.len());
    let differs = live
        .iter()
        .zip(&replayed)
        .find(|(live, replayed)| live.as_ref() != *replayed);
    if let Some((live, replayed)) = differs {
        context.claim(
            false,
            format!("{} is replayed as {}", live.line(), replayed.line()),
        );
    }
    Ok(replayed)
}

/// How many records a recording holds before it ends or breaks off, and whether it ends in order.
fn records(path: &Path) -> Result<(usize, bool)> {
    let mut records = 0;
    for frame in Reader::open(path)? {
        match frame {
            Ok(Frame::Record(_)) => records += 1,
            Ok(Frame::End { .. }) => return Ok((records, true)),
            Ok(_) => (),
            Err(_) => break,
        }
    }
    Ok((records, false))
}

/// What is whole is replayed, and that there is more is said.
fn claim_prefix(
    context: &Context<'_>,
    path: &Path,
    live: &[Arc<Event>],
    sentence: &str,
) -> Result<()> {
    let (records, ends) = records(path)?;
    ensure!(!ends, "the recording is whole");
    let finished = replay_of(path)?;
    let what = format!("the replay of {records} records");
    finished.claim(context, &what, FAILED, &[sentence]);
    let of_kernel = |event: &&Event| event.get("sensor.record").is_some();
    let ids = |event: &Event| event.text("event.id").map(str::to_owned);
    let replayed = finished.events()?;
    let replayed: Vec<_> = replayed.iter().filter(of_kernel).map(ids).collect();
    context.claim_eq("events", &replayed.len(), &records);
    // The last records may lack one with an earlier time, which is in what was cut off.
    let known: BTreeSet<_> = live.iter().map(|event| ids(event)).collect();
    context.claim(
        replayed.iter().all(|id| known.contains(id)),
        "every event is one that was written when it happened",
    );
    let in_order = live.iter().map(|event| ids(event));
    let in_order: Vec<_> = in_order.filter(|id| replayed.contains(id)).collect();
    context.claim_eq("the order", &replayed, &in_order);
    Ok(())
}

fn truncated(context: &Context<'_>) -> Result<Outcome> {
    let path = context.folder.join("recording");
    let live = record(context, &path, Signal::TERM)?;
    let whole = fs::read(&path)?;
    let cut = context.folder.join("cut");
    for parts in [1, 2, 3] {
        let length = whole.len() * parts / 4;
        fs::write(&cut, whole.get(..length).unwrap_or_default())?;
        claim_prefix(context, &cut, &live, &cut.to_string_lossy())?;
    }
    // Within the last frame.
    fs::write(&cut, whole.get(..whole.len() - 1).unwrap_or_default())?;
    claim_prefix(context, &cut, &live, "is cut off")?;
    // Within the header.
    fs::write(&cut, whole.get(..10).unwrap_or_default())?;
    let finished = replay_of(&cut)?;
    finished.claim(context, "the replay of ten bytes", FAILED, &["is cut off"]);
    context.claim(finished.output.is_empty(), "there are no events");
    Ok(Outcome::Passed)
}

fn corrupt(context: &Context<'_>) -> Result<Outcome> {
    let path = context.folder.join("recording");
    let live = record(context, &path, Signal::TERM)?;
    let whole = fs::read(&path)?;
    let damaged = context.folder.join("damaged");
    for parts in [1, 2, 3] {
        let mut bytes = whole.clone();
        let place = whole.len() * parts / 4;
        *bytes.get_mut(place).context("too short")? ^= 0x10;
        fs::write(&damaged, bytes)?;
        claim_prefix(context, &damaged, &live, &damaged.to_string_lossy())?;
    }
    Ok(Outcome::Passed)
}

/// A sensor that was killed has no time to end its recording.
fn after_kill(context: &Context<'_>) -> Result<Outcome> {
    let path = context.folder.join("recording");
    let live = record(context, &path, Signal::KILL)?;
    let (records, ends) = records(&path)?;
    context.claim(!ends, "the recording has no end");
    // What was written is buffered, so that less may be in the file than was told.
    context.note(format!(
        "{records} of {} records outlive the sensor's death",
        live.len()
    ));
    let finished = replay_of(&path)?;
    finished.claim(context, "the replay", FAILED, &["the sensor was killed"]);
    Ok(Outcome::Passed)
}

fn foreign(context: &Context<'_>) -> Result<Outcome> {
    let path = context.folder.join("text");
    fs::write(
        &path,
        "This is no recording at all, but a text of some length.\n",
    )?;
    let missing = context.folder.join("missing");
    let empty = context.folder.join("empty");
    fs::write(&empty, "")?;
    for (file, sentence) in [
        (&path, "is no recording of the sensor"),
        (&missing, "No such file"),
        (&empty, "is no recording"),
        (&context.folder, "directory"),
    ] {
        let finished = replay_of(file)?;
        let what = format!("the replay of {}", file.display());
        finished.claim(context, &what, FAILED, &[sentence, &file.to_string_lossy()]);
        context.claim(finished.output.is_empty(), "there are no events");
    }
    Ok(Outcome::Passed)
}

fn disk_full(context: &Context<'_>) -> Result<Outcome> {
    let disk = SmallDisk::mount(context)?;
    let path = disk.file("recording");
    let configuration = configuration(context, "record", "")?;
    let mut command = command::run(context, &configuration);
    command.arg("--record").arg(&path);
    let events = context.folder.join("events");
    let running = Running::start(command.stdout(fs::File::create(&events)?))?;
    wait_for_start(&events)?;
    execs(context, &ending(context)?, 400)?;
    // It may not have noticed yet that its buffer does not fit.
    let finished = terminate(running)?;
    finished.claim(
        context,
        "a sensor that records to a full disk",
        FAILED,
        &["cannot write the recording", "No space left", "make room"],
    );
    Ok(Outcome::Passed)
}

fn over_a_file(context: &Context<'_>) -> Result<Outcome> {
    let path = context.folder.join("precious");
    fs::write(&path, "precious")?;
    let configuration = configuration(context, "over", "")?;
    let finished = command::finish(
        command::run(context, &configuration)
            .arg("--record")
            .arg(&path),
    )?;
    finished.claim(context, "the sensor", FAILED, &["it exists already"]);
    context.claim_eq("the file", &fs::read(&path)?, &b"precious".to_vec());
    Ok(Outcome::Passed)
}
