//! `sensor.credentials`, `.namespaces`, `.ptrace`, `.target`, `.module` and `.bpf`.

use sensor_common::{
    credentials::Credentials,
    privilege::{Cause, PtraceOperation},
};

use super::{
    Context,
    capabilities::capabilities,
    process::{self, identity, program_file},
};
use crate::{
    event::{
        BpfProgram, CredentialChange, CredentialDivergence, Groups, ModuleLoad, NamespaceChange,
        Ptrace, Verdict,
    },
    output::{changes, json::Object, names::Name},
    process::Process,
};

/// `sensor.credentials` of a change that was committed.
pub(super) fn change(change: &CredentialChange, fields: &mut Object<'_>) {
    fields.object("before", |fields| {
        credentials(&change.before, Some(&change.groups_before), fields);
    });
    fields.object("after", |fields| {
        credentials(&change.after, Some(&change.groups_after), fields);
    });
    fields.word(
        "cause",
        match change.cause {
            Cause::Call => "call",
            Cause::Exec => "exec",
            Cause::Clone => "clone",
        },
    );
    let is_cut = |groups: &Groups| groups.count as usize > groups.ids.len();
    fields.flag(
        "supplemental_groups_truncated",
        is_cut(&change.groups_before) || is_cut(&change.groups_after),
    );
}

/// `sensor.credentials` of a change that nobody was seen to commit.
pub(super) fn divergence(divergence: &CredentialDivergence, fields: &mut Object<'_>) {
    fields.object("before", |fields| {
        credentials(&divergence.before, None, fields);
    });
    fields.object("after", |fields| {
        credentials(&divergence.after, None, fields);
    });
    fields.flag("same_object", divergence.same_object);
    fields.word("found_by", divergence.found_by.name());
    fields.flag("observed", divergence.verdict == Verdict::Observed);
}

fn credentials(credentials: &Credentials, groups: Option<&Groups>, fields: &mut Object<'_>) {
    let mut ids = |name, [real, effective, saved, filesystem]: [u32; 4]| {
        fields.object(name, |fields| {
            fields.id("id", real);
            fields.object("effective", |fields| fields.id("id", effective));
            fields.object("saved", |fields| fields.id("id", saved));
            fields.object("filesystem", |fields| fields.id("id", filesystem));
        });
    };
    let of = credentials;
    ids("user", [of.uid, of.euid, of.suid, of.fsuid]);
    ids("group", [of.gid, of.egid, of.sgid, of.fsgid]);
    if let Some(groups) = groups {
        fields.array("supplemental_groups", |array| {
            groups.ids.iter().for_each(|id| array.id(*id));
        });
    }
    fields.object("capabilities", |fields| {
        capabilities("inheritable", of.cap_inheritable, fields);
        capabilities("permitted", of.cap_permitted, fields);
        capabilities("effective", of.cap_effective, fields);
        capabilities("bounding", of.cap_bset, fields);
        capabilities("ambient", of.cap_ambient, fields);
    });
    fields.number("securebits", of.securebits);
    if of.user_namespace != 0 {
        fields.number("user_namespace", of.user_namespace);
    }
}

/// `sensor.namespaces`: which were entered, and how.
pub(super) fn namespaces(change: &NamespaceChange, fields: &mut Object<'_>) {
    fields.word("operation", changes::operation(change.operation));
    fields.words(
        "changed",
        changes::namespaces(&change.before, &change.after).map(|changed| changed.name),
    );
    fields.object("before", |fields| {
        process::namespaces(&change.before, fields);
    });
    fields.object("after", |fields| process::namespaces(&change.after, fields));
}

/// `sensor.ptrace`: what access was given.
pub(super) fn ptrace(ptrace: &Ptrace, fields: &mut Object<'_>) {
    match ptrace.operation {
        PtraceOperation::Access => {
            fields.word("operation", "access");
            fields.words("mode", changes::ptrace_modes(ptrace.mode));
        }
        PtraceOperation::TraceMe => fields.word("operation", "traceme"),
    }
}

/// `sensor.target`: the other process of a ptrace.
pub(super) fn target(
    ptrace: &Ptrace,
    known: Option<&Process>,
    context: &mut Context<'_>,
    fields: &mut Object<'_>,
) {
    fields.object("process", |fields| {
        identity(ptrace.target, known, context, fields);
        program_file(known, fields);
        fields.object("thread", |fields| fields.number("id", ptrace.target_tid.0));
    });
    fields.object("user", |fields| fields.id("id", ptrace.target_uid));
}

/// `sensor.module`: a module that was loaded.
pub(super) fn module(module: &ModuleLoad, fields: &mut Object<'_>) {
    fields.bytes("name", &module.name);
    fields.number("taints", module.taints);
}

/// `sensor.bpf`: a program that was loaded or opened.
pub(super) fn bpf(program: &BpfProgram, fields: &mut Object<'_>) {
    fields.number("id", program.id);
    fields.word(
        "type",
        &*Name::of_bpf_program_type(program.program_type).as_text(),
    );
    fields.number("attach_type", program.attach_type);
    fields.number("instructions", program.instructions);
    fields.word("tag", format!("{:016x}", u64::from_be_bytes(program.tag)));
    fields.bytes("name", &program.name);
    fields.bytes("function", &program.function);
    fields.flag("overrides_return", program.overrides_return);
    fields.truth("gpl_compatible", program.gpl_compatible);
}
