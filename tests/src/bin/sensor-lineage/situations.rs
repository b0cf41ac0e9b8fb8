//! Brings about the ways in which a process comes into a host.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Value, json};

use crate::told::Told;

/// Short processes in one container.
pub const BURST: usize = 2_000;

/// What happened, as far as it is not always the same.
pub struct Happened {
    /// Ids of containers.
    pub runc: String,
    pub cgroupfs: String,
    pub crun: String,
    pub burst: String,
    /// Whether the last one's cgroup was gone within a second.
    pub burst_is_gone: bool,
    /// The script that was run, and its digest.
    pub script: String,
    pub script_digest: String,
    /// The digest of `mark-hash`.
    pub digest: String,
}

const MARKS: &str = "/opt";
const OUTPUT: &str = "/run/sensor.json";
const BUSYBOX: &str = "/bin/busybox";
/// What the container of its own users runs as.
const INNER_UID: u32 = 1000;

/// A sensor that watches the host.
pub struct Sensor;

/// Makes users, keys and programs.
pub fn prepare() -> Result<()> {
    run(
        "useradd",
        &[
            "--create-home",
            "--uid",
            "1000",
            "--shell",
            "/bin/bash",
            "alice",
        ],
    )?;
    for name in ["service", "ssh", "cron", "machinectl", "hash"] {
        // Each has a digest of its own.
        let mut program = fs::read("/bin/true").context("cannot read /bin/true")?;
        program.extend(name.as_bytes());
        write(&mark(name), &program, 0o755)?;
    }
    run("ssh-keygen", &["-A"])?;
    run(
        "ssh-keygen",
        &["-q", "-t", "ed25519", "-N", "", "-f", "/root/key"],
    )?;
    fs::create_dir_all("/home/alice/.ssh")?;
    fs::copy("/root/key.pub", "/home/alice/.ssh/authorized_keys")?;
    run("chown", &["-R", "alice:alice", "/home/alice"])?;
    run("chmod", &["-R", "go=", "/home/alice"])?;
    fs::create_dir_all("/run/sshd")?;
    Ok(())
}

/// Starts the sensor, as a service, and waits until it watches.
pub fn start_sensor() -> Result<Sensor> {
    write(
        Path::new("/run/sensor.toml"),
        // An emulated CPU may stand still for long.
        b"[limits]\nreorder_milliseconds = 10000\n[enrich]\nwait_milliseconds = 1000\n",
        0o644,
    )?;
    let unit = format!(
        "[Service]\nExecStart=/bin/sensor run --output json --config /run/sensor.toml\n\
         StandardOutput=file:{OUTPUT}\nStandardError=file:/run/sensor.err\n"
    );
    write(
        Path::new("/run/systemd/system/sensor.service"),
        unit.as_bytes(),
        0o644,
    )?;
    run("systemctl", &["daemon-reload"])?;
    run("systemctl", &["start", "sensor.service"])?;
    let started = Instant::now();
    while !fs::read_to_string(OUTPUT)
        .unwrap_or_default()
        .contains("sensor_start")
    {
        if started.elapsed() > Duration::from_secs(60) {
            bail!(
                "the sensor does not start: {}",
                fs::read_to_string("/run/sensor.err").unwrap_or_default()
            );
        }
        thread::sleep(Duration::from_millis(200));
    }
    Ok(Sensor)
}

impl Sensor {
    /// Ends it, and reads what it said.
    pub fn stop(self) -> Result<Told> {
        thread::sleep(Duration::from_secs(2));
        run("systemctl", &["stop", "sensor.service"])?;
        Told::read(Path::new(OUTPUT))
    }
}

/// Brings all of them about.
pub fn bring_about() -> Result<Happened> {
    write(
        Path::new("/etc/cron.d/probe"),
        format!("* * * * * root {}\n", mark("cron").display()).as_bytes(),
        0o644,
    )?;
    let begun = Instant::now();
    step("a service", service)?;
    step("ssh", ssh)?;
    step("machinectl", machinectl)?;
    let (script, script_digest, digest) = programs()?;
    let runc = step("runc", || {
        container("runc", Driver::Systemd, Some("runc-exec"))
    })?;
    let cgroupfs = step("cgroupfs", || container("cgroupfs", Driver::Cgroupfs, None))?;
    let crun = step("crun", || container("crun", Driver::Crun, None))?;
    step("names", || container("inner", Driver::Systemd, None))?;
    step("nspawn", nspawn)?;
    step("podman", podman)?;
    let burst = step("burst", || container("burst", Driver::Systemd, None))?;
    let scope = format!("/sys/fs/cgroup/system.slice/docker-{burst}.scope");
    let ended = Instant::now();
    while Path::new(&scope).exists() && ended.elapsed() < Duration::from_secs(1) {
        thread::sleep(Duration::from_millis(20));
    }
    let burst_is_gone = !burst.is_empty() && !Path::new(&scope).exists();
    // Cron looks at its tables once a minute.
    while begun.elapsed() < Duration::from_secs(130) && !has_run("cron") {
        thread::sleep(Duration::from_secs(1));
    }
    Ok(Happened {
        runc,
        cgroupfs,
        crun,
        burst,
        burst_is_gone,
        script,
        script_digest,
        digest,
    })
}

