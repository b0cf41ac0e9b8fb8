//! `cargo xtask receivers`: the real sensor against real receivers and doubles that misbehave, on this
//! host itself, as root. The sensor watches a cgroup of the test's own; receivers listen on loopback.
//!
//! `tests/src/bin/sensor-receivers` is what does it. Most receivers are Debian's packages, some are
//! packages of Python, which `--install` puts into an environment of their own in the target folder.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context as _, Result, ensure};

use crate::{Ended, project, say, tool};

/// The arguments of `cargo xtask receivers`.
#[derive(clap::Args)]
pub(crate) struct ReceiversArgs {
    /// Fetch what is missing: packages of Debian and of Python
    #[arg(long)]
    install: bool,
    /// Only receivers whose name has this in it
    #[arg(long, value_name = "TEXT")]
    receiver: Option<String>,
    /// How many processes are made for `chaos`
    #[arg(long, value_name = "N")]
    processes: Option<u32>,
    /// Leave the files, also when all is well
    #[arg(long)]
    keep: bool,
    /// A sensor that is built already
    #[arg(long, value_name = "FILE")]
    sensor: Option<PathBuf>,
    /// Scenarios: by-hand, smoke, injection, bad, chaos [default: all]
    #[arg(value_name = "NAME")]
    names: Vec<String>,
}

/// Programs, and the packages of Debian that have them.
const PROGRAMS: &[(&str, &str)] = &[
    ("rsyslogd", "rsyslog"),
    ("nats-server", "nats-server"),
    ("python3", "python3"),
];

/// Files of packages that have no program of their own.
const FILES: &[(&str, &str)] = &[
    (
        "/usr/lib/x86_64-linux-gnu/rsyslog/lmnsd_gtls.so",
        "rsyslog-gnutls",
    ),
    (
        "/usr/lib/x86_64-linux-gnu/rsyslog/lmnsd_ossl.so",
        "rsyslog-openssl",
    ),
    ("/lib/systemd/systemd-journald", "systemd"),
    // Of syslog-ng.
    ("/usr/lib/x86_64-linux-gnu/libivykis.so.0", "libivykis0"),
    ("/usr/lib/x86_64-linux-gnu/libnet.so.1", "libnet1"),
    ("/usr/lib/x86_64-linux-gnu/libpcre.so.3", "libpcre3"),
    ("/usr/lib/x86_64-linux-gnu/libwrap.so.0", "libwrap0"),
    ("/usr/lib/x86_64-linux-gnu/libjson-c.so.5", "libjson-c5"),
];

/// Packages of Python. The versions are those that the scenarios were written for.
const PYTHON_PACKAGES: &[&str] = &[
    "confluent-kafka>=2.6,<3",
    "grpcio>=1.60,<2",
    "opentelemetry-proto>=1.30,<2",
    "tenzir>=6.20,<7",
];

/// Builds, and runs the scenarios; ends with their status.
pub(crate) fn run(args: &ReceiversArgs) -> Ended {
    if args.install {
        // What cannot be had is skipped by the scenarios, which say so.
        for fetched in [install_packages(), install_python(), unpack_syslog_ng()] {
            if let Err(error) = fetched {
                say(format_args!("cannot be fetched: {error:#}"));
            }
        }
    }
    let mut build = project::cargo();
    build.args(["build", "--release", "--quiet"]);
    build.args(["--package", "sensor-tests", "--bin", "sensor-receivers"]);
    if args.sensor.is_none() {
        build.args(["--package", "sensor", "--bin", "sensor"]);
    }
    say("building the sensor and what tries it");
    let programs = project::build(&mut build).context("cannot build the programs")?;
    let program = |name: &str| {
        let mut named = programs.iter().filter(|file| file.ends_with(name));
        let found = named.next().cloned();
        found.with_context(|| format!("cargo built no program called {name}"))
    };
    let sensor = match &args.sensor {
        Some(sensor) => sensor.clone(),
        None => program("sensor")?,
    };
    let mut command = Command::new(program("sensor-receivers")?);
    command.arg("try").arg("--sensor").arg(sensor);
    let python = environment().join("bin/python");
    if python.exists() {
        command.arg("--python").arg(python);
    } else {
        say("some receivers will be missing: --install fetches them");
    }
    if syslog_ng().exists() {
        command.arg("--syslog-ng").arg(syslog_ng());
    }
    if let Some(receiver) = &args.receiver {
        command.arg("--receiver").arg(receiver);
    }
    if let Some(processes) = args.processes {
        command.arg("--processes").arg(processes.to_string());
    }
    if args.keep {
        command.arg("--keep");
    }
    let status = command
        .args(&args.names)
        .status()
        .context("cannot start the scenarios")?;
    Ok(match status.code().map(u8::try_from) {
        Some(Ok(code)) => ExitCode::from(code),
        _ => ExitCode::FAILURE,
    })
}

