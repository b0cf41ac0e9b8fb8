//! Entries as bytes in a segment.
//!
//! ```text
//! segment   magic 8 │ version 2 │ 0 2 │ checksum 4 │ record │ record │ ...
//! record    marker 4 │ body's length 4 │ body's checksum 4 │ checksum of these 4 │ body
//! body      place 8 │ time 8 │ severity 1 │ code's length 4 │ id's length 4 │ code │ id │ document
//! ```
//!
//! Numbers have the least byte first; checksums are CRC-32. The marker has bytes that UTF-8 never has,
//! so nothing that a program on the host may put into a document looks like a record.

use std::sync::Arc;

use bytes::Bytes;
use sensor_common::record::Kind;

use crate::{
    clock::WallTime,
    delivery::entry::{Entry, Facts},
    detect::severity::Severity,
    output::subject::Topic,
};

/// Bytes of a segment's header.
pub(super) const SEGMENT_HEADER_BYTES: usize = 16;

/// Bytes of a record before its body.
pub(super) const HEADER_BYTES: usize = 16;

/// Most bytes of a record: what is read back is never asked more memory for.
pub(super) const RECORD_BYTES_MAX: usize = 32 << 20;

/// Places that are given are below: a file that says otherwise is not the backlog's.
pub(super) const PLACE_MAX: u64 = u64::MAX >> 1;

const MAGIC: [u8; 8] = *b"SNSRBKLG";
const VERSION: u16 = 1;
const MARKER: [u8; 4] = [0xff, 0xfe, 0xc0, 0xff];

/// Bytes of a body before its texts.
const FIXED_BYTES: usize = 25;

/// What the sensor says of itself, by its code.
const STATEMENTS: [&str; 5] = [
    "sensor_start",
    "events_lost",
    "events_undelivered",
    "sink_test",
    "sensor_stop",
];

/// For a code that only a later sensor knows.
const UNKNOWN: &str = "unknown";

/// What a file begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SegmentHeader {
    /// It is a segment.
    Known,
    /// It is a segment of a later sensor.
    Later(u16),
    /// It is damaged, or something else.
    Damaged,
}

/// What a segment begins with.
pub(super) fn segment_header() -> [u8; SEGMENT_HEADER_BYTES] {
    let mut header = [0; SEGMENT_HEADER_BYTES];
    let mut said = Vec::with_capacity(SEGMENT_HEADER_BYTES);
    said.extend(MAGIC);
    said.extend(VERSION.to_le_bytes());
    said.extend([0; 2]);
    said.extend(crc32fast::hash(&said).to_le_bytes());
    header.copy_from_slice(&said);
    header
}

impl SegmentHeader {
    pub(super) fn parse(bytes: &[u8]) -> Self {
        let Some((said, checksum)) = bytes.split_at_checked(SEGMENT_HEADER_BYTES - 4) else {
            return Self::Damaged;
        };
        if !said.starts_with(&MAGIC) || Cursor(checksum).u32() != Some(crc32fast::hash(said)) {
            return Self::Damaged;
        }
        match Cursor(said.get(MAGIC.len()..).unwrap_or_default()).u16() {
            Some(VERSION) => Self::Known,
            Some(later) => Self::Later(later),
            None => Self::Damaged,
        }
    }
}

/// Bytes of an entry's record.
pub(super) fn length(facts: &Facts, document: &[u8]) -> usize {
    HEADER_BYTES + FIXED_BYTES + facts.topic.code().len() + facts.id.len() + document.len()
}

/// Appends an entry's record. It is not longer than [`RECORD_BYTES_MAX`].
pub(super) fn encode(entry: &Entry, out: &mut Vec<u8>) {
    let start = out.len();
    out.extend([0; HEADER_BYTES]);
    let facts = &entry.facts;
    let code = facts.topic.code();
    out.extend(entry.place.to_le_bytes());
    out.extend(facts.time.0.to_le_bytes());
    out.push(facts.severity.number());
    out.extend(number(code.len()));
    out.extend(number(facts.id.len()));
    out.extend_from_slice(code.as_bytes());
    out.extend_from_slice(facts.id.as_bytes());
    out.extend_from_slice(&entry.document);

    let body = out.get(start + HEADER_BYTES..).unwrap_or_default();
    let mut header = Vec::with_capacity(HEADER_BYTES);
    header.extend(MARKER);
    header.extend(number(body.len()));
    header.extend(crc32fast::hash(body).to_le_bytes());
    header.extend(crc32fast::hash(&header).to_le_bytes());
    if let Some(place) = out.get_mut(start..start + HEADER_BYTES) {
        place.copy_from_slice(&header);
    }
}

/// A length in a record; none is larger than a record.
fn number(length: usize) -> [u8; 4] {
    u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes()
}

/// What a record says of its body.
#[derive(Clone, Copy, Debug)]
pub(super) struct Header {
    /// Bytes of the body: at most a record's.
    pub(super) body: usize,
    checksum: u32,
}

