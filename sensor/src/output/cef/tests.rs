//! Lines of any event against ArcSight's dictionary, and one of each kind written out.

mod golden;

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::output::{
    arbitrary::{self as documents, Input},
    tests::cef::{Read, read},
};

fn write(input: &Input) -> Read {
    read_line(&documents::write_with(
        &mut Cef::new(&documents::host()),
        input,
    ))
}

fn read_line(line: &[u8]) -> Read {
    let line = std::str::from_utf8(line).unwrap();
    read(line.strip_suffix('\n').unwrap()).unwrap_or_else(|error| panic!("{error}: {line}"))
}

/// What a value of the dictionary must be.
#[derive(Clone, Copy)]
enum Kind {
    /// Text of at most so many characters.
    Text(usize),
    Integer,
    Port,
    /// Milliseconds since 1970.
    Time,
    Ipv4,
    Ipv6,
}

/// The keys of the dictionary that are in use; their types and lengths are those of version 27. It
/// leaves out `c6a2`, which its readers know as they know `c6a3`.
const DICTIONARY: &[(&str, Kind)] = &[
    ("act", Kind::Text(63)),
    ("app", Kind::Text(31)),
    ("c6a2", Kind::Ipv6),
    ("c6a3", Kind::Ipv6),
    ("cat", Kind::Text(1023)),
    ("cn1", Kind::Integer),
    ("cn2", Kind::Integer),
    ("cnt", Kind::Integer),
    ("cs1", Kind::Text(4000)),
    ("cs2", Kind::Text(4000)),
    ("cs3", Kind::Text(4000)),
    ("cs4", Kind::Text(4000)),
    ("cs5", Kind::Text(4000)),
    ("cs6", Kind::Text(4000)),
    ("deviceDirection", Kind::Integer),
    ("deviceExternalId", Kind::Text(255)),
    ("deviceFacility", Kind::Text(1023)),
    ("dpid", Kind::Integer),
    ("dpriv", Kind::Text(1023)),
    ("dproc", Kind::Text(1023)),
    ("dpt", Kind::Port),
    ("dst", Kind::Ipv4),
    ("duid", Kind::Text(1023)),
    ("duser", Kind::Text(1023)),
    ("dvchost", Kind::Text(100)),
    ("end", Kind::Time),
    // 40 in the dictionary, which most ids fit in; docs/cef.md says what of the others is there.
    ("externalId", Kind::Text(200)),
    ("fileHash", Kind::Text(255)),
    ("fileId", Kind::Text(1023)),
    ("filePath", Kind::Text(1023)),
    ("filePermission", Kind::Text(1023)),
    ("fname", Kind::Text(1023)),
    ("fsize", Kind::Integer),
    ("in", Kind::Integer),
    ("msg", Kind::Text(1023)),
    ("out", Kind::Integer),
    ("outcome", Kind::Text(63)),
    ("proto", Kind::Text(31)),
    ("reason", Kind::Text(1023)),
    ("rt", Kind::Time),
    ("spid", Kind::Integer),
    ("spriv", Kind::Text(1023)),
    ("sproc", Kind::Text(1023)),
    ("spt", Kind::Port),
    ("src", Kind::Ipv4),
    ("start", Kind::Time),
    ("suid", Kind::Text(1023)),
    ("suser", Kind::Text(1023)),
];

fn is_of(kind: Kind, value: &str) -> bool {
    match kind {
        Kind::Text(_) => !value.is_empty(),
        Kind::Integer => value.parse::<u64>().is_ok(),
        Kind::Port => value.parse::<u16>().is_ok(),
        Kind::Time => value.parse::<i64>().is_ok(),
        Kind::Ipv4 => value.parse::<std::net::Ipv4Addr>().is_ok(),
        Kind::Ipv6 => value.parse::<std::net::Ipv6Addr>().is_ok(),
    }
}

fn listed<'a>(read: &'a Read, key: &str) -> Vec<&'a str> {
    let list = read.raw.get(key).map(|list| list.split(','));
    list.into_iter().flatten().collect()
}

