//! What happened, in userspace's terms: the kernel's records decoded, ordered and interpreted.
//!
//! - [`decode`]: a record's bytes to an [`Event`].
//! - [`order`]: merges the rings by time.
//! - [`interpret`]: what only a look at earlier events can tell.
//! - [`dns`]: DNS messages.
//! - [`state`]: what the sensor says of itself.

#[cfg(test)]
pub(crate) mod arbitrary;
pub mod decode;
pub mod dns;
pub mod interpret;
pub mod order;
pub mod state;

use std::{borrow::Cow, fmt, net::IpAddr};

use bytes::Bytes;
use sensor_common::{
    cgroup,
    credentials::Credentials,
    exec::File,
    namespaces::Namespaces,
    network::{Direction, Role},
    privilege::{Cause, NamespaceOperation, PtraceOperation},
    record::{Kind, Ring},
};
use serde::{Deserialize, Serialize};

use crate::clock::BootTime;

/// A process id (the kernel's thread group id) in the initial pid namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Tgid(pub u32);

/// A thread id (the kernel's pid) in the initial pid namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tid(pub u32);

/// A cgroup of the hierarchy that tells containers apart: the inode number of its directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CgroupId(pub u64);

/// A process, unique on a host until it boots again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProcessId {
    /// Its id, which is used again after its end.
    pub tgid: Tgid,
    /// When its first thread started.
    pub start: BootTime,
}

/// Where a record comes from: unique until the host boots again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The CPU that made it.
    pub cpu: u32,
    /// The ring whose sequence counts it.
    pub ring: Ring,
    /// Records of that ring that the CPU tried to send before.
    pub sequence: u64,
    /// When it was made.
    pub time: BootTime,
}

/// Something happened.
#[derive(Clone, Debug)]
pub struct Event {
    /// Where its record comes from.
    pub origin: Origin,
    /// The process that acted, if the kernel could tell. For a fork, the one that called.
    pub actor: Option<Actor>,
    /// What it did.
    pub body: Body,
}

/// The process that acted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Actor {
    /// The process.
    pub id: ProcessId,
    /// The thread that acted.
    pub tid: Tid,
    /// Its real user id.
    pub uid: u32,
    /// Its cgroup.
    pub cgroup: CgroupId,
    /// Digest of its credentials.
    pub credentials_digest: u64,
    /// Whether io_uring's worker acted for it.
    pub io_worker: bool,
}

/// What was done.
#[derive(Clone, Debug)]
pub enum Body {
    /// A process was made.
    Fork(Fork),
    /// A process replaced its image.
    Exec(Box<Exec>),
    /// A process ended.
    Exit(Exit),
    /// A process asked for a connection.
    Connect(Connection),
    /// A process took a connection.
    Accept(Connection),
    /// A process bound a socket.
    Bind(Connection),
    /// A socket began to listen.
    Listen(Connection),
    /// A connection was established.
    Established(Connection),
    /// A connection, or the attempt to open one, ended.
    Closed(Closed),
    /// The first datagram between a process and a peer.
    Datagram(Datagram),
    /// A DNS question was sent.
    DnsQuestion(Dns),
    /// A DNS answer was received.
    DnsAnswer(Dns),
    /// A task committed new credentials.
    CredentialChange(Box<CredentialChange>),
    /// A task's credentials differ from those it last committed.
    CredentialDivergence(Box<CredentialDivergence>),
    /// A process entered other namespaces.
    Namespace(NamespaceChange),
    /// A process was given access to another one.
    Ptrace(Ptrace),
    /// A kernel module was loaded.
    ModuleLoad(ModuleLoad),
    /// A BPF program was loaded or opened.
    BpfProgram(Box<BpfProgram>),
}

/// A cgroup was made or removed: no event, but what later events are understood by.
#[derive(Clone, Debug)]
pub struct CgroupChange {
    /// Which.
    pub id: CgroupId,
    /// What became of it.
    pub operation: cgroup::Operation,
    /// Its path from the hierarchy's root.
    pub path: Text,
}

/// A process was made.
#[derive(Clone, Copy, Debug)]
pub struct Fork {
    /// The new process.
    pub child: ProcessId,
    /// Its parent, which is not the caller under `CLONE_PARENT`.
    pub parent: ProcessId,
    /// Its id in its own pid namespace.
    pub namespace_pid: Tgid,
}

