//! Events as the collector wants them: one JSON object after the other.

use std::io::{self, Write};

use serde_json::{Map, Value};

use super::{Documents, SplunkSettings};
use crate::{clock::WallTime, delivery::entry::Entry};

const NANOSECONDS: u64 = 1_000_000_000;
const NANOSECONDS_OF_MICROSECOND: u64 = 1000;

/// What is around a document.
#[derive(Debug)]
pub(super) struct Envelope {
    documents: Documents,
    /// The members that are the same for all, each with a comma before it, and the closing brace.
    end: Vec<u8>,
}

impl Envelope {
    pub(super) fn new(settings: &SplunkSettings) -> io::Result<Self> {
        let mut members = Map::new();
        for (name, value) in [
            ("host", &settings.host),
            ("index", &settings.index),
            ("source", &settings.source),
            ("sourcetype", &settings.sourcetype),
        ] {
            if let Some(value) = value {
                members.insert(name.into(), Value::from(value.clone()));
            }
        }
        let mut end = serde_json::to_vec(&members)?;
        match end.first_mut() {
            // An object that has members: its opening brace becomes a comma.
            Some(first) if !members.is_empty() => *first = b',',
            _ => end = b"}".to_vec(),
        }
        Ok(Self {
            documents: settings.documents,
            end,
        })
    }

    /// Wraps a batch.
    ///
    /// # Errors
    ///
    /// None, as what is written to is memory; the encoder's interface has one.
    pub(super) fn wrap(&self, entries: &[Entry]) -> io::Result<Vec<u8>> {
        let lengths = entries.iter().map(|entry| entry.document.len());
        let around = (40 + self.end.len()) * entries.len();
        let mut body = Vec::with_capacity(lengths.sum::<usize>() + around);
        for entry in entries {
            body.extend_from_slice(b"{\"time\":");
            seconds(entry.facts.time, &mut body)?;
            body.extend_from_slice(b",\"event\":");
            match self.documents {
                Documents::Json => body.extend_from_slice(&entry.document),
                Documents::Text => {
                    serde_json::to_writer(&mut body, &String::from_utf8_lossy(&entry.document))?;
                }
            }
            body.extend_from_slice(&self.end);
            body.push(b'\n');
        }
        Ok(body)
    }
}

/// Seconds since 1970 with microseconds, which a double of today can just tell apart; the document
/// has the nanoseconds.
fn seconds(time: WallTime, out: &mut Vec<u8>) -> io::Result<()> {
    let sign = if time.0 < 0 { "-" } else { "" };
    let nanoseconds = time.0.unsigned_abs();
    let seconds = nanoseconds / NANOSECONDS;
    let microseconds = nanoseconds % NANOSECONDS / NANOSECONDS_OF_MICROSECOND;
    write!(out, "{sign}{seconds}.{microseconds:06}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::delivery::{doubles::entry_at, http::HttpSettings, secret::SecretSource};

    fn settings(documents: Documents, index: Option<String>) -> SplunkSettings {
        SplunkSettings {
            http: HttpSettings::default(),
            token: SecretSource::Environment("UNUSED".into()),
            documents,
            index,
            source: None,
            sourcetype: Some("_json".into()),
            host: None,
            acknowledgement: None,
        }
    }

    #[test]
    fn a_document_is_part_of_what_is_sent() {
        let entry = entry_at(1, r#"{"a":1}"#, 1_795_491_380_123_456_789);
        let envelope = Envelope::new(&settings(Documents::Json, Some("main".into()))).unwrap();
        let expected = concat!(
            r#"{"time":1795491380.123456,"event":{"a":1},"index":"main","sourcetype":"_json"}"#,
            "\n"
        );
        assert_eq!(envelope.wrap(&[entry]).unwrap(), expected.as_bytes());
    }

    #[test]
    fn nothing_but_the_event_is_sent_where_no_more_is_set() {
        let mut settings = settings(Documents::Text, None);
        settings.sourcetype = None;
        let entry = entry_at(1, "CEF:0|a\t\"b\"", -1_500_000_000);
        let body = Envelope::new(&settings).unwrap().wrap(&[entry]).unwrap();
        let expected = b"{\"time\":-1.500000,\"event\":\"CEF:0|a\\t\\\"b\\\"\"}\n";
        assert_eq!(body, expected);
    }

    proptest! {
        #[test]
        fn any_text_comes_back(
            texts in prop::collection::vec(any::<String>(), 1..5),
            index: String,
            time: i64,
        ) {
            let entries: Vec<_> = texts.iter().map(|text| entry_at(1, text, time)).collect();
            let envelope = Envelope::new(&settings(Documents::Text, Some(index.clone()))).unwrap();
            let body = envelope.wrap(&entries).unwrap();
            let events = serde_json::Deserializer::from_slice(&body).into_iter::<Value>();
            let events: Vec<Value> = events.collect::<Result<_, _>>().unwrap();
            prop_assert_eq!(events.len(), texts.len());
            for (event, text) in events.iter().zip(&texts) {
                prop_assert_eq!(event["event"].as_str(), Some(text.as_str()));
                prop_assert_eq!(event["index"].as_str(), Some(index.as_str()));
                let distance = event["time"].as_f64().unwrap() - time as f64 / 1e9;
                prop_assert!(distance.abs() < 1e-5);
            }
        }
    }
}
