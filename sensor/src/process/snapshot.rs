//! The processes that were there before the sensor, read once from `/proc` after the hooks watch.
//!
//! Whatever changes while `/proc` is read is also in the rings, and events are applied after this:
//! so there is no gap, and an event about a process that was read is no double.

use std::{
    collections::HashMap,
    fs, io,
    os::unix::{ffi::OsStrExt, fs::MetadataExt},
    path::{Path, PathBuf},
    sync::Arc,
};

use sensor_common::{credentials::Credentials, namespaces::Namespaces};

use super::{
    BootId, EntityId, Image, Process, START_TICK_NANOSECONDS,
    cgroups::{self, Found},
    lineage::Lineage,
    table::kept_arguments,
};
use crate::{
    clock::BootTime,
    event::{CgroupId, Device, ProcessId, Tgid},
    kernel::cgroups::Tree,
};

/// Where the host shows its processes and cgroups.
#[derive(Clone, Debug)]
pub struct Sources {
    /// Usually `/proc`.
    pub proc: PathBuf,
    /// The hierarchy that tells containers and units apart.
    pub cgroups: Tree,
    /// The cgroup whose subtree is read; none for all processes.
    pub scope: Option<PathBuf>,
    /// The boot that the processes belong to.
    pub boot: BootId,
}

impl Sources {
    /// Reads all processes. Those that end meanwhile are left out.
    ///
    /// # Errors
    ///
    /// If the list of processes cannot be read.
    pub fn read(&self) -> io::Result<Vec<Process>> {
        let mut ids = Vec::new();
        match &self.scope {
            Some(scope) => list_cgroup(scope, &mut ids)?,
            None => list_proc(&self.proc, &mut ids)?,
        }
        let mut processes: Vec<Process> =
            ids.iter().filter_map(|tgid| self.process(*tgid)).collect();
        // Whoever made another was there before.
        processes.sort_by_key(|process| process.id.start.0);
        let starts: HashMap<Tgid, BootTime> = processes
            .iter()
            .map(|process| (process.id.tgid, process.id.start))
            .collect();
        for process in &mut processes {
            // `/proc` names a parent by its id only.
            process.parent = process.parent.and_then(|parent| {
                let start = *starts.get(&parent.tgid)?;
                Some(ProcessId { start, ..parent })
            });
        }
        Ok(processes)
    }

    /// The cgroups that there are. Those that cannot be read are told of by their processes.
    #[must_use]
    pub fn cgroups(&self) -> Vec<Found> {
        let mount = self.cgroups.mount.as_ref();
        mount
            .and_then(|mount| cgroups::scan(mount).ok())
            .unwrap_or_default()
    }

    /// Reads the cgroup of a process that acts in one that is not known.
    #[must_use]
    pub fn cgroup_of(&self, tgid: Tgid, id: CgroupId) -> Found {
        let directory = self.proc.join(tgid.to_string());
        let path = fs::read_to_string(directory.join("cgroup"))
            .ok()
            .and_then(|text| self.cgroups.path_in(&text).map(str::to_owned))
            .filter(|path| self.cgroup_id(path) == Some(id));
        Found { id, path }
    }

    /// Reads a process that was not known when it acted, if it is still the same one. Of its parent
    /// only the id is told, with a start of 0.
    #[must_use]
    pub fn read_one(&self, id: ProcessId) -> Option<Process> {
        let process = self.process(id.tgid)?;
        let ticks = |start: BootTime| start.0 / START_TICK_NANOSECONDS;
        (ticks(process.id.start) == ticks(id.start)).then_some(process)
    }

    fn process(&self, tgid: Tgid) -> Option<Process> {
        let directory = self.proc.join(tgid.to_string());
        let stat = Stat::parse(&fs::read(directory.join("stat")).ok()?)?;
        let status = fs::read(directory.join("status")).ok()?;
        let status = String::from_utf8_lossy(&status);
        let id = ProcessId {
            tgid,
            start: BootTime(stat.start_ticks.saturating_mul(START_TICK_NANOSECONDS)),
        };
        let namespaces = namespaces(&directory);
        Some(Process {
            id,
            entity_id: EntityId::new(self.boot, id),
            parent: (stat.parent != 0).then_some(ProcessId {
                tgid: Tgid(stat.parent),
                start: BootTime(0),
            }),
            namespace_pid: numbers(&status, "NSpid:").last().map(|pid| Tgid(*pid)),
            image: Some(Arc::new(image(&directory, stat.name))),
            credentials: credentials(&status, namespaces.user),
            namespaces: (namespaces != Namespaces::default()).then_some(namespaces),
            cgroup: self.cgroup(&directory),
            session_id: Some(Tgid(stat.session)),
            process_group: Some(Tgid(stat.process_group)),
            login_uid: audit(&directory, "loginuid"),
            audit_session: audit(&directory, "sessionid"),
            tty: stat.tty,
            ended: None,
            lineage: Lineage::default(),
            placement: None,
        })
    }

