//! The header of every ring record, and the kinds of record.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::assert_size;

/// What a record says. The discriminant is the record's kind on the wire and the index of its
/// counters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Kind {
    /// A process was made.
    Fork = 0,
    /// A process replaced its image.
    Exec = 1,
    /// The last thread of a process ended.
    Exit = 2,
    /// A process asked for a connection.
    Connect = 3,
    /// A process took a connection from its listening socket.
    Accept = 4,
    /// A process bound a socket to an address.
    Bind = 5,
    /// A socket began to listen.
    Listen = 6,
    /// A connection that this host opened was established.
    Established = 7,
    /// A connection, or the attempt to open one, ended.
    Closed = 8,
    /// The first datagram between a process and a peer.
    Datagram = 9,
    /// A DNS question was sent.
    DnsQuestion = 10,
    /// A DNS answer was received.
    DnsAnswer = 11,
    /// A task committed new credentials.
    CredentialChange = 12,
    /// A task's credentials differ from those it last committed.
    CredentialDivergence = 13,
    /// A process entered other namespaces.
    Namespace = 14,
    /// A process was given access to another one's memory and registers.
    Ptrace = 15,
    /// A kernel module was loaded.
    ModuleLoad = 16,
    /// A file descriptor of a BPF program was made: at its load, or later by id or pin.
    BpfProgram = 17,
    /// A cgroup was made or removed.
    Cgroup = 18,
}

impl Kind {
    /// Every kind, in the order of its discriminant.
    pub const ALL: [Self; 19] = [
        Self::Fork,
        Self::Exec,
        Self::Exit,
        Self::Connect,
        Self::Accept,
        Self::Bind,
        Self::Listen,
        Self::Established,
        Self::Closed,
        Self::Datagram,
        Self::DnsQuestion,
        Self::DnsAnswer,
        Self::CredentialChange,
        Self::CredentialDivergence,
        Self::Namespace,
        Self::Ptrace,
        Self::ModuleLoad,
        Self::BpfProgram,
        Self::Cgroup,
    ];

    /// How many kinds there are.
    pub const COUNT: usize = Self::ALL.len();

    /// The kind with this number on the wire, if it is one.
    #[must_use]
    pub fn from_wire(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }

    /// The event family that the kind belongs to.
    #[must_use]
    pub const fn family(self) -> Family {
        match self {
            Self::Fork | Self::Exec | Self::Exit => Family::Exec,
            Self::Connect
            | Self::Accept
            | Self::Bind
            | Self::Listen
            | Self::Established
            | Self::Closed
            | Self::Datagram
            | Self::DnsQuestion
            | Self::DnsAnswer => Family::Network,
            Self::CredentialChange
            | Self::CredentialDivergence
            | Self::Namespace
            | Self::Ptrace
            | Self::ModuleLoad
            | Self::BpfProgram => Family::Privilege,
            Self::Cgroup => Family::Control,
        }
    }

    /// The kinds that are events of their own.
    pub fn events() -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(|kind| kind.is_event())
    }

    /// Whether it is an event of its own. The others only help to understand events.
    #[must_use]
    pub const fn is_event(self) -> bool {
        !matches!(self.family(), Family::Control)
    }

    /// The ring that carries the kind. Fork and exit travel with the bulk: an exec record repeats
    /// what matters of the fork.
    #[must_use]
    #[inline(always)]
    pub const fn ring(self) -> Ring {
        match self {
            Self::Exec
            | Self::CredentialChange
            | Self::CredentialDivergence
            | Self::Namespace
            | Self::Ptrace
            | Self::ModuleLoad
            | Self::BpfProgram
            | Self::Cgroup => Ring::Critical,
            _ => Ring::Bulk,
        }
    }

    /// The kind's name in configuration, counters and diagnostics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fork => "fork",
            Self::Exec => "exec",
            Self::Exit => "exit",
            Self::Connect => "connect",
            Self::Accept => "accept",
            Self::Bind => "bind",
            Self::Listen => "listen",
            Self::Established => "established",
            Self::Closed => "closed",
            Self::Datagram => "datagram",
            Self::DnsQuestion => "dns_question",
            Self::DnsAnswer => "dns_answer",
            Self::CredentialChange => "credential_change",
            Self::CredentialDivergence => "credential_divergence",
            Self::Namespace => "namespace",
            Self::Ptrace => "ptrace",
            Self::ModuleLoad => "module_load",
            Self::BpfProgram => "bpf_program",
            Self::Cgroup => "cgroup",
        }
    }
}