impl Header {
    /// That at the start of these bytes, if there is one.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let rest = bytes.strip_prefix(&MARKER)?;
        let mut cursor = Cursor(rest);
        let body = usize::try_from(cursor.u32()?).ok()?;
        let checksum = cursor.u32()?;
        let said = bytes.get(..HEADER_BYTES - 4)?;
        let is_header = cursor.u32()? == crc32fast::hash(said)
            && (FIXED_BYTES..=RECORD_BYTES_MAX - HEADER_BYTES).contains(&body);
        is_header.then_some(Self { body, checksum })
    }

    /// Where the first header may begin.
    pub(super) fn find(bytes: &[u8]) -> Option<usize> {
        let [first, ..] = MARKER;
        bytes.iter().position(|byte| *byte == first)
    }

    /// The entry in a body, if it is what was written.
    pub(super) fn decode(&self, body: &[u8]) -> Option<Entry> {
        if crc32fast::hash(body) != self.checksum {
            return None;
        }
        let mut cursor = Cursor(body);
        let place = cursor.u64()?;
        let time = i64::from_le_bytes(cursor.array()?);
        let [severity] = cursor.array()?;
        let code = cursor.u32()?;
        let id = cursor.u32()?;
        let code = cursor.text(code)?;
        let id = cursor.text(id)?;
        (place <= PLACE_MAX).then(|| Entry {
            place,
            facts: Arc::new(Facts {
                id: id.to_owned(),
                time: WallTime(time),
                topic: topic(code),
                severity: severity_of(severity),
            }),
            // A copy: a part of what was read would keep all of it in memory.
            document: Bytes::copy_from_slice(cursor.0),
        })
    }
}

/// The topic with a code.
fn topic(code: &str) -> Topic {
    if code == Topic::Alert.code() {
        return Topic::Alert;
    }
    let kind = Kind::ALL.into_iter().find(|kind| kind.name() == code);
    let statement = || STATEMENTS.into_iter().find(|known| *known == code);
    kind.map_or_else(
        || Topic::Sensor(statement().unwrap_or(UNKNOWN)),
        Topic::Event,
    )
}

/// The severity with a number. One that only a later sensor knows counts as the gravest.
fn severity_of(number: u8) -> Severity {
    Severity::from_number(number).unwrap_or(Severity::Critical)
}

/// What is left to be read.
struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (array, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*array)
    }

    fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_le_bytes)
    }

    fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    fn text(&mut self, length: u32) -> Option<&'a str> {
        let (text, rest) = self.0.split_at_checked(usize::try_from(length).ok()?)?;
        self.0 = rest;
        std::str::from_utf8(text).ok()
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;
    use crate::event::state::Statement;

    fn entry(code: Topic, id: String, time: i64, place: u64, document: Vec<u8>) -> Entry {
        Entry {
            place,
            facts: Arc::new(Facts {
                id,
                time: WallTime(time),
                topic: code,
                severity: Severity::High,
            }),
            document: document.into(),
        }
    }

    fn read(bytes: &[u8]) -> Option<Entry> {
        let header = Header::parse(bytes)?;
        header.decode(bytes.get(HEADER_BYTES..HEADER_BYTES + header.body)?)
    }

    #[test]
    fn topics_are_found_again() {
        for kind in Kind::ALL {
            assert_eq!(topic(kind.name()), Topic::Event(kind));
        }
        for code in STATEMENTS {
            assert_eq!(topic(code), Topic::Sensor(code));
        }
        assert_eq!(topic("alert"), Topic::Alert);
        assert!(STATEMENTS.contains(&Statement::Tested.code()));
        assert_eq!(topic("of_tomorrow"), Topic::Sensor("unknown"));
        assert_eq!(severity_of(9), Severity::Critical);
    }

    /// A statement that is new has to be named here, and then above.
    #[test]
    fn every_statement_is_known() {
        let known = |statement: &Statement| match statement {
            Statement::Started(_)
            | Statement::Lost(_)
            | Statement::Undelivered(_)
            | Statement::Tested
            | Statement::Stopped(_) => STATEMENTS.contains(&statement.code()),
        };
        assert!(known(&Statement::Tested));
    }

    #[test]
    fn a_segments_header_is_known_and_one_of_tomorrow_too() {
        let mut header = segment_header();
        assert_eq!(SegmentHeader::parse(&header), SegmentHeader::Known);
        header[8] = 9;
        assert_eq!(SegmentHeader::parse(&header), SegmentHeader::Damaged);
        let checksum = crc32fast::hash(&header[..12]);
        header[12..].copy_from_slice(&checksum.to_le_bytes());
        assert_eq!(SegmentHeader::parse(&header), SegmentHeader::Later(9));
        assert_eq!(SegmentHeader::parse(&header[..7]), SegmentHeader::Damaged);
    }

    proptest! {
        #[test]
        fn an_entry_is_read_as_it_is_written(
            about in prop_oneof![
                Just(Topic::Alert),
                prop::sample::select(Kind::ALL.to_vec()).prop_map(Topic::Event),
            ],
            id in "[a-z0-9-]{0,70}",
            time: i64,
            place in 0..=PLACE_MAX,
            document: Vec<u8>,
        ) {
            let entry = entry(about, id, time, place, document);
            let mut bytes = vec![];
            encode(&entry, &mut bytes);
            prop_assert_eq!(bytes.len(), length(&entry.facts, &entry.document));
            prop_assert_eq!(read(&bytes), Some(entry));
        }

        #[test]
        fn a_changed_byte_is_noticed(document: Vec<u8>, at: prop::sample::Index, by in 1..=u8::MAX) {
            let mut bytes = vec![];
            encode(&entry(Topic::Sensor("sink_test"), "1".into(), 1, 1, document), &mut bytes);
            let at = at.index(bytes.len());
            bytes[at] ^= by;
            prop_assert_eq!(read(&bytes), None);
        }

        #[test]
        fn any_bytes_are_read_or_not(bytes in vec(any::<u8>(), 0..100)) {
            let _ = read(&bytes);
            let _ = SegmentHeader::parse(&bytes);
            let header = Header { body: bytes.len(), checksum: crc32fast::hash(&bytes) };
            let _ = header.decode(&bytes);
        }
    }
}