    /// The cgroup's id: the inode number of its directory.
    fn cgroup(&self, directory: &Path) -> Option<CgroupId> {
        let text = fs::read_to_string(directory.join("cgroup")).ok()?;
        self.cgroup_id(self.cgroups.path_in(&text)?)
    }

    fn cgroup_id(&self, path: &str) -> Option<CgroupId> {
        let directory = self.cgroups.mount.as_ref()?.directory(path)?;
        Some(CgroupId(fs::metadata(directory).ok()?.ino()))
    }
}

fn list_proc(proc: &Path, ids: &mut Vec<Tgid>) -> io::Result<()> {
    for entry in fs::read_dir(proc)? {
        // An entry can vanish between being listed and being looked at.
        let name = entry.map(|entry| entry.file_name()).unwrap_or_default();
        ids.extend(name.to_str().and_then(|name| name.parse().ok()).map(Tgid));
    }
    Ok(())
}

fn list_cgroup(directory: &Path, ids: &mut Vec<Tgid>) -> io::Result<()> {
    let processes = fs::read_to_string(directory.join("cgroup.procs"))?;
    ids.extend(processes.lines().filter_map(|id| id.parse().ok()).map(Tgid));
    for entry in fs::read_dir(directory)?.flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            match list_cgroup(&entry.path(), ids) {
                // Removed meanwhile.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                other => other?,
            }
        }
    }
    Ok(())
}

/// What `/proc/PID/stat` says (format: `proc(5)`).
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Stat {
    name: String,
    parent: u32,
    process_group: u32,
    session: u32,
    tty: Option<Device>,
    /// When its first thread started, in units of [`START_TICK_NANOSECONDS`].
    pub(crate) start_ticks: u64,
}

impl Stat {
    /// Reads the file's content.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        // The name is in parentheses, and can have any of them in it.
        let opening = bytes.iter().position(|byte| *byte == b'(')?;
        let closing = bytes.iter().rposition(|byte| *byte == b')')?;
        let name = bytes.get(opening + 1..closing)?;
        let rest = std::str::from_utf8(bytes.get(closing + 1..)?).ok()?;
        let fields: Vec<&str> = rest.split_whitespace().collect();
        // Numbered from the state, which is the third of the line.
        let number = |index: usize| -> Option<i64> { fields.get(index)?.parse().ok() };
        let id = |index| number(index).and_then(|id| u32::try_from(id).ok());
        Some(Self {
            name: String::from_utf8_lossy(name).into_owned(),
            parent: id(1)?,
            process_group: id(2)?,
            session: id(3)?,
            tty: number(4).and_then(terminal),
            start_ticks: u64::try_from(number(19)?).ok()?,
        })
    }
}

/// The terminal's device number, as `/proc` encodes it (`new_encode_dev`, include/linux/kdev_t.h).
fn terminal(number: i64) -> Option<Device> {
    let number = u32::try_from(number).ok().filter(|number| *number != 0)?;
    Some(Device {
        major: (number >> 8) & 0xfff,
        minor: (number & 0xff) | ((number >> 12) & 0xf_ff00),
    })
}

fn image(directory: &Path, name: String) -> Image {
    let link = |name: &str| {
        fs::read_link(directory.join(name))
            .map(|path| String::from_utf8_lossy(path.as_os_str().as_bytes()).into_owned())
            .unwrap_or_default()
    };
    let executable = link("exe");
    let executable = executable
        .strip_suffix(" (deleted)")
        .unwrap_or(&executable)
        .to_owned();
    let arguments = fs::read(directory.join("cmdline")).unwrap_or_default();
    let count = arguments.iter().filter(|byte| **byte == 0).count();
    let file = executable.rsplit('/').next().unwrap_or_default();
    Image {
        name: if file.is_empty() {
            name
        } else {
            file.to_owned()
        },
        working_directory: link("cwd"),
        arguments: kept_arguments(&arguments),
        argument_count: u32::try_from(count).unwrap_or(u32::MAX),
        executable,
        ..Image::default()
    }
}

