//! Syslog by RFC 5424, to the host's own daemon or to a receiver elsewhere.
//!
//! No transport of syslog acknowledges a message. What "sent" means is therefore not the same for all:
//!
//! | transport | an entry counts as sent when | it is lost when |
//! | --- | --- | --- |
//! | Unix socket | the daemon has read it | the daemon dies before it has stored it |
//! | TCP, TLS | the receiver's kernel has acknowledged all of the batch and the connection still stands | the receiver, or a relay in between, dies with more in memory than is repeated |
//! | UDP | it left this host and nobody said that nobody listens | anything on the way, or the receiver's queue, is too busy |
//!
//! What a TCP receiver's kernel has acknowledged and its program has not read dies with the program;
//! the connection is then broken off rather than closed. So the latest batches of a connection are
//! kept, a megabyte of them and always the last, and sent once more after a connection that broke off
//! or that took no more for so long that the call was given up.
//! A receiver may get entries twice, and knows them by the `id`. Before each batch, what the other
//! end said is looked at, and a connection that is not there any more is not written to.
//!
//! Receivers have limits of their own and cut what is longer without a word: rsyslog at 8 KiB
//! (`maxMessageSize`), syslog-ng at 64 KiB (`log-msg-size`). Events are up to 40 KB. `/dev/log` of
//! many daemons is for the older RFC 3164 only: rsyslog needs `SysSock.UseSpecialParser="off"`, and
//! `SysSock.IgnoreTimestamp="off"` to keep the time; syslog-ng needs `flags(syslog-protocol)`; for
//! systemd's journal there is a sink of its own.
//!
//! - `facility`, `message`: how an entry is written down.
//! - `datagrams`, `stream`, `connection`: how it is sent.

mod connection;
mod datagrams;
mod facility;
mod message;
mod stream;

#[cfg(test)]
mod tests;

use std::{fmt, io, path::PathBuf};

use datagrams::Datagrams;
use message::Header;
use stream::Stream;

pub use facility::Facility;
pub(super) use facility::level;
pub(super) use message::write_time;

use crate::delivery::{
    entry::Entry,
    sink::{Receipt, Refused, Sending, Sink},
    tls::{Tls, TlsSettings},
};

/// How syslog is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyslogSettings {
    /// To whom.
    pub destination: Destination,
    /// This host's name in messages. What is not visible ASCII in it becomes `_`.
    pub hostname: String,
    /// The facility of all messages.
    pub facility: Facility,
    /// The number of the enterprise that the element of structured data is named after,
    /// `event@<number>`.
    pub enterprise: u32,
    /// Most bytes of a message; a longer one is refused. None for what fits the transport: 65 000 for
    /// UDP, a megabyte for streams, what the kernel takes for a Unix datagram.
    pub message_bytes_max: Option<usize>,
}

/// Who receives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    /// A datagram socket of this host, as `/dev/log`.
    UnixDatagram(PathBuf),
    /// A stream socket of this host.
    UnixStream(PathBuf, Framing),
    /// UDP (RFC 5426), port 514 as a rule.
    Udp(Address),
    /// TCP without encryption (RFC 6587), port 514 or 601 as a rule.
    Tcp(Address, Framing),
    /// TLS (RFC 5425), port 6514 as a rule. Octets are counted.
    Tls(Address, TlsSettings),
}

/// Where a receiver listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// Its name or IP address.
    pub host: String,
    /// Its port.
    pub port: u16,
}

/// How a receiver tells messages of a stream apart (RFC 6587).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Framing {
    /// The length stands before each.
    #[default]
    OctetCounting,
    /// A line feed stands behind each; one that has a line feed in it is refused.
    LineFeed,
}

/// Syslog, as a sink.
pub struct Syslog {
    header: Header,
    message_bytes_max: usize,
    framing: Option<Framing>,
    destination: String,
    transport: Transport,
}

enum Transport {
    Datagrams(Datagrams),
    Stream(Stream),
}

/// The enterprise number that RFC 5612 keeps for documentation.
pub const DOCUMENTATION_ENTERPRISE: u32 = 32_473;

/// Bytes that a UDP datagram has room for with every header that can come before them.
const UDP_BYTES_MAX: usize = 65_000;

/// No receiver takes longer ones unless it is told to, and then not by accident.
const STREAM_BYTES_MAX: usize = 1 << 20;

impl SyslogSettings {
    /// The usual settings for a destination.
    #[must_use]
    pub fn to(destination: Destination, hostname: &str) -> Self {
        Self {
            destination,
            hostname: hostname.to_owned(),
            facility: Facility::default(),
            enterprise: DOCUMENTATION_ENTERPRISE,
            message_bytes_max: None,
        }
    }
}

