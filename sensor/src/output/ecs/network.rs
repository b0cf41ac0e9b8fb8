//! `source`, `destination`, `network`, and what `sensor.network` adds to them.

use sensor_common::network::{AF_INET, AF_INET6, AF_UNIX, Direction, Role};

use crate::{
    event::{Body, Closed, Connection, Datagram, Endpoint, Endpoints, NetworkNamespace},
    output::{json::Object, names::Name, socket},
};

/// Which of the two ends is `source`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Source {
    /// This host's: it initiated, or sent.
    Local,
    /// The peer's.
    Remote,
    /// This host's, and it has no peer.
    OnlyLocal,
    /// Not known. This host's is shown as such.
    Unknown,
}

/// Payload bytes, of a connection that ended.
#[derive(Clone, Copy)]
struct Bytes {
    sent: u64,
    received: u64,
}

/// `source`, `destination` and `network`, of an event that has two sides.
pub(super) fn sides(body: &Body, line: &mut Object<'_>) {
    let (endpoints, source) = match body {
        Body::Connect(connection) | Body::Established(connection) => {
            (&connection.endpoints, Source::Local)
        }
        Body::Accept(connection) => (&connection.endpoints, Source::Remote),
        Body::Bind(connection) | Body::Listen(connection) => {
            (&connection.endpoints, Source::OnlyLocal)
        }
        Body::Closed(closed) => (&closed.endpoints, opener(closed.role)),
        Body::Datagram(datagram) => match datagram.direction {
            Direction::Egress => (&datagram.endpoints, Source::Local),
            Direction::Ingress => (&datagram.endpoints, Source::Remote),
        },
        Body::DnsQuestion(dns) => (&dns.endpoints, Source::Local),
        Body::DnsAnswer(dns) => (&dns.endpoints, Source::Remote),
        _ => return,
    };
    let bytes = match body {
        // A listening socket carries nothing.
        Body::Closed(closed) if source != Source::OnlyLocal => Some(Bytes {
            sent: closed.bytes_sent,
            received: closed.bytes_received,
        }),
        _ => None,
    };
    let sent = bytes.map(|bytes| bytes.sent);
    let received = bytes.map(|bytes| bytes.received);
    let (local, remote) = match source {
        Source::Remote => ("destination", "source"),
        _ => ("source", "destination"),
    };
    line.object(local, |fields| side(&endpoints.local, sent, fields));
    if source != Source::OnlyLocal {
        line.object(remote, |fields| side(&endpoints.remote, received, fields));
    }
    line.object("network", |fields| {
        network(endpoints, source, bytes, fields);
        if matches!(body, Body::DnsQuestion(_) | Body::DnsAnswer(_)) {
            fields.word("protocol", "dns");
        }
    });
}

const fn opener(role: Role) -> Source {
    match role {
        Role::Client => Source::Local,
        Role::Server => Source::Remote,
        Role::Listener => Source::OnlyLocal,
        Role::Unknown => Source::Unknown,
    }
}

fn side(end: &Endpoint, bytes: Option<u64>, fields: &mut Object<'_>) {
    if let Some(address) = end.address {
        fields.address(["ip", "address"], address);
    }
    if let Some(port) = end.port {
        fields.number("port", port);
    }
    if let Some(bytes) = bytes {
        fields.number("bytes", bytes);
    }
}

fn network(ends: &Endpoints, source: Source, bytes: Option<Bytes>, fields: &mut Object<'_>) {
    match ends.family {
        AF_INET => fields.word("type", "ipv4"),
        AF_INET6 => fields.word("type", "ipv6"),
        _ => {}
    }
    // The protocols of unix sockets have no numbers of IANA's, and 0 is not known.
    if ends.family != AF_UNIX && ends.protocol != 0 {
        fields.word("transport", &*Name::of_protocol(ends.protocol).as_text());
        fields.id("iana_number", ends.protocol);
    }
    match source {
        Source::Local => fields.word("direction", "egress"),
        Source::Remote => fields.word("direction", "ingress"),
        Source::OnlyLocal | Source::Unknown => {}
    }
    if let Some(bytes) = bytes {
        fields.number("bytes", bytes.sent.saturating_add(bytes.received));
    }
}

/// `sensor.network` of connect, accept, bind, listen, established.
pub(super) fn connection(connection: &Connection, fields: &mut Object<'_>) {
    namespace(connection.namespace, fields);
    socket_type(connection.socket_type, fields);
    if let Some(backlog) = connection.backlog {
        fields.number("backlog", backlog);
    }
    if let Some(path) = connection.unix_path.as_ref().and_then(socket::unix_path) {
        fields.text("unix_path", &path);
    }
}

/// `sensor.network` of the end of a connection.
pub(super) fn closed(closed: &Closed, fields: &mut Object<'_>) {
    namespace(closed.namespace, fields);
    socket_type(closed.socket_type, fields);
    match closed.role {
        Role::Unknown => {}
        Role::Client => fields.word("role", "client"),
        Role::Server => fields.word("role", "server"),
        Role::Listener => fields.word("role", "listener"),
    }
    if closed.state != 0 {
        fields.word("state", &*Name::of_tcp_state(closed.state).as_text());
    }
    if closed.error != 0 {
        fields.word("error", &*Name::of_error(closed.error).as_text());
    }
}

/// `sensor.network` of a datagram.
pub(super) fn datagram(datagram: &Datagram, fields: &mut Object<'_>) {
    namespace(datagram.namespace, fields);
    if let Some(bytes) = datagram.length {
        fields.number("datagram_bytes", bytes);
    }
}

/// `sensor.network.namespace`.
pub(super) fn namespace(namespace: NetworkNamespace, fields: &mut Object<'_>) {
    if namespace.0 != 0 {
        fields.number("namespace", namespace.0);
    }
}

fn socket_type(number: u32, fields: &mut Object<'_>) {
    if number != 0 {
        fields.word("socket_type", &*Name::of_socket_type(number).as_text());
    }
}
