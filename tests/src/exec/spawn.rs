//! The deeds that most scenarios need: run a program in a child process, or in the process itself.

use std::ffi::OsString;
use std::io;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};
use serde_json::json;

use std::sync::Arc;

use crate::event::{Event, Events, of};
use crate::portrait::Portrait;
use crate::scenario::Context;
use crate::stage::{Act, Actor, Played};
use crate::tiny;

use super::image::{self, File};

/// The deeds.
pub const ACTS: &[Act] = &[SPAWN, EXEC, EXEC_IN];

/// Runs the program and the arguments that it is given, and tells of the `child`.
const SPAWN: Act = Act {
    name: "exec/spawn",
    play: |actor| {
        let child = command(&actor.arguments)?.spawn();
        let mut child = child.context("cannot run the program")?;
        actor.tell_child("child", child.id())?;
        child.wait()?;
        Ok(())
    },
};

/// Executes the program and the arguments that it is given. Where the kernel refuses, tells the
/// `error`'s number.
const EXEC: Act = Act {
    name: "exec/exec",
    play: |actor| {
        let error = command(&actor.arguments)?.exec();
        tell_error(actor, &error)
    },
};

/// The same in a working directory, which is the first argument.
const EXEC_IN: Act = Act {
    name: "exec/exec-in",
    play: |actor| {
        let (folder, words) = actor.arguments.split_first().context("where?")?;
        let error = command(words)?.current_dir(folder).exec();
        tell_error(actor, &error)
    },
};

/// Tells that an exec failed, which is for the scenario to judge.
pub fn tell_error(actor: &mut Actor, error: &io::Error) -> Result<()> {
    actor.tell(&json!({"error": error.raw_os_error()}))
}

fn command(words: &[OsString]) -> Result<Command> {
    let (program, arguments) = words.split_first().context("which program?")?;
    let mut command = Command::new(program);
    command.args(arguments);
    Ok(command)
}

/// A program that ends with exit code 7, in the scenario's folder.
pub fn seven(context: &Context<'_>) -> Result<PathBuf> {
    let program = context.folder.join("seven");
    tiny::write(&program, &tiny::exits(7))?;
    Ok(program)
}

/// The `child` that an act told of, before it executed anything.
pub fn child(played: &Played) -> Result<Portrait> {
    let pid = played.pid("child")?;
    Ok(played.portrait.child(pid, played.number("child_start")?))
}

/// Executes `asked` in a process of its own, and checks the event: the executable must be `real`,
/// and the exit code its own.
pub fn check_exec(
    context: &Context<'_>,
    asked: &str,
    arguments: &[&str],
    real: &Path,
) -> Result<Played> {
    let mut words = vec![asked];
    words.extend(arguments);
    let played = context.act("exec/exec", &words)?;
    let events = context.settle()?;
    let who = played.portrait.clone().executed(real, &words);
    check_exec_event(context, &events, &who, File::at(real)?, asked);
    Ok(played)
}

/// Checks that there is one exec of `who` which is not that of the stage, and that it is as expected.
pub fn check_exec_event(
    context: &Context<'_>,
    events: &Events,
    who: &Portrait,
    file: File,
    filename: &str,
) {
    let expect = image::exec(context, who, file, filename);
    if let Some(event) = context.attempt(only_exec(events, who.pid)) {
        context.check(&event, &expect);
    }
}

/// The only exec of a process after that which made it a stage.
pub fn only_exec(events: &Events, pid: u32) -> Result<Arc<Event>> {
    events.one("exec", |event| of(pid)(event) && !is_stage(event))
}

/// Whether the exec made a process a stage.
fn is_stage(event: &Event) -> bool {
    event
        .get("process.args")
        .and_then(|args| args.get(0))
        .is_some_and(|first| first == "sensor-scenarios")
}
