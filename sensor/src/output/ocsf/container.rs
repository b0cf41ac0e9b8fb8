//! The container object: where a process runs.

use super::{Context, optional};
use crate::{
    enrich::runtimes::Details,
    observed::Observed,
    output::{json::Object, uuid::is_uuid},
    process::placement::Placement,
};

/// `container`, if the process is in one.
pub(super) fn container(
    observed: &Observed<'_>,
    context: &mut Context<'_>,
    process: &mut Object<'_>,
) {
    let Some(placement) = placement(observed) else {
        return;
    };
    let Some(container) = &placement.container else {
        return;
    };
    let details = observed.surroundings.details.map(|details| &**details);
    context.profiles.container = true;
    process.object("container", |fields| {
        fields.text("uid", &container.id);
        let told = details.map(|details| details.runtime.name());
        let runtime = container.runtime.map(|runtime| runtime.name());
        optional("runtime", runtime.or(told), fields);
        let (uid, is_pod) = pod(placement, details);
        if is_pod {
            fields.word("orchestrator", "Kubernetes");
        }
        // Static pods have ids that are none.
        optional("pod_uuid", uid.filter(|uid| is_uuid(uid)), fields);
        if let Some(details) = details {
            described(details, fields);
        }
    });
}

/// What the runtime says of a container.
fn described(details: &Details, fields: &mut Object<'_>) {
    optional("name", details.name.as_deref(), fields);
    // An image without an id is none in OCSF.
    if let Some(digest) = image_id(details) {
        fields.object("image", |image| {
            image.text("uid", digest);
            optional("name", details.image_name.as_deref(), image);
            if let Some(tag) = &details.image_tag {
                image.array("labels", |labels| labels.text(tag));
            }
        });
    }
    if !details.labels.is_empty() {
        fields.array("tags", |tags| {
            for (label, value) in &details.labels {
                tags.object(|tag| {
                    tag.pieces("name", |text| text.piece(label));
                    tag.pieces("value", |text| text.piece(value));
                });
            }
        });
    }
}

/// What OCSF has no place for: the pod's names, static pods' ids, an image without a digest.
pub(super) fn unmapped(observed: &Observed<'_>, fields: &mut Object<'_>) {
    let Some(placement) = placement(observed) else {
        return;
    };
    let details = observed.surroundings.details.map(|details| &**details);
    let outer = placement
        .outer
        .as_ref()
        .filter(|_| placement.outer != placement.container);
    fields.object("container", |fields| {
        optional("outer_id", outer.map(|outer| &*outer.id), fields);
        if placement.container.is_some()
            && let Some(details) = details.filter(|details| image_id(details).is_none())
        {
            optional("image_name", details.image_name.as_deref(), fields);
            optional("image_tag", details.image_tag.as_deref(), fields);
        }
    });
    let (uid, _) = pod(placement, details);
    // The container object has the others, if there is one.
    let has_place = placement.container.is_some() && uid.is_some_and(is_uuid);
    fields.object("pod", |fields| {
        optional("uid", uid.filter(|_| !has_place), fields);
        if let Some(pod) = details.and_then(|details| details.pod.as_ref()) {
            optional("namespace", pod.namespace.as_deref(), fields);
            optional("name", pod.name.as_deref(), fields);
            if !pod.labels.is_empty() {
                fields.object("labels", |fields| {
                    for (label, value) in &pod.labels {
                        fields.label(label, value);
                    }
                });
            }
        }
    });
    fields.object("systemd", |fields| {
        optional("unit", placement.systemd.unit.as_deref(), fields);
        optional("user_unit", placement.systemd.user_unit.as_deref(), fields);
    });
}

/// The pod's id, and whether there is a pod.
fn pod<'a>(placement: &'a Placement, details: Option<&'a Details>) -> (Option<&'a str>, bool) {
    let told = details.and_then(|details| details.pod.as_ref());
    let uid = placement.pod.as_ref().map(|pod| &*pod.uid);
    let uid = uid.or(told.and_then(|pod| pod.uid.as_deref()));
    (uid, uid.is_some() || told.is_some())
}

fn image_id(details: &Details) -> Option<&str> {
    details.image_hashes.first().map(String::as_str)
}

fn placement<'a>(observed: &Observed<'a>) -> Option<&'a Placement> {
    observed.process?.placement.as_deref()
}
