//! Which process it is, and what it runs.

use super::{Classes, Field, field, number, text};
use crate::{
    detect::sigma::field::Value,
    detect::sigma::taxonomy::observed_fields::{ObservedFields, Slot, arguments_of},
    event::{Body, Tgid},
    process::{Image, Process},
};

pub(super) const FIELDS: &[Field] = &[
    field(
        &["Image", "process.executable"],
        Classes::EVERY,
        "the path of the executable: a script's interpreter; the path that was asked for where the kernel could not tell",
        |fields| text(image(fields)?),
    )
    .path()
    .searched(),
    field(
        &["CommandLine", "process.args"],
        Classes::EVERY,
        "the arguments with one space between them, nothing quoted",
        |fields| {
            let line = fields.joined(Slot::CommandLine, fields.arguments());
            line.map(Value::Text)
        },
    )
    .searched(),
    field(
        &["process.command_line"],
        Classes::EVERY,
        "the arguments as documents have them: quoted where they contain white space",
        |fields| {
            let line = fields.quoted(Slot::QuotedCommandLine, fields.arguments());
            line.map(Value::Text)
        },
    ),
    field(
        &["process.name"],
        Classes::EVERY,
        "the last component of the executable's path",
        |fields| text(process_name(fields)?),
    ),
    field(
        &["process.args_count"],
        Classes::EVERY,
        "how many arguments there were",
        |fields| match fields.exec() {
            Some(exec) => number(exec.argc),
            None => argument_count(fields.observed.process),
        },
    ),
    field(
        &["CurrentDirectory", "process.working_directory"],
        Classes::EVERY,
        "the working directory when the program began",
        |fields| match fields.exec() {
            Some(exec) => fields
                .bytes(Slot::Directory, &exec.working_directory.bytes)
                .map(Value::Text),
            None => text(&known(fields.observed.process)?.working_directory),
        },
    )
    .searched(),
    field(
        &["ProcessId", "process.pid"],
        Classes::EVERY,
        "its id in the initial pid namespace",
        |fields| number(fields.observed.event.subject()?.tgid.0),
    ),
    field(
        &["ProcessGuid", "process.entity_id"],
        Classes::EVERY,
        "its name across hosts",
        |fields| text(fields.observed.process?.entity_id.as_str()),
    ),
    field(
        &["process.vpid"],
        Classes::EVERY,
        "its id in its own pid namespace",
        |fields| {
            let known = match &fields.observed.event.body {
                Body::Exec(exec) => Some(exec.namespace_pid),
                Body::Fork(fork) => Some(fork.namespace_pid),
                _ => fields.observed.process?.namespace_pid,
            };
            number(known.filter(|pid| *pid != Tgid(0))?.0)
        },
    ),
    field(
        &["process.thread.id"],
        Classes::EVERY,
        "the thread that acted",
        |fields| match &fields.observed.event.body {
            Body::Fork(fork) => number(fork.child.tgid.0),
            _ => number(fields.observed.event.actor?.tid.0),
        },
    ),
    field(
        &["sha256", "process.hash.sha256"],
        Classes::EVERY,
        "the SHA-256 of the executable, if it was found out in time",
        |fields| {
            let digits = fields.observed.fingerprint()?.digest.digits();
            let digits = fields.written(Slot::Digest, |text| append(&digits, text));
            digits.map(Value::Text)
        },
    ),
    field(
        &["Hashes"],
        Classes::EVERY,
        "the same as `SHA256=...`; there is no other",
        |fields| {
            let digits = fields.observed.fingerprint()?.digest.digits();
            let hashes = fields.written(Slot::Hashes, |text| {
                text.push_str("SHA256=");
                append(&digits, text);
            });
            hashes.map(Value::Text)
        },
    ),
    field(
        &["ParentImage", "process.parent.executable"],
        Classes::EVERY,
        "the path of what the parent runs",
        |fields| text(&known(parent(fields))?.executable),
    )
    .path(),
    field(
        &["process.parent.name"],
        Classes::EVERY,
        "the last component of that",
        |fields| text(&known(parent(fields))?.name),
    ),
    field(
        &["ParentCommandLine", "process.parent.args"],
        Classes::EVERY,
        "the first 1,024 bytes of the parent's arguments, joined as `CommandLine`",
        |fields| {
            let arguments = arguments_of(parent(fields));
            let line = fields.joined(Slot::ParentCommandLine, arguments);
            line.map(Value::Text)
        },
    ),
    field(
        &["process.parent.command_line"],
        Classes::EVERY,
        "the same, quoted as documents have them",
        |fields| {
            let arguments = arguments_of(parent(fields));
            let line = fields.quoted(Slot::ParentQuotedCommandLine, arguments);
            line.map(Value::Text)
        },
    ),
    field(
        &["process.parent.args_count"],
        Classes::EVERY,
        "how many arguments the parent had",
        |fields| argument_count(parent(fields)),
    ),
    field(
        &["process.parent.working_directory"],
        Classes::EVERY,
        "the parent's working directory when its program began",
        |fields| text(&known(parent(fields))?.working_directory),
    ),
    field(
        &["ParentProcessId", "process.parent.pid"],
        Classes::EVERY,
        "the parent's id",
        |fields| number(fields.observed.parent_id()?.tgid.0),
    ),
    field(
        &["ParentProcessGuid", "process.parent.entity_id"],
        Classes::EVERY,
        "the parent's name across hosts",
        |fields| text(parent(fields)?.entity_id.as_str()),
    ),
    field(
        &["@timestamp", "UtcTime"],
        Classes::EVERY,
        "when it happened, in UTC; for `hour` and the like",
        |fields| {
            let time = jiff::Timestamp::from_nanosecond(fields.time().into()).ok()?;
            let time = fields.written(Slot::Time, |text| {
                text.push_str(&format!("{time:.9}"));
            });
            time.map(Value::Text)
        },
    )
    .moment(),
    field(
        &["event.code"],
        Classes::EVERY,
        "the kind of event",
        |fields| text(fields.observed.event.kind().name()),
    ),
];

fn image<'a>(fields: &'a ObservedFields<'a>) -> Option<&'a str> {
    match fields.exec() {
        Some(exec) if exec.executable.bytes.is_empty() => {
            fields.bytes(Slot::Image, &exec.filename.bytes)
        }
        Some(exec) => fields.bytes(Slot::Image, &exec.executable.bytes),
        None => Some(&known(fields.observed.process)?.executable),
    }
}

pub(super) fn process_name<'a>(fields: &'a ObservedFields<'a>) -> Option<&'a str> {
    match fields.exec() {
        Some(_) => image(fields)?.rsplit('/').next(),
        None => Some(&known(fields.observed.process)?.name),
    }
}

/// The parent, if there is one: the host's first process has none.
fn parent<'a>(fields: &'a ObservedFields<'a>) -> Option<&'a Process> {
    fields.observed.parent_id()?;
    fields.observed.parent
}

pub(super) fn known(process: Option<&Process>) -> Option<&Image> {
    process?.image.as_deref()
}

fn argument_count(process: Option<&Process>) -> Option<Value<'static>> {
    let count = known(process)?.argument_count;
    number(Some(count).filter(|count| *count != 0)?)
}

/// Appends digits.
pub(super) fn append(digits: &[u8], text: &mut String) {
    text.extend(digits.iter().map(|digit| char::from(*digit)));
}
