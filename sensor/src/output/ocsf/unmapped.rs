//! `unmapped`: what OCSF has no place for.

use std::str;

use sensor_common::{namespaces::Namespaces, network::Role, privilege::PtraceOperation};

use super::{Context, class::Class, container, credentials, kernel, optional};
use crate::{
    enrich::{
        asking::{script_of, script_path},
        script::Script,
    },
    event::{
        Body, BpfProgram, Closed, Connection, Descriptor, Device, Dns, Exec, Exit, ExitStatus,
        NamespaceChange, NetworkNamespace, Ptrace,
        dns::{Message, MessageError},
    },
    observed::Observed,
    output::{changes, json::Object, names::Name},
    process::{EntityId, fingerprint::Evidence},
};

/// Whether less was captured of an event than there was.
pub(super) fn is_truncated(body: &Body) -> bool {
    match body {
        Body::Exec(exec) => {
            exec.arguments.is_truncated()
                || exec.executable.truncated
                || exec.working_directory.truncated
        }
        Body::DnsQuestion(dns) | Body::DnsAnswer(dns) => dns.message.is_truncated(),
        _ => false,
    }
}

/// `unmapped` of an event.
pub(super) fn unmapped(
    class: Class,
    observed: &Observed<'_>,
    message: Option<&Result<Message, MessageError>>,
    context: &Context<'_>,
    fields: &mut Object<'_>,
) {
    fields.flag("late", observed.late);
    fields.object("process", |fields| {
        process(class, observed, context, fields);
    });
    container::unmapped(observed, fields);
    match &observed.event.body {
        Body::Exec(exec) => {
            fields.object("exec", |fields| self::exec(exec, observed, fields));
            fields.object("script", |fields| script(exec, observed, fields));
        }
        Body::Exit(exit) => fields.object("exit", |fields| self::exit(exit, fields)),
        Body::Connect(connection)
        | Body::Accept(connection)
        | Body::Bind(connection)
        | Body::Listen(connection)
        | Body::Established(connection) => {
            fields.object("network", |fields| self::connection(connection, fields));
        }
        Body::Closed(closed) => {
            fields.object("network", |fields| self::closed(closed, fields));
        }
        Body::Datagram(datagram) => {
            fields.object("network", |fields| namespace(datagram.namespace, fields));
        }
        Body::DnsQuestion(dns) | Body::DnsAnswer(dns) => {
            fields.object("network", |fields| namespace(dns.namespace, fields));
            fields.object("dns", |fields| self::dns(dns, message, fields));
        }
        Body::CredentialChange(change) => {
            fields.object("credentials", |fields| credentials::change(change, fields));
        }
        Body::CredentialDivergence(divergence) => {
            fields.object("credentials", |fields| {
                credentials::divergence(divergence, fields);
            });
        }
        Body::Namespace(change) => {
            fields.object("namespaces", |fields| self::change(change, fields));
        }
        Body::Ptrace(ptrace) => fields.object("ptrace", |fields| self::ptrace(ptrace, fields)),
        Body::ModuleLoad(module) => {
            fields.object("module", |fields| {
                fields.bytes("name", &module.name);
                fields.number("taints", module.taints);
            });
        }
        Body::BpfProgram(program) => fields.object("bpf", |fields| bpf(program, fields)),
        Body::Fork(_) => {}
    }
}

