//! The two ends of a connection, datagram or lookup, and what went between them.
//!
//! The source is the end that opened the connection, or sent; the destination is the other one.

use std::borrow::Cow;

use sensor_common::network::{AF_INET, AF_INET6, AF_UNIX, Direction, Role};

use super::{Context, class::is_answer, long};
use crate::{
    clock::BootTime,
    event::{Body, Closed, Connection, Endpoint, Endpoints, Event, dns::Message},
    output::{json::Object, names::Name, socket},
};

/// Which of the two ends this host's is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Source,
    Destination,
    /// Not known, or not decided yet. It is shown as the source.
    Unknown,
}

/// What there is to tell of two ends.
struct Ends<'a> {
    endpoints: &'a Endpoints,
    here: Place,
    has_peer: bool,
    /// The names of this host's end and of the peer's, where they have no addresses.
    names: [Option<Cow<'a, str>>; 2],
}

/// Payload bytes.
#[derive(Clone, Copy)]
struct Bytes {
    sent: u64,
    received: u64,
}

/// What a network activity says.
pub(super) fn network(body: &Body, context: &Context<'_>, time: BootTime, line: &mut Object<'_>) {
    let Some(ends) = Ends::of(body) else {
        return;
    };
    ends.write(context, line);
    line.truth("is_src_dst_assignment_known", ends.here != Place::Unknown);
    match body {
        Body::Accept(_) | Body::Established(_) => success(line),
        Body::Closed(closed) => {
            if closed.role != Role::Listener {
                let bytes = Bytes {
                    sent: closed.bytes_sent,
                    received: closed.bytes_received,
                };
                line.object("traffic", |fields| traffic(bytes, ends.here, fields));
            }
            outcome(closed, line);
            times(closed, context, time, line);
        }
        Body::Datagram(datagram) => {
            if let Some(bytes) = datagram.length {
                line.object("traffic", |fields| {
                    fields.number("bytes", bytes);
                    fields.number("bytes_out", bytes);
                });
            }
        }
        _ => {}
    }
}

/// The ends of a DNS lookup: the source is the client, also of an answer.
pub(super) fn lookup(
    event: &Event,
    message: Option<&Message>,
    context: &Context<'_>,
    line: &mut Object<'_>,
) {
    if let Some(ends) = Ends::of_lookup(event, message) {
        ends.write(context, line);
    }
}

/// The ends of whatever has two, as evidence.
pub(super) fn evidence(
    event: &Event,
    message: Option<&Message>,
    context: &Context<'_>,
    evidence: &mut Object<'_>,
) {
    let ends = Ends::of(&event.body).or_else(|| Ends::of_lookup(event, message));
    if let Some(ends) = ends {
        ends.sides(context, evidence);
    }
}

impl<'a> Ends<'a> {
    fn of(body: &'a Body) -> Option<Self> {
        let path =
            |connection: &'a Connection| connection.unix_path.as_ref().and_then(socket::unix_path);
        let (endpoints, here, has_peer, names) = match body {
            Body::Connect(connection) | Body::Established(connection) => {
                let names = [None, path(connection)];
                (&connection.endpoints, Place::Source, true, names)
            }
            Body::Accept(connection) => {
                let names = [path(connection), None];
                (&connection.endpoints, Place::Destination, true, names)
            }
            Body::Listen(connection) => {
                let names = [path(connection), None];
                (&connection.endpoints, Place::Destination, false, names)
            }
            // Whether it will connect or listen.
            Body::Bind(connection) => {
                let names = [path(connection), None];
                (&connection.endpoints, Place::Unknown, false, names)
            }
            Body::Closed(closed) => {
                let (here, has_peer) = match closed.role {
                    Role::Client => (Place::Source, true),
                    Role::Server => (Place::Destination, true),
                    Role::Listener => (Place::Destination, false),
                    Role::Unknown => (Place::Unknown, true),
                };
                (&closed.endpoints, here, has_peer, [None, None])
            }
            Body::Datagram(datagram) => {
                let here = match datagram.direction {
                    Direction::Egress => Place::Source,
                    Direction::Ingress => Place::Destination,
                };
                (&datagram.endpoints, here, true, [None, None])
            }
            _ => return None,
        };
        Some(Self {
            endpoints,
            here,
            has_peer,
            names,
        })
    }

    fn of_lookup(event: &'a Event, message: Option<&Message>) -> Option<Self> {
        let (dns, is_sent) = match &event.body {
            Body::DnsQuestion(dns) => (dns, true),
            Body::DnsAnswer(dns) => (dns, false),
            _ => return None,
        };
        Some(Self {
            endpoints: &dns.endpoints,
            here: if is_sent == is_answer(event, message) {
                Place::Destination
            } else {
                Place::Source
            },
            has_peer: true,
            names: [None, None],
        })
    }

