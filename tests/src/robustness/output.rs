//! Standard output that takes nothing.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};
use rustix::process::{Pid, Signal, kill_process};

use crate::event::Event;
use crate::exec::image::{c_path, c_strings};
use crate::scenario::{Context, Outcome, PATIENCE, Scenario};
use crate::sensor;
use crate::stage::Act;
use crate::sys;

use super::command::{self, FAILED, Finished, Running, configuration};
use super::stopping::{ending, execs, runs};

/// The deeds.
pub const ACTS: &[Act] = &[CLOSED];

/// The scenarios.
pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "robustness/output-disk-full",
        play: disk_full,
    },
    Scenario {
        name: "robustness/output-reader-gone",
        play: reader_gone,
    },
    Scenario {
        name: "robustness/output-closed",
        play: closed,
    },
    Scenario {
        name: "robustness/output-to-nowhere",
        play: to_nowhere,
    },
    Scenario {
        name: "robustness/output-to-file",
        play: to_file,
    },
];

/// Executes the sensor with the words that follow, without a standard output, and with the first word
/// as the file of its standard error.
const CLOSED: Act = Act {
    name: "robustness/closed-output",
    play: |actor| {
        let (diagnostics, words) = actor.arguments.split_first().context("where?")?;
        let diagnostics = File::create(diagnostics)?;
        rustix::stdio::dup2_stderr(&diagnostics)?;
        sys::close_standard(1);
        let program = sensor::program();
        let mut arguments = vec![program.as_encoded_bytes()];
        arguments.extend(words.iter().map(|word| word.as_encoded_bytes()));
        let error = sys::exec(&c_path(Path::new(&program))?, &c_strings(arguments)?);
        Err(error.into())
    },
};

/// A file system with room for a few events, as long as this lives.
pub struct SmallDisk(PathBuf);

impl SmallDisk {
    /// Mounts it in the scenario's folder.
    pub fn mount(context: &Context<'_>) -> Result<Self> {
        let place = context.folder.join("small");
        fs::create_dir(&place)?;
        mount("none", &place, "tmpfs", MountFlags::empty(), c"size=64k")
            .with_context(|| format!("cannot mount {}", place.display()))?;
        Ok(Self(place))
    }

    /// A file on it.
    pub fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _left_behind = unmount(&self.0, UnmountFlags::DETACH);
    }
}

/// Waits until the file that a sensor writes to has its first event.
pub fn wait_for_start(file: &Path) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    while !fs::read(file)?.contains(&b'\n') {
        ensure!(Instant::now() < deadline, "the sensor wrote nothing");
        std::thread::sleep(Duration::from_millis(10));
    }
    Ok(())
}

fn disk_full(context: &Context<'_>) -> Result<Outcome> {
    let disk = SmallDisk::mount(context)?;
    let path = disk.file("events");
    let configuration = configuration(context, "full", "")?;
    let mut command = command::run(context, &configuration);
    let running = Running::start(command.stdout(File::create(&path)?))?;
    wait_for_start(&path)?;
    execs(context, &ending(context)?, 100)?;
    let finished = running.finish()?;
    finished.claim(
        context,
        "a sensor on a full disk",
        FAILED,
        &["cannot write events to standard output", "No space left"],
    );
    whole_lines(context, &fs::read(&path)?)
}

/// All lines of an output that broke off are events, but for the last, which may be cut.
fn whole_lines(context: &Context<'_>, output: &[u8]) -> Result<Outcome> {
    let mut lines: Vec<&[u8]> = output.split(|byte| *byte == b'\n').collect();
    lines.pop();
    context.claim(!lines.is_empty(), "there are events");
    for line in lines {
        context.attempt(Event::parse(line));
    }
    Ok(Outcome::Passed)
}

fn reader_gone(context: &Context<'_>) -> Result<Outcome> {
    let configuration = configuration(context, "gone", "")?;
    let (reader, writer) = std::io::pipe()?;
    let mut command = command::run(context, &configuration);
    let running = Running::start(command.stdout(writer))?;
    drop(command);
    let mut first = String::new();
    let mut reader = BufReader::new(reader);
    reader.read_line(&mut first)?;
    context.claim(first.contains("sensor_start"), "it watches");
    drop(reader);
    execs(context, &ending(context)?, 1)?;
    let finished = running.finish()?;
    finished.claim(
        context,
        "a sensor that nobody reads",
        FAILED,
        &["cannot write events to standard output", "Broken pipe"],
    );
    Ok(Outcome::Passed)
}

fn closed(context: &Context<'_>) -> Result<Outcome> {
    let configuration = configuration(context, "closed", "")?;
    let said = context.folder.join("said");
    let mut words = vec![said.clone()];
    words.extend(command::run_words(context, &configuration));
    let played = context.act("robustness/closed-output", &words)?;
    let finished = Finished {
        status: played.status,
        output: Vec::new(),
        diagnostics: fs::read_to_string(&said)?,
    };
    finished.claim(
        context,
        "a sensor with its output closed",
        FAILED,
        &["standard output", "closed"],
    );
    Ok(Outcome::Passed)
}

/// `> /dev/null` is an output like any other.
fn to_nowhere(context: &Context<'_>) -> Result<Outcome> {
    let configuration = configuration(context, "nowhere", "")?;
    let mut command = command::run(context, &configuration);
    let running = Running::start(command.stdout(Stdio::null()))?;
    running.wait_for_programs()?;
    let finished = terminate(running)?;
    finished.claim(context, "a sensor without readers", 0, &["stopped: "]);
    Ok(Outcome::Passed)
}

fn to_file(context: &Context<'_>) -> Result<Outcome> {
    let path = context.folder.join("events");
    let program = ending(context)?;
    let configuration = configuration(context, "file", "")?;
    let mut command = command::run(context, &configuration);
    let running = Running::start(command.stdout(File::create(&path)?))?;
    wait_for_start(&path)?;
    execs(context, &program, 20)?;
    let finished = terminate(running)?;
    finished.claim(context, "a sensor that writes to a file", 0, &["stopped: "]);
    let output = fs::read(&path)?;
    let events: Vec<Event> = output
        .split_inclusive(|byte| *byte == b'\n')
        .map(Event::parse)
        .collect::<Result<_>>()?;
    let told = events
        .iter()
        .filter(|event| event.code() == "exec" && runs(&program)(event));
    context.claim_eq("exec events", &told.count(), &20);
    let last = events.last().map(Event::code);
    context.claim_eq("the last event", &last, &Some("sensor_stop"));
    Ok(Outcome::Passed)
}

/// Has a sensor stop in order.
pub fn terminate(running: Running) -> Result<Finished> {
    let pid = Pid::from_raw(running.pid().cast_signed()).context("no process id")?;
    kill_process(pid, Signal::TERM).context("cannot signal the sensor")?;
    running.finish()
}
