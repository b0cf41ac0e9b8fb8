//! What a process is, by `/proc`: the knowledge that events are compared with.

mod capabilities;
mod fields;
mod reading;

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, Result};

use crate::host::Host;

pub use capabilities::capabilities;
pub use fields::command_line;
pub use reading::{cgroup_folder, start};

/// The kinds of namespace, by their names in `/proc/PID/ns` and in events.
pub const NAMESPACES: [&str; 8] = ["mnt", "pid", "net", "uts", "ipc", "cgroup", "time", "user"];

/// A process at one moment. Change what a deed changes before comparing an event with it.
#[derive(Clone, Debug)]
pub struct Portrait {
    /// Its process id.
    pub pid: u32,
    /// When it was made, in ticks of 10 ms since boot.
    pub start: u64,
    /// Absolute path of its executable.
    pub executable: String,
    /// Its arguments.
    pub args: Vec<String>,
    /// Absolute path of its working directory.
    pub working_directory: String,
    /// Its id in its own pid namespace.
    pub vpid: u32,
    /// The id of the thread that acts.
    pub thread: u32,
    /// Its effective capabilities, a bit each.
    pub effective: u64,
    /// Its permitted capabilities, a bit each.
    pub permitted: u64,
    /// Its user ids: real, effective, saved, file system's.
    pub uids: [u32; 4],
    /// Its group ids: real, effective, saved, file system's.
    pub gids: [u32; 4],
    /// Major and minor number of its controlling terminal.
    pub tty: Option<(u32, u32)>,
    /// Its process group.
    pub group_leader: u32,
    /// Its session.
    pub session_leader: u32,
    /// Audit's login uid, if it is set.
    pub login_uid: Option<u32>,
    /// Audit's session, if it is set.
    pub audit_session: Option<u32>,
    /// Inode number of its cgroup's directory.
    pub cgroup: u64,
    /// Whether that is a directory whose name tells nothing of who made it.
    pub cgroup_is_plain: bool,
    /// Inode numbers of its namespaces.
    pub namespaces: BTreeMap<&'static str, u64>,
    /// Its parent.
    pub parent: Parent,
}

/// What an event tells of a process's parent.
#[derive(Clone, Debug)]
pub struct Parent {
    /// Its process id.
    pub pid: u32,
    /// When it was made, in ticks of 10 ms since boot.
    pub start: u64,
    /// Absolute path of its executable.
    pub executable: String,
    /// Its arguments.
    pub args: Vec<String>,
    /// Absolute path of its working directory.
    pub working_directory: String,
    /// Its id in its own pid namespace.
    pub vpid: u32,
}

impl Portrait {
    /// Reads `/proc/PID`, and that of the parent.
    pub fn of(host: &Host, pid: u32) -> Result<Self> {
        reading::portrait(host, pid)
            .with_context(|| format!("cannot read what /proc says of process {pid}"))
    }

    /// This process, as it is told of as the parent of another.
    pub fn as_parent(&self) -> Parent {
        Parent {
            pid: self.pid,
            start: self.start,
            executable: self.executable.clone(),
            args: self.args.clone(),
            working_directory: self.working_directory.clone(),
            vpid: self.vpid,
        }
    }

    /// A new process that this one made with a plain fork.
    #[must_use]
    pub fn child(&self, pid: u32, start: u64) -> Self {
        Self {
            pid,
            start,
            vpid: pid,
            thread: pid,
            parent: self.as_parent(),
            ..self.clone()
        }
    }

    /// This process after it executed a program.
    #[must_use]
    pub fn executed(mut self, executable: &Path, args: &[&str]) -> Self {
        self.executable = executable.to_string_lossy().into_owned();
        self.args = args.iter().map(|arg| (*arg).to_owned()).collect();
        self
    }
}

impl Parent {
    /// Reads `/proc/PID`.
    pub fn of(pid: u32) -> Result<Self> {
        reading::parent(pid)
            .with_context(|| format!("cannot read what /proc says of process {pid}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_knows_itself() {
        let Ok(host) = Host::read() else {
            return; // without a version 2 cgroup hierarchy there is nothing to know
        };
        let own = Portrait::of(&host, std::process::id()).unwrap();
        assert_eq!(own.pid, std::process::id());
        assert_eq!(own.args.len(), std::env::args().count());
        assert_eq!(own.parent.pid, std::os::unix::process::parent_id());
        assert!(own.start <= crate::clock::boot_nanoseconds() / 10_000_000);
    }
}
