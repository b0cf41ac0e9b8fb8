//! `process`, and what `sensor.process` adds to it.
//!
//! Of an exec the record tells, of anything else the process table. What both leave open is absent.

use sensor_common::{
    namespaces::Namespaces,
    record::{Family, Kind},
};

use super::{Context, capabilities::capabilities, lineage};
use crate::{
    enrich::accounts::NamespaceAccounts,
    event::{Body, Device, Event, Exec, ProcessId, Tgid},
    observed::{Observed, exit_code},
    output::{
        arguments::{Arguments, CommandLine},
        described::Subject,
        json::Object,
    },
    process::{EntityId, Process, fingerprint::Evidence},
};

/// `process`: the one that an event is about.
pub(super) fn process(observed: &Observed<'_>, context: &mut Context<'_>, fields: &mut Object<'_>) {
    let event = observed.event;
    let Some(id) = event.subject() else {
        return;
    };
    if let Body::Exec(exec) = &event.body {
        identity(id, observed.process, context, fields);
        namespace_pid(Some(exec.namespace_pid), fields);
        exec_program(exec, fields);
    } else {
        let known_pid = observed.process.and_then(|process| process.namespace_pid);
        let pid = match &event.body {
            Body::Fork(fork) => Some(fork.namespace_pid),
            _ => known_pid,
        };
        description(id, observed.process, pid, context, fields);
    }
    if let Some(fingerprint) = observed.fingerprint() {
        fields.object("hash", |fields| {
            fields.word("sha256", fingerprint.digest.digits());
        });
    }
    fields.object("thread", |fields| thread(observed, fields));
    users(observed, fields);
    session(observed, context, fields);
    if let Body::Exit(exit) = &event.body {
        fields.word("end", context.timestamp(event.origin.time));
        fields.number("exit_code", exit_code(exit.status));
    }
    fields.object("parent", |fields| parent(observed, context, fields));
}

/// `process.parent`.
fn parent(observed: &Observed<'_>, context: &mut Context<'_>, fields: &mut Object<'_>) {
    if let Some(id) = observed.parent_id() {
        let pid = observed.parent.and_then(|parent| parent.namespace_pid);
        description(id, observed.parent, pid, context, fields);
    }
}

/// Which process it is, and what it runs as the table has it.
fn description(
    id: ProcessId,
    known: Option<&Process>,
    pid: Option<Tgid>,
    context: &mut Context<'_>,
    fields: &mut Object<'_>,
) {
    let Some(process) = known else {
        identity(id, None, context, fields);
        return namespace_pid(pid, fields);
    };
    let subject = Subject {
        id,
        process,
        namespace_pid: pid,
        wall_offset: context.wall_offset,
    };
    if context.descriptions.append(subject, fields) {
        return;
    }
    let written = fields.written(|fields| {
        identity(id, known, context, fields);
        namespace_pid(pid, fields);
        program(process, fields);
    });
    context.descriptions.keep(subject, written);
}

/// Which process it is, and since when.
pub(super) fn identity(
    id: ProcessId,
    known: Option<&Process>,
    context: &mut Context<'_>,
    fields: &mut Object<'_>,
) {
    key(id, known, context, fields);
    fields.word("start", context.timestamp(id.start));
}

/// Which process it is.
pub(super) fn key(
    id: ProcessId,
    known: Option<&Process>,
    context: &mut Context<'_>,
    fields: &mut Object<'_>,
) {
    fields.number("pid", id.tgid.0);
    match known {
        Some(process) => fields.text("entity_id", process.entity_id.as_str()),
        None => fields.text("entity_id", EntityId::new(context.boot, id).as_str()),
    }
}

pub(super) fn namespace_pid(pid: Option<Tgid>, fields: &mut Object<'_>) {
    // Ids begin at 1.
    if let Some(pid) = pid.filter(|pid| *pid != Tgid(0)) {
        fields.number("vpid", pid.0);
    }
}

