//! Tenzir, which takes what is meant for Splunk, Elasticsearch and OpenTelemetry, and reads CEF.

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use super::{Guarantee, Materials, Program, Ready, Receiver};
use crate::daemon::find;
use crate::document::Shape;
use crate::place::{free_port, write};
use crate::sink::{Format, Sink, TOKEN};
use crate::verdict::skip;

/// As what it is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The HTTP event collector.
    Splunk,
    /// The bulk API.
    Elasticsearch,
    /// OTLP over HTTP.
    OpenTelemetry,
    /// Syslog over TCP with lines of CEF in it.
    Cef,
}

/// One that writes what it understood as a line of a file.
pub fn receiver(materials: &Materials, role: Role, format: Format) -> Result<Receiver> {
    let name = format!("tenzir-{}-{}", role.name(), format.name());
    let folder = materials.folder.join(&name);
    std::fs::create_dir_all(&folder)?;
    let beside = materials.scripts.beside("tenzir");
    let program = if beside.is_file() {
        beside
    } else if let Some(program) = find("tenzir") {
        program
    } else {
        return skip("Tenzir is not installed: --install fetches it");
    };
    let (port, file) = (free_port()?, folder.join("got"));
    let mut command = Command::new(program);
    command
        .arg(pipeline(role, port, &file))
        .env("TENZIR_CACHE_DIRECTORY", folder.join("cache"))
        .env("TENZIR_STATE_DIRECTORY", folder.join("state"));
    let token = folder.join("token");
    write(&token, TOKEN)?;
    let url = format!("http://127.0.0.1:{port}");
    let sink = match role {
        Role::Splunk => Sink::new("splunk", format)
            .text("url", &url)
            .file("token_file", &token),
        Role::Elasticsearch => Sink::new("elasticsearch", format)
            .text("url", &url)
            .text("index", "sensor"),
        Role::OpenTelemetry => Sink::new("otlp", format)
            .text("url", &url)
            .text("protocol", "http"),
        Role::Cef => Sink::new("syslog", format).text("address", format!("tcp://127.0.0.1:{port}")),
    };
    let address = format!("127.0.0.1:{port}");
    let program = Program::new(command, folder.join("log.txt"), Ready::Port(port));
    let receiver = Receiver::new(name, sink, Guarantee::Received, &file)
        .program(program)
        .by_hand([role.by_hand(), &address, "--token", TOKEN]);
    Ok(match role {
        Role::Cef => receiver.shape(Shape::ReadCef),
        _ => receiver.shape(Shape::Rewritten(format)),
    })
}

fn pipeline(role: Role, port: u16, file: &Path) -> String {
    let file = file.display();
    let (source, document) = match role {
        Role::Splunk => (
            format!("accept_splunk \"127.0.0.1:{port}\", hec_token=\"{TOKEN}\""),
            "this = event",
        ),
        Role::Elasticsearch => (
            format!("accept_opensearch \"127.0.0.1:{port}\""),
            "this = this",
        ),
        Role::OpenTelemetry => (
            format!("accept_otlp \"127.0.0.1:{port}\""),
            "this = body.string_value.parse_json()",
        ),
        Role::Cef => (
            format!("accept_tcp \"127.0.0.1:{port}\" {{ read_syslog octet_counting=true }}"),
            "this = message.parse_cef()",
        ),
    };
    format!("{source}\n{document}\nto_file \"{file}\" {{ write_ndjson }}")
}

impl Role {
    const fn name(self) -> &'static str {
        match self {
            Self::Splunk => "splunk",
            Self::Elasticsearch => "elasticsearch",
            Self::OpenTelemetry => "otlp",
            Self::Cef => "cef",
        }
    }

    const fn by_hand(self) -> &'static str {
        match self {
            Self::Splunk => "splunk",
            Self::Elasticsearch => "elasticsearch",
            Self::OpenTelemetry => "otlp-http",
            Self::Cef => "tcp",
        }
    }
}
