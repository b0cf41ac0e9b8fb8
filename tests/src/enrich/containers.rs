//! Containers by their cgroups.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};
use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};
use serde_json::{Value, json};

use crate::event::of;
use crate::exec::image::{self, File};
use crate::exec::many;
use crate::exec::spawn::{only_exec, seven};
use crate::host::inode;
use crate::scenario::{Context, Outcome, Scenario};
use crate::stage::Act;

use super::cgroup::{Cgroup, Container, refusal};
use super::hashes::stop;

/// The deeds.
pub const ACTS: &[Act] = &[WANDER];

/// The scenarios.
pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "enrich/container-short-lived",
        play: |context| short_lived(context, Container::unit),
    },
    Scenario {
        name: "enrich/pod-short-lived",
        play: |context| short_lived(context, Container::of_pod),
    },
    Scenario {
        name: "enrich/cgroup-before",
        play: before,
    },
    Scenario {
        name: "enrich/cgroup-version-1",
        play: version_1,
    },
    Scenario {
        name: "enrich/unknown-cgroup",
        play: unknown,
    },
];

/// Runs the program that is the second argument in each cgroup below the first. Tells of each `child`
/// and its `cgroup`.
const WANDER: Act = Act {
    name: "enrich/wander",
    play: |actor| {
        let above = PathBuf::from(actor.text(0)?);
        let program = PathBuf::from(actor.text(1)?);
        for entry in fs::read_dir(&above)? {
            let entry = entry?;
            if !entry.file_type()?.is_dir() {
                continue;
            }
            fs::write(entry.path().join("cgroup.procs"), "0")?;
            let mut child = Command::new(&program).spawn()?;
            let pid = child.id();
            child.wait()?;
            actor.tell(&json!({"child": pid, "cgroup": inode(entry.path())?}))?;
        }
        fs::write(above.join("cgroup.procs"), "0")?;
        Ok(())
    },
};

