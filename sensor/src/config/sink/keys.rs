//! The table of a sink's keys.

use std::{collections::BTreeSet, path::PathBuf};

use sensor_common::record::{Family, Kind};

use super::{OtlpProtocol, SaslMechanism, Sink, SinkType, address::SyslogAddress};
use crate::{
    config::{
        keys::{Key, Shown, bytes, no_kind, path_text, plain, put, quoted},
        value::{Flaws, Value},
    },
    delivery::{secret::SecretSource, sinks::syslog::Facility, tls::TlsVersion},
    output::{FormatChoice, subject::Severity},
};

/// A sink's key, and which sinks have it.
pub(super) struct SinkKey {
    pub(super) key: Key<Sink>,
    pub(super) types: &'static [SinkType],
    /// Whether a sink of these types cannot do without.
    pub(super) is_needed: bool,
}

const EVERY: &[SinkType] = &SinkType::ALL;
const SPEAK_TLS: &[SinkType] = &[
    SinkType::Syslog,
    SinkType::Elasticsearch,
    SinkType::Splunk,
    SinkType::Http,
    SinkType::Otlp,
    SinkType::Kafka,
    SinkType::Nats,
];
const SPEAK_HTTP: &[SinkType] = &[
    SinkType::Elasticsearch,
    SinkType::Splunk,
    SinkType::Http,
    SinkType::Otlp,
];
const HAVE_USERS: &[SinkType] = &[SinkType::Elasticsearch, SinkType::Kafka, SinkType::Nats];
const HAVE_TOKENS: &[SinkType] = &[
    SinkType::Elasticsearch,
    SinkType::Http,
    SinkType::Otlp,
    SinkType::Nats,
];
const COMPRESS: &[SinkType] = &[
    SinkType::File,
    SinkType::Elasticsearch,
    SinkType::Splunk,
    SinkType::Http,
    SinkType::Otlp,
    SinkType::Kafka,
];

const fn key(
    types: &'static [SinkType],
    name: &'static str,
    meaning: &'static [&'static str],
    read: fn(&mut Sink, Value<'_>) -> Result<(), Flaws>,
    show: fn(&Sink) -> Shown,
) -> SinkKey {
    SinkKey {
        key: Key {
            section: "sink",
            name,
            meaning,
            read,
            show,
        },
        types,
        is_needed: false,
    }
}

const fn needed(key: SinkKey) -> SinkKey {
    SinkKey {
        is_needed: true,
        ..key
    }
}

