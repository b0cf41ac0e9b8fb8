//! What happens on a made-up host's network, for tests.

use std::{net::SocketAddr, time::Duration};

use sensor_common::network::{Direction, Role};

use crate::{
    clock::BootTime,
    detect::{
        alert::Alert,
        detectors::scene::{HOST, Scene, endpoints, process_id, text},
    },
    event::{
        Actor, Body, Closed, Datagram, Dns, Endpoints, NetworkNamespace, Tid, dns::encoder::Encoder,
    },
};

/// A TCP connection from its beginning to its end.
#[derive(Clone, Copy, Debug)]
pub(super) struct Talk {
    pub(super) remote: SocketAddr,
    /// Those of a connection to or from there.
    pub(super) endpoints: Endpoints,
    pub(super) local_port: u16,
    pub(super) role: Role,
    pub(super) lasted: Duration,
    pub(super) established: bool,
    pub(super) sent: u64,
    pub(super) received: u64,
}

impl Talk {
    /// One that this host opened, and in which both sides spoke.
    pub(super) fn to(remote: &str) -> Self {
        let remote = remote.parse().unwrap();
        Self {
            remote,
            endpoints: endpoints(remote),
            local_port: 40_000,
            role: Role::Client,
            lasted: Duration::from_millis(50),
            established: true,
            sent: 500,
            received: 2_000,
        }
    }

    /// One that this host tried to open in vain.
    pub(super) fn refused(remote: &str) -> Self {
        Self {
            established: false,
            ..Self::to(remote).with(0, 0)
        }
    }

    /// One that a peer opened to a port of this host.
    pub(super) fn from(remote: &str, local_port: u16) -> Self {
        Self {
            local_port,
            role: Role::Server,
            ..Self::to(remote)
        }
    }

    /// The same with other bytes.
    pub(super) fn with(self, sent: u64, received: u64) -> Self {
        Self {
            sent,
            received,
            ..self
        }
    }

    /// Its last event, at a time.
    pub(super) fn closed(self, now: BootTime) -> Closed {
        let mut endpoints = self.endpoints;
        endpoints.local.port = Some(self.local_port);
        endpoints.remote.address = Some(self.remote.ip());
        endpoints.remote.port = Some(self.remote.port());
        let lasted = u64::try_from(self.lasted.as_nanos()).unwrap();
        let opened = BootTime(now.0 - lasted);
        Closed {
            endpoints,
            namespace: NetworkNamespace(1),
            socket_type: 1,
            opened: Some(opened),
            established: self.established.then_some(opened),
            bytes_sent: self.sent,
            bytes_received: self.received,
            error: if self.established { 0 } else { 111 },
            role: self.role,
            state: if self.established { 1 } else { 2 },
        }
    }

    /// It ends: the alerts that are raised at it.
    pub(super) fn ends(self, scene: &mut Scene, tgid: u32) -> Vec<Alert> {
        happens(scene, tgid, |now| Body::Closed(self.closed(now)))
    }
}

/// A process does something that depends on when it does.
fn happens(scene: &mut Scene, tgid: u32, body: impl FnOnce(BootTime) -> Body) -> Vec<Alert> {
    let placeholder = Body::Exit(crate::event::Exit {
        status: crate::event::ExitStatus::Code(0),
    });
    let mut event = scene.event(None, placeholder);
    event.body = body(event.origin.time);
    event.origin.ring = event.kind().ring();
    event.actor = Some(Actor {
        id: process_id(tgid),
        tid: Tid(tgid),
        uid: 0,
        cgroup: HOST,
        credentials_digest: 0,
        io_worker: false,
    });
    scene.happens(&event)
}

/// A process sends the first datagram to a peer.
pub(super) fn sends(scene: &mut Scene, tgid: u32, remote: &str) -> Vec<Alert> {
    let datagram = Datagram {
        endpoints: by_udp(remote),
        namespace: NetworkNamespace(1),
        direction: Direction::Egress,
        length: Some(40),
    };
    scene.does(tgid, Body::Datagram(datagram))
}

/// A process asks a server for a name.
pub(super) fn asks(scene: &mut Scene, tgid: u32, name: &str, kind: u16) -> Vec<Alert> {
    scene.does(tgid, Body::DnsQuestion(question(name, kind)))
}

/// A question for a name.
pub(super) fn question(name: &str, kind: u16) -> Dns {
    let labels: Vec<&[u8]> = name.split('.').map(str::as_bytes).collect();
    let message = Encoder::new(7, 0x0100).question(&labels, kind).bytes();
    Dns {
        endpoints: by_udp("192.0.2.53:53"),
        namespace: NetworkNamespace(1),
        message: text(&message),
    }
}

fn by_udp(remote: &str) -> Endpoints {
    Endpoints {
        protocol: 17,
        ..endpoints(remote.parse().unwrap())
    }
}
