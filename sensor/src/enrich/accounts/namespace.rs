//! The accounts of a pair of namespaces, read through a process that is in both.
//!
//! What is read belongs to a container, and may be hostile: a symbolic link leads no further than
//! the container's root; nothing but a regular file is ever opened for reading, so that a pipe does
//! not block and no device notices; and each file has a limit. A regular file of a file system that
//! a program of the container serves (FUSE) can still block: see [`AccountsReader`].
//!
//! [`AccountsReader`]: super::AccountsReader

#[cfg(test)]
mod tests;

use std::{
    fs::File,
    io::{BufReader, Read},
    os::fd::{AsFd, AsRawFd, BorrowedFd},
    path::Path,
};

use rustix::{
    fs::{AtFlags, CWD, FileType, Mode, OFlags, fstat, openat, readlinkat, statat},
    io::Errno,
};
use thiserror::Error;

use super::{Accounts, Counters, IdMap, Limits, Names};
use crate::enrich::root::Root as Directory;

/// The most that is read of a map: 340 lines of three numbers are less.
const MAP_BYTES: u64 = 16 << 10;

/// The accounts of a mount namespace, for the ids of a user namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NamespaceAccounts {
    /// The names, by the ids inside of the user namespace.
    pub accounts: Accounts,
    /// The user ids inside.
    pub user_map: IdMap,
    /// The group ids inside.
    pub group_map: IdMap,
    /// How reading `/etc/passwd` ended.
    pub users_outcome: Outcome,
    /// How reading `/etc/group` ended.
    pub groups_outcome: Outcome,
    /// Which root the files were below.
    pub root: Root,
}

impl NamespaceAccounts {
    /// The name of a user, by the id outside.
    #[must_use]
    pub fn user(&self, outside: u32) -> Option<&str> {
        self.accounts.user(self.user_map.inside(outside)?)
    }

    /// The name of a group, by the id outside.
    #[must_use]
    pub fn group(&self, outside: u32) -> Option<&str> {
        self.accounts.group(self.group_map.inside(outside)?)
    }
}

/// How reading a file ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Outcome {
    /// It was read, but for what is counted.
    Read(Counters),
    /// There is none, and so there are no names.
    #[default]
    Absent,
    /// It is no regular file, and was not opened.
    NotRegular,
    /// It cannot be read.
    Failed(Errno),
}

/// Which root the files were below.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Root {
    /// That of the mount namespace.
    #[default]
    Namespace,
    /// That of a process which changed its root (`chroot(2)`): no candidate was without.
    Changed,
}

/// Why nothing was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Why {
    /// No candidate is alive and in both namespaces.
    #[error(
        "none of the processes is in mount namespace {mount_namespace} and user namespace {user_namespace}"
    )]
    Gone {
        /// The mount namespace's inode number.
        mount_namespace: u32,
        /// The user namespace's inode number.
        user_namespace: u32,
    },
    /// Candidates cannot be looked at.
    #[error("cannot read the namespaces of process {pid}\n  the sensor needs CAP_SYS_PTRACE")]
    Unreadable {
        /// The last of them.
        pid: u32,
        /// Why.
        source: Errno,
    },
}

/// Reads the accounts of two namespaces, given by their inode numbers, through the first candidate
/// that is alive and in both. Candidates with the mount namespace's own root come first.
///
/// The sensor itself is a good last candidate for its own namespaces.
///
/// The user namespace should be the one that the mount namespace belongs to (the host's, for the
/// host's), and then the names are right for all processes of the mount namespace, by their ids
/// outside. Not the acting process's own: any user can make a user namespace, be root in there and
/// stay in the mount namespace, where that id is somebody else.
///
/// # Errors
///
/// If there is no such candidate. What is wrong with a file is told in its [`Outcome`].
pub fn read(
    proc: &Path,
    candidates: &[u32],
    mount_namespace: u32,
    user_namespace: u32,
) -> Result<NamespaceAccounts, Why> {
    let wanted = Wanted {
        mount: mount_namespace.into(),
        user: user_namespace.into(),
    };
    let mut why = Why::Gone {
        mount_namespace,
        user_namespace,
    };
    for root in [Root::Namespace, Root::Changed] {
        for &pid in candidates {
            match wanted.open(proc, pid, root) {
                Ok(Some(opened)) => return Ok(opened.read(proc, root)),
                Ok(None) | Err(Errno::NOENT | Errno::SRCH) => {}
                Err(source) => why = Why::Unreadable { pid, source },
            }
        }
    }
    Err(why)
}

