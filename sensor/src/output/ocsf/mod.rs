//! OCSF 1.8.0: one JSON event a line, as docs/ocsf.md lays down.
//!
//! Each file writes the attributes of one subject, straight from the event. Nothing is put in an
//! event that is not known, and nothing under a name that the schema does not have: what it has no
//! place for is in `unmapped`.
//!
//! - `class`: what OCSF calls an event.
//! - `metadata`: where an event comes from.
//! - `actor`, `process`, `file`, `ancestry`, `container`: who acted, on whom, and where.
//! - `network`, `dns`, `kernel`: what they did. `finding`, `attacks`: what was found.
//! - `unmapped`, with `credentials`: what OCSF has no place for.
//! - `state`: what the sensor says of itself.

mod actor;
mod ancestry;
mod attacks;
mod class;
mod container;
mod credentials;
mod dns;
mod file;
mod finding;
mod kernel;
mod metadata;
mod network;
mod process;
mod state;
#[cfg(test)]
mod tests;
mod unmapped;

use std::io;

use self::{
    ancestry::Lines,
    class::{Activity, Class},
    finding::Found,
    metadata::Profiles,
};
use super::{
    Alerted, Content, Document, Format,
    described::Descriptions,
    event_id::EventIds,
    json::{self, Object},
    time::{Calendar, Timestamp},
};
use crate::observed::Observed;
use crate::{
    clock::{BootTime, WallOffset, WallTime},
    detect::severity::Severity,
    event::{
        Body,
        dns::{Message, MessageError},
        state::Stated,
    },
    host::Host,
    process::BootId,
};

/// Writes OCSF events.
#[derive(Debug)]
pub struct Ocsf {
    boot: BootId,
    host_name: String,
    /// The sensor, as a product.
    product: Vec<u8>,
    /// What every event's `metadata` begins with.
    metadata: Vec<u8>,
    /// What every event ends with.
    end: Vec<u8>,
    has_cloud: bool,
    event_ids: EventIds,
    calendar: Calendar,
    descriptions: Descriptions,
    lines: Lines,
}

/// What is needed to write names of processes and past times, and which profiles that takes.
struct Context<'a> {
    boot: BootId,
    host_name: &'a str,
    wall_offset: WallOffset,
    descriptions: &'a mut Descriptions,
    lines: &'a mut Lines,
    profiles: Profiles,
    /// Whether the event says less than there was.
    is_truncated: bool,
}

/// What `metadata` says of one event.
struct Particulars<'a> {
    id: &'a [u8],
    code: &'static str,
    sequence: u64,
    time: Timestamp,
    is_truncated: bool,
    profiles: Profiles,
}

/// What a DNS message says, for an event that has one.
type Parsed = Option<Result<Message, MessageError>>;

impl Context<'_> {
    fn milliseconds(&self, moment: BootTime) -> i64 {
        milliseconds(self.wall_offset.wall_time(moment))
    }
}

impl Ocsf {
    /// Events of a host.
    #[must_use]
    pub fn new(host: &Host) -> Self {
        let product = metadata::product(host);
        Self {
            boot: host.boot(),
            host_name: metadata::host_name(host).to_owned(),
            metadata: metadata::beginning(&product),
            product,
            end: metadata::end(host),
            has_cloud: host.cloud.is_some(),
            event_ids: EventIds::new(host),
            calendar: Calendar::default(),
            descriptions: Descriptions::default(),
            lines: Lines::default(),
        }
    }

    fn event(&mut self, document: &Document<'_>, observed: &Observed<'_>, out: &mut Vec<u8>) {
        self.observed(document, observed, None, out);
    }

    /// An alert is a finding, with the event that it is raised at as evidence.
    fn alert(&mut self, document: &Document<'_>, alerted: Alerted<'_>, out: &mut Vec<u8>) {
        let evidence = self.event_ids.of_evidence(alerted.alert);
        let found = Found {
            alerted,
            evidence: &evidence,
        };
        self.observed(document, &alerted.observed, Some(found), out);
    }

