//! What is expected of the family's events, beyond what all events have.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use anyhow::Result;
use serde_json::Value;

use crate::clock;
use crate::contract::Window;
use crate::event::{Event, Events, of};
use crate::expect::Expect;
use crate::portrait::Portrait;
use crate::rung::Rung;
use crate::scenario::{Context, PATIENCE};

/// A protocol above IP, and the type of its sockets.
#[derive(Clone, Copy, Debug)]
pub struct Transport {
    name: &'static str,
    number: &'static str,
    socket_type: &'static str,
}

/// TCP.
pub const TCP: Transport = Transport {
    name: "tcp",
    number: "6",
    socket_type: "stream",
};

/// UDP.
pub const UDP: Transport = Transport {
    name: "udp",
    number: "17",
    socket_type: "dgram",
};

/// ICMP, spoken by the process itself.
pub const RAW_ICMP: Transport = Transport {
    name: "icmp",
    number: "1",
    socket_type: "raw",
};

/// One end of a flow, as far as it is known.
#[derive(Clone, Copy, Debug, Default)]
pub struct End {
    /// Its address; an IPv4 address that is mapped into IPv6 is shown as what it is.
    pub ip: Option<IpAddr>,
    /// Its port.
    pub port: Option<u16>,
}

impl End {
    /// Nothing is chosen yet.
    pub const UNKNOWN: Self = Self {
        ip: None,
        port: None,
    };

    /// An address without a port.
    pub fn address(ip: IpAddr) -> Self {
        Self {
            ip: Some(ip.to_canonical()),
            port: None,
        }
    }

    /// A port without an address.
    pub const fn port(port: u16) -> Self {
        Self {
            ip: None,
            port: Some(port),
        }
    }
}

impl From<SocketAddr> for End {
    fn from(address: SocketAddr) -> Self {
        Self {
            ip: Some(address.ip().to_canonical()),
            port: Some(address.port()).filter(|port| *port != 0),
        }
    }
}

/// How a connection ended.
#[derive(Clone, Copy, Debug)]
pub struct Ending {
    /// Which part the socket played.
    pub role: Role,
    /// Its own end.
    pub local: End,
    /// The peer's.
    pub remote: End,
    /// Bytes of payload that it sent.
    pub sent: u64,
    /// Bytes of payload that it received.
    pub received: u64,
    /// The states it may have been in: several where that is a matter of time.
    pub states: &'static [&'static str],
    /// The name of its error.
    pub error: Option<&'static str>,
    /// When the connection began: the connect of a client, for a server the handshake's end.
    pub opened: Window,
    /// When it ended.
    pub closed: Window,
}

/// Which part a socket plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It connects.
    Client,
    /// It was accepted, or waits to be.
    Server,
}

impl Role {
    /// As events have it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Server => "server",
        }
    }
}

impl Expect {
    /// It happened then.
    #[must_use]
    pub fn within(self, window: Window) -> Self {
        self.meets(
            "sensor.record.boot_time",
            format!("between {} and {}", window.from, window.to),
            move |value, _| value.as_u64().is_some_and(|time| window.has(time)),
        )
    }

    /// What is known of one end, which is `source` or `destination`.
    #[must_use]
    pub fn end(self, side: &str, end: End) -> Self {
        let ip = end.ip.map(|ip| ip.to_string());
        self.has(format!("{side}.ip"), ip.clone())
            .has(format!("{side}.address"), ip)
            .has(format!("{side}.port"), end.port)
    }
}

impl Window {
    fn has(self, time: u64) -> bool {
        (self.from..=self.to).contains(&time)
    }
}

/// Which of two moments is the earlier, and which the later.
pub fn between(first: Window, last: Window) -> Window {
    Window {
        from: first.from,
        to: last.to,
    }
}

/// From the beginning of what was done until now.
pub fn since(first: Window) -> Window {
    Window {
        from: first.from,
        to: clock::boot_nanoseconds(),
    }
}

