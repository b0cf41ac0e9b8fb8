//! Connections: the calls that ask for them, and the states that TCP goes through.
//!
//! A state changes wherever a packet is handled, mostly in a soft interrupt that has nothing to do
//! with the socket's process. So the process is noted when it connects, listens or accepts, by the
//! socket's address, and looked up when the state changes.

#![forbid(unsafe_code)]

use sensor_common::{
    counters::Degraded,
    network::{
        AF_INET, AF_INET6, AF_UNIX, Address, Closed, Connection, Endpoints, Role, UNIX_PATH_MAX,
    },
    record::{Kind, Text},
    state::{ListenerKey, Owner, SocketState, hooked},
};

use crate::{
    actor,
    kernel::{
        Access, Growing, Hook, LISTENERS, Pointer, Probed, Record, SOCKETS, SockAddr, boot_time,
        degraded, field, is_hooked, setting, skc_to_tcp_sock, wanted,
    },
};

/// `IPPROTO_TCP`.
const IPPROTO_TCP: u16 = 6;

/// `enum tcp_state` (`include/net/tcp_states.h`).
const TCP_ESTABLISHED: u8 = 1;
const TCP_SYN_SENT: u8 = 2;
const TCP_SYN_RECV: u8 = 3;
const TCP_CLOSE: u8 = 7;
const TCP_CLOSE_WAIT: u8 = 8;
const TCP_LISTEN: u8 = 10;

/// `SOCK_DONE` (`enum sock_flags`, `include/net/sock.h`): the peer's end of stream was received.
const SOCK_DONE: u64 = 1 << 1;

/// `SOCK_STREAM`.
const SOCK_STREAM: u32 = 1;

/// `security_socket_connect(sock, address, length)`, `security/security.c`: the address is the
/// kernel's copy, whoever called by whatever means.
#[inline(always)]
pub fn connect<H: Hook>(hook: &H) {
    named_call::<H>(hook, Kind::Connect);
}

/// `security_socket_bind(sock, address, length)`, `security/security.c`.
#[inline(always)]
pub fn bind<H: Hook>(hook: &H) {
    named_call::<H>(hook, Kind::Bind);
}

#[inline(always)]
fn named_call<H: Hook>(hook: &H, kind: Kind) {
    let name = hook.pointer(1);
    let family: u16 = H::Access::load(name);
    match family {
        AF_INET | AF_INET6 => internet_call::<H>(hook, kind, family),
        AF_UNIX if setting::UNIX_SOCKETS.get() != 0 => unix_call::<H>(hook, kind),
        _ => {}
    }
}

#[inline(always)]
fn internet_call<H: Hook>(hook: &H, kind: Kind, family: u16) {
    let Some(actor) = actor::current::<H::Access>(kind) else {
        return;
    };
    if let Some(mut record) = Record::<Connection>::open(kind, &actor.owner) {
        let sk = field::SOCKET_SK.follow::<H::Access>(hook.pointer(0));
        describe_socket::<H::Access>(sk, &mut record);
        let named = Named::read::<H::Access>(hook.pointer(1), family);
        set_named(&mut record.endpoints, kind, family, &named);
        record.submit();
    }
}

/// An internet address and port as a process names them: `struct sockaddr_in` or `_in6`.
struct Named {
    address: Address,
    port: u16,
}

impl Named {
    #[inline(always)]
    fn read<A: Access>(name: Pointer, family: u16) -> Self {
        if family == AF_INET {
            // Family, port, address: what `struct sockaddr` has room for.
            return Self {
                address: Address::v4(A::load(name.offset(4))),
                port: u16::from_be(A::load(name.offset(2))),
            };
        }
        // Family, port; flow label; the address.
        let words = Pointer::from_address(name.address()).read::<[u32; 6]>();
        Self {
            address: Address {
                words: [pair(words[2], words[3]), pair(words[4], words[5])],
            },
            port: u16::from_be((words[0] >> 16) as u16),
        }
    }
}

#[inline(always)]
const fn pair(low: u32, high: u32) -> u64 {
    (low as u64) | ((high as u64) << 32)
}

/// Puts the address that a call names to its end, next to what is known of the socket.
#[inline(always)]
fn set_named(endpoints: &mut Endpoints, kind: Kind, family: u16, named: &Named) {
    if endpoints.family != family {
        // An IPv6 socket may be given an IPv4 address; then its own says nothing yet.
        endpoints.local = Address::default();
        endpoints.family = family;
    }
    if matches!(kind, Kind::Bind) {
        endpoints.local = named.address;
        endpoints.local_port = named.port;
        endpoints.remote = Address::default();
        endpoints.remote_port = 0;
    } else {
        endpoints.remote = named.address;
        endpoints.remote_port = named.port;
    }
}

