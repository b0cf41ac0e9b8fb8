//! Documents as log records.

use super::messages::{
    AnyValue, ExportRequest, KeyValue, LogRecord, Resource, ResourceLogs, Scope, ScopeLogs,
};
use crate::{
    clock::{WallTime, wall_time},
    delivery::entry::Entry,
    detect::severity::Severity,
};

/// `service.name` of the resource, and the name of the scope.
const NAME: &str = "sensor";

/// Makes log records.
#[derive(Debug)]
pub(super) struct Records {
    resource: Resource,
}

impl Records {
    pub(super) fn new(host_name: &str, host_id: &str) -> Self {
        let attributes = [
            ("service.name", NAME),
            ("service.version", env!("CARGO_PKG_VERSION")),
            ("host.name", host_name),
            ("host.id", host_id),
        ];
        let known = attributes
            .into_iter()
            .filter(|(_, value)| !value.is_empty());
        Self {
            resource: Resource {
                attributes: known.map(|(key, value)| attribute(key, value)).collect(),
            },
        }
    }

    /// What is sent of a batch.
    pub(super) fn request(&self, entries: &[Entry]) -> ExportRequest {
        let now = unsigned(wall_time());
        let scope_logs = ScopeLogs {
            scope: Some(Scope {
                name: NAME.into(),
                version: env!("CARGO_PKG_VERSION").into(),
            }),
            log_records: entries.iter().map(|entry| record(entry, now)).collect(),
        };
        ExportRequest {
            resource_logs: vec![ResourceLogs {
                resource: Some(self.resource.clone()),
                scope_logs: vec![scope_logs],
            }],
        }
    }
}

fn record(entry: &Entry, now: u64) -> LogRecord {
    let facts = &entry.facts;
    let code = facts.topic.code();
    LogRecord {
        time_unix_nano: unsigned(facts.time),
        observed_time_unix_nano: now,
        severity_number: severity_number(facts.severity),
        severity_text: facts.severity.name().into(),
        // One document that is no text would make the whole message one that cannot be read.
        body: Some(value(String::from_utf8_lossy(&entry.document).into_owned())),
        attributes: vec![
            attribute("event.id", &facts.id),
            // The record's own field for it is younger than many receivers.
            attribute("event.name", code),
        ],
        event_name: code.into(),
    }
}

/// `SeverityNumber`: `INFO` is 9 to 12, `WARN` from 13, `ERROR` from 17, `FATAL` from 21.
const fn severity_number(severity: Severity) -> i32 {
    match severity {
        Severity::Informational => 9,
        Severity::Low => 10,
        Severity::Medium => 13,
        Severity::High => 17,
        Severity::Critical => 21,
    }
}

/// The protocol has no times before 1970; 0 means that the time is unknown.
fn unsigned(time: WallTime) -> u64 {
    u64::try_from(time.0).unwrap_or(0)
}

fn attribute(key: &str, text: &str) -> KeyValue {
    KeyValue {
        key: key.into(),
        value: Some(value(text.into())),
    }
}

const fn value(text: String) -> AnyValue {
    AnyValue {
        string_value: Some(text),
    }
}