/// A process ended.
#[derive(Clone, Copy, Debug)]
pub struct Exit {
    /// How it ended.
    pub status: ExitStatus,
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExitStatus {
    /// By itself, with this code.
    Code(u8),
    /// By this signal.
    Signal {
        /// Its number.
        number: u8,
        /// Whether a core was dumped.
        core_dumped: bool,
    },
}

/// A process replaced its image.
#[derive(Clone, Debug)]
pub struct Exec {
    /// Its parent at this moment.
    pub parent: ProcessId,
    /// The file that is mapped as its image: the interpreter's, for a script.
    pub file: File,
    /// Its namespaces.
    pub namespaces: Namespaces,
    /// Its new credentials.
    pub credentials: Credentials,
    /// Its id in its own pid namespace.
    pub namespace_pid: Tgid,
    /// Its session.
    pub session_id: Tgid,
    /// Its process group.
    pub process_group: Tgid,
    /// Audit's login uid, if it is set.
    pub login_uid: Option<u32>,
    /// Audit's session, if it is set.
    pub audit_session: Option<u32>,
    /// The number of arguments.
    pub argc: u32,
    /// The thread that called: not the process's first if another one did.
    pub previous_tid: Tid,
    /// Its controlling terminal.
    pub tty: Option<Device>,
    /// Whether the kernel marked the exec as privileged (`AT_SECURE`).
    pub secure: bool,
    /// Whether the file's setuid bit changed a user id.
    pub setuid: bool,
    /// Whether the file's setgid bit changed a group id.
    pub setgid: bool,
    /// Whether the file gave capabilities.
    pub file_capabilities: bool,
    /// Whether the executable was unlinked.
    pub deleted: bool,
    /// What standard input, output and error are.
    pub stdio: [Descriptor; 3],
    /// The file's path.
    pub executable: Path,
    /// The working directory.
    pub working_directory: Path,
    /// The path that was asked for.
    pub filename: Text,
    /// The interpreter that a script names; empty if the file is no script.
    pub interpreter: Text,
    /// The arguments, each ended by NUL.
    pub arguments: Text,
}

/// A path that the kernel's own structures say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Path {
    /// Its bytes.
    pub bytes: Bytes,
    /// Whether it has more components, or longer ones, at its beginning than were followed.
    pub truncated: bool,
    /// Whether it does not lead to the root of the process's mount namespace.
    pub detached: bool,
}

/// What a file descriptor is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Descriptor {
    /// Not open.
    Closed,
    /// A pipe.
    Pipe,
    /// A socket.
    Socket,
    /// A terminal, another device, a file.
    Other,
}

/// A device number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Device {
    /// Which driver.
    pub major: u32,
    /// Which of its devices.
    pub minor: u32,
}

impl Device {
    /// From the kernel's `dev_t` (`MKDEV`, include/linux/kdev_t.h).
    #[must_use]
    pub const fn from_kernel(number: u32) -> Self {
        Self {
            major: number >> 20,
            minor: number & 0xf_ffff,
        }
    }
}

/// Bytes of text, and how many there were before the capture's limit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Text {
    /// The bytes captured.
    pub bytes: Bytes,
    /// How many there were; none if there were more than the kernel counted.
    pub original: Option<u32>,
}

impl Text {
    /// Whether bytes are missing.
    #[must_use]
    pub fn is_truncated(&self) -> bool {
        self.original
            .is_none_or(|original| original as usize > self.bytes.len())
    }

    /// The text, bytes that are not UTF-8 replaced.
    #[must_use]
    pub fn to_str(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.bytes)
    }
}

/// The two ends of a connection or datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Endpoints {
    /// This host's.
    pub local: Endpoint,
    /// The peer's.
    pub remote: Endpoint,
    /// `AF_INET`, `AF_INET6`, `AF_UNIX`; `AF_INET` for an IPv4 address mapped into IPv6.
    pub family: u16,
    /// `IPPROTO_*`.
    pub protocol: u16,
}

/// An end of a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Endpoint {
    /// The address; none where it is not chosen yet.
    pub address: Option<IpAddr>,
    /// The port; none where it is not chosen yet.
    pub port: Option<u16>,
}

/// The inode number of a network namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct NetworkNamespace(pub u32);

/// Connect, accept, bind, listen, established.
#[derive(Clone, Debug)]
pub struct Connection {
    /// The addresses.
    pub endpoints: Endpoints,
    /// The network namespace.
    pub namespace: NetworkNamespace,
    /// `SOCK_STREAM`, ...
    pub socket_type: u32,
    /// Listen only: the backlog that was asked for, where the hook can see it.
    pub backlog: Option<u32>,
    /// The path of a unix socket; a leading NUL means an abstract name.
    pub unix_path: Option<Text>,
}

/// A connection, or the attempt to open one, ended.
#[derive(Clone, Copy, Debug)]
pub struct Closed {
    /// The addresses.
    pub endpoints: Endpoints,
    /// The network namespace.
    pub namespace: NetworkNamespace,
    /// `SOCK_STREAM`.
    pub socket_type: u32,
    /// When the attempt began, if that was seen.
    pub opened: Option<BootTime>,
    /// When it was established, if it was and that was seen.
    pub established: Option<BootTime>,
    /// Payload bytes sent.
    pub bytes_sent: u64,
    /// Payload bytes received.
    pub bytes_received: u64,
    /// The error it ended with (`errno`), 0 for an orderly end.
    pub error: u32,
    /// Which part this host played.
    pub role: Role,
    /// The state before (`TCP_*`).
    pub state: u8,
}

/// The first datagram between a process and a peer.
#[derive(Clone, Copy, Debug)]
pub struct Datagram {
    /// The addresses.
    pub endpoints: Endpoints,
    /// The network namespace.
    pub namespace: NetworkNamespace,
    /// Which way it went.
    pub direction: Direction,
    /// Payload bytes, where the hook can see them.
    pub length: Option<u32>,
}

