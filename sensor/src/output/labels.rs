//! What documents are filed under, in the words of ECS and of Elastic Defend.

use sensor_common::{network::Direction, record::Family};

use super::{Content, changes::Changed};
use crate::event::{Body, BpfAccess, Event, Verdict, state::Statement};

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
    /// Those of a document.
    pub(super) fn of(content: &Content<'_>) -> Self {
        match content {
            Content::Event(observed) => Self::of_event(observed.event),
            Content::Statement(stated) => Self::of_statement(&stated.statement),
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
            category: "host",
            types,
            action,
            dataset: "sensor.state",
        }
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
