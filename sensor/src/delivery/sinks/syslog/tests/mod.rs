mod certificates;
mod datagrams;
mod parser;
mod streams;
mod tls;

use std::time::Duration;

use proptest::prelude::*;

use super::{super::testing::*, *};
use crate::{delivery::sink::Failure, detect::severity::Severity};
use parser::{Parsed, parse};

/// How long a receiver waits for what must come.
const PATIENCE: Duration = Duration::from_secs(30);

fn header(facility: Facility) -> Header {
    Header::new(facility, DOCUMENTATION_ENTERPRISE, "web-1", 4711)
}

fn written(header: &Header, entry: &Entry) -> Vec<u8> {
    let mut out = Vec::new();
    header.write(entry, &mut out);
    out
}

/// The document of a message that must be one.
fn document(message: &[u8]) -> String {
    let parsed = parse(message).expect("a message");
    String::from_utf8(parsed.message).unwrap()
}

#[test]
fn a_message_as_it_is() {
    let [entry] = &entries(&[r#"{"a":"b"}"#])[..] else {
        panic!("one")
    };
    assert_eq!(
        String::from_utf8(written(&header(Facility::Authpriv), entry)).unwrap(),
        "<85>1 2026-11-28T03:48:12.123456Z web-1 sensor 4711 EXEC [event@32473 id=\"0a1b-1\" \
         code=\"exec\" severity=\"low\"] {\"a\":\"b\"}"
    );
}

proptest! {
    #[test]
    fn messages_are_read_back(
        entry in any_entry(),
        facility in proptest::sample::select(Facility::ALL.to_vec()),
        hostname in ".{0,300}",
        enterprise: u32,
    ) {
        let header = Header::new(facility, enterprise, &hostname, 1);
        let Parsed { priority, time, header, elements, message } =
            parse(&written(&header, &entry)).unwrap();
        prop_assert_eq!(priority / 8, u32::from(facility.number()));
        prop_assert_eq!(priority % 8, 7 - u32::from(entry.facts.severity.number()));
        let off = i128::from(entry.facts.time.0) - time.as_nanosecond();
        prop_assert!(off.abs() < 1000, "{off}");
        let [host, application, process, id] = &header[..] else { panic!("{header:?}") };
        prop_assert!(!host.is_empty() && host.len() <= 255);
        if hostname.chars().all(|c| c.is_ascii_graphic()) && (1..=255).contains(&hostname.len()) {
            prop_assert_eq!(host, &hostname);
        }
        prop_assert_eq!(application, "sensor");
        prop_assert_eq!(process, "1");
        if entry.facts.topic.family().is_some() {
            prop_assert_eq!(id, &entry.facts.topic.code().to_uppercase());
        }
        let values = [
            ("id", entry.facts.id.as_str()),
            ("code", entry.facts.topic.code()),
            ("severity", entry.facts.severity.name()),
        ];
        let values = values.map(|(name, value)| (name.to_owned(), value.to_owned()));
        prop_assert_eq!(elements, vec![(format!("event@{enterprise}"), values.to_vec())]);
        prop_assert_eq!(message, entry.document.to_vec());
    }
}

#[test]
fn there_is_no_byte_order_mark() {
    let [entry] = &entries(&["{\"a\":\"ü\"}"])[..] else {
        panic!("one")
    };
    let message = written(&header(Facility::User), entry);
    assert!(message.ends_with("] {\"a\":\"ü\"}".as_bytes()));
    assert_eq!(level(Severity::Critical), 2);
}

#[test]
fn addresses_are_written_as_in_urls() {
    let text = |host: &str| {
        let host = host.to_owned();
        Address { host, port: 514 }.to_string()
    };
    assert_eq!(text("siem.example"), "siem.example:514");
    assert_eq!(text("::1"), "[::1]:514");
    assert_eq!(text("[::1]"), "[::1]:514");
}
