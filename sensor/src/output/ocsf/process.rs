//! The process object: which one, what it runs, for whom.
//!
//! Of an exec the record tells, of anything else the process table. What both leave open is absent.

use super::{Context, ancestry, container, file, optional};
use crate::{
    enrich::accounts::NamespaceAccounts,
    event::{Body, Device, Exec, ProcessId, Tgid, Tid},
    observed::Observed,
    output::{
        arguments::{Arguments, CommandLine},
        described::Subject,
        json::Object,
    },
    process::{EntityId, Process},
};

/// A process beside the one that an event is about.
#[derive(Clone, Copy)]
pub(super) struct Other<'a> {
    pub(super) id: ProcessId,
    pub(super) known: Option<&'a Process>,
}

/// All that is known of the process that an event is about; `parent` is its parent.
pub(super) fn subject(
    observed: &Observed<'_>,
    parent: Option<Other<'_>>,
    context: &mut Context<'_>,
    fields: &mut Object<'_>,
) {
    let event = observed.event;
    let Some(id) = event.subject() else {
        return;
    };
    match &event.body {
        Body::Exec(exec) => {
            identity(id, observed.process, context, fields);
            namespace_pid(id, Some(exec.namespace_pid), context, fields);
            program(exec, fields);
            fields.object("file", |fields| file::executed(exec, observed, fields));
        }
        Body::Fork(fork) => {
            described(
                id,
                observed.process,
                Some(fork.namespace_pid),
                context,
                fields,
            );
        }
        _ => {
            let pid = observed.process.and_then(|process| process.namespace_pid);
            described(id, observed.process, pid, context, fields);
        }
    }
    match (&event.body, event.actor) {
        // A new process has one thread, with the same id.
        (Body::Fork(fork), _) => fields.number("ptid", fork.child.tgid.0),
        (_, Some(actor)) => fields.number("ptid", actor.tid.0),
        (_, None) => {}
    }
    users(observed, context, fields);
    fields.object("session", |fields| session(observed, fields));
    container::container(observed, context, fields);
    if let Body::Exit(_) = &event.body {
        fields.number("terminated_time", context.milliseconds(event.origin.time));
    }
    if let Some(parent) = parent {
        fields.object("parent_process", |fields| {
            other(parent, None, context, fields);
        });
    }
    ancestry::ancestry(observed.process, context, fields);
}

/// The parent of the process that an event is about.
pub(super) fn parent<'a>(observed: &Observed<'a>) -> Option<Other<'a>> {
    Some(Other {
        id: observed.parent_id()?,
        known: observed.parent,
    })
}

/// What tells another process apart, and what it runs; `thread` is that of it which is meant.
pub(super) fn other(
    other: Other<'_>,
    thread: Option<Tid>,
    context: &mut Context<'_>,
    fields: &mut Object<'_>,
) {
    let pid = other.known.and_then(|process| process.namespace_pid);
    described(other.id, other.known, pid, context, fields);
    if let Some(thread) = thread {
        fields.number("ptid", thread.0);
    }
}

/// Which process it is, and what it runs as the table has it.
fn described(
    id: ProcessId,
    known: Option<&Process>,
    pid: Option<Tgid>,
    context: &mut Context<'_>,
    fields: &mut Object<'_>,
) {
    let Some(process) = known else {
        identity(id, None, context, fields);
        namespace_pid(id, pid, context, fields);
        return;
    };
    // Outside of what is kept, because it notes the profile that it takes.
    namespace_pid(id, pid, context, fields);
    if let Some(image) = &process.image {
        // As well, because digests become known later.
        file::of_image(image, fields);
        context.is_truncated |= image.argument_count as usize > image.arguments.len();
    }
    let subject = Subject {
        id,
        process,
        namespace_pid: None,
        wall_offset: context.wall_offset,
    };
    if !context.descriptions.append(subject, fields) {
        let written = fields.written(|fields| {
            identity(id, known, context, fields);
            remembered(process, fields);
        });
        context.descriptions.keep(subject, written);
    }
}

/// Which process it is, and since when.
fn identity(
    id: ProcessId,
    known: Option<&Process>,
    context: &Context<'_>,
    fields: &mut Object<'_>,
) {
    fields.number("pid", id.tgid.0);
    match known {
        Some(process) => fields.text("uid", process.entity_id.as_str()),
        None => fields.text("uid", EntityId::new(context.boot, id).as_str()),
    }
    fields.number("created_time", context.milliseconds(id.start));
}

/// The id in the process's own pid namespace, if that is not the host's. The container profile has it.
fn namespace_pid(
    id: ProcessId,
    pid: Option<Tgid>,
    context: &mut Context<'_>,
    fields: &mut Object<'_>,
) {
    // Ids begin at 1.
    if let Some(pid) = pid.filter(|pid| *pid != Tgid(0) && *pid != id.tgid) {
        fields.number("namespace_pid", pid.0);
        context.profiles.container = true;
    }
}

