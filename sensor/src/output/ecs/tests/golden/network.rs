//! Connections, datagrams, DNS messages.

use sensor_common::network::{AF_INET, AF_INET6, AF_UNIX, Direction, Role};

use super::*;
use crate::event::{
    Closed, Connection, Datagram, Dns, Endpoint, Endpoints, NetworkNamespace, dns::encoder::Encoder,
};

/// What all network events have beside it.
fn network(fields: Value) -> Value {
    let mut expected = json!({
        "event": {"category": ["network"], "dataset": "sensor.network"},
        "sensor": {"network": {"namespace": 73}},
    });
    lay(&mut expected, fields);
    expected
}

fn endpoints() -> Endpoints {
    Endpoints {
        local: Endpoint {
            address: Some("192.0.2.1".parse().unwrap()),
            port: Some(40000),
        },
        remote: Endpoint {
            address: Some("198.51.100.2".parse().unwrap()),
            port: Some(443),
        },
        family: AF_INET,
        protocol: 6,
    }
}

const NETWORK: NetworkNamespace = NetworkNamespace(73);

fn connection() -> Connection {
    Connection {
        endpoints: endpoints(),
        namespace: NETWORK,
        socket_type: 1,
        backlog: None,
        unix_path: None,
    }
}

fn local_side() -> Value {
    json!({"ip": "192.0.2.1", "address": "192.0.2.1", "port": 40000})
}

fn remote_side() -> Value {
    json!({"ip": "198.51.100.2", "address": "198.51.100.2", "port": 443})
}

fn tcp(direction: &str) -> Value {
    json!({"type": "ipv4", "transport": "tcp", "iana_number": "6", "direction": direction})
}

#[test]
fn connect() {
    assert_document(
        &done(Body::Connect(connection())),
        network(json!({
            "event": {
                "code": "connect",
                "action": "connection_attempted",
                "type": ["start", "connection"],
            },
            "source": local_side(),
            "destination": remote_side(),
            "network": tcp("egress"),
            "sensor": {"network": {"socket_type": "stream"}},
        })),
    );
}

#[test]
fn connect_to_a_unix_socket() {
    let connection = Connection {
        endpoints: Endpoints {
            local: Endpoint::default(),
            remote: Endpoint::default(),
            family: AF_UNIX,
            protocol: 0,
        },
        unix_path: Some(text(b"\0bus")),
        ..connection()
    };
    assert_document(
        &done(Body::Connect(connection)),
        network(json!({
            "event": {
                "code": "connect",
                "action": "connection_attempted",
                "type": ["start", "connection"],
            },
            "network": {"direction": "egress"},
            "sensor": {"network": {"socket_type": "stream", "unix_path": "@bus"}},
        })),
    );
}

#[test]
fn accept() {
    assert_document(
        &done(Body::Accept(connection())),
        network(json!({
            "event": {
                "code": "accept",
                "action": "connection_accepted",
                "type": ["start", "connection"],
            },
            "source": remote_side(),
            "destination": local_side(),
            "network": tcp("ingress"),
            "sensor": {"network": {"socket_type": "stream"}},
        })),
    );
}

#[test]
fn bind() {
    let mut bound = connection();
    bound.endpoints.family = AF_INET6;
    bound.endpoints.protocol = 17;
    bound.endpoints.local.address = Some("::".parse().unwrap());
    bound.endpoints.remote = Endpoint::default();
    bound.socket_type = 2;
    assert_document(
        &done(Body::Bind(bound)),
        network(json!({
            "event": {"code": "bind", "action": "bind", "type": ["info"]},
            "source": {"ip": "::", "address": "::", "port": 40000},
            "network": {"type": "ipv6", "transport": "udp", "iana_number": "17"},
            "sensor": {"network": {"socket_type": "dgram"}},
        })),
    );
}

#[test]
fn listen() {
    let listening = Connection {
        backlog: Some(128),
        ..connection()
    };
    assert_document(
        &done(Body::Listen(listening)),
        network(json!({
            "event": {"code": "listen", "action": "listen", "type": ["info"]},
            "source": local_side(),
            "network": {"type": "ipv4", "transport": "tcp", "iana_number": "6"},
            "sensor": {"network": {"socket_type": "stream", "backlog": 128}},
        })),
    );
}

#[test]
fn established() {
    assert_document(
        &done(Body::Established(connection())),
        network(json!({
            "event": {
                "code": "established",
                "action": "connection_established",
                "type": ["connection"],
            },
            "source": local_side(),
            "destination": remote_side(),
            "network": tcp("egress"),
            "sensor": {"network": {"socket_type": "stream"}},
        })),
    );
}

