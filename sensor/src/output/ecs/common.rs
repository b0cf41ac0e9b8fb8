//! What every document has.

use sensor_common::record::Ring;

use super::{Context, process};
use crate::{
    enrich::cloud::Cloud,
    event::{Closed, Event},
    host::Host,
    observed::Observed,
    output::{
        changes::Changed,
        json::{self, Object},
        labels::Labels,
    },
};

/// The version of ECS that the documents follow.
const ECS_VERSION: &str = "9.3.0";

/// What every document of a host ends with: the fields that are the same in all, from the comma
/// before them to the end of the line.
pub(super) fn end(host: &Host) -> Vec<u8> {
    let mut object = Vec::new();
    json::object(&mut object, |line| {
        line.object("agent", |fields| {
            fields.text("id", &host.agent_id);
            fields.word("type", "sensor");
            fields.text("version", &host.agent_version);
        });
        line.object("ecs", |fields| fields.word("version", ECS_VERSION));
        if let Some(cloud) = &host.cloud {
            line.object("cloud", |fields| self::cloud(cloud, fields));
        }
        line.object("host", |fields| self::host(host, fields));
    });
    let mut end = vec![b','];
    end.extend(object.iter().skip(1));
    end.push(b'\n');
    end
}

fn cloud(cloud: &Cloud, fields: &mut Object<'_>) {
    let optional = |text: &Option<String>| text.clone().unwrap_or_default();
    fields.word("provider", cloud.provider.name());
    fields.text("region", &optional(&cloud.region));
    fields.text("availability_zone", &optional(&cloud.availability_zone));
    fields.object("instance", |instance| {
        instance.text("id", &optional(&cloud.instance_id));
        instance.text("name", &optional(&cloud.instance_name));
    });
    fields.object("machine", |machine| {
        machine.text("type", &optional(&cloud.machine_type));
    });
    fields.object("account", |account| {
        account.text("id", &optional(&cloud.account_id));
    });
    fields.object("project", |project| {
        project.text("id", &optional(&cloud.project_id));
    });
}

fn host(host: &Host, fields: &mut Object<'_>) {
    let optional = |text: &Option<String>| text.clone().unwrap_or_default();
    fields.text("id", &optional(&host.machine_id));
    fields.text("name", &host.name);
    fields.text("hostname", &host.name);
    fields.text("architecture", &host.architecture);
    fields.object("boot", |boot| boot.text("id", &host.boot_id));
    if let Some(inode) = host.pid_namespace {
        fields.number("pid_ns_ino", inode);
    }
    fields.object("os", |os| {
        os.word("type", "linux");
        os.text("kernel", &host.kernel);
        os.text("platform", &optional(&host.os_platform));
        os.text("name", &optional(&host.os_name));
        os.text("version", &optional(&host.os_version));
    });
}

/// Adds what a document is filed under.
pub(super) fn labels(labels: Labels, event: &mut Object<'_>) {
    event.word("kind", labels.kind);
    event.words("category", labels.categories.iter().copied());
    event.words("type", labels.types.iter().copied());
    event.word("action", labels.action);
    event.word("dataset", labels.dataset);
    event.word("module", "sensor");
}

/// `event.start`, `.end` and `.duration` of what ends.
pub(super) fn times(
    event: &Event,
    closed: &Closed,
    context: &mut Context<'_>,
    fields: &mut Object<'_>,
) {
    let end = event.origin.time;
    if let Some(start) = closed.opened.or(closed.established) {
        fields.word("start", context.timestamp(start));
        if let Some(duration) = end.0.checked_sub(start.0) {
            fields.number("duration", duration);
        }
    }
    fields.word("end", context.timestamp(end));
}

/// `user` and `group`.
pub(super) fn user(observed: &Observed<'_>, labels: Labels, line: &mut Object<'_>) {
    let credentials = observed.credentials();
    let accounts = observed.surroundings.accounts;
    let user = credentials.map(|credentials| credentials.euid);
    if let Some(id) = user.or(observed.event.actor.map(|actor| actor.uid)) {
        line.object("user", |fields| {
            process::user(id, accounts, fields);
            if labels.action == Changed::UserId.action() {
                fields.object("changes", |fields| fields.id("id", id));
            }
        });
    }
    if let Some(credentials) = credentials {
        line.object("group", |fields| {
            process::group(credentials.egid, accounts, fields);
        });
    }
}

/// `sensor.record`.
pub(super) fn record(observed: &Observed<'_>, fields: &mut Object<'_>) {
    let origin = &observed.event.origin;
    fields.number("cpu", origin.cpu);
    fields.word(
        "ring",
        match origin.ring {
            Ring::Critical => "critical",
            Ring::Bulk => "bulk",
        },
    );
    fields.number("sequence", origin.sequence);
    fields.number("boot_time", origin.time.0);
    fields.flag("late", observed.late);
}
