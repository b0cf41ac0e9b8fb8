//! Decoding: a record's bytes to an [`Event`].
//!
//! Strings stay where they are, as slices of the record's buffer. A record that does not say what
//! its kind demands is refused as a whole: it can only come from a damaged recording, or from
//! programs of another version.

use std::net::{IpAddr, Ipv6Addr};

use bytes::Bytes;
use sensor_common::{
    cgroup,
    exec::{self, descriptor},
    network::{self as wire, AF_INET, AF_INET6, AF_UNIX, Direction, Role},
    privilege::{self, Cause, NamespaceOperation, PtraceOperation},
    record::{self, Header, Kind, ProcessKey, Ring},
};
use thiserror::Error;
use zerocopy::{FromBytes, Immutable, KnownLayout};

use super::{
    Actor, Body, BpfAccess, BpfProgram, CgroupChange, CgroupId, Closed, Connection,
    CredentialChange, CredentialDivergence, Datagram, Descriptor, Device, Dns, Endpoint, Endpoints,
    Event, Exec, Exit, ExitStatus, Fork, Groups, ModuleLoad, NamespaceChange, NetworkNamespace,
    Origin, Path, ProcessId, Ptrace, Text, Tgid, Tid, Verdict,
};
use crate::clock::BootTime;

/// Why a record could not be decoded.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum DecodeError {
    /// It is shorter than its kind's fixed part, or than its strings.
    #[error("the record ends too early")]
    Short,
    /// Its kind is not known.
    #[error("kind {0} is not known")]
    Kind(u8),
    /// A member has a value that is not known.
    #[error("{member} cannot be {value}")]
    Value {
        /// Which member.
        member: &'static str,
        /// Its value.
        value: u32,
    },
}

/// Reads where a record comes from: all that ordering needs.
///
/// # Errors
///
/// If the header is not whole, or names a ring or kind that is not known.
pub fn origin(record: &Bytes) -> Result<(Origin, Kind), DecodeError> {
    let header = fixed::<Header>(record)?;
    let kind = Kind::from_wire(header.kind).ok_or(DecodeError::Kind(header.kind))?;
    Ok((origin_of(&header)?, kind))
}

/// What a record tells of.
#[derive(Clone, Debug)]
pub enum Decoded {
    /// Something happened.
    Event(Event),
    /// A cgroup was made or removed.
    Cgroup(CgroupChange),
}

/// Decodes a record.
///
/// # Errors
///
/// If it does not say what its kind demands.
pub fn decode(record: &Bytes) -> Result<Decoded, DecodeError> {
    let header = fixed::<Header>(record)?;
    let kind = Kind::from_wire(header.kind).ok_or(DecodeError::Kind(header.kind))?;
    let origin = origin_of(&header)?;
    let body = match kind {
        Kind::Cgroup => return Ok(Decoded::Cgroup(cgroup(record)?)),
        Kind::Fork => Body::Fork(fork(&fixed(record)?)),
        Kind::Exec => Body::Exec(Box::new(exec(record)?)),
        Kind::Exit => Body::Exit(exit(&fixed(record)?)),
        Kind::Connect => Body::Connect(connection(record, Local::MayBeUnchosen)?),
        Kind::Accept => Body::Accept(connection(record, Local::MayBeUnchosen)?),
        Kind::Bind => Body::Bind(connection(record, Local::Chosen)?),
        Kind::Listen => Body::Listen(connection(record, Local::Chosen)?),
        Kind::Established => Body::Established(connection(record, Local::MayBeUnchosen)?),
        Kind::Closed => Body::Closed(closed(&fixed(record)?)),
        Kind::Datagram => Body::Datagram(datagram(&fixed(record)?)?),
        Kind::DnsQuestion => Body::DnsQuestion(dns(record)?),
        Kind::DnsAnswer => Body::DnsAnswer(dns(record)?),
        Kind::CredentialChange => Body::CredentialChange(Box::new(credential_change(record)?)),
        Kind::CredentialDivergence => {
            Body::CredentialDivergence(Box::new(credential_divergence(&fixed(record)?)?))
        }
        Kind::Namespace => Body::Namespace(namespace(&fixed(record)?)?),
        Kind::Ptrace => Body::Ptrace(ptrace(&fixed(record)?)?),
        Kind::ModuleLoad => Body::ModuleLoad(module_load(&fixed(record)?)),
        Kind::BpfProgram => Body::BpfProgram(Box::new(bpf_program(&fixed(record)?))),
    };
    Ok(Decoded::Event(Event {
        origin,
        actor: actor_of(&header),
        body,
    }))
}

