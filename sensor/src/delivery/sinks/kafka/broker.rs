//! A connection to one broker.

use std::{
    io,
    time::{Duration, Instant},
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::rand::{SecureRandom, SystemRandom};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{
    error::Code,
    messages::{Authenticated, Request, Versions, read_handshake},
    sasl::{self, Mechanism, Sasl, Scram},
    wire::{Input, Write},
};
use crate::delivery::{
    sinks::connection::{Address, Stream},
    tls::Tls,
};

/// How connections are made.
pub struct Manner {
    /// TLS, if it is spoken.
    pub tls: Option<Tls>,
    /// How we show who we are, if we do.
    pub sasl: Option<Sasl>,
}

/// A connection on which one request is made after the other. One that failed, or whose call was
/// dropped, must not be used any more.
pub struct Broker {
    stream: Box<dyn Stream>,
    versions: Versions,
    correlation: i32,
    /// When we would have to show anew who we are.
    expires: Option<Instant>,
}

/// How long it may take until a broker lets us in.
const GREETING_TIME: Duration = Duration::from_secs(10);

/// Most bytes of an answer. That which names all brokers of a large cluster and all partitions of a
/// topic is the longest.
const ANSWER_MAX: usize = 4 << 20;

/// The name by which brokers account for their clients.
const CLIENT: &str = env!("CARGO_PKG_NAME");

impl Broker {
    /// Connects and shows who we are.
    ///
    /// # Errors
    ///
    /// If it cannot be reached, takes longer than 10 seconds, or does not let us in.
    pub async fn connect(address: &Address, manner: &Manner) -> io::Result<Self> {
        tokio::time::timeout(GREETING_TIME, Self::greet(address, manner))
            .await
            .map_err(|_| {
                io::Error::new(
                    io::ErrorKind::TimedOut,
                    format!(
                        "no answer within {} seconds\n  a broker that speaks TLS only does not \
                         answer without it, nor the other way round",
                        GREETING_TIME.as_secs()
                    ),
                )
            })?
    }

    async fn greet(address: &Address, manner: &Manner) -> io::Result<Self> {
        let stream = address.connect().await?;
        let stream: Box<dyn Stream> = match &manner.tls {
            Some(tls) => Box::new(tls.connect(&address.host, stream).await?),
            None => Box::new(stream),
        };
        let mut broker = Self {
            stream,
            versions: Versions::default(),
            correlation: 0,
            expires: None,
        };
        let answer = broker.exchange(Request::ApiVersions, 0, &[]).await?;
        broker.versions = Versions::read(&mut Input::new(&answer))?;
        if let Some(sasl) = &manner.sasl {
            broker.authenticate(sasl).await?;
        }
        Ok(broker)
    }

    /// Whether we would soon have to show anew who we are: another connection is to be made then.
    pub fn expires(&self) -> bool {
        self.expires
            .is_some_and(|expires| expires <= Instant::now())
    }

    /// The version of a request that both sides know best.
    ///
    /// # Errors
    ///
    /// If they know none.
    pub fn version(&self, asked: Request) -> io::Result<i16> {
        self.versions.choose(asked)
    }

    /// Asks for something, in the version that [`Broker::version`] says, and waits for the answer.
    ///
    /// # Errors
    ///
    /// If the connection breaks, or what answers is no broker.
    pub async fn call(&mut self, asked: Request, body: &[u8]) -> io::Result<Vec<u8>> {
        let version = self.version(asked)?;
        self.exchange(asked, version, body).await
    }

    async fn exchange(&mut self, asked: Request, version: i16, body: &[u8]) -> io::Result<Vec<u8>> {
        self.correlation = self.correlation.wrapping_add(1);
        let mut header = Vec::with_capacity(32);
        header.put_i16(asked.number());
        header.put_i16(version);
        header.put_i32(self.correlation);
        header.put_string(CLIENT);
        let length = i32::try_from(header.len() + body.len())
            .map_err(|_| io::Error::other("a request is larger than 2 GiB"))?;
        let mut request = Vec::with_capacity(header.len() + body.len() + 4);
        request.put_i32(length);
        request.extend_from_slice(&header);
        request.extend_from_slice(body);
        let closed = |error: io::Error| match error.kind() {
            io::ErrorKind::UnexpectedEof => io::Error::new(
                error.kind(),
                format!(
                    "the broker closed the connection instead of answering {asked:?}\n  see its log, \
                     and whether it wants TLS or SASL"
                ),
            ),
            _ => error,
        };
        self.stream.write_all(&request).await?;
        self.stream.flush().await?;
        let length = self.stream.read_i32().await.map_err(closed)?;
        let length = usize::try_from(length)
            .ok()
            .filter(|length| (4..=ANSWER_MAX).contains(length))
            .ok_or_else(|| {
                io::Error::other(
                    "what answers is no Kafka broker\n  check the address and its port",
                )
            })?;
        if self.stream.read_i32().await.map_err(closed)? != self.correlation {
            return Err(io::Error::other("the broker answered something else"));
        }
        let mut answer = vec![0; length - 4];
        self.stream.read_exact(&mut answer).await.map_err(closed)?;
        Ok(answer)
    }

    async fn authenticate(&mut self, sasl: &Sasl) -> io::Result<()> {
        let password = sasl.password.read()?;
        let mut handshake = Vec::new();
        handshake.put_string(sasl.mechanism.name());
        let answer = self.call(Request::SaslHandshake, &handshake).await?;
        let (error, mechanisms) = read_handshake(&mut Input::new(&answer))?;
        if error == Code::UNSUPPORTED_MECHANISM {
            return Err(io::Error::other(format!(
                "the broker does not take {}\n  it takes {}",
                sasl.mechanism.name(),
                mechanisms.join(", ")
            )));
        }
        error.check(sasl.mechanism.name())?;
        let last = match sasl.mechanism {
            Mechanism::Plain => self.show(sasl, sasl::plain(&sasl.user, &password)).await?,
            Mechanism::ScramSha256 | Mechanism::ScramSha512 => {
                let scram = Scram::new(sasl.mechanism, &sasl.user, nonce()?);
                let challenge = self.show(sasl, scram.first()).await?;
                let (message, expected) = scram.last(&challenge.answer, &password)?;
                let last = self.show(sasl, message).await?;
                expected.check(&last.answer)?;
                last
            }
        };
        if let Ok(lifetime @ 1..) = u64::try_from(last.lifetime) {
            // A batch that is under way needs some of it.
            let most = Duration::from_millis(lifetime).mul_f32(0.8);
            self.expires = Instant::now().checked_add(most);
        }
        Ok(())
    }

    async fn show(&mut self, sasl: &Sasl, message: Vec<u8>) -> io::Result<Authenticated> {
        let version = self.version(Request::SaslAuthenticate)?;
        let mut body = Vec::new();
        body.put_bytes(&message);
        let answer = self.call(Request::SaslAuthenticate, &body).await?;
        let answer = Authenticated::read(&mut Input::new(&answer), version)?;
        if answer.error == Code::NONE {
            return Ok(answer);
        }
        Err(io::Error::other(format!(
            "the broker does not let {:?} in: {} {}{}",
            sasl.user,
            answer.error,
            answer.message.unwrap_or_default(),
            answer.error.advice()
        )))
    }
}

fn nonce() -> io::Result<String> {
    let mut bytes = [0; 24];
    SystemRandom::new()
        .fill(&mut bytes)
        .map_err(|_| io::Error::other("the kernel has no random numbers"))?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}
