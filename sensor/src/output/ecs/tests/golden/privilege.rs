//! Credentials, namespaces, ptrace, modules, BPF programs.

use sensor_common::{
    privilege::{Cause, NamespaceOperation, PtraceOperation},
    record::Kind,
};

use super::*;
use crate::event::{
    BpfAccess, BpfProgram, CredentialChange, CredentialDivergence, Groups, ModuleLoad,
    NamespaceChange, Ptrace, Verdict,
};

/// What all privilege events have beside it.
fn privileged(fields: Value) -> Value {
    let mut expected = json!({
        "event": {
            "id": "0123456789abcdef-11-0-ff-e8d4a51000",
            "category": ["process"],
            "type": ["change"],
            "dataset": "sensor.privilege",
        },
        "process": {
            "thread": {
                "capabilities": {"effective": [], "permitted": ["CAP_SETUID", "CAP_41"]},
            },
        },
        "sensor": {"record": {"ring": "critical"}},
    });
    lay(&mut expected, fields);
    expected
}

fn before() -> Value {
    json!({
        "user": {
            "id": "1000",
            "effective": {"id": "1002"},
            "saved": {"id": "1004"},
            "filesystem": {"id": "1006"},
        },
        "group": {
            "id": "1001",
            "effective": {"id": "1003"},
            "saved": {"id": "1005"},
            "filesystem": {"id": "1007"},
        },
        "capabilities": {
            "inheritable": [],
            "permitted": ["CAP_SETUID", "CAP_41"],
            "effective": [],
            "bounding": [],
            "ambient": [],
        },
        "securebits": 16,
        "user_namespace": 77,
    })
}

#[test]
fn credential_change() {
    let change = CredentialChange {
        before: credentials(),
        after: Credentials {
            euid: 0,
            cap_effective: 1,
            ..credentials()
        },
        cause: Cause::Call,
        groups_before: Groups {
            ids: vec![4, 27],
            count: 3,
        },
        groups_after: Groups::default(),
    };
    let mut expected = privileged(json!({
        "event": {"code": "credential_change", "action": "uid_change"},
        "process": {
            "user": {"id": "0"},
            "thread": {"capabilities": {"effective": ["CAP_CHOWN"]}},
        },
        "user": {"id": "0", "changes": {"id": "0"}},
        "sensor": {
            "credentials": {
                "before": before(),
                "after": before(),
                "cause": "call",
                "supplemental_groups_truncated": true,
            },
        },
    }));
    lay(
        &mut expected,
        json!({"sensor": {"credentials": {
            "before": {"supplemental_groups": ["4", "27"]},
            "after": {
                "user": {"effective": {"id": "0"}},
                "capabilities": {"effective": ["CAP_CHOWN"]},
                "supplemental_groups": [],
            },
        }}}),
    );
    assert_document(&done(Body::CredentialChange(Box::new(change))), expected);
}

#[test]
fn credential_divergence() {
    let divergence = CredentialDivergence {
        before: credentials(),
        after: Credentials {
            sgid: 0,
            ..credentials()
        },
        same_object: true,
        found_by: Kind::Connect,
        verdict: Verdict::Overwritten,
    };
    let mut expected = privileged(json!({
        "event": {
            "kind": "alert",
            "code": "credential_divergence",
            "action": "credentials_overwritten",
        },
        "process": {"saved_group": {"id": "0"}},
        "sensor": {
            "credentials": {
                "before": before(),
                "after": before(),
                "same_object": true,
                "found_by": "connect",
            },
        },
    }));
    lay(
        &mut expected,
        json!({"sensor": {"credentials": {"after": {"group": {"saved": {"id": "0"}}}}}}),
    );
    assert_document(
        &done(Body::CredentialDivergence(Box::new(divergence.clone()))),
        expected.clone(),
    );

    let observed = CredentialDivergence {
        same_object: false,
        verdict: Verdict::Observed,
        ..divergence
    };
    lay(
        &mut expected,
        json!({
            "event": {"kind": "event", "action": "gid_change"},
            "sensor": {"credentials": {"same_object": null, "observed": true}},
        }),
    );
    assert_document(
        &done(Body::CredentialDivergence(Box::new(observed))),
        expected,
    );
}

