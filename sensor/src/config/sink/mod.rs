//! `[[sink]]`: where events go, and how. Any number of them; standard output if there is none.
//!
//! `keys` is the table of their keys, `reading` goes through a file by it; [`address`] is how some
//! places are written.

pub mod address;
mod keys;
mod reading;
#[cfg(test)]
mod tests;

pub(super) use keys::show;
pub(super) use reading::read;

use std::{collections::BTreeSet, path::PathBuf};

use sensor_common::record::{Family, Kind};

use self::address::SyslogAddress;
use crate::{
    delivery::{secret::SecretSource, sinks::syslog::Facility, tls::TlsVersion},
    detect::severity::Severity,
    output::{FormatChoice, subject::Topic},
};

/// A sink. What its type does not need is none or at its default.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sink {
    /// Its name, which no other sink has: letters, digits, `-` and `_`.
    pub name: String,
    /// What it is.
    pub sort: SinkType,
    /// How documents are written down for it.
    pub format: FormatChoice,
    /// The kinds of event that it wants, alerts being a kind of their own; none for all.
    pub kinds: Option<BTreeSet<Chosen<Kind>>>,
    /// The families of events that it wants, alerts being a family too; none for all.
    pub families: Option<BTreeSet<Chosen<Family>>>,
    /// The least grave that it wants.
    pub minimum_severity: Severity,
    /// Where the receiver is.
    pub place: Place,
    /// How it lets us in.
    pub access: Access,
    /// How TLS is spoken.
    pub tls: Tls,
    /// What a file's keeping is.
    pub rotation: Rotation,
    /// When it sends.
    pub batch: Batch,
    /// What waits.
    pub waiting: Waiting,
}

/// What a sink can choose: a kind or a family of events, or alerts, which are raised at events of any.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Chosen<T> {
    /// This kind or family.
    Events(T),
    /// Alerts.
    Alerts,
}

/// The type of a sink.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SinkType {
    /// Standard output.
    Stdout,
    /// A file.
    File,
    /// A syslog server.
    Syslog,
    /// The journal of systemd.
    Journald,
    /// Elasticsearch or OpenSearch.
    Elasticsearch,
    /// Splunk's HTTP event collector.
    Splunk,
    /// Any HTTP server that takes JSON lines.
    Http,
    /// OpenTelemetry logs.
    Otlp,
    /// Kafka.
    Kafka,
    /// NATS JetStream.
    Nats,
}

impl SinkType {
    /// Every type.
    pub const ALL: [Self; 10] = [
        Self::Stdout,
        Self::File,
        Self::Syslog,
        Self::Journald,
        Self::Elasticsearch,
        Self::Splunk,
        Self::Http,
        Self::Otlp,
        Self::Kafka,
        Self::Nats,
    ];

    /// The word for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Stdout => "stdout",
            Self::File => "file",
            Self::Syslog => "syslog",
            Self::Journald => "journald",
            Self::Elasticsearch => "elasticsearch",
            Self::Splunk => "splunk",
            Self::Http => "http",
            Self::Otlp => "otlp",
            Self::Kafka => "kafka",
            Self::Nats => "nats",
        }
    }

    /// Whether its receiver is on this host and loses nothing that was handed to it: such a sink has
    /// no spool unless one is asked for.
    const fn is_local(self) -> bool {
        matches!(self, Self::Stdout | Self::File | Self::Journald)
    }
}

/// Where a receiver is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// Of a syslog server.
    pub address: Option<SyslogAddress>,
    /// Of a server that speaks HTTP.
    pub url: Option<String>,
    /// Of the servers of a cluster, `host:port` each.
    pub servers: Vec<String>,
    /// Of a file or a socket.
    pub path: Option<PathBuf>,
    /// The index, or data stream.
    pub index: Option<String>,
    /// The Kafka topic.
    pub topic: Option<String>,
    /// The NATS subject.
    pub subject: Option<String>,
    /// Splunk's `source`.
    pub source: Option<String>,
    /// Splunk's `sourcetype`.
    pub source_type: Option<String>,
    /// Elasticsearch's ingest pipeline.
    pub pipeline: Option<String>,
    /// Syslog's facility.
    pub facility: Facility,
    /// How OTLP is spoken.
    pub protocol: Option<OtlpProtocol>,
    /// Headers that are sent too, each a name and a value.
    pub headers: Vec<(String, String)>,
    /// Whether bodies or messages are compressed.
    pub compress: bool,
    /// Whether Splunk is asked whether events are indexed.
    pub acknowledge: bool,
}

