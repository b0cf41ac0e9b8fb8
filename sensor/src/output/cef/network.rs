//! The two ends of a connection, and what went between them.

use std::net::IpAddr;

use sensor_common::network::{AF_UNIX, Direction, Role};

use super::{
    Context,
    keys::{self, DESTINATION_END, Key, SOURCE_END},
    line::Line,
};
use crate::{
    event::{
        Body, Closed, Connection, Datagram, Dns, Endpoint, Endpoints, Event, NetworkNamespace,
        dns::Message,
    },
    output::{names::Name, socket},
};

/// Which of the two ends is the source.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    /// This host's: it initiated, or sent.
    Local,
    /// The peer's.
    Remote,
    /// This host's, and it has no peer.
    OnlyLocal,
    /// Not known. This host's is shown as such.
    Unknown,
}

impl Source {
    /// Of an event that has ends.
    pub(super) const fn of(body: &Body) -> Option<Self> {
        match body {
            Body::Connect(_) | Body::Established(_) | Body::DnsQuestion(_) => Some(Self::Local),
            Body::Accept(_) | Body::DnsAnswer(_) => Some(Self::Remote),
            Body::Bind(_) | Body::Listen(_) => Some(Self::OnlyLocal),
            Body::Closed(closed) => Some(match closed.role {
                Role::Client => Self::Local,
                Role::Server => Self::Remote,
                Role::Listener => Self::OnlyLocal,
                Role::Unknown => Self::Unknown,
            }),
            Body::Datagram(datagram) => Some(match datagram.direction {
                Direction::Egress => Self::Local,
                Direction::Ingress => Self::Remote,
            }),
            _ => None,
        }
    }
}

/// The ends of an event that has them, and the way between them.
pub(super) fn sides(body: &Body, line: &mut Line<'_>) {
    let Some(source) = Source::of(body) else {
        return;
    };
    let endpoints = match body {
        Body::Connect(connection)
        | Body::Accept(connection)
        | Body::Bind(connection)
        | Body::Listen(connection)
        | Body::Established(connection) => &connection.endpoints,
        Body::Closed(closed) => &closed.endpoints,
        Body::Datagram(datagram) => &datagram.endpoints,
        Body::DnsQuestion(dns) | Body::DnsAnswer(dns) => &dns.endpoints,
        _ => return,
    };
    let (local, remote) = match source {
        Source::Remote => (DESTINATION_END, SOURCE_END),
        _ => (SOURCE_END, DESTINATION_END),
    };
    end(local, &endpoints.local, line);
    if source != Source::OnlyLocal {
        end(remote, &endpoints.remote, line);
    }
    transport(endpoints, line);
    match source {
        Source::Local => line.word(keys::DIRECTION, "1"),
        Source::Remote => line.word(keys::DIRECTION, "0"),
        Source::OnlyLocal | Source::Unknown => {}
    }
}

fn end(keys: keys::End, end: &Endpoint, line: &mut Line<'_>) {
    match end.address {
        Some(IpAddr::V4(address)) => line.ipv4(keys.ipv4, address),
        Some(IpAddr::V6(address)) => line.ipv6(keys.ipv6, address),
        None => {}
    }
    if let Some(port) = end.port {
        line.number(keys.port, port);
    }
}

fn transport(endpoints: &Endpoints, line: &mut Line<'_>) {
    // The protocols of unix sockets have no numbers of IANA's, and 0 is not known.
    if endpoints.family == AF_UNIX {
        line.word(keys::TRANSPORT, "unix");
    } else if endpoints.protocol != 0 {
        line.word(
            keys::TRANSPORT,
            &*Name::of_protocol(endpoints.protocol).as_text(),
        );
    }
}

/// Connect, accept, bind, listen, established.
pub(super) fn connection(connection: &Connection, line: &mut Line<'_>) {
    namespace(connection.namespace, line);
    socket_type(connection.socket_type, line);
    if let Some(backlog) = connection.backlog {
        line.number(Key::own("sensorBacklog"), backlog);
    }
    if let Some(path) = connection.unix_path.as_ref().and_then(socket::unix_path) {
        line.text(keys::SOCKET_PATH, &path);
    }
}

