//! The NATS server, with a stream in files.

use std::process::Command;

use anyhow::Result;

use super::{Guarantee, Materials, Program, Ready, Receiver};
use crate::daemon::ensure_there;
use crate::place::{free_port, write};
use crate::sink::{Format, Sink, TOKEN};

/// Whether it speaks TLS, with a certificate of each side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Security {
    /// It does not.
    Plain,
    /// It does.
    Tls,
}

/// One whose stream is read by a consumer beside it.
pub fn receiver(materials: &Materials, security: Security, format: Format) -> Result<Receiver> {
    let kind = match security {
        Security::Plain => "nats",
        Security::Tls => "nats-tls",
    };
    ensure_there("nats-server".as_ref())?;
    let name = format!("{kind}-{}", format.name());
    let folder = materials.folder.join(&name);
    std::fs::create_dir_all(&folder)?;
    let (port, file, settings) = (free_port()?, folder.join("got"), folder.join("nats.conf"));
    let certificates = &materials.certificates;
    let (server, client) = (&certificates.server, &certificates.client);
    let tls = match security {
        Security::Plain => String::new(),
        Security::Tls => format!(
            "tls {{ cert_file: \"{}\", key_file: \"{}\", ca_file: \"{}\", verify: true }}\n",
            server.certificate.display(),
            server.key.display(),
            certificates.authority.display()
        ),
    };
    write(
        &settings,
        format!(
            "listen: \"127.0.0.1:{port}\"\nauthorization {{ token: \"{TOKEN}\" }}\n\
             jetstream {{ store_dir: \"{}\" }}\n{tls}",
            folder.join("store").display()
        ),
    )?;
    let token = folder.join("token");
    write(&token, TOKEN)?;
    let mut command = Command::new("nats-server");
    command.arg("-c").arg(&settings);
    let server_program = Program::new(command, folder.join("log.txt"), Ready::Port(port));
    let mut command = materials.scripts.command("nats_reader.py")?;
    command.arg(port.to_string()).arg(TOKEN).arg(&file);
    let server = format!("localhost:{port}");
    let mut by_hand = vec![
        "nats".into(),
        server.clone().into(),
        "--token".into(),
        TOKEN.into(),
    ];
    let mut sink = Sink::new("nats", format)
        .list("servers", &server)
        .text("subject", "sensor.events")
        .file("token_file", &token);
    if security == Security::Tls {
        command.args(materials.tls_by_hand());
        by_hand.extend(materials.tls_by_hand());
        sink = sink
            .flag("tls", true)
            .file("ca_file", &certificates.authority)
            .file("certificate_file", &client.certificate)
            .file("key_file", &client.key);
    }
    let reader = Program::new(command, folder.join("reader.txt"), Ready::Word("ready"));
    Ok(Receiver::new(name, sink, Guarantee::Stored, &file)
        .program(server_program)
        .program(reader)
        .by_hand(by_hand))
}
