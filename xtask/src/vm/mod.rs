//! `cargo xtask vm`: boots a real kernel under QEMU and runs one command in it.
//!
//! A guest is a kernel of Debian's and an initramfs of our own making: the guest's init, the
//! project's programs and what the caller copies. Its files are all in memory; it has two emulated
//! CPUs, no disk and no network but its loopback device. Three serial ports connect it to the host:
//! the kernel's console (a log, shown when something goes wrong), the init's reports (which carry
//! the command's output and status), and a channel on which the command may ask the host to read or
//! write the kernel's memory, as an exploit would ([`channel`]).
//!
//! What a command finds in its guest: `/bin` with `sensor`, `sensor-scenarios` and the project's
//! other programs; modules asked for, loaded, and their files at `/lib/modules/NAME.ko`; `/proc`,
//! `/sys` with tracefs, debugfs, securityfs, bpffs and a cgroup-2 mount, `/dev`, `/run`, `/tmp`; the
//! users root, www-data and nobody; `SENSOR_VM_CHANNEL` in its environment. When it ends, everything
//! it started is killed and the machine is powered off.

mod boot;
mod channel;
mod console;
mod cpio;
mod debian;
mod gdb;
mod initramfs;
mod kernel;
mod modules;
mod programs;
mod qemu;
mod report;
mod screen;
mod verdict;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;
use std::str::FromStr;
use std::time::Duration;

use anyhow::{Result, bail, ensure};

pub(crate) use boot::boot;
pub(crate) use kernel::{Kernel, cache, find as find_kernel};
pub(crate) use programs::{build as build_programs, build_some as build_some_programs};
pub(crate) use qemu::find as find_qemu;
pub(crate) use screen::{Labelled, Plain, Screen};
pub(crate) use verdict::{End, Verdict};

use crate::Ended;

/// The series that stands for the highest version Debian has.
const NEWEST: &str = "newest";

/// The arguments of `cargo xtask vm`.
#[derive(clap::Args)]
pub(crate) struct VmArgs {
    /// The kernel: a version as in 5.10, 6.1, 6.12 or 6.18, `newest`, or the path of a vmlinuz
    #[arg(long, value_name = "V")]
    kernel: Option<String>,
    /// Copy a file or folder into the guest (modes and symbolic links are kept)
    #[arg(long, value_name = "HOSTPATH:GUESTPATH")]
    copy: Vec<Copy>,
    /// Load a kernel module, and what it depends on, before the command starts
    #[arg(long, value_name = "NAME")]
    module: Vec<String>,
    #[command(flatten)]
    machine: MachineArgs,
    /// Choose the newest kernel of the series anew; of every cached series when none is named
    #[arg(long)]
    refresh: bool,
    /// The command to run in the guest, and its arguments
    #[arg(last = true, value_name = "CMD")]
    command: Vec<OsString>,
}

/// The arguments that describe a machine.
#[derive(clap::Args, Clone)]
pub(crate) struct MachineArgs {
    /// Virtual CPUs
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=64))]
    cpus: u32,
    /// Memory, in MiB
    #[arg(long, value_name = "MB", default_value_t = 2048, value_parser = clap::value_parser!(u64).range(128..))]
    memory: u64,
    /// Make guest time a count of instructions (one CPU, slower): the same run takes the same time
    #[arg(long)]
    icount: bool,
    /// More arguments for the kernel's command line
    #[arg(long, value_name = "KERNEL_ARGS", allow_hyphen_values = true)]
    append: Vec<String>,
    /// Stop the machine after that many seconds
    #[arg(long, value_name = "SECS", default_value_t = 1800)]
    timeout: u64,
}

/// What is copied into a guest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Copy {
    host: PathBuf,
    guest: PathBuf,
}

