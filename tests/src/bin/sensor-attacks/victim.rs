//! The host that is attacked: accounts, a web server, a database, containers.

use std::fmt;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use crate::attacks::User;

/// What the attacks need.
const FOLDER: &str = "/run/attack";

/// A root directory of containers.
const ROOT: &str = "/opt/container/rootfs";

/// A web server's page with a hole.
const PAGE: &str = "<?php system($_GET['cmd']);\n";

const WEB_SERVER: &str = "Listen 127.0.0.1:8081\nServerName localhost\n";

/// Runs a command in a container that is new: `in-container privileged|plain COMMAND`.
const IN_CONTAINER: &str = r#"#!/bin/sh
id=$(head -c 32 /proc/sys/kernel/random/uuid | tr -d -)$(head -c 32 /proc/sys/kernel/random/uuid | tr -d -)00000000
id=$(printf %.64s "$id")
bundle=/opt/container/$id
mkdir -p "$bundle"
python3 - "$1" "$2" "$bundle" "$id" <<'END'
import json, subprocess, sys
kind, command, bundle, name = sys.argv[1:]
subprocess.run(["runc", "spec"], cwd=bundle, check=True)
path = bundle + "/config.json"
config = json.load(open(path))
config["root"] = {"path": "/opt/container/rootfs", "readonly": False}
config["process"]["terminal"] = False
config["process"]["args"] = ["/bin/sh", "-c", command]
config["linux"]["cgroupsPath"] = "system.slice:docker:" + name
if kind == "privileged":
    known = [line.split()[0] for line in open("/run/attack/capabilities")]
    for part in ("bounding", "effective", "permitted"):
        config["process"]["capabilities"][part] = known
    config["linux"].pop("maskedPaths", None)
    config["linux"].pop("readonlyPaths", None)
    config["linux"].pop("seccomp", None)
    config["linux"]["resources"] = {"devices": [{"allow": True, "access": "rwm"}]}
    config["linux"]["namespaces"] = [n for n in config["linux"]["namespaces"] if n["type"] != "pid" or "target 1" not in command]
    config["process"]["noNewPrivileges"] = False
    config["mounts"].append({"destination": "/host", "type": "bind", "source": "/", "options": ["rbind", "rw"]})
json.dump(config, open(path, "w"))
END
cd "$bundle" && exec runc --systemd-cgroup run "$id" < /dev/null
"#;

/// All that a process may be allowed to do.
const CAPABILITIES: &[&str] = &[
    "CHOWN",
    "DAC_OVERRIDE",
    "DAC_READ_SEARCH",
    "FOWNER",
    "FSETID",
    "KILL",
    "SETGID",
    "SETUID",
    "SETPCAP",
    "NET_BIND_SERVICE",
    "NET_ADMIN",
    "NET_RAW",
    "SYS_MODULE",
    "SYS_CHROOT",
    "SYS_PTRACE",
    "SYS_ADMIN",
    "SYS_RESOURCE",
    "MKNOD",
    "SETFCAP",
];

/// How an attack's shell ended.
#[derive(Clone, Copy)]
pub enum Ended {
    /// By itself, with this status.
    Status(i32),
    /// It took too long, or was killed.
    Killed,
}

impl fmt::Display for Ended {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status) => formatter.pad(&format!("exit {status}")),
            Self::Killed => formatter.pad("killed"),
        }
    }
}