/// Of the process that an event is about.
fn process(class: Class, observed: &Observed<'_>, context: &Context<'_>, fields: &mut Object<'_>) {
    // Of a base event no attribute tells of a process.
    if class == Class::Base
        && let Some(id) = observed.event.subject()
    {
        fields.number("pid", id.tgid.0);
        fields.text("uid", EntityId::new(context.boot, id).as_str());
    }
    if let Some(of) = observed.credentials() {
        // OCSF's user and group are the effective ones.
        for (name, id, effective) in [
            ("real_uid", of.uid, of.euid),
            ("saved_uid", of.suid, of.euid),
            ("filesystem_uid", of.fsuid, of.euid),
            ("real_gid", of.gid, of.egid),
            ("saved_gid", of.sgid, of.egid),
            ("filesystem_gid", of.fsgid, of.egid),
        ] {
            if id != effective {
                fields.number(name, id);
            }
        }
    }
    let group = match &observed.event.body {
        Body::Exec(exec) => Some(exec.process_group),
        _ => observed.process.and_then(|process| process.process_group),
    };
    if let Some(group) = group {
        fields.number("process_group", group.0);
    }
    let entry = observed
        .process
        .and_then(|process| process.lineage.entry.as_ref());
    optional("entry", entry.map(|entry| entry.way.name()), fields);
    fields.flag(
        "io_worker",
        observed.event.actor.is_some_and(|actor| actor.io_worker),
    );
}

fn exec(exec: &Exec, observed: &Observed<'_>, fields: &mut Object<'_>) {
    fields.bytes("filename", &exec.filename.bytes);
    fields.bytes("interpreter", &exec.interpreter.bytes);
    fields.number("args_count", exec.argc);
    if let Some(bytes) = exec.arguments.original {
        fields.number("args_bytes", bytes);
    }
    fields.flag("args_truncated", exec.arguments.is_truncated());
    if str::from_utf8(&exec.arguments.bytes).is_err() {
        fields.base64("args_base64", &exec.arguments.bytes);
    }
    fields.words("stdio", exec.stdio.map(descriptor));
    fields.flag("secure", exec.secure);
    fields.flag("setuid", exec.setuid);
    fields.flag("setgid", exec.setgid);
    fields.flag("file_capabilities", exec.file_capabilities);
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
    fields.object("file", |fields| {
        let device = Device::from_kernel(exec.file.device);
        fields.number("device_major", device.major);
        fields.number("device_minor", device.minor);
        fields.number("links", exec.file.links);
        fields.number("mode", exec.file.mode);
        fields.number("gid", exec.file.gid);
    });
    if let Some(missing) = observed.about.and_then(|about| about.executable.missing()) {
        fields.word("hash_missing", missing);
    } else if let Some(fingerprint) = observed.fingerprint()
        && fingerprint.evidence != Evidence::Unchanged
    {
        fields.word("hash_evidence", fingerprint.evidence.name());
    }
    fields.word(
        "cap_effective",
        credentials::set(exec.credentials.cap_effective),
    );
    fields.word(
        "cap_permitted",
        credentials::set(exec.credentials.cap_permitted),
    );
    fields.object("namespaces", |fields| namespaces(&exec.namespaces, fields));
}

const fn descriptor(descriptor: Descriptor) -> &'static str {
    match descriptor {
        Descriptor::Closed => "closed",
        Descriptor::Pipe => "pipe",
        Descriptor::Socket => "socket",
        Descriptor::Other => "other",
    }
}

/// What an interpreter runs.
fn script(exec: &Exec, observed: &Observed<'_>, fields: &mut Object<'_>) {
    match script_of(exec) {
        None => return,
        Some(Script::File(given)) => {
            fields.word("kind", "file");
            match script_path(exec) {
                Some(path) => fields.bytes("path", &path),
                None => fields.bytes("path", given),
            }
        }
        Some(Script::Inline) => fields.word("kind", "inline"),
        Some(Script::Module(name)) => {
            fields.word("kind", "module");
            fields.bytes("module", name);
        }
        Some(Script::StandardInput) => fields.word("kind", "stdin"),
    }
    let Some(answered) = observed.about.map(|about| &about.script) else {
        return;
    };
    if let Some(fingerprint) = answered.fingerprint() {
        fields.word("sha256", fingerprint.digest.digits());
        if fingerprint.evidence != Evidence::Unchanged {
            fields.word("hash_evidence", fingerprint.evidence.name());
        }
    } else if let Some(missing) = answered.missing() {
        fields.word("hash_missing", missing);
    }
}

