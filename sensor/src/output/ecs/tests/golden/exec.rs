//! Fork, exec, exit.

use sensor_common::exec::File;

use super::*;
use crate::event::{Descriptor, Exec, Exit, ExitStatus, Fork, Path};

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
        ..process()
    };
    input.processes = [Some(child), Some(parent()), Some(process())];
    assert_document(
        &input,
        json!({
            "event": {
                "code": "fork",
                "action": "fork",
                "category": ["process"],
                "type": ["start"],
                "dataset": "sensor.exec",
            },
            "process": {
                "pid": 500,
                "entity_id": "0123456789abcdef-1f4-c350",
                "start": "2026-11-24T03:28:00.000000000Z",
                "vpid": 10,
                "thread": {"id": 500},
            },
            "sensor": {
                "fork": {
                    "caller": {
                        "pid": 400,
                        "entity_id": "0123456789abcdef-190-9c40",
                        "thread": {"id": 401},
                    },
                },
            },
        }),
    );
}

fn path(bytes: &'static [u8]) -> Path {
    Path {
        bytes: Bytes::from_static(bytes),
        truncated: false,
        detached: false,
    }
}

pub(in crate::output) fn plain_exec() -> Exec {
    Exec {
        parent: id(300),
        file: File {
            inode: 5,
            device: 8 << 20 | 1,
            links: 1,
            mode: 0o104_755,
            uid: 0,
            gid: 2,
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
        tty: None,
        secure: false,
        setuid: false,
        setgid: false,
        file_capabilities: false,
        deleted: false,
        stdio: [Descriptor::Pipe, Descriptor::Socket, Descriptor::Closed],
        executable: path(b"/usr/bin/env"),
        working_directory: path(b"/tmp"),
        filename: text(b"./run"),
        interpreter: text(b""),
        arguments: text(b"env\0\0"),
    }
}

/// What both execs have beside it.
fn executed(fields: Value) -> Value {
    let mut expected = json!({
        "event": {
            "id": "0123456789abcdef-11-0-ff-e8d4a51000",
            "code": "exec",
            "action": "exec",
            "category": ["process"],
            "type": ["start"],
            "dataset": "sensor.exec",
        },
        "process": {
            "name": "env",
            "executable": "/usr/bin/env",
            "working_directory": "/tmp",
            "thread": {
                "capabilities": {"effective": [], "permitted": ["CAP_SETUID", "CAP_41"]},
            },
            "interactive": false,
            "tty": null,
        },
        "sensor": {
            "record": {"ring": "critical"},
            "exec": {
                "file": {
                    "inode": 5,
                    "device": {"major": 8, "minor": 1},
                    "links": 1,
                    "mode": "4755",
                    "uid": 0,
                    "gid": 2,
                },
                "filename": "./run",
                "stdio": ["pipe", "socket", "closed"],
            },
        },
    });
    lay(&mut expected, fields);
    expected
}

#[test]
fn exec() {
    // Of an exec, the record tells, whatever the table says.
    let mut input = done(Body::Exec(Box::new(plain_exec())));
    input.processes[0].as_mut().unwrap().credentials = None;
    assert_document(
        &input,
        executed(json!({
            "process": {"args": ["env", ""], "args_count": 2, "command_line": "env \"\""},
            "sensor": {"exec": {"args_bytes": 5, "args_captured_bytes": 5}},
        })),
    );
}

#[test]
fn exec_with_everything() {
    let plain = plain_exec();
    let input = done(Body::Exec(Box::new(Exec {
        file: File {
            links: 0,
            ..plain.file
        },
        argc: 3,
        previous_tid: Tid(401),
        tty: Some(Device { major: 4, minor: 2 }),
        login_uid: None,
        audit_session: None,
        secure: true,
        setuid: true,
        setgid: true,
        file_capabilities: true,
        deleted: true,
        executable: Path {
            bytes: Bytes::new(),
            truncated: true,
            detached: true,
        },
        working_directory: Path {
            bytes: Bytes::from_static(b"/t\xff"),
            truncated: true,
            detached: true,
        },
        interpreter: text(b"/bin/sh"),
        arguments: Text {
            bytes: Bytes::from_static(b"\xff\0a b\0cu"),
            original: Some(100),
        },
        ..plain
    })));
    assert_document(
        &input,
        executed(json!({
            "process": {
                "name": "run",
                "executable": null,
                "working_directory": "/t\u{fffd}",
                "args": ["\u{fffd}", "a b", "cu"],
                "args_count": 3,
                "command_line": "\u{fffd} \"a b\" cu",
                "interactive": true,
                "tty": {"char_device": {"major": 4, "minor": 2}},
            },
            "sensor": {
                "process": {"login_uid": null, "audit_session": null},
                "script": {"kind": "file", "path": "./run"},
                "exec": {
                    "file": {"links": 0},
                    "interpreter": "/bin/sh",
                    "previous_thread_id": 401,
                    "args_bytes": 100,
                    "args_captured_bytes": 8,
                    "args_truncated": true,
                    "args_base64": "/wBhIGIAY3U=",
                    "secure": true,
                    "setuid": true,
                    "setgid": true,
                    "file_capabilities": true,
                    "fileless": true,
                    "deleted": true,
                    "executable_truncated": true,
                    "executable_detached": true,
                    "working_directory_truncated": true,
                    "working_directory_detached": true,
                },
            },
        })),
    );
}

#[test]
fn exit() {
    let ended = |code: u32| {
        json!({
            "event": {
                "code": "exit",
                "action": "end",
                "category": ["process"],
                "type": ["end"],
                "dataset": "sensor.exec",
            },
            "process": {"end": "2026-11-24T03:36:20.000000000Z", "exit_code": code},
        })
    };
    let status = ExitStatus::Code(3);
    assert_document(&done(Body::Exit(Exit { status })), ended(3));
    let status = ExitStatus::Signal {
        number: 11,
        core_dumped: true,
    };
    let mut expected = ended(139);
    lay(
        &mut expected,
        json!({"sensor": {"exit": {"signal": 11, "core_dumped": true}}}),
    );
    assert_document(&done(Body::Exit(Exit { status })), expected);
}

#[test]
fn of_a_process_that_is_not_in_the_table_the_record_tells() {
    let mut input = done(Body::Exit(Exit {
        status: ExitStatus::Code(0),
    }));
    input.processes = [None, None, None];
    input.late = true;
    let actor = input.event.actor.as_mut().unwrap();
    actor.io_worker = true;
    let mut expected = common();
    lay(
        &mut expected,
        json!({"group": null, "process": null, "sensor": {"process": null}}),
    );
    lay(
        &mut expected,
        json!({
            "event": {
                "code": "exit",
                "action": "end",
                "category": ["process"],
                "type": ["end"],
                "dataset": "sensor.exec",
            },
            "process": {
                "pid": 400,
                "entity_id": "0123456789abcdef-190-9c40",
                "start": "2026-11-24T03:26:20.000000000Z",
                "thread": {"id": 401},
                "real_user": {"id": "1000"},
                "end": "2026-11-24T03:36:20.000000000Z",
                "exit_code": 0,
            },
            "sensor": {
                "record": {"late": true},
                "process": {"cgroup": {"id": 70}, "io_worker": true},
            },
            "user": {"id": "1000"},
        }),
    );
    assert_is(&input, expected);
}
