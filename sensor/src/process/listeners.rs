//! Who listened on TCP ports before the sensor watched, read once from `/proc`.
//!
//! A connection belongs to the process that listens until it is accepted, and the programs know
//! only of those that begin to listen while they watch. Most services began long before.

use std::{
    collections::{HashMap, HashSet},
    fs,
    os::unix::ffi::OsStrExt,
    path::Path,
};

use sensor_common::state::{ListenerKey, Owner};

use super::Process;

/// The ports that processes listen on. Where several have the same socket, or several sockets the
/// same port, the oldest process is named: it made the others.
///
/// `processes` are those that were read from `proc`, oldest first. What ends meanwhile, or cannot be
/// read, is left out.
#[must_use]
pub fn read(proc: &Path, processes: &[Process]) -> Vec<(ListenerKey, Owner)> {
    let mut sockets = HashMap::new();
    let mut namespaces = HashSet::new();
    for process in processes {
        let Some(namespace) = process.namespaces.as_ref().map(|all| all.net) else {
            continue;
        };
        if namespace == 0 || namespaces.contains(&namespace) {
            continue;
        }
        let directory = proc.join(process.id.tgid.to_string()).join("net");
        let mut was_read = false;
        for name in ["tcp", "tcp6"] {
            if let Ok(text) = fs::read(directory.join(name)) {
                was_read = true;
                for (port, inode) in text.split(|byte| *byte == b'\n').filter_map(listening) {
                    let port = u32::from(port);
                    sockets.insert(
                        inode,
                        ListenerKey {
                            network_namespace: namespace,
                            port,
                        },
                    );
                }
            }
        }
        // One that ended meanwhile is no reason not to ask the next.
        if was_read {
            namespaces.insert(namespace);
        }
    }
    let mut taken = HashSet::new();
    let mut owners = Vec::new();
    for process in processes {
        if sockets.is_empty() {
            break;
        }
        let directory = proc.join(process.id.tgid.to_string()).join("fd");
        for descriptor in fs::read_dir(directory).into_iter().flatten().flatten() {
            let key = fs::read_link(descriptor.path())
                .ok()
                .and_then(|link| socket(link.as_os_str().as_bytes()))
                .and_then(|inode| sockets.remove(&inode));
            if let Some(key) = key
                && taken.insert((key.network_namespace, key.port))
            {
                owners.push((key, owner(process)));
            }
        }
    }
    owners
}

/// What the headers of records say of a process.
fn owner(process: &Process) -> Owner {
    Owner {
        start: process.id.start.0,
        cgroup: process.cgroup.map_or(0, |cgroup| cgroup.0),
        credentials: process
            .credentials
            .as_ref()
            .map_or(0, |credentials| credentials.digest()),
        tgid: process.id.tgid.0,
        tid: process.id.tgid.0,
        uid: process
            .credentials
            .as_ref()
            .map_or(0, |credentials| credentials.uid),
        flags: 0,
    }
}

/// The port and the inode number in a line of `/proc/net/tcp` about a socket that listens (format:
/// `get_tcp4_sock`, `net/ipv4/tcp_ipv4.c`, and `get_tcp6_sock`, `net/ipv6/tcp_ipv6.c`).
fn listening(line: &[u8]) -> Option<(u16, u64)> {
    const LISTEN: &str = "0A";
    let mut words = std::str::from_utf8(line).ok()?.split_ascii_whitespace();
    let (_, port) = words.nth(1)?.rsplit_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    // After the local address: the remote one, and the state.
    let state = words.nth(1)?;
    // After the state: queues, timer, retransmissions, uid, time-out.
    let inode = words.nth(5)?.parse().ok()?;
    (state == LISTEN && inode != 0).then_some((port, inode))
}

/// The inode number of a descriptor that is a socket.
fn socket(link: &[u8]) -> Option<u64> {
    let inode = link.strip_prefix(b"socket:[")?.strip_suffix(b"]")?;
    std::str::from_utf8(inode).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use proptest::prelude::*;

    use super::*;
    use crate::{
        event::{ProcessId, Tgid},
        kernel::cgroups::Tree,
        process::{BootId, snapshot::Sources},
    };

    #[test]
    fn lines_of_the_table() {
        let listening4 = b"   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1 0000000000000000 100 0 0 10 0";
        assert_eq!(listening(listening4), Some((8080, 4711)));
        let listening6 = b"   1: 00000000000000000000000000000000:0016 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 99 1 0";
        assert_eq!(listening(listening6), Some((22, 99)));
        let established = b"   2: 0100007F:1F90 0100007F:C001 01 00000000:00000000 00:00000000 00000000     0        0 4712 1 0";
        assert_eq!(listening(established), None);
        let heading = b"  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode";
        assert_eq!(listening(heading), None);
        let orphan = b"   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 0 1 0";
        assert_eq!(listening(orphan), None);
    }

    #[test]
    fn links_of_descriptors() {
        assert_eq!(socket(b"socket:[4711]"), Some(4711));
        assert_eq!(socket(b"pipe:[4711]"), None);
        assert_eq!(socket(b"socket:[x]"), None);
        assert_eq!(socket(b"/socket:[1]"), None);
    }

    proptest! {
        #[test]
        fn any_line(line in proptest::collection::vec(any::<u8>(), 0..200)) {
            listening(&line);
            socket(&line);
        }

        #[test]
        fn any_listener(port: u16, inode in 1_u64.., uid: u32) {
            let line = format!(
                " 7: 00000000:{port:04X} 00000000:0000 0A 00000000:00000000 00:00000000 00000000 {uid} 0 {inode} 1 0"
            );
            prop_assert_eq!(listening(line.as_bytes()), Some((port, inode)));
        }
    }

    #[test]
    fn this_process_listens() {
        let four = TcpListener::bind("127.0.0.1:0").unwrap();
        let six = TcpListener::bind("[::1]:0");
        let sources = Sources {
            proc: "/proc".into(),
            cgroups: Tree::default(),
            scope: None,
            boot: BootId::default(),
        };
        let id = ProcessId {
            tgid: Tgid(std::process::id()),
            start: sources
                .read()
                .unwrap()
                .iter()
                .find(|process| process.id.tgid.0 == std::process::id())
                .unwrap()
                .id
                .start,
        };
        let me = sources.read_one(id).unwrap();
        let found = read(Path::new("/proc"), std::slice::from_ref(&me));
        let mut expected = vec![four.local_addr().unwrap().port()];
        expected.extend(six.map(|six| six.local_addr().unwrap().port()).ok());
        for port in expected {
            let (key, owner) = found
                .iter()
                .find(|(key, _)| key.port == u32::from(port))
                .unwrap();
            assert_eq!(key.network_namespace, me.namespaces.as_ref().unwrap().net);
            assert_eq!(owner.tgid, std::process::id());
            assert_eq!(owner.start, me.id.start.0);
            assert_eq!(owner.credentials, me.credentials.as_ref().unwrap().digest());
        }
    }
}
