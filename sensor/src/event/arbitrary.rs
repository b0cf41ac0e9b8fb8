//! Events and processes of any content, for tests.
//!
//! Ids and times are small and few, so that they meet; text is of any bytes, most often printable.
//! Strategies are boxed where what they are made of is more than a test's stack holds.

mod exec;
mod network;
mod privilege;

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use proptest::{collection::vec, option, prelude::*, sample::select};
use sensor_common::{credentials::Credentials, namespaces::Namespaces, record::Ring};

use super::*;
use crate::process::{
    BootId, EntityId, Image, Process,
    entry::{Entry, Way},
    fingerprint::{Evidence, Fingerprint, Package, Sha256},
    lineage::{Lineage, Population},
    placement,
};

/// The boot that all of them are of.
pub(crate) fn boot() -> BootId {
    BootId::parse("0123456789abcdef").unwrap()
}

/// An event of any kind.
pub(crate) fn event() -> BoxedStrategy<Event> {
    event_of(body())
}

/// An event that says this.
pub(crate) fn event_of(body: impl Strategy<Value = Body> + 'static) -> BoxedStrategy<Event> {
    (origin(), option::weighted(0.9, actor()), body)
        .prop_map(|(origin, actor, body)| Event {
            origin,
            actor,
            body,
        })
        .boxed()
}

/// A process of which anything may be known or not.
pub(crate) fn process() -> BoxedStrategy<Process> {
    let who = (process_id(), option::of(process_id()), option::of(tgid()));
    let what = (
        option::of(image()),
        option::of(credentials()),
        option::of(namespaces()),
        option::of(any::<u64>().prop_map(CgroupId)),
    );
    let session = (
        option::of(tgid()),
        option::of(tgid()),
        option::of(any::<u32>()),
        option::of(any::<u32>()),
        option::of(device()),
    );
    let origin = (lineage(), option::of(select(&CGROUPS[..])));
    (who, what, session, origin)
        .prop_map(
            |(
                (id, parent, namespace_pid),
                (image, credentials, namespaces, cgroup),
                (session_id, process_group, login_uid, audit_session, tty),
                (lineage, placement),
            )| Process {
                id,
                entity_id: EntityId::new(boot(), id),
                parent,
                namespace_pid,
                image: image.map(Arc::new),
                credentials,
                namespaces,
                cgroup,
                session_id,
                process_group,
                login_uid,
                audit_session,
                tty,
                ended: None,
                lineage,
                placement: placement.map(|path| Arc::new(placement::placement(path))),
            },
        )
        .boxed()
}

/// Where a process comes from: up to three that made each other, of which some lead it.
fn lineage() -> impl Strategy<Value = Lineage> {
    let maker = (process_id(), option::of(image()), option::of(tgid()));
    let makers = vec(maker, 0..4);
    let leaders = (any::<[bool; 2]>(), option::of(select(&WAYS[..])));
    (makers, leaders).prop_map(|(makers, ([leads_group, leads_session], way))| {
        let mut population = Population::new(100);
        let mut lineage = Lineage::default();
        for (id, image, namespace_pid) in makers {
            let mut maker = Process {
                image: image.map(Arc::new),
                namespace_pid,
                lineage,
                ..Process::unknown(boot(), id)
            };
            lineage = maker.offspring(&mut population);
        }
        let leader = |leads: bool| lineage.maker.clone().filter(|_| leads);
        let (group, session) = (leader(leads_group), leader(leads_session));
        lineage.entry = way.map(|way| Entry::by(way, group.clone()));
        lineage.group_leader = group;
        lineage.session_leader = session;
        lineage
    })
}

const WAYS: [Way; 6] = [
    Way::Init,
    Way::Sshd,
    Way::Console,
    Way::Cron,
    Way::Container,
    Way::Kernel,
];

/// Paths of cgroups.
const CGROUPS: [&str; 5] = [
    "/",
    "/system.slice/ssh.service",
    "/user.slice/user-1000.slice/session-3.scope",
    "/user.slice/user-1000.slice/user@1000.service/app.slice/a.service",
    "/kubepods.slice/kubepods-pod6d2f7e2a_0f5b_4c6e_9f61_0c9a4d1e2f3a.slice/\
     cri-containerd-0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef.scope",
];

/// What is known of an executable.
pub(crate) fn fingerprint() -> impl Strategy<Value = Fingerprint> {
    let package = ("[a-z]{1,5}", "[0-9.]{1,5}").prop_map(|(name, version)| {
        Arc::new(Package {
            name: name.into(),
            version: version.into(),
            architecture: "amd64".into(),
        })
    });
    let evidence = select(&[Evidence::Unchanged, Evidence::Young][..]);
    (any::<[u8; 32]>(), evidence, option::of(package)).prop_map(|(digest, evidence, package)| {
        Fingerprint {
            digest: Sha256(digest),
            evidence,
            package,
        }
    })
}

fn image() -> impl Strategy<Value = Image> {
    let path = "(/[^/\0]{1,8}){0,3}";
    (
        "[^/\0]{0,15}",
        path,
        path,
        vec("[^\0]{0,12}", 0..4),
        0..9_u32,
        option::of(fingerprint()),
    )
        .prop_map(
            |(name, executable, working_directory, arguments, argument_count, fingerprint)| Image {
                name,
                executable,
                working_directory,
                arguments,
                argument_count,
                fingerprint: fingerprint
                    .map_or_else(OnceLock::new, |known| OnceLock::from(Arc::new(known))),
                executed: None,
            },
        )
}

