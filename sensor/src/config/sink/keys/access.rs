//! What lets the sensor in, and how TLS is spoken. Secrets have their places here, never themselves.

use super::{
    super::{SaslMechanism, Sink, SinkType},
    SinkKey, key,
    values::{optional, optional_path, path, text, word},
};
use crate::{
    config::{
        keys::{Shown, path_text, plain, put, quoted},
        value::{Flaws, Value},
    },
    delivery::{secret::SecretSource, tls::TlsVersion},
};

/// The keys, in the order in which they are shown.
pub(super) const KEYS: &[SinkKey] = &[
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
];

const SPEAK_TLS: &[SinkType] = &[
    SinkType::Syslog,
    SinkType::Elasticsearch,
    SinkType::Splunk,
    SinkType::Http,
    SinkType::Otlp,
    SinkType::Kafka,
    SinkType::Nats,
];

const HAVE_USERS: &[SinkType] = &[SinkType::Elasticsearch, SinkType::Kafka, SinkType::Nats];

const HAVE_TOKENS: &[SinkType] = &[
    SinkType::Elasticsearch,
    SinkType::Http,
    SinkType::Otlp,
    SinkType::Nats,
];

const MECHANISMS: &[(&str, SaslMechanism)] = &[
    ("plain", SaslMechanism::Plain),
    ("scram-sha-256", SaslMechanism::ScramSha256),
    ("scram-sha-512", SaslMechanism::ScramSha512),
];

const VERSIONS: &[(&str, TlsVersion)] = &[("1.2", TlsVersion::V12), ("1.3", TlsVersion::V13)];

fn token_file(sink: &mut Sink, value: Value<'_>) -> Result<(), Flaws> {
    sink.access.token = Some(SecretSource::File(value.absolute_path()?));
    Ok(())
}

fn token_environment(sink: &mut Sink, value: Value<'_>) -> Result<(), Flaws> {
    sink.access.token = Some(SecretSource::Environment(value.string()?.to_owned()));
    Ok(())
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
