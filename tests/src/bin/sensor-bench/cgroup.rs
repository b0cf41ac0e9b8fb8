//! A cgroup of the bench's own: on a shared machine only what happens in it is watched.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

/// A cgroup that is there as long as this value.
#[derive(Debug)]
pub struct Cgroup {
    path: PathBuf,
}

impl Cgroup {
    /// Makes one directly below the root of the version 2 hierarchy.
    pub fn create() -> Result<Self> {
        let mounts = fs::read_to_string("/proc/mounts").context("cannot read /proc/mounts")?;
        let root = mount_point(&mounts)
            .context("the cgroup version 2 hierarchy is not mounted: mount -t cgroup2 ...")?;
        let path = Path::new(root).join(format!("sensor-bench-{}", std::process::id()));
        fs::create_dir(&path)
            .with_context(|| format!("cannot make the cgroup {}", path.display()))?;
        Ok(Self { path })
    }

    /// Its directory.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        // The kernel refuses while it dies that something is in it; then it stays, empty.
        let _empty_one_stays = fs::remove_dir(&self.path);
    }
}

/// Moves this process into a cgroup.
pub fn join(cgroup: &Path) -> Result<()> {
    fs::write(cgroup.join("cgroup.procs"), "0")
        .with_context(|| format!("cannot enter the cgroup {}", cgroup.display()))
}

/// Where a list of mounts (`proc(5)`) has the version 2 hierarchy.
fn mount_point(mounts: &str) -> Option<&str> {
    mounts.lines().find_map(|line| {
        let mut fields = line.split(' ').skip(1);
        let place = fields.next()?;
        (fields.next()? == "cgroup2").then_some(place)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_version_is_found_beside_the_first() {
        let mounts = "proc /proc proc rw 0 0\ncgroup /sys/fs/cgroup/cpu cgroup rw 0 0\n\
                      cgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0\n";
        assert_eq!(mount_point(mounts), Some("/sys/fs/cgroup/unified"));
        assert_eq!(mount_point("proc /proc proc rw 0 0\n"), None);
    }
}
