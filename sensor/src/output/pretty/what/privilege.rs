//! Credentials, namespaces, ptrace, modules, BPF programs.

use sensor_common::{
    credentials::Credentials,
    privilege::{Cause, PTRACE_MODE_ATTACH, PtraceOperation},
};

use super::{Change, list, named};
use crate::{
    event::{
        BpfAccess, BpfProgram, CredentialChange, CredentialDivergence, ModuleLoad, NamespaceChange,
        Ptrace, Verdict,
    },
    output::{
        changes,
        names::{self, Name},
    },
    process::Process,
};

/// A change of credentials that was committed.
pub(super) fn change(change: &CredentialChange) -> String {
    let mut changes = differences(&change.before, &change.after);
    if change.groups_before != change.groups_after {
        let groups = |groups: &[u32]| format!("[{}]", list(groups));
        let before = groups(&change.groups_before.ids);
        let after = groups(&change.groups_after.ids);
        changes.push(Change("groups", before, after).to_string());
    }
    let by = match change.cause {
        Cause::Call => "",
        Cause::Exec => ", by exec",
        Cause::Clone => ", by clone",
    };
    format!("{}{by}", list(changes))
}

/// A change of credentials that nobody was seen to commit.
pub(super) fn divergence(divergence: &CredentialDivergence) -> String {
    let changes = list(differences(&divergence.before, &divergence.after));
    let found_by = divergence.found_by.name();
    match divergence.verdict {
        Verdict::Overwritten => {
            format!("credentials overwritten in memory: {changes}, found at {found_by}")
        }
        Verdict::Observed => format!("{changes}, found at {found_by}"),
    }
}

fn differences(before: &Credentials, after: &Credentials) -> Vec<String> {
    let ids = [
        ("uid", before.uid, after.uid),
        ("euid", before.euid, after.euid),
        ("suid", before.suid, after.suid),
        ("fsuid", before.fsuid, after.fsuid),
        ("gid", before.gid, after.gid),
        ("egid", before.egid, after.egid),
        ("sgid", before.sgid, after.sgid),
        ("fsgid", before.fsgid, after.fsgid),
        ("securebits", before.securebits, after.securebits),
        (
            "user namespace",
            before.user_namespace,
            after.user_namespace,
        ),
    ];
    let sets = [
        ("effective", before.cap_effective, after.cap_effective),
        ("permitted", before.cap_permitted, after.cap_permitted),
        ("inheritable", before.cap_inheritable, after.cap_inheritable),
        ("bounding", before.cap_bset, after.cap_bset),
        ("ambient", before.cap_ambient, after.cap_ambient),
    ];
    let ids = ids
        .into_iter()
        .filter(|(_, before, after)| before != after)
        .map(|(name, before, after)| Change(name, before, after).to_string());
    let sets = sets
        .into_iter()
        .filter(|(_, before, after)| before != after)
        .map(|(name, before, after)| capabilities(name, before, after));
    ids.chain(sets).collect()
}

/// What a set of capabilities gained and lost: by name if it is little.
fn capabilities(name: &str, before: u64, after: u64) -> String {
    const NAMED_MAX: u32 = 3;
    let mut text = name.to_owned();
    for (sign, set) in [('+', after & !before), ('-', before & !after)] {
        match set.count_ones() {
            0 => {}
            1..=NAMED_MAX => {
                for capability in names::capabilities(set) {
                    text += &format!(" {sign}{capability}");
                }
            }
            many => text += &format!(" {sign}{many} capabilities"),
        }
    }
    text
}

/// Namespaces that were entered.
pub(super) fn namespaces(change: &NamespaceChange) -> String {
    let changed = changes::namespaces(&change.before, &change.after)
        .map(|namespace| Change(namespace.name, namespace.before, namespace.after));
    let operation = changes::operation(change.operation);
    format!("{operation}: {}", list(changed))
}

/// Access to another process.
pub(super) fn ptrace(ptrace: &Ptrace, other: Option<&Process>) -> String {
    let target = named(ptrace.target, other);
    match ptrace.operation {
        PtraceOperation::Access if ptrace.mode & PTRACE_MODE_ATTACH != 0 => {
            format!("may write to {target} of user {}", ptrace.target_uid)
        }
        PtraceOperation::Access => {
            format!("may read {target} of user {}", ptrace.target_uid)
        }
        PtraceOperation::TraceMe => format!("asks {target} to trace it"),
    }
}

/// A module.
pub(super) fn module(module: &ModuleLoad) -> String {
    let name = String::from_utf8_lossy(&module.name);
    if module.taints == 0 {
        name.into_owned()
    } else {
        format!("{name}, taints {:#x}", module.taints)
    }
}

/// A BPF program.
pub(super) fn bpf(program: &BpfProgram) -> String {
    let access = match program.access {
        BpfAccess::Load => "loads",
        BpfAccess::Open => "opens",
    };
    let kind = Name::of_bpf_program_type(program.program_type);
    let name = String::from_utf8_lossy(&program.name);
    let mut text = format!("{access} {kind} program {} {name}", program.id);
    if !program.function.is_empty() {
        text += &format!(" on {}", String::from_utf8_lossy(&program.function));
    }
    if program.overrides_return {
        text += ", can change what functions return";
    }
    text
}
