//! A program that runs beside the test.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use crate::verdict::skip;

/// Long enough for a slow and busy host.
pub const LONGEST_START: Duration = Duration::from_secs(90);

/// Between two looks.
pub const GLANCE: Duration = Duration::from_millis(50);

/// A running program. It and what it started are killed at the latest when this is dropped, or when the
/// test dies.
#[derive(Debug)]
pub struct Daemon {
    child: Child,
    log: PathBuf,
}

impl Daemon {
    /// Starts it. What it says is added to the file `log`.
    pub fn start(command: &Command, log: &Path) -> Result<Self> {
        let program = command.get_program();
        ensure_there(program)?;
        let to = File::options().create(true).append(true).open(log);
        let to = to.with_context(|| format!("cannot write {}", log.display()))?;
        let mut whole = Command::new("setpriv");
        whole
            .args(["--pdeathsig", "KILL", "--"])
            .arg(program)
            .args(command.get_args());
        for (name, value) in command.get_envs() {
            if let Some(value) = value {
                whole.env(name, value);
            }
        }
        let child = whole
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(to.try_clone().context("cannot share a file")?)
            .stderr(to)
            .spawn()
            .context("cannot start setpriv, which is part of util-linux")?;
        Ok(Self {
            child,
            log: log.to_path_buf(),
        })
    }

    /// Its process.
    pub fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// What it has said so far.
    pub fn said(&self) -> String {
        let bytes = fs::read(&self.log).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Waits until something holds; fails if the program ends before, or if that takes too long.
    pub fn wait_until(
        &mut self,
        what: &str,
        longest: Duration,
        mut holds: impl FnMut() -> bool,
    ) -> Result<()> {
        let begun = Instant::now();
        while !holds() {
            if let Some(status) = self.child.try_wait().context("cannot wait")? {
                bail!(
                    "it ended with {status} before {what}: {}",
                    self.last_words()
                );
            }
            ensure!(
                begun.elapsed() < longest,
                "not within {longest:?}: {what}: {}",
                self.last_words()
            );
            thread::sleep(GLANCE);
        }
        Ok(())
    }

    /// Waits until it listens on a port of loopback.
    pub fn wait_for_port(&mut self, port: u16) -> Result<()> {
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        self.wait_until(&format!("port {port} was open"), LONGEST_START, || {
            TcpStream::connect_timeout(&address, GLANCE).is_ok()
        })
    }

    /// Asks it to end, and waits until it has; kills it if that takes too long.
    pub fn end(&mut self, longest: Duration) -> Result<()> {
        kill_process(self.pid(), Signal::TERM).context("cannot end it")?;
        let begun = Instant::now();
        while begun.elapsed() < longest {
            if let Some(status) = self.child.try_wait().context("cannot wait")? {
                ensure!(
                    status.success(),
                    "it ended with {status}: {}",
                    self.last_words()
                );
                return Ok(());
            }
            thread::sleep(GLANCE);
        }
        self.kill();
        bail!("it does not end within {longest:?}: {}", self.last_words())
    }

    /// Kills it and what it started, without a warning.
    pub fn kill(&mut self) {
        let _nobody_is_left = kill_process_group(self.pid(), Signal::KILL);
        let _waited_for_already = self.child.wait();
    }

    fn last_words(&self) -> String {
        let said = self.said();
        let lines: Vec<&str> = said.lines().rev().take(5).collect();
        let lines: Vec<&str> = lines.into_iter().rev().collect();
        format!("it said: {}", lines.join(" / "))
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Where a program of that name is, on the search path or among the superuser's programs.
pub fn find(name: impl AsRef<OsStr>) -> Option<PathBuf> {
    let name = Path::new(name.as_ref());
    if name.components().count() > 1 {
        return name.is_file().then(|| name.to_path_buf());
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin", "/sbin", "/lib/systemd"].map(PathBuf::from))
        .map(|folder| folder.join(name))
        .find(|program| program.is_file())
}

/// Skips what needs a program that is not there.
pub fn ensure_there(program: &OsStr) -> Result<()> {
    match find(program) {
        Some(_) => Ok(()),
        None => skip(format!("{} is not installed", program.display())),
    }
}