/// The three things that the sensor watches, and what it needs to understand them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Family {
    /// Fork, exec and exit.
    Exec,
    /// Connections, datagrams and names.
    Network,
    /// Credentials, namespaces, ptrace, and code loaded into the kernel.
    Privilege,
    /// What is no event, but says what events mean: cgroups.
    Control,
}

impl Family {
    /// Every family.
    pub const ALL: [Self; 4] = [Self::Exec, Self::Network, Self::Privilege, Self::Control];

    /// The family's name in configuration, counters and diagnostics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Exec => "exec",
            Self::Network => "network",
            Self::Privilege => "privilege",
            Self::Control => "control",
        }
    }
}

/// A ring buffer. The discriminant is the number on the wire and the index of its sequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Ring {
    /// Exec, privilege and cgroup records, which a flood of connections must not push out.
    Critical = 0,
    /// Fork, exit and network records.
    Bulk = 1,
}

impl Ring {
    /// How many rings there are; shards of one ring count as one.
    pub const COUNT: usize = 2;
}

/// What every record starts with.
///
/// The process is the one that acted. Where a record is made outside of that process's context
/// (most TCP state changes happen in a soft interrupt), it is the socket's owner; a zero `start`
/// says that the owner is not known.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Header {
    /// Bytes of the record in use, this header included.
    pub length: u32,
    /// [`Kind`].
    pub kind: u8,
    /// [`Ring`] whose sequence this record is counted in.
    pub ring: u8,
    /// [`flags`].
    pub flags: u16,
    /// Records of this ring that this CPU has tried to send before this one: a gap is a loss.
    pub sequence: u64,
    /// `CLOCK_BOOTTIME` in nanoseconds, read after the record's place in the ring was reserved, so
    /// that whatever is stamped before a moment is visible in the ring at that moment.
    pub time: u64,
    /// The CPU that made the record.
    pub cpu: u32,
    /// Thread id in the initial pid namespace.
    pub tid: u32,
    /// Process (thread group) id in the initial pid namespace.
    pub tgid: u32,
    /// Real user id.
    pub uid: u32,
    /// The process's `group_leader->start_boottime`, nanoseconds since boot.
    pub start: u64,
    /// Id of the process's cgroup in the hierarchy that tells containers apart (`CGROUP_HIERARCHY`,
    /// [`settings`](crate::settings)): the inode number of its directory.
    pub cgroup: u64,
    /// [`crate::credentials::Credentials::digest`] of the acting task.
    pub credentials: u64,
}
assert_size!(Header, 64);

/// Bits of [`Header::flags`].
pub mod flags {
    /// The acting thread works for the process on behalf of io_uring.
    pub const IO_WORKER: u16 = 1 << 0;
    /// The process's state was first seen by this record: nothing earlier can be compared with it.
    pub const FIRST_SIGHT: u16 = 1 << 1;
}

/// A string in a record's tail: how many bytes were captured, and how many there were.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct Text {
    /// Bytes in the tail.
    pub captured: u32,
    /// Bytes the kernel had, where it could tell; `u32::MAX` where there were more than it counts.
    pub original: u32,
}
assert_size!(Text, 8);

/// Which process: unique on a host until it boots again.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct ProcessKey {
    /// `group_leader->start_boottime`, nanoseconds since boot.
    pub start: u64,
    /// Process id in the initial pid namespace.
    pub tgid: u32,
    /// Thread id in the initial pid namespace, where one thread is meant; else the process id.
    pub tid: u32,
}
assert_size!(ProcessKey, 16);
