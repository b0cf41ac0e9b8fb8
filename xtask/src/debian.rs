//! `cargo xtask debian`: a Debian with systemd as its first process, and in it every way in which a
//! process comes into a host: a service, SSH, cron, containers of several runtimes. It takes some
//! minutes, so it is not part of `cargo xtask test`.
//!
//! The root is made by mmdebstrap (Debian's package of that name; as root), once, and kept with the
//! kernels. `tests/src/bin/sensor-lineage` is what runs in it.

use std::fs;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};

use crate::vm::{self, Copy, End, Guest, Machine, Plain};
use crate::{Ended, say, tool};

/// The arguments of `cargo xtask debian`.
#[derive(clap::Args)]
pub(crate) struct DebianArgs {
    /// The kernel: a version as in 6.1, 6.12 or 6.18, or `newest`
    #[arg(long, value_name = "V", default_value = "6.12")]
    kernel: String,
}

const SUITE: &str = "bookworm";

const PACKAGES: &[&str] = &[
    "busybox-static",
    "cron",
    "crun",
    "dbus",
    "libpam-systemd",
    "openssh-client",
    "openssh-server",
    "podman",
    "runc",
    "systemd-container",
    "systemd-sysv",
];

/// Nobody reads documentation there.
const SLIM: &str = "rm -rf \"$1\"/usr/share/doc \"$1\"/usr/share/man \
                    \"$1\"/usr/share/locale \"$1\"/var/lib/apt/lists \"$1\"/var/cache/*";

/// MiB: all files are in memory, and twice for a moment.
const MEMORY: u64 = 4096;

const LONGEST: Duration = Duration::from_secs(20 * 60);

/// Runs it; ends with the scenarios' status.
pub(crate) fn run(args: &DebianArgs) -> Ended {
    let qemu = vm::find_qemu()?;
    let kernel = vm::find_kernel(&args.kernel, false)?;
    let guest = Guest {
        programs: vm::build_some_programs(&["sensor", "sensor-lineage"])?,
        copies: vec![Copy::new(root(PACKAGES)?, "/")],
        modules: vec!["overlay".to_owned()],
        command: vec!["/bin/sensor-lineage".into()],
        init: Some("/sbin/init".into()),
    };
    let machine = Machine::fast(2, MEMORY, LONGEST);
    let verdict = vm::boot(&qemu, &kernel, &machine, &guest, &mut Plain)?;
    if let Some(failure) = verdict.failure() {
        bail!("{}: {}", kernel.name, verdict.explain(&failure));
    }
    Ok(match verdict.end {
        End::Status(status) => ExitCode::from(status.code()),
        _ => ExitCode::FAILURE,
    })
}

/// The directory of a root with these packages, which is made if this recipe has not been followed
/// before.
pub(crate) fn root(packages: &[&str]) -> Result<PathBuf> {
    let mut recipe = DefaultHasher::new();
    (SUITE, packages, SLIM).hash(&mut recipe);
    let place = vm::cache().join("debian");
    let root = place.join(format!("{:016x}", recipe.finish()));
    if root.exists() {
        return Ok(root);
    }
    ensure!(
        tool::find("mmdebstrap").is_some(),
        "mmdebstrap is missing: install Debian's package of that name"
    );
    ensure!(
        tool::is_root()?,
        "only root can make a Debian root: run it as root"
    );
    fs::create_dir_all(&place).with_context(|| format!("cannot make {}", place.display()))?;
    let unfinished = root.with_extension("unfinished");
    if unfinished.exists() {
        fs::remove_dir_all(&unfinished)?;
    }
    say(format_args!(
        "making a Debian root in {}: a minute or two",
        root.display()
    ));
    tool::run(
        Command::new("mmdebstrap")
            .args(["--quiet", "--mode=root", "--variant=minbase"])
            .arg(format!("--include={}", packages.join(",")))
            .arg(format!("--customize-hook={SLIM}"))
            .arg(SUITE)
            .arg(&unfinished)
            .stdout(std::io::stderr()),
    )?;
    // Devices are the kernel's to make.
    let devices = unfinished.join("dev");
    fs::remove_dir_all(&devices)?;
    fs::create_dir(&devices)?;
    fs::rename(&unfinished, &root).with_context(|| format!("cannot make {}", root.display()))?;
    Ok(root)
}
