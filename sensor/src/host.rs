//! The host that is watched, and the sensor that watches it: what is the same in every event.

use std::{fs, os::unix::fs::MetadataExt};

use serde::{Deserialize, Serialize};

use crate::{enrich::cloud::Cloud, process::BootId};

/// The host, and the sensor on it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Host {
    /// `/etc/machine-id`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub machine_id: Option<String>,
    /// The host name.
    pub name: String,
    /// The machine's architecture, as `uname -m` says it.
    pub architecture: String,
    /// The boot's id, whole.
    pub boot_id: String,
    /// Inode number of the sensor's pid namespace.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub pid_namespace: Option<u64>,
    /// The kernel's release, as `uname -r` says it.
    pub kernel: String,
    /// `ID` of `/etc/os-release`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub os_platform: Option<String>,
    /// `NAME` of `/etc/os-release`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub os_name: Option<String>,
    /// `VERSION_ID` of `/etc/os-release`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub os_version: Option<String>,
    /// What its cloud says of it, if that is asked.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub cloud: Option<Cloud>,
    /// This run of the sensor.
    pub agent_id: String,
    /// The sensor's version.
    pub agent_version: String,
}

impl Host {
    /// This host. What it does not tell is absent.
    #[must_use]
    pub fn here() -> Self {
        let name = rustix::system::uname();
        let release = fs::read_to_string("/etc/os-release").unwrap_or_default();
        let text = |value: &std::ffi::CStr| value.to_string_lossy().into_owned();
        Self {
            machine_id: line("/etc/machine-id").filter(|id| id != "uninitialized"),
            name: text(name.nodename()),
            architecture: text(name.machine()),
            boot_id: line("/proc/sys/kernel/random/boot_id").unwrap_or_default(),
            pid_namespace: fs::metadata("/proc/self/ns/pid").ok().map(|ns| ns.ino()),
            kernel: text(name.release()),
            os_platform: assigned(&release, "ID"),
            os_name: assigned(&release, "NAME"),
            os_version: assigned(&release, "VERSION_ID"),
            cloud: None,
            // The kernel's random UUIDs: a new one with every reading.
            agent_id: line("/proc/sys/kernel/random/uuid").unwrap_or_default(),
            agent_version: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }

    /// The boot's id as events use it.
    #[must_use]
    pub fn boot(&self) -> BootId {
        BootId::parse(&self.boot_id).unwrap_or_default()
    }
}

/// The first line of a file, if it says something.
fn line(path: &str) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    let line = text.lines().next()?.trim();
    (!line.is_empty()).then(|| line.to_owned())
}

/// The value that a shell would give a variable by the lines of `os-release(5)`.
fn assigned(lines: &str, variable: &str) -> Option<String> {
    lines.lines().find_map(|line| {
        let value = line.strip_prefix(variable)?.strip_prefix('=')?.trim();
        let value = value
            .strip_prefix('"')
            .and_then(|rest| rest.strip_suffix('"'))
            .or_else(|| {
                value
                    .strip_prefix('\'')
                    .and_then(|rest| rest.strip_suffix('\''))
            })
            .unwrap_or(value);
        (!value.is_empty()).then(|| value.replace("\\\"", "\"").replace("\\\\", "\\"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_os_release_assigns() {
        let lines = "NAME=\"Debian GNU/Linux\"\nVERSION_ID='12'\nID=debian\nVARIANT=\n# ID=x\n";
        assert_eq!(assigned(lines, "NAME").as_deref(), Some("Debian GNU/Linux"));
        assert_eq!(assigned(lines, "VERSION_ID").as_deref(), Some("12"));
        assert_eq!(assigned(lines, "ID").as_deref(), Some("debian"));
        assert_eq!(assigned(lines, "VARIANT"), None);
        assert_eq!(assigned(lines, "VERSION"), None);
    }

    #[test]
    fn knows_this_host() {
        let host = Host::here();
        assert_eq!(host.boot_id.len(), 36);
        assert_ne!(host.agent_id, Host::here().agent_id);
        assert!(!host.kernel.is_empty());
    }
}
