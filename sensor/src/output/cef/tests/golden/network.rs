//! Connections, datagrams, DNS messages.

use sensor_common::network::{AF_INET, AF_INET6, AF_UNIX, Direction, Role};

use super::*;
use crate::{
    event::{
        Closed, Connection, Datagram, Dns, Endpoint, Endpoints, NetworkNamespace, Text,
        dns::encoder::Encoder,
    },
    output::samples::text,
};

fn endpoints() -> Endpoints {
    let end = |address: &str, port| Endpoint {
        address: Some(address.parse().unwrap()),
        port: Some(port),
    };
    Endpoints {
        local: end("192.0.2.1", 40000),
        remote: end("198.51.100.2", 443),
        family: AF_INET,
        protocol: 6,
    }
}

fn connection(endpoints: Endpoints) -> Connection {
    Connection {
        endpoints,
        namespace: NetworkNamespace(73),
        socket_type: 1,
        backlog: None,
        unix_path: None,
    }
}

const NETWORK: &[(&str, &str)] = &[
    ("cat", "network"),
    ("deviceFacility", "sensor.network"),
    ("sensorNetworkNamespace", "73"),
];

const OUT: &[(&str, &str)] = &[
    ("src", "192.0.2.1"),
    ("spt", "40000"),
    ("dst", "198.51.100.2"),
    ("dpt", "443"),
    ("proto", "tcp"),
    ("deviceDirection", "1"),
];

const IN: &[(&str, &str)] = &[
    ("src", "198.51.100.2"),
    ("spt", "443"),
    ("dst", "192.0.2.1"),
    ("dpt", "40000"),
    ("proto", "tcp"),
    ("deviceDirection", "0"),
];

const STREAM: &[(&str, &str)] = &[("sensorSocketType", "stream")];

#[test]
fn connections() {
    assert_event(
        Body::Connect(connection(endpoints())),
        ["connect", "Connection attempted", "1"],
        &[
            ACTS,
            NETWORK,
            OUT,
            STREAM,
            &[("act", "connection_attempted")],
        ],
    );
    assert_event(
        Body::Accept(connection(endpoints())),
        ["accept", "Connection accepted", "1"],
        &[
            SERVES,
            NETWORK,
            IN,
            STREAM,
            &[("act", "connection_accepted")],
        ],
    );
    assert_event(
        Body::Established(connection(endpoints())),
        ["established", "Connection established", "1"],
        &[
            ACTS,
            NETWORK,
            OUT,
            STREAM,
            &[("act", "connection_established")],
        ],
    );
    let listening = Connection {
        backlog: Some(128),
        ..connection(Endpoints {
            remote: Endpoint::default(),
            ..endpoints()
        })
    };
    let local = &[("src", "192.0.2.1"), ("spt", "40000"), ("proto", "tcp")];
    assert_event(
        Body::Listen(listening.clone()),
        ["listen", "Socket listening", "1"],
        &[
            ACTS,
            NETWORK,
            STREAM,
            local,
            &[("act", "listen"), ("sensorBacklog", "128")],
        ],
    );
    assert_event(
        Body::Bind(Connection {
            backlog: None,
            ..listening
        }),
        ["bind", "Socket bound", "1"],
        &[ACTS, NETWORK, STREAM, local, &[("act", "bind")]],
    );
}

#[test]
fn other_families() {
    let ipv6 = |address: &str| Endpoint {
        address: Some(address.parse().unwrap()),
        port: Some(53),
    };
    let endpoints_6 = Endpoints {
        local: ipv6("2001:db8::1"),
        remote: ipv6("2001:db8::2"),
        family: AF_INET6,
        protocol: 17,
    };
    let datagram = |direction| {
        Body::Datagram(Datagram {
            endpoints: endpoints_6,
            namespace: NetworkNamespace(73),
            direction,
            length: Some(60),
        })
    };
    let ports = &[("spt", "53"), ("dpt", "53"), ("proto", "udp"), ("in", "60")];
    assert_event(
        datagram(Direction::Egress),
        ["datagram", "Datagram exchanged", "1"],
        &[
            ACTS,
            NETWORK,
            ports,
            &[
                ("act", "datagram_sent"),
                ("c6a2", "2001:db8::1"),
                ("c6a3", "2001:db8::2"),
                ("deviceDirection", "1"),
            ],
        ],
    );
    assert_event(
        datagram(Direction::Ingress),
        ["datagram", "Datagram exchanged", "1"],
        &[
            SERVES,
            NETWORK,
            ports,
            &[
                ("act", "datagram_received"),
                ("c6a2", "2001:db8::2"),
                ("c6a3", "2001:db8::1"),
                ("deviceDirection", "0"),
            ],
        ],
    );
    let unix = Connection {
        unix_path: Some(text(b"\0hidden\x1b")),
        ..connection(Endpoints {
            local: Endpoint::default(),
            remote: Endpoint::default(),
            family: AF_UNIX,
            protocol: 0,
        })
    };
    assert_event(
        Body::Connect(unix),
        ["connect", "Connection attempted", "1"],
        &[
            ACTS,
            NETWORK,
            STREAM,
            &[
                ("act", "connection_attempted"),
                ("proto", "unix"),
                ("deviceDirection", "1"),
                ("cs6", "@hidden\x1b"),
                ("cs6Label", "Socket path"),
                ("sensorJsonStrings", "cs6"),
            ],
        ],
    );
}

