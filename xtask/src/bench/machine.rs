//! Where a bench runs: in a guest, or on this host.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;

use super::figures::Unit;
use crate::vm::{self, End, Guest, Kernel, Machine, Screen};
use crate::{say, tool};

/// The program that measures.
const PROGRAM: &str = "sensor-bench";
/// Far more than any bench takes.
const LONGEST: Duration = Duration::from_secs(3 * 3600);
/// Of a guest, in MiB.
const MEMORY: u64 = 2048;

/// Builds what a bench needs.
pub(super) fn programs() -> Result<Vec<PathBuf>> {
    vm::build_some_programs(&[PROGRAM, "sensor"])
}

/// Where a bench runs.
pub(super) enum Place {
    /// A guest with this kernel.
    Guest {
        qemu: PathBuf,
        kernel: Kernel,
        programs: Vec<PathBuf>,
    },
    /// This host.
    Native { bench: PathBuf, sensor: PathBuf },
}

/// What kind of machine a guest gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Emulation {
    /// One CPU whose time is a count of its instructions.
    Counting,
    /// Two CPUs, as fast as it goes.
    Fast,
}

impl Place {
    pub(super) fn guest(kernel: &str) -> Result<Self> {
        Ok(Self::Guest {
            qemu: vm::find_qemu()?,
            kernel: vm::find_kernel(kernel, false)?,
            programs: programs()?,
        })
    }

    pub(super) fn native() -> Result<Self> {
        ensure!(
            tool::is_root()?,
            "`--native` loads programs into this host's kernel: run it as root"
        );
        let programs = programs()?;
        let program = |name: &str| {
            let found = programs.iter().find(|program| program.ends_with(name));
            found
                .cloned()
                .with_context(|| format!("the project has no program {name}"))
        };
        Ok(Self::Native {
            bench: program(PROGRAM)?,
            sensor: program("sensor")?,
        })
    }

    /// As it is shown.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Guest { kernel, .. } => format!("guest {}", kernel.name),
            Self::Native { .. } => "this host".to_owned(),
        }
    }

    /// What its times are.
    pub(super) fn unit(&self, emulation: Emulation) -> Unit {
        match (self, emulation) {
            (Self::Guest { .. }, Emulation::Counting) => Unit::Instructions,
            _ => Unit::Nanoseconds,
        }
    }

    /// Runs `sensor-bench` there and returns what it measured.
    pub(super) fn run(&self, arguments: &[OsString], emulation: Emulation) -> Result<Value> {
        let output = match self {
            Self::Guest {
                qemu,
                kernel,
                programs,
            } => {
                let mut command = vec![OsString::from(PROGRAM)];
                command.extend(arguments.iter().cloned());
                let guest = Guest {
                    programs: programs.clone(),
                    command,
                    ..Guest::default()
                };
                in_guest(qemu, kernel, &guest, emulation)?
            }
            Self::Native { bench, sensor } => on_host(bench, sensor, arguments)?,
        };
        serde_json::from_slice(&output).with_context(|| {
            format!(
                "{PROGRAM} printed no JSON: {}",
                String::from_utf8_lossy(&output)
            )
        })
    }
}

/// Boots a guest for one command and returns what that printed.
pub(super) fn in_guest(
    qemu: &std::path::Path,
    kernel: &Kernel,
    guest: &Guest,
    emulation: Emulation,
) -> Result<Vec<u8>> {
    let machine = match emulation {
        Emulation::Counting => Machine::counting(MEMORY, LONGEST),
        Emulation::Fast => Machine::fast(2, MEMORY, LONGEST),
    };
    let mut screen = Collector {
        label: kernel.name.clone(),
        stdout: Vec::new(),
        stderr: Vec::new(),
    };
    let verdict = vm::boot(qemu, kernel, &machine, guest, &mut screen)?;
    if let Some(failure) = verdict.failure() {
        bail!("{}: {}", kernel.name, verdict.explain(&failure));
    }
    match verdict.end {
        End::Status(status) if status.code() == 0 => Ok(screen.stdout),
        _ => bail!("{PROGRAM} failed in the guest {}", kernel.name),
    }
}

fn on_host(bench: &PathBuf, sensor: &PathBuf, arguments: &[OsString]) -> Result<Vec<u8>> {
    let output = Command::new(bench)
        .arg("--sensor")
        .arg(sensor)
        .arg("--scoped")
        .args(arguments)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("cannot start {}", bench.display()))?;
    ensure!(
        output.status.success(),
        "{PROGRAM} failed: {}",
        output.status
    );
    Ok(output.stdout)
}

/// Keeps what the command prints and shows what it says.
struct Collector {
    label: String,
    stdout: Vec<u8>,
    /// What no line's end came for.
    stderr: Vec<u8>,
}

impl Screen for Collector {
    fn stdout(&mut self, bytes: &[u8]) -> Result<()> {
        self.stdout.extend(bytes);
        Ok(())
    }

    fn stderr(&mut self, bytes: &[u8]) -> Result<()> {
        self.stderr.extend(bytes);
        let complete = self.stderr.iter().rposition(|byte| *byte == b'\n');
        let lines: Vec<u8> = self
            .stderr
            .drain(..complete.map_or(0, |end| end + 1))
            .collect();
        for line in String::from_utf8_lossy(&lines).lines() {
            say(format_args!("{} | {line}", self.label));
        }
        Ok(())
    }

    fn note(&mut self, text: &str) {
        say(format_args!("{} | {text}", self.label));
    }

    fn start_over(&mut self) -> Result<()> {
        self.stdout.clear();
        self.stderr.clear();
        Ok(())
    }
}
