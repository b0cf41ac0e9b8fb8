//! What must be the same for an alert to be the same again.

use std::net::IpAddr;

use sensor_common::network::{Direction, Role};
use sha2::{Digest as _, Sha256};

use crate::{
    detect::alert::Alert,
    event::{Body, Endpoints},
    observed::Observed,
    process::{Process, placement::Shape},
};

/// What must be the same: rule, what a correlation groups by, program, parent's program, user, container
/// or unit, and peer. Half of a
/// SHA-256 of them: whoever chooses paths and names cannot make two that are alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Key([u8; 16]);

/// Parts, one after another, each with its length, so that no two rows of parts are the same bytes.
struct Parts(Sha256);

impl Key {
    /// The key of an alert at an event.
    pub(super) fn of(alert: &Alert, observed: &Observed<'_>) -> Self {
        let mut parts = Parts(Sha256::new());
        parts.add(alert.rule.id.as_bytes());
        parts.optional(alert.group.first().map(|_| []));
        for (name, value) in &alert.group {
            parts.add(name.as_bytes());
            parts.add(value.as_bytes());
        }
        match (&observed.event.body, observed.process) {
            (Body::Exec(exec), _) => parts.add(&exec.executable.bytes),
            (_, process) => parts.add(executable(process)),
        }
        parts.add(executable(observed.parent));
        let uid = observed.event.actor.map(|actor| actor.uid);
        parts.optional(uid.map(u32::to_le_bytes));
        place(observed, &mut parts);
        if let Some(peer) = peer(&observed.event.body) {
            peer.add_to(&mut parts);
        }
        if let Body::Connect(connection) | Body::Accept(connection) = &observed.event.body {
            let path = connection.unix_path.as_ref();
            parts.optional(path.map(|path| &path.bytes));
        }
        let digest: [u8; 32] = parts.0.finalize().into();
        Self(digest.first_chunk().copied().unwrap_or_default())
    }
}

impl Parts {
    fn add(&mut self, part: &[u8]) {
        let length = u64::try_from(part.len()).unwrap_or(u64::MAX);
        self.0.update(length.to_le_bytes());
        self.0.update(part);
    }

    /// A part that may not be there, which is not the same as an empty one.
    fn optional(&mut self, part: Option<impl AsRef<[u8]>>) {
        self.add(&[u8::from(part.is_some())]);
        if let Some(part) = part {
            self.add(part.as_ref());
        }
    }
}

fn executable(process: Option<&Process>) -> &[u8] {
    process
        .and_then(|process| process.image.as_deref())
        .map_or(b"", |image| image.executable.as_bytes())
}

/// Where the process runs: its container, or else its unit. Cgroups of login sessions differ from one
/// login to the next: of those it is the user that counts.
fn place(observed: &Observed<'_>, parts: &mut Parts) {
    let placement = observed
        .process
        .and_then(|process| process.placement.as_deref())
        .filter(|placement| placement.container.is_some() || placement.shape == Shape::Known);
    let Some(placement) = placement else {
        let actor = observed.event.actor.map(|actor| actor.cgroup.0);
        parts.optional(actor.map(u64::to_le_bytes));
        return;
    };
    for container in [&placement.outer, &placement.container] {
        let id = container.as_ref().map(|container| container.id.as_bytes());
        parts.optional(id);
    }
    if placement.container.is_some() {
        return;
    }
    let systemd = &placement.systemd;
    parts.optional(systemd.owner_uid.map(u32::to_le_bytes));
    if systemd.session.is_none() {
        for unit in [&systemd.unit, &systemd.user_unit] {
            parts.optional(unit.as_ref().map(|unit| unit.as_bytes()));
        }
    }
}

/// Whom a process has to do with.
struct Peer {
    address: Option<IpAddr>,
    port: Option<u16>,
}

impl Peer {
    /// Who is asked.
    const fn server(endpoints: &Endpoints) -> Self {
        Self {
            address: endpoints.remote.address,
            port: endpoints.remote.port,
        }
    }

    /// Who asks this host: from a port that differs each time, at one that does not.
    const fn client(endpoints: &Endpoints) -> Self {
        Self {
            address: endpoints.remote.address,
            port: endpoints.local.port,
        }
    }

    fn add_to(&self, parts: &mut Parts) {
        match self.address {
            Some(IpAddr::V4(address)) => parts.add(&address.octets()),
            Some(IpAddr::V6(address)) => parts.add(&address.octets()),
            None => parts.add(&[]),
        }
        parts.optional(self.port.map(u16::to_le_bytes));
    }
}

fn peer(body: &Body) -> Option<Peer> {
    Some(match body {
        Body::Connect(connection) => Peer::server(&connection.endpoints),
        Body::Accept(connection) | Body::Bind(connection) | Body::Listen(connection) => {
            Peer::client(&connection.endpoints)
        }
        Body::Established(connection) => Peer::server(&connection.endpoints),
        Body::Closed(closed) => match closed.role {
            Role::Client | Role::Unknown => Peer::server(&closed.endpoints),
            Role::Server | Role::Listener => Peer::client(&closed.endpoints),
        },
        Body::Datagram(datagram) => match datagram.direction {
            Direction::Egress => Peer::server(&datagram.endpoints),
            Direction::Ingress => Peer::client(&datagram.endpoints),
        },
        Body::DnsQuestion(dns) | Body::DnsAnswer(dns) => Peer::server(&dns.endpoints),
        _ => return None,
    })
}