proptest! {
    #[test]
    fn any_event_keeps_to_the_dictionary(input in documents::input()) {
        let read = write(&input);
        prop_assert_eq!(&read.header[..3], ["sensor", "sensor", "0.1.0"]);
        let document = input.document();
        prop_assert_eq!(&read.header[3], document.topic().code());
        prop_assert_eq!(&read.header[5], severity(document.severity()));
        let kinds: BTreeMap<_, _> = DICTIONARY.iter().copied().collect();
        let overlong = listed(&read, "sensorOverlong");
        let json = listed(&read, "sensorJsonStrings");
        for (key, value) in &read.values {
            prop_assert!(!value.is_empty(), "{} is empty", key);
            if let Some(labelled) = key.strip_suffix("Label") {
                prop_assert!(read.values.contains_key(labelled), "{} without {}", key, labelled);
                continue;
            }
            let custom = key.trim_end_matches(|end: char| end.is_ascii_digit());
            if ["cs", "cn", "c6a"].contains(&custom) {
                let label = format!("{key}Label");
                prop_assert!(read.values.contains_key(&label), "{} without its label", key);
            }
            match kinds.get(&**key) {
                Some(kind) => {
                    prop_assert!(is_of(*kind, value), "{}={}", key, value);
                    let is_long = matches!(kind, Kind::Text(length) if value.len() > *length);
                    prop_assert_eq!(overlong.contains(&&**key), is_long, "{}", key);
                }
                None => prop_assert!(key.starts_with("sensor"), "{} is no key", key),
            }
            let edges = value.starts_with(' ') || value.ends_with(' ');
            let must_be_json = edges
                || value.replace(['\n', '\r'], "").contains(crate::output::json::text::is_control);
            prop_assert_eq!(json.contains(&&**key), must_be_json, "{}={:?}", key, value);
        }
    }

    /// What is kept of a line for the next ones must not show in them.
    #[test]
    fn lines_do_not_depend_on_those_before(inputs in prop::collection::vec(documents::input(), 2..6)) {
        let mut format = Cef::new(&documents::host());
        for input in &inputs {
            let line = documents::write_with(&mut format, input);
            prop_assert_eq!(read_line(&line).raw, write(input).raw);
        }
    }

    #[test]
    fn any_text_is_read_back(texts in prop::collection::vec(text(), 1..4)) {
        const KEYS: [Key; 3] = [keys::COMMAND_LINE, keys::FILE_NAME, keys::HOST_NAME];
        let mut out = b"CEF:0|a|b|c|d|e|1|x=y".to_vec();
        let mut notes = Notes::default();
        let mut line = Line::new(&mut out, &mut notes);
        for (key, text) in KEYS.into_iter().zip(&texts) {
            line.text(key, text);
        }
        line.notes();
        let line = String::from_utf8(out).unwrap();
        prop_assert!(!line.contains(crate::output::json::text::is_control), "{:?}", line);
        let read = read(&line).unwrap();
        for (key, text) in KEYS.into_iter().zip(&texts) {
            let value = read.values.get(key.name).cloned().unwrap_or_default();
            prop_assert_eq!(&value, text);
        }
    }

    #[test]
    fn any_header_is_one(version in text()) {
        let host = Host { agent_version: version.clone(), ..documents::host() };
        let mut out = Cef::new(&host).begin;
        out.extend_from_slice(b"a|b|1|");
        let read = read(std::str::from_utf8(&out).unwrap()).unwrap();
        let shown = version.replace(crate::output::json::text::is_control, "\u{fffd}");
        prop_assert_eq!(&read.header[2], &shown);
    }
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[ a=\\\\|\n\r\t\u{7f}\u{85}\u{2028}é,]{0,6}",
        "[ -~]{0,60}",
    ]
}

#[test]
fn what_is_longer_than_the_dictionary_allows_is_whole_and_reported() {
    let mut host = documents::host();
    host.name = "n".repeat(101);
    let mut exec = super::super::ecs::tests::golden::exec::plain_exec();
    exec.arguments = super::super::samples::text(b"x");
    exec.arguments.bytes = vec![b'='; 4001].into();
    let input = super::super::samples::done(Body::Exec(Box::new(exec)));
    let read = read_line(&documents::write_with(&mut Cef::new(&host), &input));
    assert_eq!(read.values["cs1"], "=".repeat(4001));
    assert_eq!(read.values["dvchost"], host.name);
    assert_eq!(read.values["sensorOverlong"], "dvchost,cs1");
}

#[test]
fn severities_are_where_readers_expect_them() {
    let numbers = Severity::ALL.map(severity);
    assert_eq!(numbers, ["1", "3", "5", "8", "10"]);
}
