//! Datagrams: the first between a process and a peer, and every DNS question and answer.
//!
//! Both ways run in the process's context and see the packet that the kernel holds, not the buffer
//! that the process can still change.

#![forbid(unsafe_code)]

use core::hint::black_box;

use sensor_common::{
    network::{
        AF_INET, AF_INET6, Address, DNS_MESSAGE_MAX, DNS_PORT, Datagram, Direction, Dns, Endpoints,
    },
    record::{Kind, Text},
    state::{Owner, PeerKey},
};
use zerocopy::{FromBytes, IntoBytes};

use crate::{
    actor,
    kernel::{
        self, Access, Buffer, Growing, Hook, Pointer, Probed, Record, SockAddr, current_tgid,
        field, wanted,
    },
    network::network_namespace,
};

/// `IPPROTO_UDP`.
const IPPROTO_UDP: u16 = 17;

/// Bytes of a UDP header.
const UDP_HEADER: u32 = 8;

/// `ip_send_skb(net, skb)`, `net/ipv4/ip_output.c`, and `ip6_send_skb(skb)`,
/// `net/ipv6/ip6_output.c`: where a datagram that a process sent is complete. TCP does not pass
/// here.
#[inline(always)]
pub fn sent<H: Hook>(skb: Pointer) {
    let sk = field::SKB_SK.follow::<H::Access>(skb);
    if sk.is_null() {
        return;
    }
    seen::<H>(sk, skb, Direction::Egress);
}

/// `skb_consume_udp(sk, skb, length)`, `net/ipv4/udp.c`: a process has received the datagram, or has
/// only looked.
#[inline(always)]
pub fn received<H: Hook>(hook: &H) {
    let skb = hook.pointer(1);
    if !only_looked::<H>(hook.number(2) as i32, skb) {
        seen::<H>(hook.pointer(0), skb, Direction::Ingress);
    }
}

/// The bytes that a process got are negative if it only looked. That does not tell of none: but the
/// packet is in the queue then, which is another user of it (`__skb_try_recv_from_queue`,
/// `net/core/datagram.c`).
#[inline(always)]
fn only_looked<H: Hook>(length: i32, skb: Pointer) -> bool {
    length < 0 || (length == 0 && field::SKB_USERS.get::<H::Access, u32>(skb) > 1)
}

#[inline(always)]
fn seen<H: Hook>(sk: Pointer, skb: Pointer, direction: Direction) {
    let protocol: u16 = field::SOCK_PROTOCOL.get::<H::Access, _>(sk);
    if protocol != IPPROTO_UDP {
        return;
    }
    let mut packet = Buffer::new();
    let packet: &mut Packet = packet.written();
    packet.read::<H::Access>(skb, direction);
    if packet.endpoints.remote_port == DNS_PORT {
        let kind = match direction {
            Direction::Egress => Kind::DnsQuestion,
            Direction::Ingress => Kind::DnsAnswer,
        };
        if wanted(kind)
            && let Some(actor) = actor::current::<H::Access>(kind)
        {
            let namespace = network_namespace::<H::Access>(sk);
            report_dns(kind, namespace, packet, &actor.owner);
        }
        return;
    }
    // Before anything is asked of the process, because nearly every datagram ends here.
    if !wanted(Kind::Datagram) || !is_new_peer(&packet.endpoints) {
        return;
    }
    if let Some(actor) = actor::current::<H::Access>(Kind::Datagram) {
        let namespace = network_namespace::<H::Access>(sk);
        report_peer(
            &packet.endpoints,
            namespace,
            direction,
            packet.length,
            &actor.owner,
        );
    }
}

/// A UDP packet in the kernel's memory.
#[derive(FromBytes)]
#[repr(C)]
struct Packet {
    endpoints: Endpoints,
    /// Where the payload begins.
    payload: u64,
    /// Bytes of payload.
    length: u32,
    /// How much of it lies there in one piece.
    linear: u32,
}

impl Packet {
    #[inline(always)]
    fn read<A: Access>(&mut self, skb: Pointer, direction: Direction) {
        /// The headers of IPv6 and UDP; of IPv4 they are shorter.
        const HEADERS: usize = 48;
        /// The headers of IPv4, without options, and UDP.
        const HEADERS4: u32 = 28;
        let head = Pointer::from_address(field::SKB_HEAD.get::<A, _>(skb));
        let network = u32::from(field::SKB_NETWORK_HEADER.get::<A, u16>(skb));
        let transport = u32::from(field::SKB_TRANSPORT_HEADER.get::<A, u16>(skb));
        let tail: u32 = field::SKB_TAIL.get::<A, _>(skb);
        let start = transport + UDP_HEADER;
        // One read for both headers, because a call costs more than the bytes that it reads.
        let mut headers = Buffer::new();
        let headers: &mut [u32; HEADERS / 4] = headers.written();
        head.offset(network).fill(headers.as_mut_bytes());
        let is_v4 = (headers[0] as u8) >> 4 == 4;
        let (source, destination) = if is_v4 {
            (Address::v4(headers[3]), Address::v4(headers[4]))
        } else {
            (
                Address {
                    words: [pair(headers[2], headers[3]), pair(headers[4], headers[5])],
                },
                Address {
                    words: [pair(headers[6], headers[7]), pair(headers[8], headers[9])],
                },
            )
        };
        let length = transport.wrapping_sub(network) + UDP_HEADER;
        let (ports, size) = if is_v4 && length == HEADERS4 {
            (headers[5], headers[6])
        } else if !is_v4 && length == HEADERS as u32 {
            (headers[10], headers[11])
        } else {
            let [ports, size] = head.offset(transport).read::<[u32; 2]>();
            (ports, size)
        };
        let source_port = u16::from_be(ports as u16);
        let destination_port = u16::from_be((ports >> 16) as u16);
        self.endpoints.family = if is_v4 { AF_INET } else { AF_INET6 };
        self.endpoints.protocol = IPPROTO_UDP;
        match direction {
            Direction::Egress => {
                self.endpoints.local = source;
                self.endpoints.remote = destination;
                self.endpoints.local_port = source_port;
                self.endpoints.remote_port = destination_port;
            }
            Direction::Ingress => {
                self.endpoints.local = destination;
                self.endpoints.remote = source;
                self.endpoints.local_port = destination_port;
                self.endpoints.remote_port = source_port;
            }
        }
        self.payload = head.offset(start).address();
        self.length = u32::from(u16::from_be(size as u16)).wrapping_sub(UDP_HEADER) & 0xffff;
        self.linear = tail.saturating_sub(start);
    }
}