fn cgroup(record: &Bytes) -> Result<CgroupChange, DecodeError> {
    let fixed: cgroup::Cgroup = fixed(record)?;
    Ok(CgroupChange {
        id: CgroupId(fixed.id),
        operation: cgroup::Operation::from_wire(fixed.operation).ok_or(DecodeError::Value {
            member: "operation",
            value: fixed.operation,
        })?,
        path: Tail::of::<cgroup::Cgroup>(record).text(fixed.path)?,
    })
}

/// The fixed part of a record.
fn fixed<T: FromBytes + KnownLayout + Immutable>(record: &Bytes) -> Result<T, DecodeError> {
    match T::read_from_prefix(record) {
        Ok((fixed, _)) => Ok(fixed),
        Err(_) => Err(DecodeError::Short),
    }
}

/// The strings behind the fixed part, taken one after the other.
struct Tail {
    rest: Bytes,
}

impl Tail {
    fn of<T>(record: &Bytes) -> Self {
        Self {
            rest: record.slice(size_of::<T>().min(record.len())..),
        }
    }

    fn take(&mut self, bytes: u32) -> Result<Bytes, DecodeError> {
        let bytes = bytes as usize;
        if bytes > self.rest.len() {
            return Err(DecodeError::Short);
        }
        Ok(self.rest.split_to(bytes))
    }

    fn text(&mut self, text: record::Text) -> Result<Text, DecodeError> {
        Ok(Text {
            bytes: self.take(text.captured)?,
            original: (text.original != u32::MAX).then_some(text.original),
        })
    }

    fn path(
        &mut self,
        text: record::Text,
        truncated: bool,
        detached: bool,
    ) -> Result<Path, DecodeError> {
        Ok(Path {
            bytes: join(&self.take(text.captured)?),
            truncated,
            detached,
        })
    }

    fn groups(&mut self, text: record::Text) -> Result<Groups, DecodeError> {
        let bytes = self.take(text.captured.saturating_mul(4))?;
        Ok(Groups {
            ids: bytes
                .chunks_exact(4)
                .filter_map(|id| id.first_chunk())
                .map(|id| u32::from_ne_bytes(*id))
                .collect(),
            count: text.original,
        })
    }
}

/// A path from its components, which come from the file upwards, each ended by NUL.
fn join(components: &[u8]) -> Bytes {
    let mut path = Vec::with_capacity(components.len() + 1);
    let whole = components.strip_suffix(&[0]).unwrap_or(components);
    if whole.is_empty() {
        return Bytes::from_static(b"/");
    }
    for component in whole.rsplit(|byte| *byte == 0) {
        path.push(b'/');
        path.extend_from_slice(component);
    }
    path.into()
}

fn origin_of(header: &Header) -> Result<Origin, DecodeError> {
    let ring = match header.ring {
        ring if ring == Ring::Critical as u8 => Ring::Critical,
        ring if ring == Ring::Bulk as u8 => Ring::Bulk,
        ring => {
            return Err(DecodeError::Value {
                member: "ring",
                value: ring.into(),
            });
        }
    };
    Ok(Origin {
        cpu: header.cpu,
        ring,
        sequence: header.sequence,
        time: BootTime(header.time),
    })
}

fn actor_of(header: &Header) -> Option<Actor> {
    (header.start != 0 || header.tgid != 0).then_some(Actor {
        id: ProcessId {
            tgid: Tgid(header.tgid),
            start: BootTime(header.start),
        },
        tid: Tid(header.tid),
        uid: header.uid,
        cgroup: CgroupId(header.cgroup),
        credentials_digest: header.credentials,
        io_worker: header.flags & record::flags::IO_WORKER != 0,
    })
}

const fn process(key: ProcessKey) -> ProcessId {
    ProcessId {
        tgid: Tgid(key.tgid),
        start: BootTime(key.start),
    }
}

fn fork(record: &exec::Fork) -> Fork {
    Fork {
        child: process(record.child),
        parent: process(record.parent),
        namespace_pid: Tgid(record.namespace_pid),
    }
}

