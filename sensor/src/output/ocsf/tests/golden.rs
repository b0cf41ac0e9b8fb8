//! One event of each kind, written out.
//!
//! All are of the same process; what is the same in all is written out once, in [`common`], and what
//! is of one kind is laid over it.

mod alert;
mod dns;
mod network;
mod privilege;
mod process;
mod surroundings;

use serde_json::json;

use super::*;
use crate::output::samples::{
    credentials, done, id, lay, namespaces, parent, process as bash, strip, text,
};

/// What all events of the process have.
pub(super) fn common() -> Value {
    json!({
        "time": 1_795_491_380_000_i64,
        "severity_id": 1,
        "severity": "Informational",
        "metadata": {
            "version": "1.8.0",
            "product": {"name": "sensor", "vendor_name": "sensor", "version": "0.1.0"},
            "uid": "0123456789abcdef-11-1-ff-e8d4a51000",
            "sequence": 42,
            "original_time": "2026-11-24T03:36:20.000000000Z",
            "profiles": ["host", "cloud", "container", "linux/linux_users"],
        },
        "device": {
            "name": "web\"1",
            "hostname": "web\"1",
            "uid": "0b1c",
            "type_id": 0,
            "type": "Unknown",
            "boot_uid": "01234567-89ab-cdef-0123-456789abcdef",
            "os": {
                "name": "Debian GNU/Linux",
                "type_id": 200,
                "type": "Linux",
                "kernel_release": "6.12.1",
            },
            "hw_info": {"cpu_architecture_id": 1, "cpu_architecture": "x86"},
            "instance_uid": "i-0abc",
            "region": "eu-central-1",
            "zone": "eu-central-1a",
            "agent_list": [{
                "name": "sensor",
                "type_id": 1,
                "type": "Endpoint Detection and Response",
                "uid": "8f2e",
                "version": "0.1.0",
            }],
        },
        "cloud": {
            "provider": "AWS",
            "region": "eu-central-1",
            "zone": "eu-central-1a",
            "account": {"uid": "123456789012", "type_id": 10, "type": "AWS Account"},
        },
        "unmapped": {
            "process": {
                "real_uid": 1000,
                "saved_uid": 1004,
                "filesystem_uid": 1006,
                "real_gid": 1001,
                "saved_gid": 1005,
                "filesystem_gid": 1007,
                "process_group": 360,
            },
        },
    })
}

/// What tells the process apart, and what it runs.
fn brief() -> Value {
    json!({
        "pid": 400,
        "uid": "0123456789abcdef-190-9c40",
        "created_time": 1_795_490_780_000_i64,
        "namespace_pid": 9,
        "name": "bash",
        "path": "/usr/bin/bash",
        "working_directory": "/root",
        "cmd_line": "bash -c 'echo \"hi\"'",
        "ptid": 401,
        "file": {
            "name": "bash",
            "path": "/usr/bin/bash",
            "type_id": 8,
            "type": "Executable File",
        },
    })
}

/// The parent of it.
fn sshd() -> Value {
    json!({
        "pid": 300,
        "uid": "0123456789abcdef-12c-7530",
        "created_time": 1_795_490_680_000_i64,
        "namespace_pid": 8,
        "name": "sshd",
        "path": "/usr/sbin/sshd",
        "working_directory": "/",
        "cmd_line": "\"sshd: root\"",
        "file": {
            "name": "sshd",
            "path": "/usr/sbin/sshd",
            "type_id": 8,
            "type": "Executable File",
        },
    })
}

/// All that is known of the process.
fn whole() -> Value {
    let mut whole = brief();
    lay(
        &mut whole,
        json!({
            "user": {"uid": "1002"},
            "group": {"uid": "1003"},
            "auid": 1000,
            "session": {"uid": "350", "uid_alt": "3", "terminal": "pts/1"},
            "parent_process": sshd(),
        }),
    );
    whole
}

/// The process as an actor.
fn actor() -> Value {
    json!({"process": whole(), "user": {"uid": "1002"}})
}

/// An event has these attributes beside the common ones, and not those that are null here; and it is
/// valid.
fn assert_event(input: &Input, fields: Value) {
    let mut expected = common();
    lay(&mut expected, fields);
    strip(&mut expected);
    let event = parse(&write(input));
    assert!(
        event == expected,
        "\n     got {event:#}\nexpected {expected:#}"
    );
    assert_valid(&event);
}
