//! What the sensor says of itself.

use std::collections::BTreeMap;

use super::*;
use crate::event::state::{
    HookReport, KindTotal, Lost, ProgramReport, RefusalReport, Started, Stated, Statement, Totals,
    Undelivered,
};

fn assert_statement(statement: Statement, fields: Value) {
    let stated = Stated {
        time: BootTime(1000 * SECOND),
        statement,
    };
    let document = Document {
        sequence: 42,
        wall_offset: OFFSET,
        content: Content::Statement(&stated),
    };
    let mut out = Vec::new();
    Ecs::new(&host()).write(&document, &mut out).unwrap();
    let mut expected = common();
    for name in ["process", "user", "group", "sensor"] {
        expected.as_object_mut().unwrap().remove(name);
    }
    lay(
        &mut expected,
        json!({
            "event": {
                "id": "0123456789abcdef-8f2e-42",
                "kind": "state",
                "category": ["host"],
                "dataset": "sensor.state",
            },
        }),
    );
    lay(&mut expected, fields);
    assert_eq!(parse(&out), expected);
}

#[test]
fn started() {
    let hook = HookReport {
        event: "connect".into(),
        means: Some("kprobe".into()),
        programs: vec![ProgramReport {
            name: "connect_kprobe".into(),
            target: "security_socket_connect".into(),
            verified_instructions: Some(700),
        }],
        misses: "nothing much".into(),
        blind: vec!["a-rule".into()],
        refused: vec![RefusalReport {
            means: "tracing".into(),
            reason: "not permitted".into(),
        }],
    };
    let unhooked = HookReport {
        event: "ptrace".into(),
        ..HookReport::default()
    };
    let started = Started {
        hooks: vec![hook, unhooked],
        scope: Some("/sys/fs/cgroup/a".into()),
        missing_fields: vec!["time namespaces".into()],
        limits: BTreeMap::from([("processes".into(), 16384)]),
    };
    assert_statement(
        Statement::Started(Box::new(started)),
        json!({
            "event": {"code": "sensor_start", "action": "sensor_started", "type": ["start"]},
            "sensor": {
                "hooks": [
                    {
                        "event": "connect",
                        "means": "kprobe",
                        "programs": [{
                            "name": "connect_kprobe",
                            "target": "security_socket_connect",
                            "verified_instructions": 700,
                        }],
                        "missed": "nothing much",
                        "blind": ["a-rule"],
                        "refused": [{"means": "tracing", "reason": "not permitted"}],
                    },
                    {"event": "ptrace"},
                ],
                "scope": "/sys/fs/cgroup/a",
                "limits": {"processes": 16384},
                "missing_fields": ["time namespaces"],
            },
        }),
    );
}

#[test]
fn lost() {
    assert_statement(
        Statement::Lost(vec![Lost {
            code: "connect".into(),
            family: "network".into(),
            reason: "ring_full".into(),
            count: 7,
        }]),
        json!({
            "event": {"code": "events_lost", "action": "events_lost", "type": ["info"]},
            "sensor": {
                "lost": [{
                    "code": "connect",
                    "family": "network",
                    "reason": "ring_full",
                    "count": 7,
                }],
            },
        }),
    );
}

#[test]
fn undelivered() {
    assert_statement(
        Statement::Undelivered(vec![Undelivered {
            sink: "siem".into(),
            reason: "backlog_full".into(),
            severity: "low".into(),
            count: 7,
        }]),
        json!({
            "event": {"code": "events_undelivered", "action": "events_undelivered", "type": ["info"]},
            "sensor": {
                "undelivered": [{
                    "sink": "siem",
                    "reason": "backlog_full",
                    "severity": "low",
                    "count": 7,
                }],
            },
        }),
    );
}

#[test]
fn tested() {
    assert_statement(
        Statement::Tested,
        json!({"event": {"code": "sink_test", "action": "sink_tested", "type": ["info"]}}),
    );
}

#[test]
fn stopped() {
    let totals = Totals {
        kinds: vec![KindTotal {
            code: "exec".into(),
            family: "exec".into(),
            seen: 10,
            delivered: 9,
            own: 2,
            lost: BTreeMap::from([("ring_full".into(), 1)]),
        }],
        late: 0,
        degraded: BTreeMap::from([("sockets_full".into(), 2)]),
        skipped_runs: BTreeMap::new(),
    };
    assert_statement(
        Statement::Stopped(totals),
        json!({
            "event": {"code": "sensor_stop", "action": "sensor_stopped", "type": ["end"]},
            "sensor": {
                "totals": {
                    "kinds": [{
                        "code": "exec",
                        "family": "exec",
                        "seen": 10,
                        "delivered": 9,
                        "own": 2,
                        "lost": {"ring_full": 1},
                    }],
                    "late": 0,
                    "degraded": {"sockets_full": 2},
                    "skipped_runs": {},
                },
            },
        }),
    );
}