#[inline(always)]
fn unix_call<H: Hook>(hook: &H, kind: Kind) {
    /// The fixed part and the longest path.
    const TOTAL: u64 = (size_of::<Connection>() + 112) as u64;
    const _: () = assert!(UNIX_PATH_MAX <= 112);
    let Some(actor) = actor::current::<H::Access>(kind) else {
        return;
    };
    let Some(growing) = Growing::open(kind) else {
        return;
    };
    let Some(mut record) = growing.reserve::<Connection>(TOTAL, &actor.owner) else {
        return;
    };
    let sk = field::SOCKET_SK.follow::<H::Access>(hook.pointer(0));
    describe_socket::<H::Access>(sk, &mut record);
    record.endpoints.family = AF_UNIX;
    // The family comes first; what follows is the path, with or without a NUL.
    let length = (hook.number(2) as u32).wrapping_sub(2);
    let length = if length > UNIX_PATH_MAX as u32 {
        UNIX_PATH_MAX as u32
    } else {
        length
    };
    let target = record.bytes();
    let mut end = size_of::<Connection>() as u32;
    if hook
        .pointer(1)
        .offset(2)
        .read_bytes(target, size_of::<Connection>(), length & 0x7f)
    {
        record.path = Text {
            captured: length,
            original: length,
        };
        end += length;
    }
    record.submit_with_length(end);
}

/// `security_socket_listen(sock, backlog)`, `security/security.c`.
#[inline(always)]
pub fn listen<H: Hook>(hook: &H) {
    let sk = field::SOCKET_SK.follow::<H::Access>(hook.pointer(0));
    let family: u16 = field::SOCK_FAMILY.get::<H::Access, _>(sk);
    if family != AF_INET && family != AF_INET6 {
        return;
    }
    let Some(actor) = actor::current::<H::Access>(Kind::Listen) else {
        return;
    };
    report_listen::<H::Access>(sk, hook.number(1) as u32, &actor.owner);
}

#[inline(always)]
fn report_listen<A: Access>(sk: Pointer, backlog: u32, owner: &Owner) {
    if let Some(mut record) = Record::<Connection>::open(Kind::Listen, owner) {
        describe_socket::<A>(sk, &mut record);
        record.endpoints.remote = Address::default();
        record.endpoints.remote_port = 0;
        record.backlog = backlog;
        record.submit();
    }
}

/// `inet_csk_accept` returned a connection, `net/ipv4/inet_connection_sock.c`.
#[inline(always)]
pub fn accept<H: Hook>(sk: Pointer) {
    if sk.is_null() {
        return;
    }
    let Some(actor) = actor::current::<H::Access>(Kind::Accept) else {
        return;
    };
    match SOCKETS.find(sk.key()) {
        Some(socket) => socket.owner = actor.owner,
        None => accepted_from_unknown::<H::Access>(sk, &actor.owner),
    }
    if !wanted(Kind::Accept) {
        return;
    }
    if let Some(mut record) = Record::<Connection>::open(Kind::Accept, &actor.owner) {
        describe_socket::<H::Access>(sk, &mut record);
        record.submit();
    }
}

/// A connection of a listener that is not known. It may be closed already, and then there is nothing
/// to keep.
#[inline(always)]
fn accepted_from_unknown<A: Access>(sk: Pointer, owner: &Owner) {
    let state: u8 = field::SOCK_STATE.get::<A, _>(sk);
    if state != TCP_ESTABLISHED && state != TCP_CLOSE_WAIT {
        return;
    }
    let time = boot_time();
    keep(
        sk,
        &SocketState {
            owner: *owner,
            opened: time,
            established: time,
            role: Role::Server as u32,
            reserved: 0,
        },
    );
}

/// A cgroup program is asked whether a process may connect or bind: the rung where the functions
/// above cannot be hooked.
#[inline(always)]
pub fn cgroup_call<C: SockAddr>(context: &C, kind: Kind, address: Address) {
    let Some(actor) = actor::current::<Probed>(kind) else {
        return;
    };
    if let Some(mut record) = Record::<Connection>::open(kind, &actor.owner) {
        let family = context.family();
        describe_socket::<Probed>(context.sock(), &mut record);
        let named = Named {
            address,
            port: context.port(),
        };
        set_named(&mut record.endpoints, kind, family, &named);
        record.submit();
    }
}

