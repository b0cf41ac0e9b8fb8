//! The programs that receive: how they are started and killed, and what they got.
//!
//! - [`rsyslog`], [`syslog_ng`], [`journald`], [`nats`], [`tenzir`]: as others wrote them.
//! - [`python`]: Kafka's and OpenTelemetry's protocols by the libraries that are theirs, and the
//!   doubles of servers that cannot be had.
//! - [`scripts`]: the programs in Python, in files.

pub mod double;
pub mod journald;
pub mod nats;
pub mod python;
pub mod rsyslog;
pub mod scripts;
pub mod syslog_ng;
pub mod tenzir;

use std::ffi::OsString;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};

use crate::certificate::Certificates;
use crate::daemon::{Daemon, LONGEST_START};
use crate::document::Shape;
use crate::sink::Sink;
use crate::tail::{Tail, Take};

use scripts::Scripts;

/// What receivers are made of.
pub struct Materials {
    /// A folder for the files of all.
    pub folder: PathBuf,
    /// Certificates.
    pub certificates: Certificates,
    /// Programs in Python.
    pub scripts: Scripts,
    /// Where syslog-ng is unpacked, if it is.
    pub syslog_ng: Option<PathBuf>,
}

/// A receiver, running or not.
pub struct Receiver {
    /// Its name, by which it is chosen.
    pub name: String,
    /// What the sensor's configuration says of it.
    pub sink: Sink,
    /// What the protocol can promise.
    pub guarantee: Guarantee,
    /// How what it wrote down looks.
    pub shape: Shape,
    /// What takes part in it; the first is what the sensor speaks to.
    programs: Vec<Program>,
    /// Where what it got is.
    source: Box<dyn Source>,
    /// What `send.py` is told to send to it.
    by_hand: Vec<OsString>,
}

/// What the protocol can promise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guarantee {
    /// What was acknowledged is there, also if the receiver was killed.
    Stored,
    /// What was acknowledged is lost if the receiver is killed.
    Received,
    /// Nothing is acknowledged, but nothing is lost on the way either.
    Streamed,
    /// What finds no room is lost.
    Datagrams,
}

/// Where what a receiver got is.
pub trait Source {
    /// Takes what is new, in the order of its arrival.
    fn read(&mut self, take: &mut Take<'_>) -> Result<()>;
}

impl Source for Tail {
    fn read(&mut self, take: &mut Take<'_>) -> Result<()> {
        Self::read(self, take)
    }
}

/// A program of a receiver.
pub struct Program {
    command: Command,
    log: PathBuf,
    ready: Ready,
    running: Option<Daemon>,
}

/// By what it is known that a program is ready.
#[derive(Clone, Debug)]
pub enum Ready {
    /// A port of loopback is open.
    Port(u16),
    /// A file is there.
    File(PathBuf),
    /// It has said a word.
    Word(&'static str),
}

impl Program {
    /// One that is not running yet.
    pub fn new(command: Command, log: PathBuf, ready: Ready) -> Self {
        Self {
            command,
            log,
            ready,
            running: None,
        }
    }

    fn start(&mut self) -> Result<()> {
        if self.running.is_some() {
            return Ok(());
        }
        if let Ready::File(path) = &self.ready {
            // That of the one that was killed says nothing of the next.
            let _is_not_there = std::fs::remove_file(path);
        }
        let mut daemon = Daemon::start(&self.command, &self.log)?;
        match &self.ready {
            Ready::Port(port) => daemon.wait_for_port(*port)?,
            Ready::File(path) => {
                let what = format!("{} was there", path.display());
                daemon.wait_until(&what, LONGEST_START, || path.exists())?;
            }
            Ready::Word(word) => {
                let log = self.log.clone();
                daemon.wait_until(&format!("it said {word:?}"), LONGEST_START, || {
                    std::fs::read_to_string(&log).is_ok_and(|said| said.contains(word))
                })?;
            }
        }
        self.running = Some(daemon);
        Ok(())
    }
}

impl Receiver {
    /// One of which nothing runs yet.
    pub fn new(name: impl Into<String>, sink: Sink, guarantee: Guarantee, file: &Path) -> Self {
        Self {
            name: name.into(),
            shape: Shape::Written(sink.format()),
            sink,
            guarantee,
            programs: Vec::new(),
            source: Box::new(Tail::new(file)),
            by_hand: Vec::new(),
        }
    }