/// What a process runs, as the table has it.
fn program(process: &Process, fields: &mut Object<'_>) {
    program_file(Some(process), fields);
    let Some(image) = &process.image else {
        return;
    };
    fields.text("working_directory", &image.working_directory);
    if image.argument_count != 0 {
        fields.number("args_count", image.argument_count);
    }
    if !image.arguments.is_empty() {
        arguments(Arguments::Remembered(&image.arguments), fields);
    }
}

/// The file of it.
pub(super) fn program_file(known: Option<&Process>, fields: &mut Object<'_>) {
    if let Some(image) = known.and_then(|process| process.image.as_ref()) {
        fields.text("name", &image.name);
        fields.text("executable", &image.executable);
    }
}

/// What a process runs from an exec on.
fn exec_program(exec: &Exec, fields: &mut Object<'_>) {
    let path = if exec.executable.bytes.is_empty() {
        &exec.filename.bytes
    } else {
        &exec.executable.bytes
    };
    let name = path.rsplit(|byte| *byte == b'/').next();
    fields.bytes("name", name.unwrap_or_default());
    fields.bytes("executable", &exec.executable.bytes);
    fields.bytes("working_directory", &exec.working_directory.bytes);
    fields.number("args_count", exec.argc);
    // Without bytes there were no arguments, or they could not be read.
    if exec.argc == 0 || !exec.arguments.bytes.is_empty() {
        arguments(Arguments::Captured(&exec.arguments.bytes), fields);
    }
}

fn arguments(arguments: Arguments<'_>, fields: &mut Object<'_>) {
    fields.array("args", |array| {
        arguments.iter().for_each(|argument| array.text(&argument));
    });
    if arguments.iter().next().is_some() {
        command_line(arguments, fields);
    }
}

pub(super) fn command_line(arguments: Arguments<'_>, fields: &mut Object<'_>) {
    fields.pieces("command_line", |text| {
        CommandLine(arguments).pieces(|piece| text.piece(piece));
    });
}

fn thread(observed: &Observed<'_>, fields: &mut Object<'_>) {
    match &observed.event.body {
        // A new process has one thread, with the same id.
        Body::Fork(fork) => fields.number("id", fork.child.tgid.0),
        _ => {
            if let Some(actor) = observed.event.actor {
                fields.number("id", actor.tid.0);
            }
        }
    }
    if shows_capabilities(observed.event)
        && let Some(credentials) = observed.credentials()
    {
        fields.object("capabilities", |fields| {
            capabilities("effective", credentials.cap_effective, fields);
            capabilities("permitted", credentials.cap_permitted, fields);
        });
    }
}

/// Whether capabilities decide something: they are long, and the same for most of what a process
/// does.
fn shows_capabilities(event: &Event) -> bool {
    event.kind() == Kind::Exec || event.kind().family() == Family::Privilege
}

fn users(observed: &Observed<'_>, fields: &mut Object<'_>) {
    let accounts = observed.surroundings.accounts;
    if let Some(credentials) = observed.credentials() {
        for (name, id) in [
            ("user", credentials.euid),
            ("real_user", credentials.uid),
            ("saved_user", credentials.suid),
        ] {
            fields.object(name, |fields| user(id, accounts, fields));
        }
        for (name, id) in [
            ("group", credentials.egid),
            ("real_group", credentials.gid),
            ("saved_group", credentials.sgid),
        ] {
            fields.object(name, |fields| group(id, accounts, fields));
        }
    } else if let Some(actor) = observed.event.actor {
        fields.object("real_user", |fields| user(actor.uid, accounts, fields));
    }
}

/// A user's id and name.
#[inline(always)]
pub(super) fn user(id: u32, accounts: Option<&NamespaceAccounts>, fields: &mut Object<'_>) {
    fields.id("id", id);
    if let Some(name) = accounts.and_then(|accounts| accounts.user(id)) {
        fields.text("name", name);
    }
}

/// A group's id and name.
#[inline(always)]
pub(super) fn group(id: u32, accounts: Option<&NamespaceAccounts>, fields: &mut Object<'_>) {
    fields.id("id", id);
    if let Some(name) = accounts.and_then(|accounts| accounts.group(id)) {
        fields.text("name", name);
    }
}

