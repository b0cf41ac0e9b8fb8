//! Entries as the journal has them.

use super::super::syslog::{Facility, level, write_time};
use crate::delivery::entry::Entry;

/// Appends an entry's fields. Names that begin with `_` only the journal itself may give.
pub(super) fn write(entry: &Entry, facility: Facility, out: &mut Vec<u8>) {
    let facts = &entry.facts;
    let mut number = itoa::Buffer::new();
    field("MESSAGE", &entry.document, out);
    field(
        "PRIORITY",
        number.format(level(facts.severity)).as_bytes(),
        out,
    );
    field("SYSLOG_IDENTIFIER", b"sensor", out);
    field(
        "SYSLOG_FACILITY",
        number.format(facility.number()).as_bytes(),
        out,
    );
    field("SENSOR_EVENT_ID", facts.id.as_bytes(), out);
    field("SENSOR_EVENT_CODE", facts.topic.code().as_bytes(), out);
    field(
        "SENSOR_EVENT_SEVERITY",
        facts.severity.name().as_bytes(),
        out,
    );
    let mut time = Vec::new();
    write_time(facts.time, &mut time);
    field("SENSOR_EVENT_TIME", &time, out);
}

/// Appends a field: as text, or with its length before it if a line feed would end it too soon.
fn field(name: &str, value: &[u8], out: &mut Vec<u8>) {
    out.extend(name.as_bytes());
    if value.contains(&b'\n') {
        out.push(b'\n');
        out.extend((value.len() as u64).to_le_bytes());
    } else {
        out.push(b'=');
    }
    out.extend(value);
    out.push(b'\n');
}
