//! A process, its parent and what it does, for tests that write documents out.

use std::sync::Arc;

use bytes::Bytes;
use sensor_common::{credentials::Credentials, namespaces::Namespaces, record::Ring};
use serde_json::Value;

use super::{
    arbitrary::{Input, Known},
    ecs::tests::golden::exec::plain_exec,
};
use crate::{
    clock::{BootTime, WallOffset},
    detect::{
        alert::{Alert, AttackTag, RuleDescription, RuleKind},
        severity::Severity,
    },
    event::{Actor, Body, CgroupId, Device, Event, Origin, ProcessId, Text, Tgid, Tid, arbitrary},
    process::{Image, Process, lineage::Population},
};

/// 2026-11-24T03:36:20Z, of a host that booted 1,000 seconds before.
pub(super) const OFFSET: WallOffset = WallOffset(1_795_490_380_000_000_000);
pub(super) const SECOND: u64 = 1_000_000_000;

pub(super) fn id(tgid: u32) -> ProcessId {
    ProcessId {
        tgid: Tgid(tgid),
        start: BootTime(u64::from(tgid) * SECOND),
    }
}

pub(super) fn credentials() -> Credentials {
    Credentials {
        uid: 1000,
        gid: 1001,
        euid: 1002,
        egid: 1003,
        suid: 1004,
        sgid: 1005,
        fsuid: 1006,
        fsgid: 1007,
        securebits: 16,
        user_namespace: 77,
        cap_permitted: 1 << 7 | 1 << 41,
        ..Credentials::default()
    }
}

pub(super) fn namespaces() -> Namespaces {
    Namespaces {
        mnt: 71,
        pid: 72,
        net: 73,
        uts: 74,
        ipc: 75,
        cgroup: 76,
        time: 0,
        user: 77,
    }
}

pub(super) fn process() -> Process {
    let image = Image {
        name: "bash".into(),
        executable: "/usr/bin/bash".into(),
        working_directory: "/root".into(),
        arguments: vec!["bash".into(), "-c".into(), "echo \"hi\"".into()],
        argument_count: 3,
        ..Image::default()
    };
    Process {
        parent: Some(id(300)),
        namespace_pid: Some(Tgid(9)),
        image: Some(Arc::new(image)),
        credentials: Some(credentials()),
        namespaces: Some(namespaces()),
        cgroup: Some(CgroupId(70)),
        session_id: Some(Tgid(350)),
        process_group: Some(Tgid(360)),
        login_uid: Some(1000),
        audit_session: Some(3),
        tty: Some(Device {
            major: 136,
            minor: 1,
        }),
        ..Process::unknown(arbitrary::boot(), id(400))
    }
}

pub(super) fn parent() -> Process {
    let image = Image {
        name: "sshd".into(),
        executable: "/usr/sbin/sshd".into(),
        working_directory: "/".into(),
        arguments: vec!["sshd: root".into()],
        argument_count: 1,
        ..Image::default()
    };
    Process {
        namespace_pid: Some(Tgid(8)),
        image: Some(Arc::new(image)),
        ..Process::unknown(arbitrary::boot(), id(300))
    }
}

/// What happened, done by the process.
pub(super) fn done(body: Body) -> Input {
    let mut event = Event {
        origin: Origin {
            cpu: 17,
            ring: Ring::Critical,
            sequence: 255,
            time: BootTime(1000 * SECOND),
        },
        actor: Some(Actor {
            id: id(400),
            tid: Tid(401),
            uid: 1000,
            cgroup: CgroupId(70),
            credentials_digest: 0,
            io_worker: false,
        }),
        body,
    };
    event.origin.ring = event.kind().ring();
    Input {
        sequence: 42,
        wall_offset: OFFSET,
        event,
        late: false,
        processes: [Some(process()), Some(parent()), None],
        known: Known::default(),
        alert: None,
    }
}

/// What a rule found at an exec of the process, behind a connection.
pub(super) fn alerted() -> Input {
    let mut input = done(Body::Exec(Box::new(plain_exec())));
    let connection = Origin {
        cpu: 1,
        ring: Ring::Critical,
        sequence: 7,
        time: BootTime(999 * SECOND),
    };
    input.alert = Some(Alert {
        rule: Arc::new(rule()),
        reason: "bash[400] took its input from a socket".into(),
        evidence: vec![connection, input.event.origin],
        evidence_count: 3,
        count: 2,
        first: BootTime(998 * SECOND),
        ordinal: 0,
        group: Vec::new(),
    });
    let mut population = Population::new(10);
    let mut sshd = parent();
    input.processes = [
        Some(Process {
            lineage: sshd.offspring(&mut population),
            ..process()
        }),
        Some(sshd),
        None,
    ];
    input
}

pub(super) fn rule() -> RuleDescription {
    RuleDescription {
        id: "6f2b2c54-3f2e-4f0e-9f57-0d3f4b3c2a11".into(),
        name: "Shell on a socket".into(),
        kind: RuleKind::Detector,
        severity: Severity::High,
        description: "A shell that somebody drives over the network".into(),
        author: "A. Author".into(),
        license: "MIT".into(),
        references: vec!["https://rules.example/1".into(), "RFC 1".into()],
        false_positives: vec!["Administrators".into()],
        attack: vec![
            AttackTag::Tactic("execution".into()),
            AttackTag::Technique("T1059.004".into()),
        ],
    }
}

pub(super) fn text(bytes: &'static [u8]) -> Text {
    Text {
        bytes: Bytes::from_static(bytes),
        original: Some(u32::try_from(bytes.len()).unwrap()),
    }
}

/// Lays the fields of one value over another's.
pub(super) fn lay(over: &mut Value, value: Value) {
    match (over, value) {
        (Value::Object(over), Value::Object(fields)) => {
            for (name, value) in fields {
                lay(over.entry(name).or_insert(Value::Null), value);
            }
        }
        (over, value) => *over = value,
    }
}

/// Takes away what is null.
pub(super) fn strip(value: &mut Value) {
    if let Value::Object(fields) = value {
        fields.retain(|_, value| !value.is_null());
        fields.values_mut().for_each(strip);
    }
}