/// What a process shares with others at its terminal.
fn session(observed: &Observed<'_>, context: &mut Context<'_>, fields: &mut Object<'_>) {
    let (session, group, terminal) = match (&observed.event.body, observed.process) {
        (Body::Exec(exec), _) => (Some(exec.session_id), Some(exec.process_group), exec.tty),
        (_, Some(process)) => (process.session_id, process.process_group, process.tty),
        (_, None) => return,
    };
    // Whoever tells of the session tells of its terminal too.
    if session.is_some() {
        fields.truth("interactive", terminal.is_some());
    }
    if let Some(device) = terminal {
        fields.object("tty", |tty| {
            tty.object("char_device", |fields| self::device(device, fields));
        });
    }
    lineage::leaders(observed.process, group, session, context, fields);
}

/// A device's number.
pub(super) fn device(device: Device, fields: &mut Object<'_>) {
    fields.number("major", device.major);
    fields.number("minor", device.minor);
}

/// `sensor.process`.
pub(super) fn sensor(observed: &Observed<'_>, context: &mut Context<'_>, fields: &mut Object<'_>) {
    let event = observed.event;
    let process = observed.process;
    // The one that acts in a fork is another one.
    let actor = event.actor.filter(|_| !matches!(event.body, Body::Fork(_)));
    let cgroup = actor
        .map(|actor| actor.cgroup)
        .or(process.and_then(|process| process.cgroup));
    if let Some(cgroup) = cgroup {
        fields.object("cgroup", |fields| fields.number("id", cgroup.0));
    }
    let (login_uid, audit_session) = observed.audit();
    if let Some(login_uid) = login_uid {
        fields.number("login_uid", login_uid);
        let accounts = observed.surroundings.accounts;
        if let Some(name) = accounts.and_then(|accounts| accounts.user(login_uid)) {
            fields.text("login_user", name);
        }
    }
    if let Some(credentials) = observed.credentials() {
        // They follow the effective ones, but for who sets them on purpose.
        if credentials.fsuid != credentials.euid {
            fields.object("filesystem_user", |fields| {
                fields.id("id", credentials.fsuid);
            });
        }
        if credentials.fsgid != credentials.egid {
            fields.object("filesystem_group", |fields| {
                fields.id("id", credentials.fsgid);
            });
        }
    }
    if let Some(missing) = observed.about.and_then(|about| about.executable.missing()) {
        fields.word("hash_missing", missing);
    } else if let Some(fingerprint) = observed.fingerprint()
        && fingerprint.evidence != Evidence::Unchanged
    {
        fields.word("hash_evidence", fingerprint.evidence.name());
    }
    if let Some(session) = audit_session {
        fields.number("audit_session", session);
    }
    fields.flag("io_worker", actor.is_some_and(|actor| actor.io_worker));
    let namespaces = match &event.body {
        Body::Exec(exec) => Some(&exec.namespaces),
        Body::Namespace(change) => Some(&change.after),
        _ => process.and_then(|process| process.namespaces.as_ref()),
    };
    if let Some(namespaces) = namespaces {
        fields.object("namespaces", |fields| self::namespaces(namespaces, fields));
    }
    if let Some(process) = process {
        fields.object("ancestors", |fields| {
            lineage::ancestors(process, context, fields);
        });
    }
}

/// The inode numbers of namespaces, of those that the kernel has.
pub(super) fn namespaces(namespaces: &Namespaces, fields: &mut Object<'_>) {
    let mut namespace = |name, inode: u32| {
        if inode != 0 {
            fields.number(name, inode);
        }
    };
    namespace("mnt", namespaces.mnt);
    namespace("pid", namespaces.pid);
    namespace("net", namespaces.net);
    namespace("uts", namespaces.uts);
    namespace("ipc", namespaces.ipc);
    namespace("cgroup", namespaces.cgroup);
    namespace("time", namespaces.time);
    namespace("user", namespaces.user);
}
