//! The sensor stops, is killed, and starts again.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};
use rustix::process::Signal;

use crate::event::Event;
use crate::scenario::{Context, Outcome, Scenario};
use crate::stage::Act;
use crate::tiny;

use super::command::{self, FAILED, configuration};

/// The deeds.
pub const ACTS: &[Act] = &[EXECS];

/// The scenarios.
pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "robustness/terminate",
        play: |context| stop(context, Signal::TERM),
    },
    Scenario {
        name: "robustness/interrupt",
        play: |context| stop(context, Signal::INT),
    },
    Scenario {
        name: "robustness/second-instance",
        play: second_instance,
    },
    Scenario {
        name: "robustness/killed-before",
        play: killed_before,
    },
    Scenario {
        name: "robustness/garbage-in-state",
        play: garbage,
    },
    Scenario {
        name: "robustness/state-is-no-folder",
        play: no_folder,
    },
];

/// Runs the program that it is given, so many times.
const EXECS: Act = Act {
    name: "robustness/execs",
    play: |actor| {
        let program = PathBuf::from(actor.text(0)?);
        for _ in 0..actor.number(1)? {
            let ended = Command::new(&program).status();
            ended.with_context(|| format!("cannot run {}", program.display()))?;
        }
        Ok(())
    },
};

/// A program that ends at once.
pub fn ending(context: &Context<'_>) -> Result<PathBuf> {
    let program = context.folder.join("ends");
    tiny::write(&program, &tiny::exits(0))?;
    Ok(program)
}

/// Runs a program many times, in processes of their own.
pub fn execs(context: &Context<'_>, program: &Path, times: u32) -> Result<()> {
    let words = [program.to_string_lossy().into_owned(), times.to_string()];
    context.act("robustness/execs", &words)?.success()?;
    Ok(())
}

/// Whether an event tells of a program.
pub fn runs(program: &Path) -> impl Fn(&Event) -> bool {
    let program = program.to_string_lossy().into_owned();
    move |event| event.text("process.executable") == Some(&program)
}

/// What happened before the signal is told, whatever still was in the rings.
fn stop(context: &Context<'_>, signal: Signal) -> Result<Outcome> {
    const TIMES: u32 = 300;
    let program = ending(context)?;
    let sensor = context.own_sensor("")?;
    execs(context, &program, TIMES)?;
    let ended = sensor.stop(signal)?;
    context.claim(
        ended.status.success(),
        format!("it ended with {}", ended.status),
    );
    context.claim_eq("problems", &ended.stream.problems(), &[].as_slice());
    for code in ["exec", "exit"] {
        let told = ended.events.all(code, runs(&program));
        context.claim_eq(&format!("{code} events"), &told.len(), &(TIMES as usize));
    }
    let said = format!(
        "stopped: {} events written, 0 lost",
        delivered(&ended.events.0)
    );
    context.claim(
        ended.diagnostics.contains(&said),
        format!("it said {said:?}; it said {:?}", ended.diagnostics),
    );
    Ok(Outcome::Passed)
}

/// Events but those that the sensor tells of itself.
fn delivered(events: &[std::sync::Arc<Event>]) -> usize {
    let of_kernel = |event: &&std::sync::Arc<Event>| event.get("sensor.record").is_some();
    events.iter().filter(of_kernel).count()
}

fn second_instance(context: &Context<'_>) -> Result<Outcome> {
    let state = context.folder.join("state");
    let first = context.own_sensor(&in_state(&state))?;
    let path = context.folder.join("second.toml");
    fs::write(
        &path,
        format!("{}{}", context.rung.configuration(), in_state(&state)),
    )?;
    let second = command::finish(&mut command::run(context, &path))?;
    let first_pid = format!("process {}", first.pid());
    second.claim(
        context,
        "the second",
        FAILED,
        &["another sensor watches", &first_pid, "--scope-cgroup"],
    );
    context.claim(second.output.is_empty(), "the second wrote no event");
    // Which has not disturbed the first.
    let program = ending(context)?;
    execs(context, &program, 1)?;
    first.settle()?.one("exec", runs(&program))?;
    let ended = first.stop(Signal::TERM)?;
    context.claim_eq("problems", &ended.stream.problems(), &[].as_slice());
    Ok(Outcome::Passed)
}

fn in_state(folder: &Path) -> String {
    format!("[state]\ndirectory = {:?}\n", folder.display().to_string())
}

/// A sensor that was killed leaves its state behind: the next one says so, and watches.
fn killed_before(context: &Context<'_>) -> Result<Outcome> {
    let state = context.folder.join("state");
    let first = context.own_sensor(&in_state(&state))?;
    let first_pid = first.pid();
    first.stop(Signal::KILL)?;
    starts(
        context,
        &state,
        &format!("process {first_pid}) did not stop in order"),
    )
}

fn garbage(context: &Context<'_>) -> Result<Outcome> {
    let state = context.folder.join("state");
    let first = context.own_sensor(&in_state(&state))?;
    let files: Vec<PathBuf> = fs::read_dir(&state)?
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<_>>()?;
    context.claim(!files.is_empty(), "there is a state");
    first.stop(Signal::TERM)?;
    for file in files {
        fs::write(file, b"\xff\0 garbage \n\n")?;
    }
    starts(context, &state, "is not from a sensor")
}

/// A sensor starts with this state, sees what happens, and has said this.
fn starts(context: &Context<'_>, state: &Path, says: &str) -> Result<Outcome> {
    let program = ending(context)?;
    let sensor = context.own_sensor(&in_state(state))?;
    execs(context, &program, 1)?;
    sensor.settle()?.one("exec", runs(&program))?;
    let ended = sensor.stop(Signal::TERM)?;
    context.claim(
        ended.status.success(),
        format!("it ended with {}", ended.status),
    );
    context.claim_eq("problems", &ended.stream.problems(), &[].as_slice());
    context.claim(
        ended.diagnostics.contains(says),
        format!("it said {says:?}; it said {:?}", ended.diagnostics),
    );
    Ok(Outcome::Passed)
}

fn no_folder(context: &Context<'_>) -> Result<Outcome> {
    let file = configuration(context, "no-folder", "")?;
    let state = context.folder.join("no-folder-state");
    fs::write(&state, "")?;
    let finished = command::finish(&mut command::run(context, &file))?;
    finished.claim(
        context,
        "a sensor without a place for its state",
        FAILED,
        &[
            "cannot make the directory",
            &state.to_string_lossy(),
            "[state]",
        ],
    );
    Ok(Outcome::Passed)
}
