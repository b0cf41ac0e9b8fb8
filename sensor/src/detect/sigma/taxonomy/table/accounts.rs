//! On whose behalf: users, groups, capabilities, sessions.

use super::{Classes, Field, field, number, text};
use crate::{
    detect::sigma::{
        field::Value,
        taxonomy::observed_fields::{ObservedFields, Slot},
    },
    enrich::accounts::NamespaceAccounts,
    event::Device,
    output::names,
};

pub(super) const FIELDS: &[Field] = &[
    field(
        &["User"],
        Classes::EVERY,
        "the real user's name, as Sysmon has it; `root` for 0 and the number for others where the name is not known",
        |fields| {
            let id = real_user(fields)?;
            match accounts(fields).and_then(|accounts| accounts.user(id)) {
                Some(name) => text(name),
                None if id == 0 => text("root"),
                None => number(id),
            }
        },
    )
    .searched(),
    field(
        &["LogonId"],
        Classes::EVERY,
        "the real user's id, as Sysmon for Linux has it",
        |fields| number(real_user(fields)?),
    ),
    field(
        &["user.id", "process.user.id"],
        Classes::EVERY,
        "the effective user's id, or the real one's where only that is known",
        |fields| number(effective_user(fields)?),
    ),
    field(
        &["user.name", "process.user.name"],
        Classes::EVERY,
        "that user's name, if it is known",
        |fields| text(accounts(fields)?.user(effective_user(fields)?)?),
    ),
    field(
        &["process.real_user.id"],
        Classes::EVERY,
        "the real user's id",
        |fields| number(real_user(fields)?),
    ),
    field(
        &["process.real_user.name"],
        Classes::EVERY,
        "that user's name, if it is known",
        |fields| text(accounts(fields)?.user(real_user(fields)?)?),
    ),
    field(
        &["process.saved_user.id"],
        Classes::EVERY,
        "the saved user's id",
        |fields| number(fields.observed.credentials()?.suid),
    ),
    field(
        &["group.id", "process.group.id"],
        Classes::EVERY,
        "the effective group's id",
        |fields| number(fields.observed.credentials()?.egid),
    ),
    field(
        &["group.name", "process.group.name"],
        Classes::EVERY,
        "that group's name, if it is known",
        |fields| text(accounts(fields)?.group(fields.observed.credentials()?.egid)?),
    ),
    field(
        &["process.real_group.id"],
        Classes::EVERY,
        "the real group's id",
        |fields| number(fields.observed.credentials()?.gid),
    ),
    field(
        &["process.saved_group.id"],
        Classes::EVERY,
        "the saved group's id",
        |fields| number(fields.observed.credentials()?.sgid),
    ),
    field(
        &["process.thread.capabilities.effective"],
        Classes::EVERY,
        "the effective capabilities, by number",
        |fields| {
            let set = fields.observed.credentials()?.cap_effective;
            capabilities(fields, Slot::Effective, set)
        },
    ),
    field(
        &["process.thread.capabilities.permitted"],
        Classes::EVERY,
        "the permitted capabilities, by number",
        |fields| {
            let set = fields.observed.credentials()?.cap_permitted;
            capabilities(fields, Slot::Permitted, set)
        },
    ),
    field(
        &["sensor.process.login_uid"],
        Classes::EVERY,
        "audit's login uid; absent while it is not set",
        |fields| number(fields.observed.audit().0?),
    ),
    field(
        &["sensor.process.login_user"],
        Classes::EVERY,
        "that user's name, if it is known",
        |fields| text(accounts(fields)?.user(fields.observed.audit().0?)?),
    ),
    field(
        &["TerminalSessionId", "sensor.process.audit_session"],
        Classes::EVERY,
        "audit's session; absent while it is not set",
        |fields| number(fields.observed.audit().1?),
    ),
    field(
        &["process.interactive"],
        Classes::EVERY,
        "whether it has a controlling terminal",
        |fields| {
            // Whoever told of the session told of its terminal too.
            is_session_known(fields).then(|| Value::Boolean(terminal(fields).is_some()))
        },
    ),
    field(
        &["process.tty.char_device.major"],
        Classes::EVERY,
        "the terminal's driver",
        |fields| number(terminal(fields)?.major),
    ),
    field(
        &["process.tty.char_device.minor"],
        Classes::EVERY,
        "the terminal's number",
        |fields| number(terminal(fields)?.minor),
    ),
];

pub(super) fn accounts<'a>(fields: &'a ObservedFields<'a>) -> Option<&'a NamespaceAccounts> {
    fields.observed.surroundings.accounts
}

fn real_user(fields: &ObservedFields<'_>) -> Option<u32> {
    let known = fields.observed.credentials();
    let actor = || fields.observed.event.actor.map(|actor| actor.uid);
    known.map(|credentials| credentials.uid).or_else(actor)
}

fn effective_user(fields: &ObservedFields<'_>) -> Option<u32> {
    let known = fields.observed.credentials();
    let actor = || fields.observed.event.actor.map(|actor| actor.uid);
    known.map(|credentials| credentials.euid).or_else(actor)
}

/// The names of capabilities.
pub(super) fn capabilities<'a>(
    fields: &'a ObservedFields<'a>,
    slot: Slot,
    set: u64,
) -> Option<Value<'a>> {
    let names = names::capabilities(set).map(names::Name::as_text);
    fields.words(slot, names).map(Value::Text)
}

/// The controlling terminal, if it has one and that is known.
pub(super) fn terminal(fields: &ObservedFields<'_>) -> Option<Device> {
    match fields.exec() {
        Some(exec) => exec.tty,
        None => fields.observed.process?.tty,
    }
}

fn is_session_known(fields: &ObservedFields<'_>) -> bool {
    let process = fields.observed.process;
    fields.exec().is_some() || process.is_some_and(|process| process.session_id.is_some())
}
