//! Forks and ends of processes; credentials, namespaces, ptrace, kernel modules, BPF programs.

use sensor_common::{
    credentials::Credentials,
    namespaces::Namespaces,
    privilege::{Cause, PtraceOperation},
};

use super::{
    Classes, Field, accounts::capabilities, field, name, number, origin::inode, process::known,
    text,
};
use crate::{
    detect::sigma::{
        field::Value,
        taxonomy::{
            class::{
                BPF_PROGRAM, CREDENTIAL_CHANGE, DRIVER_LOAD, NAMESPACE_CHANGE, PROCESS_ACCESS,
                PROCESS_FORK, PROCESS_TERMINATION,
            },
            observed_fields::{ObservedFields, Slot},
        },
    },
    event::{Body, BpfAccess, BpfProgram, Exit, ExitStatus, ModuleLoad, Ptrace, Verdict},
    observed::exit_code,
    output::{
        changes::{self, Changed},
        names::Name,
    },
};

const ENDS: Classes = Classes::these(&[PROCESS_TERMINATION]);
const CREDENTIALS: Classes = Classes::these(&[CREDENTIAL_CHANGE]);
const NAMESPACES: Classes = Classes::these(&[NAMESPACE_CHANGE]);
const ACCESS: Classes = Classes::these(&[PROCESS_ACCESS]);
const MODULE: Classes = Classes::these(&[DRIVER_LOAD]);
const BPF: Classes = Classes::these(&[BPF_PROGRAM]);

/// An id of the credentials before or after a change.
macro_rules! credential {
    ($name:literal, $from:literal, $side:ident.$id:ident) => {
        field(&[$name], CREDENTIALS, $from, |fields| {
            number(credentials(fields)?.$side.$id)
        })
    };
}

/// Capabilities before or after a change.
macro_rules! capability {
    ($name:literal, $from:literal, $side:ident.$set:ident, $slot:ident) => {
        field(&[$name], CREDENTIALS, $from, |fields| {
            capabilities(fields, Slot::$slot, credentials(fields)?.$side.$set)
        })
    };
}

/// A namespace before a change.
macro_rules! namespace {
    ($name:literal, $from:literal, $which:ident) => {
        field(&[$name], NAMESPACES, $from, |fields| {
            inode(namespaces(fields)?.0.$which)
        })
    };
}

