//! Names of users and groups: those of the container that a process is in, else the host's.

use std::fmt::Write as _;
use std::fs;
use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use rustix::mount::{
    MountFlags, MountPropagationFlags, UnmountFlags, mount, mount_change, unmount,
};
use rustix::process::{Gid, Uid, chdir, pivot_root};
use rustix::thread::{
    LinkNameSpaceType, move_into_link_name_space, set_thread_groups, set_thread_res_gid,
    set_thread_res_uid,
};
use serde_json::json;

use crate::exec::image::{self, File, c_path, c_strings};
use crate::exec::spawn::{only_exec, seven, tell_error};
use crate::host::inode;
use crate::portrait::Portrait;
use crate::scenario::{Context, Outcome, PATIENCE, Scenario};
use crate::sensor::Sensor;
use crate::stage::{Act, Actor, Stage};
use crate::{sys, tiny};

use super::cgroup::{Container, refusal};
use super::hashes::{exec_of, stop};

/// The deeds.
pub const ACTS: &[Act] = &[INNER, JOIN, NEW_USER];

/// The scenarios.
pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "enrich/names-of-container",
        play: of_container,
    },
    Scenario {
        name: "enrich/names-in-user-namespace",
        play: in_user_namespace,
    },
    Scenario {
        name: "enrich/names-too-many",
        play: too_many,
    },
];

/// The user and group that a container's process is.
const SOMEBODY: u32 = 33;

/// In a mount namespace of its own: makes a file system on the folder that is the first argument its
/// root, with a program that waits, and `/etc/passwd` with as many users besides as the second
/// argument says, and executes the program as one of the users. Tells when it is `ready` for that.
const INNER: Act = Act {
    name: "enrich/inner",
    play: |actor| {
        let root = PathBuf::from(actor.text(0)?);
        let users = actor.number(1)?;
        sys::unshare(libc::CLONE_NEWNS)?;
        let private = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
        mount_change("/", private).context("cannot make the mounts private")?;
        mount("tmpfs", &root, "tmpfs", MountFlags::empty(), None)?;
        fs::create_dir(root.join("etc"))?;
        let mut passwd = format!("inner:x:{SOMEBODY}:{SOMEBODY}::/:/bin/sh\n");
        for user in 0..users {
            writeln!(passwd, "u{user}:x:{}:0::/:", 100_000 + user)?;
        }
        fs::write(root.join("etc/passwd"), passwd)?;
        fs::write(root.join("etc/group"), format!("inners:x:{SOMEBODY}:\n"))?;
        tiny::write(&root.join("waits"), &tiny::waits(7))?;
        chdir(&root)?;
        // The old root lies upon the new one until it is unmounted.
        pivot_root(".", ".")?;
        unmount(".", UnmountFlags::DETACH)?;
        chdir("/")?;
        actor.tell(&json!({"ready": true}))?;
        exec_as_somebody(actor)
    },
};

/// Executes the program of a container, in the mount namespace of the process that is the argument.
const JOIN: Act = Act {
    name: "enrich/join",
    play: |actor| {
        let namespace = fs::File::open(format!("/proc/{}/ns/mnt", actor.number(0)?))?;
        let kind = LinkNameSpaceType::Mount;
        move_into_link_name_space(namespace.as_fd(), Some(kind))?;
        exec_as_somebody(actor)
    },
};

fn exec_as_somebody(actor: &mut Actor) -> Result<()> {
    let (user, group) = (Uid::from_raw(SOMEBODY), Gid::from_raw(SOMEBODY));
    set_thread_groups(&[])?;
    set_thread_res_gid(group, group, group)?;
    set_thread_res_uid(user, user, user)?;
    let error = sys::exec(c"/waits", &c_strings(["/waits"])?);
    tell_error(actor, &error)
}

/// Makes a user namespace, in which it is nobody, and executes the program that it is given.
const NEW_USER: Act = Act {
    name: "enrich/new-user",
    play: |actor| {
        sys::unshare(libc::CLONE_NEWUSER)?;
        actor.tell(&json!({"namespace": inode("/proc/self/ns/user")?}))?;
        let program = c_path(Path::new(actor.text(0)?))?;
        let error = sys::exec(&program, &c_strings([program.as_bytes()])?);
        tell_error(actor, &error)
    },
};

/// Starts the program of a container with names of its own, and says when it was about to.
pub fn start(context: &Context<'_>, container: &Container, users: u64) -> Result<(Stage, Instant)> {
    let root = context.folder.join("root");
    if !root.exists() {
        fs::create_dir(&root)?;
    }
    let words = [root.to_string_lossy().into_owned(), users.to_string()];
    let mut stage = context.stage("enrich/inner", &words)?;
    container.cgroup.take(&mut stage)?;
    stage.go()?;
    stage.hear()?;
    let begun = Instant::now();
    stage.portrait = inside(&stage)?;
    Ok((stage, begun))
}