/// The end of a connection. Bytes are counted from the source to the destination (`in`), and back
/// (`out`), as the dictionary says.
pub(super) fn closed(closed: &Closed, event: &Event, context: Context, line: &mut Line<'_>) {
    let (sent, received) = (closed.bytes_sent, closed.bytes_received);
    let (forth, back) = match closed.role {
        Role::Server => (received, sent),
        Role::Client | Role::Listener | Role::Unknown => (sent, received),
    };
    // A listening socket carries nothing.
    if closed.role != Role::Listener {
        line.number(keys::BYTES_IN, forth);
        line.number(keys::BYTES_OUT, back);
    }
    if let Some(start) = closed.opened.or(closed.established) {
        line.number(keys::START, context.milliseconds(start));
    }
    line.number(keys::END, context.milliseconds(event.origin.time));
    if closed.error == 0 {
        line.word(keys::OUTCOME, "success");
    } else {
        line.word(keys::OUTCOME, "failure");
        line.word(keys::REASON, &*Name::of_error(closed.error).as_text());
    }
    if closed.state != 0 {
        let state = Name::of_tcp_state(closed.state).as_text();
        line.word(Key::own("sensorTcpState"), &*state);
    }
    namespace(closed.namespace, line);
    socket_type(closed.socket_type, line);
}

/// The first datagram between a process and a peer.
pub(super) fn datagram(datagram: &Datagram, line: &mut Line<'_>) {
    if let Some(bytes) = datagram.length {
        line.number(keys::BYTES_IN, bytes);
    }
    namespace(datagram.namespace, line);
}

/// A DNS message: what was asked, and what came back.
pub(super) fn dns(dns: &Dns, line: &mut Line<'_>) {
    line.word(keys::APPLICATION, "DNS");
    namespace(dns.namespace, line);
    let message = Message::parse(&dns.message);
    let error = match &message {
        Ok(message) => message.error,
        Err(error) => Some(*error),
    };
    if let Some(error) = error {
        line.text(Key::own("sensorDnsError"), &error.to_string());
        line.base64(Key::own("sensorDnsBase64"), &dns.message.bytes);
    }
    line.flag(Key::own("sensorDnsTruncated"), dns.message.is_truncated());
    let Ok(message) = message else {
        return;
    };
    line.number(Key::own("sensorDnsId"), message.id);
    if let Some(question) = &message.question {
        line.text(keys::DNS_QUESTION, &question.name);
        line.text(Key::own("sensorDnsType"), &question.kind);
        line.text(Key::own("sensorDnsClass"), &question.class);
    }
    if let Some(code) = &message.response_code {
        let outcome = match &**code {
            "NOERROR" => "success",
            _ => "failure",
        };
        line.word(keys::OUTCOME, outcome);
        line.text(keys::REASON, code);
    }
    answers(&message, line);
}

fn answers(message: &Message, line: &mut Line<'_>) {
    // A zone file's text has no line's end in it, so that no answer can look like two.
    line.pieces(Key::own("sensorDnsAnswers"), |text| {
        for (index, answer) in message.answers.iter().enumerate() {
            if index > 0 {
                text("\n");
            }
            for piece in [&*answer.name, " ", &answer.kind, " ", &answer.data] {
                text(piece);
            }
        }
    });
    line.pieces(Key::own("sensorDnsResolved"), |text| {
        for (index, address) in message.resolved_addresses().enumerate() {
            if index > 0 {
                text(",");
            }
            text(&address.to_string());
        }
    });
}

fn namespace(namespace: NetworkNamespace, line: &mut Line<'_>) {
    if namespace.0 != 0 {
        line.number(Key::own("sensorNetworkNamespace"), namespace.0);
    }
}

fn socket_type(number: u32, line: &mut Line<'_>) {
    if number != 0 {
        let name = Name::of_socket_type(number).as_text();
        line.word(Key::own("sensorSocketType"), &*name);
    }
}
