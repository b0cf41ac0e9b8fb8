//! What the sensor sees: many short processes in the test's cgroup.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

use crate::{cgroup, tiny};

/// What the process that makes them is told.
#[derive(clap::Args)]
pub struct Arguments {
    /// How many
    count: u32,
    /// Enter this cgroup first
    #[arg(long)]
    cgroup: PathBuf,
    /// The program that each of them becomes
    #[arg(long)]
    program: PathBuf,
    /// How many a second; as fast as it goes if not given
    #[arg(long)]
    rate: Option<u32>,
    /// Arguments as the injection scenario has them
    #[arg(long)]
    hostile: bool,
}

/// How many events each process makes: it is forked, becomes a program, and ends.
pub const EVENTS_EACH: u64 = 3;

/// A workload: where it is done, and the program by whose name its events are found.
#[derive(Debug)]
pub struct Workload {
    cgroup: PathBuf,
    program: PathBuf,
}

impl Workload {
    /// One whose program is in `folder` and has this name.
    pub fn new(cgroup: &Path, folder: &Path, name: &str) -> Result<Self> {
        let program = folder.join(name);
        tiny::write(&program, &tiny::exits(0))?;
        Ok(Self {
            cgroup: cgroup.to_path_buf(),
            program,
        })
    }

    /// The program's name.
    pub fn name(&self) -> &str {
        self.program
            .file_name()
            .and_then(OsStr::to_str)
            .unwrap_or_default()
    }

    /// Begins to make processes.
    pub fn start(&self, count: u32, rate: Option<u32>) -> Result<Child> {
        let mut command = self.command(count)?;
        if let Some(rate) = rate {
            command.arg("--rate").arg(rate.to_string());
        }
        command.spawn().context("cannot start a workload")
    }

    /// Makes processes and waits until all have ended.
    pub fn make(&self, count: u32, rate: Option<u32>) -> Result<()> {
        wait(self.start(count, rate)?)
    }

    /// Makes one process for each of the [`hostile`] arguments.
    pub fn make_hostile(&self) -> Result<()> {
        let mut command = self.command(0)?;
        wait(command.arg("--hostile").spawn()?)
    }

    fn command(&self, count: u32) -> Result<Command> {
        let myself = std::env::current_exe().context("cannot find this program's file")?;
        let mut command = Command::new(myself);
        command
            .arg("load")
            .arg(count.to_string())
            .arg("--cgroup")
            .arg(&self.cgroup)
            .arg("--program")
            .arg(&self.program)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::inherit());
        Ok(command)
    }
}

/// Waits until a workload has ended.
pub fn wait(mut workload: Child) -> Result<()> {
    let status = workload.wait().context("cannot wait for the workload")?;
    ensure!(status.success(), "the workload failed: {status}");
    Ok(())
}

/// Makes the processes.
pub fn make(arguments: &Arguments) -> Result<()> {
    cgroup::join(&arguments.cgroup)?;
    let program = &arguments.program;
    if arguments.hostile {
        for argument in hostile() {
            run(Command::new(program)
                .arg0(OsStr::from_bytes(&argument))
                .arg(OsStr::from_bytes(&argument)))?;
        }
        return Ok(());
    }
    let started = Instant::now();
    for number in 0..arguments.count {
        if let Some(rate) = arguments.rate {
            let due = Duration::from_secs(u64::from(number)) / rate.max(1);
            thread::sleep(due.saturating_sub(started.elapsed()));
        }
        run(Command::new(program).arg(number.to_string()))?;
    }
    Ok(())
}

fn run(command: &mut Command) -> Result<()> {
    let status = command.status().context("cannot start a process")?;
    ensure!(status.success(), "a process ended with {status}");
    Ok(())
}

/// Arguments that would be something else to whoever does not escape them.
pub fn hostile() -> Vec<Vec<u8>> {
    let texts: [&[u8]; 12] = [
        b"two\nlines",
        b"{\"event\":{\"id\":\"forged\"}}\n{\"event\":{\"id\":\"forged\"}}",
        b"return\r\nCEF:0|forged|forged|1|1|forged|10|externalId=forged",
        b"\x1b[2J\x1b]0;title\x07\x1b[31mred",
        b"pipe | equal = backslash \\ both \\| \\= end\\",
        b"externalId=forged act=forged cs1=forged",
        b"quotes \" ' ` ] \\\" <86>1 - - - - - -",
        b"\xff\xfe invalid \xc3\x28 \xed\xa0\x80 \xf8\x88",
        b"\xe2\x80\xae right to left \xe2\x80\xa8 line \xc2\x85 next \xef\xbb\xbf mark",
        b"tab\tbackspace\x08bell\x07form\x0cvertical\x0bdelete\x7f\x01\x02",
        b"${jndi:ldap://localhost/a} {{7*7}} $(id) `id` %s%n",
        b"10 Content-Length: 0\r\n\r\nGET / HTTP/1.1",
    ];
    let mut all: Vec<Vec<u8>> = texts.iter().map(|text| text.to_vec()).collect();
    // As long as the sensor takes it, of what must be escaped everywhere.
    all.push(b"\\|=\"\n".repeat(6_500));
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_arguments_can_be_arguments() {
        for argument in hostile() {
            assert!(!argument.contains(&0));
            assert!(argument.len() <= 32 << 10);
        }
    }
}
