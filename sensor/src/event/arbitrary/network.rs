//! Connections, datagrams, DNS messages.

use proptest::{collection::vec, option, prelude::*};
use sensor_common::network::{AF_INET, AF_INET6, AF_UNIX, Direction, Role};

use super::{
    super::{dns::encoder::Encoder, *},
    text, time,
};

fn endpoint() -> impl Strategy<Value = Endpoint> {
    (option::of(any::<IpAddr>()), option::of(1..=u16::MAX))
        .prop_map(|(address, port)| Endpoint { address, port })
}

fn endpoints() -> impl Strategy<Value = Endpoints> {
    let family = prop_oneof![Just(AF_INET), Just(AF_INET6), Just(AF_UNIX)];
    let protocol = prop_oneof![Just(6), Just(17), any::<u16>()];
    (endpoint(), endpoint(), family, protocol).prop_map(|(local, remote, family, protocol)| {
        Endpoints {
            local,
            remote,
            family,
            protocol,
        }
    })
}

fn network_namespace() -> impl Strategy<Value = NetworkNamespace> {
    any::<u32>().prop_map(NetworkNamespace)
}

pub(super) fn connection() -> impl Strategy<Value = Connection> {
    (
        endpoints(),
        network_namespace(),
        0..12_u32,
        option::of(any::<u32>()),
        option::of(text()),
    )
        .prop_map(
            |(endpoints, namespace, socket_type, backlog, unix_path)| Connection {
                endpoints,
                namespace,
                socket_type,
                backlog,
                unix_path,
            },
        )
}

pub(super) fn closed() -> impl Strategy<Value = Closed> {
    let role = (0..4_u8).prop_map(Role::from_wire);
    (
        (endpoints(), network_namespace(), 0..12_u32),
        (option::of(time()), option::of(time())),
        (any::<u64>(), any::<u64>()),
        (0..140_u32, role, 0..15_u8),
    )
        .prop_map(
            |(
                (endpoints, namespace, socket_type),
                (opened, established),
                (bytes_sent, bytes_received),
                (error, role, state),
            )| Closed {
                endpoints,
                namespace,
                socket_type,
                opened,
                established,
                bytes_sent,
                bytes_received,
                error,
                role,
                state,
            },
        )
}

pub(super) fn datagram() -> impl Strategy<Value = Datagram> {
    let direction = prop_oneof![Just(Direction::Egress), Just(Direction::Ingress)];
    (
        endpoints(),
        network_namespace(),
        direction,
        option::of(any::<u32>()),
    )
        .prop_map(|(endpoints, namespace, direction, length)| Datagram {
            endpoints,
            namespace,
            direction,
            length,
        })
}

pub(super) fn dns() -> impl Strategy<Value = Dns> {
    let label = || vec(any::<u8>(), 1..10);
    let message = (any::<u16>(), any::<u16>(), label(), label(), any::<u16>()).prop_map(
        |(id, flags, first, second, kind)| {
            Encoder::new(id, flags)
                .question(&[&first, &second], kind)
                .answer(&[&first], kind, 5, &second)
                .answer(&[&second], 1, 5, &[192, 0, 2, 1])
                .bytes()
        },
    );
    let message = prop_oneof![3 => message, 1 => vec(any::<u8>(), 0..40)];
    let cut = prop_oneof![Just(0), 1..30_usize];
    (endpoints(), network_namespace(), message, cut).prop_map(
        |(endpoints, namespace, mut bytes, cut)| {
            let original = u32::try_from(bytes.len()).unwrap();
            bytes.truncate(bytes.len().saturating_sub(cut));
            Dns {
                endpoints,
                namespace,
                message: Text {
                    bytes: bytes.into(),
                    original: Some(original),
                },
            }
        },
    )
}
