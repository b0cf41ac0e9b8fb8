//! What is known from the runtimes of containers.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{cache::Cache, runtimes::Details};
use crate::process::placement::Placement;

/// Most containers of which something is remembered.
const CONTAINERS_MAX: usize = 4_096;

/// A container, and whose. Anybody may name a cgroup of his own like a container of another user, and
/// let a runtime of his own say what he likes of it: what it says is of his containers only.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ContainerId {
    /// What its runtime calls it.
    pub id: Arc<str>,
    /// The user whose own runtime runs it; none for the host's.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub owner: Option<u32>,
}

impl ContainerId {
    /// The container that a cgroup is in.
    #[must_use]
    pub fn of(placement: &Placement) -> Option<Self> {
        Some(Self {
            id: Arc::from(&*placement.container.as_ref()?.id),
            owner: placement.systemd.owner_uid,
        })
    }
}

/// What is known from the runtimes of containers.
#[derive(Debug)]
pub struct Containers {
    known: Cache<Arc<str>, Vec<Told>>,
}

/// What an owner's runtime says of a container.
type Told = (Option<u32>, Option<Arc<Details>>);

impl Default for Containers {
    fn default() -> Self {
        Self {
            known: Cache::new(CONTAINERS_MAX),
        }
    }
}

/// Owners of containers of one id that are remembered.
const OWNERS_MAX: usize = 4;

impl Containers {
    /// Whether a container's runtime was asked already, and answered.
    pub fn is_known(&mut self, container: &ContainerId) -> bool {
        let known = self.known.get(&*container.id).into_iter().flatten();
        known
            .into_iter()
            .any(|(owner, _)| *owner == container.owner)
    }

    /// Notes what a container's runtime says.
    pub fn learn(&mut self, container: &ContainerId, details: Option<Arc<Details>>) {
        let known = self.known.get(&*container.id).into_iter().flatten();
        let mut owners: Vec<Told> = known
            .filter(|(owner, _)| *owner != container.owner)
            .cloned()
            .collect();
        owners.truncate(OWNERS_MAX - 1);
        owners.insert(0, (container.owner, details));
        self.known.insert(container.id.clone(), owners);
    }

    /// What a container's runtime says.
    #[must_use]
    pub fn get(&self, placement: &Placement) -> Option<&Arc<Details>> {
        let container = placement.container.as_ref()?;
        let owners = self.known.peek(&*container.id)?;
        let (_, details) = owners
            .iter()
            .find(|(owner, _)| *owner == placement.systemd.owner_uid)?;
        details.as_ref()
    }

    /// How many were forgotten for want of room.
    #[must_use]
    pub const fn evicted(&self) -> u64 {
        self.known.evicted()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{enrich::runtimes::Runtime, process::placement::placement};

    const ID: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    fn details(name: &str) -> Arc<Details> {
        let json = serde_json::json!({
            "runtime": Runtime::Docker,
            "name": name,
            "image_hashes": [],
            "labels": [],
            "left_out": 0,
        });
        Arc::new(serde_json::from_value(json).unwrap())
    }

    #[test]
    fn a_user_speaks_of_his_own_containers_only() {
        let hosts = placement(&format!("/system.slice/docker-{ID}.scope"));
        let users = placement(&format!(
            "/user.slice/user-1000.slice/user@1000.service/user.slice/docker-{ID}.scope"
        ));
        let mut containers = Containers::default();
        let [host, user] = [&hosts, &users].map(|place| ContainerId::of(place).unwrap());
        assert_eq!(user.owner, Some(1000));
        containers.learn(&user, Some(details("liar")));
        assert!(!containers.is_known(&host));
        assert!(containers.get(&hosts).is_none());
        containers.learn(&host, Some(details("web")));
        let name = |place| containers.get(place).unwrap().name.clone();
        assert_eq!(name(&hosts).as_deref(), Some("web"));
        assert_eq!(name(&users).as_deref(), Some("liar"));
    }
}