/// Two thousand processes in a container that is gone before most of them were told of.
fn short_lived(
    context: &Context<'_>,
    make: impl Fn(&Context<'_>) -> Result<Container>,
) -> Result<Outcome> {
    if let Some(reason) = refusal(context) {
        return Ok(Outcome::Skipped(reason));
    }
    let program = seven(context)?;
    let mut container = make(context)?;
    let mut stage = context.stage("exec/many", &[&program])?;
    container.cgroup.take(&mut stage)?;
    stage.go()?;
    let played = stage.finish()?.success()?;
    let folder = std::mem::replace(&mut container.cgroup.folder, PathBuf::new());
    context.attempt(fs::remove_dir(&folder).context("cannot remove the container's cgroup"));
    let stage = &played.portrait;
    // A container's own programs do not see the host's mounts; here all do, and so the first process in
    // it stays the one that came in.
    many::check(context, &program, &played, |expect, _| {
        container.expect(expect, context.host, stage)
    })?;
    Ok(Outcome::Passed)
}

/// A container that was there before the sensor.
fn before(context: &Context<'_>) -> Result<Outcome> {
    if let Some(reason) = refusal(context) {
        return Ok(Outcome::Skipped(reason));
    }
    let program = seven(context)?;
    let path = program.to_string_lossy();
    let container = Container::unit(context)?;
    let mut stages = Vec::new();
    for _ in 0..2 {
        let mut stage = context.stage("exec/exec", &[&*path])?;
        container.cgroup.take(&mut stage)?;
        stages.push(stage);
    }
    let sensor = context.own_sensor("")?;
    for mut stage in stages {
        stage.go()?;
        let who = stage.finish()?.portrait.executed(&program, &[&path]);
        let events = sensor.settle()?;
        for (event, expect) in [
            (
                only_exec(&events, who.pid)?,
                image::exec(context, &who, File::at(&program)?, &path),
            ),
            (
                events.one("exit", of(who.pid))?,
                image::exit(context, &who, 7),
            ),
        ] {
            let expect = container
                .expect(expect, context.host, &who)
                .is("agent.id", sensor.agent());
            context.check(&event, &expect);
        }
    }
    stop(context, sensor)?;
    Ok(Outcome::Passed)
}

/// A host on which a controller is still on version 1: containers are there.
fn version_1(context: &Context<'_>) -> Result<Outcome> {
    if let Some(reason) = refusal(context) {
        return Ok(Outcome::Skipped(reason));
    }
    let folder = context.folder.join("pids");
    fs::create_dir(&folder)?;
    if let Err(error) = mount("none", &folder, "cgroup", MountFlags::empty(), c"pids") {
        return Ok(Outcome::Skipped(format!(
            "the kernel does not mount the pids controller: {error}"
        )));
    }
    let played = in_version_1(context, &folder);
    unmount(&folder, UnmountFlags::empty()).context("cannot unmount the pids controller")?;
    played?;
    Ok(Outcome::Passed)
}

fn in_version_1(context: &Context<'_>, folder: &Path) -> Result<()> {
    let program = seven(context)?;
    let path = program.to_string_lossy();
    let before = Container::below(folder, &"1".repeat(64))?;
    let sensor = context.own_sensor("")?;
    let after = Container::below(folder, &"a".repeat(64))?;
    for container in [before, after] {
        let mut stage = context.stage("exec/exec", &[&*path])?;
        container.cgroup.take(&mut stage)?;
        stage.go()?;
        let who = stage.finish()?.portrait.executed(&program, &[&path]);
        let events = sensor.settle()?;
        let expect = image::exec(context, &who, File::at(&program)?, &path);
        let expect = container
            .expect(expect, context.host, &who)
            .is("agent.id", sensor.agent());
        context.check(&*only_exec(&events, who.pid)?, &expect);
    }
    stop(context, sensor)
}

/// Names that no runtime gives: no event may tell of a container.
fn unknown(context: &Context<'_>) -> Result<Outcome> {
    if let Some(reason) = refusal(context) {
        return Ok(Outcome::Skipped(reason));
    }
    let program = seven(context)?;
    let above = Cgroup::make(context.host, "odd")?;
    let mut made = Vec::new();
    let result = wander(context, &above.folder, &program, &mut made);
    for folder in made {
        context.attempt(
            fs::remove_dir(&folder).with_context(|| format!("cannot remove {}", folder.display())),
        );
    }
    result?;
    Ok(Outcome::Passed)
}

fn wander(
    context: &Context<'_>,
    above: &Path,
    program: &Path,
    made: &mut Vec<PathBuf>,
) -> Result<()> {
    let mut names: HashMap<u64, OsString> = HashMap::new();
    for name in odd_names() {
        let folder = above.join(&name);
        match fs::create_dir(&folder) {
            Ok(()) => {
                names.insert(inode(&folder)?, name);
                made.push(folder);
            }
            Err(error) if name.as_bytes().contains(&b'\n') => {
                context.note(format!("the kernel refuses line breaks in names: {error}"));
            }
            Err(error) => context.claim(false, format!("cannot make {name:?}: {error}")),
        }
    }
    let stage = context.act("enrich/wander", &[above, program])?.success()?;
    context.claim_eq("processes", &stage.told.len(), &made.len());
    let events = context.settle()?;
    for told in &stage.told {
        let number = |name| told.get(name).and_then(Value::as_u64).context("untold");
        let (pid, cgroup) = (u32::try_from(number("child")?)?, number("cgroup")?);
        let name = names.get(&cgroup).context("an unknown cgroup")?;
        for code in ["fork", "exec", "exit"] {
            let event = events.one(code, of(pid))?;
            context.claim_eq(
                "sensor.process.cgroup.id",
                &event.number("sensor.process.cgroup.id"),
                &Some(cgroup),
            );
            for path in ["container", "orchestrator"] {
                context.claim(
                    event.get(path).is_none(),
                    format!("in {name:?} there is no {path}: {}", event.line()),
                );
            }
        }
    }
    Ok(())
}

/// Names like those of containers, but for a little, and some 200 of random bytes.
fn odd_names() -> Vec<OsString> {
    let id = "0123456789abcdef".repeat(4);
    let mut names: Vec<OsString> = [
        id.get(1..).unwrap_or_default().to_owned(),
        format!("{id}0"),
        id.to_uppercase(),
        id.replace('f', "g"),
        format!("{id} (deleted)"),
        format!("docker-{}.scope", id.get(1..).unwrap_or_default()),
        format!("docker-{id}.scop"),
        format!("docker-{id}.scope.scope"),
        format!("docker-{}.scope", id.to_uppercase()),
        format!("libpod-conmon-{id}.scope"),
        format!("crio-conmon-{id}.scope"),
        format!("\u{202e}{id}"),
        "docker-.scope".to_owned(),
        "-.scope".to_owned(),
        "\\x2e\\x2e.slice".to_owned(),
        "kubepods-pod.slice".to_owned(),
        "a:b:c".to_owned(),
        "a\nb".to_owned(),
        "x".repeat(255),
    ]
    .map(OsString::from)
    .into();
    // A generator of Marsaglia's, with a seed that is always the same.
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    while names.len() < 219 {
        let length = 1 + next() % 80;
        let name: Vec<u8> = (0..length)
            .filter_map(|_| u8::try_from(next() % 256).ok())
            .filter(|byte| !b"\0/\n".contains(byte))
            .collect();
        // The kernel's own files begin so, or are what every directory has.
        if !name.is_empty() && !name.starts_with(b".") {
            names.push(OsString::from_vec(name));
        }
    }
    names
}
