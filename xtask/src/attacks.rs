//! `cargo xtask attacks`: a Debian that is used as its owners would, and attacked; what is detected,
//! and how often an alert is raised about nothing. It takes long, so it is not part of
//! `cargo xtask test`.
//!
//! `tests/src/bin/sensor-attacks` is what runs in it.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::bail;

use crate::vm::{self, Copy, End, Guest, Machine, Plain};
use crate::{Ended, debian};

/// The arguments of `cargo xtask attacks`.
#[derive(clap::Args)]
pub(crate) struct AttacksArgs {
    /// The kernel: a version as in 6.1, 6.12 or 6.18, or `newest`
    #[arg(long, value_name = "V", default_value = "6.12")]
    kernel: String,
    /// Minutes of ordinary use before the attacks
    #[arg(long, value_name = "MINUTES", default_value_t = 5)]
    benign: u64,
    /// Only attacks with this in their name; `none` for ordinary use alone
    names: Vec<String>,
}

const PACKAGES: &[&str] = &[
    "apache2",
    "at",
    "bpftool",
    "busybox-static",
    "cron",
    "curl",
    "dbus",
    "fdisk",
    "iproute2",
    "kmod",
    "libapache2-mod-php",
    "libc6-dev",
    "libcap2-bin",
    "libpam-systemd",
    "make",
    "netcat-openbsd",
    "openssh-client",
    "openssh-server",
    "openssl",
    "perl",
    "postgresql",
    "procps",
    "psmisc",
    "python3",
    "redis-server",
    "runc",
    "socat",
    "strace",
    "sudo",
    "systemd-sysv",
    "tcc",
    "tcpdump",
    "wget",
];

/// MiB: all files are in memory, and twice for a moment.
const MEMORY: u64 = 8192;

/// Beside the time of ordinary use.
const LONGEST: Duration = Duration::from_secs(90 * 60);

/// Runs it; ends with its status.
pub(crate) fn run(args: &AttacksArgs) -> Ended {
    let qemu = vm::find_qemu()?;
    let kernel = vm::find_kernel(&args.kernel, false)?;
    let mut command = vec![
        "/bin/sensor-attacks".into(),
        "--benign".into(),
        args.benign.to_string().into(),
    ];
    command.extend(args.names.iter().map(Into::into));
    let guest = Guest {
        programs: vm::build_some_programs(&["sensor", "sensor-attacks"])?,
        copies: vec![Copy::new(debian::root(PACKAGES)?, "/")],
        modules: vec!["overlay".to_owned(), "dummy".to_owned()],
        command,
        init: Some("/sbin/init".into()),
    };
    let longest = LONGEST + Duration::from_secs(args.benign * 60);
    let machine = Machine::fast(2, MEMORY, longest);
    let verdict = vm::boot(&qemu, &kernel, &machine, &guest, &mut Plain)?;
    if let Some(failure) = verdict.failure() {
        bail!("{}: {}", kernel.name, verdict.explain(&failure));
    }
    Ok(match verdict.end {
        End::Status(status) => ExitCode::from(status.code()),
        _ => ExitCode::FAILURE,
    })
}
