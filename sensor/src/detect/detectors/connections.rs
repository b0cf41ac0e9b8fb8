//! Connections to other hosts that processes have, as far as was seen.

use std::fmt;

use sensor_common::network::{AF_INET, AF_INET6};

use crate::{
    clock::BootTime,
    enrich::cache::Cache,
    event::{Body, Endpoint, Endpoints, Event, Origin, ProcessId},
    process::Process,
};

/// Most processes whose connections are remembered.
pub(super) const PROCESSES_MAX: usize = 8_192;
/// Connections remembered of each: the newest.
const PER_PROCESS: usize = 3;
/// How long a connection counts whose end was not seen.
const COUNTS_NANOSECONDS: u64 = 3_600_000_000_000;
/// Where names are asked for: such a connection carries no shell.
const DNS_PORT: u16 = 53;

/// Who began a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// The process did.
    Outbound,
    /// The other end did.
    Inbound,
}

/// A connection whose end was not seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Open {
    pub(super) way: Way,
    pub(super) remote: Endpoint,
    /// The event that told of it.
    pub(super) origin: Origin,
}

/// The newest connections of each process.
#[derive(Debug)]
pub(super) struct Connections {
    of: Cache<ProcessId, [Option<Open>; PER_PROCESS]>,
}

impl Connections {
    pub(super) fn new() -> Self {
        Self {
            of: Cache::new(PROCESSES_MAX),
        }
    }

    /// Takes in what an event says of a connection: the one that is new.
    pub(super) fn observe(&mut self, event: &Event) -> Option<Open> {
        let id = event.actor?.id;
        let (way, endpoints) = match &event.body {
            Body::Connect(connection) => (Way::Outbound, connection.endpoints),
            Body::Accept(connection) => (Way::Inbound, connection.endpoints),
            Body::Closed(closed) => {
                self.close(id, closed.endpoints.remote);
                return None;
            }
            _ => return None,
        };
        if !carries(&endpoints) {
            return None;
        }
        let open = Open {
            way,
            remote: endpoints.remote,
            origin: event.origin,
        };
        let [first, second, _] = self.of.get(&id).copied().unwrap_or_default();
        self.of.insert(id, [Some(open), first, second]);
        Some(open)
    }

    fn close(&mut self, id: ProcessId, remote: Endpoint) {
        if let Some(known) = self.of.peek(&id) {
            let kept = known.map(|open| open.filter(|open| open.remote != remote));
            self.of.insert(id, kept);
        }
    }

    /// The newest connection that a process has at a moment, outbound ones first.
    pub(super) fn of(&self, id: ProcessId, now: BootTime) -> Option<Open> {
        let known = self.of.peek(&id)?.iter().flatten();
        let mut current =
            known.filter(|open| now.0.saturating_sub(open.origin.time.0) <= COUNTS_NANOSECONDS);
        let first = current.next().copied()?;
        let outbound = current.find(|open| open.way == Way::Outbound).copied();
        match first.way {
            Way::Outbound => Some(first),
            Way::Inbound => outbound.or(Some(first)),
        }
    }

    /// Processes that were forgotten for want of room.
    pub(super) const fn forgotten(&self) -> u64 {
        self.of.evicted()
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.of.len()
    }
}

/// Whether a shell could be at the other end.
fn carries(endpoints: &Endpoints) -> bool {
    const UDP: u16 = 17;
    let asks_names = endpoints.protocol == UDP && endpoints.remote.port == Some(DNS_PORT);
    matches!(endpoints.family, AF_INET | AF_INET6) && !asks_names
}

impl fmt::Display for Open {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self.way {
            Way::Outbound => "to ",
            Way::Inbound => "from ",
        })?;
        match (self.remote.address, self.remote.port) {
            (Some(address), Some(port)) if address.is_ipv6() => {
                write!(formatter, "[{address}]:{port}")
            }
            (Some(address), Some(port)) => write!(formatter, "{address}:{port}"),
            (Some(address), None) => write!(formatter, "{address}"),
            (None, _) => formatter.write_str("an unknown address"),
        }
    }
}

/// What one shell started as one job: children of one parent, in one process group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Job {
    parent: ProcessId,
    group: u32,
}

impl Job {
    /// The job that a process is in, if that is known.
    pub(super) fn of(process: &Process) -> Option<Self> {
        Some(Self {
            parent: process.parent?,
            group: process.process_group?.0,
        })
    }
}