    fn observed(
        &mut self,
        document: &Document<'_>,
        observed: &Observed<'_>,
        found: Option<Found<'_>>,
        out: &mut Vec<u8>,
    ) {
        let event = observed.event;
        let message: Parsed = match &event.body {
            Body::DnsQuestion(dns) | Body::DnsAnswer(dns) => Some(Message::parse(&dns.message)),
            _ => None,
        };
        let readable = message.as_ref().and_then(|message| message.as_ref().ok());
        let activity = match &found {
            None => Activity::of_event(event, readable),
            Some(_) => Activity::of_alert(),
        };
        let id = self.event_ids.of(document);
        let context = &mut Context {
            boot: self.boot,
            host_name: &self.host_name,
            wall_offset: document.wall_offset,
            descriptions: &mut self.descriptions,
            lines: &mut self.lines,
            profiles: Profiles {
                cloud: self.has_cloud,
                ..Profiles::default()
            },
            is_truncated: unmapped::is_truncated(&event.body),
        };
        json::object(out, |line| {
            occurrence(document, activity, line);
            line.object("actor", |fields| {
                actor::actor(activity.class, observed, context, fields);
            });
            match activity.class {
                Class::Process => actor::process_activity(observed, context, line),
                Class::DetectionFinding => match &found {
                    None => finding::divergence(id, observed, context, line),
                    Some(found) => found.write(id, readable, context, line),
                },
                Class::Network => network::network(&event.body, context, event.origin.time, line),
                Class::Dns => {
                    network::lookup(event, readable, context, line);
                    dns::dns(event, readable, context, line);
                }
                Class::KernelExtension | Class::Kernel => kernel::kernel(&event.body, line),
                Class::Base | Class::ApplicationLifecycle | Class::ApplicationError => {}
            }
            line.object("unmapped", |fields| {
                unmapped::unmapped(activity.class, observed, message.as_ref(), context, fields);
                if let Some(found) = &found {
                    fields.object("alert", |fields| found.unmapped(fields));
                }
            });
            let particulars = Particulars {
                id,
                code: document.topic().code(),
                sequence: document.sequence,
                time: self.calendar.timestamp(document.time()),
                is_truncated: context.is_truncated,
                profiles: context.profiles,
            };
            particulars.write(&self.metadata, line);
        });
    }

    fn statement(
        &mut self,
        document: &Document<'_>,
        stated: &Stated,
        out: &mut Vec<u8>,
    ) -> io::Result<()> {
        let statement = &stated.statement;
        let particulars = Particulars {
            id: self.event_ids.of(document),
            code: statement.code(),
            sequence: document.sequence,
            time: self.calendar.timestamp(document.time()),
            is_truncated: false,
            profiles: Profiles {
                cloud: self.has_cloud,
                ..Profiles::default()
            },
        };
        let mut result = Ok(());
        json::object(out, |line| {
            let activity = Activity::of_statement(statement);
            occurrence(document, activity, line);
            if activity.class == Class::ApplicationLifecycle {
                line.object("app", |fields| fields.append(&self.product));
            }
            line.text("message", &state::message(statement));
            line.object("unmapped", |fields| {
                result = state::unmapped(statement, fields);
            });
            particulars.write(&self.metadata, line);
        });
        result
    }
}

impl Format for Ocsf {
    fn write(&mut self, document: &Document<'_>, out: &mut Vec<u8>) -> io::Result<()> {
        let begin = out.len();
        let result = match &document.content {
            Content::Event(observed) => {
                self.event(document, observed, out);
                Ok(())
            }
            Content::Alert(alerted) => {
                self.alert(document, *alerted, out);
                Ok(())
            }
            Content::Statement(stated) => self.statement(document, stated, out),
        };
        if result.is_ok() {
            // The end takes the place of the last brace.
            out.pop();
            out.extend_from_slice(&self.end);
        } else {
            out.truncate(begin);
        }
        result
    }
}

impl Particulars<'_> {
    /// `metadata`.
    fn write(&self, beginning: &[u8], line: &mut Object<'_>) {
        line.object("metadata", |fields| {
            fields.append(beginning);
            fields.word("uid", self.id);
            fields.word("event_code", self.code);
            fields.number("sequence", long(self.sequence));
            // OCSF's times have milliseconds; the kernel's have nanoseconds.
            fields.word("original_time", self.time);
            fields.flag("is_truncated", self.is_truncated);
            self.profiles.write(fields);
        });
    }
}

/// What happened, when, and how grave it is.
fn occurrence(document: &Document<'_>, activity: Activity, line: &mut Object<'_>) {
    line.number("time", milliseconds(document.time()));
    activity.write(line);
    let severity = document.severity();
    line.number("severity_id", severity.number());
    line.word(
        "severity",
        match severity {
            Severity::Informational => "Informational",
            Severity::Low => "Low",
            Severity::Medium => "Medium",
            Severity::High => "High",
            Severity::Critical => "Critical",
        },
    );
}

/// OCSF's `timestamp_t`: milliseconds since 1970.
const fn milliseconds(time: WallTime) -> i64 {
    time.0.div_euclid(1_000_000)
}

/// OCSF's `long_t`, which has a sign. What is greater is shown as the greatest there is.
fn long(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A text, if there is one.
fn optional(name: &'static str, text: Option<&str>, fields: &mut Object<'_>) {
    fields.text(name, text.unwrap_or_default());
}