/// A DNS message.
#[derive(Clone, Debug)]
pub struct Dns {
    /// The addresses.
    pub endpoints: Endpoints,
    /// The network namespace.
    pub namespace: NetworkNamespace,
    /// The message, from its id on.
    pub message: Text,
}

/// A task committed new credentials.
#[derive(Clone, Debug)]
pub struct CredentialChange {
    /// The credentials until now.
    pub before: Credentials,
    /// The credentials from now on.
    pub after: Credentials,
    /// What led to it.
    pub cause: Cause,
    /// Supplementary groups until now.
    pub groups_before: Groups,
    /// Supplementary groups from now on.
    pub groups_after: Groups,
}

/// Supplementary groups.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Groups {
    /// Those captured.
    pub ids: Vec<u32>,
    /// How many there are.
    pub count: u32,
}

/// A task's credentials differ from those it last committed.
#[derive(Clone, Debug)]
pub struct CredentialDivergence {
    /// The credentials last committed or seen.
    pub before: Credentials,
    /// The credentials found.
    pub after: Credentials,
    /// Whether `struct cred` itself was overwritten.
    pub same_object: bool,
    /// The hook that found it.
    pub found_by: Kind,
    /// What it means; [`interpret`] decides.
    pub verdict: Verdict,
}

/// What a divergence of credentials means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nobody committed this: kernel memory was written to.
    Overwritten,
    /// A call could have made this change, and calls cannot be seen on this rung.
    Observed,
}

/// A process entered other namespaces.
#[derive(Clone, Copy, Debug)]
pub struct NamespaceChange {
    /// Those until now.
    pub before: Namespaces,
    /// Those from now on.
    pub after: Namespaces,
    /// How.
    pub operation: NamespaceOperation,
}

/// A process was given access to another one.
#[derive(Clone, Copy, Debug)]
pub struct Ptrace {
    /// The other process: the traced one, or for trace-me the tracer.
    pub target: ProcessId,
    /// The thread of it that is meant.
    pub target_tid: Tid,
    /// Its real user id.
    pub target_uid: u32,
    /// `PTRACE_MODE_*`.
    pub mode: u32,
    /// How.
    pub operation: PtraceOperation,
}

/// A kernel module was loaded.
#[derive(Clone, Debug)]
pub struct ModuleLoad {
    /// Its name.
    pub name: Bytes,
    /// `TAINT_*` bits.
    pub taints: u64,
}

/// A BPF program was loaded or opened.
#[derive(Clone, Debug)]
pub struct BpfProgram {
    /// Its id.
    pub id: u32,
    /// `enum bpf_prog_type`.
    pub program_type: u32,
    /// `enum bpf_attach_type`.
    pub attach_type: u32,
    /// Instructions after verification.
    pub instructions: u32,
    /// Digest of its instructions.
    pub tag: [u8; 8],
    /// Whether it can change what a kernel function returns.
    pub overrides_return: bool,
    /// Whether its licence is compatible with the GPL.
    pub gpl_compatible: bool,
    /// Its name.
    pub name: Bytes,
    /// The kernel function that it attaches to, if it is of a type that has one.
    pub function: Bytes,
    /// Whether it is new, or was there before; [`interpret`] decides.
    pub access: BpfAccess,
}

/// Whether a BPF program is new.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BpfAccess {
    /// It was loaded.
    Load,
    /// It was there, and was opened by id or pin.
    Open,
}

impl Event {
    /// Which kind of record it comes from.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        match self.body {
            Body::Fork(_) => Kind::Fork,
            Body::Exec(_) => Kind::Exec,
            Body::Exit(_) => Kind::Exit,
            Body::Connect(_) => Kind::Connect,
            Body::Accept(_) => Kind::Accept,
            Body::Bind(_) => Kind::Bind,
            Body::Listen(_) => Kind::Listen,
            Body::Established(_) => Kind::Established,
            Body::Closed(_) => Kind::Closed,
            Body::Datagram(_) => Kind::Datagram,
            Body::DnsQuestion(_) => Kind::DnsQuestion,
            Body::DnsAnswer(_) => Kind::DnsAnswer,
            Body::CredentialChange(_) => Kind::CredentialChange,
            Body::CredentialDivergence(_) => Kind::CredentialDivergence,
            Body::Namespace(_) => Kind::Namespace,
            Body::Ptrace(_) => Kind::Ptrace,
            Body::ModuleLoad(_) => Kind::ModuleLoad,
            Body::BpfProgram(_) => Kind::BpfProgram,
        }
    }

    /// The process that the event is about: the new one for a fork, else the one that acted.
    #[must_use]
    pub fn subject(&self) -> Option<ProcessId> {
        match &self.body {
            Body::Fork(fork) => Some(fork.child),
            _ => self.actor.map(|actor| actor.id),
        }
    }
}

impl fmt::Display for Tgid {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl fmt::Display for Tid {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}
