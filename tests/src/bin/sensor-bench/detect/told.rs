//! An event with what was known of the processes in it, and what events are made of.

use std::net::{IpAddr, SocketAddr};

use bytes::Bytes;
use sensor::clock::BootTime;
use sensor::enrich::Surroundings;
use sensor::event::{
    Actor, Body, CgroupId, Connection, Descriptor, Endpoint, Endpoints, Event, Exec,
    NetworkNamespace, Origin, Path, ProcessId, Text, Tgid, Tid,
};
use sensor::observed::Observed;
use sensor::process::Process;
use sensor_common::credentials::Credentials;
use sensor_common::exec::File;
use sensor_common::namespaces::Namespaces;
use sensor_common::network::{AF_INET, AF_INET6};

/// The cgroup of the host's processes.
pub const HOST: CgroupId = CgroupId(1);
/// The host's namespaces.
pub const HOST_NAMESPACES: Namespaces = Namespaces {
    mnt: 4_026_531_841,
    pid: 4_026_531_836,
    net: 4_026_531_840,
    uts: 4_026_531_838,
    ipc: 4_026_531_839,
    cgroup: 4_026_531_835,
    time: 4_026_531_834,
    user: 4_026_531_837,
};
const ALL_CAPABILITIES: u64 = (1 << 41) - 1;

/// An event with what was known when it happened.
pub struct Told {
    pub event: Event,
    pub process: Option<Process>,
    pub parent: Option<Process>,
    pub other: Option<Process>,
}

impl Told {
    /// Of whose process nothing is known.
    pub const fn alone(event: Event) -> Self {
        Self {
            event,
            process: None,
            parent: None,
            other: None,
        }
    }

    pub fn observed(&self) -> Observed<'_> {
        Observed {
            event: &self.event,
            late: false,
            process: self.process.as_ref(),
            parent: self.parent.as_ref(),
            other: self.other.as_ref(),
            about: None,
            surroundings: Surroundings::default(),
        }
    }
}

/// An event of a process at a moment.
pub fn event(id: ProcessId, uid: u32, cgroup: CgroupId, time: u64, body: Body) -> Event {
    let mut event = Event {
        origin: Origin {
            cpu: 0,
            ring: sensor_common::record::Ring::Bulk,
            sequence: time,
            time: BootTime(time),
        },
        actor: Some(Actor {
            id,
            tid: Tid(id.tgid.0),
            uid,
            cgroup,
            credentials_digest: 0,
            io_worker: false,
        }),
        body,
    };
    event.origin.ring = event.kind().ring();
    event
}

/// A user's credentials; root has all capabilities.
pub const fn user(uid: u32) -> Credentials {
    let capabilities = if uid == 0 { ALL_CAPABILITIES } else { 0 };
    Credentials {
        uid,
        gid: uid,
        suid: uid,
        sgid: uid,
        euid: uid,
        egid: uid,
        fsuid: uid,
        fsgid: uid,
        securebits: 0,
        user_namespace: HOST_NAMESPACES.user,
        cap_inheritable: 0,
        cap_permitted: capabilities,
        cap_effective: capabilities,
        cap_bset: ALL_CAPABILITIES,
        cap_ambient: 0,
    }
}

/// An exec of a process with these arguments, each ended by NUL.
pub fn exec(process: &Process, parent: ProcessId, executable: &Bytes, arguments: Vec<u8>) -> Exec {
    let count = arguments.iter().filter(|byte| **byte == 0).count();
    let namespace_pid = process.namespace_pid.unwrap_or(process.id.tgid);
    Exec {
        parent,
        file: File {
            inode: 77,
            device: 8 << 20 | 1,
            links: 1,
            mode: 0o100_755,
            size: 40_000,
            ..File::default()
        },
        namespaces: process.namespaces.unwrap_or(HOST_NAMESPACES),
        credentials: process.credentials.unwrap_or_else(|| user(0)),
        namespace_pid,
        session_id: process.session_id.unwrap_or(process.id.tgid),
        process_group: process.process_group.unwrap_or(process.id.tgid),
        login_uid: process.login_uid,
        audit_session: process.audit_session,
        argc: u32::try_from(count).unwrap_or(u32::MAX),
        previous_tid: Tid(process.id.tgid.0),
        tty: process.tty,
        secure: false,
        setuid: false,
        setgid: false,
        file_capabilities: false,
        deleted: false,
        stdio: [Descriptor::Other, Descriptor::Pipe, Descriptor::Other],
        executable: path(executable.clone()),
        working_directory: path(Bytes::from_static(b"/srv/project")),
        filename: text(executable.clone()),
        interpreter: text(Bytes::new()),
        arguments: text(arguments.into()),
    }
}

fn path(bytes: Bytes) -> Path {
    Path {
        bytes,
        truncated: false,
        detached: false,
    }
}

/// Text of which nothing is missing.
pub fn text(bytes: Bytes) -> Text {
    Text {
        original: u32::try_from(bytes.len()).ok(),
        bytes,
    }
}

/// The ends of a connection with a peer.
pub fn endpoints(local_port: u16, remote: SocketAddr, protocol: u16) -> Endpoints {
    let (local, family) = match remote {
        SocketAddr::V4(_) => (IpAddr::from([10, 0, 0, 2]), AF_INET),
        SocketAddr::V6(_) => (IpAddr::from([0xfd00, 0, 0, 0, 0, 0, 0, 2_u16]), AF_INET6),
    };
    Endpoints {
        local: Endpoint {
            address: Some(local),
            port: Some(local_port),
        },
        remote: Endpoint {
            address: Some(remote.ip()),
            port: Some(remote.port()),
        },
        family,
        protocol,
    }
}

/// A TCP connection.
pub const fn connection(endpoints: Endpoints) -> Connection {
    Connection {
        endpoints,
        namespace: NetworkNamespace(HOST_NAMESPACES.net),
        socket_type: 1,
        backlog: None,
        unix_path: None,
    }
}

/// A process by its id.
pub const fn process_id(tgid: u32, start: u64) -> ProcessId {
    ProcessId {
        tgid: Tgid(tgid),
        start: BootTime(start),
    }
}

/// A DNS message with one question, and the addresses that answer it.
pub fn dns_message(name: &str, kind: u16, answers: &[[u8; 4]]) -> Bytes {
    let is_answer = !answers.is_empty();
    let mut message = Vec::with_capacity(64);
    message.extend([0x12, 0x34]);
    message.extend(if is_answer {
        [0x81, 0x80]
    } else {
        [0x01, 0x00]
    });
    let count = u16::try_from(answers.len()).unwrap_or(0);
    for number in [1, count, 0, 0] {
        message.extend(number.to_be_bytes());
    }
    for label in name.split('.') {
        message.push(u8::try_from(label.len()).unwrap_or(0));
        message.extend(label.as_bytes());
    }
    message.push(0);
    message.extend(kind.to_be_bytes());
    message.extend(1_u16.to_be_bytes());
    for address in answers {
        // The name is that of the question, at the message's twelfth byte.
        message.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4]);
        message.extend(address);
    }
    message.into()
}
