//! From a request to the very file.
//!
//! Two ways lead there. `/proc/PID/exe` of the process is the executable itself, whatever became of
//! its path; while the process runs, the kernel lets nobody write to it. After its end there is only
//! the path, from the root directory of a process in the same mount namespace, and what is there is
//! compared with what the kernel noted at the exec.
//!
//! What a hostile process could lead to is looked at before it is opened: opening some devices does
//! something (a watchdog starts), and a FIFO blocks.

use std::{
    fs::{File, Metadata},
    io::Read,
    os::fd::{AsRawFd, OwnedFd},
    path::{Path, PathBuf},
};

use rustix::{
    fs::{AtFlags, CWD, Mode, OFlags, fstatfs, openat, statat},
    io::Errno,
};

use super::{
    ExecutableRequest, FileKey, Missing, MountNamespace, Reading, Request, ScriptRequest,
    digests::is_settled, read::unreadable,
};
use crate::{
    clock::wall_time,
    enrich::root::Root,
    event::{ProcessId, Tgid},
    process::{START_TICK_NANOSECONDS, snapshot::Stat},
};

/// File systems whose files have another device than their inodes, as the kernel sees those
/// (include/uapi/linux/magic.h): btrfs and overlayfs.
const OTHER_DEVICES: [u64; 2] = [0x9123_683e, 0x794c_7630];

/// File systems whose content the kernel makes up when it is read, which may take something away or
/// set something off: proc, sysfs, debugfs, tracefs, securityfs, cgroup 2, cgroup, pstore, efivarfs,
/// bpf.
const MADE_UP: [u64; 10] = [
    0x9fa0,
    0x6265_6572,
    0x6462_6720,
    0x7472_6163,
    0x7363_6673,
    0x6367_7270,
    0x0027_e0eb,
    0x6165_676c,
    0xde5e_81e4,
    0xcafe_4a11,
];

/// Opens what requests ask for.
pub(super) struct Opener {
    proc: PathBuf,
    /// The mount namespace of this process.
    own: Option<MountNamespace>,
    /// Whether nobody can write to a running executable.
    running_is_constant: bool,
    /// Nanoseconds within which two changes of a file can have the same time.
    granularity: i64,
}

/// A file that was found and is open for reading.
pub(super) struct Opened {
    /// It.
    pub(super) file: File,
    /// Its key when it was found.
    pub(super) found: FileKey,
    /// Whether a change after that gives it another key.
    pub(super) settled: bool,
    /// What is proven of it.
    pub(super) proof: Proof,
}

/// What ties a file to what was executed.
pub(super) enum Proof {
    /// It has the key of the exec, which no later change left it with.
    Unchanged,
    /// It has another time of change, and the process ran it.
    Running,
    /// It has the key, but a change shortly after the exec could have left it that.
    Young,
    /// The same, but the process was still running it when it was found: if it is after reading too,
    /// there was no change.
    YoungRunning(Running),
    /// A script that was looked up from another process's root directory.
    LookedUp,
}

/// A process and the executable that it ran.
pub(super) struct Running {
    process: Pinned,
    device: u64,
    inode: u64,
}

/// How a file compares with a key.
enum Likeness {
    Same,
    /// All but the time of the last change, which is later.
    LaterChanged,
    Other,
}

impl Opener {
    pub(super) fn new(proc: &Path, granularity: i64) -> Self {
        Self {
            proc: proc.to_owned(),
            own: mount_namespace(CWD, &proc.join("self/ns/mnt")),
            running_is_constant: running_is_constant(proc),
            granularity,
        }
    }

    /// Opens what is asked for.
    pub(super) fn open(&self, request: &Request) -> Result<Opened, Missing> {
        match request {
            Request::Executable(_, request) => self.executable(request),
            Request::Script(_, request) => self.script(request),
        }
    }

    /// Opens an executable.
    pub(super) fn executable(&self, request: &ExecutableRequest) -> Result<Opened, Missing> {
        let process = self.pin_same(request.reading.process);
        let mut missing = Missing::Gone;
        if let Some(process) = process {
            match self.running(process, request) {
                Ok(opened) => return Ok(opened),
                Err(reason) => missing = reason,
            }
        }
        let Some(path) = &request.path else {
            return Err(missing);
        };
        for (root, _) in self.roots(&request.reading) {
            match self.at_path(&root, path, request) {
                Ok(opened) => return Ok(opened),
                Err(reason) if missing == Missing::Gone => missing = reason,
                Err(_) => {}
            }
        }
        Err(missing)
    }

