//! Connections, datagrams and DNS.

use sensor_common::network::{AF_INET, AF_INET6, AF_UNIX, Direction, Role};

use super::{Classes, Field, field, name, number, text};
use crate::{
    detect::sigma::{
        field::Value,
        taxonomy::{
            class::{
                DNS_ANSWER, DNS_QUERY, NETWORK_BIND, NETWORK_CONNECTION, NETWORK_END,
                NETWORK_ESTABLISHED, NETWORK_LISTEN, UNIX_CONNECTION,
            },
            observed_fields::{ObservedFields, Slot},
        },
    },
    event::{Body, Closed, Connection, Endpoint, Endpoints, dns::Question},
    output::names::Name,
};

/// Events with two sides.
const SIDES: Classes = Classes::these(&[
    NETWORK_CONNECTION,
    NETWORK_ESTABLISHED,
    NETWORK_END,
    DNS_QUERY,
    DNS_ANSWER,
]);
/// Those, and events of a socket alone.
const ENDS: Classes = Classes::these(&[
    NETWORK_CONNECTION,
    NETWORK_ESTABLISHED,
    NETWORK_END,
    NETWORK_BIND,
    NETWORK_LISTEN,
    DNS_QUERY,
    DNS_ANSWER,
]);
const SOCKETS: Classes = Classes::these(&[
    NETWORK_CONNECTION,
    NETWORK_ESTABLISHED,
    NETWORK_END,
    NETWORK_BIND,
    NETWORK_LISTEN,
    UNIX_CONNECTION,
    DNS_QUERY,
    DNS_ANSWER,
]);
const PATHS: Classes = Classes::these(&[UNIX_CONNECTION, NETWORK_BIND, NETWORK_LISTEN]);
const CLOSED: Classes = Classes::these(&[NETWORK_END]);
const DNS: Classes = Classes::these(&[DNS_QUERY, DNS_ANSWER]);
const ANSWERS: Classes = Classes::these(&[DNS_ANSWER]);

