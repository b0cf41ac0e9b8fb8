//! Which receivers there are.

use anyhow::Result;

use super::Stage;
use crate::receiver::double::{self, Kind};
use crate::receiver::nats::Security;
use crate::receiver::python::Otlp;
use crate::receiver::rsyslog::Transport;
use crate::receiver::tenzir::Role;
use crate::receiver::{Materials, Receiver, journald, nats, python, rsyslog, syslog_ng, tenzir};
use crate::sink::Format;
use crate::verdict::Verdicts;

type Make = fn(&Materials, Format) -> Result<Receiver>;

/// Every receiver, and the formats that fit it.
const ALL: &[(&str, &[Format], Make)] = &[
    ("rsyslog-gnutls", EVERY, |materials, format| {
        rsyslog::receiver(materials, Transport::GnuTls, format)
    }),
    ("rsyslog-openssl", EVERY, |materials, format| {
        rsyslog::receiver(materials, Transport::OpenSsl, format)
    }),
    ("rsyslog-tcp", EVERY, |materials, format| {
        rsyslog::receiver(materials, Transport::Tcp, format)
    }),
    ("rsyslog-udp", EVERY, |materials, format| {
        rsyslog::receiver(materials, Transport::Udp, format)
    }),
    ("rsyslog-unix", EVERY, |materials, format| {
        rsyslog::receiver(materials, Transport::Unix, format)
    }),
    ("syslog-ng", EVERY, syslog_ng::receiver),
    ("journald", EVERY, journald::receiver),
    ("nats", EVERY, |materials, format| {
        nats::receiver(materials, Security::Plain, format)
    }),
    ("nats-tls", EVERY, |materials, format| {
        nats::receiver(materials, Security::Tls, format)
    }),
    ("kafka", EVERY, python::kafka),
    ("otlp-grpc", EVERY, |materials, format| {
        python::otlp(materials, Otlp::Grpc, format)
    }),
    ("otlp-http", EVERY, |materials, format| {
        python::otlp(materials, Otlp::Http, format)
    }),
    ("tenzir-splunk", JSON, |materials, format| {
        tenzir::receiver(materials, Role::Splunk, format)
    }),
    ("tenzir-elasticsearch", JSON, |materials, format| {
        tenzir::receiver(materials, Role::Elasticsearch, format)
    }),
    ("tenzir-otlp", JSON, |materials, format| {
        tenzir::receiver(materials, Role::OpenTelemetry, format)
    }),
    ("tenzir-cef", &[Format::Cef], |materials, format| {
        tenzir::receiver(materials, Role::Cef, format)
    }),
    ("double-elasticsearch", JSON, |materials, format| {
        Ok(double::receiver(materials, Kind::Elasticsearch, format, None)?.0)
    }),
    ("double-splunk", EVERY, |materials, format| {
        Ok(double::receiver(materials, Kind::Splunk, format, None)?.0)
    }),
    ("double-http", JSON, |materials, format| {
        Ok(double::receiver(materials, Kind::Http, format, None)?.0)
    }),
    ("double-syslog", EVERY, |materials, format| {
        Ok(double::receiver(materials, Kind::Syslog, format, None)?.0)
    }),
];

/// Every format for programs.
pub const EVERY: &[Format] = &[Format::Ecs, Format::Ocsf, Format::Cef, Format::Flat];

const JSON: &[Format] = &[Format::Ecs, Format::Ocsf, Format::Flat];

/// Starts the receivers of these names that a format fits; all if there are no names. Those that
/// cannot be had are noted.
pub fn start(
    stage: &Stage<'_>,
    materials: &Materials,
    format: Format,
    names: &[&str],
    verdicts: &mut Verdicts,
) -> Vec<Receiver> {
    let mut receivers = Vec::new();
    for (name, formats, make) in ALL {
        let is_meant = names.is_empty() || names.contains(name);
        if !is_meant || !stage.wants(name) || !formats.contains(&format) {
            continue;
        }
        let made = make(materials, format).and_then(|mut receiver| {
            receiver.start()?;
            Ok(receiver)
        });
        match made {
            Ok(receiver) => receivers.push(receiver),
            Err(error) => {
                let name = format!("{name} ({})", format.name());
                verdicts.note(&name, Err(error));
            }
        }
    }
    receivers
}