/// Says how long a part took; what fails there is named by it, and judged by what is missing.
fn step<T: Default>(name: &str, part: impl FnOnce() -> Result<T>) -> Result<T> {
    let started = Instant::now();
    let done = part();
    let seconds = started.elapsed().as_secs_f64();
    match done {
        Ok(value) => {
            eprintln!("{name}: {seconds:.1} s");
            Ok(value)
        }
        Err(error) => {
            eprintln!("{name}: failed after {seconds:.1} s: {error:#}");
            Ok(T::default())
        }
    }
}

fn has_run(name: &str) -> bool {
    let program = format!("\"name\":\"mark-{name}\"");
    fs::read_to_string(OUTPUT).is_ok_and(|text| text.contains(&program))
}

fn service() -> Result<()> {
    let unit = format!(
        "[Service]\nType=oneshot\nExecStart=/bin/sh -c '{}; sleep 0.2'\n",
        mark("service").display()
    );
    write(
        Path::new("/run/systemd/system/probe.service"),
        unit.as_bytes(),
        0o644,
    )?;
    run("systemctl", &["daemon-reload"])?;
    run("systemctl", &["start", "probe.service"])
}

fn ssh() -> Result<()> {
    // Its service may have failed for want of keys.
    run("systemctl", &["reset-failed"])?;
    run("systemctl", &["start", "ssh.service"])?;
    let command = format!("{}; true", mark("ssh").display());
    let options = [
        "StrictHostKeyChecking=no",
        "UserKnownHostsFile=/dev/null",
        "ConnectTimeout=60",
    ];
    let mut arguments = vec!["-i", "/root/key"];
    for option in options {
        arguments.extend(["-o", option]);
    }
    arguments.extend(["alice@127.0.0.1", &command]);
    run("ssh", &arguments)
}

fn machinectl() -> Result<()> {
    let program = mark("machinectl");
    run(
        "machinectl",
        &[
            "--quiet",
            "shell",
            "alice@.host",
            "/bin/sh",
            "-c",
            &format!("{}; true", program.display()),
        ],
    )
}

/// A script, and a program that is hashed.
fn programs() -> Result<(String, String, String)> {
    let script = "/opt/job.pl";
    write(Path::new(script), b"print 'done', \"\\n\";\n", 0o644)?;
    // Long enough ago that nobody can doubt that it is what was run.
    thread::sleep(Duration::from_millis(300));
    run("perl", &["-w", script])?;
    run(&mark("hash").to_string_lossy(), &[])?;
    Ok((
        script.to_owned(),
        digest(Path::new(script))?,
        digest(&mark("hash"))?,
    ))
}

fn digest(path: &Path) -> Result<String> {
    let output = Command::new("sha256sum").arg(path).output()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let digits = text.split_whitespace().next();
    digits.map(str::to_owned).context("sha256sum says nothing")
}

/// Who makes a container's cgroup, and how.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Driver {
    Systemd,
    Cgroupfs,
    Crun,
}

