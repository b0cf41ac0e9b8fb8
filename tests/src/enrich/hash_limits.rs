//! Digests that are hard to get: of what ends at once, or is too large.

use std::fs::{self, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use rustix::mount::{MountFlags, MountPropagationFlags, mount, mount_change};
use serde_json::Value;

use crate::event::of;
use crate::exec::spawn::seven;
use crate::scenario::{Context, Outcome, Scenario};
use crate::sensor::Sensor;
use crate::stage::Act;
use crate::{sys, tiny};

use super::hashes::{PATIENT, exec_of, sha256, stop};

/// The deeds.
pub const ACTS: &[Act] = &[SHORT];

/// The scenarios.
pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "enrich/hash-short",
        play: short,
    },
    Scenario {
        name: "enrich/huge-executable",
        play: huge,
    },
];

/// How many processes end at once.
const COUNT: usize = 200;

/// In a mount namespace of its own: mounts a file system on the folder that it is given, writes a
/// program to it, and runs that many times. Tells of each `child`.
const SHORT: Act = Act {
    name: "enrich/short",
    play: |actor| {
        let mounted = PathBuf::from(actor.text(0)?);
        sys::unshare(libc::CLONE_NEWNS)?;
        let private = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
        mount_change("/", private).context("cannot make the mounts private")?;
        mount("tmpfs", &mounted, "tmpfs", MountFlags::empty(), None)?;
        let program = mounted.join("seven");
        tiny::write(&program, &tiny::exits(7))?;
        sleep(Duration::from_millis(100));
        for _ in 0..COUNT {
            let mut child = Command::new(&program).spawn()?;
            actor.tell_child("child", child.id())?;
            child.wait()?;
        }
        Ok(())
    },
};

/// Processes that are gone before anybody can open their executables, which only their parent's mount
/// namespace has.
fn short(context: &Context<'_>) -> Result<Outcome> {
    let mounted = context.folder.join("mounted");
    fs::create_dir(&mounted)?;
    let digest = sha256(&tiny::exits(7));
    let sensor = context.own_sensor(PATIENT)?;
    let mut stage = context.stage("enrich/short", &[&mounted])?;
    stage.go()?;
    let mut pids = Vec::new();
    for _ in 0..COUNT {
        let told = stage.hear()?;
        let pid = told.get("child").and_then(Value::as_u64);
        pids.push(u32::try_from(pid.context("untold")?)?);
    }
    stage.finish()?.success()?;
    let events = sensor.settle()?;
    let mut known = 0;
    for pid in pids {
        let event = events.one("exec", of(pid))?;
        let found = event.text("process.hash.sha256");
        let missing = event.text("sensor.process.hash_missing");
        context.claim(
            found.is_some() != missing.is_some(),
            format!("a digest or why there is none: {}", event.line()),
        );
        context.claim(
            found.is_none_or(|found| found == digest),
            "the digest is right",
        );
        known += usize::from(found.is_some());
    }
    context.claim(
        known + 1 >= COUNT,
        format!("{known} of {COUNT} have a digest"),
    );
    stop(context, sensor)?;
    Ok(Outcome::Passed)
}

/// No event may wait for a file that is too large to be read: each comes earlier than one that waits
/// in vain.
fn huge(context: &Context<'_>) -> Result<Outcome> {
    const SIZE: u64 = 10 << 30;
    const BOUND: Duration = Duration::from_millis(900);
    let small = seven(context)?;
    let huge = context.folder.join("huge");
    tiny::write(&huge, &tiny::exits(7))?;
    OpenOptions::new()
        .write(true)
        .open(&huge)?
        .set_len(SIZE)
        .context("this file system takes no file of 10 GiB")?;
    let sensor = context.own_sensor(PATIENT)?;
    // The small one and the stages' own program are known from here on.
    latency(context, &sensor, &small)?;
    for program in [&small, &huge, &small] {
        let mut best = Duration::MAX;
        for _ in 0..3 {
            let (took, digest, missing) = latency(context, &sensor, program)?;
            best = best.min(took);
            let wanted = if program == &huge {
                (None, Some("too_large".to_owned()))
            } else {
                (Some(sha256(&fs::read(program)?)), None)
            };
            context.claim_eq("what is told", &(digest, missing), &wanted);
        }
        // Other work of the machine may delay one, but hardly all three.
        context.claim(
            best < BOUND,
            format!("{} is told in {best:?}", program.display()),
        );
        context.note(format!("{} took {best:?}", program.display()));
    }
    stop(context, sensor)?;
    Ok(Outcome::Passed)
}

/// How long it takes from before an exec until its event is there, and what that tells of the digest.
fn latency(
    context: &Context<'_>,
    sensor: &Sensor,
    program: &Path,
) -> Result<(Duration, Option<String>, Option<String>)> {
    let mut stage = context.stage("exec/exec", &[program])?;
    exec_of(sensor, stage.pid(), Path::new(&stage.portrait.executable))?;
    let begun = Instant::now();
    stage.go()?;
    let event = exec_of(sensor, stage.pid(), program)?;
    let took = begun.elapsed();
    let played = stage.finish()?;
    context.claim_eq("the exit code", &played.status.code(), &Some(7));
    let text = |path| event.text(path).map(str::to_owned);
    Ok((
        took,
        text("process.hash.sha256"),
        text("sensor.process.hash_missing"),
    ))
}