#[inline(always)]
const fn pair(low: u32, high: u32) -> u64 {
    (low as u64) | ((high as u64) << 32)
}

/// Whether the process that runs meets a peer for the first time, or again after a long silence.
#[inline(always)]
fn is_new_peer(endpoints: &Endpoints) -> bool {
    kernel::is_new_peer(&PeerKey {
        remote: endpoints.remote,
        tgid: current_tgid(),
        local_port: endpoints.local_port,
        remote_port: endpoints.remote_port,
    })
}

#[inline(always)]
fn report_peer(
    endpoints: &Endpoints,
    network_namespace: u32,
    direction: Direction,
    length: u32,
    owner: &Owner,
) {
    if let Some(mut record) = Record::<Datagram>::open(Kind::Datagram, owner) {
        record.endpoints = *endpoints;
        record.network_namespace = network_namespace;
        record.direction = direction as u32;
        record.length = length;
        record.reserved = 0;
        record.submit();
    }
}

#[inline(always)]
fn report_dns(kind: Kind, network_namespace: u32, packet: &Packet, owner: &Owner) {
    let length = if packet.length < packet.linear {
        packet.length
    } else {
        packet.linear
    };
    // Two functions, each with one size, because the compiler would otherwise choose a size and a
    // bound apart from each other, and the verifier see them paired wrongly.
    if length <= SMALL_MESSAGE {
        send_dns::<{ SMALL_MESSAGE as usize }>(kind as u32, network_namespace, packet, owner);
    } else {
        send_dns::<DNS_MESSAGE_MAX>(kind as u32, network_namespace, packet, owner);
    }
}

/// Enough for most messages.
const SMALL_MESSAGE: u32 = 136;

/// Sends a record with at most `MOST` bytes of a message.
#[inline(never)]
fn send_dns<const MOST: usize>(kind: u32, network_namespace: u32, packet: &Packet, owner: &Owner) {
    let kind = if kind == Kind::DnsQuestion as u32 {
        Kind::DnsQuestion
    } else {
        Kind::DnsAnswer
    };
    let Some(growing) = Growing::open(kind) else {
        return;
    };
    let total = (size_of::<Dns>() + MOST) as u64;
    let Some(mut record) = growing.reserve::<Dns>(total, owner) else {
        return;
    };
    record.endpoints = packet.endpoints;
    record.network_namespace = network_namespace;
    record.reserved = 0;
    record.message = Text {
        captured: 0,
        original: packet.length,
    };
    let target = record.bytes();
    let mut end = size_of::<Dns>() as u32;
    let length = if packet.length < packet.linear {
        packet.length
    } else {
        packet.linear
    };
    let mut length = black_box(length);
    if length > MOST as u32 {
        length = MOST as u32;
    }
    if Pointer::from_address(packet.payload).read_bytes(target, size_of::<Dns>(), length) {
        record.message.captured = length;
        end += length;
    }
    record.submit_with_length(end);
}

/// A cgroup program is asked about a datagram that is sent to, or was received from, a named peer:
/// the rung where the functions above cannot be hooked. It does not see the payload.
#[inline(always)]
pub fn cgroup_datagram<C: SockAddr>(context: &C, direction: Direction, remote: Address) {
    let Some(actor) = actor::current::<Probed>(Kind::Datagram) else {
        return;
    };
    let sk = context.sock();
    let (family, remote) = match unmapped(&remote) {
        Some(remote) if context.family() == AF_INET6 => (AF_INET, remote),
        _ => (context.family(), remote),
    };
    let endpoints = Endpoints {
        local: Address::default(),
        remote,
        local_port: field::SOCK_LOCAL_PORT.get::<Probed, _>(sk),
        remote_port: context.port(),
        family,
        protocol: context.protocol(),
    };
    if is_new_peer(&endpoints) {
        let namespace = network_namespace::<Probed>(sk);
        report_peer(&endpoints, namespace, direction, u32::MAX, &actor.owner);
    }
}

/// The IPv4 address that is mapped into this one of IPv6, if one is: it is the same peer as in a call
/// that names it as one of IPv4.
#[inline(always)]
fn unmapped(address: &Address) -> Option<Address> {
    const PREFIX: u32 = u32::from_ne_bytes([0, 0, 0xff, 0xff]);
    let [first, second] = address.words;
    (first == 0 && second as u32 == PREFIX).then_some(Address::v4((second >> 32) as u32))
}
