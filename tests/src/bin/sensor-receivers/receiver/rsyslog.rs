//! rsyslog, over each of its transports.

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use super::{Guarantee, Materials, Program, Ready, Receiver};
use crate::certificate::CLIENT;
use crate::place::{free_port, write};
use crate::sink::{Format, Sink};

/// How it is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// TLS by GnuTLS, with a certificate of each side.
    GnuTls,
    /// TLS by OpenSSL, with a certificate of each side.
    OpenSsl,
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
    /// A socket like `/dev/log`.
    Unix,
}

/// One that writes each message's text as a line of a file, before it takes the next.
pub fn receiver(materials: &Materials, transport: Transport, format: Format) -> Result<Receiver> {
    let name = format!("rsyslog-{}-{}", transport.name(), format.name());
    let folder = materials.folder.join(&name);
    std::fs::create_dir_all(&folder)?;
    let (file, settings) = (folder.join("got"), folder.join("rsyslog.conf"));
    let (socket, port) = (folder.join("log"), free_port()?);
    write(
        &settings,
        configuration(materials, transport, &folder, &socket, port),
    )?;
    let mut command = Command::new("rsyslogd");
    command.arg("-n").arg("-f").arg(&settings);
    command.arg("-i").arg(folder.join("pid"));
    let ready = match transport {
        Transport::Unix => Ready::File(socket.clone()),
        // It writes this when everything is set up.
        Transport::Udp => Ready::File(folder.join("pid")),
        _ => Ready::Port(port),
    };
    let address = match transport {
        Transport::Unix => socket.display().to_string(),
        _ => format!("localhost:{port}"),
    };
    let certificates = &materials.certificates;
    let mut sink = Sink::new("syslog", format).text("address", transport.address(&socket, port));
    let mut by_hand = vec![transport.by_hand().into(), address.into()];
    if transport.is_tls() {
        sink = sink
            .file("ca_file", &certificates.authority)
            .file("certificate_file", &certificates.client.certificate)
            .file("key_file", &certificates.client.key);
        by_hand.extend(materials.tls_by_hand());
    }
    let guarantee = match transport {
        Transport::Udp => Guarantee::Datagrams,
        _ => Guarantee::Streamed,
    };
    let program = Program::new(command, folder.join("log.txt"), ready);
    Ok(Receiver::new(name, sink, guarantee, &file)
        .program(program)
        .by_hand(by_hand))
}

fn configuration(
    materials: &Materials,
    transport: Transport,
    folder: &Path,
    socket: &Path,
    port: u16,
) -> String {
    let certificates = &materials.certificates;
    let (folder, socket) = (folder.display(), socket.display());
    let driver = match transport {
        Transport::GnuTls => "gtls",
        Transport::OpenSsl => "ossl",
        _ => "ptcp",
    };
    let tls = if transport.is_tls() {
        format!(
            "DefaultNetstreamDriverCAFile=\"{}\" DefaultNetstreamDriverCertFile=\"{}\" \
             DefaultNetstreamDriverKeyFile=\"{}\"",
            certificates.authority.display(),
            certificates.server.certificate.display(),
            certificates.server.key.display(),
        )
    } else {
        String::new()
    };
    let input = match transport {
        Transport::GnuTls | Transport::OpenSsl => format!(
            "module(load=\"imtcp\" StreamDriver.Name=\"{driver}\" StreamDriver.Mode=\"1\" \
             StreamDriver.AuthMode=\"x509/name\" PermittedPeer=\"{CLIENT}\")\n\
             input(type=\"imtcp\" address=\"127.0.0.1\" port=\"{port}\")\n"
        ),
        Transport::Tcp => format!(
            "module(load=\"imptcp\")\ninput(type=\"imptcp\" address=\"127.0.0.1\" port=\"{port}\")\n"
        ),
        Transport::Udp => format!(
            "module(load=\"imudp\")\ninput(type=\"imudp\" address=\"127.0.0.1\" port=\"{port}\" \
             rcvbufSize=\"16m\")\n"
        ),
        Transport::Unix => format!(
            "module(load=\"imuxsock\" SysSock.Use=\"off\")\ninput(type=\"imuxsock\" \
             Socket=\"{socket}\" UseSpecialParser=\"off\" ParseHostname=\"on\" \
             RateLimit.Interval=\"0\")\n"
        ),
    };
    // A queue in its memory would lose what it holds when it is killed; that is not what is tried.
    format!(
        "global(workDirectory=\"{folder}\" maxMessageSize=\"1m\" \
         parser.escapeControlCharactersOnReceive=\"off\" DefaultNetstreamDriver=\"{driver}\" {tls})\n\
         main_queue(queue.type=\"Direct\")\n{input}\
         template(name=\"document\" type=\"string\" string=\"%msg%\\n\")\n\
         action(type=\"omfile\" file=\"{folder}/got\" template=\"document\")\n"
    )
}

impl Transport {
    const fn name(self) -> &'static str {
        match self {
            Self::GnuTls => "gnutls",
            Self::OpenSsl => "openssl",
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::Unix => "unix",
        }
    }

    const fn is_tls(self) -> bool {
        matches!(self, Self::GnuTls | Self::OpenSsl)
    }

    fn address(self, socket: &Path, port: u16) -> String {
        match self {
            Self::GnuTls | Self::OpenSsl => format!("tls://localhost:{port}"),
            Self::Tcp => format!("tcp://127.0.0.1:{port}"),
            Self::Udp => format!("udp://127.0.0.1:{port}"),
            Self::Unix => format!("unix://{}", socket.display()),
        }
    }

    const fn by_hand(self) -> &'static str {
        if self.is_tls() { "tls" } else { self.name() }
    }
}
