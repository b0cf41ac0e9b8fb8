//! Entries as RFC 5424 has them.
//!
//! ```text
//! <86>1 2026-11-24T03:36:20.123456Z web-1 sensor 4711 EXEC [event@32473 id="…" code="exec" severity="informational"] {…}
//! ```
//!
//! The document follows without a byte order mark. The RFC wants one before text that is UTF-8, and
//! RFC 8259 forbids one before JSON; receivers that take the document apart fail on it. So the
//! document is sent as what the RFC calls MSG-ANY, octets of which only their sender knows what they
//! are.

use std::io::Write;

use jiff::Timestamp;

use super::facility::{Facility, level};
use crate::{clock::WallTime, delivery::entry::Entry};

/// What all messages have in common.
#[derive(Debug)]
pub(super) struct Header {
    facility: Facility,
    enterprise: u32,
    /// HOSTNAME, APP-NAME and PROCID, with a blank at either end.
    sender: String,
}

/// Most characters of a HOSTNAME, of a MSGID.
const LENGTHS_MAX: (usize, usize) = (255, 32);

impl Header {
    pub(super) fn new(facility: Facility, enterprise: u32, hostname: &str, process: u32) -> Self {
        Self {
            facility,
            enterprise,
            sender: format!(" {} sensor {process} ", name(hostname, LENGTHS_MAX.0)),
        }
    }

    /// Appends an entry's message.
    pub(super) fn write(&self, entry: &Entry, out: &mut Vec<u8>) {
        let facts = &entry.facts;
        let priority = u32::from(self.facility.number()) * 8 + u32::from(level(facts.severity));
        let code = facts.topic.code();
        out.push(b'<');
        out.extend(itoa::Buffer::new().format(priority).as_bytes());
        out.extend(b">1 ");
        write_time(facts.time, out);
        out.extend(self.sender.as_bytes());
        out.extend(name(&code.to_ascii_uppercase(), LENGTHS_MAX.1).as_bytes());
        out.extend(b" [event@");
        out.extend(itoa::Buffer::new().format(self.enterprise).as_bytes());
        for (key, value) in [
            ("id", facts.id.as_str()),
            ("code", code),
            ("severity", facts.severity.name()),
        ] {
            out.push(b' ');
            out.extend(key.as_bytes());
            out.extend(b"=\"");
            escape(value, out);
            out.push(b'"');
        }
        out.extend(b"] ");
        out.extend(&entry.document[..]);
    }
}

/// Appends a moment, UTC, with microseconds: the RFC has no finer ones.
pub(in super::super) fn write_time(time: WallTime, out: &mut Vec<u8>) {
    // Years 1677 to 2262 are all in the library's calendar.
    let moment = Timestamp::from_nanosecond(time.0.into()).unwrap_or_default();
    // Cut, not rounded, as every other clock does it.
    let _ = write!(out, "{moment:.6}");
}

/// A text as a field of the header: visible ASCII, not too long, `-` if there is none.
fn name(text: &str, length_max: usize) -> String {
    let name: String = text
        .chars()
        .map(|c| if c.is_ascii_graphic() { c } else { '_' })
        .take(length_max)
        .collect();
    if name.is_empty() { "-".into() } else { name }
}

/// Appends a value of structured data.
fn escape(value: &str, out: &mut Vec<u8>) {
    for byte in value.bytes() {
        if matches!(byte, b'"' | b'\\' | b']') {
            out.push(b'\\');
        }
        out.push(byte);
    }
}