/// Every key of a sink but `name` and `type`, in the order in which they are shown.
pub(super) const SINK_KEYS: &[SinkKey] = &[
    key(
        EVERY,
        "format",
        &[
            "\"ecs\": Elastic Common Schema; \"ocsf\": OCSF 1.8.0; \"cef\": Common Event Format;",
            "\"flat\": ECS fields in one flat JSON object; \"pretty\": columns for people.",
        ],
        |sink, value| put(&mut sink.format, value.word(FORMATS)),
        |sink| word(FORMATS, sink.format),
    ),
    key(
        EVERY,
        "kinds",
        &["Kinds of event that it gets, by their `event.code`."],
        |sink, value| {
            sink.kinds = Some(names(value, |text| {
                Kind::events()
                    .find(|kind| kind.name() == text)
                    .ok_or_else(|| no_kind(text))
            })?);
            Ok(())
        },
        |sink| {
            set(
                &sink.kinds,
                |kind| kind.name(),
                "it gets all",
                "[\"exec\", \"connect\"]",
            )
        },
    ),
    key(
        EVERY,
        "families",
        &["Families of events that it gets: exec, network, privilege."],
        |sink, value| {
            sink.families = Some(names(value, |text| {
                FAMILIES
                    .into_iter()
                    .find(|family| family.name() == text)
                    .ok_or_else(|| {
                        format!(
                            "names no family of events with {text:?}; there are exec, network and privilege"
                        )
                    })
            })?);
            Ok(())
        },
        |sink| {
            set(
                &sink.families,
                |family| family.name(),
                "it gets all",
                "[\"privilege\"]",
            )
        },
    ),
    key(
        EVERY,
        "minimum_severity",
        &[
            "The least grave that it gets: \"informational\", \"low\", \"medium\", \"high\" or \"critical\".",
        ],
        |sink, value| put(&mut sink.minimum_severity, value.word(&severities())),
        |sink| Shown::Set(quoted(sink.minimum_severity.name())),
    ),
    needed(key(
        &[SinkType::Syslog],
        "address",
        &["\"unix:///dev/log\", \"udp://HOST:514\", \"tcp://HOST:601\" or \"tls://HOST:6514\"."],
        |sink, value| {
            let address = value.string()?.parse::<SyslogAddress>();
            sink.place.address = Some(address.map_err(|error| value.flaw(error.to_string()))?);
            Ok(())
        },
        |sink| match &sink.place.address {
            Some(address) => Shown::Set(quoted(&address.to_string())),
            None => Shown::Unset {
                meaning: "there must be one",
                example: "\"tls://siem.example:6514\"",
            },
        },
    )),
    needed(key(
        SPEAK_HTTP,
        "url",
        &["Where the receiver is: \"https://HOST:PORT\" and a path, if it needs one."],
        |sink, value| text(&mut sink.place.url, value),
        |sink| {
            optional(
                &sink.place.url,
                "there must be one",
                "https://siem.example:9200",
            )
        },
    )),
    needed(key(
        &[SinkType::Kafka, SinkType::Nats],
        "servers",
        &["Servers of the cluster, \"HOST:PORT\" each; one that answers is enough."],
        |sink, value| {
            let mut servers = Vec::new();
            for server in value.array()? {
                servers.push(server.string()?.to_owned());
            }
            if servers.is_empty() {
                return Err(value.flaw("must name at least one").into());
            }
            sink.place.servers = servers;
            Ok(())
        },
        |sink| {
            if sink.place.servers.is_empty() {
                return Shown::Unset {
                    meaning: "there must be some",
                    example: "[\"broker-1.example:9092\"]",
                };
            }
            let servers: Vec<String> = sink.place.servers.iter().map(|one| quoted(one)).collect();
            Shown::Set(format!("[{}]", servers.join(", ")))
        },
    )),
    needed(key(
        &[SinkType::File],
        "path",
        &["The file."],
        |sink, value| path(&mut sink.place.path, value),
        |sink| {
            optional_path(
                &sink.place.path,
                "there must be one",
                "\"/var/log/sensor/events.json\"",
            )
        },
    )),
    key(
        &[SinkType::Journald],
        "path",
        &["The journal's socket."],
        |sink, value| path(&mut sink.place.path, value),
        |sink| {
            optional_path(
                &sink.place.path,
                "the one of this host",
                "\"/run/systemd/journal/socket\"",
            )
        },
    ),
    key(
        &[SinkType::Elasticsearch, SinkType::Splunk],
        "index",
        &["The index, or data stream, that events go to."],
        |sink, value| text(&mut sink.place.index, value),
        |sink| {
            optional(
                &sink.place.index,
                "logs-sensor-default (Splunk: the token's)",
                "logs-sensor-default",
            )
        },
    ),
    needed(key(
        &[SinkType::Kafka],
        "topic",
        &["The topic. The key is the host, so that a host's events stay in order."],
        |sink, value| text(&mut sink.place.topic, value),
        |sink| optional(&sink.place.topic, "there must be one", "sensor"),
    )),
    needed(key(
        &[SinkType::Nats],
        "subject",
        &["The subject, of which a stream must keep what is published."],
        |sink, value| text(&mut sink.place.subject, value),
        |sink| optional(&sink.place.subject, "there must be one", "sensor.events"),
    )),
    key(
        &[SinkType::Splunk],
        "source",
        &["Splunk's `source`."],
        |sink, value| text(&mut sink.place.source, value),
        |sink| optional(&sink.place.source, "the token's", "sensor"),
    ),
    key(
        &[SinkType::Splunk],
        "source_type",
        &["Splunk's `sourcetype`."],
        |sink, value| text(&mut sink.place.source_type, value),
        |sink| optional(&sink.place.source_type, "the token's", "sensor:ecs"),
    ),
    key(
        &[SinkType::Splunk],
        "acknowledge",
        &["Whether Splunk is asked if events are indexed, as far as the token allows that."],
        |sink, value| put(&mut sink.place.acknowledge, value.boolean()),
        |sink| plain(&sink.place.acknowledge),
    ),
    key(
        &[SinkType::Elasticsearch],
        "pipeline",
        &["The ingest pipeline."],
        |sink, value| text(&mut sink.place.pipeline, value),
        |sink| optional(&sink.place.pipeline, "the index's", "sensor"),
    ),
    key(
        &[SinkType::Syslog],
        "facility",
        &["The facility: \"authpriv\", \"daemon\", \"local0\" and so on."],
        |sink, value| put(&mut sink.place.facility, value.word(&facilities())),
        |sink| Shown::Set(quoted(sink.place.facility.name())),
    ),
    key(
        &[SinkType::Otlp],
        "protocol",
        &["\"http\": protobuf over HTTP; \"grpc\"."],
        |sink, value| {
            sink.place.protocol = Some(value.word(PROTOCOLS)?);
            Ok(())
        },
        |sink| match sink.place.protocol {
            Some(protocol) => word(PROTOCOLS, protocol),
            None => Shown::Unset {
                meaning: "\"http\"",
                example: "\"grpc\"",
            },
        },
    ),
    key(
        &[SinkType::Http, SinkType::Otlp],
        "headers",
        &[
            "Headers that are sent too, \"NAME: VALUE\" each; no secrets, those have keys of their own.",
        ],
        |sink, value| {
            sink.place.headers = headers(value)?;
            Ok(())
        },
        |sink| {
            let headers: Vec<String> = sink
                .place
                .headers
                .iter()
                .map(|(name, value)| quoted(&format!("{name}: {value}")))
                .collect();
            Shown::Set(format!("[{}]", headers.join(", ")))
        },
    ),
    key(
        COMPRESS,
        "compress",
        &["Whether what is sent, or a file that is full, is compressed."],
        |sink, value| put(&mut sink.place.compress, value.boolean()),
        |sink| plain(&sink.place.compress),
    ),
    key(
        HAVE_USERS,
        "user",
        &["The user that the receiver knows us as."],
        |sink, value| text(&mut sink.access.user, value),
        |sink| optional(&sink.access.user, "none", "sensor"),
    ),
    key(
        HAVE_USERS,
        "password_file",
        &["File of that user's password."],
        |sink, value| {
            sink.access.password = Some(SecretSource::File(value.absolute_path()?));
            Ok(())
        },
        |sink| secret_file(sink.access.password.as_ref()),
    ),
    key(
        HAVE_USERS,
        "password_environment",
        &["Variable of the environment with that user's password."],
        |sink, value| {
            sink.access.password = Some(SecretSource::Environment(value.string()?.to_owned()));
            Ok(())
        },
        |sink| secret_variable(sink.access.password.as_ref()),
    ),
    key(
        &[SinkType::Kafka],
        "mechanism",
        &["How the password is used: \"plain\", \"scram-sha-256\", \"scram-sha-512\"."],
        |sink, value| {
            sink.access.mechanism = Some(value.word(MECHANISMS)?);
            Ok(())
        },
        |sink| match sink.access.mechanism {
            Some(mechanism) => word(MECHANISMS, mechanism),
            None => Shown::Unset {
                meaning: "\"plain\" if there is a user",
                example: "\"scram-sha-512\"",
            },
        },
    ),
    key(
        &[SinkType::Splunk],
        "token_file",
        &["File of the collector's token."],
        token_file,
        |sink| secret_file(sink.access.token.as_ref()),
    ),
    key(
        &[SinkType::Splunk],
        "token_environment",
        &["Variable of the environment with the collector's token."],
        token_environment,
        |sink| secret_variable(sink.access.token.as_ref()),
    ),
    key(
        HAVE_TOKENS,
        "token_file",
        &["File of a token (Elasticsearch: API key, encoded; HTTP and OTLP: bearer token)."],
        token_file,
        |sink| secret_file(sink.access.token.as_ref()),
    ),
    key(
        HAVE_TOKENS,
        "token_environment",
        &["Variable of the environment with a token."],
        token_environment,
        |sink| secret_variable(sink.access.token.as_ref()),
    ),
    key(
        &[SinkType::Nats],
        "credentials_file",
        &["File of NATS credentials (JWT and key)."],
        |sink, value| path(&mut sink.access.credentials_file, value),
        |sink| {
            optional_path(
                &sink.access.credentials_file,
                "none",
                "\"/etc/sensor/nats.creds\"",
            )
        },
    ),
    key(
        &[SinkType::Kafka, SinkType::Nats],
        "tls",
        &["Whether the connection is encrypted."],
        |sink, value| put(&mut sink.tls.enabled, value.boolean()),
        |sink| plain(&sink.tls.enabled),
    ),
    key(
        SPEAK_TLS,
        "ca_file",
        &["PEM file of the authorities that may have signed the receiver's certificate."],
        |sink, value| path(&mut sink.tls.ca_file, value),
        |sink| {
            optional_path(
                &sink.tls.ca_file,
                "those that this host trusts",
                "\"/etc/sensor/ca.pem\"",
            )
        },
    ),
    key(
        SPEAK_TLS,
        "certificate_file",
        &["PEM file of the certificate that the receiver is shown."],
        |sink, value| path(&mut sink.tls.certificate_file, value),
        |sink| {
            optional_path(
                &sink.tls.certificate_file,
                "none",
                "\"/etc/sensor/client.pem\"",
            )
        },
    ),
    key(
        SPEAK_TLS,
        "key_file",
        &["PEM file of its key."],
        |sink, value| path(&mut sink.tls.key_file, value),
        |sink| optional_path(&sink.tls.key_file, "none", "\"/etc/sensor/client.key\""),
    ),
    key(
        SPEAK_TLS,
        "server_name",
        &["The name in the receiver's certificate, if it is not that in its address."],
        |sink, value| text(&mut sink.tls.server_name, value),
        |sink| optional(&sink.tls.server_name, "that in the address", "siem.example"),
    ),
    key(
        SPEAK_TLS,
        "minimum_tls",
        &["The lowest version of TLS that is spoken: \"1.2\" or \"1.3\"."],
        |sink, value| put(&mut sink.tls.minimum_tls, value.word(VERSIONS)),
        |sink| word(VERSIONS, sink.tls.minimum_tls),
    ),
    key(
        &[SinkType::File],
        "rotate_bytes",
        &["Bytes after which a new file begins; 0 for never."],
        |sink, value| put(&mut sink.rotation.rotate_bytes, value.large(0..=LARGEST)),
        |sink| bytes(sink.rotation.rotate_bytes),
    ),
    key(
        &[SinkType::File],
        "rotate_seconds",
        &["Seconds after which a new file begins; 0 for never."],
        |sink, value| {
            put(
                &mut sink.rotation.rotate_seconds,
                value.integer(0..=SECONDS_MAX),
            )
        },
        |sink| plain(&sink.rotation.rotate_seconds),
    ),
    key(
        &[SinkType::File],
        "keep_files",
        &["How many old files are kept."],
        |sink, value| put(&mut sink.rotation.keep_files, value.integer(0..=10_000)),
        |sink| plain(&sink.rotation.keep_files),
    ),
    key(
        &[SinkType::File],
        "keep_seconds",
        &["How long old files are kept; 0 for as long as there are not too many."],
        |sink, value| {
            put(
                &mut sink.rotation.keep_seconds,
                value.integer(0..=SECONDS_MAX),
            )
        },
        |sink| plain(&sink.rotation.keep_seconds),
    ),
    key(
        EVERY,
        "batch_events",
        &["Most events that are sent together."],
        |sink, value| put(&mut sink.batch.batch_events, value.integer(1..=100_000)),
        |sink| plain(&sink.batch.batch_events),
    ),
    key(
        EVERY,
        "batch_bytes",
        &["Most bytes that are sent together, unless the first event alone has more."],
        |sink, value| put(&mut sink.batch.batch_bytes, value.bytes(1024..=64 << 20)),
        |sink| bytes(sink.batch.batch_bytes),
    ),
    key(
        EVERY,
        "batch_milliseconds",
        &["How long an event waits for others at most."],
        |sink, value| {
            put(
                &mut sink.batch.batch_milliseconds,
                value.integer(0..=60_000),
            )
        },
        |sink| plain(&sink.batch.batch_milliseconds),
    ),
    key(
        EVERY,
        "timeout_milliseconds",
        &["How long the receiver may take to answer."],
        |sink, value| {
            put(
                &mut sink.batch.timeout_milliseconds,
                value.integer(100..=600_000),
            )
        },
        |sink| plain(&sink.batch.timeout_milliseconds),
    ),
    key(
        EVERY,
        "retry_milliseconds_max",
        &["The longest wait between two tries, unless the receiver asks for more."],
        |sink, value| {
            put(
                &mut sink.batch.retry_milliseconds_max,
                value.integer(100..=3_600_000),
            )
        },
        |sink| plain(&sink.batch.retry_milliseconds_max),
    ),
    key(
        EVERY,
        "queue_bytes",
        &["Most bytes of events that wait in memory."],
        |sink, value| {
            put(
                &mut sink.waiting.queue_bytes,
                value.bytes(64 << 10..=1 << 30),
            )
        },
        |sink| bytes(sink.waiting.queue_bytes),
    ),
    key(
        EVERY,
        "spool_bytes",
        &[
            "Most bytes of events that wait on disk, where they survive the sensor; 0 for none.",
            "At the limit the oldest of the least grave ones go, and are counted.",
        ],
        |sink, value| {
            sink.waiting.spool_bytes = Some(value.large(0..=LARGEST)?);
            Ok(())
        },
        |sink| match sink.waiting.spool_bytes {
            Some(size) => bytes(size),
            None => Shown::Unset {
                meaning: "256MiB for a receiver that can be away, else 0",
                example: "\"1GiB\"",
            },
        },
    ),
    key(
        EVERY,
        "dead_letter_bytes",
        &["Most bytes of events that are kept beside the spool because the receiver refuses them."],
        |sink, value| {
            put(
                &mut sink.waiting.dead_letter_bytes,
                value.large(0..=LARGEST),
            )
        },
        |sink| bytes(sink.waiting.dead_letter_bytes),
    ),
];

