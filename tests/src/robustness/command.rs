//! The sensor's command line, as a user types it.

use std::ffi::OsStr;
use std::fs;

use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

use crate::event::Event;
use crate::scenario::{Context, PATIENCE};
use crate::sensor;
use crate::stage::wait_at_most;

/// Exit status for a failure at work.
pub const FAILED: i32 = 1;
/// Exit status for wrong usage or configuration.
pub const WRONG_USAGE: i32 = 2;

/// A command that has ended.
#[derive(Debug)]
pub struct Finished {
    /// How it ended.
    pub status: ExitStatus,
    /// What it wrote to its standard output, if that was not another file.
    pub output: Vec<u8>,
    /// What it wrote to its standard error.
    pub diagnostics: String,
}

/// A configuration of this scenario's rung with `more` TOML, and a state directory of its own.
pub fn configuration(context: &Context<'_>, name: &str, more: &str) -> Result<PathBuf> {
    let state = context.folder.join(format!("{name}-state"));
    let text = format!(
        "{}{more}[state]\ndirectory = {:?}\n",
        context.rung.configuration(),
        state.display().to_string()
    );
    let path = context.folder.join(format!("{name}.toml"));
    fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(path)
}

/// `sensor WORD...`
pub fn command(words: &[impl AsRef<OsStr>]) -> Command {
    let mut command = Command::new(sensor::program());
    command.args(words).stdin(Stdio::null());
    command
}

/// `sensor run` with a configuration, which writes JSON.
pub fn run(context: &Context<'_>, configuration: &Path) -> Command {
    let mut command = command(&run_words(context, configuration));
    command.stdout(Stdio::piped());
    command
}

/// The words of [`run`].
pub fn run_words(context: &Context<'_>, configuration: &Path) -> Vec<PathBuf> {
    let mut words = ["run", "--output", "json", "--config"]
        .map(PathBuf::from)
        .to_vec();
    words.push(configuration.to_owned());
    if let Some(scope) = context.scope() {
        words.extend([PathBuf::from("--scope-cgroup"), scope.to_owned()]);
    }
    words
}

/// A command that runs. What it says is heard all the time, so that no pipe fills up.
pub struct Running {
    child: Child,
    output: Option<thread::JoinHandle<Vec<u8>>>,
    diagnostics: Option<thread::JoinHandle<Vec<u8>>>,
}

/// Whether a process has BPF programs.
fn has_programs(pid: u32) -> Result<bool> {
    for entry in fs::read_dir(format!("/proc/{pid}/fdinfo"))? {
        // What it has closed meanwhile is none.
        let about = fs::read_to_string(entry?.path()).unwrap_or_default();
        if about.contains("prog_id:") {
            return Ok(true);
        }
    }
    Ok(false)
}

impl Running {
    /// Starts a command. Its standard output is heard if it is to be a pipe.
    pub fn start(command: &mut Command) -> Result<Self> {
        let mut child = command
            .stderr(Stdio::piped())
            .spawn()
            .context("cannot start the sensor")?;
        Ok(Self {
            output: child.stdout.take().map(hear),
            diagnostics: child.stderr.take().map(hear),
            child,
        })
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits until it has loaded programs: then it stops in order when it is told to.
    pub fn wait_for_programs(&self) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        while !has_programs(self.pid())? {
            ensure!(Instant::now() < deadline, "the sensor loads no program");
            thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }

    /// Waits for its end, but not for ever.
    pub fn finish(mut self) -> Result<Finished> {
        let status = wait_at_most(&mut self.child, PATIENCE).context("the sensor hangs")?;
        let heard = |thread: Option<thread::JoinHandle<Vec<u8>>>| {
            let heard = thread.map(thread::JoinHandle::join);
            heard.and_then(Result::ok).unwrap_or_default()
        };
        Ok(Finished {
            status,
            output: heard(self.output.take()),
            diagnostics: String::from_utf8_lossy(&heard(self.diagnostics.take())).into_owned(),
        })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Where it has ended, there is nobody to kill.
        let _gone = self.child.kill();
        let _gone = self.child.wait();
    }
}

fn hear(mut pipe: impl std::io::Read + Send + 'static) -> thread::JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let _until_it_breaks = pipe.read_to_end(&mut bytes);
        bytes
    })
}

/// Runs a command to its end.
pub fn finish(command: &mut Command) -> Result<Finished> {
    Running::start(command.stdout(Stdio::piped()))?.finish()
}

impl Finished {
    /// Claims how it ended, and what it said: no more than a few lines for people, with each of these
    /// in it.
    pub fn claim(&self, context: &Context<'_>, what: &str, code: i32, sentences: &[&str]) {
        let said = &self.diagnostics;
        context.claim_eq(
            &format!("exit status of {what}, which said {said:?}"),
            &self.status.code(),
            &Some(code),
        );
        for sentence in sentences {
            context.claim(
                said.contains(sentence),
                format!("{what} said {sentence:?}; it said {said:?}"),
            );
        }
        context.claim(!said.contains("panicked"), format!("no panic in {said:?}"));
        // Each limit that the configuration sets has a line.
        let sentences = said.lines().filter(|line| !line.contains(": warning: "));
        context.claim(
            sentences.count() <= 6,
            format!("what it said is short: {said:?}"),
        );
    }

    /// The events of its output.
    pub fn events(&self) -> Result<Vec<Event>> {
        let lines = self.output.split_inclusive(|byte| *byte == b'\n');
        lines.map(Event::parse).collect()
    }
}
