//! syslog-ng, installed or only unpacked: Debian's package of it takes rsyslog's place.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use super::{Guarantee, Materials, Program, Ready, Receiver};
use crate::daemon::find;
use crate::place::{free_port, write};
use crate::sink::{Format, Sink};
use crate::verdict::skip;

/// One that speaks TLS, with a certificate of each side, and writes each message's text as a line of a
/// file.
pub fn receiver(materials: &Materials, format: Format) -> Result<Receiver> {
    let installation = Installation::find(materials.syslog_ng.as_deref())?;
    let name = format!("syslog-ng-{}", format.name());
    let folder = materials.folder.join(&name);
    fs::create_dir_all(&folder)?;
    let (port, file, settings) = (free_port()?, folder.join("got"), folder.join("settings"));
    write(&settings, configuration(materials, port, &file))?;
    let mut command = installation.command();
    command.arg("--foreground").arg("--cfgfile").arg(&settings);
    for (option, file) in [
        ("--persist-file", "persist"),
        ("--control", "control"),
        ("--pidfile", "pid"),
    ] {
        command.arg(option).arg(folder.join(file));
    }
    let certificates = &materials.certificates;
    let address = format!("localhost:{port}");
    let sink = Sink::new("syslog", format)
        .text("address", format!("tls://{address}"))
        .file("ca_file", &certificates.authority)
        .file("certificate_file", &certificates.client.certificate)
        .file("key_file", &certificates.client.key);
    let mut by_hand: Vec<OsString> = vec!["tls".into(), address.into()];
    by_hand.extend(materials.tls_by_hand());
    let program = Program::new(command, folder.join("log.txt"), Ready::Port(port));
    Ok(Receiver::new(name, sink, Guarantee::Streamed, &file)
        .program(program)
        .by_hand(by_hand))
}

fn configuration(materials: &Materials, port: u16, file: &Path) -> String {
    let certificates = &materials.certificates;
    let (server, authority) = (&certificates.server, certificates.authority.display());
    let (certificate, key) = (server.certificate.display(), server.key.display());
    // Without a limit of its own it cuts what is longer than 64 KiB.
    format!(
        "@version: current\n\
         options {{ log-msg-size(1048576); }};\n\
         source sensor {{ syslog(ip(\"127.0.0.1\") port({port}) transport(\"tls\") \
         tls(cert-file(\"{certificate}\") key-file(\"{key}\") ca-file(\"{authority}\") \
         peer-verify(required-trusted))); }};\n\
         destination lines {{ file(\"{}\" template(\"$MSG\\n\") flush-lines(1)); }};\n\
         log {{ source(sensor); destination(lines); flags(flow-control); }};\n",
        file.display()
    )
}

/// Where it is.
enum Installation {
    /// Where its package puts it.
    Usual(PathBuf),
    /// In a folder, into which its package was unpacked.
    Unpacked {
        program: PathBuf,
        libraries: PathBuf,
        modules: PathBuf,
    },
}

impl Installation {
    fn find(unpacked: Option<&Path>) -> Result<Self> {
        if let Some(program) = find("syslog-ng") {
            return Ok(Self::Usual(program));
        }
        let Some(root) = unpacked else {
            return skip("syslog-ng is not installed: --install unpacks it");
        };
        let libraries = root.join("usr/lib/syslog-ng");
        let modules = fs::read_dir(&libraries)
            .with_context(|| format!("cannot list {}", libraries.display()))?
            .filter_map(|entry| Some(entry.ok()?.path()))
            .find(|path| path.is_dir())
            .with_context(|| format!("{} has no modules", libraries.display()))?;
        let installation = Self::Unpacked {
            program: root.join("usr/sbin/syslog-ng"),
            libraries,
            modules,
        };
        let output = installation.command().arg("--version").output();
        let output = output.context("cannot start syslog-ng")?;
        if output.status.success() {
            return Ok(installation);
        }
        let said = String::from_utf8_lossy(&output.stderr);
        skip(format!("syslog-ng does not run here: {}", said.trim_end()))
    }

    fn command(&self) -> Command {
        match self {
            Self::Usual(program) => Command::new(program),
            Self::Unpacked {
                program,
                libraries,
                modules,
            } => {
                let mut command = Command::new(program);
                command.env("LD_LIBRARY_PATH", libraries);
                let mut option = OsString::from("--module-path=");
                option.push(modules);
                command.arg(option);
                command
            }
        }
    }
}
