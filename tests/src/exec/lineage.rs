//! Who a process's parent is, and which process an id means.

use std::io::{Read as _, Write as _};
use std::os::unix::process::parent_id;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use rustix::process::{Pid, WaitOptions, set_child_subreaper, waitpid};
use serde_json::json;

use crate::event::of;
use crate::portrait::{self, Portrait};
use crate::scenario::{Context, Outcome, Scenario};
use crate::stage::{Act, Actor, Played, wait_and_keep};
use crate::sys::{self, Fork};
use crate::tiny;

use super::image::{self, File, c_path, c_strings};
use super::spawn::{check_exec_event, child, seven};

/// The deeds.
pub const ACTS: &[Act] = &[ORPHAN, SIBLING, VFORK, TWICE];

/// The scenarios.
pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "exec/double-fork",
        play: |context| orphan(context, "init"),
    },
    Scenario {
        name: "exec/subreaper",
        play: |context| orphan(context, "subreaper"),
    },
    Scenario {
        name: "exec/clone-parent",
        play: clone_parent,
    },
    Scenario {
        name: "exec/vfork",
        play: vfork,
    },
    Scenario {
        name: "exec/pid-reuse",
        play: pid_reuse,
    },
];

/// Forks a process that forks another and ends; the other one waits until it has a new parent, tells
/// of itself, and executes the program that is the second argument. If the first one is `subreaper`,
/// that new parent is this process.
const ORPHAN: Act = Act {
    name: "exec/orphan",
    play: |actor| {
        let subreaper = actor.text(0)? == "subreaper";
        if subreaper {
            set_child_subreaper(Some(rustix::process::getpid()))?;
        }
        let program = c_path(Path::new(actor.text(1)?))?;
        let between = sys::fork(Fork::default(), || {
            let own = std::process::id();
            let mut orphan = || -> Result<()> {
                while parent_id() == own {
                    thread::sleep(Duration::from_millis(1));
                }
                let pid = std::process::id();
                actor.tell(&json!({
                    "orphan": pid,
                    "orphan_start": portrait::start(pid)?,
                    "new_parent": parent_id(),
                }))?;
                let arguments = c_strings([program.as_bytes()])?;
                bail!(sys::exec(&program, &arguments))
            };
            let forked = sys::fork(Fork::default(), || u8::from(orphan().is_err()));
            u8::from(forked.is_err())
        })?;
        actor.tell_child("between", between)?;
        wait_for(between)?;
        if subreaper {
            rustix::process::wait(WaitOptions::empty()).context("no orphan came")?;
        }
        Ok(())
    },
};

/// Makes a sibling of itself, which executes the program that it is given.
const SIBLING: Act = Act {
    name: "exec/sibling",
    play: |actor| {
        let program = c_path(Path::new(actor.text(0)?))?;
        let arguments = c_strings([program.as_bytes()])?;
        let how = Fork {
            sibling: true,
            ..Fork::default()
        };
        let sibling = sys::fork(how, || {
            let _error = sys::exec(&program, &arguments);
            1
        })?;
        actor.tell(&json!({"sibling": sibling}))
    },
};

/// Runs a program that makes a process by vfork, and tells of both.
const VFORK: Act = Act {
    name: "exec/vfork",
    play: |actor| {
        let mut parent = Command::new(actor.text(0)?)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot run the program")?;
        let mut pid = [0; 8];
        let mut output = parent.stdout.take().context("no output")?;
        output.read_exact(&mut pid)?;
        let pid = u64::from_le_bytes(pid);
        let start = portrait::start(pid.try_into()?)?;
        actor.tell(&json!({"grandchild": pid, "grandchild_start": start}))?;
        let mut input = parent.stdin.take().context("no input")?;
        input.write_all(b"x")?;
        actor.tell_child("child", parent.id())?;
        parent.wait()?;
        Ok(())
    },
};

/// Runs each of two programs, in two processes with the same id.
const TWICE: Act = Act {
    name: "exec/twice",
    play: |actor| {
        let program = |actor: &Actor, index| -> Result<_> {
            let path = c_path(Path::new(actor.text(index)?))?;
            let arguments = c_strings([path.as_bytes()])?;
            Ok((path, arguments))
        };
        let (path, arguments) = program(actor, 0)?;
        let pid = sys::fork(Fork::default(), || {
            let _error = sys::exec(&path, &arguments);
            1
        })?;
        actor.tell_child("child", pid)?;
        wait_for(pid)?;
        // An id is for a process of one tick: the next must not begin in it.
        thread::sleep(Duration::from_millis(30));
        let (path, arguments) = program(actor, 1)?;
        let how = Fork {
            pid: Some(pid),
            ..Fork::default()
        };
        sys::fork(how, || {
            let _error = sys::exec(&path, &arguments);
            1
        })?;
        actor.tell_child("second", pid)?;
        wait_for(pid)
    },
};

/// Waits for a child process that is there only to end.
fn wait_for(pid: u32) -> Result<()> {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    waitpid(pid, WaitOptions::empty()).context("cannot wait for a child process")?;
    Ok(())
}