/// What the process is once it runs the program.
fn inside(stage: &Stage) -> Result<Portrait> {
    let mut who = stage
        .portrait
        .clone()
        .executed(Path::new("/waits"), &["/waits"]);
    who.namespaces
        .insert("mnt", inode(format!("/proc/{}/ns/mnt", who.pid))?);
    who.working_directory = "/".to_owned();
    who.uids = [SOMEBODY; 4];
    who.gids = [SOMEBODY; 4];
    (who.effective, who.permitted) = (0, 0);
    Ok(who)
}

fn of_container(context: &Context<'_>) -> Result<Outcome> {
    if let Some(reason) = refusal(context) {
        return Ok(Outcome::Skipped(reason));
    }
    let outer = context.host.users.get(&SOMEBODY);
    context.claim(
        outer.is_some_and(|outer| outer != "inner"),
        format!("the host has another name for that user: {outer:?}"),
    );
    let container = Container::docker(context)?;
    let sensor = context.own_sensor("[enrich]\nhashes = false\nwait_milliseconds = 1000\n")?;
    let (mut stage, _) = start(context, &container, 10)?;
    let who = stage.portrait.clone();
    let event = exec_of(&sensor, who.pid, Path::new("/waits"))?;
    let expect = image::exec(context, &who, file_of(&who)?, "/waits");
    let mut expect = container
        .expect(expect, context.host, &who)
        .is("agent.id", sensor.agent());
    for (kind, name) in [("user", "inner"), ("group", "inners")] {
        expect = expect.is(format!("{kind}.name"), name);
        for path in ["process", "process.real", "process.saved"] {
            let joint = if path == "process" { '.' } else { '_' };
            expect = expect.is(format!("{path}{joint}{kind}.name"), name);
        }
    }
    context.check(&event, &expect);
    stage.tell("end")?;
    stage.finish()?;
    stop(context, sensor)?;
    Ok(Outcome::Passed)
}

/// The program's file, seen from outside.
fn file_of(who: &Portrait) -> Result<File> {
    File::at(&PathBuf::from(format!("/proc/{}/exe", who.pid)))
}

/// Anybody may call himself root, or nobody, in a user namespace of his own.
fn in_user_namespace(context: &Context<'_>) -> Result<Outcome> {
    let program = seven(context)?;
    let path = program.to_string_lossy();
    let file = File::at(&program)?;
    let name = context.host.users.get(&0).cloned();
    context.claim(name.is_some(), "the host has a name for its first user");
    let played = context.act("enrich/new-user", &[&*path])?;
    let mut who = played.portrait.clone().executed(&program, &[&path]);
    who.namespaces.insert("user", played.number("namespace")?);
    let event = only_exec(&context.settle()?, who.pid)?;
    let expect = image::exec(context, &who, file, &path);
    let mut expect = expect
        // What it may do there is another scenario's subject.
        .may("process.thread.capabilities.effective", "any", |_, _| true)
        .may("process.thread.capabilities.permitted", "any", |_, _| true);
    for path in [
        "user",
        "process.user",
        "process.real_user",
        "process.saved_user",
    ] {
        expect = expect.has(format!("{path}.name"), name.clone());
    }
    context.check(&event, &expect);
    Ok(Outcome::Passed)
}

/// More users than are remembered: reading them takes a while, which no event waits for.
fn too_many(context: &Context<'_>) -> Result<Outcome> {
    const USERS: u64 = 1_000_000;
    const KEPT: u64 = 65_536;
    // What an event may wait by default, and time enough for a machine that has other work.
    const BOUND: Duration = Duration::from_millis(50 + 950);
    if let Some(reason) = refusal(context) {
        return Ok(Outcome::Skipped(reason));
    }
    let container = Container::docker(context)?;
    let sensor = context.own_sensor("[enrich]\nhashes = false\n")?;
    let (mut stage, begun) = start(context, &container, USERS)?;
    exec_of(&sensor, stage.pid(), Path::new("/waits"))?;
    let took = begun.elapsed();
    context.claim(took < BOUND, format!("the exec is told in {took:?}"));
    context.note(format!("the exec is told in {took:?}"));
    wait_for_inner_name(context, &sensor, &container, &stage)?;
    stage.tell("end")?;
    stage.finish()?;
    let ended = sensor.stop(rustix::process::Signal::TERM)?;
    context.claim_eq("problems", &ended.stream.problems(), &[].as_slice());
    let last = ended.events.0.last().context("there are no events")?;
    let full = last.number("sensor.totals.degraded.accounts_entries_full");
    context.claim(
        full >= Some(USERS - KEPT),
        format!("users beyond the limit are counted: {}", last.line()),
    );
    Ok(Outcome::Passed)
}

/// Waits until the names are read: an event of the same namespaces has them then.
fn wait_for_inner_name(
    context: &Context<'_>,
    sensor: &Sensor,
    container: &Container,
    inhabitant: &Stage,
) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    let words = [inhabitant.pid().to_string()];
    loop {
        let mut stage = context.stage("enrich/join", &words)?;
        container.cgroup.take(&mut stage)?;
        stage.go()?;
        let event = exec_of(sensor, stage.pid(), Path::new("/waits"))?;
        stage.tell("end")?;
        stage.finish()?;
        if event.text("user.name").is_some() {
            return Ok(());
        }
        ensure!(
            Instant::now() < deadline,
            "the names are not known: {}",
            event.line()
        );
    }
}
