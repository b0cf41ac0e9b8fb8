//! What every document has.

use sensor_common::{
    network::Direction,
    record::{Family, Ring},
};

use super::{
    Context,
    process::{self, credentials},
};
use crate::{
    enrich::cloud::Cloud,
    event::{Body, BpfAccess, Closed, Event, Origin, Verdict},
    hexadecimal,
    host::Host,
    output::{
        Observed,
        changes::Changed,
        json::{self, Object},
    },
    process::BootId,
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

/// What a document is filed under.
#[derive(Clone, Copy)]
pub(super) struct Labels {
    /// `event.kind`.
    pub(super) kind: &'static str,
    /// `event.category`.
    pub(super) category: &'static str,
    /// `event.type`.
    pub(super) types: &'static [&'static str],
    /// `event.action`.
    pub(super) action: &'static str,
    /// `event.dataset`.
    pub(super) dataset: &'static str,
}

const START: &[&str] = &["start"];
const START_CONNECTION: &[&str] = &["start", "connection"];
const CONNECTION: &[&str] = &["connection"];
const INFO: &[&str] = &["info"];
const PROTOCOL: &[&str] = &["protocol"];
const CHANGE: &[&str] = &["change"];

impl Labels {
    /// Those of an event.
    pub(super) fn of(event: &Event) -> Self {
        let (category, types, action) = Self::filed(&event.body);
        let (kind, action) = match &event.body {
            Body::CredentialDivergence(divergence)
                if divergence.verdict == Verdict::Overwritten =>
            {
                ("alert", "credentials_overwritten")
            }
            _ => ("event", action),
        };
        Self {
            kind,
            category,
            types,
            action,
            dataset: match event.kind().family() {
                Family::Exec => "sensor.exec",
                Family::Network => "sensor.network",
                Family::Privilege => "sensor.privilege",
                Family::Control => "sensor.control",
            },
        }
    }

    /// Adds the fields.
    pub(super) fn write(self, event: &mut Object<'_>) {
        event.word("kind", self.kind);
        event.words("category", [self.category]);
        event.words("type", self.types.iter().copied());
        event.word("action", self.action);
        event.word("dataset", self.dataset);
        event.word("module", "sensor");
    }

    /// Category, type and action of what happened.
    fn filed(body: &Body) -> (&'static str, &'static [&'static str], &'static str) {
        match body {
            Body::Fork(_) => ("process", START, "fork"),
            Body::Exec(_) => ("process", START, "exec"),
            Body::Exit(_) => ("process", &["end"], "end"),
            Body::Connect(_) => ("network", START_CONNECTION, "connection_attempted"),
            Body::Accept(_) => ("network", START_CONNECTION, "connection_accepted"),
            Body::Bind(_) => ("network", INFO, "bind"),
            Body::Listen(_) => ("network", INFO, "listen"),
            Body::Established(_) => ("network", CONNECTION, "connection_established"),
            Body::Closed(_) => ("network", &["end", "connection"], "disconnect_received"),
            Body::Datagram(datagram) => match datagram.direction {
                Direction::Egress => ("network", CONNECTION, "datagram_sent"),
                Direction::Ingress => ("network", CONNECTION, "datagram_received"),
            },
            Body::DnsQuestion(_) => ("network", PROTOCOL, "lookup_requested"),
            Body::DnsAnswer(_) => ("network", PROTOCOL, "lookup_result"),
            Body::CredentialChange(change) => {
                let groups_differ = change.groups_before != change.groups_after;
                let changed = Changed::between(&change.before, &change.after, groups_differ);
                ("process", CHANGE, changed.action())
            }
            Body::CredentialDivergence(divergence) => {
                let changed = Changed::between(&divergence.before, &divergence.after, false);
                ("process", CHANGE, changed.action())
            }
            Body::Namespace(_) => ("process", CHANGE, "namespace_change"),
            Body::Ptrace(_) => ("process", &["access"], "ptrace"),
            Body::ModuleLoad(_) => ("driver", START, "load_module"),
            Body::BpfProgram(program) => match program.access {
                BpfAccess::Load => ("driver", START, "load_bpf_program"),
                BpfAccess::Open => ("driver", INFO, "open_bpf_program"),
            },
        }
    }
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

/// Builds `event.id`s, in one place for all.
#[derive(Debug)]
pub(super) struct EventId {
    text: Vec<u8>,
    boot_length: usize,
}

impl EventId {
    /// Ids of a boot's events.
    pub(super) fn new(boot: BootId) -> Self {
        let text = boot.to_string().into_bytes();
        Self {
            boot_length: text.len(),
            text,
        }
    }

    /// The id of an event.
    pub(super) fn of(&mut self, origin: &Origin) -> &[u8] {
        self.text.truncate(self.boot_length);
        // A program can be interrupted while it counts, and then two records have one sequence; never
        // one time too.
        for number in [
            origin.cpu.into(),
            origin.ring as u64,
            origin.sequence,
            origin.time.0,
        ] {
            self.text.push(b'-');
            hexadecimal::append(number, &mut self.text);
        }
        &self.text
    }
}

/// `user` and `group`.
pub(super) fn user(observed: &Observed<'_>, labels: Labels, line: &mut Object<'_>) {
    let credentials = credentials(observed);
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
