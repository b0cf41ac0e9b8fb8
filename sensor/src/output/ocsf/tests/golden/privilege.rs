//! Credentials, namespaces, ptrace, modules, BPF programs.

use bytes::Bytes;
use sensor_common::{
    credentials::Credentials,
    namespaces::Namespaces,
    privilege::{Cause, NamespaceOperation, PtraceOperation},
    record::Kind,
};

use super::{process::activity, *};
use crate::event::{
    BpfAccess, BpfProgram, CredentialChange, CredentialDivergence, Groups, ModuleLoad,
    NamespaceChange, Ptrace, Tid, Verdict,
};

/// What all privilege events have beside it.
fn privileged(fields: Value) -> Value {
    let mut expected = json!({
        "severity_id": 2,
        "severity": "Low",
        "metadata": {"uid": "0123456789abcdef-11-0-ff-e8d4a51000"},
    });
    lay(&mut expected, fields);
    expected
}

/// The ids in the credentials of all.
fn ids() -> Value {
    json!({
        "uid": 1000,
        "euid": 1002,
        "suid": 1004,
        "fsuid": 1006,
        "gid": 1001,
        "egid": 1003,
        "sgid": 1005,
        "fsgid": 1007,
    })
}

fn with(mut value: Value, fields: Value) -> Value {
    lay(&mut value, fields);
    value
}

fn change(after: Credentials) -> CredentialChange {
    CredentialChange {
        before: credentials(),
        after,
        cause: Cause::Call,
        groups_before: Groups::default(),
        groups_after: Groups::default(),
    }
}

#[test]
fn change_of_a_user_id() {
    let change = CredentialChange {
        groups_before: Groups {
            ids: vec![4, 27],
            count: 3,
        },
        groups_after: Groups {
            ids: vec![0],
            count: 1,
        },
        ..change(Credentials {
            euid: 0,
            cap_effective: 1,
            ..credentials()
        })
    };
    assert_event(
        &done(Body::CredentialChange(Box::new(change))),
        privileged(activity(
            5,
            "Set User ID",
            json!({
                "actor": {"process": brief(), "user": {"uid": "1002"}},
                "process": with(whole(), json!({
                    "user": {"uid": "0", "groups": [{"uid": "0"}]},
                })),
                "metadata": {"event_code": "credential_change"},
                "unmapped": {
                    "credentials": {
                        "cause": "call",
                        "before": with(ids(), json!({
                            "cap_effective": "0000000000000000",
                            "groups": [4, 27],
                        })),
                        "after": with(ids(), json!({
                            "euid": 0,
                            "cap_effective": "0000000000000001",
                            "groups": [0],
                        })),
                        "groups_truncated": true,
                    },
                },
            }),
        )),
    );
}

/// These are no activity of OCSF's.
#[test]
fn changes_of_something_else() {
    let after = [
        (
            Credentials {
                egid: 0,
                ..credentials()
            },
            "gid_change",
        ),
        (
            Credentials {
                cap_bset: 1,
                ..credentials()
            },
            "capabilities_change",
        ),
        (
            Credentials {
                securebits: 0,
                ..credentials()
            },
            "credentials_change",
        ),
    ];
    for (after, name) in after {
        let event = parse(&write(&done(Body::CredentialChange(Box::new(change(
            after,
        ))))));
        assert_eq!(event["type_uid"], 100_799);
        assert_eq!(event["activity_name"], name);
        assert_eq!(event["process"]["group"]["uid"], after.egid.to_string());
        assert_valid(&event);
    }
}

fn divergence(verdict: Verdict) -> Input {
    done(Body::CredentialDivergence(Box::new(CredentialDivergence {
        before: credentials(),
        after: Credentials {
            uid: 0,
            euid: 0,
            ..credentials()
        },
        same_object: true,
        found_by: Kind::Exec,
        verdict,
    })))
}

/// What both divergences have.
fn diverged() -> Value {
    privileged(json!({
        "metadata": {"event_code": "credential_divergence"},
        "unmapped": {
            "process": {"real_uid": null},
            "credentials": {
                "before": ids(),
                "after": with(ids(), json!({"uid": 0, "euid": 0})),
                "same_object": true,
                "found_by": "exec",
            },
        },
    }))
}

#[test]
fn credentials_that_were_overwritten() {
    assert_event(
        &divergence(Verdict::Overwritten),
        with(
            diverged(),
            json!({
                "activity_id": 1,
                "activity_name": "Create",
                "category_uid": 2,
                "class_uid": 2004,
                "class_name": "Detection Finding",
                "type_uid": 200_401,
                "severity_id": 5,
                "severity": "Critical",
                "message": "Credentials of a process were overwritten in kernel memory",
                "is_alert": true,
                "action_id": 3,
                "action": "Observed",
                "disposition_id": 19,
                "disposition": "Alert",
                "status_id": 1,
                "status": "New",
                "finding_info": {
                    "uid": "0123456789abcdef-11-0-ff-e8d4a51000",
                    "title": "Credentials overwritten",
                    "created_time": 1_795_491_380_000_i64,
                    "analytic": {
                        "name": "Credential divergence",
                        "uid": "credential_divergence",
                        "type_id": 1,
                        "type": "Rule",
                    },
                },
                "actor": {"process": brief(), "user": {"uid": "1002"}},
                "evidences": [{
                    "process": with(whole(), json!({"user": {"uid": "0"}})),
                    "user": {"uid": "0"},
                }],
                "metadata": {
                    "profiles": ["host", "cloud", "container", "linux/linux_users", "security_control"],
                },
            }),
        ),
    );
}

