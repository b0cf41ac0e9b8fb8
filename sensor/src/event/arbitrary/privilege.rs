//! Changes of credentials and namespaces, ptrace, modules, BPF programs.

use proptest::{collection::vec, prelude::*};
use sensor_common::{
    privilege::{Cause, NamespaceOperation, PtraceOperation},
    record::Kind,
};

use super::{super::*, bytes, credentials, namespaces, process_id, tid};

fn groups() -> impl Strategy<Value = Groups> {
    (vec(any::<u32>(), 0..3), 0..2_u32).prop_map(|(ids, missing)| Groups {
        count: u32::try_from(ids.len()).unwrap() + missing,
        ids,
    })
}

pub(super) fn credential_change() -> impl Strategy<Value = CredentialChange> {
    let cause = prop_oneof![Just(Cause::Call), Just(Cause::Exec), Just(Cause::Clone)];
    (credentials(), credentials(), cause, groups(), groups()).prop_map(
        |(before, after, cause, groups_before, groups_after)| CredentialChange {
            before,
            after,
            cause,
            groups_before,
            groups_after,
        },
    )
}

pub(super) fn credential_divergence() -> impl Strategy<Value = CredentialDivergence> {
    let verdict = prop_oneof![Just(Verdict::Overwritten), Just(Verdict::Observed)];
    let found_by = prop::sample::select(&Kind::ALL[..]);
    (
        credentials(),
        credentials(),
        any::<bool>(),
        found_by,
        verdict,
    )
        .prop_map(
            |(before, after, same_object, found_by, verdict)| CredentialDivergence {
                before,
                after,
                same_object,
                found_by,
                verdict,
            },
        )
}

pub(super) fn namespace_change() -> impl Strategy<Value = NamespaceChange> {
    let operation = (0..4_u32).prop_filter_map("known", NamespaceOperation::from_wire);
    (namespaces(), namespaces(), operation).prop_map(|(before, after, operation)| NamespaceChange {
        before,
        after,
        operation,
    })
}

pub(super) fn ptrace() -> impl Strategy<Value = Ptrace> {
    let operation = prop_oneof![
        Just(PtraceOperation::Access),
        Just(PtraceOperation::TraceMe)
    ];
    (process_id(), tid(), any::<u32>(), 0..32_u32, operation).prop_map(
        |(target, target_tid, target_uid, mode, operation)| Ptrace {
            target,
            target_tid,
            target_uid,
            mode,
            operation,
        },
    )
}

pub(super) fn module_load() -> impl Strategy<Value = ModuleLoad> {
    (bytes(), any::<u64>()).prop_map(|(name, taints)| ModuleLoad { name, taints })
}

pub(super) fn bpf_program() -> impl Strategy<Value = BpfProgram> {
    let numbers = (
        any::<u32>(),
        0..40_u32,
        any::<u32>(),
        any::<u32>(),
        any::<[u8; 8]>(),
    );
    let access = prop_oneof![Just(BpfAccess::Load), Just(BpfAccess::Open)];
    (numbers, any::<[bool; 2]>(), bytes(), bytes(), access).prop_map(
        |(
            (id, program_type, attach_type, instructions, tag),
            [overrides_return, gpl_compatible],
            name,
            function,
            access,
        )| BpfProgram {
            id,
            program_type,
            attach_type,
            instructions,
            tag,
            overrides_return,
            gpl_compatible,
            name,
            function,
            access,
        },
    )
}
