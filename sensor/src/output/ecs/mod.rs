//! ECS: one JSON document a line, as docs/events.md lays down.
//!
//! Each file writes the fields of one subject, straight from the event. Nothing is put in a document
//! that is not known.
//!
//! - `common`: what every document has.
//! - `process`, `lineage`, `capabilities`: who acted.
//! - `placement`: where.
//! - `alert`: what a rule found.
//! - `exec`, `script`, `network`, `dns`, `privilege`: what they did.
//! - `state`: what the sensor says of itself.

mod alert;
mod capabilities;
mod common;
mod dns;
mod exec;
mod lineage;
mod network;
mod placement;
mod privilege;
mod process;
mod script;
mod state;
#[cfg(test)]
pub(super) mod tests;

use std::io;

use self::{alert::Found, lineage::Relatives};
use super::{
    Alerted, Content, Document, Format,
    described::Descriptions,
    event_id::EventIds,
    json::{self, Object},
    labels::Labels,
    time::{Calendar, Timestamp},
};
use crate::observed::Observed;
use crate::{
    clock::{BootTime, WallOffset},
    event::{Body, dns::Message, state::Stated},
    host::Host,
    process::BootId,
};

/// Writes ECS documents.
#[derive(Debug)]
pub struct Ecs {
    boot: BootId,
    /// What every document ends with.
    end: Vec<u8>,
    event_ids: EventIds,
    /// For the times of events.
    now: Calendar,
    /// For the times at which processes started.
    past: Calendar,
    descriptions: Descriptions,
    relatives: Relatives,
}

/// What is needed to write names of processes and past times.
struct Context<'a> {
    boot: BootId,
    wall_offset: WallOffset,
    calendar: &'a mut Calendar,
    descriptions: &'a mut Descriptions,
    relatives: &'a mut Relatives,
}

impl Context<'_> {
    fn timestamp(&mut self, moment: BootTime) -> Timestamp {
        self.calendar.timestamp(self.wall_offset.wall_time(moment))
    }
}

impl Ecs {
    /// Documents of a host's events.
    #[must_use]
    pub fn new(host: &Host) -> Self {
        Self {
            boot: host.boot(),
            end: common::end(host),
            event_ids: EventIds::new(host),
            now: Calendar::default(),
            past: Calendar::default(),
            descriptions: Descriptions::default(),
            relatives: Relatives::default(),
        }
    }

    fn event(&mut self, document: &Document<'_>, observed: &Observed<'_>, out: &mut Vec<u8>) {
        self.observed(document, observed, None, out);
    }

    /// An alert is the event that it is raised at, with what was found.
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
        let timestamp = self.now.timestamp(document.time());
        let id = self.event_ids.of(document);
        let labels = Labels::of_event(event);
        let context = &mut Context {
            boot: self.boot,
            wall_offset: document.wall_offset,
            calendar: &mut self.past,
            descriptions: &mut self.descriptions,
            relatives: &mut self.relatives,
        };
        json::object(out, |line| {
            line.word("@timestamp", timestamp);
            line.object("event", |fields| {
                fields.word("id", id);
                fields.number("sequence", document.sequence);
                fields.word("code", document.topic().code());
                match &found {
                    None => common::labels(labels, fields),
                    Some(found) => {
                        common::labels(Labels::of_alert(&found.alerted), fields);
                        found.event(fields);
                    }
                }
                if let Body::Closed(closed) = &event.body {
                    common::times(event, closed, context, fields);
                }
            });
            if let Some(found) = &found {
                found.rule(line);
            }
            line.object("process", |fields| {
                process::process(observed, context, fields);
            });
            common::user(observed, labels, line);
            placement::container(observed, line);
            if let Body::Exec(_) = &event.body {
                script::package(observed, line);
            }
            match &event.body {
                Body::DnsQuestion(dns) | Body::DnsAnswer(dns) => {
                    let message = Message::parse(&dns.message);
                    line.object("dns", |fields| {
                        dns::dns(event, message.as_ref().ok(), fields);
                    });
                    network::sides(&event.body, line);
                    line.object("sensor", |fields| {
                        sensor(observed, found, context, fields);
                        fields.object("dns", |fields| dns::sensor(dns, &message, fields));
                    });
                }
                body => {
                    network::sides(body, line);
                    line.object("sensor", |fields| sensor(observed, found, context, fields));
                }
            }
        });
    }

    fn statement(
        &mut self,
        document: &Document<'_>,
        stated: &Stated,
        out: &mut Vec<u8>,
    ) -> io::Result<()> {
        let id = self.event_ids.of(document);
        let mut result = Ok(());
        json::object(out, |line| {
            line.word("@timestamp", self.now.timestamp(document.time()));
            line.object("event", |fields| {
                fields.word("id", id);
                fields.number("sequence", document.sequence);
                fields.word("code", stated.statement.code());
                common::labels(Labels::of_statement(&stated.statement), fields);
            });
            line.object("sensor", |fields| {
                result = state::sensor(&stated.statement, fields);
            });
        });
        result
    }
}

impl Format for Ecs {
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

/// `sensor`, but for what DNS adds.
fn sensor(
    observed: &Observed<'_>,
    found: Option<Found<'_>>,
    context: &mut Context<'_>,
    sensor: &mut Object<'_>,
) {
    if let Some(found) = found {
        sensor.object("alert", |fields| found.sensor(context, fields));
    }
    sensor.object("record", |fields| common::record(observed, fields));
    sensor.object("process", |fields| {
        process::sensor(observed, context, fields);
    });
    placement::sensor(observed, sensor);
    match &observed.event.body {
        Body::Fork(_) => {
            sensor.object("fork", |fields| exec::fork(observed, context, fields));
        }
        Body::Exec(exec) => {
            let actor = observed.event.actor.as_ref();
            sensor.object("exec", |fields| exec::exec(exec, actor, fields));
            script::script(exec, observed, sensor);
        }
        Body::Exit(exit) => sensor.object("exit", |fields| exec::exit(exit, fields)),
        Body::Connect(connection)
        | Body::Accept(connection)
        | Body::Bind(connection)
        | Body::Listen(connection)
        | Body::Established(connection) => {
            sensor.object("network", |fields| network::connection(connection, fields));
        }
        Body::Closed(closed) => {
            sensor.object("network", |fields| network::closed(closed, fields));
        }
        Body::Datagram(datagram) => {
            sensor.object("network", |fields| network::datagram(datagram, fields));
        }
        Body::DnsQuestion(dns) | Body::DnsAnswer(dns) => {
            sensor.object("network", |fields| {
                network::namespace(dns.namespace, fields);
            });
        }
        Body::CredentialChange(change) => {
            sensor.object("credentials", |fields| privilege::change(change, fields));
        }
        Body::CredentialDivergence(divergence) => {
            sensor.object("credentials", |fields| {
                privilege::divergence(divergence, fields);
            });
        }
        Body::Namespace(change) => {
            sensor.object("namespaces", |fields| privilege::namespaces(change, fields));
        }
        Body::Ptrace(ptrace) => {
            sensor.object("ptrace", |fields| privilege::ptrace(ptrace, fields));
            sensor.object("target", |fields| {
                privilege::target(ptrace, observed.other, context, fields);
            });
        }
        Body::ModuleLoad(module) => {
            sensor.object("module", |fields| privilege::module(module, fields));
        }
        Body::BpfProgram(program) => {
            sensor.object("bpf", |fields| privilege::bpf(program, fields));
        }
    }
}
