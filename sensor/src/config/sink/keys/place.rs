//! Where a sink's receiver is, and what it calls what it gets.

use super::{
    super::{OtlpProtocol, SinkType, address::SyslogAddress},
    SinkKey, key, needed,
    values::{optional, optional_path, path, text, word},
};
use crate::{
    config::{
        keys::{Shown, plain, put, quoted},
        value::{Flaws, Value},
    },
    delivery::sinks::syslog::Facility,
};

/// The keys, in the order in which they are shown.
pub(super) const KEYS: &[SinkKey] = &[
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
];

const SPEAK_HTTP: &[SinkType] = &[
    SinkType::Elasticsearch,
    SinkType::Splunk,
    SinkType::Http,
    SinkType::Otlp,
];

const COMPRESS: &[SinkType] = &[
    SinkType::File,
    SinkType::Elasticsearch,
    SinkType::Splunk,
    SinkType::Http,
    SinkType::Otlp,
    SinkType::Kafka,
];

const PROTOCOLS: &[(&str, OtlpProtocol)] =
    &[("http", OtlpProtocol::Http), ("grpc", OtlpProtocol::Grpc)];

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
