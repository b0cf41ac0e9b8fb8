//! One connection to a server, from its greeting to its end.

use std::{io, time::Duration};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::BytesMut;
use serde::Serialize;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf, split},
    net::TcpStream,
    select,
};

use super::{
    acknowledgement::{Outcome, outcome},
    credentials::{Authentication, Proof},
    subject::Subject,
    wire::{self, Info, Operation},
};
use crate::delivery::{
    entry::Entry,
    sinks::connection::{Address, Stream},
    tls::Tls,
};

/// How sessions are begun.
pub struct Manner {
    /// How the sensor shows who it is.
    pub authentication: Authentication,
    /// TLS, if it is spoken.
    pub tls: Option<Tls>,
    /// What the subjects of answers begin with.
    pub inbox_prefix: String,
}

/// A connection on which documents can be published.
pub struct Session {
    reader: ReadHalf<Box<dyn Stream>>,
    writer: WriteHalf<Box<dyn Stream>>,
    read: BytesMut,
    max_payload: usize,
    /// The server asked its clients to go elsewhere.
    leaving: bool,
    inbox: String,
    /// The number in the subject of the next answer.
    next: u64,
}

/// How long a server may take until it lets us in.
const GREETING_TIME: Duration = Duration::from_secs(10);

/// Most documents whose acknowledgement is awaited: servers drop what a stream cannot take in fast
/// enough.
const UNANSWERED_MAX: usize = 512;

/// Bytes that are written down ahead of what the connection takes.
const AHEAD: usize = 64 << 10;

#[derive(Serialize)]
struct Connect {
    verbose: bool,
    pedantic: bool,
    tls_required: bool,
    name: &'static str,
    lang: &'static str,
    version: &'static str,
    protocol: u8,
    echo: bool,
    headers: bool,
    no_responders: bool,
    #[serde(flatten)]
    proof: Proof,
}

impl Session {
    /// Connects to a server and shows who we are.
    ///
    /// # Errors
    ///
    /// If it cannot be reached, takes longer than 10 seconds, or does not let us in.
    pub async fn begin(address: &Address, manner: &Manner) -> io::Result<Self> {
        tokio::time::timeout(GREETING_TIME, Self::greet(address, manner))
            .await
            .map_err(|_| {
                io::Error::new(
                    io::ErrorKind::TimedOut,
                    format!("no greeting within {} seconds", GREETING_TIME.as_secs()),
                )
            })?
    }

    async fn greet(address: &Address, manner: &Manner) -> io::Result<Self> {
        let mut stream = address.connect().await?;
        let mut read = BytesMut::new();
        let info = read_info(&mut stream, &mut read).await?;
        if !info.headers {
            return Err(io::Error::other(
                "the server knows no headers\n  2.2 is the first version with JetStream and headers",
            ));
        }
        let stream: Box<dyn Stream> = match &manner.tls {
            // What came before TLS may be anybody's.
            Some(_) if !read.is_empty() => {
                return Err(io::Error::other("the server spoke out of turn before TLS"));
            }
            Some(_) if !info.tls_required && !info.tls_available => {
                return Err(io::Error::other(
                    "the server does not speak TLS\n  set it up there, or leave TLS out here",
                ));
            }
            Some(tls) => Box::new(tls.connect(&address.host, stream).await?),
            None if info.tls_required => {
                return Err(io::Error::other(
                    "the server speaks TLS only\n  configure TLS for this sink",
                ));
            }
            None => Box::new(stream),
        };
        let connect = Connect {
            verbose: false,
            pedantic: false,
            tls_required: manner.tls.is_some(),
            name: env!("CARGO_PKG_NAME"),
            lang: "rust",
            version: env!("CARGO_PKG_VERSION"),
            protocol: 1,
            echo: false,
            headers: true,
            no_responders: true,
            proof: manner.authentication.prove(info.nonce.as_deref())?,
        };
        let connect = serde_json::to_string(&connect)?;
        let inbox = format!("{}.{}.", manner.inbox_prefix, unguessed()?);
        let (reader, mut writer) = split(stream);
        let greeting = format!("CONNECT {connect}\r\nSUB {inbox}* 1\r\nPING\r\n");
        let written = async {
            writer.write_all(greeting.as_bytes()).await?;
            writer.flush().await
        };
        let written = written.await;
        let mut session = Self {
            reader,
            writer,
            read,
            max_payload: info.max_payload,
            leaving: info.leaving,
            inbox,
            next: 0,
        };
        // What the server said before it closed tells more than that it did.
        session.await_pong().await.and(written)?;
        Ok(session)
    }

    async fn await_pong(&mut self) -> io::Result<()> {
        loop {
            while let Some(operation) = wire::take(&mut self.read).map_err(io::Error::other)? {
                match operation {
                    Operation::Pong => return Ok(()),
                    Operation::Ping => {
                        self.writer.write_all(b"PONG\r\n").await?;
                        self.writer.flush().await?;
                    }
                    Operation::Error(words) => return Err(complaint(&words)),
                    Operation::Info(info) => self.heed(&info),
                    Operation::Accepted | Operation::Message(_) => {}
                }
            }
            fill(&mut self.reader, &mut self.read).await?;
        }
    }

    /// Whether the server asked its clients to go elsewhere.
    pub const fn is_leaving(&self) -> bool {
        self.leaving
    }

