//! Forks, execs, exits.

use proptest::{collection::vec, option, prelude::*};
use sensor_common::exec::File;

use super::{super::*, bytes, credentials, device, namespaces, process_id, text, tgid, tid};

pub(super) fn fork() -> impl Strategy<Value = Fork> {
    (process_id(), process_id(), tgid()).prop_map(|(child, parent, namespace_pid)| Fork {
        child,
        parent,
        namespace_pid,
    })
}

pub(super) fn exit() -> impl Strategy<Value = Exit> {
    let signal = (1..65_u8, any::<bool>()).prop_map(|(number, core_dumped)| ExitStatus::Signal {
        number,
        core_dumped,
    });
    prop_oneof![any::<u8>().prop_map(ExitStatus::Code), signal].prop_map(|status| Exit { status })
}

pub(super) fn exec() -> impl Strategy<Value = Exec> {
    let ids = (process_id(), tgid(), tgid(), tgid(), tid());
    let attributes = (
        file(),
        namespaces(),
        credentials(),
        option::of(any::<u32>()),
        option::of(any::<u32>()),
        option::of(device()),
        any::<[bool; 5]>(),
        prop::array::uniform3(descriptor()),
    );
    let texts = (path(), path(), text(), text(), arguments());
    (ids, attributes, texts).prop_map(
        |(
            (parent, namespace_pid, session_id, process_group, previous_tid),
            (file, namespaces, credentials, login_uid, audit_session, tty, flags, stdio),
            (executable, working_directory, filename, interpreter, (argc, arguments)),
        )| {
            let [secure, setuid, setgid, file_capabilities, deleted] = flags;
            Exec {
                parent,
                file,
                namespaces,
                credentials,
                namespace_pid,
                session_id,
                process_group,
                login_uid,
                audit_session,
                argc,
                previous_tid,
                tty,
                secure,
                setuid,
                setgid,
                file_capabilities,
                deleted,
                stdio,
                executable,
                working_directory,
                filename,
                interpreter,
                arguments,
            }
        },
    )
}

/// How many, and their bytes, of which the last ones may be missing.
fn arguments() -> impl Strategy<Value = (u32, Text)> {
    let argument = prop_oneof![
        8 => "[ -~]{0,12}".prop_map(String::into_bytes),
        1 => "[^\0]{0,12}".prop_map(String::into_bytes),
        1 => vec(1..=255_u8, 0..12),
    ];
    (
        vec(argument, 0..6),
        any::<prop::sample::Index>(),
        any::<bool>(),
    )
        .prop_map(|(arguments, cut, is_cut)| {
            let argc = u32::try_from(arguments.len()).unwrap();
            let mut bytes = Vec::new();
            for argument in &arguments {
                bytes.extend(argument);
                bytes.push(0);
            }
            let original = u32::try_from(bytes.len()).unwrap();
            if is_cut {
                bytes.truncate(cut.index(bytes.len() + 1));
            }
            let text = Text {
                bytes: bytes.into(),
                original: Some(original),
            };
            (argc, text)
        })
}

fn file() -> impl Strategy<Value = File> {
    (
        any::<u64>(),
        any::<u32>(),
        0..3_u32,
        any::<u32>(),
        any::<u32>(),
        any::<u32>(),
        any::<u64>(),
    )
        .prop_map(|(inode, device, links, mode, uid, gid, size)| File {
            inode,
            device,
            links,
            mode,
            uid,
            gid,
            size,
            ..File::default()
        })
}

fn descriptor() -> impl Strategy<Value = Descriptor> {
    prop_oneof![
        Just(Descriptor::Closed),
        Just(Descriptor::Pipe),
        Just(Descriptor::Socket),
        Just(Descriptor::Other),
    ]
}

fn path() -> impl Strategy<Value = Path> {
    (bytes(), any::<bool>(), any::<bool>()).prop_map(|(bytes, truncated, detached)| Path {
        bytes,
        truncated,
        detached,
    })
}
