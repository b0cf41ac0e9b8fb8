//! One document of each kind, written out.
//!
//! All are of the same process; what is the same in all is written out once, in [`common`], and what
//! is of one kind is laid over it.

mod alert;
pub(in crate::output) mod exec;
mod network;
mod privilege;
mod state;
mod who;

use std::sync::Arc;

use bytes::Bytes;
use sensor_common::{credentials::Credentials, namespaces::Namespaces};
use serde_json::json;

use super::*;
use crate::{
    enrich::{
        execs::About,
        hashing::Missing,
        runtimes::{Details, PodDetails, Runtime},
    },
    event::{Device, Text, Tgid, Tid},
    output::{
        arbitrary::{Known, accounts},
        samples::{
            OFFSET, SECOND, credentials, done, id, lay, namespaces, parent, process, strip, text,
        },
    },
    process::{EntityId, Image},
};

/// What all documents of the process have.
fn common() -> Value {
    json!({
        "@timestamp": "2026-11-24T03:36:20.000000000Z",
        "agent": {"id": "8f2e", "type": "sensor", "version": "0.1.0"},
        "cloud": {
            "provider": "aws",
            "region": "eu-central-1",
            "availability_zone": "eu-central-1a",
            "instance": {"id": "i-0abc"},
            "machine": {"type": "m7i.large"},
            "account": {"id": "123456789012"},
        },
        "ecs": {"version": "9.3.0"},
        "event": {
            "id": "0123456789abcdef-11-1-ff-e8d4a51000",
            "sequence": 42,
            "kind": "event",
            "module": "sensor",
        },
        "group": {"id": "1003"},
        "host": {
            "id": "0b1c",
            "name": "web\"1",
            "hostname": "web\"1",
            "architecture": "x86_64",
            "boot": {"id": "01234567-89ab-cdef-0123-456789abcdef"},
            "pid_ns_ino": 4_026_531_836_u64,
            "os": {
                "type": "linux",
                "kernel": "6.12.1",
                "platform": "debian",
                "name": "Debian GNU/Linux",
            },
        },
        "process": {
            "pid": 400,
            "entity_id": "0123456789abcdef-190-9c40",
            "start": "2026-11-24T03:26:20.000000000Z",
            "vpid": 9,
            "name": "bash",
            "executable": "/usr/bin/bash",
            "working_directory": "/root",
            "args": ["bash", "-c", "echo \"hi\""],
            "args_count": 3,
            "command_line": "bash -c 'echo \"hi\"'",
            "thread": {"id": 401},
            "user": {"id": "1002"},
            "group": {"id": "1003"},
            "real_user": {"id": "1000"},
            "real_group": {"id": "1001"},
            "saved_user": {"id": "1004"},
            "saved_group": {"id": "1005"},
            "interactive": true,
            "tty": {"char_device": {"major": 136, "minor": 1}},
            "group_leader": {"pid": 360},
            "session_leader": {"pid": 350},
            "parent": {
                "pid": 300,
                "entity_id": "0123456789abcdef-12c-7530",
                "start": "2026-11-24T03:24:40.000000000Z",
                "vpid": 8,
                "name": "sshd",
                "executable": "/usr/sbin/sshd",
                "working_directory": "/",
                "args": ["sshd: root"],
                "args_count": 1,
                "command_line": "\"sshd: root\"",
            },
        },
        "sensor": {
            "record": {
                "cpu": 17,
                "ring": "bulk",
                "sequence": 255,
                "boot_time": 1_000_000_000_000_u64,
            },
            "process": {
                "cgroup": {"id": 70},
                "filesystem_user": {"id": "1006"},
                "filesystem_group": {"id": "1007"},
                "login_uid": 1000,
                "audit_session": 3,
                "namespaces": {
                    "mnt": 71,
                    "pid": 72,
                    "net": 73,
                    "uts": 74,
                    "ipc": 75,
                    "cgroup": 76,
                    "user": 77,
                },
            },
        },
        "user": {"id": "1002"},
    })
}

/// A document has these fields beside the common ones, and not those that are null here.
fn assert_document(input: &Input, fields: Value) {
    let mut expected = common();
    lay(&mut expected, fields);
    assert_is(input, expected);
}

/// The document is this, but for what is null.
fn assert_is(input: &Input, mut expected: Value) {
    strip(&mut expected);
    let document = parse(&write(input));
    assert!(
        document == expected,
        "\n     got {document:#}\nexpected {expected:#}"
    );
}