/// `inet_sock_set_state(sk, old, new)`, `net/ipv4/af_inet.c`.
#[inline(always)]
pub fn state_change<H: Hook>(hook: &H) {
    let sk = hook.pointer(0);
    let old = hook.number(1) as u8;
    let new = hook.number(2) as u8;
    if new != TCP_SYN_SENT && new != TCP_LISTEN && new != TCP_ESTABLISHED && new != TCP_CLOSE {
        return;
    }
    let protocol: u16 = field::SOCK_PROTOCOL.get::<H::Access, _>(sk);
    if protocol != IPPROTO_TCP {
        return;
    }
    match new {
        TCP_SYN_SENT => opened::<H::Access>(sk),
        TCP_LISTEN => listening::<H::Access>(sk),
        TCP_ESTABLISHED => established::<H::Access>(sk, old),
        _ => closed::<H::Access>(sk, old),
    }
}

/// In the context of the process that connects.
#[inline(always)]
fn opened<A: Access>(sk: Pointer) {
    let Some(actor) = actor::current::<A>(Kind::Connect) else {
        return;
    };
    keep(
        sk,
        &SocketState {
            owner: actor.owner,
            opened: boot_time(),
            established: 0,
            role: Role::Client as u32,
            reserved: 0,
        },
    );
}

#[inline(always)]
fn keep(sk: Pointer, state: &SocketState) {
    let _ = SOCKETS.add(sk.key(), |place| *place = *state);
}

/// In the context of the process that listens.
#[inline(always)]
fn listening<A: Access>(sk: Pointer) {
    let Some(actor) = actor::current::<A>(Kind::Listen) else {
        return;
    };
    if !LISTENERS.set(&listener_key::<A>(sk), &actor.owner) {
        degraded(Degraded::ListenersFull);
    }
    if !is_hooked(hooked::LISTEN) && wanted(Kind::Listen) {
        report_listen::<A>(sk, 0, &actor.owner);
    }
}

#[inline(always)]
fn listener_key<A: Access>(sk: Pointer) -> ListenerKey {
    ListenerKey {
        network_namespace: network_namespace::<A>(sk),
        port: u32::from(field::SOCK_LOCAL_PORT.get::<A, u16>(sk)),
    }
}

/// In any context.
#[inline(always)]
fn established<A: Access>(sk: Pointer, old: u8) {
    let time = boot_time();
    if let Some(socket) = SOCKETS.find(sk.key())
        && !is_left_over(socket, old)
    {
        socket.established = time;
        let owner = socket.owner;
        if wanted(Kind::Established) {
            report::<A>(Kind::Established, sk, &owner);
        }
        return;
    }
    if old != TCP_SYN_RECV {
        return;
    }
    // A connection from outside: until somebody accepts it, it is the listener's.
    let Some(owner) = LISTENERS.find(&listener_key::<A>(sk)) else {
        return;
    };
    let owner = *owner;
    keep(
        sk,
        &SocketState {
            owner,
            opened: time,
            established: time,
            role: Role::Server as u32,
            reserved: 0,
        },
    );
    if !is_hooked(hooked::ACCEPT) && wanted(Kind::Accept) {
        report::<A>(Kind::Accept, sk, &owner);
    }
}

/// Whether what is known is of an earlier socket at the same address: one whose end came while its
/// `accept` was looked at.
#[inline(always)]
fn is_left_over(socket: &SocketState, old: u8) -> bool {
    old == TCP_SYN_RECV && socket.established != 0
}

#[inline(always)]
fn report<A: Access>(kind: Kind, sk: Pointer, owner: &Owner) {
    if let Some(mut record) = Record::<Connection>::open(kind, owner) {
        describe_socket::<A>(sk, &mut record);
        record.submit();
    }
}

