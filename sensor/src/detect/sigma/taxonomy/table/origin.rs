//! Where a process comes from and where it runs: leaders, ancestors, container, unit, namespaces.

use sensor_common::namespaces::Namespaces;

use super::{Classes, Field, field, number, text};
use crate::{
    detect::sigma::{
        field::Value,
        taxonomy::observed_fields::{ObservedFields, Slot},
    },
    enrich::runtimes::{Details, PodDetails},
    event::{Body, Tgid},
    process::{
        Image,
        lineage::{Ancestor, Lineage},
        placement::{Container, Placement, Shape, Systemd},
    },
};

/// A namespace of the process.
macro_rules! namespace {
    ($name:literal, $from:literal, $which:ident) => {
        field(&[$name], Classes::EVERY, $from, |fields| {
            inode(namespaces(fields)?.$which)
        })
    };
}

pub(super) const FIELDS: &[Field] = &[
    field(
        &["process.group_leader.pid"],
        Classes::EVERY,
        "the leader of its process group",
        |fields| {
            let group = match fields.exec() {
                Some(exec) => exec.process_group,
                None => fields.observed.process?.process_group?,
            };
            number(Some(group.0).filter(|id| *id != 0)?)
        },
    ),
    field(
        &["process.session_leader.pid"],
        Classes::EVERY,
        "the leader of its session",
        |fields| number(Some(session(fields)?.0).filter(|id| *id != 0)?),
    ),
    field(
        &["process.session_leader.name"],
        Classes::EVERY,
        "what that one runs, if it is known",
        |fields| text(&session_leader(fields)?.name),
    ),
    field(
        &["process.session_leader.executable"],
        Classes::EVERY,
        "the path of that",
        |fields| text(&session_leader(fields)?.executable),
    )
    .path(),
    field(
        &["process.entry_leader.entry_meta.type"],
        Classes::EVERY,
        "how it came into the host: `init`, `sshd`, `console`, `cron`, `container` or `kernel`",
        |fields| text(lineage(fields)?.entry.as_ref()?.way.name()),
    ),
    field(
        &["process.entry_leader.pid"],
        Classes::EVERY,
        "the first process that came in",
        |fields| match &lineage(fields)?.entry.as_ref()?.leader {
            Some(leader) => number(leader.id.tgid.0),
            None => number(fields.observed.process?.id.tgid.0),
        },
    ),
    field(
        &["process.entry_leader.name"],
        Classes::EVERY,
        "what that one ran",
        |fields| text(&entry_leader(fields)?.name),
    ),
    field(
        &["process.entry_leader.executable"],
        Classes::EVERY,
        "the path of that",
        |fields| text(&entry_leader(fields)?.executable),
    )
    .path(),
    field(
        &["sensor.process.ancestors.name"],
        Classes::EVERY,
        "the names of its ancestors, nearest first, each between slashes: `/bash/sshd/systemd/`",
        |fields| {
            let mut ancestors = lineage(fields)?.ancestors().peekable();
            ancestors.peek()?;
            let names = fields.written(Slot::AncestorNames, |text| {
                text.push('/');
                for ancestor in ancestors {
                    text.push_str(ran(ancestor).map_or("", |image| &image.name));
                    text.push('/');
                }
            });
            names.map(Value::Text)
        },
    ),
    field(
        &["sensor.process.ancestors.executable"],
        Classes::EVERY,
        "their paths, nearest first",
        |fields| {
            let ancestors = lineage(fields)?.ancestors();
            let paths =
                ancestors.map(|ancestor| ran(ancestor).map_or("", |image| &image.executable));
            let known = paths.filter(|path| !path.is_empty());
            fields
                .words(Slot::AncestorExecutables, known)
                .map(Value::Text)
        },
    ),
    field(
        &["container.id"],
        Classes::EVERY,
        "the innermost container that it runs in",
        |fields| text(&container(fields)?.id),
    ),
    field(
        &["container.runtime"],
        Classes::EVERY,
        "what runs that",
        |fields| {
            let runtime = container(fields)?.runtime.map(|runtime| runtime.name());
            let told = || details(fields).map(|details| details.runtime.name());
            text(runtime.or_else(told)?)
        },
    ),
    field(
        &["container.name"],
        Classes::EVERY,
        "its name, once its runtime has told",
        |fields| text(details(fields)?.name.as_deref()?),
    )
    .searched(),
    field(
        &["container.image.name"],
        Classes::EVERY,
        "its image, once its runtime has told",
        |fields| text(details(fields)?.image_name.as_deref()?),
    )
    .searched(),
    field(
        &["container.image.tag"],
        Classes::EVERY,
        "the image's tag, once its runtime has told",
        |fields| text(details(fields)?.image_tag.as_deref()?),
    ),
    field(
        &["orchestrator.resource.id"],
        Classes::EVERY,
        "the Kubernetes pod's uid",
        |fields| {
            let pod = placement(fields).and_then(|placement| placement.pod.as_ref());
            let told = || pod_details(fields)?.uid.as_deref();
            text(pod.map(|pod| &*pod.uid).or_else(told)?)
        },
    ),
    field(
        &["orchestrator.namespace"],
        Classes::EVERY,
        "the pod's namespace, once its runtime has told",
        |fields| text(pod_details(fields)?.namespace.as_deref()?),
    ),
    field(
        &["orchestrator.resource.name"],
        Classes::EVERY,
        "the pod's name, once its runtime has told",
        |fields| text(pod_details(fields)?.name.as_deref()?),
    ),
    field(
        &["sensor.container.outer_id"],
        Classes::EVERY,
        "the outermost container, if they are nested",
        |fields| {
            let placement = placement(fields)?;
            let outer = placement.outer.as_ref();
            text(&outer.filter(|_| placement.outer != placement.container)?.id)
        },
    ),
    field(
        &["sensor.container.unknown"],
        Classes::EVERY,
        "whether its cgroup may be a container that was made by hand",
        |fields| Some(Value::Boolean(placement(fields)?.shape == Shape::Unknown)),
    ),
    field(
        &["sensor.systemd.unit"],
        Classes::EVERY,
        "the host's unit",
        |fields| text(systemd(fields)?.unit.as_deref()?),
    )
    .searched(),
    field(
        &["sensor.systemd.slice"],
        Classes::EVERY,
        "the slice that the unit is in",
        |fields| text(systemd(fields)?.slice.as_deref()?),
    ),
    field(
        &["sensor.systemd.user_unit"],
        Classes::EVERY,
        "the unit of a user's own manager",
        |fields| text(systemd(fields)?.user_unit.as_deref()?),
    ),
    field(
        &["sensor.systemd.session"],
        Classes::EVERY,
        "the login's session",
        |fields| text(systemd(fields)?.session.as_deref()?),
    ),
    field(
        &["sensor.systemd.owner_uid"],
        Classes::EVERY,
        "the user whose manager or login it is",
        |fields| number(systemd(fields)?.owner_uid?),
    ),
    field(
        &["sensor.process.cgroup.id"],
        Classes::EVERY,
        "the inode number of its cgroup",
        |fields| {
            let event = fields.observed.event;
            // The one that acts in a fork is another one.
            let actor = event.actor.filter(|_| !matches!(event.body, Body::Fork(_)));
            let known = || fields.observed.process?.cgroup;
            number(actor.map(|actor| actor.cgroup).or_else(known)?.0)
        },
    ),
    field(
        &["sensor.process.io_worker"],
        Classes::EVERY,
        "whether io_uring's worker acted for it",
        |fields| {
            let event = fields.observed.event;
            let actor = event.actor.filter(|_| !matches!(event.body, Body::Fork(_)));
            Some(Value::Boolean(actor.is_some_and(|actor| actor.io_worker)))
        },
    ),
    namespace!(
        "sensor.process.namespaces.mnt",
        "the inode number of its mount namespace",
        mnt
    ),
    namespace!("sensor.process.namespaces.pid", "of its pid namespace", pid),
    namespace!(
        "sensor.process.namespaces.net",
        "of its network namespace",
        net
    ),
    namespace!("sensor.process.namespaces.uts", "of its UTS namespace", uts),
    namespace!("sensor.process.namespaces.ipc", "of its IPC namespace", ipc),
    namespace!(
        "sensor.process.namespaces.cgroup",
        "of its cgroup namespace",
        cgroup
    ),
    namespace!(
        "sensor.process.namespaces.time",
        "of its time namespace",
        time
    ),
    namespace!(
        "sensor.process.namespaces.user",
        "of its user namespace",
        user
    ),
];

