//! DNS messages.

use super::{
    network::{NETWORK, activity, endpoints, here, outgoing, there},
    *,
};
use crate::event::{Dns, Text, dns::encoder::Encoder};

/// What all lookups have beside it: they are the client's, also the answers.
fn lookup(id: u32, name: &str, fields: Value) -> Value {
    let mut expected = activity(
        id,
        name,
        outgoing(json!({
            "class_uid": 4003,
            "class_name": "DNS Activity",
            "type_uid": 400_300 + id,
            "is_src_dst_assignment_known": null,
            "unmapped": {"network": {"socket_type": null}},
        })),
    );
    lay(&mut expected, fields);
    expected
}

fn message(bytes: Vec<u8>) -> Dns {
    let length = u32::try_from(bytes.len()).unwrap();
    Dns {
        endpoints: endpoints(),
        namespace: NETWORK,
        message: Text {
            bytes: bytes.into(),
            original: Some(length),
        },
    }
}

const NAME: &[&[u8]] = &[b"example", b"org"];

#[test]
fn dns_question() {
    let question = message(Encoder::new(4660, 0x0100).question(NAME, 1).bytes());
    let expected = |fields: Value| {
        let mut expected = lookup(
            1,
            "Query",
            json!({
                "query_time": 1_795_491_380_000_i64,
                "metadata": {"event_code": "dns_question"},
            }),
        );
        lay(&mut expected, fields);
        expected
    };
    assert_event(
        &done(Body::DnsQuestion(question.clone())),
        expected(json!({
            "query": {
                "hostname": "example.org",
                "type": "A",
                "class": "IN",
                "packet_uid": 4660,
                "opcode_id": 0,
                "opcode": "QUERY",
            },
            "unmapped": {"dns": {"header_flags": ["RD"]}},
        })),
    );
    let mut cut = question;
    cut.message.bytes.truncate(11);
    assert_event(
        &done(Body::DnsQuestion(cut)),
        expected(json!({
            "metadata": {"is_truncated": true},
            "unmapped": {
                "dns": {
                    "error": "less than a DNS header was captured",
                    "message_base64": "EjQBAAABAAAAAAA=",
                },
            },
        })),
    );
}

#[test]
fn dns_answer() {
    let alias: &[&[u8]] = &[b"www", b"example", b"org"];
    let answer = message(
        Encoder::new(7, 0x8583)
            .question(NAME, 28)
            .answer(NAME, 5, 60, b"\x03www\xc0\x0c")
            .answer(alias, 1, 30, &[192, 0, 2, 7])
            .bytes(),
    );
    assert_event(
        &done(Body::DnsAnswer(answer)),
        lookup(
            2,
            "Response",
            json!({
                "response_time": 1_795_491_380_000_i64,
                "metadata": {"event_code": "dns_answer"},
                "query": {
                    "hostname": "example.org",
                    "type": "AAAA",
                    "class": "IN",
                    "packet_uid": 7,
                    "opcode_id": 0,
                    "opcode": "QUERY",
                },
                "rcode_id": 3,
                "rcode": "NXDomain",
                "answers": [
                    {
                        "rdata": "www.example.org",
                        "type": "CNAME",
                        "class": "IN",
                        "ttl": 60,
                        "packet_uid": 7,
                        "flag_ids": [1, 3, 4],
                    },
                    {
                        "rdata": "192.0.2.7",
                        "type": "A",
                        "class": "IN",
                        "ttl": 30,
                        "packet_uid": 7,
                        "flag_ids": [1, 3, 4],
                    },
                ],
                "unmapped": {"dns": {"answer_names": ["example.org", "www.example.org"]}},
            }),
        ),
    );
}

/// A server's own answer, on its way out.
#[test]
fn dns_answer_that_is_sent() {
    let answer = message(Encoder::new(7, 0x8000).question(NAME, 1).bytes());
    let event = parse(&write(&done(Body::DnsQuestion(answer))));
    assert_eq!(event["type_uid"], 400_302);
    assert_eq!(event["dst_endpoint"], here());
    assert_eq!(event["src_endpoint"], there());
    assert_valid(&event);
}
