//! `event.id`: what tells a document from every other, of whatever host and boot.

use super::{Content, Document};
use crate::{event::Origin, hexadecimal, host::Host};

/// Builds ids, in one place for all.
#[derive(Debug)]
pub struct EventIds {
    text: Vec<u8>,
    boot_length: usize,
    agent_id: String,
}

impl EventIds {
    /// Ids of what a host's sensor writes.
    #[must_use]
    pub fn new(host: &Host) -> Self {
        let text = host.boot().to_string().into_bytes();
        // Ids are written as they are. A recording can say anything of its host.
        let is_plain =
            |character: &char| matches!(character, 'a'..='z' | 'A'..='Z' | '0'..='9' | '-');
        Self {
            boot_length: text.len(),
            text,
            agent_id: host.agent_id.chars().filter(is_plain).collect(),
        }
    }

    /// The id of a document. An event has the same in every run over the same recording.
    pub fn of(&mut self, document: &Document<'_>) -> &[u8] {
        self.text.truncate(self.boot_length);
        match document.content {
            Content::Event(observed) => self.event(&observed.event.origin),
            Content::Statement(_) => self.statement(document.sequence),
        }
        &self.text
    }

    fn event(&mut self, origin: &Origin) {
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
    }

    /// Each run of a sensor has an agent's id of its own.
    fn statement(&mut self, sequence: u64) {
        self.text.push(b'-');
        self.text.extend_from_slice(self.agent_id.as_bytes());
        self.text.push(b'-');
        self.text.extend_from_slice(sequence.to_string().as_bytes());
    }
}