#[test]
fn the_end_of_a_connection() {
    let closed = |role, error| {
        Body::Closed(Closed {
            endpoints: endpoints(),
            namespace: NetworkNamespace(73),
            socket_type: 1,
            opened: Some(BootTime(998 * SECOND)),
            established: None,
            bytes_sent: 10,
            bytes_received: 2000,
            error,
            role,
            state: 1,
        })
    };
    let common = &[
        ("act", "disconnect_received"),
        ("start", "1795491378000"),
        ("end", "1795491380000"),
        ("sensorTcpState", "established"),
    ];
    assert_event(
        closed(Role::Client, 0),
        ["closed", "Connection ended", "1"],
        &[
            ACTS,
            NETWORK,
            OUT,
            STREAM,
            common,
            &[("in", "10"), ("out", "2000"), ("outcome", "success")],
        ],
    );
    assert_event(
        closed(Role::Server, 104),
        ["closed", "Connection ended", "1"],
        &[
            SERVES,
            NETWORK,
            IN,
            STREAM,
            common,
            &[
                ("in", "2000"),
                ("out", "10"),
                ("outcome", "failure"),
                ("reason", "ECONNRESET"),
            ],
        ],
    );
}

fn dns(message: Vec<u8>) -> Dns {
    Dns {
        endpoints: endpoints(),
        namespace: NetworkNamespace(73),
        message: Text {
            original: u32::try_from(message.len()).ok(),
            bytes: message.into(),
        },
    }
}

#[test]
fn dns_messages() {
    let question = Encoder::new(7, 0x0100).question(&[b"example", b"org"], 1);
    let question_values = &[
        ("app", "DNS"),
        ("cs6", "example.org"),
        ("cs6Label", "DNS question"),
        ("sensorDnsId", "7"),
        ("sensorDnsType", "A"),
        ("sensorDnsClass", "IN"),
    ];
    assert_event(
        Body::DnsQuestion(dns(question.bytes())),
        ["dns_question", "DNS question sent", "1"],
        &[
            ACTS,
            NETWORK,
            OUT,
            question_values,
            &[("act", "lookup_requested")],
        ],
    );
    // A text with what would be the end of a line.
    let answer = Encoder::new(7, 0x8180)
        .question(&[b"example", b"org"], 1)
        .answer_to_question(1, 60, &[192, 0, 2, 9])
        .answer_to_question(16, 60, b"\x05a\nb c");
    assert_event(
        Body::DnsAnswer(dns(answer.bytes())),
        ["dns_answer", "DNS answer received", "1"],
        &[
            SERVES,
            NETWORK,
            IN,
            question_values,
            &[
                ("act", "lookup_result"),
                ("outcome", "success"),
                ("reason", "NOERROR"),
                (
                    "sensorDnsAnswers",
                    "example.org A 192.0.2.9\nexample.org TXT \"a\\010b c\"",
                ),
                ("sensorDnsResolved", "192.0.2.9"),
            ],
        ],
    );
    assert_event(
        Body::DnsAnswer(dns(vec![1, 2, 3])),
        ["dns_answer", "DNS answer received", "1"],
        &[
            SERVES,
            NETWORK,
            IN,
            &[
                ("act", "lookup_result"),
                ("app", "DNS"),
                ("sensorDnsBase64", "AQID"),
                ("sensorDnsError", "the message is shorter than a DNS header"),
            ],
        ],
    );
}
