//! What happened, in words.
//!
//! The text may contain anything that the host's programs chose; it is made visible later.

mod alert;
mod network;
mod privilege;
mod state;

use std::fmt::{self, Display};

pub(super) use self::{
    alert::{deed_and_line, found},
    state::statement,
};
use super::units;
use crate::{
    event::{Body, Exec, ExitStatus, ProcessId, Tgid},
    observed::Observed,
    output::arguments::{Arguments, CommandLine},
    process::Process,
};

/// The name of the process that an event is about.
pub(super) fn subject(observed: &Observed<'_>) -> String {
    match &observed.event.body {
        Body::Exec(exec) => exec_name(exec),
        _ if observed.event.subject().is_none() => String::new(),
        _ => name(observed.process).to_owned(),
    }
}

/// Its effective user, or the real one where only that is known: the name, or else the id.
pub(super) fn user(observed: &Observed<'_>) -> String {
    let effective = match &observed.event.body {
        Body::Exec(exec) => Some(exec.credentials.euid),
        Body::CredentialChange(change) => Some(change.after.euid),
        Body::CredentialDivergence(divergence) => Some(divergence.after.euid),
        _ => observed
            .process
            .and_then(|process| process.credentials)
            .map(|credentials| credentials.euid),
    };
    effective
        .or(observed.event.actor.map(|actor| actor.uid))
        .map(|id| {
            let accounts = observed.surroundings.accounts;
            let name = accounts.and_then(|accounts| accounts.user(id));
            name.map_or_else(|| id.to_string(), str::to_owned)
        })
        .unwrap_or_default()
}

/// What it did.
pub(super) fn what(observed: &Observed<'_>) -> String {
    let what = deed(observed);
    let placement = observed
        .process
        .and_then(|process| process.placement.as_deref());
    match placement.and_then(|placement| placement.container.as_ref()) {
        Some(container) => {
            let runtime = container
                .runtime
                .map_or("container", |runtime| runtime.name());
            // As runtimes themselves abbreviate ids.
            let id: String = container.id.chars().take(12).collect();
            format!("{what}  (in {runtime} {id})")
        }
        None => what,
    }
}

fn deed(observed: &Observed<'_>) -> String {
    match &observed.event.body {
        Body::Fork(fork) => {
            let caller = observed.event.actor.map(|actor| actor.id);
            let mut text = match caller {
                Some(caller) => format!("made by {}", named(caller, observed.other)),
                None => String::new(),
            };
            if caller.is_some_and(|caller| caller.tgid != fork.parent.tgid) {
                let parent = named(fork.parent, observed.parent);
                text += &format!(" as a child of {parent}");
            }
            text
        }
        Body::Exec(exec) => self::exec(exec, observed),
        Body::Exit(exit) => {
            let age = observed
                .event
                .actor
                .and_then(|actor| observed.event.origin.time.0.checked_sub(actor.id.start.0))
                .map(|age| format!(" after {}", units::duration(age)))
                .unwrap_or_default();
            format!("{}{age}", status(exit.status))
        }
        Body::Connect(connection) | Body::Established(connection) => network::outgoing(connection),
        Body::Accept(connection) => network::incoming(connection),
        Body::Bind(connection) | Body::Listen(connection) => network::local(connection),
        Body::Closed(closed) => network::closed(closed, observed.event.origin.time),
        Body::Datagram(datagram) => network::datagram(datagram),
        Body::DnsQuestion(dns) | Body::DnsAnswer(dns) => network::dns(dns),
        Body::CredentialChange(change) => privilege::change(change),
        Body::CredentialDivergence(divergence) => privilege::divergence(divergence),
        Body::Namespace(change) => privilege::namespaces(change),
        Body::Ptrace(ptrace) => privilege::ptrace(ptrace, observed.other),
        Body::ModuleLoad(module) => privilege::module(module),
        Body::BpfProgram(program) => privilege::bpf(program),
    }
}

/// Name and id of a process.
fn named(id: ProcessId, known: Option<&Process>) -> String {
    format!("{}[{}]", name(known), id.tgid)
}

fn name(known: Option<&Process>) -> &str {
    known
        .and_then(|process| process.image.as_ref())
        .map_or("?", |image| &image.name)
}

fn exec(exec: &Exec, observed: &Observed<'_>) -> String {
    let remarkable = [
        (exec.file.links == 0, "fileless"),
        (exec.setuid, "setuid"),
        (exec.setgid, "setgid"),
        (exec.file_capabilities, "file capabilities"),
    ];
    let mut text = String::new();
    for (_, remark) in remarkable.iter().filter(|(applies, _)| *applies) {
        text += &format!("{remark}, ");
    }
    if !text.is_empty() {
        text.truncate(text.len() - 2);
        text += ": ";
    }
    if exec.arguments.bytes.is_empty() {
        text += &String::from_utf8_lossy(&exec.executable.bytes);
    } else {
        let arguments = Arguments::Captured(&exec.arguments.bytes);
        text += &CommandLine(arguments).to_string();
        if exec.arguments.is_truncated() {
            text.push('…');
        }
    }
    if exec.parent.tgid != Tgid(0) {
        text += &format!("  (by {})", named(exec.parent, observed.parent));
    }
    text
}

fn exec_name(exec: &Exec) -> String {
    let path = if exec.executable.bytes.is_empty() {
        exec.filename.to_str()
    } else {
        String::from_utf8_lossy(&exec.executable.bytes)
    };
    path.rsplit('/').next().unwrap_or_default().to_owned()
}

fn status(status: ExitStatus) -> String {
    match status {
        ExitStatus::Code(code) => format!("code {code}"),
        ExitStatus::Signal {
            number,
            core_dumped,
        } => {
            let core = if core_dumped { ", core dumped" } else { "" };
            format!("killed by signal {number}{core}")
        }
    }
}

/// Items with commas between.
fn list<T: Display>(items: impl IntoIterator<Item = T>) -> String {
    let mut text = String::new();
    for item in items {
        if !text.is_empty() {
            text += ", ";
        }
        text += &item.to_string();
    }
    text
}

/// A number's change.
struct Change<T>(&'static str, T, T);

impl<T: Display> Display for Change<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(name, before, after) = self;
        write!(formatter, "{name} {before} -> {after}")
    }
}