fn orphan(context: &Context<'_>, who: &str) -> Result<Outcome> {
    let program = seven(context)?;
    let path = program.to_string_lossy();
    let played = context.act("exec/orphan", &[who, &path])?.success()?;
    let between = told(&played, &played.portrait, "between")?;
    let orphan = told(&played, &between, "orphan")?;
    let new_parent = played.pid("new_parent")?;
    let adopted = Portrait {
        parent: if new_parent == played.portrait.pid {
            played.portrait.as_parent()
        } else {
            portrait::Parent::of(new_parent)?
        },
        ..orphan.clone()
    };
    let expected = if who == "subreaper" {
        played.portrait.pid
    } else {
        1
    };
    context.claim_eq("the new parent", &new_parent, &expected);
    let events = context.settle()?;

    let event = events.one("fork", of(between.pid))?;
    context.check(&event, &image::fork(context, &between, &played.portrait));
    let event = events.one("fork", of(orphan.pid))?;
    context.check(&event, &image::fork(context, &orphan, &between));
    let event = events.one("exit", of(between.pid))?;
    context.check(&event, &image::exit(context, &between, 0));
    let ran = adopted.executed(&program, &[&path]);
    check_exec_event(context, &events, &ran, File::at(&program)?, &path);
    let event = events.one("exit", of(orphan.pid))?;
    context.check(&event, &image::exit(context, &ran, 7));
    Ok(Outcome::Passed)
}

/// A child of `parent` that an act told of, with its start.
fn told(played: &Played, parent: &Portrait, name: &str) -> Result<Portrait> {
    let start = played.number(&format!("{name}_start"))?;
    Ok(parent.child(played.pid(name)?, start))
}

fn clone_parent(context: &Context<'_>) -> Result<Outcome> {
    let program = seven(context)?;
    let path = program.to_string_lossy();
    let played = context.act("exec/sibling", &[&*path])?.success()?;
    let pid = played.pid("sibling")?;
    // It is our child, although we did not make it.
    wait_and_keep(pid)?;
    let start = portrait::start(pid)?;
    wait_for(pid)?;
    let sibling = Portrait {
        parent: played.portrait.parent.clone(),
        ..played.portrait.child(pid, start)
    };
    context.claim_eq("our own id", &sibling.parent.pid, &std::process::id());
    let events = context.settle()?;
    let event = events.one("fork", of(pid))?;
    context.check(&event, &image::fork(context, &sibling, &played.portrait));
    let ran = sibling.executed(&program, &[&path]);
    check_exec_event(context, &events, &ran, File::at(&program)?, &path);
    let event = events.one("exit", of(pid))?;
    context.check(&event, &image::exit(context, &ran, 7));
    Ok(Outcome::Passed)
}

fn vfork(context: &Context<'_>) -> Result<Outcome> {
    let program = context.folder.join("vforks");
    tiny::write(&program, &tiny::vforks(9, 3))?;
    let path = program.to_string_lossy();
    let played = context.act("exec/vfork", &[&*path])?.success()?;
    let parent = child(&played)?.executed(&program, &[&path]);
    let grandchild = told(&played, &parent, "grandchild")?;
    let events = context.settle()?;
    check_exec_event(context, &events, &parent, File::at(&program)?, &path);
    let event = events.one("fork", of(grandchild.pid))?;
    context.check(&event, &image::fork(context, &grandchild, &parent));
    events.none("exec", of(grandchild.pid))?;
    let event = events.one("exit", of(grandchild.pid))?;
    context.check(&event, &image::exit(context, &grandchild, 3));
    let event = events.one("exit", of(parent.pid))?;
    context.check(&event, &image::exit(context, &parent, 9));
    Ok(Outcome::Passed)
}

fn pid_reuse(context: &Context<'_>) -> Result<Outcome> {
    let programs = [context.folder.join("first"), context.folder.join("second")];
    for (program, code) in programs.iter().zip([1, 2]) {
        tiny::write(program, &tiny::exits(code))?;
    }
    let played = context.act("exec/twice", &programs)?.success()?;
    let pid = played.pid("child")?;
    ensure!(pid == played.pid("second")?, "it told two ids");
    let first = played.portrait.child(pid, played.number("child_start")?);
    let second = played.portrait.child(pid, played.number("second_start")?);
    context.claim(first.start != second.start, "the starts differ");
    let events = context.settle()?;
    for (who, program, code) in [(&first, &programs[0], 1), (&second, &programs[1], 2)] {
        let id = context.host.entity_id(who.pid, who.start);
        let own = |event: &crate::event::Event| event.text("process.entity_id") == Some(&id);
        let event = events.one("fork", own)?;
        context.check(&event, &image::fork(context, who, &played.portrait));
        let path = program.to_string_lossy();
        let ran = who.clone().executed(program, &[&path]);
        let event = events.one("exec", own)?;
        context.check(
            &event,
            &image::exec(context, &ran, File::at(program)?, &path),
        );
        let event = events.one("exit", own)?;
        context.check(&event, &image::exit(context, &ran, code));
    }
    context.claim_eq("execs of that id", &events.all("exec", of(pid)).len(), &2);
    Ok(Outcome::Passed)
}
