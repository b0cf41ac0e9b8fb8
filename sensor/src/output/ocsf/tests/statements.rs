//! What the sensor says of itself.

use std::collections::BTreeMap;

use serde_json::json;

use super::{golden::common, *};
use crate::{
    event::state::{HookReport, KindTotal, Lost, Started, Statement, Totals, Undelivered},
    output::samples::{OFFSET, SECOND, lay, strip},
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
    Ocsf::new(&host()).write(&document, &mut out).unwrap();
    let event = parse(&out);
    let mut expected = common();
    lay(
        &mut expected,
        json!({
            "unmapped": null,
            "metadata": {
                "uid": "0123456789abcdef-8f2e-42",
                "profiles": ["host", "cloud"],
            },
        }),
    );
    lay(&mut expected, fields);
    strip(&mut expected);
    assert!(
        event == expected,
        "\n     got {event:#}\nexpected {expected:#}"
    );
    assert_valid(&event);
}

fn application() -> Value {
    json!({"name": "sensor", "vendor_name": "sensor", "version": "0.1.0"})
}

#[test]
fn started() {
    let hook = HookReport {
        event: "connect".into(),
        means: Some("kprobe".into()),
        ..HookReport::default()
    };
    assert_statement(
        Statement::Started(Box::new(Started {
            hooks: vec![hook],
            scope: Some("/sys/fs/cgroup/a".into()),
            missing_fields: Vec::new(),
            limits: BTreeMap::from([("processes".into(), 7)]),
        })),
        json!({
            "activity_id": 3,
            "activity_name": "Start",
            "category_uid": 6,
            "class_uid": 6002,
            "class_name": "Application Lifecycle",
            "type_uid": 600_203,
            "app": application(),
            "message": "The sensor watches",
            "metadata": {"event_code": "sensor_start"},
            "unmapped": {
                "hooks": [{"event": "connect", "means": "kprobe", "programs": []}],
                "scope": "/sys/fs/cgroup/a",
                "limits": {"processes": 7},
            },
        }),
    );
}

#[test]
fn stopped() {
    let total = KindTotal {
        code: "exec".into(),
        family: "exec".into(),
        seen: 2,
        delivered: 2,
        own: 0,
        lost: BTreeMap::new(),
    };
    assert_statement(
        Statement::Stopped(Totals {
            kinds: vec![total],
            late: 1,
            ..Totals::default()
        }),
        json!({
            "activity_id": 4,
            "activity_name": "Stop",
            "category_uid": 6,
            "class_uid": 6002,
            "class_name": "Application Lifecycle",
            "type_uid": 600_204,
            "app": application(),
            "message": "The sensor stops",
            "metadata": {"event_code": "sensor_stop"},
            "unmapped": {
                "totals": {
                    "kinds": [{
                        "code": "exec",
                        "family": "exec",
                        "seen": 2,
                        "delivered": 2,
                        "lost": {},
                    }],
                    "late": 1,
                    "degraded": {},
                    "skipped_runs": {},
                },
            },
        }),
    );
}

#[test]
fn lost() {
    let lost = |count| Lost {
        code: "exec".into(),
        family: "exec".into(),
        reason: "ring_full".into(),
        count,
    };
    assert_statement(
        Statement::Lost(vec![lost(3), lost(u64::MAX)]),
        json!({
            "activity_id": 1,
            "activity_name": "General Error",
            "category_uid": 6,
            "class_uid": 6008,
            "class_name": "Application Error",
            "type_uid": 600_801,
            "severity_id": 3,
            "severity": "Medium",
            "message": "18446744073709551615 events were lost",
            "metadata": {"event_code": "events_lost"},
            "unmapped": {
                "lost": [
                    {"code": "exec", "family": "exec", "reason": "ring_full", "count": 3},
                    {"code": "exec", "family": "exec", "reason": "ring_full", "count": u64::MAX},
                ],
            },
        }),
    );
}

#[test]
fn undelivered() {
    assert_statement(
        Statement::Undelivered(vec![Undelivered {
            sink: "siem".into(),
            reason: "expired".into(),
            severity: "low".into(),
            count: 2,
        }]),
        json!({
            "activity_id": 1,
            "activity_name": "General Error",
            "category_uid": 6,
            "class_uid": 6008,
            "class_name": "Application Error",
            "type_uid": 600_801,
            "severity_id": 3,
            "severity": "Medium",
            "message": "2 events were given up on their way to a sink",
            "metadata": {"event_code": "events_undelivered"},
            "unmapped": {
                "undelivered": [
                    {"sink": "siem", "reason": "expired", "severity": "low", "count": 2},
                ],
            },
        }),
    );
}

#[test]
fn tested() {
    assert_statement(
        Statement::Tested,
        json!({
            "activity_id": 99,
            "activity_name": "sink_tested",
            "category_uid": 0,
            "class_uid": 0,
            "class_name": "Base Event",
            "type_uid": 99,
            "message": "Somebody tries a sink",
            "metadata": {"event_code": "sink_test"},
        }),
    );
}