/// The numbers behind a label of `/proc/PID/status`.
fn numbers(status: &str, label: &str) -> Vec<u32> {
    line(status, label)
        .map(|rest| rest.split_whitespace().flat_map(str::parse).collect())
        .unwrap_or_default()
}

fn line<'a>(status: &'a str, label: &str) -> Option<&'a str> {
    status.lines().find_map(|line| line.strip_prefix(label))
}

fn credentials(status: &str, user_namespace: u32) -> Option<Credentials> {
    let [uid, euid, suid, fsuid] = *numbers(status, "Uid:").first_chunk()?;
    let [gid, egid, sgid, fsgid] = *numbers(status, "Gid:").first_chunk()?;
    let set = |label| u64::from_str_radix(line(status, label)?.trim(), 16).ok();
    Some(Credentials {
        uid,
        gid,
        suid,
        sgid,
        euid,
        egid,
        fsuid,
        fsgid,
        // `/proc` does not show these.
        securebits: 0,
        user_namespace,
        cap_inheritable: set("CapInh:")?,
        cap_permitted: set("CapPrm:")?,
        cap_effective: set("CapEff:")?,
        cap_bset: set("CapBnd:")?,
        cap_ambient: set("CapAmb:")?,
    })
}

fn namespaces(directory: &Path) -> Namespaces {
    let number = |name: &str| {
        fs::metadata(directory.join("ns").join(name))
            .ok()
            .and_then(|namespace| u32::try_from(namespace.ino()).ok())
            .unwrap_or(0)
    };
    Namespaces {
        mnt: number("mnt"),
        pid: number("pid_for_children"),
        net: number("net"),
        uts: number("uts"),
        ipc: number("ipc"),
        cgroup: number("cgroup"),
        time: number("time"),
        user: number("user"),
    }
}

fn audit(directory: &Path, name: &str) -> Option<u32> {
    let text = fs::read_to_string(directory.join(name)).ok()?;
    text.trim().parse().ok().filter(|id| *id != u32::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn here() -> Sources {
        Sources {
            proc: "/proc".into(),
            cgroups: Tree::default(),
            scope: None,
            boot: BootId::default(),
        }
    }

    #[test]
    fn reads_this_process() {
        let sources = here();
        let me = sources.process(Tgid(std::process::id())).unwrap();
        let image = me.image.as_ref().unwrap();
        let executable = std::env::current_exe().unwrap();
        assert_eq!(image.executable, executable.to_str().unwrap());
        assert_eq!(
            image.working_directory,
            std::env::current_dir().unwrap().to_str().unwrap()
        );
        assert_eq!(image.argument_count as usize, std::env::args().count());
        let credentials = me.credentials.unwrap();
        assert_eq!(credentials.uid, rustix::process::getuid().as_raw());
        assert_eq!(me.id.start.0 % START_TICK_NANOSECONDS, 0);
        let again = ProcessId {
            start: BootTime(me.id.start.0 + 1),
            ..me.id
        };
        assert!(sources.read_one(again).is_some());
        let other = ProcessId {
            start: BootTime(me.id.start.0 + START_TICK_NANOSECONDS),
            ..me.id
        };
        assert!(sources.read_one(other).is_none());
    }

    #[test]
    fn reads_a_name_with_parentheses() {
        let line = b"7 (a) b (c) S 1 2 3 34817 0 0 0 0 0 0 0 0 0 0 0 0 0 0 1234 0 0\n";
        let stat = Stat::parse(line).unwrap();
        assert_eq!(stat.name, "a) b (c");
        assert_eq!((stat.parent, stat.process_group, stat.session), (1, 2, 3));
        let terminal = Device {
            major: 136,
            minor: 1,
        };
        assert_eq!(stat.tty, Some(terminal));
        assert_eq!(stat.start_ticks, 1234);
    }

    proptest! {
        #[test]
        fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200), text: String) {
            let _ = Stat::parse(&bytes);
            let _ = credentials(&text, 0);
        }
    }
}
