//! What an exec says beside the process itself.

use super::{Classes, Field, field, number, process::append, text};
use crate::{
    detect::sigma::{
        field::Value,
        taxonomy::{
            class::PROCESS_CREATION,
            observed_fields::{ObservedFields, Slot},
        },
    },
    enrich::{
        asking::{script_of, script_path},
        script::Script,
    },
    event::{Descriptor, Device, Exec},
    process::fingerprint::Package,
};

const EXEC: Classes = Classes::these(&[PROCESS_CREATION]);

/// A flag of an exec.
macro_rules! flag {
    ($name:literal, $from:literal, $flag:expr) => {
        field(&[$name], EXEC, $from, |fields| {
            let flag: fn(&Exec) -> bool = $flag;
            fields.exec().map(|exec| Value::Boolean(flag(exec)))
        })
    };
}

/// One of the standard descriptors of an exec.
macro_rules! descriptor {
    ($name:literal, $from:literal, $place:literal) => {
        field(&[$name], EXEC, $from, |fields| {
            let descriptor = fields.exec()?.stdio.get($place)?;
            text(match descriptor {
                Descriptor::Closed => "closed",
                Descriptor::Pipe => "pipe",
                Descriptor::Socket => "socket",
                Descriptor::Other => "other",
            })
        })
    };
}

pub(super) const FIELDS: &[Field] = &[
    field(
        &["sensor.exec.filename"],
        EXEC,
        "the path that was asked for: a script's own",
        |fields| {
            let path = fields.bytes(Slot::Filename, &fields.exec()?.filename.bytes);
            path.map(Value::Text)
        },
    )
    .path()
    .searched(),
    field(
        &["sensor.exec.interpreter"],
        EXEC,
        "the interpreter that a script's first line names; absent if it is no script",
        |fields| {
            let path = fields.bytes(Slot::Interpreter, &fields.exec()?.interpreter.bytes);
            path.map(Value::Text)
        },
    )
    .path(),
    descriptor!(
        "sensor.exec.stdin",
        "what standard input is: `closed`, `pipe`, `socket` or `other`",
        0
    ),
    descriptor!("sensor.exec.stdout", "what standard output is", 1),
    descriptor!("sensor.exec.stderr", "what standard error is", 2),
    flag!(
        "sensor.exec.fileless",
        "whether the file is a memfd or has no links",
        |exec| exec.file.links == 0
    ),
    flag!(
        "sensor.exec.deleted",
        "whether the file was deleted",
        |exec| exec.deleted
    ),
    flag!(
        "sensor.exec.secure",
        "whether the kernel marked it as privileged (`AT_SECURE`)",
        |exec| exec.secure
    ),
    flag!(
        "sensor.exec.setuid",
        "whether the file's setuid bit changed a user id",
        |exec| exec.setuid
    ),
    flag!(
        "sensor.exec.setgid",
        "whether the file's setgid bit changed a group id",
        |exec| exec.setgid
    ),
    flag!(
        "sensor.exec.file_capabilities",
        "whether the file gave capabilities",
        |exec| exec.file_capabilities
    ),
    flag!(
        "sensor.exec.args_truncated",
        "whether there were more arguments than were captured",
        |exec| exec.arguments.is_truncated()
    ),
    flag!(
        "sensor.exec.executable_detached",
        "whether the file is outside of the process's mount namespace",
        |exec| exec.executable.detached
    ),
    field(
        &["sensor.exec.file.inode"],
        EXEC,
        "the file's inode number",
        |fields| number(fields.exec()?.file.inode),
    ),
    field(
        &["sensor.exec.file.links"],
        EXEC,
        "how many names the file has",
        |fields| number(fields.exec()?.file.links),
    ),
    field(
        &["sensor.exec.file.device.major"],
        EXEC,
        "the driver of the device that the file is on",
        |fields| number(device(fields)?.major),
    ),
    field(
        &["sensor.exec.file.device.minor"],
        EXEC,
        "the number of that device",
        |fields| number(device(fields)?.minor),
    ),
    field(
        &["sensor.exec.file.mode"],
        EXEC,
        "the file's permissions in octal, as `4755`",
        |fields| {
            let mode = fields.exec()?.file.mode & 0o7777;
            let digits = fields.written(Slot::Mode, |text| text.push_str(&format!("{mode:04o}")));
            digits.map(Value::Text)
        },
    ),
    field(
        &["sensor.exec.file.uid"],
        EXEC,
        "the file's owner",
        |fields| number(fields.exec()?.file.uid),
    ),
    field(
        &["sensor.exec.file.gid"],
        EXEC,
        "the file's group",
        |fields| number(fields.exec()?.file.gid),
    ),
    field(
        &["sensor.script.kind"],
        EXEC,
        "what an interpreter runs: `file`, `inline`, `module` or `stdin`",
        |fields| {
            text(match script_of(fields.exec()?)? {
                Script::File(_) => "file",
                Script::Inline => "inline",
                Script::Module(_) => "module",
                Script::StandardInput => "stdin",
            })
        },
    ),
    field(
        &["sensor.script.path"],
        EXEC,
        "the script's path",
        |fields| {
            let exec = fields.exec()?;
            let Some(Script::File(given)) = script_of(exec) else {
                return None;
            };
            let path = fields.written(Slot::ScriptPath, |text| {
                let whole = script_path(exec);
                text.push_str(&String::from_utf8_lossy(whole.as_deref().unwrap_or(given)));
            });
            path.map(Value::Text)
        },
    )
    .path(),
    field(
        &["sensor.script.module"],
        EXEC,
        "the module that an interpreter was told to run",
        |fields| {
            let Some(Script::Module(module)) = script_of(fields.exec()?) else {
                return None;
            };
            fields.bytes(Slot::ScriptModule, module).map(Value::Text)
        },
    ),
    field(
        &["sensor.script.hash.sha256"],
        EXEC,
        "the SHA-256 of the script, if it was found out in time",
        |fields| {
            let script = &fields.observed.about?.script;
            script_of(fields.exec()?)?;
            let digits = script.fingerprint()?.digest.digits();
            let digits = fields.written(Slot::ScriptDigest, |text| append(&digits, text));
            digits.map(Value::Text)
        },
    ),
    field(
        &["package.name"],
        EXEC,
        "the host's package that the executable belongs to",
        |fields| text(&package(fields)?.name),
    ),
    field(
        &["package.version"],
        EXEC,
        "that package's version",
        |fields| text(&package(fields)?.version),
    ),
];

fn device(fields: &ObservedFields<'_>) -> Option<Device> {
    Some(Device::from_kernel(fields.exec()?.file.device))
}

fn package<'a>(fields: &'a ObservedFields<'a>) -> Option<&'a Package> {
    fields.observed.fingerprint()?.package.as_deref()
}
