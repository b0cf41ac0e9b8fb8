//! What a cgroup's path says: the container, the Kubernetes pod and the systemd unit.
//!
//! Runtimes and systemd name cgroups by fixed rules, so the path alone tells most of it, at no
//! cost and even for a process that is gone. The rules are the same in the version 2 hierarchy, the
//! old ones and both at once, with systemd or without it, for root and for a user.
//!
//! Only what the path proves is said. **Not** recognised as containers, because other things have
//! such names too:
//!
//! - a name of the user's choice in a plain directory: `/default/NAME` (containerd's `ctr`),
//!   `/NAME` and `/system.slice/NAME` (`runc` and `crun` by hand): [`Shape::Unknown`];
//! - `machine-NAME.scope` without `payload` below it: a virtual machine's, too;
//! - tasks of Nomad: those that run without isolation have the same paths;
//! - what runs a container from outside of it: conmon, LXC's monitor, the supervisor of
//!   systemd-nspawn, the virtual machine monitor of Kata Containers.
//!
//! LXD and Incus are LXC by their paths.

mod container;
mod systemd;
#[cfg(test)]
mod tests;

use container::{Part, Surroundings};

/// What the path of a cgroup says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Placement {
    /// The innermost container.
    pub container: Option<Container>,
    /// The outermost container, if containers are nested.
    ///
    /// A process that may make cgroups inside its container chooses the names of the inner ones; it
    /// has no say in this one.
    pub outer: Option<Container>,
    /// The innermost Kubernetes pod.
    pub pod: Option<Pod>,
    /// What the host's systemd made of it.
    pub systemd: Systemd,
    /// Whether all of the path is understood.
    pub shape: Shape,
}

/// A container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Container {
    /// Its id: 64 hexadecimal digits, or whatever the runtime takes as a name.
    pub id: Box<str>,
    /// What runs it, where the path tells.
    pub runtime: Option<Runtime>,
}

/// A Kubernetes pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pod {
    /// Its uid, with dashes; a static pod's is 32 hexadecimal digits without.
    pub uid: Box<str>,
}

/// What runs containers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Runtime {
    /// Docker Engine.
    Docker,
    /// containerd, for Kubernetes, nerdctl or by itself.
    Containerd,
    /// CRI-O.
    CriO,
    /// Podman.
    Podman,
    /// systemd-nspawn.
    SystemdNspawn,
    /// LXC, LXD or Incus.
    Lxc,
    /// runc, by hand.
    Runc,
    /// crun, by hand.
    Crun,
    /// `BuildKit`: a step of an image's build.
    Buildkit,
    /// Garden, of Cloud Foundry.
    Garden,
}

impl Runtime {
    /// Its name in events.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Docker => "docker",
            Self::Containerd => "containerd",
            Self::CriO => "cri-o",
            Self::Podman => "podman",
            Self::SystemdNspawn => "systemd-nspawn",
            Self::Lxc => "lxc",
            Self::Runc => "runc",
            Self::Crun => "crun",
            Self::Buildkit => "buildkit",
            Self::Garden => "garden",
        }
    }
}

/// Where systemd put it. Names are escaped, as systemd prints them.
///
/// A systemd inside a container has no say: its units are not the host's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Systemd {
    /// The unit of the system's manager: a service, scope, socket, mount or swap.
    pub unit: Option<Box<str>>,
    /// The innermost slice that the unit is in.
    pub slice: Option<Box<str>>,
    /// The unit of a user's manager, below `user@UID.service`.
    pub user_unit: Option<Box<str>>,
    /// The login session.
    pub session: Option<Box<str>>,
    /// The user whose slice, manager or session it is.
    pub owner_uid: Option<u32>,
}

/// Whether all of a path is understood.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Shape {
    /// What the path does not name is not there: no container means that it is in none.
    #[default]
    Known,
    /// Outside of any container there is a directory of which the path does not tell who made it:
    /// it may be a container.
    Unknown,
}

/// What a cgroup's path says. The path is relative to the root of the hierarchy, as the kernel has
/// it: with a leading `/`.
#[must_use]
pub fn placement(path: &str) -> Placement {
    let mut found = Placement {
        systemd: systemd::read(components(path)),
        ..Placement::default()
    };
    let mut surroundings = Surroundings::default();
    for component in components(path) {
        let part = container::part(component, &surroundings);
        surroundings.enter(component, &part);
        found.add(part);
    }
    if found.container.is_some() {
        found.shape = Shape::Known;
    }
    found
}

impl Placement {
    fn add(&mut self, part: Part) {
        match part {
            Part::Container(container) => self.enter(container),
            Part::Pod(pod) => self.pod = Some(pod),
            Part::ContainerOfPod(container, pod) => {
                self.pod = Some(pod);
                self.enter(container);
            }
            Part::Other => {}
            Part::Unknown => self.shape = Shape::Unknown,
        }
    }

    fn enter(&mut self, container: Container) {
        let around = self.container.replace(container);
        if self.outer.is_none() {
            self.outer = around;
        }
    }
}

/// The names in a path. In a cgroup namespace, a path outside of it begins with `..`.
fn components(path: &str) -> impl Iterator<Item = &str> {
    path.split('/')
        .filter(|component| !matches!(*component, "" | "." | ".."))
}