    /// Adds a program.
    pub fn program(mut self, program: Program) -> Self {
        self.programs.push(program);
        self
    }

    /// Says where what it got is, if it is not in lines of a file.
    pub fn source(mut self, source: impl Source + 'static) -> Self {
        self.source = Box::new(source);
        self
    }

    /// Says how what it wrote down looks, if it changed it.
    pub const fn shape(mut self, shape: Shape) -> Self {
        self.shape = shape;
        self
    }

    /// Says how it is sent something without the sensor.
    pub fn by_hand<T: Into<OsString>>(mut self, arguments: impl IntoIterator<Item = T>) -> Self {
        self.by_hand = arguments.into_iter().map(Into::into).collect();
        self
    }

    /// Starts what does not run, and waits until it is ready.
    pub fn start(&mut self) -> Result<()> {
        for program in &mut self.programs {
            program
                .start()
                .with_context(|| format!("cannot start {}", self.name))?;
        }
        Ok(())
    }

    /// Whether what it has acknowledged outlives it, and it can be started again where it was.
    pub const fn can_be_killed(&self) -> bool {
        matches!(self.guarantee, Guarantee::Stored)
    }

    /// Kills the program that the sensor speaks to, without a warning.
    pub fn kill(&mut self) {
        if let Some(mut daemon) = self
            .programs
            .first_mut()
            .and_then(|first| first.running.take())
        {
            daemon.kill();
        }
    }

    /// Takes what it has got since the last time, in the order of its arrival.
    pub fn read(&mut self, take: &mut Take<'_>) -> Result<()> {
        self.source
            .read(take)
            .with_context(|| format!("cannot read what {} got", self.name))
    }

    /// Sends documents to it without the sensor.
    pub fn send(&self, scripts: &Scripts, documents: &[String]) -> Result<()> {
        let mut sender = scripts
            .command("send.py")?
            .args(&self.by_hand)
            .stdin(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .context("cannot start Python")?;
        let mut pipe = sender.stdin.take().context("no way to the sender")?;
        for document in documents {
            writeln!(pipe, "{document}").context("the sender takes nothing")?;
        }
        drop(pipe);
        let output = sender.wait_with_output().context("cannot wait")?;
        ensure!(
            output.status.success(),
            "the sender failed: {}",
            String::from_utf8_lossy(&output.stderr).trim_end()
        );
        Ok(())
    }
}

impl Materials {
    /// Makes certificates and writes the programs down.
    pub fn make(folder: PathBuf, python: &Path, syslog_ng: Option<&Path>) -> Result<Self> {
        let part = |name| {
            let part = folder.join(name);
            std::fs::create_dir_all(&part)
                .with_context(|| format!("cannot make {}", part.display()))?;
            anyhow::Ok(part)
        };
        Ok(Self {
            certificates: Certificates::make(&part("certificates")?)?,
            scripts: Scripts::write(part("scripts")?, python)?,
            syslog_ng: syslog_ng.map(Path::to_path_buf),
            folder,
        })
    }

    /// What the programs in Python are told to speak TLS.
    fn tls_by_hand(&self) -> Vec<OsString> {
        let certificates = &self.certificates;
        let client = &certificates.client;
        [
            ("--ca", &certificates.authority),
            ("--certificate", &client.certificate),
            ("--key", &client.key),
        ]
        .into_iter()
        .flat_map(|(name, file)| [name.into(), file.clone().into_os_string()])
        .collect()
    }
}
