//! Where a process runs: `container`, `orchestrator`, `sensor.systemd`.

use crate::{
    enrich::runtimes::{Details, PodDetails},
    observed::Observed,
    output::json::Object,
    process::placement::{Placement, Shape},
};

/// `container` and `orchestrator`.
pub(super) fn container(observed: &Observed<'_>, line: &mut Object<'_>) {
    let Some(placement) = placement(observed) else {
        return;
    };
    let details = observed.surroundings.details.map(|details| &**details);
    if let Some(container) = &placement.container {
        line.object("container", |fields| {
            fields.text("id", &container.id);
            let told = details.map(|details| details.runtime.name());
            if let Some(runtime) = container.runtime.map(|runtime| runtime.name()).or(told) {
                fields.word("runtime", runtime);
            }
            if let Some(details) = details {
                described(details, fields);
            }
        });
    }
    let pod = details.and_then(|details| details.pod.as_ref());
    let uid = placement.pod.as_ref().map(|pod| &*pod.uid);
    let uid = uid.or(pod.and_then(|pod| pod.uid.as_deref()));
    if uid.is_some() || pod.is_some() {
        line.object("orchestrator", |fields| orchestrator(uid, pod, fields));
    }
}

/// What the runtime says of a container.
fn described(details: &Details, fields: &mut Object<'_>) {
    optional("name", details.name.as_deref(), fields);
    fields.object("image", |fields| {
        optional("name", details.image_name.as_deref(), fields);
        if let Some(tag) = &details.image_tag {
            fields.array("tag", |array| array.text(tag));
        }
        if !details.image_hashes.is_empty() {
            fields.object("hash", |fields| {
                fields.array("all", |array| {
                    details
                        .image_hashes
                        .iter()
                        .for_each(|hash| array.text(hash));
                });
            });
        }
    });
    if !details.labels.is_empty() {
        fields.object("labels", |fields| {
            for (label, value) in &details.labels {
                fields.label(label, value);
            }
        });
    }
}

fn orchestrator(uid: Option<&str>, pod: Option<&PodDetails>, fields: &mut Object<'_>) {
    fields.word("type", "kubernetes");
    optional(
        "namespace",
        pod.and_then(|pod| pod.namespace.as_deref()),
        fields,
    );
    fields.object("resource", |fields| {
        fields.word("type", "pod");
        optional("id", uid, fields);
        optional("name", pod.and_then(|pod| pod.name.as_deref()), fields);
        if let Some(pod) = pod.filter(|pod| !pod.labels.is_empty()) {
            fields.array("label", |array| {
                for (label, value) in &pod.labels {
                    array.text(&format!("{label}:{value}"));
                }
            });
        }
    });
}

/// `sensor.systemd` and `sensor.container`.
pub(super) fn sensor(observed: &Observed<'_>, sensor: &mut Object<'_>) {
    let Some(placement) = placement(observed) else {
        return;
    };
    let systemd = &placement.systemd;
    sensor.object("systemd", |fields| {
        optional("unit", systemd.unit.as_deref(), fields);
        optional("slice", systemd.slice.as_deref(), fields);
        optional("user_unit", systemd.user_unit.as_deref(), fields);
        optional("session", systemd.session.as_deref(), fields);
        if let Some(uid) = systemd.owner_uid {
            fields.id("owner_uid", uid);
        }
    });
    sensor.object("container", |fields| {
        let outer = placement
            .outer
            .as_ref()
            .filter(|_| placement.outer != placement.container);
        optional("outer_id", outer.map(|outer| &*outer.id), fields);
        fields.flag("unknown", placement.shape == Shape::Unknown);
    });
}

fn optional(name: &'static str, text: Option<&str>, fields: &mut Object<'_>) {
    fields.text(name, text.unwrap_or_default());
}

fn placement<'a>(observed: &Observed<'a>) -> Option<&'a Placement> {
    observed.process?.placement.as_deref()
}
