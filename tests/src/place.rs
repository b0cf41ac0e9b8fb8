//! Where the scenarios run: a whole test machine, or a cgroup of a machine that others use too.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::host::{Host, line};
use crate::portrait::cgroup_folder;

/// Where the scenarios run, with a folder for their files. Removed when it is dropped.
#[derive(Debug)]
pub struct Place {
    /// A folder for the scenarios' files; its path has no symbolic links.
    pub folder: PathBuf,
    /// The cgroup that the sensor may look at, where the machine is not ours alone.
    pub scope: Option<PathBuf>,
    above: Option<PathBuf>,
}

impl Place {
    /// Prepares the machine. On one that is not ours alone, moves this process to a cgroup of its
    /// own.
    pub fn prepare() -> Result<Self> {
        let folder = PathBuf::from(format!("/tmp/sensor-scenarios-{}", std::process::id()));
        fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let folder = folder.canonicalize()?;
        if is_a_test_machine() {
            furnish()?;
            return Ok(Self {
                folder,
                scope: None,
                above: None,
            });
        }
        let host = Host::read()?;
        let above = cgroup_folder(&host, std::process::id())?;
        let scope = above.join(format!("sensor-scenarios-{}", std::process::id()));
        fs::create_dir(&scope)
            .with_context(|| format!("cannot make the cgroup {}", scope.display()))?;
        move_to(&scope)?;
        Ok(Self {
            folder,
            scope: Some(scope),
            above: Some(above),
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _left_behind = fs::remove_dir_all(&self.folder);
        if let (Some(scope), Some(above)) = (&self.scope, &self.above) {
            let _left_behind = move_to(above).map(|()| fs::remove_dir(scope));
        }
    }
}

/// Whether this is a machine that `cargo xtask vm` booted.
pub fn is_a_test_machine() -> bool {
    env::var_os("SENSOR_VM_CHANNEL").is_some()
}

/// A test machine lacks what tells one host from another.
fn furnish() -> Result<()> {
    for (path, content) in [
        ("/etc/machine-id", "5ca1ab1e0ddba11c0ffee0decade0123\n"),
        (
            "/etc/os-release",
            "PRETTY_NAME=\"Test Machine 1.2\"\nNAME=\"Test Machine\"\nID=testmachine\nVERSION_ID=\"1.2\"\n",
        ),
    ] {
        if line(path).is_err() {
            fs::write(path, content).with_context(|| format!("cannot write {path}"))?;
        }
    }
    Ok(())
}

fn move_to(cgroup: &Path) -> Result<()> {
    fs::write(cgroup.join("cgroup.procs"), "0")
        .with_context(|| format!("cannot enter the cgroup {}", cgroup.display()))
}