impl FromStr for Copy {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.rsplit_once(':') {
            Some((host, guest)) if !host.is_empty() && guest.starts_with('/') => Ok(Self {
                host: host.into(),
                guest: guest.into(),
            }),
            _ => Err("expected HOSTPATH:GUESTPATH, with a GUESTPATH that starts with /".into()),
        }
    }
}

/// An emulated computer.
#[derive(Debug, Clone)]
pub(crate) struct Machine {
    cpus: u32,
    memory: u64,
    icount: bool,
    append: Vec<String>,
    timeout: Duration,
}

impl Machine {
    /// One whose guest time is a count of instructions, two nanoseconds each.
    pub(crate) fn counting(memory: u64, timeout: Duration) -> Self {
        Self {
            icount: true,
            ..Self::fast(1, memory, timeout)
        }
    }

    /// One that is as fast as the host; `memory` in MiB.
    pub(crate) fn fast(cpus: u32, memory: u64, timeout: Duration) -> Self {
        Self {
            cpus,
            memory,
            icount: false,
            append: Vec::new(),
            timeout,
        }
    }

    /// Instructions can only be counted on one CPU.
    fn cpus(&self) -> u32 {
        if self.icount { 1 } else { self.cpus }
    }
}

impl From<MachineArgs> for Machine {
    fn from(args: MachineArgs) -> Self {
        let MachineArgs {
            cpus,
            memory,
            icount,
            append,
            timeout,
        } = args;
        Self {
            cpus,
            memory,
            icount,
            append,
            timeout: Duration::from_secs(timeout),
        }
    }
}

/// What is on it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Guest {
    pub(crate) programs: Vec<PathBuf>,
    pub(crate) copies: Vec<Copy>,
    pub(crate) modules: Vec<String>,
    pub(crate) command: Vec<OsString>,
    /// What takes over as the first process, before the command is run beside it; ours if none.
    pub(crate) init: Option<PathBuf>,
}

impl Copy {
    /// A copy of a file or folder.
    pub(crate) fn new(host: PathBuf, guest: &str) -> Self {
        Self {
            host,
            guest: guest.into(),
        }
    }
}

/// Runs `cargo xtask vm`; ends with the command's status.
pub(crate) fn run(args: &VmArgs) -> Ended {
    let Some(wanted) = &args.kernel else {
        ensure!(args.refresh, "which kernel? for example `--kernel 6.12`");
        ensure!(
            args.command.is_empty(),
            "which kernel is to run the command? `--kernel V`"
        );
        kernel::refresh_all()?;
        return Ok(ExitCode::SUCCESS);
    };
    let qemu = qemu::find()?;
    let kernel = kernel::find(wanted, args.refresh)?;
    if args.command.is_empty() {
        ensure!(
            args.refresh,
            "no command to run: end the line with `-- CMD ARGS`"
        );
        return Ok(ExitCode::SUCCESS);
    }
    let guest = Guest {
        programs: programs::build()?,
        copies: args.copy.clone(),
        modules: args.module.clone(),
        command: args.command.clone(),
        init: None,
    };
    let machine = Machine::from(args.machine.clone());
    let verdict = boot(&qemu, &kernel, &machine, &guest, &mut Plain)?;
    for warning in &verdict.complaints.warnings {
        crate::say(format_args!("the kernel warned: {warning}"));
    }
    if let Some(failure) = verdict.failure() {
        bail!("{}: {}", kernel.name, verdict.explain(&failure));
    }
    Ok(match verdict.end {
        End::Status(status) => ExitCode::from(status.code()),
        _ => ExitCode::FAILURE,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copys_guest_path_is_absolute() {
        let copy: Copy = "a:b/c:/bin/d".parse().unwrap();
        assert_eq!(
            copy,
            Copy {
                host: "a:b/c".into(),
                guest: "/bin/d".into()
            }
        );
        assert!("a:b".parse::<Copy>().is_err());
        assert!(":/b".parse::<Copy>().is_err());
        assert!("a".parse::<Copy>().is_err());
    }
}