    /// Publishes what has no outcome yet, in its order, and waits for all answers. A session that
    /// failed, or that was dropped in this, must not be used any more.
    ///
    /// # Errors
    ///
    /// If the connection or the server breaks off; what was answered until then is in the outcomes.
    pub async fn publish(
        &mut self,
        entries: &[Entry],
        subject: &Subject,
        outcomes: &mut [Option<Outcome>],
    ) -> io::Result<()> {
        let waiting: Vec<usize> = outcomes
            .iter()
            .enumerate()
            .filter_map(|(index, outcome)| outcome.is_none().then_some(index))
            .collect();
        let first = self.next;
        self.next += waiting.len() as u64;
        let mut to_write = waiting.iter().enumerate();
        let (mut unanswered, mut all_begun, mut flushed) = (0_usize, false, true);
        let mut out = BytesMut::new();
        loop {
            while !all_begun && unanswered < UNANSWERED_MAX && out.len() < AHEAD {
                let Some((position, index)) = to_write.next() else {
                    all_begun = true;
                    break;
                };
                let number = first + position as u64;
                if let (Some(entry), Some(outcome)) =
                    (entries.get(*index), outcomes.get_mut(*index))
                {
                    match self.write_down(entry, subject, number, &mut out) {
                        Ok(()) => unanswered += 1,
                        Err(refused) => *outcome = Some(refused),
                    }
                }
            }
            if all_begun && unanswered == 0 && out.is_empty() && flushed {
                return Ok(());
            }
            select! {
                pushed = push(&mut self.writer, &mut out), if !out.is_empty() || !flushed => {
                    flushed = pushed?;
                }
                filled = fill(&mut self.reader, &mut self.read) => filled?,
            }
            while let Some(operation) = wire::take(&mut self.read).map_err(io::Error::other)? {
                match operation {
                    Operation::Message(message) => {
                        let slot = message
                            .subject
                            .strip_prefix(&self.inbox)
                            .and_then(|number| number.parse::<u64>().ok()?.checked_sub(first))
                            .and_then(|position| waiting.get(usize::try_from(position).ok()?))
                            .and_then(|index| outcomes.get_mut(*index));
                        if let Some(slot @ None) = slot {
                            *slot = Some(outcome(&message));
                            unanswered = unanswered.saturating_sub(1);
                        }
                    }
                    Operation::Ping => out.extend_from_slice(b"PONG\r\n"),
                    Operation::Error(words) => return Err(complaint(&words)),
                    Operation::Info(info) => self.heed(&info),
                    Operation::Accepted | Operation::Pong => {}
                }
            }
        }
    }

    fn write_down(
        &self,
        entry: &Entry,
        subject: &Subject,
        number: u64,
        out: &mut BytesMut,
    ) -> Result<(), Outcome> {
        let size = wire::overhead(&entry.facts.id) + entry.document.len();
        if size > self.max_payload {
            return Err(Outcome::Refused(format!(
                "{size} bytes are more than the server takes (`max_payload` {})",
                self.max_payload
            )));
        }
        let mut name = Vec::new();
        subject.write(&entry.facts, &mut name);
        let reply = format!("{}{number}", self.inbox);
        wire::publish(&name, &reply, &entry.facts.id, &entry.document, out);
        Ok(())
    }

    fn heed(&mut self, info: &Info) {
        self.leaving |= info.leaving;
        if info.max_payload > 0 {
            self.max_payload = info.max_payload;
        }
    }
}

async fn read_info(stream: &mut TcpStream, read: &mut BytesMut) -> io::Result<Info> {
    loop {
        match wire::take(read).map_err(io::Error::other)? {
            Some(Operation::Info(info)) => return Ok(*info),
            Some(Operation::Error(words)) => return Err(complaint(&words)),
            Some(_) => return Err(io::Error::other("what answers is no NATS server")),
            None => fill(stream, read).await?,
        }
    }
}

/// Writes something, or flushes if everything is written; whether it flushed. Nothing is lost if it
/// is dropped.
async fn push(writer: &mut (impl AsyncWriteExt + Unpin), out: &mut BytesMut) -> io::Result<bool> {
    if out.is_empty() {
        writer.flush().await?;
        return Ok(true);
    }
    if writer.write_buf(out).await? == 0 {
        return Err(io::ErrorKind::WriteZero.into());
    }
    Ok(false)
}

/// Reads more. Nothing is lost if it is dropped.
async fn fill(reader: &mut (impl AsyncReadExt + Unpin), read: &mut BytesMut) -> io::Result<()> {
    read.reserve(4 << 10);
    if reader.read_buf(read).await? == 0 {
        return Err(io::Error::new(
            io::ErrorKind::UnexpectedEof,
            "the server closed the connection",
        ));
    }
    Ok(())
}

fn complaint(words: &str) -> io::Error {
    let words: String = words
        .chars()
        .filter(|c| !c.is_control())
        .take(300)
        .collect();
    let advice = match words.to_ascii_lowercase() {
        words if words.starts_with("authorization violation") => {
            "\n  check the authentication of this sink and the server's users"
        }
        words if words.starts_with("permissions violation") => {
            "\n  permit the sensor's user to publish under its subject and to subscribe to its inbox"
        }
        _ => "",
    };
    io::Error::other(format!("the server said: {words}{advice}"))
}

/// Part of a subject that nobody else answers on by chance.
fn unguessed() -> io::Result<String> {
    use ring::rand::{SecureRandom, SystemRandom};
    let mut bytes = [0; 16];
    SystemRandom::new()
        .fill(&mut bytes)
        .map_err(|_| io::Error::other("the kernel has no random numbers"))?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}