/// Runs a container from a root directory of its own until it ends; its id.
fn container(name: &str, driver: Driver, join: Option<&str>) -> Result<String> {
    let bundle = PathBuf::from(format!("/opt/bundle-{name}"));
    root(&bundle.join("rootfs"), name, join)?;
    let spec = Command::new("runc")
        .arg("spec")
        .current_dir(&bundle)
        .status()?;
    ensure!(spec.success(), "runc makes no specification");
    // 64 digits, as Docker's are.
    let id: String = format!("{:0<64}", hexadecimal(name))
        .chars()
        .take(64)
        .collect();
    let path = bundle.join("config.json");
    let mut config: Value = serde_json::from_slice(&fs::read(&path)?)?;
    let shell = match name {
        "burst" => format!(
            "i=0; while [ $i -lt {BURST} ]; do /opt/mark-burst; i=$((i+1)); done 2>/dev/null"
        ),
        _ => format!(
            "/opt/mark-{name}; sleep {}",
            if join.is_some() { 20 } else { 0 }
        ),
    };
    let uid = if name == "inner" { INNER_UID } else { 0 };
    merge(
        &mut config,
        json!({
            "process": {
                "terminal": false,
                "args": ["/bin/sh", "-c", shell],
                "user": {"uid": uid, "gid": uid},
            },
            "root": {"readonly": false},
            "linux": {"cgroupsPath": match driver {
                Driver::Systemd => format!("system.slice:docker:{id}"),
                Driver::Cgroupfs | Driver::Crun => format!("/docker/{id}"),
            }},
        }),
    );
    fs::write(&path, serde_json::to_vec(&config)?)?;
    let (program, arguments): (&str, &[&str]) = match driver {
        Driver::Systemd => ("runc", &["--systemd-cgroup", "run"]),
        Driver::Cgroupfs => ("runc", &["run"]),
        Driver::Crun => ("crun", &["run"]),
    };
    let mut child = Command::new(program)
        .args(arguments)
        .arg(&id)
        .current_dir(&bundle)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .with_context(|| format!("cannot start {program}"))?;
    if let Some(join) = join {
        let joined = format!("/opt/mark-{join}");
        let started = Instant::now();
        while !has_run(name) && started.elapsed() < Duration::from_secs(30) {
            thread::sleep(Duration::from_millis(200));
        }
        run_any("runc", &["exec", &id, &joined])?;
        run("runc", &["kill", &id, "KILL"])?;
    }
    child.wait()?;
    Ok(id)
}

fn nspawn() -> Result<()> {
    let root = PathBuf::from("/opt/nspawn");
    self::root(&root, "nspawn", None)?;
    fs::create_dir_all(root.join("usr"))?;
    run_any(
        "systemd-nspawn",
        &[
            "--quiet",
            "--machine=m1",
            "--directory=/opt/nspawn",
            "/bin/sh",
            "-c",
            "/opt/mark-nspawn; sleep 0",
        ],
    )
}

fn podman() -> Result<()> {
    let root = PathBuf::from("/opt/podman");
    self::root(&root, "podman", None)?;
    run_any(
        "podman",
        &[
            "run",
            "--rm",
            "--network=host",
            "--cgroup-manager=systemd",
            "--rootfs",
            "/opt/podman",
            "/bin/sh",
            "-c",
            "/opt/mark-podman; sleep 0",
        ],
    )
}

/// A container's root: a shell and the programs that it runs, which end at once.
fn root(root: &Path, name: &str, join: Option<&str>) -> Result<()> {
    for folder in ["bin", "opt", "etc", "proc", "sys", "dev", "tmp", "run"] {
        fs::create_dir_all(root.join(folder))?;
    }
    fs::copy(BUSYBOX, root.join("bin/busybox"))?;
    for applet in ["sh", "sleep"] {
        symlink("busybox", root.join("bin").join(applet))?;
    }
    for mark in [Some(name), join].into_iter().flatten() {
        // It knows no applet of that name, says so and ends.
        fs::copy(BUSYBOX, root.join(format!("opt/mark-{mark}")))?;
    }
    let users = format!("root:x:0:0::/:/bin/sh\ninner:x:{INNER_UID}:{INNER_UID}::/:/bin/sh\n");
    fs::write(root.join("etc/passwd"), users)?;
    fs::write(
        root.join("etc/group"),
        format!("root:x:0:\ninner:x:{INNER_UID}:\n"),
    )?;
    fs::write(root.join("etc/os-release"), "ID=none\n")?;
    Ok(())
}

fn mark(name: &str) -> PathBuf {
    Path::new(MARKS).join(format!("mark-{name}"))
}

fn hexadecimal(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
}

fn write(path: &Path, content: &[u8], mode: u32) -> Result<()> {
    fs::write(path, content).with_context(|| format!("cannot write {}", path.display()))?;
    fs::set_permissions(path, fs::Permissions::from_mode(mode))?;
    Ok(())
}

/// Lays values over others.
fn merge(onto: &mut Value, over: Value) {
    match (onto, over) {
        (Value::Object(onto), Value::Object(over)) => {
            for (name, value) in over {
                merge(onto.entry(name).or_insert(Value::Null), value);
            }
        }
        (onto, over) => *onto = over,
    }
}

/// Runs a program, which must succeed.
fn run(program: &str, arguments: &[&str]) -> Result<()> {
    let output = start(program, arguments)?;
    ensure!(
        output.status.success(),
        "{program} {} ended with {}: {}{}",
        arguments.join(" "),
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(())
}

/// Runs a program whose status is that of a mark, which never succeeds.
fn run_any(program: &str, arguments: &[&str]) -> Result<()> {
    let output = start(program, arguments)?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    if !output.status.success() && !said.contains("applet not found") {
        eprintln!("{program} ended with {}: {said}", output.status);
    }
    Ok(())
}

fn start(program: &str, arguments: &[&str]) -> Result<std::process::Output> {
    Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot start {program}"))
}