#[test]
fn namespace() {
    let change = NamespaceChange {
        before: namespaces(),
        after: Namespaces {
            net: 99,
            user: 98,
            ..namespaces()
        },
        operation: NamespaceOperation::Unshare,
    };
    let before =
        json!({"mnt": 71, "pid": 72, "net": 73, "uts": 74, "ipc": 75, "cgroup": 76, "user": 77});
    let after =
        json!({"mnt": 71, "pid": 72, "net": 99, "uts": 74, "ipc": 75, "cgroup": 76, "user": 98});
    assert_document(
        &done(Body::Namespace(change)),
        privileged(json!({
            "event": {"code": "namespace", "action": "namespace_change"},
            "sensor": {
                "process": {"namespaces": after},
                "namespaces": {
                    "operation": "unshare",
                    "changed": ["net", "user"],
                    "before": before,
                    "after": after,
                },
            },
        })),
    );
}

#[test]
fn ptrace() {
    let access = Ptrace {
        target: id(300),
        target_tid: Tid(301),
        target_uid: 5,
        mode: 0x12,
        operation: PtraceOperation::Access,
    };
    let mut input = done(Body::Ptrace(access));
    input.processes[2] = Some(parent());
    let target = json!({
        "process": {
            "pid": 300,
            "entity_id": "0123456789abcdef-12c-7530",
            "start": "2026-11-24T03:24:40.000000000Z",
            "name": "sshd",
            "executable": "/usr/sbin/sshd",
            "thread": {"id": 301},
        },
        "user": {"id": "5"},
    });
    let expected = |ptrace| {
        privileged(json!({
            "event": {"code": "ptrace", "action": "ptrace", "type": ["access"]},
            "sensor": {"ptrace": ptrace, "target": target},
        }))
    };
    assert_document(
        &input,
        expected(json!({"operation": "access", "mode": ["attach", "realcreds"]})),
    );
    input.event.body = Body::Ptrace(Ptrace {
        mode: 0,
        operation: PtraceOperation::TraceMe,
        ..access
    });
    assert_document(&input, expected(json!({"operation": "traceme"})));
}

#[test]
fn module_load() {
    let module = ModuleLoad {
        name: Bytes::from_static(b"nf_tables"),
        taints: 0x1000,
    };
    assert_document(
        &done(Body::ModuleLoad(module)),
        privileged(json!({
            "event": {
                "code": "module_load",
                "action": "load_module",
                "category": ["driver"],
                "type": ["start"],
            },
            "sensor": {"module": {"name": "nf_tables", "taints": 4096}},
        })),
    );
}

#[test]
fn bpf_program() {
    let program = BpfProgram {
        id: 12,
        program_type: 26,
        attach_type: 24,
        instructions: 100,
        tag: [0, 1, 2, 3, 4, 5, 6, 0xff],
        overrides_return: true,
        gpl_compatible: false,
        name: Bytes::from_static(b"watch"),
        function: Bytes::from_static(b"commit_creds"),
        access: BpfAccess::Load,
    };
    let mut expected = privileged(json!({
        "event": {
            "code": "bpf_program",
            "action": "load_bpf_program",
            "category": ["driver"],
            "type": ["start"],
        },
        "sensor": {
            "bpf": {
                "id": 12,
                "type": "tracing",
                "attach_type": 24,
                "instructions": 100,
                "tag": "00010203040506ff",
                "name": "watch",
                "function": "commit_creds",
                "overrides_return": true,
                "gpl_compatible": false,
            },
        },
    }));
    assert_document(
        &done(Body::BpfProgram(Box::new(program.clone()))),
        expected.clone(),
    );

    let opened = BpfProgram {
        function: Bytes::new(),
        overrides_return: false,
        access: BpfAccess::Open,
        ..program
    };
    lay(
        &mut expected,
        json!({
            "event": {"action": "open_bpf_program", "type": ["info"]},
            "sensor": {"bpf": {"function": null, "overrides_return": null}},
        }),
    );
    assert_document(&done(Body::BpfProgram(Box::new(opened))), expected);
}
