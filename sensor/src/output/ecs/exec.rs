//! `sensor.fork`, `sensor.exec`, `sensor.exit`.

use std::str;

use super::{
    Context,
    process::{device, key},
};
use crate::{
    event::{Actor, Descriptor, Device, Exec, Exit, ExitStatus},
    observed::Observed,
    output::json::Object,
};

/// `sensor.fork`: who called.
pub(super) fn fork(observed: &Observed<'_>, context: &mut Context<'_>, fields: &mut Object<'_>) {
    if let Some(actor) = observed.event.actor {
        fields.object("caller", |caller| {
            key(actor.id, observed.other, context, caller);
            caller.object("thread", |thread| thread.number("id", actor.tid.0));
        });
    }
}

/// `sensor.exec`: what the record says beside the process itself.
pub(super) fn exec(exec: &Exec, actor: Option<&Actor>, fields: &mut Object<'_>) {
    fields.object("file", |fields| file(exec, fields));
    fields.bytes("filename", &exec.filename.bytes);
    fields.bytes("interpreter", &exec.interpreter.bytes);
    fields.words("stdio", exec.stdio.map(descriptor));
    let caller = exec.previous_tid;
    if actor.is_some_and(|actor| actor.id.tgid.0 != caller.0) {
        fields.number("previous_thread_id", caller.0);
    }
    arguments(exec, fields);
    fields.flag("secure", exec.secure);
    fields.flag("setuid", exec.setuid);
    fields.flag("setgid", exec.setgid);
    fields.flag("file_capabilities", exec.file_capabilities);
    fields.flag("fileless", exec.file.links == 0);
    fields.flag("deleted", exec.deleted);
    fields.flag("executable_truncated", exec.executable.truncated);
    fields.flag(
        "working_directory_truncated",
        exec.working_directory.truncated,
    );
    fields.flag("executable_detached", exec.executable.detached);
    fields.flag(
        "working_directory_detached",
        exec.working_directory.detached,
    );
}

fn file(exec: &Exec, fields: &mut Object<'_>) {
    let file = &exec.file;
    fields.number("inode", file.inode);
    fields.object("device", |fields| {
        device(Device::from_kernel(file.device), fields);
    });
    fields.number("links", file.links);
    fields.word("mode", mode(file.mode));
    fields.number("uid", file.uid);
    fields.number("gid", file.gid);
}

fn arguments(exec: &Exec, fields: &mut Object<'_>) {
    let arguments = &exec.arguments;
    if let Some(bytes) = arguments.original {
        fields.number("args_bytes", bytes);
    }
    fields.number("args_captured_bytes", arguments.bytes.len());
    fields.flag("args_truncated", arguments.is_truncated());
    if str::from_utf8(&arguments.bytes).is_err() {
        fields.base64("args_base64", &arguments.bytes);
    }
}

const fn descriptor(descriptor: Descriptor) -> &'static str {
    match descriptor {
        Descriptor::Closed => "closed",
        Descriptor::Pipe => "pipe",
        Descriptor::Socket => "socket",
        Descriptor::Other => "other",
    }
}

/// The permission and set-id bits in octal.
fn mode(mode: u32) -> [u8; 4] {
    [9, 6, 3, 0].map(|shift| b'0' + (mode >> shift & 7) as u8)
}

/// `sensor.exit`: the signal, if it was one.
pub(super) fn exit(exit: &Exit, fields: &mut Object<'_>) {
    if let ExitStatus::Signal {
        number,
        core_dumped,
    } = exit.status
    {
        fields.number("signal", number);
        fields.flag("core_dumped", core_dumped);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_show_set_id_bits() {
        assert_eq!(mode(0o100_755), *b"0755");
        assert_eq!(mode(0o104_711), *b"4711");
        assert_eq!(mode(0), *b"0000");
    }
}
