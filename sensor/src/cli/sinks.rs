//! From a sink's configuration to the sink.

use std::{path::PathBuf, time::Duration};

use anyhow::{Context as _, Result};

#[cfg(feature = "nats")]
use crate::delivery::sinks::nats::{Authentication, Nats, NatsSettings};
#[cfg(feature = "kafka")]
use crate::{
    config::sink::SaslMechanism,
    delivery::sinks::kafka::{self, Kafka, KafkaSettings, Mechanism, Sasl},
};
use crate::{
    config::sink::{
        OtlpProtocol, Sink as Settings, SinkType,
        address::{self, SyslogAddress, Transport},
    },
    delivery::{
        http::{Authorization, Compression, Header, HeaderSource, HttpSettings},
        secret::SecretSource,
        sink::Sink,
        sinks::{
            elasticsearch::{Elasticsearch, ElasticsearchSettings},
            file::{LogFile, LogFileSettings, Retention, Rotation},
            http::{HttpSink, HttpSinkSettings},
            journald::{Journald, JournaldSettings},
            otlp::{Otlp, OtlpSettings, OtlpTransport},
            splunk::{Acknowledgement, Documents, Splunk, SplunkSettings},
            stdout::{Stdout, StdoutSettings},
            syslog::{Address, Destination, Framing, Syslog, SyslogSettings},
        },
        tls::{Identity, TlsSettings},
    },
    host::Host,
    output::FormatChoice,
};

/// The sink that a configuration describes. Nothing is sent yet, but certificates are read.
///
/// # Errors
///
/// If a file cannot be read, or this build has no such sink.
pub(super) fn build(settings: &Settings, host: &Host) -> Result<Box<dyn Sink>> {
    Ok(match settings.sort {
        SinkType::Stdout => Box::new(Stdout::new(StdoutSettings::default())?),
        SinkType::File => Box::new(LogFile::new(file(settings)?)?),
        SinkType::Syslog => Box::new(Syslog::new(syslog(settings, host)?)?),
        SinkType::Journald => Box::new(Journald::new(journald(settings))?),
        SinkType::Elasticsearch => Box::new(Elasticsearch::new(&elasticsearch(settings)?)?),
        SinkType::Splunk => Box::new(Splunk::new(&splunk(settings, host)?)?),
        SinkType::Http => Box::new(HttpSink::new(&lines(settings)?)?),
        SinkType::Otlp => Box::new(Otlp::new(&otlp(settings, host)?)?),
        #[cfg(feature = "kafka")]
        SinkType::Kafka => Box::new(Kafka::new(kafka(settings, host)?)?),
        #[cfg(feature = "nats")]
        SinkType::Nats => Box::new(Nats::new(nats(settings)?)?),
        #[cfg(not(all(feature = "kafka", feature = "nats")))]
        other => anyhow::bail!(
            "this sensor was built without the feature `{0}`\n  build it with `--features {0}`",
            other.name()
        ),
    })
}

/// How long a batch may take: Splunk first answers, and says later that it is indexed.
pub(super) fn timeout(settings: &Settings) -> Duration {
    let answer = Duration::from_millis(settings.batch.timeout_milliseconds.into());
    match settings.sort {
        SinkType::Splunk if settings.place.acknowledge => answer + INDEXED,
        _ => answer,
    }
}

/// How long Splunk may take to index what it has taken.
const INDEXED: Duration = Duration::from_secs(120);

fn file(settings: &Settings) -> Result<LogFileSettings> {
    let some = |seconds: u32| (seconds > 0).then(|| Duration::from_secs(seconds.into()));
    let rotation = &settings.rotation;
    Ok(LogFileSettings {
        compress: settings.place.compress,
        rotation: Rotation {
            bytes_max: (rotation.rotate_bytes > 0).then_some(rotation.rotate_bytes),
            period: some(rotation.rotate_seconds),
        },
        retention: Retention {
            count: Some(rotation.keep_files as usize),
            age: some(rotation.keep_seconds),
        },
        ..LogFileSettings::at(needed(settings.place.path.as_ref(), "path")?)
    })
}

fn journald(settings: &Settings) -> JournaldSettings {
    let usual = JournaldSettings::default();
    JournaldSettings {
        socket: settings.place.path.clone().unwrap_or(usual.socket),
        ..usual
    }
}

fn syslog(settings: &Settings, host: &Host) -> Result<SyslogSettings> {
    let framing = Framing::default();
    let destination = match needed(settings.place.address.as_ref(), "address")? {
        SyslogAddress::UnixDatagram(path) => Destination::UnixDatagram(path),
        SyslogAddress::UnixStream(path) => Destination::UnixStream(path, framing),
        SyslogAddress::Network(transport, address::Host { name, port }) => {
            let address = Address { host: name, port };
            match transport {
                Transport::Udp => Destination::Udp(address),
                Transport::Tcp => Destination::Tcp(address, framing),
                Transport::Tls => Destination::Tls(address, tls(settings)),
            }
        }
    };
    Ok(SyslogSettings {
        facility: settings.place.facility,
        ..SyslogSettings::to(destination, &host.name)
    })
}

fn http(settings: &Settings) -> Result<HttpSettings> {
    Ok(HttpSettings {
        url: needed(settings.place.url.as_ref(), "url")?,
        tls: tls(settings),
        compression: if settings.place.compress {
            Compression::Gzip
        } else {
            Compression::None
        },
        ..HttpSettings::default()
    })
}

