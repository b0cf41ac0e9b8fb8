//! Connections and datagrams.

use sensor_common::network::{AF_INET, AF_INET6, AF_UNIX, Direction, Role};

use super::*;
use crate::event::{Closed, Connection, Datagram, Endpoint, Endpoints, NetworkNamespace};

pub(super) const NETWORK: NetworkNamespace = NetworkNamespace(73);

pub(super) fn endpoints() -> Endpoints {
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

fn connection() -> Connection {
    Connection {
        endpoints: endpoints(),
        namespace: NETWORK,
        socket_type: 1,
        backlog: None,
        unix_path: None,
    }
}

pub(super) fn here() -> Value {
    json!({"ip": "192.0.2.1", "name": "192.0.2.1", "port": 40000})
}

pub(super) fn there() -> Value {
    json!({"ip": "198.51.100.2", "name": "198.51.100.2", "port": 443})
}

fn tcp(direction_id: u32, direction: &str) -> Value {
    json!({
        "direction_id": direction_id,
        "direction": direction,
        "protocol_num": 6,
        "protocol_name": "tcp",
        "protocol_ver_id": 4,
        "protocol_ver": "Internet Protocol version 4 (IPv4)",
    })
}

/// What all network activities have beside it.
pub(super) fn activity(id: u32, name: &str, fields: Value) -> Value {
    let mut expected = json!({
        "activity_id": id,
        "activity_name": name,
        "category_uid": 4,
        "class_uid": 4001,
        "class_name": "Network Activity",
        "type_uid": 400_100 + id,
        "actor": actor(),
        "is_src_dst_assignment_known": true,
        "unmapped": {"network": {"namespace": 73, "socket_type": "stream"}},
    });
    lay(&mut expected, fields);
    expected
}

/// What this host initiated or sent.
pub(super) fn outgoing(fields: Value) -> Value {
    let mut expected = json!({
        "src_endpoint": here(),
        "dst_endpoint": there(),
        "observation_point_id": 1,
        "observation_point": "Source",
        "connection_info": tcp(2, "Outbound"),
    });
    lay(&mut expected, fields);
    expected
}

/// What the peer initiated or sent.
fn incoming(fields: Value) -> Value {
    let mut expected = json!({
        "src_endpoint": there(),
        "dst_endpoint": here(),
        "observation_point_id": 2,
        "observation_point": "Destination",
        "connection_info": tcp(1, "Inbound"),
    });
    lay(&mut expected, fields);
    expected
}

fn code(code: &str, fields: Value) -> Value {
    let mut expected = json!({"metadata": {"event_code": code}});
    lay(&mut expected, fields);
    expected
}

fn succeeded() -> Value {
    json!({"status_id": 1, "status": "Success"})
}

#[test]
fn connect_and_established() {
    assert_event(
        &done(Body::Connect(connection())),
        activity(1, "Open", outgoing(code("connect", json!({})))),
    );
    assert_event(
        &done(Body::Established(connection())),
        activity(1, "Open", outgoing(code("established", succeeded()))),
    );
}

#[test]
fn accept() {
    assert_event(
        &done(Body::Accept(connection())),
        activity(1, "Open", incoming(code("accept", succeeded()))),
    );
}

#[test]
fn connect_inside_the_host() {
    let mut connection = connection();
    connection.endpoints.remote.address = Some("::1".parse().unwrap());
    connection.endpoints.family = AF_INET6;
    assert_event(
        &done(Body::Connect(connection)),
        activity(
            1,
            "Open",
            outgoing(code(
                "connect",
                json!({
                    "dst_endpoint": {"ip": "::1", "name": "::1"},
                    "connection_info": {
                        "direction_id": 4,
                        "direction": "Local",
                        "protocol_ver_id": 6,
                        "protocol_ver": "Internet Protocol version 6 (IPv6)",
                    },
                }),
            )),
        ),
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
        unix_path: Some(text(b"/run/docker.sock\0")),
        ..connection()
    };
    assert_event(
        &done(Body::Connect(connection)),
        activity(
            1,
            "Open",
            code(
                "connect",
                json!({
                    "src_endpoint": {"name": "web\"1"},
                    "dst_endpoint": {"name": "/run/docker.sock"},
                    "observation_point_id": 1,
                    "observation_point": "Source",
                    "connection_info": {"direction_id": 4, "direction": "Local"},
                }),
            ),
        ),
    );
}

#[test]
fn bind_and_listen() {
    assert_event(
        &done(Body::Bind(connection())),
        activity(
            99,
            "bind",
            code(
                "bind",
                json!({
                    "src_endpoint": here(),
                    "is_src_dst_assignment_known": false,
                    "observation_point_id": 1,
                    "observation_point": "Source",
                    "connection_info": tcp(0, "Unknown"),
                }),
            ),
        ),
    );
    let listening = Connection {
        backlog: Some(128),
        ..connection()
    };
    assert_event(
        &done(Body::Listen(listening)),
        activity(
            7,
            "Listen",
            code(
                "listen",
                json!({
                    "dst_endpoint": here(),
                    "observation_point_id": 2,
                    "observation_point": "Destination",
                    "connection_info": tcp(0, "Unknown"),
                    "unmapped": {"network": {"backlog": 128}},
                }),
            ),
        ),
    );
}

fn closed() -> Closed {
    Closed {
        endpoints: endpoints(),
        namespace: NETWORK,
        socket_type: 1,
        opened: Some(BootTime(998_000_000_000)),
        established: None,
        bytes_sent: 100,
        bytes_received: 2000,
        error: 0,
        role: Role::Client,
        state: 4,
    }
}

/// What the end of a connection has.
fn ended(fields: Value) -> Value {
    let mut expected = code(
        "closed",
        json!({
            "start_time": 1_795_491_378_000_i64,
            "end_time": 1_795_491_380_000_i64,
            "duration": 2000,
            "unmapped": {"network": {"state": "fin_wait1"}},
        }),
    );
    lay(&mut expected, fields);
    expected
}

#[test]
fn close_of_a_client() {
    let mut expected = ended(succeeded());
    lay(
        &mut expected,
        json!({"traffic": {"bytes": 2100, "bytes_out": 100, "bytes_in": 2000}}),
    );
    assert_event(
        &done(Body::Closed(closed())),
        activity(2, "Close", outgoing(expected)),
    );
}

#[test]
fn close_of_a_server() {
    let closed = Closed {
        role: Role::Server,
        bytes_received: u64::MAX,
        ..closed()
    };
    let mut expected = ended(succeeded());
    lay(
        &mut expected,
        json!({"traffic": {"bytes": i64::MAX, "bytes_out": i64::MAX, "bytes_in": 100}}),
    );
    assert_event(
        &done(Body::Closed(closed)),
        activity(2, "Close", incoming(expected)),
    );
}

#[test]
fn close_of_a_connection_older_than_the_sensor() {
    let closed = Closed {
        role: Role::Unknown,
        opened: None,
        ..closed()
    };
    let mut expected = outgoing(ended(succeeded()));
    lay(
        &mut expected,
        json!({
            "is_src_dst_assignment_known": false,
            "connection_info": tcp(0, "Unknown"),
            "start_time": null,
            "duration": null,
            "traffic": {"bytes": 2100, "bytes_out": 100, "bytes_in": 2000},
        }),
    );
    assert_event(&done(Body::Closed(closed)), activity(2, "Close", expected));
}

#[test]
fn close_of_a_listener() {
    let closed = Closed {
        role: Role::Listener,
        ..closed()
    };
    let mut expected = ended(succeeded());
    lay(
        &mut expected,
        json!({
            "dst_endpoint": here(),
            "observation_point_id": 2,
            "observation_point": "Destination",
            "connection_info": tcp(0, "Unknown"),
            "unmapped": {"network": {"listener": true}},
        }),
    );
    assert_event(&done(Body::Closed(closed)), activity(2, "Close", expected));
}

#[test]
fn connections_that_fail() {
    for (error, id, name, word) in [
        (111, 5, "Refuse", "ECONNREFUSED"),
        (104, 3, "Reset", "ECONNRESET"),
        (110, 4, "Fail", "ETIMEDOUT"),
        (113, 4, "Fail", "EHOSTUNREACH"),
    ] {
        let failed = Closed {
            error,
            bytes_sent: 0,
            bytes_received: 0,
            ..closed()
        };
        let expected = ended(json!({
            "status_id": 2,
            "status": "Failure",
            "status_code": word,
            "traffic": {"bytes": 0, "bytes_out": 0, "bytes_in": 0},
        }));
        assert_event(
            &done(Body::Closed(failed)),
            activity(id, name, outgoing(expected)),
        );
    }
}

#[test]
fn datagrams() {
    let datagram = |direction, length| {
        let mut endpoints = endpoints();
        endpoints.protocol = 17;
        done(Body::Datagram(Datagram {
            endpoints,
            namespace: NETWORK,
            direction,
            length,
        }))
    };
    let udp = json!({
        "connection_info": {"protocol_num": 17, "protocol_name": "udp"},
        "unmapped": {"network": {"socket_type": null}},
        "metadata": {"event_code": "datagram"},
    });
    let mut sent = outgoing(udp.clone());
    lay(
        &mut sent,
        json!({"traffic": {"bytes": 12, "bytes_out": 12}}),
    );
    assert_event(
        &datagram(Direction::Egress, Some(12)),
        activity(6, "Traffic", sent),
    );
    assert_event(
        &datagram(Direction::Ingress, None),
        activity(6, "Traffic", incoming(udp)),
    );
}

#[test]
fn of_no_process_nothing_is_said() {
    let mut input = done(Body::Connect(connection()));
    input.processes = [None, None, None];
    input.event.actor = None;
    assert_event(
        &input,
        activity(
            1,
            "Open",
            outgoing(json!({
                "actor": null,
                "metadata": {"event_code": "connect", "profiles": ["host", "cloud"]},
                "unmapped": {"process": null},
            })),
        ),
    );
}
