//! ArcSight's Common Event Format, version 0: one line per document, as docs/cef.md lays down.
//!
//! CEF has fewer names than there is to say, and no lists: what is told of an event is what people
//! search by. ECS has all of it, under the same `event.id` (`externalId`).
//!
//! - `keys`, `line`, `text`: how a line is written.
//! - `process`: who acted, as whom, and where.
//! - `exec`, `network`, `privilege`: what they did. `alert`: what a rule found.
//! - `state`: what the sensor says of itself.

mod alert;
mod exec;
mod keys;
mod line;
mod network;
mod privilege;
mod process;
mod state;
#[cfg(test)]
mod tests;
mod text;

use std::io;

use self::{
    keys::Key,
    line::{Line, Notes},
};
use super::{Content, Document, Format, event_id::EventIds, labels::Labels};
use crate::observed::Observed;
use crate::{
    clock::{BootTime, WallOffset, WallTime},
    detect::severity::Severity,
    enrich::cloud::Cloud,
    event::{Body, BpfAccess, Event, Verdict, state::Statement},
    host::Host,
    process::BootId,
};

/// Writes lines of CEF.
#[derive(Debug)]
pub struct Cef {
    boot: BootId,
    /// What every line begins with.
    begin: Vec<u8>,
    /// What every line says of the host.
    host: Vec<u8>,
    /// What is to be said of that.
    host_notes: Notes,
    event_ids: EventIds,
    notes: Notes,
}

/// What is needed to write names of processes and past times.
#[derive(Clone, Copy)]
struct Context {
    boot: BootId,
    wall_offset: WallOffset,
}

impl Context {
    fn milliseconds(self, moment: BootTime) -> i64 {
        milliseconds(self.wall_offset.wall_time(moment))
    }
}

/// Since 1970, which is what CEF's timestamps count.
const fn milliseconds(time: WallTime) -> i64 {
    time.0.div_euclid(1_000_000)
}

impl Cef {
    /// Lines about a host's events.
    #[must_use]
    pub fn new(host: &Host) -> Self {
        let mut begin = b"CEF:0|sensor|sensor|".to_vec();
        text::append_header(&host.agent_version, &mut begin);
        begin.push(b'|');
        let mut values = Vec::new();
        let mut host_notes = Notes::default();
        self::host(host, &mut Line::new(&mut values, &mut host_notes));
        Self {
            boot: host.boot(),
            begin,
            host: values,
            host_notes,
            event_ids: EventIds::new(host),
            notes: Notes::default(),
        }
    }
}

impl Format for Cef {
    fn write(&mut self, document: &Document<'_>, out: &mut Vec<u8>) -> io::Result<()> {
        let begin = out.len();
        out.extend_from_slice(&self.begin);
        out.extend_from_slice(document.topic().code().as_bytes());
        out.push(b'|');
        text::append_header(name(&document.content), out);
        out.push(b'|');
        out.extend_from_slice(severity(document.severity()).as_bytes());
        out.extend_from_slice(b"|rt=");
        let mut buffer = itoa::Buffer::new();
        let time = buffer.format(milliseconds(document.time()));
        out.extend_from_slice(time.as_bytes());

        self.notes.begin(&self.host_notes);
        let mut line = Line::new(out, &mut self.notes);
        line.word(keys::EXTERNAL_ID, self.event_ids.of(document));
        line.number(Key::own("sensorSequence"), document.sequence);
        let labels = Labels::of(&document.content);
        line.word(keys::ACTION, labels.action);
        line.words(keys::CATEGORY, labels.categories.iter().copied());
        line.word(keys::FACILITY, labels.dataset);
        let context = Context {
            boot: self.boot,
            wall_offset: document.wall_offset,
        };
        let result = match &document.content {
            Content::Event(observed) => {
                event(observed, context, &mut line);
                Ok(())
            }
            Content::Alert(alerted) => {
                let evidence = self.event_ids.of_evidence(alerted.alert);
                alert::alert(alerted, &evidence, context, &mut line);
                event(&alerted.observed, context, &mut line);
                Ok(())
            }
            Content::Statement(stated) => state::statement(&stated.statement, &mut line),
        };
        line.constant(&self.host);
        line.notes();
        if result.is_ok() {
            out.push(b'\n');
        } else {
            out.truncate(begin);
        }
        result
    }
}

