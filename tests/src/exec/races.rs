//! What a second thread changes while the kernel looks: the event must tell of what really ran.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::thread;

use anyhow::{Context as _, Result, bail};
use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::process::{Pid, WaitOptions, waitpid};
use rustix::stdio::{dup2_stdin, stdin};
use serde_json::{Value, json};

use crate::portrait;
use crate::scenario::{Context, Outcome, Scenario};
use crate::stage::{Act, wait_and_keep};
use crate::{sys, tiny};

use super::image::{self, File, c_path, c_strings};
use super::spawn::only_exec;

/// The deeds.
pub const ACTS: &[Act] = &[CHANGING_PATH, CHANGING_FOLDER];

/// The scenarios.
pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "exec/race-path",
        play: changing_path,
    },
    Scenario {
        name: "exec/race-folder",
        play: changing_folder,
    },
];

/// How often a program is run while its path changes.
const RUNS: usize = 100;

/// How often one is while its folder's descriptor changes: each takes a process of its own.
const STAGES: usize = 15;

/// Runs the program that it is given, again and again (as often as the second argument says, if there
/// is one), while a thread overwrites the last letter of its path with `a` and `b`. Tells of each
/// process, and how it ended.
const CHANGING_PATH: Act = Act {
    name: "exec/changing-path",
    play: |actor| {
        let path = c_path(Path::new(actor.text(0)?))?;
        let runs = match actor.arguments.get(1) {
            Some(_) => usize::try_from(actor.number(1)?)?,
            None => RUNS,
        };
        let path: Arc<[AtomicU8]> = path
            .as_bytes_with_nul()
            .iter()
            .map(|byte| AtomicU8::new(*byte))
            .collect();
        let over = Arc::new(AtomicBool::new(false));
        let changer = thread::spawn({
            let (path, over) = (Arc::clone(&path), Arc::clone(&over));
            move || {
                let [.., letter, _] = &*path else {
                    return;
                };
                while !over.load(Ordering::Relaxed) {
                    for value in [b'a', b'b'] {
                        letter.store(value, Ordering::Relaxed);
                        std::hint::spin_loop();
                    }
                }
            }
        });
        for _ in 0..runs {
            let pid = sys::spawn_racing(&path, c"racer")?;
            wait_and_keep(pid)?;
            let start = portrait::start(pid)?;
            let waited = i32::try_from(pid).ok().and_then(Pid::from_raw);
            let (_, status) = waitpid(waited, WaitOptions::empty())?.context("not waited")?;
            let code = status.exit_status();
            actor.tell(&json!({"child": pid, "child_start": start, "code": code}))?;
        }
        over.store(true, Ordering::Relaxed);
        changer.join().ok().context("the thread died")?;
        Ok(())
    },
};

/// Executes `racer` in the folder that is open as its standard input, while a thread opens the two
/// folders that it is given there in turn.
const CHANGING_FOLDER: Act = Act {
    name: "exec/changing-folder",
    play: |actor| {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let folders = [actor.text(0)?, actor.text(1)?]
            .map(|folder| openat(CWD, folder, flags, Mode::empty()));
        let [first, second] = folders;
        let (first, second) = (first?, second?);
        let number = std::process::id();
        dup2_stdin(&first)?;
        thread::spawn(move || {
            loop {
                for folder in [&second, &first] {
                    if dup2_stdin(folder).is_err() {
                        return;
                    }
                }
            }
        });
        // Not every process is to exec at the same turn.
        thread::sleep(std::time::Duration::from_micros(
            u64::from(number % 7) * 700,
        ));
        bail!(sys::exec_at(stdin(), c"racer", &c_strings(["racer"])?))
    },
};

fn changing_path(context: &Context<'_>) -> Result<Outcome> {
    let programs = ["racer-a", "racer-b"].map(|name| context.folder.join(name));
    let [first, second] = &programs;
    tiny::write(first, &tiny::exits(1))?;
    tiny::write(second, &tiny::exits(2))?;
    let played = context.act("exec/changing-path", &[first])?.success()?;
    let events = context.settle()?;
    let mut ran = [0, 0];
    for told in &played.told {
        let number = |name| told.get(name).and_then(Value::as_u64).context("untold");
        let (program, counter) = match number("code")? {
            1 => (first, &mut ran[0]),
            2 => (second, &mut ran[1]),
            code => bail!("a program ended with exit code {code}"),
        };
        *counter += 1;
        let pid = number("child")?.try_into()?;
        let who = played
            .portrait
            .child(pid, number("child_start")?)
            .executed(program, &["racer"]);
        let Some(event) = context.attempt(only_exec(&events, pid)) else {
            continue;
        };
        let path = program.to_string_lossy();
        context.check(
            &event,
            &image::exec(context, &who, File::at(program)?, &path),
        );
    }
    context.claim_eq("programs that ran", &ran.iter().sum(), &RUNS);
    if ran.contains(&0) {
        context.note("the race was never won: only one of the two programs ran");
    }
    Ok(Outcome::Passed)
}

fn changing_folder(context: &Context<'_>) -> Result<Outcome> {
    let folders = ["first", "second"].map(|name| context.folder.join(name));
    for (folder, code) in folders.iter().zip([1, 2]) {
        std::fs::create_dir(folder)?;
        tiny::write(&folder.join("racer"), &tiny::exits(code))?;
    }
    let [first, second] = &folders;
    let mut ran = [0, 0];
    for _ in 0..STAGES {
        let played = context.act("exec/changing-folder", &folders)?;
        let (folder, counter) = match played.status.code() {
            Some(1) => (first, &mut ran[0]),
            Some(2) => (second, &mut ran[1]),
            _ => bail!("the program ended with {}", played.status),
        };
        *counter += 1;
        let program = folder.join("racer");
        let event = only_exec(&context.settle()?, played.portrait.pid)?;
        let who = played.portrait.executed(&program, &["racer"]);
        let expect = image::exec(context, &who, File::at(&program)?, "/dev/fd/0/racer")
            .is("sensor.exec.stdio", json!(["other", "pipe", "pipe"]));
        context.check(&event, &expect);
    }
    if ran.contains(&0) {
        context.note("the race was never won: only one of the two programs ran");
    }
    Ok(Outcome::Passed)
}