impl Syslog {
    /// Reads the certificates, if there are any. Nothing is connected yet.
    ///
    /// # Errors
    ///
    /// If a certificate cannot be used.
    pub fn new(settings: SyslogSettings) -> io::Result<Self> {
        let name = settings.destination.to_string();
        let stream = |way| Transport::Stream(Stream::new(way, name.clone()));
        let (transport, framing, fitting) = match settings.destination {
            Destination::UnixDatagram(path) => (
                Transport::Datagrams(Datagrams::unix(path)),
                None,
                usize::MAX,
            ),
            Destination::Udp(address) => (
                Transport::Datagrams(Datagrams::udp(address)),
                None,
                UDP_BYTES_MAX,
            ),
            Destination::UnixStream(path, framing) => (
                stream(connection::Way::Unix(path)),
                Some(framing),
                STREAM_BYTES_MAX,
            ),
            Destination::Tcp(address, framing) => (
                stream(connection::Way::Tcp(address)),
                Some(framing),
                STREAM_BYTES_MAX,
            ),
            Destination::Tls(address, tls) => (
                stream(connection::Way::Tls(address, Tls::new(&tls, &[])?)),
                Some(Framing::OctetCounting),
                STREAM_BYTES_MAX,
            ),
        };
        Ok(Self {
            header: Header::new(
                settings.facility,
                settings.enterprise,
                &settings.hostname,
                std::process::id(),
            ),
            message_bytes_max: settings.message_bytes_max.unwrap_or(fitting),
            framing,
            destination: name,
            transport,
        })
    }

    /// The batch as the transport has it: all messages in a row, each with its index in the batch.
    fn messages(&self, entries: &[Entry], refused: &mut Vec<Refused>) -> Messages {
        let mut messages = Messages::default();
        let mut message = Vec::new();
        for (index, entry) in entries.iter().enumerate() {
            message.clear();
            self.header.write(entry, &mut message);
            let why = if message.len() > self.message_bytes_max {
                self.too_long(message.len(), self.message_bytes_max)
            } else if self.framing == Some(Framing::LineFeed) && message.contains(&b'\n') {
                format!(
                    "it has a line feed in it, which ends a message for {}\n  let octets be counted",
                    self.destination
                )
            } else {
                messages.push(index, &message, self.framing);
                continue;
            };
            refused.push(Refused { index, why });
        }
        messages
    }

    fn too_long(&self, length: usize, longest: usize) -> String {
        let advice = match self.transport {
            Transport::Datagrams(_) => "use TCP or TLS",
            Transport::Stream(_) => "let messages be longer, here and at the receiver",
        };
        format!(
            "it takes {length} bytes, and {} gets at most {longest} in a message\n  {advice}",
            self.destination
        )
    }
}

impl Sink for Syslog {
    fn send<'a>(&'a mut self, entries: &'a [Entry]) -> Sending<'a> {
        Box::pin(async move {
            let mut refused = Vec::new();
            let messages = self.messages(entries, &mut refused);
            let mut answer = format!("nothing to send to {}", self.destination);
            if !messages.ends.is_empty() {
                let oversized;
                (answer, oversized) = match &mut self.transport {
                    Transport::Stream(stream) => (stream.send(messages).await?, Vec::new()),
                    Transport::Datagrams(datagrams) => {
                        datagrams.send(messages, &self.destination).await?
                    }
                };
                refused.extend(oversized.into_iter().map(|(index, length)| Refused {
                    index,
                    why: format!(
                        "it takes {length} bytes, and the kernel sends no datagram as long to {}\n  \
                         use TCP or TLS",
                        self.destination
                    ),
                }));
                refused.sort_by_key(|refused| refused.index);
            }
            Ok(Receipt {
                refused,
                ..Receipt::all(answer)
            })
        })
    }
}

/// Messages of a batch, one behind the other.
#[derive(Debug, Default)]
struct Messages {
    bytes: Vec<u8>,
    /// For each its index in the batch, and where it ends.
    ends: Vec<(usize, usize)>,
}

impl Messages {
    fn push(&mut self, index: usize, message: &[u8], framing: Option<Framing>) {
        if framing == Some(Framing::OctetCounting) {
            self.bytes
                .extend(itoa::Buffer::new().format(message.len()).as_bytes());
            self.bytes.push(b' ');
        }
        self.bytes.extend(message);
        if framing == Some(Framing::LineFeed) {
            self.bytes.push(b'\n');
        }
        self.ends.push((index, self.bytes.len()));
    }

    /// Each message with its index in the batch.
    fn iter(&self) -> impl Iterator<Item = (usize, &[u8])> {
        let begins = std::iter::once(0).chain(self.ends.iter().map(|(_, end)| *end));
        begins
            .zip(&self.ends)
            .map(|(begin, (index, end))| (*index, self.bytes.get(begin..*end).unwrap_or_default()))
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnixDatagram(path) | Self::UnixStream(path, _) => {
                write!(formatter, "syslog at {}", path.display())
            }
            Self::Udp(address) => write!(formatter, "syslog at {address} (UDP)"),
            Self::Tcp(address, _) => write!(formatter, "syslog at {address} (TCP)"),
            Self::Tls(address, _) => write!(formatter, "syslog at {address} (TLS)"),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') && !self.host.starts_with('[') {
            write!(formatter, "[{}]:{}", self.host, self.port)
        } else {
            write!(formatter, "{}:{}", self.host, self.port)
        }
    }
}