/// A process asked for a connection. What is known of its own end was chosen before.
pub fn connect(
    context: &Context<'_>,
    who: &Portrait,
    transport: Transport,
    local: End,
    remote: End,
) -> Expect {
    flow(context, "connect", who, transport, local, remote)
        .is("sensor.network.socket_type", transport.socket_type)
}

/// A TCP connection that was asked for came about.
pub fn established(context: &Context<'_>, who: &Portrait, local: End, remote: End) -> Expect {
    flow(context, "established", who, TCP, local, remote)
        .is("sensor.network.socket_type", TCP.socket_type)
}

/// A process accepted a TCP connection.
pub fn accept(context: &Context<'_>, who: &Portrait, local: End, remote: End) -> Expect {
    flow(context, "accept", who, TCP, remote, local)
        .is("sensor.network.socket_type", TCP.socket_type)
        .is("network.direction", "ingress")
}

/// A process gave a socket an address.
pub fn bind(context: &Context<'_>, who: &Portrait, transport: Transport, local: End) -> Expect {
    flow(context, "bind", who, transport, local, End::UNKNOWN)
        .is("sensor.network.socket_type", transport.socket_type)
        .absent("network.direction")
}

/// A process waits for TCP connections.
pub fn listen(context: &Context<'_>, who: &Portrait, local: End, backlog: u32) -> Expect {
    let backlog = (!stands_in(context, "listen")).then_some(backlog);
    flow(context, "listen", who, TCP, local, End::UNKNOWN)
        .is("sensor.network.socket_type", TCP.socket_type)
        .absent("network.direction")
        .has("sensor.network.backlog", backlog)
}

/// A TCP connection, or the attempt to make one, ended.
pub fn closed(context: &Context<'_>, who: &Portrait, ending: &Ending) -> Expect {
    let Ending {
        role,
        local,
        remote,
        sent,
        received,
        ..
    } = *ending;
    let expect = match role {
        Role::Client => flow(context, "closed", who, TCP, local, remote)
            .is("source.bytes", sent)
            .is("destination.bytes", received),
        Role::Server => flow(context, "closed", who, TCP, remote, local)
            .is("source.bytes", received)
            .is("destination.bytes", sent)
            .is("network.direction", "ingress"),
    };
    let opened = ending.opened;
    let states = ending.states;
    expect
        .within(ending.closed)
        .is("sensor.network.role", role.word())
        .is("sensor.network.socket_type", TCP.socket_type)
        .is("network.bytes", sent + received)
        .has("sensor.network.error", ending.error)
        .meets(
            "sensor.network.state",
            states.join(" or "),
            move |state, _| state.as_str().is_some_and(|state| states.contains(&state)),
        )
        .meets("event.end", "as @timestamp", |end, event| {
            Some(end) == event.get("@timestamp")
        })
        .meets(
            "event.duration",
            format!("since between {} and {}", opened.from, opened.to),
            move |duration, event| {
                let end = event.number("sensor.record.boot_time");
                let start = end
                    .zip(duration.as_u64())
                    .and_then(|(end, duration)| end.checked_sub(duration));
                start.is_some_and(|start| opened.has(start))
            },
        )
        .meets(
            "event.start",
            "event.end less event.duration",
            |start, event| {
                let moment = |value: Option<&Value>| {
                    value?.as_str().and_then(|text| clock::parse(text).ok())
                };
                let duration = event
                    .number("event.duration")
                    .and_then(|duration| i64::try_from(duration).ok());
                moment(Some(start))
                    .zip(duration)
                    .map(|(start, duration)| start + duration)
                    == moment(event.get("event.end"))
            },
        )
}

/// A process sent a datagram to a peer that was new to it.
pub fn sent(
    context: &Context<'_>,
    who: &Portrait,
    local: SocketAddr,
    remote: SocketAddr,
    bytes: u64,
) -> Expect {
    let expect = flow(context, "datagram", who, UDP, local.into(), remote.into())
        .is("event.action", "datagram_sent")
        .is("sensor.network.datagram_bytes", bytes);
    if sees_packets(context, "udp send") {
        return expect;
    }
    expect
        .end("source", End::port(local.port()))
        .absent("sensor.network.datagram_bytes")
}

