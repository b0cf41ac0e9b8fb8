//! The part of the host that is watched: all of it, or a cgroup and what is below it.

use std::{
    fs, io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use thiserror::Error;

/// A cgroup of the version 2 hierarchy whose subtree is watched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    /// Its directory.
    pub path: PathBuf,
    /// Its id: the inode number of the directory.
    pub id: u64,
    /// Its depth below the root of the hierarchy.
    pub level: u32,
}

/// Why a cgroup cannot be the scope.
#[derive(Debug, Error)]
pub enum ScopeError {
    /// The mounts could not be read.
    #[error("cannot read the mounts of this process from /proc/self/mountinfo")]
    Mounts(#[source] io::Error),
    /// The hierarchy is not mounted.
    #[error(
        "the cgroup version 2 hierarchy is not mounted\n  mount it: mount -t cgroup2 none /sys/fs/cgroup"
    )]
    NotMounted,
    /// The directory cannot be used.
    #[error("cannot use {path} as scope")]
    Unusable {
        /// The directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is not in the hierarchy.
    #[error(
        "{path} is not a directory below {mount_point}, where the cgroup version 2 hierarchy is mounted"
    )]
    Elsewhere {
        /// The directory.
        path: PathBuf,
        /// Where the hierarchy is mounted.
        mount_point: PathBuf,
    },
    /// The mount shows only a part of the hierarchy, so that depths cannot be told.
    #[error(
        "{0} shows only a part of the cgroup hierarchy\n  run the sensor in the host's cgroup namespace to give it \
         a scope"
    )]
    Partial(PathBuf),
}

/// Where the version 2 hierarchy is mounted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hierarchy {
    /// The directory.
    pub mount_point: PathBuf,
    /// The cgroup that is mounted there.
    pub root: PathBuf,
}

/// Finds the version 2 hierarchy.
///
/// # Errors
///
/// If it is not mounted.
pub fn hierarchy() -> Result<Hierarchy, ScopeError> {
    let mounts = fs::read("/proc/self/mountinfo").map_err(ScopeError::Mounts)?;
    find_hierarchy(&String::from_utf8_lossy(&mounts)).ok_or(ScopeError::NotMounted)
}

/// The first mount of type `cgroup2` (format: `proc(5)`).
fn find_hierarchy(mounts: &str) -> Option<Hierarchy> {
    mounts.lines().find_map(|line| {
        let (fields, rest) = line.split_once(" - ")?;
        if rest.split(' ').next()? != "cgroup2" {
            return None;
        }
        let mut fields = fields.split(' ').skip(3);
        let root = unescape(fields.next()?);
        let mount_point = unescape(fields.next()?);
        Some(Hierarchy { mount_point, root })
    })
}

/// Undoes the octal escapes of `/proc/PID/mountinfo`.
pub(super) fn unescape(field: &str) -> PathBuf {
    let mut text = field.to_owned();
    for (escape, character) in [
        ("\\040", " "),
        ("\\011", "\t"),
        ("\\012", "\n"),
        ("\\134", "\\"),
    ] {
        text = text.replace(escape, character);
    }
    PathBuf::from(text)
}

impl Scope {
    /// The scope of a cgroup's directory.
    ///
    /// # Errors
    ///
    /// If it is not a directory of the version 2 hierarchy, or its depth cannot be told.
    pub fn new(path: &Path) -> Result<Self, ScopeError> {
        let hierarchy = hierarchy()?;
        if hierarchy.root != Path::new("/") {
            return Err(ScopeError::Partial(hierarchy.mount_point));
        }
        let unusable = |source| ScopeError::Unusable {
            path: path.to_owned(),
            source,
        };
        let absolute = fs::canonicalize(path).map_err(unusable)?;
        let id = fs::metadata(&absolute).map_err(unusable)?.ino();
        let level =
            depth(&absolute, &hierarchy.mount_point).ok_or_else(|| ScopeError::Elsewhere {
                path: path.to_owned(),
                mount_point: hierarchy.mount_point.clone(),
            })?;
        Ok(Self {
            path: absolute,
            id,
            level,
        })
    }
}

/// How many directories below the mount point a path is.
fn depth(path: &Path, mount_point: &Path) -> Option<u32> {
    let below = path.strip_prefix(mount_point).ok()?;
    u32::try_from(below.components().count()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_unified_hierarchy_beside_the_old_ones() {
        let mounts = "\
            30 23 0:26 / /sys/fs/cgroup ro,nosuid - tmpfs tmpfs ro,mode=755\n\
            31 30 0:27 / /sys/fs/cgroup/unified rw,relatime shared:10 - cgroup2 cgroup2 rw\n\
            32 30 0:28 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,name=systemd\n";
        assert_eq!(
            find_hierarchy(mounts),
            Some(Hierarchy {
                mount_point: "/sys/fs/cgroup/unified".into(),
                root: "/".into()
            })
        );
    }

    #[test]
    fn finds_a_mount_point_with_a_space() {
        let mounts = "31 30 0:27 /a /mnt/c\\040g rw - cgroup2 none rw\n";
        let found = find_hierarchy(mounts).unwrap();
        assert_eq!(found.mount_point, Path::new("/mnt/c g"));
        assert_eq!(found.root, Path::new("/a"));
    }

    #[test]
    fn knows_when_there_is_none() {
        assert_eq!(
            find_hierarchy("22 1 254:1 / / rw - ext4 /dev/vda1 rw\ngarbage\n"),
            None
        );
    }

    #[test]
    fn counts_depth() {
        let mount_point = Path::new("/sys/fs/cgroup");
        assert_eq!(depth(mount_point, mount_point), Some(0));
        assert_eq!(depth(Path::new("/sys/fs/cgroup/a/b"), mount_point), Some(2));
        assert_eq!(depth(Path::new("/tmp"), mount_point), None);
    }
}
