//! Arbitrary frames.

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use proptest::{
    collection::{btree_map, vec},
    option,
    prelude::*,
    sample::select,
};
use sensor_common::{
    counters::{Degraded, Loss},
    credentials::Credentials,
    namespaces::Namespaces,
    record::Kind,
};

use super::Frame;
use crate::{
    clock::{BootTime, WallOffset},
    event::{
        CgroupId, Device, ProcessId, Tgid,
        interpret::{Commits, Premises},
        state::{HookReport, ProgramReport, RefusalReport, Started},
    },
    host::Host,
    kernel::{counters::Totals, hooks::HOOKS},
    process::{EntityId, Image, Process, cgroups::Found, lineage::Lineage},
};

/// Any frame.
pub(super) fn frame() -> impl Strategy<Value = Frame> {
    prop_oneof![
        host().prop_map(|host| Frame::Host(Box::new(host))),
        (started(), any::<u64>()).prop_map(|(started, time)| Frame::Started {
            started: Box::new(started),
            time: BootTime(time),
        }),
        process().prop_map(|process| Frame::Process(Box::new(process))),
        (any::<u64>(), option::of(any::<String>())).prop_map(|(id, path)| {
            Frame::Cgroup(Found {
                id: CgroupId(id),
                path,
            })
        }),
        (any::<bool>(), any::<u32>(), option::of(any::<u32>())).prop_map(
            |(seen, newest_program, own)| {
                let commits = if seen { Commits::Seen } else { Commits::Unseen };
                Frame::Premises(Premises {
                    commits,
                    newest_program,
                    own: own.map(Tgid),
                })
            }
        ),
        any::<i64>().prop_map(|offset| Frame::WallOffset(WallOffset(offset))),
        vec(any::<u8>(), 0..2000).prop_map(|bytes| Frame::Record(Bytes::from(bytes))),
        any::<u64>().prop_map(|moment| Frame::CompleteUntil(BootTime(moment))),
        (totals(), any::<u64>()).prop_map(|(totals, time)| Frame::Counted {
            totals,
            time: BootTime(time),
        }),
    ]
}

/// The last frame of a recording.
pub(super) fn end() -> impl Strategy<Value = Frame> {
    (totals(), any::<u64>()).prop_map(|(totals, time)| Frame::End {
        totals,
        time: BootTime(time),
    })
}

/// A text, with whatever may be in the name of a file.
fn text() -> impl Strategy<Value = String> {
    vec(any::<char>(), 0..20).prop_map(|characters| characters.into_iter().collect())
}

prop_compose! {
    fn host()(
        required in [text(), text(), text(), text(), text(), text()],
        optional in [option::of(text()), option::of(text()), option::of(text()), option::of(text())],
        pid_namespace: Option<u64>,
    ) -> Host {
        let [name, architecture, boot_id, kernel, agent_id, agent_version] = required;
        let [machine_id, os_platform, os_name, os_version] = optional;
        Host {
            cloud: None,
            machine_id, name, architecture, boot_id, pid_namespace, kernel,
            os_platform, os_name, os_version, agent_id, agent_version,
        }
    }
}

prop_compose! {
    fn hook()(
        event in text(),
        means in option::of(text()),
        programs in vec((text(), text(), any::<Option<u32>>()), 0..3),
        misses in text(),
        blind in vec(text(), 0..3),
        refused in vec((text(), text()), 0..3),
    ) -> HookReport {
        HookReport {
            event,
            means,
            programs: programs
                .into_iter()
                .map(|(name, target, verified_instructions)| ProgramReport {
                    name,
                    target,
                    verified_instructions,
                })
                .collect(),
            misses,
            blind,
            refused: refused
                .into_iter()
                .map(|(means, reason)| RefusalReport { means, reason })
                .collect(),
        }
    }
}

prop_compose! {
    fn started()(
        hooks in vec(hook(), 0..3),
        scope in option::of(text()),
        missing_fields in vec(text(), 0..3),
        limits in btree_map(text(), any::<u64>(), 0..3),
    ) -> Started {
        Started { hooks, scope, missing_fields, limits }
    }
}

fn id() -> impl Strategy<Value = ProcessId> {
    (any::<u32>(), any::<u64>()).prop_map(|(tgid, start)| ProcessId {
        tgid: Tgid(tgid),
        start: BootTime(start),
    })
}

prop_compose! {
    fn image()(
        name in text(),
        executable in text(),
        working_directory in text(),
        arguments in vec(text(), 0..4),
        argument_count: u32,
    ) -> Image {
        Image { name, executable, working_directory, arguments, argument_count, ..Image::default() }
    }
}

prop_compose! {
    fn process()(
        id in id(),
        entity_id in text(),
        parent in option::of(id()),
        image in option::of(image()),
        credentials: Option<[u64; 10]>,
        namespaces: Option<[u32; 8]>,
        cgroup: Option<u64>,
        ids: [Option<u32>; 5],
        tty: Option<(u32, u32)>,
        ended: Option<u64>,
    ) -> Process {
        let [namespace_pid, session_id, process_group, login_uid, audit_session] = ids;
        Process {
            id,
            entity_id: EntityId::recorded(&entity_id),
            parent,
            namespace_pid: namespace_pid.map(Tgid),
            image: image.map(Arc::new),
            credentials: credentials.map(|words| -> Credentials { zerocopy::transmute!(words) }),
            namespaces: namespaces.map(|words| -> Namespaces { zerocopy::transmute!(words) }),
            cgroup: cgroup.map(CgroupId),
            session_id: session_id.map(Tgid),
            process_group: process_group.map(Tgid),
            login_uid,
            audit_session,
            tty: tty.map(|(major, minor)| Device { major, minor }),
            ended: ended.map(BootTime),
            lineage: Lineage::default(),
            placement: None,
        }
    }
}

fn counts<K: Clone + Ord + std::fmt::Debug + 'static>(
    keys: Vec<K>,
) -> impl Strategy<Value = BTreeMap<K, u64>> {
    btree_map(select(keys), any::<u64>(), 0..6)
}

fn totals() -> impl Strategy<Value = Totals> {
    let reasons = Kind::ALL
        .iter()
        .flat_map(|kind| Loss::ALL.map(|loss| (*kind, loss.name())));
    (
        counts(Kind::ALL.to_vec()),
        counts(reasons.collect()),
        counts(Degraded::ALL.map(Degraded::name).to_vec()),
        counts(HOOKS.iter().map(|hook| hook.name).collect()),
    )
        .prop_map(|(seen, lost, degraded, skipped_runs)| Totals {
            seen,
            lost,
            degraded,
            skipped_runs,
        })
}