fn exit(exit: &Exit, fields: &mut Object<'_>) {
    if let ExitStatus::Signal {
        number,
        core_dumped,
    } = exit.status
    {
        fields.number("signal", number);
        fields.flag("core_dumped", core_dumped);
    }
}

fn connection(connection: &Connection, fields: &mut Object<'_>) {
    namespace(connection.namespace, fields);
    socket_type(connection.socket_type, fields);
    if let Some(backlog) = connection.backlog {
        fields.number("backlog", backlog);
    }
}

fn closed(closed: &Closed, fields: &mut Object<'_>) {
    namespace(closed.namespace, fields);
    socket_type(closed.socket_type, fields);
    fields.flag("listener", closed.role == Role::Listener);
    if closed.state != 0 {
        fields.word("state", &*Name::of_tcp_state(closed.state).as_text());
    }
}

fn namespace(namespace: NetworkNamespace, fields: &mut Object<'_>) {
    if namespace.0 != 0 {
        fields.number("namespace", namespace.0);
    }
}

fn socket_type(number: u32, fields: &mut Object<'_>) {
    if number != 0 {
        fields.word("socket_type", &*Name::of_socket_type(number).as_text());
    }
}

/// OCSF's answers do not say what they are about, which differs from the question behind an alias.
fn dns(dns: &Dns, message: Option<&Result<Message, MessageError>>, fields: &mut Object<'_>) {
    let error = match message {
        Some(Ok(message)) => {
            if message.answers.is_empty() && !message.header_flags.is_empty() {
                let flags = message.header_flags.iter().map(|flag| flag.name());
                fields.words("header_flags", flags);
            }
            let asked = message.question.as_ref().map(|question| &question.name);
            if message
                .answers
                .iter()
                .any(|answer| Some(&answer.name) != asked)
            {
                fields.array("answer_names", |names| {
                    message
                        .answers
                        .iter()
                        .for_each(|answer| names.text(&answer.name));
                });
            }
            message.error
        }
        Some(Err(error)) => Some(*error),
        None => None,
    };
    if let Some(error) = error {
        fields.text("error", &error.to_string());
        fields.base64("message_base64", &dns.message.bytes);
    }
}

fn change(change: &NamespaceChange, fields: &mut Object<'_>) {
    fields.word("operation", changes::operation(change.operation));
    let changed = || changes::namespaces(&change.before, &change.after);
    fields.object("before", |fields| {
        changed().for_each(|changed| fields.number(changed.name, changed.before));
    });
    fields.object("after", |fields| {
        changed().for_each(|changed| fields.number(changed.name, changed.after));
    });
}

/// The inode numbers of namespaces, of those that the kernel has.
fn namespaces(namespaces: &Namespaces, fields: &mut Object<'_>) {
    for namespace in changes::namespaces(&Namespaces::default(), namespaces) {
        fields.number(namespace.name, namespace.after);
    }
}

fn ptrace(ptrace: &Ptrace, fields: &mut Object<'_>) {
    match ptrace.operation {
        PtraceOperation::Access => {
            fields.word("operation", "access");
            fields.words("mode", changes::ptrace_modes(ptrace.mode));
        }
        PtraceOperation::TraceMe => fields.word("operation", "traceme"),
    }
}

fn bpf(program: &BpfProgram, fields: &mut Object<'_>) {
    fields.number("id", program.id);
    fields.word(
        "type",
        &*Name::of_bpf_program_type(program.program_type).as_text(),
    );
    fields.number("attach_type", program.attach_type);
    fields.number("instructions", program.instructions);
    fields.text("tag", &kernel::tag(program));
    fields.bytes("function", &program.function);
    fields.flag("overrides_return", program.overrides_return);
    fields.truth("gpl_compatible", program.gpl_compatible);
}