    /// The two ends, and at which this host is.
    fn write(&self, context: &Context<'_>, line: &mut Object<'_>) {
        let (observed_at, observed_name) = match self.here {
            Place::Destination => (2, "Destination"),
            Place::Source | Place::Unknown => (1, "Source"),
        };
        line.number("observation_point_id", observed_at);
        line.word("observation_point", observed_name);
        self.sides(context, line);
    }

    /// `src_endpoint`, `dst_endpoint` and `connection_info`.
    fn sides(&self, context: &Context<'_>, line: &mut Object<'_>) {
        let (here, there) = match self.here {
            Place::Destination => ("dst_endpoint", "src_endpoint"),
            Place::Source | Place::Unknown => ("src_endpoint", "dst_endpoint"),
        };
        let [local, remote] = &self.names;
        line.object(here, |fields| {
            let name = local.as_deref().unwrap_or(context.host_name);
            endpoint(&self.endpoints.local, Some(name), fields);
        });
        if self.has_peer {
            line.object(there, |fields| {
                endpoint(&self.endpoints.remote, remote.as_deref(), fields);
            });
        }
        line.object("connection_info", |fields| self.connection(fields));
    }

    fn connection(&self, fields: &mut Object<'_>) {
        let (id, caption) = match self.here {
            _ if !self.has_peer => (0, "Unknown"),
            _ if self.is_local() => (4, "Local"),
            Place::Source => (2, "Outbound"),
            Place::Destination => (1, "Inbound"),
            Place::Unknown => (0, "Unknown"),
        };
        fields.number("direction_id", id);
        fields.word("direction", caption);
        let ends = self.endpoints;
        match ends.family {
            AF_INET => version(4, "Internet Protocol version 4 (IPv4)", fields),
            AF_INET6 => version(6, "Internet Protocol version 6 (IPv6)", fields),
            _ => {}
        }
        // The protocols of unix sockets have no numbers of IANA's, and 0 is not known.
        if ends.family != AF_UNIX && ends.protocol != 0 {
            fields.number("protocol_num", ends.protocol);
            fields.word(
                "protocol_name",
                &*Name::of_protocol(ends.protocol).as_text(),
            );
        }
    }

    /// Whether it does not leave the host, as far as the addresses tell.
    fn is_local(&self) -> bool {
        let remote = self.endpoints.remote.address;
        self.endpoints.family == AF_UNIX || remote.is_some_and(|address| address.is_loopback())
    }
}

fn version(id: u8, caption: &str, fields: &mut Object<'_>) {
    fields.number("protocol_ver_id", id);
    fields.word("protocol_ver", caption);
}

/// An end. OCSF wants each to have a name: its address, where it has one.
fn endpoint(end: &Endpoint, name: Option<&str>, fields: &mut Object<'_>) {
    match (end.address, name) {
        (Some(address), _) => fields.address(["ip", "name"], address),
        (None, Some(name)) => fields.text("name", name),
        (None, None) => return,
    }
    if let Some(port) = end.port {
        fields.number("port", port);
    }
}

/// `bytes_out` went from the source to the destination.
fn traffic(bytes: Bytes, here: Place, fields: &mut Object<'_>) {
    let (out, into) = match here {
        Place::Destination => (bytes.received, bytes.sent),
        Place::Source | Place::Unknown => (bytes.sent, bytes.received),
    };
    fields.number("bytes", long(out.saturating_add(into)));
    fields.number("bytes_out", long(out));
    fields.number("bytes_in", long(into));
}

fn success(line: &mut Object<'_>) {
    line.number("status_id", 1);
    line.word("status", "Success");
}

/// How a connection ended.
fn outcome(closed: &Closed, line: &mut Object<'_>) {
    if closed.error == 0 {
        success(line);
    } else {
        line.number("status_id", 2);
        line.word("status", "Failure");
        line.word("status_code", &*Name::of_error(closed.error).as_text());
    }
}

fn times(closed: &Closed, context: &Context<'_>, end: BootTime, line: &mut Object<'_>) {
    if let Some(start) = closed.opened.or(closed.established) {
        line.number("start_time", context.milliseconds(start));
        if let Some(nanoseconds) = end.0.checked_sub(start.0) {
            line.number("duration", long(nanoseconds / 1_000_000));
        }
    }
    line.number("end_time", context.milliseconds(end));
}
