//! Cgroups with the names that runtimes give to those of containers.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use crate::expect::Expect;
use crate::host::{Host, inode};
use crate::portrait::Portrait;
use crate::scenario::Context;
use crate::stage::Stage;

use super::hashes::sha256;

/// A cgroup, as long as this lives.
pub struct Cgroup {
    /// Its directory.
    pub folder: PathBuf,
    /// What had to be made, the outermost first.
    made: Vec<PathBuf>,
}

impl Cgroup {
    /// Makes a cgroup, by its path from the hierarchy's root, and those above that are not there.
    pub fn make(host: &Host, path: &str) -> Result<Self> {
        Self::below(&host.cgroup_mount, path)
    }

    /// The same in the hierarchy that is mounted there.
    pub fn below(mount: &Path, path: &str) -> Result<Self> {
        let mut cgroup = Self {
            folder: mount.to_owned(),
            made: Vec::new(),
        };
        for name in path.split('/').filter(|name| !name.is_empty()) {
            cgroup.folder.push(name);
            match fs::create_dir(&cgroup.folder) {
                Ok(()) => cgroup.made.push(cgroup.folder.clone()),
                Err(error) if error.kind() == ErrorKind::AlreadyExists => (),
                Err(error) => bail!("cannot make {}: {error}", cgroup.folder.display()),
            }
        }
        Ok(cgroup)
    }

    /// Moves the process of a stage here.
    pub fn take(&self, stage: &mut Stage) -> Result<()> {
        let members = self.folder.join("cgroup.procs");
        fs::write(&members, stage.pid().to_string())
            .with_context(|| format!("cannot write {}", members.display()))?;
        stage.portrait.cgroup = inode(&self.folder)?;
        stage.portrait.cgroup_is_plain = false;
        Ok(())
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        for folder in self.made.iter().rev() {
            // A process that was killed may take a moment to leave.
            for _ in 0..100 {
                if fs::remove_dir(folder).is_ok() {
                    break;
                }
                sleep(Duration::from_millis(10));
            }
        }
    }
}

/// A container, as far as the kernel knows of it.
pub struct Container {
    /// Its id.
    pub id: String,
    /// Its cgroup.
    pub cgroup: Cgroup,
    facts: Vec<(&'static str, String)>,
}

impl Container {
    /// One of Docker's, as it names cgroups by itself.
    pub fn docker(context: &Context<'_>) -> Result<Self> {
        let id = id_of(context);
        Ok(Self {
            cgroup: Cgroup::make(context.host, &format!("docker/{id}"))?,
            facts: vec![("container.runtime", "docker".to_owned())],
            id,
        })
    }

    /// One of Docker's, in a hierarchy of its own.
    pub fn below(mount: &Path, id: &str) -> Result<Self> {
        Ok(Self {
            cgroup: Cgroup::below(mount, &format!("docker/{id}"))?,
            facts: vec![("container.runtime", "docker".to_owned())],
            id: id.to_owned(),
        })
    }

    /// One of Docker's, as systemd names cgroups for it.
    pub fn unit(context: &Context<'_>) -> Result<Self> {
        let id = id_of(context);
        let unit = format!("docker-{id}.scope");
        Ok(Self {
            cgroup: Cgroup::make(context.host, &format!("system.slice/{unit}"))?,
            facts: vec![
                ("container.runtime", "docker".to_owned()),
                ("sensor.systemd.unit", unit),
                ("sensor.systemd.slice", "system.slice".to_owned()),
            ],
            id,
        })
    }

    /// One of a Kubernetes pod, whose path does not tell the runtime.
    pub fn of_pod(context: &Context<'_>) -> Result<Self> {
        let id = id_of(context);
        let pod = "0a1b2c3d-4e5f-4a6b-8c7d-8e9f0a1b2c3d";
        let path = format!("kubepods/burstable/pod{pod}/{id}");
        Ok(Self {
            cgroup: Cgroup::make(context.host, &path)?,
            facts: vec![
                ("orchestrator.type", "kubernetes".to_owned()),
                ("orchestrator.resource.type", "pod".to_owned()),
                ("orchestrator.resource.id", pod.to_owned()),
            ],
            id,
        })
    }

    /// What an event tells of a process in it, which came into the host by this entry.
    pub fn expect(&self, expect: Expect, host: &Host, entry: &Portrait) -> Expect {
        let expect = expect
            .is("container.id", self.id.clone())
            .absent("sensor.container.unknown")
            .is("process.entry_leader.entry_meta.type", "container")
            .is("process.entry_leader.pid", entry.pid)
            .is(
                "process.entry_leader.entity_id",
                host.entity_id(entry.pid, entry.start),
            )
            .started("process.entry_leader.start", entry.start);
        self.facts
            .iter()
            .fold(expect, |expect, (path, value)| expect.is(*path, &**value))
    }
}

/// An id that no other scenario's container has.
fn id_of(context: &Context<'_>) -> String {
    sha256(context.folder.as_os_str().as_encoded_bytes())
}

/// Why a scenario cannot be played where the hierarchy's root is not ours.
pub fn refusal(context: &Context<'_>) -> Option<String> {
    let reason = "cgroups at the root of the hierarchy are not ours to make";
    context.scope().map(|_| reason.to_owned())
}
