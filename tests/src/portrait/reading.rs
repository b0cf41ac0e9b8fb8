//! Reads `/proc`.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use super::{NAMESPACES, Parent, Portrait};
use crate::host::{Host, inode, line};

/// A process.
pub fn portrait(host: &Host, pid: u32) -> Result<Portrait> {
    let folder = folder(pid);
    let stat = line(folder.join("stat"))?;
    let number = |field| number_in_stat(&stat, field);
    let status = Status::read(&folder.join("status"))?;
    // `new_encode_dev`, as a number with a sign.
    let tty = number(7)? & 0xffff_ffff;
    let tty = (tty != 0).then_some((tty >> 8 & 0xfff, tty & 0xff | tty >> 12 & 0xf_ff00));
    let mut namespaces = BTreeMap::new();
    for kind in NAMESPACES {
        let link = folder.join("ns").join(kind);
        if link.exists() {
            namespaces.insert(kind, inode(link)?);
        }
    }
    Ok(Portrait {
        pid,
        start: number(22)?,
        executable: executable(&folder.join("exe"))?,
        args: arguments(&folder.join("cmdline"))?,
        working_directory: link(&folder.join("cwd"))?,
        vpid: status.innermost_pid()?,
        thread: pid,
        effective: status.set("CapEff")?,
        permitted: status.set("CapPrm")?,
        uids: status.ids("Uid")?,
        gids: status.ids("Gid")?,
        tty: match tty {
            Some((major, minor)) => Some((major.try_into()?, minor.try_into()?)),
            None => None,
        },
        group_leader: number(5)?.try_into()?,
        session_leader: number(6)?.try_into()?,
        login_uid: audit(&folder.join("loginuid")),
        audit_session: audit(&folder.join("sessionid")),
        cgroup: inode(cgroup_folder(host, pid)?)?,
        cgroup_is_plain: cgroup_folder(host, pid)? != host.cgroup_mount.join(""),
        namespaces,
        parent: Parent::of(number(4)?.try_into()?)?,
    })
}

/// A process, as it is told of as the parent of another.
pub fn parent(pid: u32) -> Result<Parent> {
    let folder = folder(pid);
    Ok(Parent {
        pid,
        start: start(pid)?,
        executable: executable(&folder.join("exe"))?,
        args: arguments(&folder.join("cmdline"))?,
        working_directory: link(&folder.join("cwd"))?,
        vpid: Status::read(&folder.join("status"))?.innermost_pid()?,
    })
}

/// When a process was made, in ticks of 10 ms since boot. It can be read until somebody has waited
/// for the process.
pub fn start(pid: u32) -> Result<u64> {
    let stat = line(folder(pid).join("stat"))?;
    number_in_stat(&stat, 22)
}

/// The directory of a process's version 2 cgroup.
pub fn cgroup_folder(host: &Host, pid: u32) -> Result<PathBuf> {
    let cgroups = line(folder(pid).join("cgroup"))?;
    let path = cgroups
        .lines()
        .find_map(|line| line.strip_prefix("0::/"))
        .with_context(|| format!("process {pid} is in no version 2 cgroup"))?;
    Ok(host.cgroup_mount.join(path))
}

fn folder(pid: u32) -> PathBuf {
    PathBuf::from(format!("/proc/{pid}"))
}

fn link(path: &Path) -> Result<String> {
    let target = fs::read_link(path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(target.to_string_lossy().into_owned())
}

/// `/proc` says so where an executable was deleted since; a path it is without that.
fn executable(path: &Path) -> Result<String> {
    let target = link(path)?;
    Ok(target
        .strip_suffix(" (deleted)")
        .map(str::to_owned)
        .unwrap_or(target))
}

fn arguments(path: &Path) -> Result<Vec<String>> {
    let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut arguments: Vec<String> = bytes
        .split(|byte| *byte == 0)
        .map(|arg| OsStr::from_bytes(arg).to_string_lossy().into_owned())
        .collect();
    arguments.pop(); // what follows the last NUL
    Ok(arguments)
}

/// Audit's ids are -1 as long as nobody set them, and the files are missing without audit.
fn audit(path: &Path) -> Option<u32> {
    line(path)
        .ok()?
        .parse()
        .ok()
        .filter(|number| *number != u32::MAX)
}

/// A numeric field of `/proc/PID/stat`, counted as proc(5) does. The second, the name, may hold
/// anything.
fn number_in_stat(stat: &str, field: usize) -> Result<u64> {
    let (_, rest) = stat
        .rsplit_once(") ")
        .context("/proc/PID/stat has no name")?;
    let word = rest
        .split(' ')
        .nth(field.saturating_sub(3))
        .with_context(|| format!("/proc/PID/stat has no field {field}"))?;
    let number: i64 = word.parse().or_else(|_| {
        word.parse::<u64>()
            .map(u64::cast_signed)
            .with_context(|| format!("field {field} of /proc/PID/stat is no number"))
    })?;
    Ok(number.cast_unsigned())
}

/// `/proc/PID/status`
struct Status(String);

impl Status {
    fn read(path: &Path) -> Result<Self> {
        line(path).map(Self)
    }

    fn value(&self, name: &str) -> Result<&str> {
        self.0
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
            .map(str::trim)
            .with_context(|| format!("/proc/PID/status has no {name}"))
    }

    fn set(&self, name: &str) -> Result<u64> {
        Ok(u64::from_str_radix(self.value(name)?, 16)?)
    }

    fn ids(&self, name: &str) -> Result<[u32; 4]> {
        let ids: Vec<u32> = self
            .value(name)?
            .split_whitespace()
            .map(str::parse)
            .collect::<Result<_, _>>()?;
        ids.try_into()
            .ok()
            .with_context(|| format!("{name} in /proc/PID/status is not four ids"))
    }

    fn innermost_pid(&self) -> Result<u32> {
        let last = self.value("NSpid")?.split_whitespace().next_back();
        Ok(last.context("NSpid is empty")?.parse()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_stat_may_hold_anything() {
        let stat = "7 (a) b) R 1 2 3 34816 5";
        assert_eq!(number_in_stat(stat, 4).unwrap(), 1);
        assert_eq!(number_in_stat(stat, 7).unwrap(), 34816);
        assert!(number_in_stat(stat, 9).is_err());
    }
}
