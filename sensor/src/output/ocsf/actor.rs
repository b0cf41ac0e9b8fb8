//! Who acted, and on whom.

use sensor_common::privilege::PtraceOperation;

use super::{
    Context,
    class::Class,
    process::{self, Other, account},
};
use crate::{
    event::{Body, Ptrace},
    observed::{Observed, exit_code},
    output::json::Object,
};

/// `actor`, if it is known.
///
/// Where a process acts on itself, all that is known of it is in `process`, and of a finding in
/// `evidences`; here is what tells it apart.
pub(super) fn actor(
    class: Class,
    observed: &Observed<'_>,
    context: &mut Context<'_>,
    fields: &mut Object<'_>,
) {
    let Some(actor) = observed.event.actor else {
        return;
    };
    let accounts = observed.surroundings.accounts;
    let itself = Other {
        id: actor.id,
        known: observed.process,
    };
    let (brief, thread, user) = match &observed.event.body {
        // The one whose child runs something new, for the user that asked for it.
        Body::Exec(_) => (process::parent(observed), None, Some(actor.uid)),
        Body::Fork(_) => {
            let caller = Other {
                id: actor.id,
                known: observed.other,
            };
            (Some(caller), Some(actor.tid), Some(actor.uid))
        }
        Body::CredentialChange(change) => (Some(itself), Some(actor.tid), Some(change.before.euid)),
        Body::CredentialDivergence(divergence) => {
            (Some(itself), Some(actor.tid), Some(divergence.before.euid))
        }
        Body::Ptrace(ptrace) if ptrace.operation == PtraceOperation::TraceMe => {
            (Some(itself), Some(actor.tid), None)
        }
        Body::Ptrace(_) if class == Class::Process => return whole(observed, context, fields),
        _ if matches!(class, Class::Process | Class::DetectionFinding) => {
            (Some(itself), Some(actor.tid), None)
        }
        _ => return whole(observed, context, fields),
    };
    if let Some(brief) = brief {
        fields.object("process", |fields| {
            process::other(brief, thread, context, fields);
        });
    }
    fields.object("user", |fields| match user {
        Some(id) => account(id, accounts, fields),
        None => process::user(observed, fields),
    });
}

/// All that is known of the one that acted.
fn whole(observed: &Observed<'_>, context: &mut Context<'_>, fields: &mut Object<'_>) {
    fields.object("process", |fields| {
        process::subject(observed, process::parent(observed), context, fields);
    });
    fields.object("user", |fields| process::user(observed, fields));
}

/// `process`, and what became of it.
pub(super) fn process_activity(
    observed: &Observed<'_>,
    context: &mut Context<'_>,
    line: &mut Object<'_>,
) {
    line.object("process", |fields| match &observed.event.body {
        Body::Ptrace(ptrace) => opened(ptrace, observed, context, fields),
        _ => process::subject(observed, process::parent(observed), context, fields),
    });
    match &observed.event.body {
        Body::Fork(_) => {
            line.number("launch_type_id", 2);
            line.word("launch_type", "Fork");
        }
        Body::Exec(_) => {
            line.number("launch_type_id", 3);
            line.word("launch_type", "Exec");
        }
        Body::Exit(exit) => line.number("exit_code", exit_code(exit.status)),
        Body::Ptrace(ptrace) if ptrace.operation == PtraceOperation::Access => {
            line.number("actual_permissions", ptrace.mode);
        }
        _ => {}
    }
}

/// The process that access was given to. Who asks to be traced gives access to itself, and to its
/// parent of that moment.
pub(super) fn opened(
    ptrace: &Ptrace,
    observed: &Observed<'_>,
    context: &mut Context<'_>,
    fields: &mut Object<'_>,
) {
    let target = Other {
        id: ptrace.target,
        known: observed.other,
    };
    match ptrace.operation {
        PtraceOperation::TraceMe => process::subject(observed, Some(target), context, fields),
        PtraceOperation::Access => {
            process::other(target, Some(ptrace.target_tid), context, fields);
            fields.object("user", |fields| {
                account(ptrace.target_uid, observed.surroundings.accounts, fields);
            });
        }
    }
}