pub(super) const FIELDS: &[Field] = &[
    field(
        &["SourceIp", "source.ip", "source.address", "src_ip"],
        ENDS,
        "the address of who initiated or sent; of `bind` and `listen` this host's; absent while it is not chosen",
        |fields| address(sides(fields)?.source),
    ),
    field(
        &["SourcePort", "source.port", "src_port"],
        ENDS,
        "the port of that; absent while it is not chosen",
        |fields| port(sides(fields)?.source),
    ),
    field(
        &["DestinationIp", "destination.ip", "destination.address", "dst_ip"],
        SIDES,
        "the other address",
        |fields| address(sides(fields)?.destination?),
    ),
    field(
        &["DestinationPort", "destination.port", "dst_port"],
        SIDES,
        "the port of that",
        |fields| port(sides(fields)?.destination?),
    ),
    field(
        &["DestinationHostname", "destination.domain"],
        SIDES,
        "if this host initiated: the name that the address was last looked up by on this host, from DNS answers that were seen",
        |fields| {
            let sides = sides(fields)?;
            let remote = sides.destination.filter(|_| sides.initiated == Some(true));
            text(fields.name_of(remote?.address?)?)
        },
    )
    .searched(),
    field(
        &["Initiated"],
        SIDES,
        "whether this host initiated or sent; absent where that is not known",
        |fields| Some(Value::Boolean(sides(fields)?.initiated?)),
    ),
    field(
        &["network.direction"],
        SIDES,
        "the same as `egress` or `ingress`",
        |fields| {
            text(if sides(fields)?.initiated? {
                "egress"
            } else {
                "ingress"
            })
        },
    ),
    field(
        &["Protocol", "network.transport"],
        ENDS,
        "`tcp`, `udp` or another protocol's name",
        |fields| {
            let endpoints = endpoints(&fields.observed.event.body)?;
            let protocol = Some(endpoints.protocol).filter(|protocol| *protocol != 0)?;
            (endpoints.family != AF_UNIX).then(|| name(Name::of_protocol(protocol)))
        },
    ),
    field(
        &["network.type"],
        ENDS,
        "`ipv4` or `ipv6`",
        |fields| match endpoints(&fields.observed.event.body)?.family {
            AF_INET => text("ipv4"),
            AF_INET6 => text("ipv6"),
            _ => None,
        },
    ),
    field(
        &["DestinationIsIpv6", "SourceIsIpv6"],
        ENDS,
        "whether it is IPv6",
        |fields| {
            let family = endpoints(&fields.observed.event.body)?.family;
            Some(Value::Boolean(family == AF_INET6))
        },
    ),
    field(
        &["sensor.network.namespace"],
        SOCKETS,
        "the inode number of the network namespace",
        |fields| {
            let namespace = match &fields.observed.event.body {
                Body::Closed(closed) => closed.namespace,
                Body::Datagram(datagram) => datagram.namespace,
                Body::DnsQuestion(dns) | Body::DnsAnswer(dns) => dns.namespace,
                _ => connection(fields)?.namespace,
            };
            super::origin::inode(namespace.0)
        },
    ),
    field(
        &["sensor.network.socket_type"],
        SOCKETS,
        "`stream`, `dgram`, ...",
        |fields| {
            let number = match &fields.observed.event.body {
                Body::Closed(closed) => closed.socket_type,
                _ => connection(fields)?.socket_type,
            };
            (number != 0).then(|| name(Name::of_socket_type(number)))
        },
    ),
    field(
        &["sensor.network.unix_path"],
        PATHS,
        "the path of a unix socket; an abstract name begins with `@`",
        |fields| {
            let path = connection(fields)?.unix_path.as_ref()?;
            fields.socket_path(path).map(Value::Text)
        },
    )
    .path()
    .searched(),
    field(
        &["sensor.network.backlog"],
        Classes::these(&[NETWORK_LISTEN]),
        "how many connections may wait",
        |fields| number(connection(fields)?.backlog?),
    ),
    field(
        &["sensor.network.datagram_bytes"],
        Classes::these(&[NETWORK_CONNECTION]),
        "of a datagram: its payload",
        |fields| match &fields.observed.event.body {
            Body::Datagram(datagram) => number(datagram.length?),
            _ => None,
        },
    ),
    field(
        &["sensor.network.role"],
        CLOSED,
        "the part that this host played: `client`, `server` or `listener`",
        |fields| match closed(fields)?.role {
            Role::Unknown => None,
            Role::Client => text("client"),
            Role::Server => text("server"),
            Role::Listener => text("listener"),
        },
    ),
    field(
        &["sensor.network.state"],
        CLOSED,
        "TCP's state before it closed",
        |fields| {
            let state = Some(closed(fields)?.state).filter(|state| *state != 0)?;
            Some(name(Name::of_tcp_state(state)))
        },
    ),
    field(
        &["sensor.network.error"],
        CLOSED,
        "the error that it ended with: `ECONNREFUSED`, ...",
        |fields| {
            let error = Some(closed(fields)?.error).filter(|error| *error != 0)?;
            Some(name(Name::of_error(error)))
        },
    ),
    field(
        &["source.bytes"],
        CLOSED,
        "payload that the source sent",
        |fields| {
            let closed = closed(fields).filter(|closed| closed.role != Role::Listener)?;
            number(match closed.role {
                Role::Server => closed.bytes_received,
                _ => closed.bytes_sent,
            })
        },
    ),
    field(
        &["destination.bytes"],
        CLOSED,
        "payload that the destination sent",
        |fields| {
            let closed = closed(fields).filter(|closed| closed.role != Role::Listener)?;
            number(match closed.role {
                Role::Server => closed.bytes_sent,
                _ => closed.bytes_received,
            })
        },
    ),
    field(
        &["network.bytes"],
        CLOSED,
        "both together",
        |fields| {
            let closed = closed(fields).filter(|closed| closed.role != Role::Listener)?;
            number(closed.bytes_sent.saturating_add(closed.bytes_received))
        },
    ),
    field(
        &["event.duration"],
        CLOSED,
        "nanoseconds from its beginning, if that was seen",
        |fields| {
            let closed = closed(fields)?;
            let start = closed.opened.or(closed.established)?;
            let end = fields.observed.event.origin.time;
            number(end.0.checked_sub(start.0)?)
        },
    ),
    field(
        &["QueryName", "query", "dns.question.name"],
        DNS,
        "the name that is asked for, without the final dot",
        |fields| text(&question(fields)?.name),
    )
    .searched(),
    field(
        &["record_type", "dns.question.type"],
        DNS,
        "the type of record that is asked for: `A`, `TXT`, ...",
        |fields| text(&question(fields)?.kind),
    ),
    field(
        &["dns.question.class"],
        DNS,
        "the class: `IN`, ...",
        |fields| text(&question(fields)?.class),
    ),
    field(
        &["dns.op_code"],
        DNS,
        "what is wanted: `QUERY`, `UPDATE`, ...",
        |fields| text(&fields.message()?.op_code),
    ),
    field(
        &["dns.response_code"],
        ANSWERS,
        "how it went: `NOERROR`, `NXDOMAIN`, ...",
        |fields| text(fields.message()?.response_code.as_deref()?),
    ),
    field(
        &["QueryResults", "answer", "dns.answers.data"],
        ANSWERS,
        "what was answered",
        |fields| {
            let answers = &fields.message()?.answers;
            let data = answers.iter().map(|answer| &answer.data);
            fields.words(Slot::Results, data).map(Value::Text)
        },
    )
    .searched(),
    field(
        &["dns.resolved_ip"],
        ANSWERS,
        "the addresses among that",
        |fields| {
            let addresses = fields.message()?.resolved_addresses();
            let addresses = addresses.map(|address| address.to_string());
            fields.words(Slot::Addresses, addresses).map(Value::Text)
        },
    ),
];

