//! Record batches, in the only format (2) that knows producers.

use std::io::{self, Write as _};

use flate2::write::GzEncoder;

use super::wire::Write;
use crate::delivery::entry::Entry;

/// How batches are made smaller.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compression {
    /// Not at all.
    #[default]
    None,
    /// gzip.
    Gzip,
}

/// By which a broker recognises a batch that it has already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sequence {
    /// Whose batch it is.
    pub producer: i64,
    /// The producer's epoch.
    pub epoch: i16,
    /// The number of its first record.
    pub first: i32,
}

/// Bytes of a record beside its key, document and id, at most.
pub const RECORD_OVERHEAD: usize = 64;

/// The name of the header with the document's id.
const ID: &[u8] = b"event.id";

/// Nanoseconds in a millisecond.
const MILLISECOND: i64 = 1_000_000;

impl Compression {
    /// Its number in a batch.
    const fn number(self) -> i16 {
        match self {
            Self::None => 0,
            Self::Gzip => 1,
        }
    }

    fn apply(self, records: Vec<u8>) -> io::Result<Vec<u8>> {
        match self {
            Self::None => Ok(records),
            Self::Gzip => {
                let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::fast());
                encoder.write_all(&records)?;
                encoder.finish()
            }
        }
    }
}

/// Writes a batch: each document with the key, its id as a header, and its time.
///
/// # Errors
///
/// If compression fails.
pub fn encode(
    entries: &[&Entry],
    key: &[u8],
    sequence: Sequence,
    compression: Compression,
) -> io::Result<Vec<u8>> {
    let times = || entries.iter().map(|entry| entry.facts.time.0 / MILLISECOND);
    let (first_time, last_time) = (times().min().unwrap_or(0), times().max().unwrap_or(0));
    let mut records = Vec::new();
    for (entry, (time, offset)) in entries.iter().zip(times().zip(0..)) {
        let record = record(entry, key, time - first_time, offset);
        put_varint_bytes(&mut records, &record);
    }
    let mut covered = Vec::new();
    covered.put_i16(compression.number());
    covered.put_length(entries.len().saturating_sub(1));
    covered.put_i64(first_time);
    covered.put_i64(last_time);
    covered.put_i64(sequence.producer);
    covered.put_i16(sequence.epoch);
    covered.put_i32(sequence.first);
    covered.put_length(entries.len());
    covered.extend_from_slice(&compression.apply(records)?);

    let mut batch = Vec::with_capacity(covered.len() + 21);
    // The offset is the broker's to say, and so is the leader's epoch.
    batch.put_i64(0);
    batch.put_length(covered.len() + 9);
    batch.put_i32(-1);
    batch.push(2);
    batch.extend_from_slice(&crc32c(&covered).to_be_bytes());
    batch.extend_from_slice(&covered);
    Ok(batch)
}

fn record(entry: &Entry, key: &[u8], time: i64, offset: i64) -> Vec<u8> {
    let id = entry.facts.id.as_bytes();
    let capacity = RECORD_OVERHEAD + key.len() + entry.document.len() + id.len();
    let mut record = Vec::with_capacity(capacity);
    record.push(0);
    record.put_varint(time);
    record.put_varint(offset);
    put_varint_bytes(&mut record, key);
    put_varint_bytes(&mut record, &entry.document);
    record.put_varint(1);
    put_varint_bytes(&mut record, ID);
    put_varint_bytes(&mut record, id);
    record
}

fn put_varint_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    out.put_varint(i64::try_from(bytes.len()).unwrap_or(i64::MAX));
    out.extend_from_slice(bytes);
}

/// CRC-32C (Castagnoli); not the CRC-32 of gzip.
fn crc32c(bytes: &[u8]) -> u32 {
    static TABLE: [u32; 256] = table();
    !bytes.iter().fold(!0_u32, |crc, byte| {
        let [low, ..] = crc.to_le_bytes();
        let entry = TABLE.get(usize::from(low ^ byte)).copied();
        crc >> 8 ^ entry.unwrap_or_default()
    })
}

#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler")]
const fn table() -> [u32; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    let mut value = 0_u32;
    while byte < 256 {
        let mut crc = value;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 == 0 {
                crc >> 1
            } else {
                crc >> 1 ^ 0x82f6_3b78
            };
            bit += 1;
        }
        table[byte] = crc;
        byte += 1;
        value += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use kafka_protocol::records::RecordBatchDecoder;
    use proptest::prelude::*;

    use super::*;
    use crate::{
        clock::WallTime, delivery::entry::Facts, detect::severity::Severity, output::subject::Topic,
    };

    #[test]
    fn the_checksum_is_castagnolis() {
        // From RFC 3720, B.4.
        assert_eq!(crc32c(&[0; 32]), 0x8a91_36aa);
        assert_eq!(crc32c(&[0xff; 32]), 0x62a8_ab43);
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn another_implementation_reads_what_is_written(
            documents in prop::collection::vec(("\\PC{0,300}", 0_i64..2_000_000_000_000_000_000), 1..20),
            key in "\\PC{0,40}",
            producer in 0..i64::MAX,
            epoch in 0..i16::MAX,
            first in 0..i32::MAX - 20,
            gzip: bool,
        ) {
            let entries: Vec<Entry> = documents.iter().zip(1..).map(|((document, time), place)| Entry {
                place,
                facts: Arc::new(Facts {
                    id: format!("{place}-a"),
                    time: WallTime(*time),
                    topic: Topic::Sensor("sensor_start"),
                    severity: Severity::Low,
                }),
                document: document.clone().into(),
            }).collect();
            let sequence = Sequence { producer, epoch, first };
            let compression = if gzip { Compression::Gzip } else { Compression::None };
            let given: Vec<&Entry> = entries.iter().collect();
            let batch = encode(&given, key.as_bytes(), sequence, compression).unwrap();
            let uncompressed = encode(&given, key.as_bytes(), sequence, Compression::None).unwrap();
            let bound: usize = entries.iter()
                .map(|entry| RECORD_OVERHEAD + key.len() + entry.document.len() + entry.facts.id.len())
                .sum();
            prop_assert!(uncompressed.len() <= bound + 61);

            let mut input = bytes::Bytes::from(batch);
            let read = RecordBatchDecoder::decode(&mut input).unwrap();
            prop_assert!(input.is_empty());
            prop_assert_eq!(read.records.len(), entries.len());
            for ((record, entry), sequence) in read.records.iter().zip(&entries).zip(first..) {
                prop_assert_eq!(record.key.as_deref(), Some(key.as_bytes()));
                prop_assert_eq!(record.value.as_ref(), Some(&entry.document));
                prop_assert_eq!(record.timestamp, entry.facts.time.0 / MILLISECOND);
                prop_assert_eq!((record.producer_id, record.producer_epoch), (producer, epoch));
                prop_assert_eq!(record.sequence, sequence);
                let id = record.headers.iter().next().unwrap();
                prop_assert_eq!(id.0.as_str(), "event.id");
                prop_assert_eq!(id.1.as_deref(), Some(entry.facts.id.as_bytes()));
            }
        }
    }
}