/// How OTLP is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OtlpProtocol {
    /// Protobuf over HTTP/1.1 or 2.
    Http,
    /// gRPC.
    Grpc,
}

/// How a receiver lets us in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Access {
    /// Our name.
    pub user: Option<String>,
    /// Its password.
    pub password: Option<SecretSource>,
    /// A token, or API key.
    pub token: Option<SecretSource>,
    /// NATS: a credentials file.
    pub credentials_file: Option<PathBuf>,
    /// Kafka: how a password is shown to be known.
    pub mechanism: Option<SaslMechanism>,
}

/// How Kafka is shown that a password is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SaslMechanism {
    /// By the password.
    Plain,
    /// By a proof.
    ScramSha256,
    /// By another proof.
    ScramSha512,
}

/// How TLS is spoken.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tls {
    /// Whether it is, where the address does not say so (Kafka, NATS).
    pub enabled: bool,
    /// PEM file of authorities that are trusted.
    pub ca_file: Option<PathBuf>,
    /// PEM file of our certificate.
    pub certificate_file: Option<PathBuf>,
    /// PEM file of its key.
    pub key_file: Option<PathBuf>,
    /// The name in the receiver's certificate.
    pub server_name: Option<String>,
    /// The lowest version.
    pub minimum_tls: TlsVersion,
}

/// When a file gives way to a new one, and how long the old ones are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rotation {
    /// Bytes after which; 0 for never.
    pub rotate_bytes: u64,
    /// Seconds after which; 0 for never.
    pub rotate_seconds: u32,
    /// How many old files are kept.
    pub keep_files: u32,
    /// Seconds that old files are kept; 0 for as long as there are not too many.
    pub keep_seconds: u32,
}

/// When a sink sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// Most events in a batch.
    pub batch_events: u32,
    /// Most bytes in a batch.
    pub batch_bytes: u32,
    /// How long the first event waits for others.
    pub batch_milliseconds: u32,
    /// How long the receiver may take for a batch.
    pub timeout_milliseconds: u32,
    /// The longest wait between two tries.
    pub retry_milliseconds_max: u32,
}

/// What waits for a sink.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// Most bytes in memory.
    pub queue_bytes: u32,
    /// Most bytes on disk; 0 for none. The default depends on the type.
    pub spool_bytes: Option<u64>,
    /// Most bytes of what the receiver will never take.
    pub dead_letter_bytes: u64,
}

/// The name of the section.
pub(super) const SECTION: &str = "sink";

/// Bytes of a spool, unless something else is said.
pub const SPOOL_BYTES: u64 = 256 << 20;

impl Sink {
    /// A sink of this type with the defaults.
    #[must_use]
    pub fn new(name: &str, sort: SinkType) -> Self {
        Self {
            name: name.to_owned(),
            sort,
            format: FormatChoice::Json,
            kinds: None,
            families: None,
            minimum_severity: Severity::Informational,
            place: Place::default(),
            access: Access::default(),
            tls: Tls::default(),
            rotation: Rotation {
                rotate_bytes: 100 << 20,
                rotate_seconds: 0,
                keep_files: 10,
                keep_seconds: 0,
            },
            batch: Batch {
                batch_events: 1000,
                batch_bytes: 512 << 10,
                batch_milliseconds: 200,
                timeout_milliseconds: 10_000,
                retry_milliseconds_max: 30_000,
            },
            waiting: Waiting {
                queue_bytes: 4 << 20,
                spool_bytes: None,
                dead_letter_bytes: 16 << 20,
            },
        }
    }

    /// Most bytes of its spool; none if it has none.
    #[must_use]
    pub const fn spool_bytes(&self) -> Option<u64> {
        match self.waiting.spool_bytes {
            Some(0) => None,
            Some(bytes) => Some(bytes),
            None if self.sort.is_local() => None,
            None => Some(SPOOL_BYTES),
        }
    }

    /// What it wants, of what can be chosen: kinds of event, and alerts.
    pub fn wanted(&self) -> impl Iterator<Item = Topic> {
        let events = Kind::events()
            .filter(|kind| self.has_chosen(Chosen::Events(*kind), Chosen::Events(kind.family())));
        let alerts = self.has_chosen(Chosen::Alerts, Chosen::Alerts);
        events
            .map(Topic::Event)
            .chain(alerts.then_some(Topic::Alert))
    }

    fn has_chosen(&self, kind: Chosen<Kind>, family: Chosen<Family>) -> bool {
        let kinds = self.kinds.as_ref();
        let families = self.families.as_ref();
        kinds.is_none_or(|kinds| kinds.contains(&kind))
            && families.is_none_or(|families| families.contains(&family))
    }
}
