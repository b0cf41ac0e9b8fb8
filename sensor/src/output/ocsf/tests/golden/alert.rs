//! What a rule found.

use super::*;
use crate::{
    event::{Connection, Endpoint, Endpoints, NetworkNamespace, Ptrace, Tid},
    output::samples::{alerted, id},
};
use sensor_common::privilege::PtraceOperation;

/// The event that it was raised at.
fn event(input: &Input) -> Value {
    let event = Input {
        alert: None,
        ..input.clone()
    };
    parse(&write(&event))
}

#[test]
fn an_alert_is_a_finding_with_its_event_as_evidence() {
    let input = alerted();
    let event = event(&input);
    let mut expected = event.clone();
    lay(
        &mut expected,
        json!({
            "activity_id": 1,
            "activity_name": "Create",
            "category_uid": 2,
            "class_uid": 2004,
            "class_name": "Detection Finding",
            "type_uid": 200_401,
            "severity_id": 4,
            "severity": "High",
            "message": "bash[400] took its input from a socket",
            "is_alert": true,
            "action_id": 3,
            "action": "Observed",
            "disposition_id": 19,
            "disposition": "Alert",
            "status_id": 1,
            "status": "New",
            "risk_score": 73,
            "risk_level_id": 3,
            "risk_level": "High",
            "count": 2,
            "start_time": 1_795_491_378_000_i64,
            "end_time": 1_795_491_380_000_i64,
            "finding_info": {
                "uid": "0123456789abcdef-11-0-ff-e8d4a51000-6f2b2c54-3f2e-4f0e-9f57-0d3f4b3c2a11-2",
                "title": "Shell on a socket",
                "desc": "A shell that somebody drives over the network",
                "types": ["detector"],
                "created_time": 1_795_491_380_000_i64,
                "first_seen_time": 1_795_491_378_000_i64,
                "last_seen_time": 1_795_491_380_000_i64,
                "analytic": {
                    "name": "Shell on a socket",
                    "uid": "6f2b2c54-3f2e-4f0e-9f57-0d3f4b3c2a11",
                    "type_id": 2,
                    "type": "Behavioral",
                    "category": "sensor",
                },
                "attacks": [
                    {
                        "tactic": {
                            "uid": "TA0002",
                            "name": "Execution",
                            "src_url": "https://attack.mitre.org/tactics/TA0002/",
                        },
                        "version": "19",
                    },
                    {
                        "technique": {
                            "uid": "T1059",
                            "src_url": "https://attack.mitre.org/techniques/T1059/",
                        },
                        "sub_technique": {
                            "uid": "T1059.004",
                            "src_url": "https://attack.mitre.org/techniques/T1059/004/",
                        },
                        "version": "19",
                    },
                ],
                "related_events": [
                    {
                        "uid": "0123456789abcdef-1-0-7-e8990a4600",
                        "created_time": 1_795_491_379_000_i64,
                    },
                    {
                        "uid": "0123456789abcdef-11-0-ff-e8d4a51000",
                        "created_time": 1_795_491_380_000_i64,
                    },
                ],
                "related_events_count": 3,
            },
            "evidences": [{"process": event["process"], "user": {"uid": "1002"}}],
            "process": null,
            "launch_type_id": null,
            "launch_type": null,
            "metadata": {
                "uid": "0123456789abcdef-11-0-ff-e8d4a51000-6f2b2c54-3f2e-4f0e-9f57-0d3f4b3c2a11-2",
                "event_code": "alert",
                "profiles": ["host", "cloud", "container", "linux/linux_users", "security_control"],
            },
            "unmapped": {
                "alert": {
                    "event_code": "exec",
                    "event_action": "exec",
                    "author": "A. Author",
                    "license": "MIT",
                    "references": ["https://rules.example/1", "RFC 1"],
                    "false_positives": ["Administrators"],
                    "attack_version": "19",
                },
            },
        }),
    );
    strip(&mut expected);
    let finding = parse(&write(&input));
    assert!(
        finding == expected,
        "\n     got {finding:#}\nexpected {expected:#}"
    );
    assert_eq!(
        finding["evidences"][0]["process"]["ancestry"][0]["pid"],
        300
    );
    assert_valid(&finding);
}

/// The finding of the same rule at another event.
fn at(body: Body) -> Value {
    let mut input = done(body);
    input.alert = alerted().alert;
    let finding = parse(&write(&input));
    assert_valid(&finding);
    finding
}

#[test]
fn evidence_has_the_ends_of_a_connection() {
    let end = |address: &str, port| Endpoint {
        address: Some(address.parse().unwrap()),
        port: Some(port),
    };
    let connection = Connection {
        endpoints: Endpoints {
            local: end("192.0.2.1", 40000),
            remote: end("198.51.100.7", 443),
            family: 2,
            protocol: 6,
        },
        namespace: NetworkNamespace(1),
        socket_type: 1,
        backlog: None,
        unix_path: None,
    };
    let finding = at(Body::Connect(connection));
    let evidence = &finding["evidences"][0];
    assert_eq!(evidence["process"], whole());
    assert_eq!(evidence["src_endpoint"]["port"], 40000);
    assert_eq!(evidence["dst_endpoint"]["ip"], "198.51.100.7");
    assert_eq!(evidence["connection_info"]["direction"], "Outbound");
    assert_eq!(finding["actor"]["process"], brief());
    assert_eq!(finding["unmapped"]["alert"]["event_code"], "connect");
}

#[test]
fn evidence_has_the_target_of_a_ptrace() {
    let finding = at(Body::Ptrace(Ptrace {
        target: id(500),
        target_tid: Tid(501),
        target_uid: 7,
        mode: 2,
        operation: PtraceOperation::Access,
    }));
    let [who, target] = finding["evidences"].as_array().unwrap().as_slice() else {
        panic!("{finding:#}");
    };
    assert_eq!(who["process"], whole());
    assert_eq!(target["name"], "Target");
    assert_eq!(target["process"]["pid"], 500);
    assert_eq!(target["process"]["user"]["uid"], "7");
}