const LARGEST: u64 = 1 << 40;
const SECONDS_MAX: u32 = 366 * 86_400;
const FAMILIES: [Family; 3] = [Family::Exec, Family::Network, Family::Privilege];
const FORMATS: &[(&str, FormatChoice)] = &[
    ("ecs", FormatChoice::Json),
    ("ocsf", FormatChoice::Ocsf),
    ("cef", FormatChoice::Cef),
    ("flat", FormatChoice::Flat),
    ("pretty", FormatChoice::Pretty),
];
const PROTOCOLS: &[(&str, OtlpProtocol)] =
    &[("http", OtlpProtocol::Http), ("grpc", OtlpProtocol::Grpc)];
const MECHANISMS: &[(&str, SaslMechanism)] = &[
    ("plain", SaslMechanism::Plain),
    ("scram-sha-256", SaslMechanism::ScramSha256),
    ("scram-sha-512", SaslMechanism::ScramSha512),
];
const VERSIONS: &[(&str, TlsVersion)] = &[("1.2", TlsVersion::V12), ("1.3", TlsVersion::V13)];

fn severities() -> [(&'static str, Severity); 5] {
    Severity::ALL.map(|severity| (severity.name(), severity))
}

fn headers(value: Value<'_>) -> Result<Vec<(String, String)>, Flaws> {
    let mut headers = Vec::new();
    for header in value.array()? {
        let text = header.string()?;
        let is_token = |name: &str| {
            !name.is_empty()
                && name
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
        };
        match text.split_once(':') {
            Some((name, value)) if is_token(name) && !value.chars().any(char::is_control) => {
                headers.push((name.to_owned(), value.trim().to_owned()));
            }
            _ => {
                return Err(header
                    .flaw(format!(
                        "has {text:?}, but must have headers as in \"X-Scope: a\""
                    ))
                    .into());
            }
        }
    }
    Ok(headers)
}

fn facilities() -> [(&'static str, Facility); 24] {
    Facility::ALL.map(|facility| (facility.name(), facility))
}

fn token_file(sink: &mut Sink, value: Value<'_>) -> Result<(), Flaws> {
    sink.access.token = Some(SecretSource::File(value.absolute_path()?));
    Ok(())
}

fn token_environment(sink: &mut Sink, value: Value<'_>) -> Result<(), Flaws> {
    sink.access.token = Some(SecretSource::Environment(value.string()?.to_owned()));
    Ok(())
}

fn text(place: &mut Option<String>, value: Value<'_>) -> Result<(), Flaws> {
    let text = value.string()?;
    if text.is_empty() || text.chars().any(char::is_control) {
        return Err(value
            .flaw("must be a text that is not empty and has no control characters in it")
            .into());
    }
    *place = Some(text.to_owned());
    Ok(())
}

fn path(place: &mut Option<PathBuf>, value: Value<'_>) -> Result<(), Flaws> {
    *place = Some(value.absolute_path()?);
    Ok(())
}

fn names<T: Ord>(
    value: Value<'_>,
    find: impl Fn(&str) -> Result<T, String>,
) -> Result<BTreeSet<T>, Flaws> {
    let mut found = BTreeSet::new();
    let mut flaws = Flaws::default();
    for name in value.array()? {
        match name.string().map(&find) {
            Ok(Ok(one)) => {
                found.insert(one);
            }
            Ok(Err(what)) => flaws.0.push(name.flaw(what)),
            Err(_) => flaws.0.push(name.flaw(format!(
                "must be an array of strings, and {} is among them",
                name.sort()
            ))),
        }
    }
    if flaws.0.is_empty() {
        Ok(found)
    } else {
        Err(flaws)
    }
}

fn word<T: Copy + PartialEq>(words: &[(&str, T)], value: T) -> Shown {
    let word = words.iter().find(|(_, meaning)| *meaning == value);
    Shown::Set(quoted(word.map_or("", |(word, _)| word)))
}

fn set<T>(
    names: &Option<BTreeSet<T>>,
    name: fn(&T) -> &'static str,
    meaning: &'static str,
    example: &'static str,
) -> Shown {
    match names {
        Some(names) => {
            let names: Vec<String> = names.iter().map(|one| quoted(name(one))).collect();
            Shown::Set(format!("[{}]", names.join(", ")))
        }
        None => Shown::Unset { meaning, example },
    }
}

fn optional(text: &Option<String>, meaning: &'static str, example: &'static str) -> Shown {
    match text {
        Some(text) => Shown::Set(quoted(text)),
        None => Shown::Unset { meaning, example },
    }
}

fn optional_path(path: &Option<PathBuf>, meaning: &'static str, example: &'static str) -> Shown {
    match path {
        Some(path) => Shown::Set(path_text(path)),
        None => Shown::Unset { meaning, example },
    }
}

fn secret_file(source: Option<&SecretSource>) -> Shown {
    match source {
        Some(SecretSource::File(path)) => Shown::Set(path_text(path)),
        _ => Shown::Unset {
            meaning: "none",
            example: "\"/etc/sensor/secret\"",
        },
    }
}

fn secret_variable(source: Option<&SecretSource>) -> Shown {
    match source {
        Some(SecretSource::Environment(name)) => Shown::Set(quoted(name)),
        _ => Shown::Unset {
            meaning: "none",
            example: "\"SENSOR_SECRET\"",
        },
    }
}

/// A sink as TOML.
pub(in crate::config) fn show(sink: &Sink) -> Vec<String> {
    let default = Sink::new(&sink.name, sink.sort);
    let mut lines = vec![
        "[[sink]]".to_owned(),
        format!("name = {}", quoted(&sink.name)),
        format!("type = {}", quoted(sink.sort.name())),
    ];
    for SinkKey { key, types, .. } in SINK_KEYS {
        if !types.contains(&sink.sort) {
            continue;
        }
        lines.push(String::new());
        lines.extend(key.meaning.iter().map(|line| format!("# {line}")));
        lines.push(match (key.show)(&default) {
            Shown::Set(value) => format!("# Default: {value}"),
            Shown::Unset { meaning, .. } => format!("# Default: {meaning}"),
        });
        lines.push(match (key.show)(sink) {
            Shown::Set(value) => format!("{} = {value}", key.name),
            Shown::Unset { example, .. } if example.starts_with(['"', '[']) => {
                format!("# {} = {example}", key.name)
            }
            Shown::Unset { example, .. } => format!("# {} = {}", key.name, quoted(example)),
        });
    }
    lines
}