/// In any context.
#[inline(always)]
fn closed<A: Access>(sk: Pointer, old: u8) {
    let key = sk.key();
    if old == TCP_LISTEN {
        LISTENERS.remove(&listener_key::<A>(sk));
        return;
    }
    let state = match SOCKETS.find(key) {
        Some(state) => *state,
        // Never established, or older than the sensor. Of the latter the owner is not known, so
        // that nobody can say whether it is in scope.
        None if old == TCP_SYN_RECV || old == TCP_CLOSE || setting::SCOPE_CGROUP.get() != 0 => {
            return;
        }
        None => SocketState {
            owner: Owner::default(),
            opened: 0,
            established: 0,
            role: Role::Unknown as u32,
            reserved: 0,
        },
    };
    SOCKETS.remove(key);
    if !wanted(Kind::Closed) {
        return;
    }
    if let Some(mut record) = Record::<Closed>::open(Kind::Closed, &state.owner) {
        describe_endpoints::<A>(sk, &mut record.endpoints);
        record.network_namespace = network_namespace::<A>(sk);
        record.socket_type = SOCK_STREAM;
        record.opened = state.opened;
        record.established = state.established;
        describe_end::<A>(sk, &mut record);
        record.error = field::SOCK_ERR.get::<A, _>(sk);
        record.role = state.role as u8;
        record.state = old;
        record.reserved = 0;
        record.submit();
    }
}

/// Sets what only the TCP part of a socket tells: the bytes of payload that were sent and received,
/// and the port, which the kernel has given back by now if it had chosen it itself
/// (`inet_put_port`, `net/ipv4/inet_hashtables.c`, clears `inet_num` and leaves `inet_sport`).
#[inline(always)]
fn describe_end<A: Access>(sk: Pointer, record: &mut Closed) {
    let flags: u64 = field::SOCK_FLAGS.get::<A, _>(sk);
    let ended = flags & SOCK_DONE != 0;
    if A::TYPED && setting::SKC_TO_TCP_SOCK.get() != 0 {
        let tcp = skc_to_tcp_sock(sk);
        if tcp.is_null() {
            record.bytes_sent = 0;
            record.bytes_received = 0;
            return;
        }
        describe_tcp::<A>(tcp, ended, record);
    } else {
        describe_tcp::<Probed>(Pointer::from_address(sk.address()), ended, record);
    }
}

#[inline(always)]
fn describe_tcp<A: Access>(tcp: Pointer, ended: bool, record: &mut Closed) {
    let sent: u64 = field::TCP_BYTES_SENT.get::<A, _>(tcp);
    let again: u64 = field::TCP_BYTES_RETRANS.get::<A, _>(tcp);
    let received: u64 = field::TCP_BYTES_RECEIVED.get::<A, _>(tcp);
    // The kernel counts the peer's end of stream as a byte received.
    let end = u64::from(ended && received > 0);
    record.bytes_sent = sent.wrapping_sub(again);
    record.bytes_received = received.wrapping_sub(end);
    record.endpoints.local_port = u16::from_be(field::TCP_SOURCE_PORT.get::<A, _>(tcp));
}

/// Sets all but the header of a connection's record.
#[inline(always)]
fn describe_socket<A: Access>(sk: Pointer, record: &mut Connection) {
    describe_endpoints::<A>(sk, &mut record.endpoints);
    record.network_namespace = network_namespace::<A>(sk);
    record.socket_type = u32::from(field::SOCK_TYPE.get::<A, u16>(sk));
    record.backlog = 0;
    record.reserved = 0;
    record.path = Text::default();
}

/// Reads both ends of a socket.
#[inline(always)]
pub fn describe_endpoints<A: Access>(sk: Pointer, endpoints: &mut Endpoints) {
    let family: u16 = field::SOCK_FAMILY.get::<A, _>(sk);
    if family == AF_INET6 && field::SOCK_LOCAL6.exists() && field::SOCK_REMOTE6.exists() {
        endpoints.local = address6::<A>(field::SOCK_LOCAL6.of(sk));
        endpoints.remote = address6::<A>(field::SOCK_REMOTE6.of(sk));
    } else {
        endpoints.local = Address::v4(field::SOCK_LOCAL.get::<A, _>(sk));
        endpoints.remote = Address::v4(field::SOCK_REMOTE.get::<A, _>(sk));
    }
    endpoints.local_port = field::SOCK_LOCAL_PORT.get::<A, _>(sk);
    endpoints.remote_port = u16::from_be(field::SOCK_REMOTE_PORT.get::<A, _>(sk));
    endpoints.family = family;
    endpoints.protocol = field::SOCK_PROTOCOL.get::<A, _>(sk);
}

#[inline(always)]
fn address6<A: Access>(at: Pointer) -> Address {
    Address {
        words: [A::load(at), A::load(at.offset(8))],
    }
}

/// The inode number of a socket's network namespace.
#[inline(always)]
pub fn network_namespace<A: Access>(sk: Pointer) -> u32 {
    field::NET_INUM.get::<A, _>(field::SOCK_NET.follow::<A>(sk))
}