#[test]
fn closed() {
    let closed = Closed {
        endpoints: endpoints(),
        namespace: NETWORK,
        socket_type: 1,
        opened: Some(BootTime(998 * SECOND)),
        established: Some(BootTime(999 * SECOND)),
        bytes_sent: 10,
        bytes_received: 300,
        error: 0,
        role: Role::Client,
        state: 1,
    };
    let expected = |fields| {
        let mut expected = network(json!({
            "event": {
                "code": "closed",
                "action": "disconnect_received",
                "type": ["end", "connection"],
                "end": "2026-11-24T03:36:20.000000000Z",
            },
            "sensor": {"network": {"socket_type": "stream", "state": "established"}},
        }));
        lay(&mut expected, fields);
        expected
    };
    let sides = |local: &str, remote: &str, direction| {
        json!({
            local: local_side(),
            remote: remote_side(),
            "network": tcp(direction),
        })
    };

    let mut ours = expected(sides("source", "destination", "egress"));
    lay(
        &mut ours,
        json!({
            "event": {"start": "2026-11-24T03:36:18.000000000Z", "duration": 2_000_000_000},
            "source": {"bytes": 10},
            "destination": {"bytes": 300},
            "network": {"bytes": 310},
            "sensor": {"network": {"role": "client"}},
        }),
    );
    assert_document(&done(Body::Closed(closed)), ours);

    let accepted = Closed {
        opened: None,
        error: 104,
        role: Role::Server,
        ..closed
    };
    let mut theirs = expected(sides("destination", "source", "ingress"));
    lay(
        &mut theirs,
        json!({
            "event": {"start": "2026-11-24T03:36:19.000000000Z", "duration": 1_000_000_000},
            "destination": {"bytes": 10},
            "source": {"bytes": 300},
            "network": {"bytes": 310},
            "sensor": {"network": {"role": "server", "error": "ECONNRESET"}},
        }),
    );
    assert_document(&done(Body::Closed(accepted)), theirs);

    let listener = Closed {
        opened: None,
        established: None,
        role: Role::Listener,
        state: 10,
        ..closed
    };
    assert_document(
        &done(Body::Closed(listener)),
        expected(json!({
            "source": local_side(),
            "network": {"type": "ipv4", "transport": "tcp", "iana_number": "6"},
            "sensor": {"network": {"role": "listener", "state": "listen"}},
        })),
    );
}

#[test]
fn datagram() {
    let mut endpoints = endpoints();
    endpoints.protocol = 17;
    let datagram = Datagram {
        endpoints,
        namespace: NETWORK,
        direction: Direction::Ingress,
        length: Some(0),
    };
    assert_document(
        &done(Body::Datagram(datagram)),
        network(json!({
            "event": {
                "code": "datagram",
                "action": "datagram_received",
                "type": ["connection"],
            },
            "source": remote_side(),
            "destination": local_side(),
            "network": {
                "type": "ipv4",
                "transport": "udp",
                "iana_number": "17",
                "direction": "ingress",
            },
            "sensor": {"network": {"datagram_bytes": 0}},
        })),
    );
}

fn dns(message: Vec<u8>) -> Dns {
    Dns {
        endpoints: endpoints(),
        namespace: NETWORK,
        message: Text {
            original: Some(u32::try_from(message.len()).unwrap()),
            bytes: message.into(),
        },
    }
}

#[test]
fn dns_question() {
    let message = Encoder::new(4660, 0x0100)
        .question(&[b"example".as_slice(), b"org"], 1)
        .bytes();
    let expected = |fields| {
        let mut expected = network(json!({
            "event": {
                "code": "dns_question",
                "action": "lookup_requested",
                "type": ["protocol"],
            },
            "source": local_side(),
            "destination": remote_side(),
            "network": tcp("egress"),
            "dns": {"type": "query"},
        }));
        lay(&mut expected, json!({"network": {"protocol": "dns"}}));
        lay(&mut expected, fields);
        expected
    };
    let mut question = dns(message);
    assert_document(
        &done(Body::DnsQuestion(question.clone())),
        expected(json!({
            "dns": {
                "id": "4660",
                "op_code": "QUERY",
                "header_flags": ["RD"],
                "question": {"name": "example.org", "type": "A", "class": "IN"},
            },
        })),
    );
    question.message.bytes.truncate(11);
    assert_document(
        &done(Body::DnsQuestion(question)),
        expected(json!({
            "sensor": {
                "dns": {
                    "error": "less than a DNS header was captured",
                    "message_base64": "EjQBAAABAAAAAAA=",
                    "truncated": true,
                },
            },
        })),
    );
}

#[test]
fn dns_answer() {
    let message = Encoder::new(7, 0x8400)
        .question(&[b"example".as_slice(), b"org"], 28)
        .answer(&[b"example".as_slice(), b"org"], 1, 60, &[192, 0, 2, 7])
        .bytes();
    assert_document(
        &done(Body::DnsAnswer(dns(message))),
        network(json!({
            "event": {"code": "dns_answer", "action": "lookup_result", "type": ["protocol"]},
            "source": remote_side(),
            "destination": local_side(),
            "network": {
                "type": "ipv4",
                "transport": "tcp",
                "iana_number": "6",
                "direction": "ingress",
                "protocol": "dns",
            },
            "dns": {
                "type": "answer",
                "id": "7",
                "op_code": "QUERY",
                "header_flags": ["AA"],
                "question": {"name": "example.org", "type": "AAAA", "class": "IN"},
                "response_code": "NOERROR",
                "answers": [{
                    "name": "example.org",
                    "type": "A",
                    "class": "IN",
                    "ttl": 60,
                    "data": "192.0.2.7",
                }],
                "resolved_ip": ["192.0.2.7"],
            },
        })),
    );
}

#[test]
fn of_no_process_nothing_is_said() {
    let mut input = done(Body::Connect(connection()));
    input.processes = [None, None, None];
    input.event.actor = None;
    assert_document(
        &input,
        network(json!({
            "event": {
                "code": "connect",
                "action": "connection_attempted",
                "type": ["start", "connection"],
            },
            "group": null,
            "user": null,
            "process": null,
            "source": local_side(),
            "destination": remote_side(),
            "network": tcp("egress"),
            "sensor": {"process": null, "network": {"socket_type": "stream"}},
        })),
    );
}
