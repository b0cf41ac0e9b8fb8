//! Records of the network family.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::{
    assert_size,
    record::{Header, Text},
};

/// An internet address, its bytes in network order; IPv4 in the first four, the rest 0.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct Address {
    /// The bytes, as words so that copies stay whole.
    pub words: [u64; 2],
}

impl Address {
    /// From the four bytes of an IPv4 address, as they lie in memory.
    #[must_use]
    #[inline(always)]
    pub const fn v4(raw: u32) -> Self {
        // On a big-endian machine the first bytes of a word are its upper ones.
        let word = if cfg!(target_endian = "little") {
            raw as u64
        } else {
            (raw as u64) << 32
        };
        Self { words: [word, 0] }
    }

    /// The bytes.
    #[must_use]
    pub fn bytes(self) -> [u8; 16] {
        zerocopy::transmute!(self)
    }
}

/// The two ends of a connection or datagram.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct Endpoints {
    /// This host's address.
    pub local: Address,
    /// The peer's address.
    pub remote: Address,
    /// This host's port; 0 before one is chosen.
    pub local_port: u16,
    /// The peer's port.
    pub remote_port: u16,
    /// `AF_INET`, `AF_INET6` or `AF_UNIX`.
    pub family: u16,
    /// `IPPROTO_*`.
    pub protocol: u16,
}
assert_size!(Endpoints, 40);

/// [`Endpoints::family`] of a unix socket.
pub const AF_UNIX: u16 = 1;
/// [`Endpoints::family`] of IPv4.
pub const AF_INET: u16 = 2;
/// [`Endpoints::family`] of IPv6.
pub const AF_INET6: u16 = 10;
/// Longest `sun_path` (`include/uapi/linux/un.h`).
pub const UNIX_PATH_MAX: usize = 108;

/// Connect, accept, bind, listen, established. The tail holds `path`.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Connection {
    /// The process that called; for established, the one that connected.
    pub header: Header,
    /// The addresses, as far as they are known at this moment.
    pub endpoints: Endpoints,
    /// Inode number of the network namespace.
    pub network_namespace: u32,
    /// `SOCK_STREAM`, `SOCK_DGRAM`, ...
    pub socket_type: u32,
    /// Listen only: the backlog asked for; 0 where the hook cannot see it.
    pub backlog: u32,
    /// Reserved, 0.
    pub reserved: u32,
    /// The path of a unix socket; a leading NUL means an abstract name.
    pub path: Text,
}
assert_size!(Connection, 128);

/// A connection, or the attempt to open one, ended.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Closed {
    /// The process that connected or accepted; the listener's, if nobody accepted.
    pub header: Header,
    /// The addresses.
    pub endpoints: Endpoints,
    /// Inode number of the network namespace.
    pub network_namespace: u32,
    /// `SOCK_STREAM`.
    pub socket_type: u32,
    /// When the connection attempt began, `CLOCK_BOOTTIME` nanoseconds; 0 if before the start.
    pub opened: u64,
    /// When it was established; 0 if it never was, or before the start.
    pub established: u64,
    /// Payload bytes sent, without retransmissions.
    pub bytes_sent: u64,
    /// Payload bytes received in order.
    pub bytes_received: u64,
    /// The socket's pending error (`sk_err`), 0 for an orderly end.
    pub error: u32,
    /// [`Role`].
    pub role: u8,
    /// The state before (`TCP_*`).
    pub state: u8,
    /// Reserved, 0.
    pub reserved: u16,
}
assert_size!(Closed, 152);

/// Which part a socket plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Role {
    /// Not known: the connection is older than the sensor.
    Unknown = 0,
    /// It connects.
    Client = 1,
    /// It was accepted, or waits to be.
    Server = 2,
    /// It listens.
    Listener = 3,
}

impl Role {
    /// The role with this number on the wire; unknown numbers are [`Role::Unknown`].
    #[must_use]
    pub const fn from_wire(number: u8) -> Self {
        match number {
            1 => Self::Client,
            2 => Self::Server,
            3 => Self::Listener,
            _ => Self::Unknown,
        }
    }
}

/// The first datagram between a process and a peer.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Datagram {
    /// The process that sent or received.
    pub header: Header,
    /// The addresses.
    pub endpoints: Endpoints,
    /// Inode number of the network namespace.
    pub network_namespace: u32,
    /// [`Direction`].
    pub direction: u32,
    /// Payload bytes; `u32::MAX` where the hook cannot see them.
    pub length: u32,
    /// Reserved, 0.
    pub reserved: u32,
}
assert_size!(Datagram, 120);

/// Which way a datagram went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Direction {
    /// It was sent.
    Egress = 0,
    /// It was received.
    Ingress = 1,
}

/// A DNS message over UDP. The tail holds `message`.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Dns {
    /// The process that sent the question or received the answer.
    pub header: Header,
    /// The addresses.
    pub endpoints: Endpoints,
    /// Inode number of the network namespace.
    pub network_namespace: u32,
    /// Reserved, 0.
    pub reserved: u32,
    /// The message, from its id on.
    pub message: Text,
}
assert_size!(Dns, 120);

/// The port of DNS.
pub const DNS_PORT: u16 = 53;

/// Most bytes of a DNS message that are captured: an Ethernet frame's payload, which is more than
/// resolvers advertise (1,232).
pub const DNS_MESSAGE_MAX: usize = 1_392;