fn exit(record: &exec::Exit) -> Exit {
    let signal = (record.status & 0x7f) as u8;
    Exit {
        status: if signal == 0 {
            ExitStatus::Code((record.status >> 8 & 0xff) as u8)
        } else {
            ExitStatus::Signal {
                number: signal,
                core_dumped: record.status & 0x80 != 0,
            }
        },
    }
}

fn exec(record: &Bytes) -> Result<Exec, DecodeError> {
    let fixed: exec::Exec = fixed(record)?;
    let mut tail = Tail::of::<exec::Exec>(record);
    let flag = |bit| fixed.flags & bit != 0;
    let [stdin, stdout, stderr] = fixed.stdio;
    Ok(Exec {
        parent: process(fixed.parent),
        file: fixed.file,
        namespaces: fixed.namespaces,
        credentials: fixed.credentials,
        namespace_pid: Tgid(fixed.namespace_pid),
        session_id: Tgid(fixed.session_id),
        process_group: Tgid(fixed.process_group),
        login_uid: set(fixed.login_uid),
        audit_session: set(fixed.audit_session),
        argc: fixed.argc,
        previous_tid: Tid(fixed.previous_tid),
        tty: (fixed.tty != 0).then(|| Device::from_kernel(fixed.tty)),
        secure: flag(exec::flags::SECURE),
        setuid: flag(exec::flags::SETUID),
        setgid: flag(exec::flags::SETGID),
        file_capabilities: flag(exec::flags::CAPABILITIES),
        deleted: flag(exec::flags::EXECUTABLE_UNLINKED),
        stdio: [descriptor(stdin)?, descriptor(stdout)?, descriptor(stderr)?],
        executable: tail.path(
            fixed.executable,
            flag(exec::flags::EXECUTABLE_TRUNCATED),
            flag(exec::flags::EXECUTABLE_DETACHED),
        )?,
        working_directory: tail.path(
            fixed.working_directory,
            flag(exec::flags::WORKING_DIRECTORY_TRUNCATED),
            flag(exec::flags::WORKING_DIRECTORY_DETACHED),
        )?,
        filename: tail.text(fixed.filename)?,
        interpreter: tail.text(fixed.interpreter)?,
        arguments: tail.text(fixed.argv)?,
    })
}

/// A value that the kernel sets to its largest while it has none.
fn set(value: u32) -> Option<u32> {
    (value != u32::MAX).then_some(value)
}

fn descriptor(number: u8) -> Result<Descriptor, DecodeError> {
    match number {
        descriptor::CLOSED => Ok(Descriptor::Closed),
        descriptor::PIPE => Ok(Descriptor::Pipe),
        descriptor::SOCKET => Ok(Descriptor::Socket),
        descriptor::OTHER => Ok(Descriptor::Other),
        other => Err(DecodeError::Value {
            member: "stdio",
            value: other.into(),
        }),
    }
}

/// Whether this host's address is known to be chosen: then one of zeros is meant as such.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Local {
    Chosen,
    MayBeUnchosen,
}

fn endpoints(ends: &wire::Endpoints, local: Local) -> Endpoints {
    let mut family = ends.family;
    let mut address = |raw: wire::Address| {
        let bytes = raw.bytes();
        match ends.family {
            AF_INET => bytes.first_chunk::<4>().map(|v4| IpAddr::from(*v4)),
            AF_INET6 => {
                let v6 = Ipv6Addr::from(bytes);
                Some(v6.to_ipv4_mapped().map_or(IpAddr::V6(v6), |v4| {
                    family = AF_INET;
                    IpAddr::V4(v4)
                }))
            }
            _ => None,
        }
    };
    let chosen = |address: &IpAddr| local == Local::Chosen || !address.is_unspecified();
    let port = |port: u16| (port != 0).then_some(port);
    let here = address(ends.local).filter(chosen);
    let there = address(ends.remote);
    Endpoints {
        local: Endpoint {
            address: here,
            port: port(ends.local_port),
        },
        remote: Endpoint {
            // A listening socket has no peer; a connect to zeros reaches the host itself.
            address: there.filter(|address| local == Local::MayBeUnchosen || chosen_peer(address)),
            port: port(ends.remote_port),
        },
        family,
        protocol: ends.protocol,
    }
}