fn origin() -> impl Strategy<Value = Origin> {
    let ring = prop_oneof![Just(Ring::Critical), Just(Ring::Bulk)];
    (any::<u32>(), ring, any::<u64>(), time()).prop_map(|(cpu, ring, sequence, time)| Origin {
        cpu,
        ring,
        sequence,
        time,
    })
}

fn actor() -> impl Strategy<Value = Actor> {
    (
        process_id(),
        tid(),
        any::<u32>(),
        any::<u64>(),
        any::<u64>(),
        any::<bool>(),
    )
        .prop_map(
            |(id, tid, uid, cgroup, credentials_digest, io_worker)| Actor {
                id,
                tid,
                uid,
                cgroup: CgroupId(cgroup),
                credentials_digest,
                io_worker,
            },
        )
}

fn tgid() -> impl Strategy<Value = Tgid> {
    (0..20_u32).prop_map(Tgid)
}

fn tid() -> impl Strategy<Value = Tid> {
    (0..20_u32).prop_map(Tid)
}

/// Most often within ten days of the boot.
fn time() -> impl Strategy<Value = BootTime> {
    prop_oneof![9 => 0..864_000_000_000_000_u64, 1 => any::<u64>()].prop_map(BootTime)
}

fn process_id() -> impl Strategy<Value = ProcessId> {
    (tgid(), time()).prop_map(|(tgid, start)| ProcessId { tgid, start })
}

fn device() -> impl Strategy<Value = Device> {
    any::<u32>().prop_map(Device::from_kernel)
}

/// What an exec says.
pub(crate) fn exec() -> impl Strategy<Value = Body> {
    exec::exec().prop_map(|exec| Body::Exec(Box::new(exec)))
}

fn body() -> impl Strategy<Value = Body> {
    proptest::strategy::Union::new([
        exec::fork().prop_map(Body::Fork).boxed(),
        exec().boxed(),
        exec::exit().prop_map(Body::Exit).boxed(),
        network::connection().prop_map(Body::Connect).boxed(),
        network::connection().prop_map(Body::Accept).boxed(),
        network::connection().prop_map(Body::Bind).boxed(),
        network::connection().prop_map(Body::Listen).boxed(),
        network::connection().prop_map(Body::Established).boxed(),
        network::closed().prop_map(Body::Closed).boxed(),
        network::datagram().prop_map(Body::Datagram).boxed(),
        network::dns().prop_map(Body::DnsQuestion).boxed(),
        network::dns().prop_map(Body::DnsAnswer).boxed(),
        privilege::credential_change()
            .prop_map(|change| Body::CredentialChange(Box::new(change)))
            .boxed(),
        privilege::credential_divergence()
            .prop_map(|divergence| Body::CredentialDivergence(Box::new(divergence)))
            .boxed(),
        privilege::namespace_change()
            .prop_map(Body::Namespace)
            .boxed(),
        privilege::ptrace().prop_map(Body::Ptrace).boxed(),
        privilege::module_load().prop_map(Body::ModuleLoad).boxed(),
        privilege::bpf_program()
            .prop_map(|program| Body::BpfProgram(Box::new(program)))
            .boxed(),
    ])
}

fn bytes() -> impl Strategy<Value = Bytes> {
    prop_oneof![
        4 => "[ -~]{0,20}".prop_map(Bytes::from),
        1 => any::<String>().prop_map(Bytes::from),
        1 => vec(any::<u8>(), 0..20).prop_map(Bytes::from),
    ]
}

fn text() -> impl Strategy<Value = Text> {
    (bytes(), option::weighted(0.9, 0..3_u32)).prop_map(|(bytes, missing)| {
        let captured = u32::try_from(bytes.len()).unwrap();
        Text {
            bytes,
            original: missing.map(|missing| captured + missing),
        }
    })
}

fn namespaces() -> impl Strategy<Value = Namespaces> {
    prop::array::uniform8(0..4_u32).prop_map(|[mnt, pid, net, uts, ipc, cgroup, time, user]| {
        Namespaces {
            mnt,
            pid,
            net,
            uts,
            ipc,
            cgroup,
            time,
            user,
        }
    })
}

fn credentials() -> impl Strategy<Value = Credentials> {
    let id = || prop_oneof![0..2_u32, any::<u32>()];
    let ids = (id(), id(), id(), id(), id(), id(), id(), id());
    let set = || prop_oneof![Just(0), Just((1 << 41) - 1), any::<u64>()];
    let sets = (set(), set(), set(), set(), set());
    (ids, 0..4_u32, 0..4_u32, sets).prop_map(
        |(
            (uid, gid, suid, sgid, euid, egid, fsuid, fsgid),
            securebits,
            user_namespace,
            (cap_inheritable, cap_permitted, cap_effective, cap_bset, cap_ambient),
        )| Credentials {
            uid,
            gid,
            suid,
            sgid,
            euid,
            egid,
            fsuid,
            fsgid,
            securebits,
            user_namespace,
            cap_inheritable,
            cap_permitted,
            cap_effective,
            cap_bset,
            cap_ambient,
        },
    )
}