/// The namespaces that a candidate has to be in.
struct Wanted {
    mount: u64,
    user: u64,
}

/// What a candidate was needed for.
struct Opened {
    root: Directory,
    user_map: IdMap,
    group_map: IdMap,
}

impl Wanted {
    /// Opens what is needed of a candidate, if it is in the namespaces and has such a root.
    fn open(&self, proc: &Path, pid: u32, root: Root) -> Result<Option<Opened>, Errno> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        // Stays that of this process: when the id is given to another, it is empty.
        let process = openat(CWD, proc.join(pid.to_string()), flags, Mode::empty())?;
        if !self.is_home_of(process.as_fd())? || root_of(process.as_fd())? != root {
            return Ok(None);
        }
        let opened = Opened {
            root: Directory::new(openat(&process, "root", flags, Mode::empty())?),
            user_map: map(process.as_fd(), "uid_map")?,
            group_map: map(process.as_fd(), "gid_map")?,
        };
        // It may have gone to other namespaces meanwhile.
        Ok(self.is_home_of(process.as_fd())?.then_some(opened))
    }

    fn is_home_of(&self, process: BorrowedFd) -> Result<bool, Errno> {
        let inode = |name| statat(process, name, AtFlags::empty()).map(|found| found.st_ino);
        Ok(inode("ns/mnt")? == self.mount && inode("ns/user")? == self.user)
    }
}

/// The root of a mount namespace is shown as `/`, wherever it is.
fn root_of(process: BorrowedFd) -> Result<Root, Errno> {
    let path = readlinkat(process, "root", Vec::new())?;
    Ok(if path.as_bytes() == b"/" {
        Root::Namespace
    } else {
        Root::Changed
    })
}

fn map(process: BorrowedFd, name: &str) -> Result<IdMap, Errno> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    let file = File::from(openat(process, name, flags, Mode::empty())?);
    let mut text = String::new();
    file.take(MAP_BYTES)
        .read_to_string(&mut text)
        .map_err(|error| errno(&error))?;
    IdMap::parse(&text).ok_or(Errno::INVAL)
}

impl Opened {
    fn read(self, proc: &Path, root: Root) -> NamespaceAccounts {
        let (users, users_outcome) = names(proc, &self.root, "etc/passwd");
        let (groups, groups_outcome) = names(proc, &self.root, "etc/group");
        NamespaceAccounts {
            accounts: Accounts { users, groups },
            user_map: self.user_map,
            group_map: self.group_map,
            users_outcome,
            groups_outcome,
            root,
        }
    }
}

fn names(proc: &Path, root: &Directory, path: &str) -> (Names, Outcome) {
    let read = || -> Result<Option<Names>, Errno> {
        let Some(file) = open_beneath(proc, root, path)? else {
            return Ok(None);
        };
        Names::read(BufReader::with_capacity(64 << 10, file), Limits::default())
            .map(Some)
            .map_err(|error| errno(&error))
    };
    match read() {
        Ok(Some(names)) => {
            let counters = names.counters();
            (names, Outcome::Read(counters))
        }
        Ok(None) => (Names::default(), Outcome::NotRegular),
        Err(Errno::NOENT | Errno::NOTDIR) => (Names::default(), Outcome::Absent),
        Err(error) => (Names::default(), Outcome::Failed(error)),
    }
}

/// Opens a file beneath a root, if it is a regular one.
fn open_beneath(proc: &Path, root: &Directory, path: &str) -> Result<Option<File>, Errno> {
    let found = root.find(path)?;
    // Only found so far, not opened: a device would notice that.
    if !FileType::from_raw_mode(fstat(&found)?.st_mode).is_file() {
        return Ok(None);
    }
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY;
    let same = proc.join(format!("self/fd/{}", found.as_raw_fd()));
    Ok(Some(openat(CWD, same, flags, Mode::empty())?.into()))
}

fn errno(error: &std::io::Error) -> Errno {
    Errno::from_io_error(error).unwrap_or(Errno::IO)
}