    /// Opens a script: a regular file that was not changed since the exec.
    fn script(&self, request: &ScriptRequest) -> Result<Opened, Missing> {
        let executed = request.reading.executed;
        let mut missing = Missing::Gone;
        for (root, whose) in self.roots(&request.reading) {
            let found = root.find(&request.path).map_err(reason).and_then(regular);
            let (place, metadata) = match found {
                Ok(found) => found,
                Err(reason) => {
                    if missing == Missing::Gone {
                        missing = reason;
                    }
                    continue;
                }
            };
            let found = FileKey::of(&metadata);
            if found.changed.wall_time() > executed {
                return Err(Missing::Replaced);
            }
            let proof = match whose {
                Whose::Other => Proof::LookedUp,
                Whose::Process if is_settled(&found, executed, self.granularity) => {
                    Proof::Unchanged
                }
                Whose::Process => Proof::Young,
            };
            return Ok(Opened {
                file: self.reopen(&place)?,
                found,
                settled: is_settled(&found, wall_time(), self.granularity),
                proof,
            });
        }
        Err(missing)
    }

    /// Whether a path leads from a root directory to a file with a key.
    pub(super) fn leads_to(&self, root: &Root, path: &[u8], file: &FileKey) -> bool {
        let found = root.find(path).map_err(reason).and_then(regular);
        found.is_ok_and(|(place, metadata)| {
            matches!(likeness(&place, &metadata, file), Likeness::Same)
        })
    }

    /// By the process itself.
    fn running(&self, process: Pinned, request: &ExecutableRequest) -> Result<Opened, Missing> {
        let place = process.open("exe", OFlags::PATH).map_err(reason)?;
        let (place, metadata) = regular(place)?;
        let found = FileKey::of(&metadata);
        let now = wall_time();
        let settled = is_settled(&request.file, now, self.granularity);
        let young = !is_settled(&request.file, request.reading.executed, self.granularity);
        let running = Running {
            process,
            device: std::os::unix::fs::MetadataExt::dev(&metadata),
            inode: found.inode,
        };
        let still_runs = || self.running_is_constant && running.is_still();
        let proof = match likeness(&place, &metadata, &request.file) {
            Likeness::Same if !young => Proof::Unchanged,
            Likeness::Same if !still_runs() => Proof::Young,
            Likeness::Same if settled => Proof::Unchanged,
            Likeness::Same => Proof::YoungRunning(running),
            Likeness::LaterChanged if still_runs() => Proof::Running,
            Likeness::LaterChanged | Likeness::Other => return Err(Missing::Replaced),
        };
        Ok(Opened {
            file: self.reopen(&place)?,
            found,
            settled,
            proof,
        })
    }

    /// By the path, from somebody's root directory.
    fn at_path(
        &self,
        root: &Root,
        path: &[u8],
        request: &ExecutableRequest,
    ) -> Result<Opened, Missing> {
        let (place, metadata) = regular(root.find(path).map_err(reason)?)?;
        let file = &request.file;
        if !matches!(likeness(&place, &metadata, file), Likeness::Same) {
            return Err(Missing::Replaced);
        }
        let proof = if is_settled(file, request.reading.executed, self.granularity) {
            Proof::Unchanged
        } else {
            Proof::Young
        };
        Ok(Opened {
            file: self.reopen(&place)?,
            found: FileKey::of(&metadata),
            settled: is_settled(file, wall_time(), self.granularity),
            proof,
        })
    }

    /// The root directories from which the process's paths can be followed, its own first.
    fn roots(&self, reading: &Reading) -> impl Iterator<Item = (Root, Whose)> {
        let namespace = Some(reading.mount_namespace);
        let own = self.pin_same(reading.process);
        let others = reading.others.iter().take(Reading::OTHERS_MAX);
        own.map(|process| (process, Whose::Process))
            .into_iter()
            .chain(others.filter_map(|other| Some((self.pin(*other)?, Whose::Other))))
            .filter(move |(process, _)| process.mount_namespace() == namespace)
            .filter_map(|(process, whose)| {
                let flags = OFlags::PATH | OFlags::DIRECTORY;
                Some((Root::new(process.open("root", flags).ok()?), whose))
            })
            .chain(
                (self.own == namespace)
                    .then(|| Root::open(Path::new("/")).ok())
                    .flatten()
                    .map(|root| (root, Whose::Other)),
            )
    }

    fn pin(&self, process: Tgid) -> Option<Pinned> {
        let path = self.proc.join(process.to_string());
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        openat(CWD, path, flags, Mode::empty()).ok().map(Pinned)
    }

    fn pin_same(&self, process: ProcessId) -> Option<Pinned> {
        self.pin(process.tgid)
            .filter(|pinned| pinned.start_ticks() == Some(process.start.0 / START_TICK_NANOSECONDS))
    }

