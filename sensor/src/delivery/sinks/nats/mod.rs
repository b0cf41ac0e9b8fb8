//! NATS JetStream: documents are published and a stream acknowledges each.
//!
//! Each document is published with its id as `Nats-Msg-Id`: one that is sent again within the
//! stream's `duplicate_window` is stored once. A batch is published without waiting in between, at
//! most 512 documents ahead of their acknowledgements, in its order; what a stream refuses for a
//! while comes after what was published with it. The stream must acknowledge (`no_ack` off).
//!
//! The protocol is spoken here, rather than by a client crate: those reconnect and buffer on their
//! own, so that what was given up may still be sent later, behind the worker's back. Here a call
//! that is dropped leaves no connection, and the next one makes a new one.
//!
//! - [`credentials`]: how the sensor shows who it is.
//! - `subject`: what documents are published under.
//! - `session`: one connection, on which `wire` is spoken.
//! - `acknowledgement`: what a stream answers.

mod acknowledgement;
pub mod credentials;
mod session;
mod subject;
mod wire;

use std::io;

use acknowledgement::Outcome;
pub use credentials::Authentication;
use session::{Manner, Session};
use subject::Subject;

use super::connection::Address;
use crate::delivery::{
    entry::Entry,
    sink::{Again, Failure, Receipt, Refused, Sending, Sink},
    tls::{Tls, TlsSettings},
};

/// Where documents are published, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NatsSettings {
    /// Servers of one cluster, `host[:port]`; the port is 4222 if none is said. The next one is
    /// tried when one cannot be reached.
    pub servers: Vec<String>,
    /// What documents are published under, `sensor.{code}` for example: `{code}` stands for
    /// `event.code`, `{severity}` for the word for the severity.
    pub subject: String,
    /// What the subjects of acknowledgements begin with; `_INBOX` as a rule. The sensor's user must
    /// be permitted to subscribe to it.
    pub inbox_prefix: String,
    /// How the sensor shows who it is.
    pub authentication: Authentication,
    /// TLS; spoken if it is there.
    pub tls: Option<TlsSettings>,
}

/// What publishes to JetStream.
pub struct Nats {
    servers: Vec<Address>,
    /// Which of them is tried next.
    server: usize,
    subject: Subject,
    manner: Manner,
    /// Not there while a batch is sent: what is dropped half-way is not used again.
    session: Option<Session>,
}

const PORT: u16 = 4222;

impl Nats {
    /// Reads certificates; secrets are read whenever it connects.
    ///
    /// # Errors
    ///
    /// If an address, a subject or a certificate cannot be used.
    pub fn new(settings: NatsSettings) -> io::Result<Self> {
        // A prefix is a subject without places.
        if settings.inbox_prefix.contains(['{', '}']) {
            return Err(io::Error::other(
                "the inbox prefix cannot have places in it",
            ));
        }
        Subject::parse(&settings.inbox_prefix)?;
        let tls = settings.tls.as_ref().map(|tls| Tls::new(tls, &[]));
        Ok(Self {
            servers: Address::parse_all(&settings.servers, PORT)?,
            server: 0,
            subject: Subject::parse(&settings.subject)?,
            manner: Manner {
                authentication: settings.authentication,
                tls: tls.transpose()?,
                inbox_prefix: settings.inbox_prefix,
            },
            session: None,
        })
    }

    /// Connects to the first server that lets us in, beginning with the one after the last that was
    /// tried. Says of each why it does not.
    async fn connect(&mut self) -> Result<Session, String> {
        let mut problems = Vec::new();
        for _ in 0..self.servers.len() {
            let server = self.server % self.servers.len();
            // Even if this is dropped, it is not the same server that is tried for ever.
            self.server = server + 1;
            let Some(address) = self.servers.get(server) else {
                break;
            };
            match Session::begin(address, &self.manner).await {
                Ok(session) => {
                    self.server = server;
                    return Ok(session);
                }
                Err(error) => problems.push(format!("cannot publish to {address}: {error}")),
            }
        }
        Err(problems.join("\n"))
    }

    async fn send_all(&mut self, entries: &[Entry]) -> Result<Receipt, Failure> {
        let mut outcomes = vec![None; entries.len()];
        let mut broken = None;
        loop {
            let (mut session, is_new) = match self.session.take() {
                Some(session) => (session, false),
                None => match self.connect().await {
                    Ok(session) => (session, true),
                    Err(why) => {
                        broken = Some(why);
                        break;
                    }
                },
            };
            let address = self.servers.get(self.server).map(Address::to_string);
            match session.publish(entries, &self.subject, &mut outcomes).await {
                Ok(()) => {
                    if session.is_leaving() {
                        self.server += 1;
                    } else {
                        self.session = Some(session);
                    }
                    break;
                }
                Err(error) if is_new => {
                    let address = address.unwrap_or_default();
                    broken = Some(format!("publishing to {address} broke off: {error}"));
                    break;
                }
                // Servers close what stood idle; that is no reason to wait.
                Err(_) => {}
            }
        }
        receipt(outcomes, broken)
    }
}

impl Sink for Nats {
    fn send<'a>(&'a mut self, entries: &'a [Entry]) -> Sending<'a> {
        Box::pin(self.send_all(entries))
    }
}

/// What is said of a batch.
fn receipt(outcomes: Vec<Option<Outcome>>, broken: Option<String>) -> Result<Receipt, Failure> {
    let mut receipt = Receipt::default();
    let (mut stored, mut stream, mut why) = (0_usize, None, broken);
    for (index, outcome) in outcomes.into_iter().enumerate() {
        match outcome {
            Some(Outcome::Stored(name)) => {
                stored += 1;
                stream = Some(name);
            }
            Some(Outcome::Refused(why)) => receipt.refused.push(Refused { index, why }),
            Some(Outcome::Later(words)) => {
                receipt.again.push(index);
                why.get_or_insert(words);
            }
            None => receipt.again.push(index),
        }
    }
    if !receipt.again.is_empty() {
        let why = why.unwrap_or_else(|| "the server did not answer".to_owned());
        if stored == 0 && receipt.refused.is_empty() {
            return Err(Failure::again(why));
        }
        receipt.delay = Some(Again { why, after: None });
    }
    receipt.answer = stream.map_or_else(
        || "nothing was stored".to_owned(),
        |stream| format!("stream {stream} has {stored}"),
    );
    Ok(receipt)
}

#[cfg(test)]
mod tests;
