//! Credentials, namespaces, ptrace, modules, BPF programs.

use sensor_common::privilege::{Cause, NamespaceOperation, PtraceOperation};

use super::*;
use crate::{
    event::{
        BpfProgram, CredentialChange, CredentialDivergence, Groups, ModuleLoad, NamespaceChange,
        Ptrace, Tid,
    },
    output::samples::{credentials, namespaces, parent},
};

const PRIVILEGE: &[(&str, &str)] = &[("cat", "process"), ("deviceFacility", "sensor.privilege")];

#[test]
fn changes_of_credentials() {
    let after = sensor_common::credentials::Credentials {
        euid: 0,
        cap_effective: 0b11,
        ..credentials()
    };
    let ids = &[
        ("suid", "1002"),
        ("spriv", "User"),
        ("duid", "0"),
        ("dpriv", "Administrator"),
        ("act", "uid_change"),
        ("sensorUidsBefore", "1000,1002,1004,1006"),
        ("sensorUidsAfter", "1000,0,1004,1006"),
        ("sensorGidsBefore", "1001,1003,1005,1007"),
        ("sensorGidsAfter", "1001,1003,1005,1007"),
        ("sensorCapEffBefore", "0000000000000000"),
        ("sensorCapEffAfter", "0000000000000003"),
        ("cs6", "CAP_CHOWN,CAP_DAC_OVERRIDE"),
        ("cs6Label", "Capabilities gained"),
    ];
    let change = CredentialChange {
        before: credentials(),
        after,
        cause: Cause::Call,
        groups_before: Groups {
            ids: vec![4, 27],
            count: 3,
        },
        groups_after: Groups {
            ids: vec![5],
            count: 1,
        },
    };
    assert_event(
        Body::CredentialChange(Box::new(change)),
        ["credential_change", "Credentials changed", "3"],
        &[
            MADE,
            PRIVILEGE,
            ids,
            &[
                ("reason", "call"),
                ("outcome", "success"),
                ("sensorGroupsBefore", "4,27,..."),
                ("sensorGroupsAfter", "5"),
            ],
        ],
    );
    let divergence = CredentialDivergence {
        before: credentials(),
        after,
        same_object: true,
        found_by: sensor_common::record::Kind::Exec,
        verdict: Verdict::Overwritten,
    };
    assert_event(
        Body::CredentialDivergence(Box::new(divergence)),
        [
            "credential_divergence",
            "Credentials overwritten in kernel memory",
            "10",
        ],
        &[
            MADE,
            PRIVILEGE,
            ids,
            &[
                ("act", "credentials_overwritten"),
                ("reason", "overwritten"),
                ("sensorSameObject", "true"),
                ("sensorFoundBy", "exec"),
            ],
        ],
    );
}

#[test]
fn namespaces_and_ptrace() {
    let mut after = namespaces();
    after.net = 99;
    after.mnt = 98;
    let change = NamespaceChange {
        before: namespaces(),
        after,
        operation: NamespaceOperation::Setns,
    };
    assert_event(
        Body::Namespace(change),
        ["namespace", "Namespaces entered", "3"],
        &[
            MADE,
            USERS,
            PRIVILEGE,
            &[
                ("act", "namespace_change"),
                ("reason", "setns"),
                ("cs6", "mnt,net"),
                ("cs6Label", "Namespaces changed"),
                ("sensorNamespaceInodes", "mnt:71:98,net:73:99"),
            ],
        ],
    );
    let mut input = done(Body::Ptrace(Ptrace {
        target: id(300),
        target_tid: Tid(300),
        target_uid: 0,
        mode: 2,
        operation: PtraceOperation::Access,
    }));
    input.processes[2] = Some(parent());
    assert_line(
        &write(&input),
        ["ptrace", "Access to another process", "3"],
        &[
            PROCESS,
            ACTS,
            PRIVILEGE,
            &[
                ("act", "ptrace"),
                ("dpid", "300"),
                ("dproc", "/usr/sbin/sshd"),
                ("duid", "0"),
                ("sensorTargetEntityId", "0123456789abcdef-12c-7530"),
                ("cs6", "attach"),
                ("cs6Label", "Access"),
            ],
        ],
    );
}

#[test]
fn code_in_the_kernel() {
    let module = ModuleLoad {
        name: "evil|=".into(),
        taints: 0x1000,
    };
    let driver = &[("cat", "driver"), ("deviceFacility", "sensor.privilege")];
    assert_event(
        Body::ModuleLoad(module),
        ["module_load", "Kernel module loaded", "3"],
        &[
            MADE,
            USERS,
            driver,
            &[
                ("act", "load_module"),
                ("cs6", "evil|="),
                ("cs6Label", "Kernel module"),
                ("sensorTaints", "0000000000001000"),
            ],
        ],
    );
    let program = BpfProgram {
        id: 12,
        program_type: 2,
        attach_type: 0,
        instructions: 300,
        tag: [1, 2, 3, 4, 5, 6, 7, 8],
        overrides_return: true,
        gpl_compatible: false,
        name: "hide".into(),
        function: "x64_sys_getdents".into(),
        access: BpfAccess::Open,
    };
    assert_event(
        Body::BpfProgram(Box::new(program)),
        ["bpf_program", "BPF program opened", "3"],
        &[
            MADE,
            USERS,
            driver,
            &[
                ("act", "open_bpf_program"),
                ("cs6", "hide"),
                ("cs6Label", "BPF program"),
                ("sensorBpfId", "12"),
                ("sensorBpfType", "kprobe"),
                ("sensorBpfAttachType", "0"),
                ("sensorBpfFunction", "x64_sys_getdents"),
                ("sensorBpfTag", "0102030405060708"),
                ("sensorBpfInstructions", "300"),
                ("sensorBpfOverridesReturn", "true"),
                ("sensorBpfNotGpl", "true"),
            ],
        ],
    );
}
