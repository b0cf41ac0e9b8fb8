//! What documents are filed under, in the words of ECS and of Elastic Defend.

use sensor_common::{network::Direction, record::Family};

use super::{Alerted, Content, changes::Changed};
use crate::event::{Body, BpfAccess, Event, Verdict, state::Statement};

/// What a document is filed under.
#[derive(Clone, Copy)]
pub(super) struct Labels {
    /// `event.kind`.
    pub(super) kind: &'static str,
    /// `event.category`.
    pub(super) categories: &'static [&'static str],
    /// `event.type`.
    pub(super) types: &'static [&'static str],
    /// `event.action`.
    pub(super) action: &'static str,
    /// `event.dataset`.
    pub(super) dataset: &'static str,
}

/// What sort of thing happened: what an event is filed under first.
#[derive(Clone, Copy)]
enum Category {
    Process,
    Network,
    Driver,
}

const START: &[&str] = &["start"];
const START_CONNECTION: &[&str] = &["start", "connection"];
const CONNECTION: &[&str] = &["connection"];
const INFO: &[&str] = &["info"];
const PROTOCOL: &[&str] = &["protocol"];
const CHANGE: &[&str] = &["change"];

impl Labels {
    /// Those of a document.
    pub(super) fn of(content: &Content<'_>) -> Self {
        match content {
            Content::Event(observed) => Self::of_event(observed.event),
            Content::Alert(alerted) => Self::of_alert(alerted),
            Content::Statement(stated) => Self::of_statement(&stated.statement),
        }
    }

    /// Those of an alert: what it is raised at, and that it is one. Of all types that the one has,
    /// the other has only "info".
    pub(super) fn of_alert(alerted: &Alerted<'_>) -> Self {
        let (category, ..) = Self::filed(&alerted.observed.event.body);
        Self {
            kind: "alert",
            categories: match category {
                Category::Process => &["process", "intrusion_detection"],
                Category::Network => &["network", "intrusion_detection"],
                Category::Driver => &["driver", "intrusion_detection"],
            },
            types: INFO,
            action: "rule_detection",
            dataset: "sensor.alert",
        }
    }

    /// Those of an event.
    pub(super) fn of_event(event: &Event) -> Self {
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
            categories: match category {
                Category::Process => &["process"],
                Category::Network => &["network"],
                Category::Driver => &["driver"],
            },
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

    /// Those of a statement.
    pub(super) const fn of_statement(statement: &Statement) -> Self {
        let (types, action): (&[&str], _) = match statement {
            Statement::Started(_) => (&["start"], "sensor_started"),
            Statement::Lost(_) => (&["info"], "events_lost"),
            Statement::Undelivered(_) => (&["info"], "events_undelivered"),
            Statement::Tested => (&["info"], "sink_tested"),
            Statement::Stopped(_) => (&["end"], "sensor_stopped"),
        };
        Self {
            kind: "state",
            categories: &["host"],
            types,
            action,
            dataset: "sensor.state",
        }
    }

    /// Category, type and action of what happened.
    fn filed(body: &Body) -> (Category, &'static [&'static str], &'static str) {
        match body {
            Body::Fork(_) => (Category::Process, START, "fork"),
            Body::Exec(_) => (Category::Process, START, "exec"),
            Body::Exit(_) => (Category::Process, &["end"], "end"),
            Body::Connect(_) => (Category::Network, START_CONNECTION, "connection_attempted"),
            Body::Accept(_) => (Category::Network, START_CONNECTION, "connection_accepted"),
            Body::Bind(_) => (Category::Network, INFO, "bind"),
            Body::Listen(_) => (Category::Network, INFO, "listen"),
            Body::Established(_) => (Category::Network, CONNECTION, "connection_established"),
            Body::Closed(_) => (
                Category::Network,
                &["end", "connection"],
                "disconnect_received",
            ),
            Body::Datagram(datagram) => match datagram.direction {
                Direction::Egress => (Category::Network, CONNECTION, "datagram_sent"),
                Direction::Ingress => (Category::Network, CONNECTION, "datagram_received"),
            },
            Body::DnsQuestion(_) => (Category::Network, PROTOCOL, "lookup_requested"),
            Body::DnsAnswer(_) => (Category::Network, PROTOCOL, "lookup_result"),
            Body::CredentialChange(change) => {
                let groups_differ = change.groups_before != change.groups_after;
                let changed = Changed::between(&change.before, &change.after, groups_differ);
                (Category::Process, CHANGE, changed.action())
            }
            Body::CredentialDivergence(divergence) => {
                let changed = Changed::between(&divergence.before, &divergence.after, false);
                (Category::Process, CHANGE, changed.action())
            }
            Body::Namespace(_) => (Category::Process, CHANGE, "namespace_change"),
            Body::Ptrace(_) => (Category::Process, &["access"], "ptrace"),
            Body::ModuleLoad(_) => (Category::Driver, START, "load_module"),
            Body::BpfProgram(program) => match program.access {
                BpfAccess::Load => (Category::Driver, START, "load_bpf_program"),
                BpfAccess::Open => (Category::Driver, INFO, "open_bpf_program"),
            },
        }
    }
}