/// The inode number of a namespace, of one that the kernel has.
pub(super) fn inode(inode: u32) -> Option<Value<'static>> {
    number(Some(inode).filter(|inode| *inode != 0)?)
}

fn namespaces(fields: &ObservedFields<'_>) -> Option<Namespaces> {
    match &fields.observed.event.body {
        Body::Exec(exec) => Some(exec.namespaces),
        Body::Namespace(change) => Some(change.after),
        _ => fields.observed.process?.namespaces,
    }
}

fn lineage<'a>(fields: &'a ObservedFields<'a>) -> Option<&'a Lineage> {
    fields.observed.process.map(|process| &process.lineage)
}

fn session(fields: &ObservedFields<'_>) -> Option<Tgid> {
    match fields.exec() {
        Some(exec) => Some(exec.session_id),
        None => fields.observed.process?.session_id,
    }
}

fn session_leader<'a>(fields: &'a ObservedFields<'a>) -> Option<&'a Image> {
    let id = session(fields).filter(|id| *id != Tgid(0))?;
    let process = fields.observed.process?;
    let known = lineage(fields)?.session_leader.as_deref();
    match known.filter(|known| known.id.tgid == id) {
        Some(known) => ran(known),
        None if process.id.tgid == id => process.image.as_deref(),
        None => None,
    }
}

fn entry_leader<'a>(fields: &'a ObservedFields<'a>) -> Option<&'a Image> {
    match &lineage(fields)?.entry.as_ref()?.leader {
        Some(leader) => ran(leader),
        None => fields.observed.process?.image.as_deref(),
    }
}

fn ran(ancestor: &Ancestor) -> Option<&Image> {
    ancestor.image.as_deref()
}

fn placement<'a>(fields: &'a ObservedFields<'a>) -> Option<&'a Placement> {
    fields.observed.process?.placement.as_deref()
}

fn container<'a>(fields: &'a ObservedFields<'a>) -> Option<&'a Container> {
    placement(fields)?.container.as_ref()
}

fn systemd<'a>(fields: &'a ObservedFields<'a>) -> Option<&'a Systemd> {
    Some(&placement(fields)?.systemd)
}

/// What its runtime says of the container that it is in.
fn details<'a>(fields: &'a ObservedFields<'a>) -> Option<&'a Details> {
    container(fields)?;
    fields
        .observed
        .surroundings
        .details
        .map(|details| &**details)
}

fn pod_details<'a>(fields: &'a ObservedFields<'a>) -> Option<&'a PodDetails> {
    placement(fields)?;
    fields.observed.surroundings.details?.pod.as_ref()
}