fn chosen_peer(address: &IpAddr) -> bool {
    !address.is_unspecified()
}

fn connection(record: &Bytes, local: Local) -> Result<Connection, DecodeError> {
    let mut fixed: wire::Connection = fixed(record)?;
    let path = Tail::of::<wire::Connection>(record).text(fixed.path)?;
    if !has_ports(&fixed) {
        fixed.endpoints.local_port = 0;
        fixed.endpoints.remote_port = 0;
    }
    Ok(Connection {
        endpoints: endpoints(&fixed.endpoints, local),
        namespace: NetworkNamespace(fixed.network_namespace),
        socket_type: fixed.socket_type,
        backlog: (fixed.backlog != 0).then_some(fixed.backlog),
        unix_path: (fixed.endpoints.family == AF_UNIX).then_some(path),
    })
}

/// Whether a socket's ports are ports: a raw one keeps its protocol in that place, and one for echo
/// requests their id.
fn has_ports(connection: &wire::Connection) -> bool {
    const SOCK_RAW: u32 = 3;
    const IPPROTO_ICMP: u16 = 1;
    const IPPROTO_ICMPV6: u16 = 58;
    let protocol = connection.endpoints.protocol;
    connection.socket_type != SOCK_RAW && protocol != IPPROTO_ICMP && protocol != IPPROTO_ICMPV6
}

fn closed(record: &wire::Closed) -> Closed {
    let moment = |time: u64| (time != 0).then_some(BootTime(time));
    Closed {
        endpoints: endpoints(&record.endpoints, Local::MayBeUnchosen),
        namespace: NetworkNamespace(record.network_namespace),
        socket_type: record.socket_type,
        opened: moment(record.opened),
        established: moment(record.established),
        bytes_sent: record.bytes_sent,
        bytes_received: record.bytes_received,
        error: record.error,
        role: Role::from_wire(record.role),
        state: record.state,
    }
}

fn datagram(record: &wire::Datagram) -> Result<Datagram, DecodeError> {
    Ok(Datagram {
        endpoints: endpoints(&record.endpoints, Local::MayBeUnchosen),
        namespace: NetworkNamespace(record.network_namespace),
        direction: match record.direction {
            number if number == Direction::Egress as u32 => Direction::Egress,
            number if number == Direction::Ingress as u32 => Direction::Ingress,
            value => {
                return Err(DecodeError::Value {
                    member: "direction",
                    value,
                });
            }
        },
        length: set(record.length),
    })
}

fn dns(record: &Bytes) -> Result<Dns, DecodeError> {
    let fixed: wire::Dns = fixed(record)?;
    Ok(Dns {
        endpoints: endpoints(&fixed.endpoints, Local::MayBeUnchosen),
        namespace: NetworkNamespace(fixed.network_namespace),
        message: Tail::of::<wire::Dns>(record).text(fixed.message)?,
    })
}

fn credential_change(record: &Bytes) -> Result<CredentialChange, DecodeError> {
    let fixed: privilege::CredentialChange = fixed(record)?;
    let mut tail = Tail::of::<privilege::CredentialChange>(record);
    Ok(CredentialChange {
        before: fixed.before,
        after: fixed.after,
        cause: Cause::from_wire(fixed.cause).ok_or(DecodeError::Value {
            member: "cause",
            value: fixed.cause,
        })?,
        groups_before: tail.groups(fixed.groups_before)?,
        groups_after: tail.groups(fixed.groups_after)?,
    })
}

fn credential_divergence(
    record: &privilege::CredentialDivergence,
) -> Result<CredentialDivergence, DecodeError> {
    Ok(CredentialDivergence {
        before: record.before,
        after: record.after,
        same_object: record.same_object != 0,
        found_by: u8::try_from(record.found_by)
            .ok()
            .and_then(Kind::from_wire)
            .ok_or(DecodeError::Value {
                member: "found_by",
                value: record.found_by,
            })?,
        verdict: Verdict::Observed,
    })
}

fn namespace(record: &privilege::Namespace) -> Result<NamespaceChange, DecodeError> {
    Ok(NamespaceChange {
        before: record.before,
        after: record.after,
        operation: NamespaceOperation::from_wire(record.operation).ok_or(DecodeError::Value {
            member: "operation",
            value: record.operation,
        })?,
    })
}