/// Who we are to a receiver that knows users, or tokens of this sort.
fn authorization(settings: &Settings, token: fn(SecretSource) -> Authorization) -> Authorization {
    let access = &settings.access;
    match (&access.user, &access.password, &access.token) {
        (Some(user), Some(password), _) => Authorization::Basic {
            user: user.clone(),
            password: password.clone(),
        },
        (_, _, Some(secret)) => token(secret.clone()),
        _ => Authorization::Nobody,
    }
}

fn headers(settings: &Settings) -> Vec<Header> {
    let headers = settings.place.headers.iter();
    headers
        .map(|(name, value)| Header {
            name: name.clone(),
            value: HeaderSource::Literal(value.clone()),
        })
        .collect()
}

fn elasticsearch(settings: &Settings) -> Result<ElasticsearchSettings> {
    Ok(ElasticsearchSettings {
        http: http(settings)?,
        index: settings
            .place
            .index
            .clone()
            .unwrap_or_else(|| "logs-sensor-default".to_owned()),
        authorization: authorization(settings, Authorization::ApiKey),
        pipeline: settings.place.pipeline.clone(),
    })
}

fn splunk(settings: &Settings, host: &Host) -> Result<SplunkSettings> {
    let place = &settings.place;
    Ok(SplunkSettings {
        http: http(settings)?,
        token: needed(settings.access.token.as_ref(), "token_file")?,
        documents: match settings.format {
            FormatChoice::Json | FormatChoice::Flat | FormatChoice::Ocsf => Documents::Json,
            FormatChoice::Cef | FormatChoice::Pretty => Documents::Text,
        },
        index: place.index.clone(),
        source: place.source.clone(),
        sourcetype: place.source_type.clone(),
        host: Some(host.name.clone()),
        acknowledgement: place.acknowledge.then(|| Acknowledgement {
            limit: INDEXED,
            ..Acknowledgement::default()
        }),
    })
}

fn lines(settings: &Settings) -> Result<HttpSinkSettings> {
    let usual = HttpSinkSettings::default();
    Ok(HttpSinkSettings {
        http: http(settings)?,
        authorization: authorization(settings, Authorization::Bearer),
        headers: headers(settings),
        content_type: match settings.format {
            FormatChoice::Json | FormatChoice::Flat | FormatChoice::Ocsf => usual.content_type,
            FormatChoice::Cef | FormatChoice::Pretty => "text/plain; charset=utf-8".to_owned(),
        },
    })
}

fn otlp(settings: &Settings, host: &Host) -> Result<OtlpSettings> {
    Ok(OtlpSettings {
        http: http(settings)?,
        transport: match settings.place.protocol {
            Some(OtlpProtocol::Grpc) => OtlpTransport::Grpc,
            Some(OtlpProtocol::Http) | None => OtlpTransport::Http,
        },
        authorization: authorization(settings, Authorization::Bearer),
        headers: headers(settings),
        host_name: host.name.clone(),
        host_id: host.machine_id.clone().unwrap_or_default(),
    })
}

#[cfg(feature = "kafka")]
fn kafka(settings: &Settings, host: &Host) -> Result<KafkaSettings> {
    let access = &settings.access;
    let sasl = access.user.as_ref().zip(access.password.as_ref());
    Ok(KafkaSettings {
        brokers: settings.place.servers.clone(),
        topic: needed(settings.place.topic.as_ref(), "topic")?,
        key: host.machine_id.clone().unwrap_or_else(|| host.name.clone()),
        compression: if settings.place.compress {
            kafka::Compression::Gzip
        } else {
            kafka::Compression::None
        },
        tls: settings.tls.enabled.then(|| tls(settings)),
        sasl: sasl.map(|(user, password)| Sasl {
            mechanism: match access.mechanism {
                Some(SaslMechanism::ScramSha256) => Mechanism::ScramSha256,
                Some(SaslMechanism::ScramSha512) => Mechanism::ScramSha512,
                Some(SaslMechanism::Plain) | None => Mechanism::Plain,
            },
            user: user.clone(),
            password: password.clone(),
        }),
    })
}

#[cfg(feature = "nats")]
fn nats(settings: &Settings) -> Result<NatsSettings> {
    let access = &settings.access;
    let authentication = match (
        &access.user,
        &access.password,
        &access.token,
        &access.credentials_file,
    ) {
        (Some(user), Some(password), _, _) => Authentication::Password {
            user: user.clone(),
            password: password.clone(),
        },
        (_, _, Some(token), _) => Authentication::Token(token.clone()),
        (_, _, _, Some(file)) => Authentication::Credentials(SecretSource::File(file.clone())),
        _ => Authentication::None,
    };
    Ok(NatsSettings {
        servers: settings.place.servers.clone(),
        subject: needed(settings.place.subject.as_ref(), "subject")?,
        inbox_prefix: "_INBOX".to_owned(),
        authentication,
        tls: settings.tls.enabled.then(|| tls(settings)),
    })
}

fn tls(settings: &Settings) -> TlsSettings {
    let tls = &settings.tls;
    let identity = |certificate: &PathBuf, key: &PathBuf| Identity {
        certificate_file: certificate.clone(),
        key_file: key.clone(),
    };
    TlsSettings {
        ca_file: tls.ca_file.clone(),
        identity: tls
            .certificate_file
            .as_ref()
            .zip(tls.key_file.as_ref())
            .map(|(certificate, key)| identity(certificate, key)),
        server_name: tls.server_name.clone(),
        minimum_version: tls.minimum_tls,
    }
}

/// What the configuration was checked to have.
fn needed<T: Clone>(value: Option<&T>, key: &str) -> Result<T> {
    value.cloned().with_context(|| format!("it has no `{key}`"))
}
