//! Fork, exec, exit.

use bytes::Bytes;
use sensor_common::exec::File;

use super::*;
use crate::{
    event::{Descriptor, Device, Exec, Exit, ExitStatus, Fork, Path, Tgid, Tid},
    process::EntityId,
};

/// What all process activities have beside it.
pub(super) fn activity(id: u32, name: &str, fields: Value) -> Value {
    let mut expected = json!({
        "activity_id": id,
        "activity_name": name,
        "category_uid": 1,
        "class_uid": 1007,
        "class_name": "Process Activity",
        "type_uid": 100_700 + id,
    });
    lay(&mut expected, fields);
    expected
}

#[test]
fn fork() {
    let mut input = done(Body::Fork(Fork {
        child: id(500),
        parent: id(300),
        namespace_pid: Tgid(10),
    }));
    let child = Process {
        namespace_pid: Some(Tgid(10)),
        id: id(500),
        entity_id: EntityId::new(arbitrary::boot(), id(500)),
        ..bash()
    };
    input.processes = [Some(child), Some(parent()), Some(bash())];
    let mut child = whole();
    lay(
        &mut child,
        json!({
            "pid": 500,
            "uid": "0123456789abcdef-1f4-c350",
            "created_time": 1_795_490_880_000_i64,
            "namespace_pid": 10,
            "ptid": 500,
        }),
    );
    assert_event(
        &input,
        activity(
            1,
            "Launch",
            json!({
                "launch_type_id": 2,
                "launch_type": "Fork",
                "actor": {"process": brief(), "user": {"uid": "1000"}},
                "process": child,
                "metadata": {"event_code": "fork"},
            }),
        ),
    );
}

fn path(bytes: &'static [u8]) -> Path {
    Path {
        bytes: Bytes::from_static(bytes),
        truncated: false,
        detached: false,
    }
}

fn plain_exec() -> Exec {
    Exec {
        parent: id(300),
        file: File {
            inode: 5,
            device: 8 << 20 | 1,
            links: 1,
            mode: 0o104_755,
            uid: 0,
            gid: 2,
            size: 48_144,
            modified: 1_700_000_000,
            ..File::default()
        },
        namespaces: namespaces(),
        credentials: credentials(),
        namespace_pid: Tgid(9),
        session_id: Tgid(350),
        process_group: Tgid(360),
        login_uid: Some(1000),
        audit_session: Some(3),
        argc: 2,
        previous_tid: Tid(400),
        tty: Some(Device { major: 4, minor: 2 }),
        secure: true,
        setuid: true,
        setgid: false,
        file_capabilities: false,
        deleted: true,
        stdio: [Descriptor::Pipe, Descriptor::Socket, Descriptor::Closed],
        executable: path(b"/usr/bin/env"),
        working_directory: path(b"/tmp"),
        filename: text(b"./run"),
        interpreter: text(b""),
        arguments: text(b"env\0\0"),
    }
}

/// What an exec of it has.
fn executed() -> Value {
    activity(
        1,
        "Launch",
        json!({
            "launch_type_id": 3,
            "launch_type": "Exec",
            "actor": {"process": sshd(), "user": {"uid": "1000"}},
            "process": {
                "pid": 400,
                "uid": "0123456789abcdef-190-9c40",
                "created_time": 1_795_490_780_000_i64,
                "namespace_pid": 9,
                "ptid": 401,
                "name": "env",
                "path": "/usr/bin/env",
                "working_directory": "/tmp",
                "cmd_line": "env \"\"",
                "file": {
                    "name": "env",
                    "path": "/usr/bin/env",
                    "type_id": 8,
                    "type": "Executable File",
                    "uid": "5",
                    "owner": {"uid": "0"},
                    "size": 48144,
                    "modified_time": 1_700_000_000_000_i64,
                    "is_deleted": true,
                },
                "user": {"uid": "1002"},
                "group": {"uid": "1003"},
                "auid": 1000,
                "session": {"uid": "350", "uid_alt": "3", "terminal": "tty2"},
                "parent_process": sshd(),
            },
            "metadata": {
                "uid": "0123456789abcdef-11-0-ff-e8d4a51000",
                "event_code": "exec",
            },
            "unmapped": {
                "exec": {
                    "filename": "./run",
                    "args_count": 2,
                    "args_bytes": 5,
                    "stdio": ["pipe", "socket", "closed"],
                    "secure": true,
                    "setuid": true,
                    "file": {
                        "device_major": 8,
                        "device_minor": 1,
                        "links": 1,
                        "mode": 0o104_755,
                        "gid": 2,
                    },
                    "cap_effective": "0000000000000000",
                    "cap_permitted": "0000020000000080",
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
        }),
    )
}

#[test]
fn exec() {
    assert_event(&done(Body::Exec(Box::new(plain_exec()))), executed());
}

#[test]
fn exec_of_what_is_not_text_and_was_cut() {
    let mut exec = plain_exec();
    exec.arguments = text(b"\xff\0cut");
    exec.arguments.original = Some(9);
    exec.executable = path(b"/\xfe");
    let mut expected = executed();
    lay(
        &mut expected,
        json!({
            "process": {
                "name": "\u{fffd}",
                "path": "/\u{fffd}",
                "cmd_line": "\u{fffd} cut",
                "file": {"name": "\u{fffd}", "path": "/\u{fffd}"},
            },
            "metadata": {"is_truncated": true},
            "unmapped": {
                "exec": {
                    "args_bytes": 9,
                    "args_truncated": true,
                    "args_base64": "/wBjdXQ=",
                },
            },
        }),
    );
    assert_event(&done(Body::Exec(Box::new(exec))), expected);
}

#[test]
fn exec_without_arguments_or_paths() {
    let mut exec = plain_exec();
    exec.argc = 0;
    exec.arguments = text(b"");
    exec.executable = path(b"");
    exec.filename = text(b"");
    let mut expected = executed();
    lay(
        &mut expected,
        json!({
            "process": {"name": null, "path": null, "cmd_line": "", "file": null},
            "unmapped": {"exec": {"filename": null, "args_count": 0, "args_bytes": 0}},
        }),
    );
    assert_event(&done(Body::Exec(Box::new(exec))), expected);
}

/// Where nobody knows who acted, no class can be used that must say it.
#[test]
fn exec_of_nobody() {
    let mut input = done(Body::Exec(Box::new(plain_exec())));
    input.event.actor = None;
    let event = parse(&write(&input));
    assert_eq!(event["type_uid"], 99);
    assert_eq!(event["activity_name"], "exec");
    assert_eq!(event["unmapped"]["exec"]["filename"], "./run");
    assert_valid(&event);
}

#[test]
fn exit() {
    let mut process = whole();
    lay(
        &mut process,
        json!({"terminated_time": 1_795_491_380_000_i64}),
    );
    let ended = |code: u32, fields: Value| {
        let mut expected = activity(
            2,
            "Terminate",
            json!({
                "actor": {"process": brief(), "user": {"uid": "1002"}},
                "process": process,
                "exit_code": code,
                "metadata": {"event_code": "exit"},
            }),
        );
        lay(&mut expected, fields);
        expected
    };
    let exit = |status| done(Body::Exit(Exit { status }));
    assert_event(&exit(ExitStatus::Code(3)), ended(3, json!({})));
    let killed = ExitStatus::Signal {
        number: 11,
        core_dumped: true,
    };
    assert_event(
        &exit(killed),
        ended(
            139,
            json!({"unmapped": {"exit": {"signal": 11, "core_dumped": true}}}),
        ),
    );
}