/// A process received a datagram from a peer that was new to it.
pub fn received(
    context: &Context<'_>,
    who: &Portrait,
    local: SocketAddr,
    remote: SocketAddr,
    bytes: u64,
) -> Expect {
    let expect = flow(context, "datagram", who, UDP, remote.into(), local.into())
        .is("event.action", "datagram_received")
        .is("network.direction", "ingress")
        .is("sensor.network.datagram_bytes", bytes);
    if sees_packets(context, "udp receive") {
        return expect;
    }
    expect
        .end("destination", End::port(local.port()))
        .absent("sensor.network.datagram_bytes")
}

/// What all events of the family have that tell of two ends. The source is a process of this host.
pub fn flow(
    context: &Context<'_>,
    code: &str,
    who: &Portrait,
    transport: Transport,
    source: End,
    destination: End,
) -> Expect {
    let is_v4 = [source, destination]
        .iter()
        .find_map(|end| end.ip)
        .is_none_or(|ip| ip.is_ipv4());
    context
        .expect(code)
        .process(context.host, who)
        .has(
            "sensor.network.namespace",
            who.namespaces.get("net").copied(),
        )
        .is("network.type", if is_v4 { "ipv4" } else { "ipv6" })
        .is("network.transport", transport.name)
        .is("network.iana_number", transport.number)
        .is("network.direction", "egress")
        .end("source", source)
        .end("destination", destination)
}

/// Whether another hook stands in for this event's own: as it must on the locked-down rung, and
/// must not on the others.
pub fn stands_in(context: &Context<'_>, hook: &str) -> bool {
    let means = context.sensor.means(hook);
    let stands_in = means == Some("stand-in");
    context.claim(
        stands_in == (context.rung == Rung::LockedDown),
        format!("{hook} is hooked as this rung can: {means:?}"),
    );
    stands_in
}

/// Whether this hook sees packets, as it must but on the locked-down rung, which sees calls that
/// name a peer.
pub fn sees_packets(context: &Context<'_>, hook: &str) -> bool {
    let means = context.sensor.means(hook);
    let sees = means.is_some_and(|means| means != "cgroup");
    context.claim(
        sees == (context.rung != Rung::LockedDown),
        format!("{hook} is hooked as this rung can: {means:?}"),
    );
    sees
}

/// Waits for the end of a connection that this process had.
pub fn wait_for_end(context: &Context<'_>, pid: u32) -> Result<Arc<Event>> {
    let is_it = |event: &Event| event.code() == "closed" && of(pid)(event);
    context.sensor.wait_for(is_it, PATIENCE)
}

/// Must be all that the family tells of this process, in this order.
pub fn claim_codes(context: &Context<'_>, events: &Events, pid: u32, expected: &[&str]) {
    let codes: Vec<&str> = of_family(events, pid).map(|event| event.code()).collect();
    let expected = expected.to_vec();
    context.claim_eq(&format!("the events of process {pid}"), &codes, &expected);
}

/// Must be all that the family tells of this process, to the last field and in this order.
pub fn check_all(context: &Context<'_>, events: &Events, pid: u32, expected: &[Expect]) {
    let codes: Vec<&str> = expected
        .iter()
        .filter_map(|expect| expect.value("event.code")?.as_str())
        .collect();
    claim_codes(context, events, pid, &codes);
    for (event, expect) in of_family(events, pid).zip(expected) {
        context.check(event, expect);
    }
}

/// What the family tells of this process.
pub fn of_family(events: &Events, pid: u32) -> impl Iterator<Item = &Arc<Event>> {
    events.0.iter().filter(move |event| {
        of(pid)(event) && event.text("event.dataset") == Some("sensor.network")
    })
}

/// Checks an event that there must be exactly one of.
pub fn check_one(context: &Context<'_>, events: &Events, code: &str, pid: u32, expect: &Expect) {
    if let Some(event) = context.attempt(events.one(code, of(pid))) {
        context.check(&event, expect);
    }
}
