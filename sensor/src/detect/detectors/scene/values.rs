//! What processes and events of a scene are made of.

use std::net::SocketAddr;

use bytes::Bytes;
use sensor_common::{
    credentials::Credentials,
    namespaces::Namespaces,
    network::{AF_INET, AF_INET6},
};

use crate::{
    clock::BootTime,
    detect::alert::Alert,
    event::{
        CgroupId, Connection, Device, Endpoint, Endpoints, NetworkNamespace, ProcessId, Text, Tgid,
    },
};

/// All capabilities that there are.
pub(crate) const ALL_CAPABILITIES: u64 = (1 << 41) - 1;
/// The cgroup of the host's processes.
pub(crate) const HOST: CgroupId = CgroupId(1);
/// The cgroup of a container of Docker's.
pub(crate) const CONTAINER: CgroupId = CgroupId(2);
/// The host's namespaces.
pub(crate) const HOST_NAMESPACES: Namespaces = Namespaces {
    mnt: 4_026_531_841,
    pid: 4_026_531_836,
    net: 4_026_531_840,
    uts: 4_026_531_838,
    ipc: 4_026_531_839,
    cgroup: 4_026_531_835,
    time: 4_026_531_834,
    user: 4_026_531_837,
};
/// The container's, which has the host's users and clocks.
pub(crate) const CONTAINER_NAMESPACES: Namespaces = Namespaces {
    mnt: 4_026_532_001,
    pid: 4_026_532_004,
    net: 4_026_532_006,
    uts: 4_026_532_002,
    ipc: 4_026_532_003,
    cgroup: 4_026_532_005,
    ..HOST_NAMESPACES
};

/// The process of an id, which started as many seconds after the boot.
pub(crate) const fn process_id(tgid: u32) -> ProcessId {
    ProcessId {
        tgid: Tgid(tgid),
        start: BootTime(tgid as u64 * 1_000_000_000 + 1),
    }
}

/// The credentials of a user, in the host's user namespace; root has all capabilities.
pub(crate) const fn user(uid: u32) -> Credentials {
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

/// Text of which nothing is missing.
pub(crate) fn text(bytes: &[u8]) -> Text {
    Text {
        original: u32::try_from(bytes.len()).ok(),
        bytes: Bytes::copy_from_slice(bytes),
    }
}

/// Arguments as the kernel has them.
pub(crate) fn arguments(arguments: &[&str]) -> Text {
    let ended: Vec<u8> = arguments
        .iter()
        .flat_map(|argument| [argument.as_bytes(), &[0]].concat())
        .collect();
    text(&ended)
}

/// A TCP connection to or from an address, `192.0.2.7:443`, as a connect, accept or establishment says.
pub(crate) fn connection(remote: &str) -> Connection {
    let remote: SocketAddr = remote.parse().unwrap();
    Connection {
        endpoints: endpoints(remote),
        namespace: NetworkNamespace(HOST_NAMESPACES.net),
        socket_type: 1,
        backlog: None,
        unix_path: None,
    }
}

/// The ends of a TCP connection whose other end is this.
pub(crate) fn endpoints(remote: SocketAddr) -> Endpoints {
    let local = if remote.is_ipv4() {
        "10.0.0.2:40000"
    } else {
        "[2001:db8::2]:40000"
    };
    let local: SocketAddr = local.parse().unwrap();
    let endpoint = |address: SocketAddr| Endpoint {
        address: Some(address.ip()),
        port: Some(address.port()),
    };
    Endpoints {
        local: endpoint(local),
        remote: endpoint(remote),
        family: if remote.is_ipv4() { AF_INET } else { AF_INET6 },
        protocol: 6,
    }
}

/// A terminal of `/dev/pts`.
pub(crate) const fn terminal(minor: u32) -> Device {
    Device { major: 136, minor }
}

/// The ids of the rules that alerts are raised under.
pub(crate) fn ids(alerts: &[Alert]) -> Vec<&str> {
    alerts.iter().map(|alert| &*alert.rule.id).collect()
}