/// What a process runs, as the table has it.
fn remembered(process: &Process, fields: &mut Object<'_>) {
    let Some(image) = &process.image else {
        return;
    };
    fields.text("name", &image.name);
    fields.text("path", &image.executable);
    fields.text("working_directory", &image.working_directory);
    if !image.arguments.is_empty() {
        command_line(Arguments::Remembered(&image.arguments), fields);
    }
}

/// What a process runs from an exec on.
fn program(exec: &Exec, fields: &mut Object<'_>) {
    fields.bytes("name", file::name(exec));
    fields.bytes("path", &exec.executable.bytes);
    fields.bytes("working_directory", &exec.working_directory.bytes);
    // Empty where there were no arguments, and where they could not be read.
    command_line(Arguments::Captured(&exec.arguments.bytes), fields);
}

fn command_line(arguments: Arguments<'_>, fields: &mut Object<'_>) {
    fields.pieces("cmd_line", |text| {
        CommandLine(arguments).pieces(|piece| text.piece(piece));
    });
}

/// For whom a process runs: its effective user and group, and who logged in.
fn users(observed: &Observed<'_>, context: &mut Context<'_>, fields: &mut Object<'_>) {
    let accounts = observed.surroundings.accounts;
    fields.object("user", |fields| user(observed, fields));
    if let Some(credentials) = observed.credentials() {
        context.profiles.linux_users = true;
        fields.object("group", |fields| group(credentials.egid, accounts, fields));
    }
    if let (Some(login_uid), _) = observed.audit() {
        context.profiles.linux_users = true;
        fields.number("auid", login_uid);
    }
}

/// The user that a process runs for, after the event.
pub(super) fn user(observed: &Observed<'_>, fields: &mut Object<'_>) {
    let accounts = observed.surroundings.accounts;
    let effective = observed.credentials().map(|credentials| credentials.euid);
    if let Some(id) = effective.or(observed.event.actor.map(|actor| actor.uid)) {
        account(id, accounts, fields);
    }
    let Body::CredentialChange(change) = &observed.event.body else {
        return;
    };
    if !change.groups_after.ids.is_empty() {
        fields.array("groups", |groups| {
            for id in &change.groups_after.ids {
                groups.object(|fields| group(*id, accounts, fields));
            }
        });
    }
}

/// A user's id and name.
pub(super) fn account(id: u32, accounts: Option<&NamespaceAccounts>, fields: &mut Object<'_>) {
    fields.id("uid", id);
    optional(
        "name",
        accounts.and_then(|accounts| accounts.user(id)),
        fields,
    );
}

fn group(id: u32, accounts: Option<&NamespaceAccounts>, fields: &mut Object<'_>) {
    fields.id("uid", id);
    optional(
        "name",
        accounts.and_then(|accounts| accounts.group(id)),
        fields,
    );
}

fn session(observed: &Observed<'_>, fields: &mut Object<'_>) {
    let (session, terminal) = match (&observed.event.body, observed.process) {
        (Body::Exec(exec), _) => (Some(exec.session_id), exec.tty),
        (_, Some(process)) => (process.session_id, process.tty),
        (_, None) => return,
    };
    // Kernel threads are in no session.
    if let Some(id) = session.filter(|id| *id != Tgid(0)) {
        fields.id("uid", id.0);
    }
    if let (_, Some(audit_session)) = observed.audit() {
        fields.id("uid_alt", audit_session);
    }
    if let Some(device) = terminal {
        fields.text("terminal", &self::terminal(device));
    }
}

/// The name of a terminal (Documentation/admin-guide/devices.txt), or its numbers.
fn terminal(device: Device) -> String {
    match (device.major, device.minor) {
        (4, minor @ 0..64) => format!("tty{minor}"),
        (4, minor) => format!("ttyS{}", minor - 64),
        (5, 1) => "console".to_owned(),
        // As many majors as 256 minors each need for all pseudo-terminals.
        (major @ 136..=143, minor) => {
            format!("pts/{}", u64::from(major - 136) * 256 + u64::from(minor))
        }
        (major, minor) => format!("{major}:{minor}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terminals_have_the_names_of_their_devices() {
        let name = |major, minor| terminal(Device { major, minor });
        assert_eq!(name(136, 1), "pts/1");
        assert_eq!(name(137, 0), "pts/256");
        assert_eq!(name(4, 1), "tty1");
        assert_eq!(name(4, 64), "ttyS0");
        assert_eq!(name(5, 1), "console");
        assert_eq!(name(204, 64), "204:64");
    }
}
