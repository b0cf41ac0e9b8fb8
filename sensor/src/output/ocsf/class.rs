//! What OCSF calls an event: its class, and the activity of it.
//!
//! A document's own name (`metadata.event_code`) tells apart what OCSF has one activity for.

use sensor_common::network::Role;

use crate::{
    event::{Body, BpfAccess, Closed, Event, Verdict, dns::Message, state::Statement},
    output::{changes::Changed, json::Object, labels::Labels, names::Name},
};

/// A class of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub(super) enum Class {
    /// What no other class is for.
    Base = 0,
    KernelExtension = 1002,
    Kernel = 1003,
    Process = 1007,
    DetectionFinding = 2004,
    Network = 4001,
    Dns = 4003,
    ApplicationLifecycle = 6002,
    ApplicationError = 6008,
}

/// An activity of a class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Activity {
    pub(super) class: Class,
    id: u16,
    name: &'static str,
}

/// The `activity_id` of what has none.
const OTHER: u16 = 99;

impl Class {
    const fn uid(self) -> u16 {
        self as u16
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Base => "Base Event",
            Self::KernelExtension => "Kernel Extension Activity",
            Self::Kernel => "Kernel Activity",
            Self::Process => "Process Activity",
            Self::DetectionFinding => "Detection Finding",
            Self::Network => "Network Activity",
            Self::Dns => "DNS Activity",
            Self::ApplicationLifecycle => "Application Lifecycle",
            Self::ApplicationError => "Application Error",
        }
    }

    /// Whether an event of the class must name the process that acted.
    const fn needs_actor(self) -> bool {
        matches!(self, Self::KernelExtension | Self::Kernel | Self::Process)
    }
}

impl Activity {
    const fn new(class: Class, id: u16, name: &'static str) -> Self {
        Self { class, id, name }
    }

    const fn other(class: Class, name: &'static str) -> Self {
        Self::new(class, OTHER, name)
    }

    /// That of an event; `message` is a DNS event's.
    ///
    /// Classes of the system's activity must name who acted. The kernel tells of nearly all; of the
    /// rest a base event says what is known.
    pub(super) fn of_event(event: &Event, message: Option<&Message>) -> Self {
        let activity = Self::of_body(event, message);
        if activity.class.needs_actor() && event.actor.is_none() {
            Self::other(Class::Base, Labels::of_event(event).action)
        } else {
            activity
        }
    }

    fn of_body(event: &Event, message: Option<&Message>) -> Self {
        let other = |class| Self::other(class, Labels::of_event(event).action);
        match &event.body {
            // `launch_type_id` tells them apart.
            Body::Fork(_) | Body::Exec(_) => Self::new(Class::Process, 1, "Launch"),
            Body::Exit(_) => Self::new(Class::Process, 2, "Terminate"),
            // That code is run in the other process by it (Inject) is not known: any debugger, and
            // many a reader of /proc, gets this access.
            Body::Ptrace(_) => Self::new(Class::Process, 3, "Open"),
            Body::CredentialChange(change) => {
                let groups_differ = change.groups_before != change.groups_after;
                Self::credentials(Changed::between(
                    &change.before,
                    &change.after,
                    groups_differ,
                ))
            }
            Body::CredentialDivergence(divergence) => match divergence.verdict {
                Verdict::Overwritten => Self::new(Class::DetectionFinding, 1, "Create"),
                Verdict::Observed => Self::credentials(Changed::between(
                    &divergence.before,
                    &divergence.after,
                    false,
                )),
            },
            Body::Namespace(_) => other(Class::Process),
            Body::Connect(_) | Body::Accept(_) | Body::Established(_) => {
                Self::new(Class::Network, 1, "Open")
            }
            Body::Closed(closed) => Self::closed(closed),
            Body::Datagram(_) => Self::new(Class::Network, 6, "Traffic"),
            Body::Listen(_) => Self::new(Class::Network, 7, "Listen"),
            Body::Bind(_) => other(Class::Network),
            Body::DnsQuestion(_) | Body::DnsAnswer(_) => {
                if is_answer(event, message) {
                    Self::new(Class::Dns, 2, "Response")
                } else {
                    Self::new(Class::Dns, 1, "Query")
                }
            }
            Body::ModuleLoad(_) => Self::new(Class::KernelExtension, 1, "Load"),
            // An extension, but none that has a file, which that class demands; nor does it know
            // what it is to open one.
            Body::BpfProgram(program) => match program.access {
                BpfAccess::Load => Self::new(Class::Kernel, 1, "Create"),
                BpfAccess::Open => Self::new(Class::Kernel, 2, "Read"),
            },
        }
    }

    /// "Set User ID" only if it was one.
    const fn credentials(changed: Changed) -> Self {
        match changed {
            Changed::UserId => Self::new(Class::Process, 5, "Set User ID"),
            changed => Self::other(Class::Process, changed.action()),
        }
    }

    fn closed(closed: &Closed) -> Self {
        let (id, name) = match Name::of_error(closed.error) {
            _ if closed.error == 0 || closed.role == Role::Listener => (2, "Close"),
            Name::Known("ECONNREFUSED") => (5, "Refuse"),
            Name::Known("ECONNRESET" | "EPIPE") => (3, "Reset"),
            _ => (4, "Fail"),
        };
        Self::new(Class::Network, id, name)
    }

    /// That of a statement.
    ///
    /// Event Log Activity is about logs that somebody clears, exports, stops. That the sensor could
    /// not tell all that happened is an error of the application, which the class "for applications
    /// that generate OCSF events" is for; a test is neither.
    pub(super) const fn of_statement(statement: &Statement) -> Self {
        match statement {
            Statement::Started(_) => Self::new(Class::ApplicationLifecycle, 3, "Start"),
            Statement::Stopped(_) => Self::new(Class::ApplicationLifecycle, 4, "Stop"),
            Statement::Lost(_) | Statement::Undelivered(_) => {
                Self::new(Class::ApplicationError, 1, "General Error")
            }
            Statement::Tested => Self::other(Class::Base, "sink_tested"),
        }
    }

    /// That of an alert.
    pub(super) const fn of_alert() -> Self {
        Self::new(Class::DetectionFinding, 1, "Create")
    }

    /// Adds what classifies an event.
    pub(super) fn write(self, line: &mut Object<'_>) {
        let class = self.class.uid();
        line.number("activity_id", self.id);
        line.word("activity_name", self.name);
        line.number("category_uid", class / 1000);
        line.number("class_uid", class);
        line.word("class_name", self.class.name());
        line.number("type_uid", u32::from(class) * 100 + u32::from(self.id));
    }
}

/// Whether a DNS message answers; of one that cannot be read, whether it came in.
pub(super) fn is_answer(event: &Event, message: Option<&Message>) -> bool {
    message.map_or(matches!(event.body, Body::DnsAnswer(_)), |message| {
        message.is_answer
    })
}
