//! An attempt of a process to reach an address, and what came of it.

use std::net::{IpAddr, SocketAddr};

use sensor_common::network::{Direction, Role};

use super::address::Reach;
use crate::event::{Body, Closed, Datagram, Endpoint, Endpoints, Event};

/// Protocols with ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Transport {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

/// An attempt of a process to reach an address.
#[derive(Clone, Copy, Debug)]
pub(super) struct Attempt {
    /// What it tried to reach.
    pub(super) remote: SocketAddr,
    /// By which protocol.
    pub(super) transport: Transport,
    /// Whether that is this host itself.
    pub(super) stays: bool,
    /// What came of it.
    pub(super) outcome: Outcome,
}

/// What came of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Nobody took it; or it went by UDP, of which nobody can tell.
    Unanswered,
    /// It was taken, and nothing was said.
    Silent,
    /// Something was said.
    Spoken,
}

impl Attempt {
    /// The attempt that ended with an event.
    pub(super) fn of(event: &Event) -> Option<Self> {
        match &event.body {
            Body::Closed(closed) => Self::closed(closed),
            Body::Datagram(datagram) => Self::datagram(datagram),
            _ => None,
        }
    }

    fn closed(closed: &Closed) -> Option<Self> {
        // Without its beginning nobody can tell whether it was ever established.
        if closed.role != Role::Client || closed.opened.is_none() {
            return None;
        }
        let outcome = if closed.established.is_none() {
            Outcome::Unanswered
        } else if closed.bytes_sent == 0 && closed.bytes_received == 0 {
            Outcome::Silent
        } else {
            Outcome::Spoken
        };
        Self::to(&closed.endpoints, Transport::Tcp, outcome)
    }

    /// The first datagram between a process and a peer is the process's attempt only if it went out:
    /// else it is the peer's.
    fn datagram(datagram: &Datagram) -> Option<Self> {
        if datagram.direction != Direction::Egress {
            return None;
        }
        Self::to(&datagram.endpoints, Transport::Udp, Outcome::Unanswered)
    }

    fn to(endpoints: &Endpoints, transport: Transport, outcome: Outcome) -> Option<Self> {
        let remote = socket(endpoints.remote)?;
        Some(Self {
            remote,
            transport,
            stays: stays(endpoints.local.address, remote.ip()),
            outcome,
        })
    }
}

/// The address and port of an end, if both are known.
pub(super) fn socket(endpoint: Endpoint) -> Option<SocketAddr> {
    Some(SocketAddr::new(endpoint.address?, endpoint.port?))
}

/// Whether what goes to an address stays on the host.
fn stays(local: Option<IpAddr>, remote: IpAddr) -> bool {
    local == Some(remote) || Reach::of(remote) == Reach::Host
}