fn ptrace(record: &privilege::Ptrace) -> Result<Ptrace, DecodeError> {
    Ok(Ptrace {
        target: process(record.target),
        target_tid: Tid(record.target.tid),
        target_uid: record.target_uid,
        mode: record.mode,
        operation: PtraceOperation::from_wire(record.operation).ok_or(DecodeError::Value {
            member: "operation",
            value: record.operation,
        })?,
    })
}

fn module_load(record: &privilege::ModuleLoad) -> ModuleLoad {
    ModuleLoad {
        name: until_nul(&record.name),
        taints: record.taints,
    }
}

fn bpf_program(record: &privilege::BpfProgram) -> BpfProgram {
    let flag = |bit| record.flags & bit != 0;
    BpfProgram {
        id: record.id,
        program_type: record.program_type,
        attach_type: record.attach_type,
        instructions: record.instructions,
        tag: record.tag,
        overrides_return: flag(privilege::bpf_flags::OVERRIDES_RETURN),
        gpl_compatible: flag(privilege::bpf_flags::GPL_COMPATIBLE),
        name: until_nul(&record.name),
        function: until_nul(&record.function),
        access: BpfAccess::Load,
    }
}

fn until_nul(bytes: &[u8]) -> Bytes {
    Bytes::copy_from_slice(bytes.split(|byte| *byte == 0).next().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use sensor_common::{credentials::Credentials, namespaces::Namespaces};
    use zerocopy::IntoBytes;

    use super::*;

    fn header(kind: Kind) -> Header {
        Header {
            length: 0,
            kind: kind as u8,
            ring: kind.ring() as u8,
            flags: 0,
            sequence: 3,
            time: 1_000,
            cpu: 1,
            tid: 12,
            tgid: 11,
            uid: 1000,
            start: 900,
            cgroup: 77,
            credentials: 5,
        }
    }

    fn text(bytes: &[u8]) -> record::Text {
        let length = u32::try_from(bytes.len()).unwrap();
        record::Text {
            captured: length,
            original: length,
        }
    }

    #[test]
    fn joins_components() {
        assert_eq!(&join(b"ls\0bin\0usr\0")[..], b"/usr/bin/ls");
        assert_eq!(&join(b"")[..], b"/");
        assert_eq!(&join(b"memfd:x\0")[..], b"/memfd:x");
    }

    #[test]
    fn decodes_exec() {
        let executable = b"ls\0bin\0";
        let directory = b"root\0";
        let filename = b"./ls";
        let arguments = b"ls\0-l\0";
        let fixed = exec::Exec {
            header: header(Kind::Exec),
            parent: ProcessKey {
                start: 5,
                tgid: 4,
                tid: 4,
            },
            file: exec::File::default(),
            namespaces: Namespaces::default(),
            credentials: Credentials::default(),
            namespace_pid: 2,
            session_id: 3,
            process_group: 4,
            login_uid: u32::MAX,
            audit_session: 6,
            argc: 2,
            previous_tid: 12,
            tty: 4 << 20 | 1,
            flags: exec::flags::SETUID,
            stdio: [0, 2, 1],
            reserved: 0,
            walk_end: 0,
            walk_offset: 0,
            walk_root: 0,
            executable: text(executable),
            working_directory: text(directory),
            filename: text(filename),
            interpreter: text(b""),
            argv: record::Text {
                captured: 6,
                original: 9,
            },
        };
        let mut bytes = fixed.as_bytes().to_vec();
        for part in [&executable[..], directory, filename, arguments] {
            bytes.extend_from_slice(part);
        }
        let record = Bytes::from(bytes);
        let Decoded::Event(event) = decode(&record).unwrap() else {
            panic!("an exec is an event");
        };
        let Body::Exec(exec) = &event.body else {
            panic!("{event:?}");
        };
        assert_eq!(event.kind(), Kind::Exec);
        assert_eq!(event.actor.unwrap().tid, Tid(12));
        assert_eq!(&exec.executable.bytes[..], b"/bin/ls");
        assert_eq!(&exec.working_directory.bytes[..], b"/root");
        assert_eq!(exec.filename.to_str(), "./ls");
        assert!(!exec.filename.is_truncated());
        assert!(exec.arguments.is_truncated());
        assert_eq!(exec.login_uid, None);
        assert_eq!(exec.audit_session, Some(6));
        assert_eq!(exec.tty, Some(Device { major: 4, minor: 1 }));
        assert!(exec.setuid && !exec.setgid);
        assert_eq!(
            exec.stdio,
            [Descriptor::Closed, Descriptor::Socket, Descriptor::Pipe]
        );
        assert_eq!(
            decode(&record.slice(..record.len() - 1)).unwrap_err(),
            DecodeError::Short
        );
    }

    #[test]
    fn decodes_cgroups() {
        let path = b"/system.slice/a.service";
        let fixed = cgroup::Cgroup {
            header: header(Kind::Cgroup),
            id: 4_242,
            operation: cgroup::Operation::Removed as u32,
            reserved: 0,
            path: text(path),
        };
        let bytes: Bytes = [fixed.as_bytes(), path].concat().into();
        let Decoded::Cgroup(change) = decode(&bytes).unwrap() else {
            panic!("a cgroup is no event");
        };
        assert_eq!(change.id, CgroupId(4_242));
        assert_eq!(change.operation, cgroup::Operation::Removed);
        assert_eq!(&change.path.bytes[..], path);
    }

    #[test]
    fn shows_mapped_addresses_as_what_they_are() {
        let mut local = [0_u8; 16];
        local[10..].copy_from_slice(&[0xff, 0xff, 127, 0, 0, 1]);
        let ends = wire::Endpoints {
            local: wire::Address {
                words: zerocopy::transmute!(local),
            },
            remote: wire::Address::default(),
            local_port: 80,
            remote_port: 0,
            family: AF_INET6,
            protocol: 6,
        };
        let shown = endpoints(&ends, Local::Chosen);
        assert_eq!(shown.family, AF_INET);
        assert_eq!(shown.local.address, Some("127.0.0.1".parse().unwrap()));
        assert_eq!(shown.remote, Endpoint::default());
    }

    #[test]
    fn keeps_zeros_where_they_were_asked_for() {
        let ends = wire::Endpoints {
            family: AF_INET,
            local_port: 53,
            ..wire::Endpoints::default()
        };
        let zeros = Some("0.0.0.0".parse().unwrap());
        assert_eq!(endpoints(&ends, Local::Chosen).local.address, zeros);
        assert_eq!(endpoints(&ends, Local::MayBeUnchosen).local.address, None);
        assert_eq!(endpoints(&ends, Local::MayBeUnchosen).remote.address, zeros);
    }

    #[test]
    fn shows_no_ports_of_what_has_none() {
        let ports = |socket_type, protocol| {
            let record = wire::Connection {
                header: header(Kind::Connect),
                endpoints: wire::Endpoints {
                    local_port: protocol,
                    remote_port: 7,
                    family: AF_INET,
                    protocol,
                    ..wire::Endpoints::default()
                },
                network_namespace: 0,
                socket_type,
                backlog: 0,
                reserved: 0,
                path: record::Text::default(),
            };
            let bytes = Bytes::copy_from_slice(record.as_bytes());
            let ends = connection(&bytes, Local::MayBeUnchosen).unwrap().endpoints;
            (ends.local.port, ends.remote.port)
        };
        assert_eq!(ports(2, 17), (Some(17), Some(7)));
        assert_eq!(ports(3, 17), (None, None));
        assert_eq!(ports(2, 1), (None, None));
        assert_eq!(ports(2, 58), (None, None));
    }

    #[test]
    fn tells_codes_from_signals() {
        let ended = |status| {
            exit(&exec::Exit {
                header: header(Kind::Exit),
                status,
                reserved: 0,
            })
            .status
        };
        assert_eq!(ended(0x300), ExitStatus::Code(3));
        assert_eq!(
            ended(0x8b),
            ExitStatus::Signal {
                number: 11,
                core_dumped: true
            }
        );
    }

    proptest! {
        #[test]
        fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..600), kind in 0u8..20) {
            let mut bytes = bytes;
            if let Some(place) = bytes.get_mut(4) {
                *place = kind;
            }
            if let Some(place) = bytes.get_mut(5) {
                *place &= 1;
            }
            let _ = decode(&Bytes::from(bytes));
        }
    }
}