#[test]
fn credentials_that_a_call_may_have_changed() {
    assert_event(
        &divergence(Verdict::Observed),
        with(
            diverged(),
            activity(
                5,
                "Set User ID",
                json!({
                    "actor": {"process": brief(), "user": {"uid": "1002"}},
                    "process": with(whole(), json!({"user": {"uid": "0"}})),
                    "unmapped": {"credentials": {"observed": true}},
                }),
            ),
        ),
    );
}

#[test]
fn other_namespaces() {
    let after = Namespaces {
        mnt: 81,
        net: 0,
        ..namespaces()
    };
    let change = NamespaceChange {
        before: namespaces(),
        after,
        operation: NamespaceOperation::Unshare,
    };
    assert_event(
        &done(Body::Namespace(change)),
        privileged(activity(
            99,
            "namespace_change",
            json!({
                "actor": {"process": brief(), "user": {"uid": "1002"}},
                "process": whole(),
                "metadata": {"event_code": "namespace"},
                "unmapped": {
                    "namespaces": {
                        "operation": "unshare",
                        "before": {"mnt": 71, "net": 73},
                        "after": {"mnt": 81, "net": 0},
                    },
                },
            }),
        )),
    );
}

fn ptrace(operation: PtraceOperation) -> Input {
    let mut input = done(Body::Ptrace(Ptrace {
        target: id(300),
        target_tid: Tid(301),
        target_uid: 7,
        mode: 0x12,
        operation,
    }));
    input.processes[2] = Some(parent());
    input
}

#[test]
fn access_to_another_process() {
    assert_event(
        &ptrace(PtraceOperation::Access),
        privileged(activity(
            3,
            "Open",
            json!({
                "actor": actor(),
                "process": with(sshd(), json!({"ptid": 301, "user": {"uid": "7"}})),
                "actual_permissions": 18,
                "metadata": {"event_code": "ptrace"},
                "unmapped": {"ptrace": {"operation": "access", "mode": ["attach", "realcreds"]}},
            }),
        )),
    );
}

/// The tracer is the parent of that moment, whoever the table says it is.
#[test]
fn to_be_traced() {
    let mut input = ptrace(PtraceOperation::TraceMe);
    input.processes[1] = None;
    assert_event(
        &input,
        privileged(activity(
            3,
            "Open",
            json!({
                "actor": {"process": brief(), "user": {"uid": "1002"}},
                "process": whole(),
                "metadata": {"event_code": "ptrace"},
                "unmapped": {"ptrace": {"operation": "traceme"}},
            }),
        )),
    );
}

#[test]
fn module() {
    let module = |name: &'static [u8]| {
        done(Body::ModuleLoad(ModuleLoad {
            name: Bytes::from_static(name),
            taints: 4096,
        }))
    };
    let expected = |name: &str, unmapped: Value| {
        privileged(json!({
            "activity_id": 1,
            "activity_name": "Load",
            "category_uid": 1,
            "class_uid": 1002,
            "class_name": "Kernel Extension Activity",
            "type_uid": 100_201,
            "actor": actor(),
            "driver": {"file": {"name": name, "type_id": 0, "type": "Unknown"}},
            "metadata": {"event_code": "module_load"},
            "unmapped": {"module": unmapped},
        }))
    };
    assert_event(
        &module(b"rootkit\xff"),
        expected(
            "rootkit\u{fffd}",
            json!({"name": "rootkit\u{fffd}", "taints": 4096}),
        ),
    );
    assert_event(&module(b""), expected("Unknown", json!({"taints": 4096})));
}

#[test]
fn bpf_program() {
    let program = |name: &'static [u8], access| {
        done(Body::BpfProgram(Box::new(BpfProgram {
            id: 12,
            program_type: 2,
            attach_type: 0,
            instructions: 300,
            tag: [0, 1, 2, 3, 4, 5, 6, 0xff],
            overrides_return: true,
            gpl_compatible: true,
            name: Bytes::from_static(name),
            function: Bytes::from_static(b"__x64_sys_openat"),
            access,
        })))
    };
    let expected = |id: u32, activity: &str, name: &str| {
        privileged(json!({
            "activity_id": id,
            "activity_name": activity,
            "category_uid": 1,
            "class_uid": 1003,
            "class_name": "Kernel Activity",
            "type_uid": 100_300 + id,
            "actor": actor(),
            "kernel": {"name": name, "type_id": 99, "type": "BPF program"},
            "metadata": {"event_code": "bpf_program"},
            "unmapped": {
                "bpf": {
                    "id": 12,
                    "type": "kprobe",
                    "attach_type": 0,
                    "instructions": 300,
                    "tag": "00010203040506ff",
                    "function": "__x64_sys_openat",
                    "overrides_return": true,
                    "gpl_compatible": true,
                },
            },
        }))
    };
    assert_event(
        &program(b"hide", BpfAccess::Load),
        expected(1, "Create", "hide"),
    );
    assert_event(
        &program(b"", BpfAccess::Open),
        expected(2, "Read", "00010203040506ff"),
    );
}