pub(super) const FIELDS: &[Field] = &[
    field(
        &["sensor.fork.caller.pid"],
        Classes::these(&[PROCESS_FORK]),
        "the process that called, which is not the parent under `CLONE_PARENT`",
        |fields| match &fields.observed.event.body {
            Body::Fork(_) => number(fields.observed.event.actor?.id.tgid.0),
            _ => None,
        },
    ),
    field(
        &["process.exit_code"],
        ENDS,
        "its code; 128 + the signal if it was killed",
        |fields| number(exit_code(exit(fields)?.status)),
    ),
    field(
        &["sensor.exit.signal"],
        ENDS,
        "the signal that killed it",
        |fields| match exit(fields)?.status {
            ExitStatus::Signal { number, .. } => super::number(number),
            ExitStatus::Code(_) => None,
        },
    ),
    field(
        &["sensor.exit.core_dumped"],
        ENDS,
        "whether a core was dumped",
        |fields| {
            let status = exit(fields)?.status;
            let dumped = matches!(
                status,
                ExitStatus::Signal {
                    core_dumped: true,
                    ..
                }
            );
            Some(Value::Boolean(dumped))
        },
    ),
    field(
        &["event.action"],
        Classes::these(&[CREDENTIAL_CHANGE, BPF_PROGRAM]),
        "what changed (`uid_change`, `gid_change`, `capabilities_change`, `credentials_change`, `credentials_overwritten`), or `load_bpf_program`, `open_bpf_program`",
        |fields| text(action(&fields.observed.event.body)?),
    ),
    credential!(
        "sensor.credentials.before.user.id",
        "the real user's id before",
        before.uid
    ),
    credential!(
        "sensor.credentials.before.user.effective.id",
        "the effective one",
        before.euid
    ),
    credential!(
        "sensor.credentials.before.user.saved.id",
        "the saved one",
        before.suid
    ),
    credential!(
        "sensor.credentials.before.group.id",
        "the real group's id before",
        before.gid
    ),
    credential!(
        "sensor.credentials.before.group.effective.id",
        "the effective one",
        before.egid
    ),
    credential!(
        "sensor.credentials.after.user.id",
        "the real user's id after",
        after.uid
    ),
    credential!(
        "sensor.credentials.after.user.effective.id",
        "the effective one",
        after.euid
    ),
    credential!(
        "sensor.credentials.after.user.saved.id",
        "the saved one",
        after.suid
    ),
    credential!(
        "sensor.credentials.after.group.id",
        "the real group's id after",
        after.gid
    ),
    credential!(
        "sensor.credentials.after.group.effective.id",
        "the effective one",
        after.egid
    ),
    capability!(
        "sensor.credentials.before.capabilities.effective",
        "the effective capabilities before",
        before.cap_effective,
        BeforeEffective
    ),
    capability!(
        "sensor.credentials.before.capabilities.permitted",
        "the permitted ones",
        before.cap_permitted,
        BeforePermitted
    ),
    capability!(
        "sensor.credentials.after.capabilities.effective",
        "the effective capabilities after",
        after.cap_effective,
        AfterEffective
    ),
    capability!(
        "sensor.credentials.after.capabilities.permitted",
        "the permitted ones",
        after.cap_permitted,
        AfterPermitted
    ),
    field(
        &["sensor.credentials.cause"],
        CREDENTIALS,
        "what led to a change that was committed: `call`, `exec` or `clone`",
        |fields| match &fields.observed.event.body {
            Body::CredentialChange(change) => text(match change.cause {
                Cause::Call => "call",
                Cause::Exec => "exec",
                Cause::Clone => "clone",
            }),
            _ => None,
        },
    ),
    field(
        &["sensor.credentials.found_by"],
        CREDENTIALS,
        "of a change that nobody was seen to commit: the event at which it was found",
        |fields| match &fields.observed.event.body {
            Body::CredentialDivergence(divergence) => text(divergence.found_by.name()),
            _ => None,
        },
    ),
    field(
        &["sensor.credentials.same_object"],
        CREDENTIALS,
        "of such a change: whether `struct cred` itself was overwritten",
        |fields| match &fields.observed.event.body {
            Body::CredentialDivergence(divergence) => Some(Value::Boolean(divergence.same_object)),
            _ => None,
        },
    ),
    field(
        &["sensor.namespaces.operation"],
        NAMESPACES,
        "how they were entered: `clone`, `unshare`, `setns` or `observed`",
        |fields| match &fields.observed.event.body {
            Body::Namespace(change) => text(changes::operation(change.operation)),
            _ => None,
        },
    ),
    field(
        &["sensor.namespaces.changed"],
        NAMESPACES,
        "which were: `mnt`, `pid`, ...",
        |fields| {
            let (before, after) = namespaces(fields)?;
            let names = changes::namespaces(before, after).map(|changed| changed.name);
            fields.words(Slot::Changed, names).map(Value::Text)
        },
    ),
    namespace!(
        "sensor.namespaces.before.mnt",
        "the inode number of the mount namespace before",
        mnt
    ),
    namespace!("sensor.namespaces.before.pid", "of the pid namespace", pid),
    namespace!(
        "sensor.namespaces.before.net",
        "of the network namespace",
        net
    ),
    namespace!(
        "sensor.namespaces.before.user",
        "of the user namespace",
        user
    ),
    field(
        &["TargetImage", "sensor.target.process.executable"],
        ACCESS,
        "the path of what the other process runs: the traced one, or for `traceme` the tracer",
        |fields| {
            ptrace(fields)?;
            text(&known(fields.observed.other)?.executable)
        },
    )
    .path()
    .searched(),
    field(
        &["sensor.target.process.name"],
        ACCESS,
        "the last component of that",
        |fields| {
            ptrace(fields)?;
            text(&known(fields.observed.other)?.name)
        },
    ),
    field(
        &["TargetProcessId", "sensor.target.process.pid"],
        ACCESS,
        "the other process's id",
        |fields| number(ptrace(fields)?.target.tgid.0),
    ),
    field(
        &["sensor.target.user.id"],
        ACCESS,
        "its real user's id",
        |fields| number(ptrace(fields)?.target_uid),
    ),
    field(
        &["sensor.ptrace.operation"],
        ACCESS,
        "`access` or `traceme`",
        |fields| {
            text(match ptrace(fields)?.operation {
                PtraceOperation::Access => "access",
                PtraceOperation::TraceMe => "traceme",
            })
        },
    ),
    field(
        &["sensor.ptrace.mode"],
        ACCESS,
        "of `access`: `attach` or `read`, and `fscreds` or `realcreds`",
        |fields| {
            let ptrace = ptrace(fields)?;
            if ptrace.operation == PtraceOperation::TraceMe {
                return None;
            }
            let modes = changes::ptrace_modes(ptrace.mode);
            fields.words(Slot::Modes, modes).map(Value::Text)
        },
    ),
    field(
        &["sensor.module.name"],
        MODULE,
        "the module's name",
        |fields| {
            fields
                .bytes(Slot::ModuleName, &module(fields)?.name)
                .map(Value::Text)
        },
    )
    .searched(),
    field(
        &["sensor.module.taints"],
        MODULE,
        "the kernel's `TAINT_*` bits of it",
        |fields| number(module(fields)?.taints),
    ),
    field(&["sensor.bpf.id"], BPF, "the program's id", |fields| {
        number(bpf(fields)?.id)
    }),
    field(
        &["sensor.bpf.type"],
        BPF,
        "its type: `kprobe`, `tracing`, ...",
        |fields| Some(name(Name::of_bpf_program_type(bpf(fields)?.program_type))),
    ),
    field(
        &["sensor.bpf.attach_type"],
        BPF,
        "the number of its attach type",
        |fields| number(bpf(fields)?.attach_type),
    ),
    field(
        &["sensor.bpf.instructions"],
        BPF,
        "how many instructions it has",
        |fields| number(bpf(fields)?.instructions),
    ),
    field(
        &["sensor.bpf.tag"],
        BPF,
        "the digest of its instructions",
        |fields| {
            let tag = u64::from_be_bytes(bpf(fields)?.tag);
            let digits = fields.written(Slot::Tag, |text| text.push_str(&format!("{tag:016x}")));
            digits.map(Value::Text)
        },
    ),
    field(&["sensor.bpf.name"], BPF, "its name", |fields| {
        fields
            .bytes(Slot::ProgramName, &bpf(fields)?.name)
            .map(Value::Text)
    })
    .searched(),
    field(
        &["sensor.bpf.function"],
        BPF,
        "the kernel function that it attaches to",
        |fields| {
            fields
                .bytes(Slot::Function, &bpf(fields)?.function)
                .map(Value::Text)
        },
    )
    .searched(),
    field(
        &["sensor.bpf.overrides_return"],
        BPF,
        "whether it can change what a kernel function returns",
        |fields| Some(Value::Boolean(bpf(fields)?.overrides_return)),
    ),
    field(
        &["sensor.bpf.gpl_compatible"],
        BPF,
        "whether its licence is compatible with the GPL",
        |fields| Some(Value::Boolean(bpf(fields)?.gpl_compatible)),
    ),
];

