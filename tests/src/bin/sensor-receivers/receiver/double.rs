//! Doubles of servers that cannot be had. They are strict, store what they acknowledge, and misbehave
//! when they are told to.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result};

use super::{Guarantee, Materials, Program, Ready, Receiver};
use crate::certificate::Identity;
use crate::document::Shape;
use crate::place::{free_port, write};
use crate::sink::{Format, Sink, TOKEN};

/// Of what it is a double.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Elasticsearch's bulk API.
    Elasticsearch,
    /// Splunk's HTTP event collector.
    Splunk,
    /// A collector of documents over HTTP.
    Http,
    /// Syslog over TCP.
    Syslog,
}

/// How it behaves; see `double.py`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Behaviour {
    /// As the real one.
    Right,
    /// It never answers.
    Silent,
    /// It closes the connection in the middle of a batch.
    Close,
    /// It asks for patience.
    TooMany,
    /// It is not available.
    Unavailable,
    /// It takes some documents of a batch only.
    Partial,
}

/// Makes it behave.
#[derive(Clone, Debug)]
pub struct Conscience(PathBuf);

impl Conscience {
    /// From the next request on.
    pub fn set(&self, behaviour: Behaviour) -> Result<()> {
        // In one piece, for it may be read at any time.
        let unfinished = self.0.with_extension("unfinished");
        write(&unfinished, behaviour.word())?;
        fs::rename(&unfinished, &self.0).context("cannot write how the double behaves")
    }
}

impl Behaviour {
    const fn word(self) -> &'static str {
        match self {
            Self::Right => "ok",
            Self::Silent => "silent",
            Self::Close => "close",
            Self::TooMany => "429",
            Self::Unavailable => "503",
            Self::Partial => "partial",
        }
    }
}

impl Kind {
    const fn name(self) -> &'static str {
        match self {
            Self::Elasticsearch => "elasticsearch",
            Self::Splunk => "splunk",
            Self::Http => "http",
            Self::Syslog => "syslog",
        }
    }
}

/// One that speaks TLS as `identity`, if there is one.
pub fn receiver(
    materials: &Materials,
    kind: Kind,
    format: Format,
    identity: Option<&Identity>,
) -> Result<(Receiver, Conscience)> {
    let port = free_port()?;
    let name = format!("double-{}-{}", kind.name(), format.name());
    let folder = materials.folder.join(format!("{name}-{port}"));
    fs::create_dir_all(&folder)?;
    let file = folder.join("got");
    let conscience = Conscience(folder.join("behaviour"));
    conscience.set(Behaviour::Right)?;
    let mut command = materials.scripts.command("double.py")?;
    command.arg(kind.name()).arg(port.to_string());
    command.arg(&file).arg(&conscience.0);
    if let Some(identity) = identity {
        command.arg("--certificate").arg(&identity.certificate);
        command.arg("--key").arg(&identity.key);
    }
    let host = match identity {
        Some(_) => format!("localhost:{port}"),
        None => format!("127.0.0.1:{port}"),
    };
    let mut sink = sink(kind, format, &host, identity.is_some(), &folder)?;
    if identity.is_some() {
        sink = sink.file("ca_file", &materials.certificates.authority);
    }
    let way = match kind {
        Kind::Syslog => "tcp",
        other => other.name(),
    };
    let guarantee = match kind {
        Kind::Syslog => Guarantee::Streamed,
        _ => Guarantee::Stored,
    };
    let program = Program::new(command, folder.join("log.txt"), Ready::Port(port));
    let receiver = Receiver::new(name, sink, guarantee, &file)
        .program(program)
        .by_hand([way, &host, "--token", TOKEN]);
    let receiver = match kind {
        Kind::Splunk => receiver.shape(Shape::Rewritten(format)),
        _ => receiver,
    };
    Ok((receiver, conscience))
}

fn sink(
    kind: Kind,
    format: Format,
    host: &str,
    is_tls: bool,
    folder: &std::path::Path,
) -> Result<Sink> {
    let token = folder.join("token");
    write(&token, TOKEN)?;
    let url = format!("{}://{host}", if is_tls { "https" } else { "http" });
    let sink = Sink::new(kind.name(), format);
    Ok(match kind {
        Kind::Elasticsearch => {
            let password = folder.join("password");
            write(&password, "secret")?;
            sink.text("url", url)
                .text("index", "sensor")
                .text("user", "sensor")
                .file("password_file", &password)
        }
        Kind::Splunk => sink.text("url", url).file("token_file", &token),
        Kind::Http => sink.text("url", url).file("token_file", &token),
        Kind::Syslog => sink.text(
            "address",
            format!("{}://{host}", if is_tls { "tls" } else { "tcp" }),
        ),
    })
}
