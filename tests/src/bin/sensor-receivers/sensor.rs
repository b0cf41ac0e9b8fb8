//! The sensor, with a witness: a file to which it writes everything too.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::daemon::{Daemon, LONGEST_START};
use crate::judge::Witness;
use crate::place::write;
use crate::process;
use crate::sink::{self, Format, Sink};

/// How the sensor is started, again and again with the same files.
pub struct Sensor {
    program: PathBuf,
    folder: PathBuf,
    cgroup: PathBuf,
    running: Option<Daemon>,
    /// The most memory that any run had, in bytes.
    memory: u64,
    /// What it has seen.
    pub witness: Witness,
}

/// What the witness has when the sensor is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WitnessSpool {
    /// As much as the others.
    Large,
    /// What is in its file.
    None,
}

/// Longer than the time that its sinks are given at its end.
const LONGEST_END: Duration = Duration::from_secs(60);

impl Sensor {
    /// One that writes to these sinks. Nothing runs yet.
    pub fn new<'a>(
        program: &Path,
        folder: PathBuf,
        cgroup: &Path,
        sinks: impl IntoIterator<Item = (&'a str, &'a Sink)>,
    ) -> Result<Self> {
        let spools = folder.join("spools");
        Self::with_spools(program, folder, cgroup, sinks, &spools, WitnessSpool::Large)
    }

    /// One whose spools are in this folder, with a witness that has one there or not.
    pub fn with_spools<'a>(
        program: &Path,
        folder: PathBuf,
        cgroup: &Path,
        sinks: impl IntoIterator<Item = (&'a str, &'a Sink)>,
        spools: &Path,
        spool: WitnessSpool,
    ) -> Result<Self> {
        let file = folder.join("witness");
        let witness = Sink::new("file", Format::Ecs)
            .file("path", &file)
            .text("rotate_bytes", "0")
            .text(
                "spool_bytes",
                match spool {
                    WitnessSpool::Large => "1GiB",
                    WitnessSpool::None => "0",
                },
            );
        let mut all: Vec<(&str, &Sink)> = vec![("witness", &witness)];
        for (name, sink) in sinks {
            all.push((name, sink));
        }
        let text = sink::configuration(all, &folder.join("state"), spools);
        write(&folder.join("sensor.toml"), text)?;
        Ok(Self {
            program: program.to_path_buf(),
            witness: Witness::new(&file),
            folder,
            cgroup: cgroup.to_path_buf(),
            running: None,
            memory: 0,
        })
    }

    /// Starts it and waits until it watches.
    pub fn start(&mut self) -> Result<()> {
        let mut command = Command::new(&self.program);
        command
            .args(["run", "--config"])
            .arg(self.folder.join("sensor.toml"))
            .arg("--scope-cgroup")
            .arg(&self.cgroup);
        let mut daemon = Daemon::start(&command, &self.log())?;
        self.witness.read()?;
        let before = self.witness.starts();
        let witness = &mut self.witness;
        let mut failure = None;
        daemon.wait_until("it watched", LONGEST_START, || {
            if let Err(error) = witness.read() {
                failure = Some(error);
            }
            failure.is_some() || witness.starts() > before
        })?;
        self.running = Some(daemon);
        failure.map_or(Ok(()), Err)
    }

    /// Ends it as an administrator would.
    pub fn end(&mut self) -> Result<()> {
        self.note_memory();
        let mut daemon = self.running.take().context("the sensor does not run")?;
        daemon.end(LONGEST_END).context("the sensor")?;
        self.witness.read()
    }

    /// Kills it without a warning.
    pub fn kill(&mut self) -> Result<()> {
        self.note_memory();
        self.running
            .take()
            .context("the sensor does not run")?
            .kill();
        self.witness.read()?;
        self.witness.note_kill();
        Ok(())
    }

    /// The most memory that it had so far, in bytes.
    pub fn memory(&mut self) -> u64 {
        self.note_memory();
        self.memory
    }

    /// What it has said on its standard error, in all its runs.
    pub fn said(&self) -> String {
        let bytes = std::fs::read(self.log()).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Runs a command of the sensor with the same configuration; what it prints on both outputs.
    pub fn ask(&self, arguments: &[&str]) -> Result<String> {
        let output = Command::new(&self.program)
            .args(arguments)
            .arg("--config")
            .arg(self.folder.join("sensor.toml"))
            .output()
            .context("cannot start the sensor")?;
        let printed = [output.stdout, output.stderr].concat();
        Ok(String::from_utf8_lossy(&printed).into_owned())
    }

    fn note_memory(&mut self) {
        if let Some(daemon) = &self.running
            && let Ok(bytes) = process::status_bytes(daemon.pid(), "VmHWM")
        {
            self.memory = self.memory.max(bytes);
        }
    }

    fn log(&self) -> PathBuf {
        self.folder.join("sensor.txt")
    }
}

/// Why the sensor cannot be tried here, if it cannot.
pub fn obstacle(program: &Path) -> Option<String> {
    if !rustix::process::geteuid().is_root() {
        return Some("only root can load programs into the kernel: run it as root".to_owned());
    }
    let output = match Command::new(program).arg("doctor").output() {
        Ok(output) => output,
        Err(error) => return Some(format!("cannot start {}: {error}", program.display())),
    };
    if output.status.success() {
        return None;
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let first = said.lines().next().unwrap_or_default().to_owned();
    Some(format!(
        "this kernel does not let the sensor watch: {first}"
    ))
}
