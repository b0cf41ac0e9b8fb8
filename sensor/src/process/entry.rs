//! How a process came into the host: the nearest ancestor that something outside of it set going, a
//! person at a terminal or over the network, a timer, a container runtime, the service manager.

use std::sync::Arc;

use super::{Image, lineage::Ancestor, placement::Placement};

/// How a process came into the host.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The first process that came in; none if it is the process itself.
    pub leader: Option<Arc<Ancestor>>,
    /// By what way.
    pub way: Way,
    /// Where the leader runs, if it came in by a container.
    container: Option<Arc<Placement>>,
    /// Whether the leader runs the program that it is there for. A container's first processes only
    /// prepare it.
    settled: bool,
}

/// The ways into a host. Their names are those that ECS lists for
/// `process.entry_leader.entry_meta.type`, where it has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Way {
    /// The service manager started it.
    Init,
    /// Somebody logged in over the network by SSH.
    Sshd,
    /// Somebody logged in at a terminal or screen of the host.
    Console,
    /// A timer's daemon started it.
    Cron,
    /// A container's runtime started it.
    Container,
    /// The kernel itself started it.
    Kernel,
}

impl Way {
    /// The way's name in events.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Init => "init",
            Self::Sshd => "sshd",
            Self::Console => "console",
            Self::Cron => "cron",
            Self::Container => "container",
            Self::Kernel => "kernel",
        }
    }

    /// The way that a program opens to what it starts, by the program's name.
    fn through(name: &str) -> Option<Self> {
        Some(match name {
            "sshd" | "sshd-session" | "sshd-auth" | "dropbear" => Self::Sshd,
            "cron" | "crond" | "fcron" | "anacron" | "atd" => Self::Cron,
            "login" | "gdm-session-worker" | "sddm-helper" | "lightdm" | "xdm" => Self::Console,
            _ => return None,
        })
    }
}

/// What decides whether a process is the first that came in.
#[derive(Clone, Copy, Debug)]
pub(super) struct Circumstances<'a> {
    /// Whether it is the host's first process.
    pub(super) is_first: bool,
    /// What is known of the one that made it.
    pub(super) maker: Option<&'a Ancestor>,
    /// What it runs.
    pub(super) image: Option<&'a Image>,
    /// Where it runs.
    pub(super) placement: Option<&'a Arc<Placement>>,
    /// Whether it just began to run that.
    pub(super) execs: bool,
    /// Whether it is known to see the host's own files: a container's runtime does, while it prepares
    /// the container from within its cgroup.
    pub(super) is_in_host_mounts: bool,
}

impl Entry {
    /// An entry of any kind.
    #[cfg(test)]
    pub(crate) const fn by(way: Way, leader: Option<Arc<Ancestor>>) -> Self {
        Self {
            leader,
            way,
            container: None,
            settled: true,
        }
    }

    /// The process itself.
    const fn itself(way: Way, container: Option<Arc<Placement>>, settled: bool) -> Self {
        Self {
            leader: None,
            way,
            container,
            settled,
        }
    }

    /// The same for a child of the process, which remembers it as `own`.
    pub(super) fn below(&self, own: &Arc<Ancestor>) -> Self {
        Self {
            leader: Some(self.leader.as_ref().unwrap_or(own).clone()),
            ..self.clone()
        }
    }

    /// The entry of a process under other circumstances than before; `before` is what it inherited, or
    /// what it was.
    pub(super) fn after(before: Option<Self>, now: Circumstances<'_>) -> Option<Self> {
        if let Some(placement) = now.placement.filter(|place| place.container.is_some()) {
            let known = before.as_ref().and_then(|entry| entry.container.as_ref());
            let is_same = known.is_some_and(|known| {
                Arc::ptr_eq(known, placement) || known.container == placement.container
            });
            let is_settled = before.as_ref().is_some_and(|entry| entry.settled);
            let settles = now.execs && !now.is_in_host_mounts;
            if !is_same || (settles && !is_settled) {
                let container = Some(placement.clone());
                return Some(Self::itself(Way::Container, container, settles));
            }
            return before;
        }
        if !now.execs {
            return before;
        }
        match way(now) {
            Some(way) => Some(Self::itself(way, None, true)),
            None => before,
        }
    }
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.leader == other.leader && self.way == other.way && self.settled == other.settled
    }
}

impl Eq for Entry {}

/// The way by which a process on the host itself came in, if it is the first of it.
fn way(now: Circumstances<'_>) -> Option<Way> {
    if now.is_first {
        return Some(Way::Init);
    }
    let maker = now.maker?;
    if maker.id.tgid.0 == 1 {
        return Some(Way::Init);
    }
    let maker_image = maker.image.as_deref()?;
    if maker_image.executable.is_empty() {
        return Some(Way::Kernel);
    }
    let way = Way::through(&maker_image.name)?;
    // A daemon's own helpers are no sessions.
    let own = now.image.and_then(|image| Way::through(&image.name));
    (own != Some(way)).then_some(way)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::placement::placement;

    fn image(name: &str) -> Image {
        Image {
            name: name.into(),
            executable: format!("/usr/bin/{name}"),
            ..Image::default()
        }
    }

    /// A container's runtime makes processes in its cgroup, of which one runs the runtime's own
    /// program again, before one runs the container's.
    #[test]
    fn a_container_begins_with_the_first_program_of_its_own() {
        let id = "a".repeat(64);
        let place = Arc::new(placement(&format!("/docker/{id}")));
        let image = image("x");
        let now = |execs, is_in_host_mounts| Circumstances {
            is_first: false,
            maker: None,
            image: Some(&image),
            placement: Some(&place),
            execs,
            is_in_host_mounts,
        };
        let entered = Entry::after(None, now(false, true)).unwrap();
        assert!(entered.way == Way::Container && !entered.settled);
        let prepares = Entry::after(Some(entered), now(true, true)).unwrap();
        assert!(!prepares.settled);
        let begins = Entry::after(Some(prepares), now(true, false)).unwrap();
        assert!(begins.settled && begins.leader.is_none());
        // What it goes on to run changes nothing.
        assert_eq!(
            Entry::after(Some(begins.clone()), now(true, false)),
            Some(begins)
        );
    }
}