fn event(observed: &Observed<'_>, context: Context, line: &mut Line<'_>) {
    process::process(observed, context, line);
    process::users(observed, line);
    match &observed.event.body {
        Body::Fork(_) => exec::fork(observed, line),
        Body::Exec(exec) => exec::exec(exec, observed, line),
        Body::Exit(exit) => exec::exit(exit, line),
        Body::Connect(connection)
        | Body::Accept(connection)
        | Body::Bind(connection)
        | Body::Listen(connection)
        | Body::Established(connection) => network::connection(connection, line),
        Body::Closed(closed) => network::closed(closed, observed.event, context, line),
        Body::Datagram(datagram) => network::datagram(datagram, line),
        Body::DnsQuestion(dns) | Body::DnsAnswer(dns) => network::dns(dns, line),
        Body::CredentialChange(change) => privilege::change(change, line),
        Body::CredentialDivergence(divergence) => privilege::divergence(divergence, line),
        Body::Namespace(change) => privilege::namespaces(change, line),
        Body::Ptrace(ptrace) => privilege::ptrace(ptrace, observed.other, context, line),
        Body::ModuleLoad(module) => privilege::module(module, line),
        Body::BpfProgram(program) => privilege::bpf(program, line),
    }
    network::sides(&observed.event.body, line);
    process::placement(observed, line);
    line.flag(Key::own("sensorLate"), observed.late);
}

/// What is the same in all lines of a host.
fn host(host: &Host, line: &mut Line<'_>) {
    let optional = |text: &Option<String>| text.clone().unwrap_or_default();
    line.text(keys::HOST_NAME, &host.name);
    line.text(keys::DEVICE_ID, &host.agent_id);
    line.text(Key::own("sensorHostId"), &optional(&host.machine_id));
    if let Some(cloud) = &host.cloud {
        self::cloud(cloud, line);
    }
}

fn cloud(cloud: &Cloud, line: &mut Line<'_>) {
    let optional = |text: &Option<String>| text.clone().unwrap_or_default();
    line.word(Key::own("sensorCloudProvider"), cloud.provider.name());
    line.text(Key::own("sensorCloudAccount"), &optional(&cloud.account_id));
    line.text(Key::own("sensorCloudRegion"), &optional(&cloud.region));
    line.text(
        Key::own("sensorCloudInstance"),
        &optional(&cloud.instance_id),
    );
}

/// From 0 to 10: up to 3 is low to its readers, up to 6 medium, up to 8 high.
const fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Informational => "1",
        Severity::Low => "3",
        Severity::Medium => "5",
        Severity::High => "8",
        Severity::Critical => "10",
    }
}

/// What happened, or which rule found it, for people.
fn name<'a>(content: &Content<'a>) -> &'a str {
    match content {
        Content::Alert(alerted) => alerted.title(),
        Content::Event(observed) => event_name(observed.event),
        Content::Statement(stated) => match &stated.statement {
            Statement::Started(_) => "Sensor started",
            Statement::Lost(_) => "Events lost",
            Statement::Undelivered(_) => "Events not delivered",
            Statement::Tested => "Sink tested",
            Statement::Stopped(_) => "Sensor stopped",
        },
    }
}

const fn event_name(event: &Event) -> &'static str {
    match &event.body {
        Body::Fork(_) => "Process created",
        Body::Exec(_) => "Program executed",
        Body::Exit(_) => "Process ended",
        Body::Connect(_) => "Connection attempted",
        Body::Accept(_) => "Connection accepted",
        Body::Bind(_) => "Socket bound",
        Body::Listen(_) => "Socket listening",
        Body::Established(_) => "Connection established",
        Body::Closed(_) => "Connection ended",
        Body::Datagram(_) => "Datagram exchanged",
        Body::DnsQuestion(_) => "DNS question sent",
        Body::DnsAnswer(_) => "DNS answer received",
        Body::CredentialChange(_) => "Credentials changed",
        Body::CredentialDivergence(divergence) => match divergence.verdict {
            Verdict::Overwritten => "Credentials overwritten in kernel memory",
            Verdict::Observed => "Credentials changed, as found later",
        },
        Body::Namespace(_) => "Namespaces entered",
        Body::Ptrace(_) => "Access to another process",
        Body::ModuleLoad(_) => "Kernel module loaded",
        Body::BpfProgram(program) => match program.access {
            BpfAccess::Load => "BPF program loaded",
            BpfAccess::Open => "BPF program opened",
        },
    }
}