/// Who speaks with whom.
struct Sides<'a> {
    source: &'a Endpoint,
    destination: Option<&'a Endpoint>,
    /// Whether this host is the source, if that is known.
    initiated: Option<bool>,
}

fn endpoints(body: &Body) -> Option<&Endpoints> {
    match body {
        Body::Connect(connection)
        | Body::Accept(connection)
        | Body::Bind(connection)
        | Body::Listen(connection)
        | Body::Established(connection) => Some(&connection.endpoints),
        Body::Closed(closed) => Some(&closed.endpoints),
        Body::Datagram(datagram) => Some(&datagram.endpoints),
        Body::DnsQuestion(dns) | Body::DnsAnswer(dns) => Some(&dns.endpoints),
        _ => None,
    }
}

fn sides<'a>(fields: &'a ObservedFields<'a>) -> Option<Sides<'a>> {
    let body = &fields.observed.event.body;
    let Endpoints { local, remote, .. } = endpoints(body)?;
    let initiated = match body {
        Body::Bind(_) | Body::Listen(_) => return Some(alone(local)),
        Body::Closed(closed) => match closed.role {
            Role::Listener => return Some(alone(local)),
            Role::Client => Some(true),
            Role::Server => Some(false),
            Role::Unknown => None,
        },
        Body::Accept(_) | Body::DnsAnswer(_) => Some(false),
        Body::Datagram(datagram) => Some(datagram.direction == Direction::Egress),
        _ => Some(true),
    };
    let (source, destination) = match initiated {
        Some(false) => (remote, local),
        Some(true) | None => (local, remote),
    };
    Some(Sides {
        source,
        destination: Some(destination),
        initiated,
    })
}

const fn alone(local: &Endpoint) -> Sides<'_> {
    Sides {
        source: local,
        destination: None,
        initiated: None,
    }
}

fn address(end: &Endpoint) -> Option<Value<'static>> {
    end.address.map(Value::Address)
}

fn port(end: &Endpoint) -> Option<Value<'static>> {
    number(end.port?)
}

fn connection<'a>(fields: &'a ObservedFields<'a>) -> Option<&'a Connection> {
    match &fields.observed.event.body {
        Body::Connect(connection)
        | Body::Accept(connection)
        | Body::Bind(connection)
        | Body::Listen(connection)
        | Body::Established(connection) => Some(connection),
        _ => None,
    }
}

fn closed<'a>(fields: &'a ObservedFields<'a>) -> Option<&'a Closed> {
    match &fields.observed.event.body {
        Body::Closed(closed) => Some(closed),
        _ => None,
    }
}

fn question<'a>(fields: &'a ObservedFields<'a>) -> Option<&'a Question> {
    fields.message()?.question.as_ref()
}
