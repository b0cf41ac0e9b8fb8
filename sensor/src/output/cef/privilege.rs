//! Changes of credentials and namespaces, access to processes, code in the kernel.

use sensor_common::{
    credentials::Credentials,
    privilege::{Cause, PtraceOperation},
};

use super::{
    Context,
    keys::{self, DESTINATION, Key},
    line::Line,
    process::{entity_id, path_of},
};
use crate::{
    event::{
        BpfProgram, CredentialChange, CredentialDivergence, Groups, ModuleLoad, NamespaceChange,
        Ptrace, Verdict,
    },
    output::{changes, names, names::Name},
    process::Process,
};

/// Credentials that were committed. The users are told with the process.
pub(super) fn change(change: &CredentialChange, line: &mut Line<'_>) {
    line.word(
        keys::REASON,
        match change.cause {
            Cause::Call => "call",
            Cause::Exec => "exec",
            Cause::Clone => "clone",
        },
    );
    line.word(keys::OUTCOME, "success");
    credentials(&change.before, &change.after, line);
    if change.groups_before != change.groups_after {
        groups(Key::own("sensorGroupsBefore"), &change.groups_before, line);
        groups(Key::own("sensorGroupsAfter"), &change.groups_after, line);
    }
}

/// Credentials that nobody was seen to commit.
pub(super) fn divergence(divergence: &CredentialDivergence, line: &mut Line<'_>) {
    line.word(
        keys::REASON,
        match divergence.verdict {
            Verdict::Overwritten => "overwritten",
            Verdict::Observed => "observed",
        },
    );
    line.flag(Key::own("sensorSameObject"), divergence.same_object);
    line.word(Key::own("sensorFoundBy"), divergence.found_by.name());
    credentials(&divergence.before, &divergence.after, line);
}

/// Ids in the order real, effective, saved, filesystem; and the sets that differ.
fn credentials(before: &Credentials, after: &Credentials, line: &mut Line<'_>) {
    let users = |of: &Credentials| [of.uid, of.euid, of.suid, of.fsuid];
    let groups = |of: &Credentials| [of.gid, of.egid, of.sgid, of.fsgid];
    numbers(Key::own("sensorUidsBefore"), &users(before), line);
    numbers(Key::own("sensorUidsAfter"), &users(after), line);
    numbers(Key::own("sensorGidsBefore"), &groups(before), line);
    numbers(Key::own("sensorGidsAfter"), &groups(after), line);
    for (key_before, key_after, before, after) in [
        (
            "sensorCapInhBefore",
            "sensorCapInhAfter",
            before.cap_inheritable,
            after.cap_inheritable,
        ),
        (
            "sensorCapPrmBefore",
            "sensorCapPrmAfter",
            before.cap_permitted,
            after.cap_permitted,
        ),
        (
            "sensorCapEffBefore",
            "sensorCapEffAfter",
            before.cap_effective,
            after.cap_effective,
        ),
        (
            "sensorCapBndBefore",
            "sensorCapBndAfter",
            before.cap_bset,
            after.cap_bset,
        ),
        (
            "sensorCapAmbBefore",
            "sensorCapAmbAfter",
            before.cap_ambient,
            after.cap_ambient,
        ),
    ] {
        if before != after {
            line.set(Key::own(key_before), before);
            line.set(Key::own(key_after), after);
        }
    }
    if before.securebits != after.securebits {
        line.number(Key::own("sensorSecurebitsBefore"), before.securebits);
        line.number(Key::own("sensorSecurebitsAfter"), after.securebits);
    }
    if before.user_namespace != after.user_namespace {
        let keys = ["sensorUserNamespaceBefore", "sensorUserNamespaceAfter"];
        for (key, of) in keys.into_iter().zip([before, after]) {
            line.number(Key::own(key), of.user_namespace);
        }
    }
    let gained = after.cap_effective & !before.cap_effective;
    line.pieces(keys::CAPABILITIES_GAINED, |text| {
        for (index, capability) in names::capabilities(gained).enumerate() {
            if index > 0 {
                text(",");
            }
            text(&capability.as_text());
        }
    });
}

/// Of groups that were not all captured, the last one is `...`.
fn groups(key: Key, groups: &Groups, line: &mut Line<'_>) {
    line.pieces(key, |text| {
        append_numbers(&groups.ids, text);
        if groups.count as usize > groups.ids.len() {
            text(if groups.ids.is_empty() { "..." } else { ",..." });
        }
    });
}

fn numbers(key: Key, numbers: &[u32], line: &mut Line<'_>) {
    line.pieces(key, |text| append_numbers(numbers, text));
}

fn append_numbers(numbers: &[u32], text: &mut dyn FnMut(&str)) {
    let mut buffer = itoa::Buffer::new();
    for (index, number) in numbers.iter().enumerate() {
        if index > 0 {
            text(",");
        }
        text(buffer.format(*number));
    }
}

/// Which namespaces were entered, how, and the inode numbers before and after.
pub(super) fn namespaces(change: &NamespaceChange, line: &mut Line<'_>) {
    let changed = || changes::namespaces(&change.before, &change.after);
    line.word(keys::REASON, changes::operation(change.operation));
    line.words(keys::NAMESPACES, changed().map(|changed| changed.name));
    let mut buffer = itoa::Buffer::new();
    line.pieces(Key::own("sensorNamespaceInodes"), |text| {
        for (index, changed) in changed().enumerate() {
            text(if index > 0 { "," } else { "" });
            text(changed.name);
            for inode in [changed.before, changed.after] {
                text(":");
                text(buffer.format(inode));
            }
        }
    });
}

/// What access was given, and to whom. For trace-me the other one is the tracer.
pub(super) fn ptrace(
    ptrace: &Ptrace,
    other: Option<&Process>,
    context: Context,
    line: &mut Line<'_>,
) {
    line.number(DESTINATION.pid, ptrace.target.tgid.0);
    line.text(DESTINATION.process, path_of(other));
    let key = Key::own("sensorTargetEntityId");
    entity_id(key, ptrace.target, other, context, line);
    match ptrace.operation {
        PtraceOperation::Access => line.words(keys::ACCESS, changes::ptrace_modes(ptrace.mode)),
        PtraceOperation::TraceMe => line.word(keys::ACCESS, "traceme"),
    }
}

/// A module that was loaded.
pub(super) fn module(module: &ModuleLoad, line: &mut Line<'_>) {
    line.bytes(keys::MODULE, &module.name);
    line.set(Key::own("sensorTaints"), module.taints);
}

/// A program that was loaded or opened.
pub(super) fn bpf(program: &BpfProgram, line: &mut Line<'_>) {
    line.bytes(keys::BPF_PROGRAM, &program.name);
    line.number(Key::own("sensorBpfId"), program.id);
    let kind = Name::of_bpf_program_type(program.program_type).as_text();
    line.word(Key::own("sensorBpfType"), &*kind);
    line.number(Key::own("sensorBpfAttachType"), program.attach_type);
    line.bytes(Key::own("sensorBpfFunction"), &program.function);
    line.set(Key::own("sensorBpfTag"), u64::from_be_bytes(program.tag));
    line.number(Key::own("sensorBpfInstructions"), program.instructions);
    line.flag(
        Key::own("sensorBpfOverridesReturn"),
        program.overrides_return,
    );
    line.flag(Key::own("sensorBpfNotGpl"), !program.gpl_compatible);
}