/// Installs the packages of Debian that are missing.
fn install_packages() -> Result<()> {
    let programs = PROGRAMS
        .iter()
        .filter(|(program, _)| tool::find(program).is_none());
    let files = FILES.iter().filter(|(file, _)| !Path::new(file).exists());
    let mut missing: Vec<&str> = programs.chain(files).map(|(_, package)| *package).collect();
    if !can_make_environments() {
        missing.push("python3-venv");
    }
    if missing.is_empty() {
        return Ok(());
    }
    ensure!(
        tool::is_root()?,
        "only root can install {}: run it as root",
        missing.join(", ")
    );
    say(format_args!("installing {}", missing.join(", ")));
    let _quiet = Quiet::create()?;
    tool::run(
        Command::new("apt-get")
            .args(["update", "-q"])
            .stdout(std::io::stderr()),
    )?;
    tool::run(
        Command::new("apt-get")
            .args(["install", "-q", "-y", "--no-install-recommends"])
            .args(&missing)
            .env("DEBIAN_FRONTEND", "noninteractive")
            .stdout(std::io::stderr()),
    )
}

fn can_make_environments() -> bool {
    Command::new("python3")
        .args(["-c", "import ensurepip, venv"])
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// While it is there, packages do not start their daemons, which would listen on all addresses.
struct Quiet(bool);

const POLICY: &str = "/usr/sbin/policy-rc.d";

impl Quiet {
    fn create() -> Result<Self> {
        use std::os::unix::fs::PermissionsExt as _;

        // An administrator's own policy stays.
        if Path::new(POLICY).exists() {
            return Ok(Self(false));
        }
        fs::write(POLICY, "#!/bin/sh\nexit 101\n")
            .and_then(|()| fs::set_permissions(POLICY, fs::Permissions::from_mode(0o755)))
            .with_context(|| format!("cannot write {POLICY}"))?;
        Ok(Self(true))
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        if self.0 && fs::remove_file(POLICY).is_err() {
            say(format_args!("cannot remove {POLICY}: remove it"));
        }
    }
}

/// Makes an environment of Python with what receivers need, if there is none yet.
fn install_python() -> Result<()> {
    let environment = environment();
    // It is written when all is there.
    let recipe = environment.join("recipe");
    let packages = PYTHON_PACKAGES.join("\n");
    if fs::read_to_string(&recipe).is_ok_and(|done| done == packages) {
        return Ok(());
    }
    say(format_args!(
        "making an environment of Python in {}: some 200 MB are fetched",
        environment.display()
    ));
    tool::run(
        Command::new("python3")
            .args(["-m", "venv", "--clear"])
            .arg(&environment)
            .stdin(Stdio::null()),
    )?;
    tool::run(
        Command::new(environment.join("bin/pip"))
            .args(["install", "--quiet", "--disable-pip-version-check"])
            .args(PYTHON_PACKAGES)
            .stdout(std::io::stderr()),
    )?;
    fs::write(&recipe, packages).with_context(|| format!("cannot write {}", recipe.display()))
}

/// Unpacks Debian's syslog-ng: to install it would remove rsyslog. It runs if its libraries are there.
fn unpack_syslog_ng() -> Result<()> {
    if tool::find("syslog-ng").is_some() || syslog_ng().exists() {
        return Ok(());
    }
    let folder = project::target().join("receivers/packages");
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    say("fetching syslog-ng");
    tool::run(
        Command::new("apt-get")
            .args(["download", "-q", "syslog-ng-core"])
            .current_dir(&folder)
            .stdout(std::io::stderr()),
    )?;
    let package = fs::read_dir(&folder)?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|path| path.extension().is_some_and(|kind| kind == "deb"))
        .context("apt-get has downloaded no package")?;
    tool::run(
        Command::new("dpkg")
            .arg("--extract")
            .arg(package)
            .arg(syslog_ng()),
    )
}

/// Where the environment of Python is.
pub(crate) fn environment() -> PathBuf {
    project::target().join("receivers/python")
}

/// Where syslog-ng is unpacked.
fn syslog_ng() -> PathBuf {
    project::target().join("receivers/syslog-ng")
}
