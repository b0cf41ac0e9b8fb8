//! What is held back, and how much memory that takes.

use bytes::Bytes;

use crate::{
    detect::alert::Alert,
    event::{Body, Event, Text},
};

/// Most bytes of what is held back.
const BYTES_MAX: usize = 32 << 20;

/// The last of several alerts, with the count of all.
#[derive(Debug)]
pub(super) struct Held {
    event: Event,
    pub(super) alert: Alert,
    /// Bytes that the event takes, about.
    bytes: usize,
}

/// How much memory is in use.
#[derive(Debug, Default)]
pub(super) struct Memory {
    bytes: usize,
}

impl Held {
    /// An alert that was raised at an event.
    pub(super) fn new(event: &Event, alert: Alert) -> Self {
        let mut event = event.clone();
        let group = alert.group.iter();
        let group: usize = group
            .map(|pair| size_of_val(pair) + pair.0.len() + pair.1.len())
            .sum();
        let mut bytes =
            size_of::<Self>() + alert.reason.len() + size_of_val(&*alert.evidence) + group;
        // The event's bytes lie in the memory of all records of their batch, which would be kept.
        each_bytes(&mut event.body, &mut |part| {
            bytes += part.len();
            *part = Bytes::copy_from_slice(part);
        });
        bytes += match &event.body {
            Body::Exec(exec) => size_of_val(&**exec),
            Body::CredentialChange(change) => {
                let groups = [&change.groups_before, &change.groups_after];
                let ids = groups.map(|groups| size_of_val(&*groups.ids));
                size_of_val(&**change) + ids.iter().sum::<usize>()
            }
            Body::CredentialDivergence(divergence) => size_of_val(&**divergence),
            Body::BpfProgram(program) => size_of_val(&**program),
            _ => 0,
        };
        Self {
            event,
            alert,
            bytes,
        }
    }

    /// Adds these to a later one.
    pub(super) fn count_into(self, later: &mut Alert) {
        later.count = later.count.saturating_add(self.alert.count);
        later.first = later.first.min(self.alert.first);
    }

    pub(super) fn into_parts(self) -> (Event, Alert) {
        (self.event, self.alert)
    }
}

impl Memory {
    pub(super) fn take(&mut self, held: &Held) {
        self.bytes = self.bytes.saturating_add(held.bytes);
    }

    pub(super) fn free(&mut self, held: &Held) {
        self.bytes = self.bytes.saturating_sub(held.bytes);
    }

    pub(super) const fn is_exceeded(&self) -> bool {
        self.bytes > BYTES_MAX
    }

    #[cfg(test)]
    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }
}

fn each_bytes(body: &mut Body, each: &mut dyn FnMut(&mut Bytes)) {
    match body {
        Body::Exec(exec) => {
            for path in [&mut exec.executable, &mut exec.working_directory] {
                each(&mut path.bytes);
            }
            let texts = [
                &mut exec.filename,
                &mut exec.interpreter,
                &mut exec.arguments,
            ];
            for Text { bytes, .. } in texts {
                each(bytes);
            }
        }
        Body::Connect(connection)
        | Body::Accept(connection)
        | Body::Bind(connection)
        | Body::Listen(connection)
        | Body::Established(connection) => {
            if let Some(path) = &mut connection.unix_path {
                each(&mut path.bytes);
            }
        }
        Body::DnsQuestion(dns) | Body::DnsAnswer(dns) => each(&mut dns.message.bytes),
        Body::ModuleLoad(module) => each(&mut module.name),
        Body::BpfProgram(program) => {
            each(&mut program.name);
            each(&mut program.function);
        }
        Body::Fork(_)
        | Body::Exit(_)
        | Body::Closed(_)
        | Body::Datagram(_)
        | Body::CredentialChange(_)
        | Body::CredentialDivergence(_)
        | Body::Namespace(_)
        | Body::Ptrace(_) => {}
    }
}
