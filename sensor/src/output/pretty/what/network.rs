//! Connections, datagrams, DNS messages.

use std::fmt;

use sensor_common::network::{AF_UNIX, Direction, Role};

use super::{super::units, list};
use crate::{
    clock::BootTime,
    event::{
        Closed, Connection, Datagram, Dns, Endpoint, Endpoints,
        dns::{Message, Question},
    },
    output::{names::Name, socket},
};

/// A connection that this host opens.
pub(super) fn outgoing(connection: &Connection) -> String {
    match path(connection) {
        Some(path) => format!("-> {path}"),
        None => arrow(&connection.endpoints, Direction::Egress),
    }
}

/// A connection that this host takes.
pub(super) fn incoming(connection: &Connection) -> String {
    match path(connection) {
        Some(path) => format!("-> {path}"),
        None => arrow(&connection.endpoints, Direction::Ingress),
    }
}

/// A socket's own address.
pub(super) fn local(connection: &Connection) -> String {
    let mut text = path(connection).unwrap_or_else(|| {
        let ends = &connection.endpoints;
        format!("{} {}", End(&ends.local), Name::of_protocol(ends.protocol))
    });
    if let Some(backlog) = connection.backlog {
        text += &format!(", backlog {backlog}");
    }
    text
}

fn path(connection: &Connection) -> Option<String> {
    if connection.endpoints.family != AF_UNIX {
        return None;
    }
    let path = connection.unix_path.as_ref().and_then(socket::unix_path);
    Some(path.map_or_else(|| "unix socket".to_owned(), |path| format!("unix {path}")))
}

/// The end of a connection.
pub(super) fn closed(closed: &Closed, end: BootTime) -> String {
    let direction = match closed.role {
        Role::Server => Direction::Ingress,
        Role::Unknown | Role::Client => Direction::Egress,
        Role::Listener => {
            return format!("no longer listens on {}", End(&closed.endpoints.local));
        }
    };
    let mut facts = vec![
        arrow(&closed.endpoints, direction),
        format!("sent {}", units::bytes(closed.bytes_sent)),
        format!("received {}", units::bytes(closed.bytes_received)),
    ];
    let start = closed.opened.or(closed.established);
    if let Some(duration) = start.and_then(|start| end.0.checked_sub(start.0)) {
        facts.push(units::duration(duration));
    }
    if closed.error != 0 {
        facts.push(Name::of_error(closed.error).to_string());
    }
    list(facts)
}

/// A datagram.
pub(super) fn datagram(datagram: &Datagram) -> String {
    let mut text = arrow(&datagram.endpoints, datagram.direction);
    if let Some(length) = datagram.length {
        text += &format!(", {}", units::bytes(length.into()));
    }
    text
}

/// A DNS message.
pub(super) fn dns(dns: &Dns) -> String {
    let server = End(&dns.endpoints.remote);
    let message = match Message::parse(&dns.message) {
        Ok(message) => message,
        Err(error) => return format!("{error}, {server}"),
    };
    let question = message.question.as_ref().map_or_else(
        || "no question".to_owned(),
        |Question { name, kind, .. }| format!("{kind} {name}"),
    );
    let mut text = match &message.response_code {
        None => format!("{question}? at {server}"),
        Some(code) if code == "NOERROR" => {
            let answers = list(message.answers.iter().map(|answer| &answer.data));
            let answers = if answers.is_empty() {
                "nothing"
            } else {
                &answers
            };
            format!("{question}: {answers}, from {server}")
        }
        Some(code) => format!("{question}: {code}, from {server}"),
    };
    if let Some(error) = message.error {
        text += &format!(", {error}");
    }
    text
}

/// From who initiated to the other.
fn arrow(ends: &Endpoints, direction: Direction) -> String {
    let (from, to) = match direction {
        Direction::Egress => (End(&ends.local), End(&ends.remote)),
        Direction::Ingress => (End(&ends.remote), End(&ends.local)),
    };
    format!("{from} -> {to} {}", Name::of_protocol(ends.protocol))
}

/// An address and port, `*` for what is not chosen.
struct End<'a>(&'a Endpoint);

impl fmt::Display for End<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.address {
            Some(address) if address.is_ipv6() => write!(formatter, "[{address}]")?,
            Some(address) => write!(formatter, "{address}")?,
            None => formatter.write_str("*")?,
        }
        match self.0.port {
            Some(port) => write!(formatter, ":{port}"),
            None => Ok(()),
        }
    }
}