/// Makes all that is attacked.
pub fn prepare() -> Result<()> {
    fs::create_dir_all(FOLDER)?;
    succeed("ip", &["link", "set", "lo", "up"])?;
    for name in ["alice", "bob"] {
        succeed("useradd", &["--create-home", "--shell", "/bin/bash", name])?;
    }
    write(
        "/etc/sudoers.d/alice",
        "alice ALL=(root) NOPASSWD: ALL\nDefaults:alice env_keep += LD_PRELOAD\n",
        0o440,
    )?;
    succeed("ssh-keygen", &["-A"])?;
    for (home, owner) in [("/root", "root"), ("/home/alice", "alice")] {
        let key = format!("{home}/.ssh/id_ed25519");
        fs::create_dir_all(format!("{home}/.ssh"))?;
        succeed("ssh-keygen", &["-q", "-t", "ed25519", "-N", "", "-f", &key])?;
        succeed("chown", &["-R", owner, &format!("{home}/.ssh")])?;
    }
    // Alice may come from her own account, nobody as root.
    fs::copy(
        "/home/alice/.ssh/id_ed25519.pub",
        "/home/alice/.ssh/authorized_keys",
    )?;
    fs::create_dir_all("/run/sshd")?;
    // A shell that an earlier intruder left.
    fs::copy("/bin/dash", "/var/tmp/.helper")?;
    fs::set_permissions("/var/tmp/.helper", fs::Permissions::from_mode(0o4755))?;
    // Read by the dynamic linker, and refused.
    write("/home/alice/evil.so", "none", 0o755)?;
    write("/run/attack/in-container", IN_CONTAINER, 0o755)?;
    let capabilities: Vec<String> = CAPABILITIES
        .iter()
        .map(|name| format!("CAP_{name}\n"))
        .collect();
    write("/run/attack/capabilities", &capabilities.concat(), 0o644)?;
    container_root()?;
    write("/var/www/html/page.php", PAGE, 0o644)?;
    write("/etc/apache2/ports.conf", WEB_SERVER, 0o644)?;
    // Its key would have to be its own.
    write(
        "/etc/postgresql/15/main/conf.d/plain.conf",
        "ssl = off\n",
        0o644,
    )?;
    // All files are root's at first.
    for (owner, folders) in [
        (
            "postgres",
            [
                "/var/lib/postgresql",
                "/etc/postgresql",
                "/var/log/postgresql",
            ],
        ),
        ("redis", ["/var/lib/redis", "/etc/redis", "/var/log/redis"]),
    ] {
        for folder in folders {
            succeed("chown", &["-R", &format!("{owner}:{owner}"), folder])?;
        }
    }
    // Their services may have failed for want of keys and addresses.
    succeed("systemctl", &["reset-failed"])?;
    for service in ["ssh", "apache2", "postgresql@15-main", "redis-server"] {
        if succeed("systemctl", &["restart", service]).is_err() {
            let journal = Command::new("journalctl")
                .args(["--no-pager", "--lines=12", "--unit", service])
                .output()?;
            let said = String::from_utf8_lossy(&journal.stdout).into_owned();
            eprintln!("{service} does not start; attacks on it will be missed: {said}");
        }
    }
    Ok(())
}

fn container_root() -> Result<()> {
    for folder in [
        "bin", "etc", "proc", "sys", "dev", "tmp", "run", "host", "mnt",
    ] {
        fs::create_dir_all(format!("{ROOT}/{folder}"))?;
    }
    fs::copy("/bin/busybox", format!("{ROOT}/bin/busybox"))?;
    for applet in [
        "sh", "sleep", "nsenter", "chroot", "mount", "mkdir", "mknod", "cat", "tee", "unshare",
        "fdisk", "id", "echo", "curl", "true", "ls", "wget", "date",
    ] {
        let link = format!("{ROOT}/bin/{applet}");
        if fs::symlink_metadata(&link).is_err() {
            symlink("busybox", link)?;
        }
    }
    write(
        &format!("{ROOT}/etc/passwd"),
        "root:x:0:0::/:/bin/sh\n",
        0o644,
    )
}

/// Has a shell do a script, as a unit of its own. It may fail, or be killed after a time.
pub fn run(name: &str, user: User, script: &str, longest: Duration) -> Result<Ended> {
    let file = format!("{FOLDER}/{name}.sh");
    write(&file, script, 0o644)?;
    let status = Command::new("systemd-run")
        .args(["--quiet", "--collect", "--wait"])
        .arg(format!("--unit=attack-{name}"))
        .arg(format!("--uid={}", user.name()))
        .arg(format!("--property=RuntimeMaxSec={}", longest.as_secs()))
        .args(["--working-directory=/", "/bin/sh"])
        .arg(&file)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .context("cannot start systemd-run")?;
    Ok(status.code().map_or(Ended::Killed, Ended::Status))
}

/// Runs a program, which must succeed.
pub fn succeed(program: &str, arguments: &[&str]) -> Result<()> {
    let output = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot start {program}"))?;
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

/// Writes a file.
pub fn write(path: &str, content: &str, mode: u32) -> Result<()> {
    fs::write(path, content).with_context(|| format!("cannot write {path}"))?;
    fs::set_permissions(path, fs::Permissions::from_mode(mode))?;
    Ok(())
}