    /// Opens a file that was found, for reading. That leaves no trace in it, where the kernel
    /// permits: no time of last access.
    fn reopen(&self, place: &OwnedFd) -> Result<File, Missing> {
        let path = self.proc.join(format!("self/fd/{}", place.as_raw_fd()));
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let opened = match openat(CWD, &path, flags | OFlags::NOATIME, Mode::empty()) {
            Err(Errno::PERM) => openat(CWD, &path, flags, Mode::empty()),
            other => other,
        };
        match opened {
            Ok(file) => Ok(File::from(file)),
            Err(error) => Err(Missing::Unreadable(error.raw_os_error())),
        }
    }
}

/// Whose root directory it is.
#[derive(Clone, Copy)]
enum Whose {
    Process,
    Other,
}

/// A process's directory in `/proc`. As long as it is open it is of that process and no other, even
/// if the id is used again: after its end, nothing opens in it.
struct Pinned(OwnedFd);

impl Pinned {
    fn open(&self, name: &str, flags: OFlags) -> Result<OwnedFd, Errno> {
        openat(&self.0, name, flags | OFlags::CLOEXEC, Mode::empty())
    }

    fn start_ticks(&self) -> Option<u64> {
        let mut file = File::from(self.open("stat", OFlags::RDONLY).ok()?);
        let mut content = Vec::new();
        file.read_to_end(&mut content).ok()?;
        Some(Stat::parse(&content)?.start_ticks)
    }

    fn mount_namespace(&self) -> Option<MountNamespace> {
        mount_namespace(&self.0, Path::new("ns/mnt"))
    }
}

impl Running {
    /// Whether the process still runs it.
    pub(super) fn is_still(&self) -> bool {
        statat(&self.process.0, "exe", AtFlags::empty())
            .is_ok_and(|now| now.st_dev == self.device && now.st_ino == self.inode)
    }
}

fn mount_namespace(directory: impl std::os::fd::AsFd, path: &Path) -> Option<MountNamespace> {
    let stat = statat(directory, path, AtFlags::empty()).ok()?;
    u32::try_from(stat.st_ino).ok().map(MountNamespace)
}

/// What is known of a place if it is a regular file that can be read without consequences.
fn regular(place: OwnedFd) -> Result<(OwnedFd, Metadata), Missing> {
    let place = File::from(place);
    let metadata = place.metadata().map_err(|error| unreadable(&error))?;
    let place = OwnedFd::from(place);
    if !metadata.is_file() || is_of(&place, &MADE_UP) {
        return Err(Missing::NotRegular);
    }
    Ok((place, metadata))
}

/// Compares a file with a key.
///
/// Another device is forgiven where the file system gives its files other devices than the kernel's
/// records have. Elsewhere it is another file: one of a file system in userspace can have whatever
/// times and numbers its owner likes.
fn likeness(place: &OwnedFd, metadata: &Metadata, key: &FileKey) -> Likeness {
    let found = FileKey::of(metadata);
    let FileKey {
        device,
        inode,
        size,
        modified,
        changed,
    } = found;
    if (inode, size, modified) != (key.inode, key.size, key.modified)
        || (device != key.device && !is_of(place, &OTHER_DEVICES))
    {
        return Likeness::Other;
    }
    match changed.cmp(&key.changed) {
        std::cmp::Ordering::Equal => Likeness::Same,
        std::cmp::Ordering::Greater => Likeness::LaterChanged,
        std::cmp::Ordering::Less => Likeness::Other,
    }
}

fn is_of(place: &OwnedFd, file_systems: &[u64]) -> bool {
    // The field's type differs between architectures; the numbers have 32 bits.
    fstatfs(place).is_ok_and(|status| {
        file_systems.contains(&(u64::try_from(status.f_type).unwrap_or(0) & 0xffff_ffff))
    })
}

fn reason(error: Errno) -> Missing {
    match error {
        Errno::NOENT | Errno::NOTDIR | Errno::SRCH => Missing::Gone,
        other => Missing::Unreadable(other.raw_os_error()),
    }
}

/// Whether the kernel lets nobody write to a running executable. Linux 6.11 and 6.12 did, some of
/// their later updates do not: so it is tried, with the sensor's own.
fn running_is_constant(proc: &Path) -> bool {
    let flags = OFlags::WRONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    match openat(CWD, proc.join("self/exe"), flags, Mode::empty()) {
        Err(Errno::TXTBSY) => true,
        Ok(_) => false,
        // A file system that is mounted read-only tells nothing.
        Err(_) => {
            let name = rustix::system::uname();
            let release = name.release().to_bytes();
            !(release.starts_with(b"6.11.") || release.starts_with(b"6.12."))
        }
    }
}
