//! Who did it: the processes of the host, kept up to date by the events themselves.
//!
//! - [`table`]: the processes, bounded.
//! - [`snapshot`]: those that were there before the sensor, from `/proc`.
//! - [`listeners`]: who listened on ports before the sensor, from `/proc`.
//! - [`lineage`]: their ancestors and leaders; [`entry`]: how they came into the host.
//! - [`fingerprint`]: what they run, by its digest.
//! - [`cgroups`]: the cgroups that they run in; [`placement`]: what a cgroup's path says.

pub mod cgroups;
pub mod entry;
pub mod fingerprint;
pub mod lineage;
pub mod listeners;
pub mod placement;
pub mod snapshot;
pub mod table;

use std::{
    fmt,
    sync::{Arc, OnceLock},
};

use sensor_common::{credentials::Credentials, namespaces::Namespaces};

use fingerprint::Fingerprint;
use lineage::Lineage;
use placement::Placement;

use crate::{
    clock::BootTime,
    event::{CgroupId, Device, ProcessId, Tgid},
    hexadecimal,
};

/// A process's name across hosts and restarts of the sensor, until the host boots again.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct EntityId(Arc<str>);

/// The first 16 hexadecimal digits of the boot's id (`/proc/sys/kernel/random/boot_id`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BootId(u64);

/// `start_boottime` is shown by `/proc/PID/stat` in these units: `USER_HZ` is 100 on every
/// architecture that the sensor runs on.
pub const START_TICK_NANOSECONDS: u64 = 10_000_000;

/// What is known of a process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    /// Which one.
    pub id: ProcessId,
    /// Its name across hosts.
    pub entity_id: EntityId,
    /// Its parent, when last seen.
    pub parent: Option<ProcessId>,
    /// Its id in its own pid namespace.
    pub namespace_pid: Option<Tgid>,
    /// The program that it runs; shared with the process it was forked from until it execs.
    pub image: Option<Arc<Image>>,
    /// Its credentials, when last seen.
    pub credentials: Option<Credentials>,
    /// Its namespaces, when last seen.
    pub namespaces: Option<Namespaces>,
    /// Its cgroup, when last seen.
    pub cgroup: Option<CgroupId>,
    /// Its session.
    pub session_id: Option<Tgid>,
    /// Its process group.
    pub process_group: Option<Tgid>,
    /// Audit's login uid, if it is set.
    pub login_uid: Option<u32>,
    /// Audit's session, if it is set.
    pub audit_session: Option<u32>,
    /// Its controlling terminal; `None` where it has none or it is not known.
    pub tty: Option<Device>,
    /// When it ended.
    pub ended: Option<BootTime>,
    /// Where it comes from.
    pub lineage: Lineage,
    /// What its cgroup says of it, if that is known.
    pub placement: Option<Arc<Placement>>,
}

/// The program that a process runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Image {
    /// The last component of its path, or the kernel's name for a task without one.
    pub name: String,
    /// Its absolute path; empty for a kernel thread, or where it cannot be told.
    pub executable: String,
    /// The working directory when it began; empty where it is not known.
    pub working_directory: String,
    /// Its arguments, the first [`ARGUMENT_BYTES_KEPT`] bytes of them.
    pub arguments: Vec<String>,
    /// How many arguments there were; none where only the kept ones are known.
    pub argument_count: u32,
    /// When it began, if that was seen.
    pub executed: Option<BootTime>,
    /// What it is, once that is found out.
    pub fingerprint: OnceLock<Arc<Fingerprint>>,
}

/// Bytes of arguments that are remembered of a process. The exec event itself has all that the
/// kernel captured.
pub const ARGUMENT_BYTES_KEPT: usize = 1024;

impl Process {
    /// A process of which nothing else is known.
    #[must_use]
    pub fn unknown(boot: BootId, id: ProcessId) -> Self {
        Self {
            id,
            entity_id: EntityId::new(boot, id),
            parent: None,
            namespace_pid: None,
            image: None,
            credentials: None,
            namespaces: None,
            cgroup: None,
            session_id: None,
            process_group: None,
            login_uid: None,
            audit_session: None,
            tty: None,
            ended: None,
            lineage: Lineage::default(),
            placement: None,
        }
    }
}

impl BootId {
    /// From the id's text, `xxxxxxxx-xxxx-...`; none if it is something else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let digits: String = text.chars().filter(char::is_ascii_hexdigit).collect();
        u64::from_str_radix(digits.get(..16)?, 16).ok().map(Self)
    }
}

impl fmt::Display for BootId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:016x}", self.0)
    }
}

impl EntityId {
    /// The name of a process.
    #[must_use]
    pub fn new(boot: BootId, id: ProcessId) -> Self {
        let ticks = id.start.0 / START_TICK_NANOSECONDS;
        let mut name = Vec::with_capacity(40);
        hexadecimal::append_all(boot.0, &mut name);
        for number in [id.tgid.0.into(), ticks] {
            name.push(b'-');
            hexadecimal::append(number, &mut name);
        }
        Self(String::from_utf8_lossy(&name).into())
    }

    /// The name of a process that [`EntityId::new`] would name like an earlier one.
    #[must_use]
    pub(crate) fn exact(boot: BootId, id: ProcessId) -> Self {
        Self(format!("{boot}-{:x}-{:x}ns", id.tgid.0, id.start.0).into())
    }

    /// The name that a process was given when it was recorded.
    #[must_use]
    pub(crate) fn recorded(name: &str) -> Self {
        Self(name.into())
    }

    /// As text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EntityId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}