struct Change<'a> {
    before: &'a Credentials,
    after: &'a Credentials,
}

fn credentials<'a>(fields: &'a ObservedFields<'a>) -> Option<Change<'a>> {
    match &fields.observed.event.body {
        Body::CredentialChange(change) => Some(Change {
            before: &change.before,
            after: &change.after,
        }),
        Body::CredentialDivergence(divergence) => Some(Change {
            before: &divergence.before,
            after: &divergence.after,
        }),
        _ => None,
    }
}

fn action(body: &Body) -> Option<&'static str> {
    Some(match body {
        Body::CredentialChange(change) => {
            let groups_differ = change.groups_before != change.groups_after;
            Changed::between(&change.before, &change.after, groups_differ).action()
        }
        Body::CredentialDivergence(divergence) if divergence.verdict == Verdict::Overwritten => {
            "credentials_overwritten"
        }
        Body::CredentialDivergence(divergence) => {
            Changed::between(&divergence.before, &divergence.after, false).action()
        }
        Body::BpfProgram(program) => match program.access {
            BpfAccess::Load => "load_bpf_program",
            BpfAccess::Open => "open_bpf_program",
        },
        _ => return None,
    })
}

fn namespaces<'a>(fields: &'a ObservedFields<'a>) -> Option<(&'a Namespaces, &'a Namespaces)> {
    match &fields.observed.event.body {
        Body::Namespace(change) => Some((&change.before, &change.after)),
        _ => None,
    }
}

fn exit<'a>(fields: &'a ObservedFields<'a>) -> Option<&'a Exit> {
    match &fields.observed.event.body {
        Body::Exit(exit) => Some(exit),
        _ => None,
    }
}

fn ptrace<'a>(fields: &'a ObservedFields<'a>) -> Option<&'a Ptrace> {
    match &fields.observed.event.body {
        Body::Ptrace(ptrace) => Some(ptrace),
        _ => None,
    }
}

fn module<'a>(fields: &'a ObservedFields<'a>) -> Option<&'a ModuleLoad> {
    match &fields.observed.event.body {
        Body::ModuleLoad(module) => Some(module),
        _ => None,
    }
}

fn bpf<'a>(fields: &'a ObservedFields<'a>) -> Option<&'a BpfProgram> {
    match &fields.observed.event.body {
        Body::BpfProgram(program) => Some(program),
        _ => None,
    }
}
