//! Kafka: documents are produced to a topic, all replicas in sync have them before they are
//! acknowledged, and each is stored once.
//!
//! All documents of a host have the same key, and so go to one partition, in their order. What is
//! produced is numbered (an "idempotent producer"): what was given up half-way is sent again with
//! the same numbers if the worker gives it again, so that a broker that has it already recognises
//! it. A batch of which only a part comes again, or another run of the sensor, gets a new producer:
//! what was in doubt then may be stored twice. Each record has its document's id in a header
//! `event.id`.
//!
//! The protocol is spoken here, in the few requests that producing to one partition needs: client
//! libraries queue, retry and number in threads or tasks of their own, where a call that was given
//! up goes on, and what the worker then sends again has new numbers.
//!
//! - `leader`: finding the broker to talk to; `partition`: which partition is ours.
//! - `broker`: a connection; `sasl`: how the sensor shows who it is.
//! - `messages`, `batch`: what is said; `wire`: what that is made of; `error`: what refusals mean.
//! - `producer`: the numbers of what is produced; `progress`: what became of it.

mod batch;
mod broker;
mod error;
mod leader;
mod messages;
mod partition;
mod producer;
mod progress;
mod sasl;
mod wire;

use std::{collections::VecDeque, io};

pub use batch::Compression;
use broker::Manner;
use error::Meaning;
use leader::Leader;
use messages::{Produced, Request};
use producer::Producer;
use progress::Progress;
pub use sasl::{Mechanism, Sasl};
use wire::Input;

use super::connection::Address;
use crate::delivery::{
    entry::Entry,
    sink::{Failure, Receipt, Sending, Sink},
    tls::{Tls, TlsSettings},
};

/// Where documents are produced, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KafkaSettings {
    /// Brokers of one cluster, `host[:port]`, that are asked for the others; the port is 9092 if
    /// none is said. The next one is asked when one cannot be reached.
    pub brokers: Vec<String>,
    /// The topic. It must be there, unless brokers make topics themselves.
    pub topic: String,
    /// The key of all documents: what names this host. At most 1024 bytes.
    pub key: String,
    /// How batches are made smaller.
    pub compression: Compression,
    /// TLS; spoken if it is there.
    pub tls: Option<TlsSettings>,
    /// How the sensor shows who it is, beside a certificate.
    pub sasl: Option<Sasl>,
}

/// What produces to Kafka.
pub struct Kafka {
    brokers: Vec<Address>,
    /// Which of them is asked next.
    next: usize,
    topic: String,
    key: String,
    compression: Compression,
    manner: Manner,
    /// Not there while a batch is sent: what is dropped half-way is not used again.
    leader: Option<Leader>,
    producer: Option<Producer>,
    /// Most bytes of a batch. It shrinks when brokers say that they take less.
    batch_max: usize,
}

const PORT: u16 = 9092;

/// Most bytes of a batch: brokers take 1 MiB unless they are told otherwise.
const BATCH_MAX: usize = 1_000_000;

/// Bytes of a batch beside its records.
const BATCH_OVERHEAD: usize = 61;

/// Milliseconds that replicas may take to get a batch.
const REPLICATION_TIME: i32 = 30_000;

/// How often the same records are sent again at once, because the connection had been closed while
/// it stood idle, the leader moved, or numbers were not known.
const TRIES_AT_ONCE: u32 = 3;

/// Most bytes of a key, and most and possible characters of a topic's name.
const KEY_MAX: usize = 1024;
const TOPIC_MAX: usize = 249;

/// What became of a batch that was put together.
enum Outcome {
    /// The partition has it, at this offset.
    Stored(i64),
    /// It was not stored, because it is too large.
    TooLarge(String),
    /// It was not stored, because of these records in it; of any, if none is named.
    Malformed(Vec<(usize, String)>, String),
    /// To be tried at once, if it was not tried too often.
    AtOnce(String),
    /// To be tried later.
    Later(String),
}

impl Kafka {
    /// Reads certificates; secrets are read whenever it connects.
    ///
    /// # Errors
    ///
    /// If an address, the topic, the key or a certificate cannot be used.
    pub fn new(settings: KafkaSettings) -> io::Result<Self> {
        let KafkaSettings {
            brokers,
            topic,
            key,
            compression,
            tls,
            sasl,
        } = settings;
        let known = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        if !(1..=TOPIC_MAX).contains(&topic.len()) || !topic.chars().all(known) {
            return Err(io::Error::other(format!(
                "{topic:?} is no name of a topic\n  write 1 to 249 letters, digits, and . _ -"
            )));
        }
        if !(1..=KEY_MAX).contains(&key.len()) {
            return Err(io::Error::other("a key must have 1 to 1024 bytes"));
        }
        Ok(Self {
            brokers: Address::parse_all(&brokers, PORT)?,
            next: 0,
            topic,
            key,
            compression,
            manner: Manner {
                tls: tls.map(|tls| Tls::new(&tls, &[])).transpose()?,
                sasl,
            },
            leader: None,
            producer: None,
            batch_max: BATCH_MAX,
        })
    }

    /// Finds the leader by the first broker that answers, beginning with the one after the last that
    /// was asked. Says of each why it does not.
    async fn find_leader(&mut self) -> Result<Leader, String> {
        let mut problems = Vec::new();
        for _ in 0..self.brokers.len() {
            let number = self.next % self.brokers.len();
            // Even if this is dropped, it is not the same broker that is asked for ever.
            self.next = number + 1;
            let Some(address) = self.brokers.get(number) else {
                break;
            };
            let key = self.key.as_bytes();
            match Leader::find(address, &self.manner, &self.topic, key).await {
                Ok(leader) => {
                    self.next = number;
                    return Ok(leader);
                }
                Err(error) => problems.push(format!("cannot produce by {address}: {error}")),
            }
        }
        Err(problems.join("\n"))
    }

    async fn send_all(&mut self, entries: &[Entry]) -> Result<Receipt, Failure> {
        let mut progress = Progress::new(self.batches(entries));
        let mut problem = None;
        let mut tries = 0;
        while let Some(indexes) = progress.next() {
            let batch: Vec<&Entry> = indexes.iter().filter_map(|at| entries.get(*at)).collect();
            match self.produce(&batch).await {
                Outcome::Stored(offset) => progress.store(offset),
                Outcome::TooLarge(why) => {
                    // One that is too large alone says nothing of how many may be sent together.
                    if batch.len() > 1 {
                        let size: usize = batch.iter().map(|entry| self.size(entry)).sum();
                        self.batch_max = (size / 2).clamp(1, self.batch_max);
                    }
                    progress.divide(why);
                }
                Outcome::Malformed(records, why) => progress.refuse(records, why),
                Outcome::AtOnce(_) if tries < TRIES_AT_ONCE => {
                    tries += 1;
                    continue;
                }
                Outcome::AtOnce(why) | Outcome::Later(why) => {
                    problem = Some(why);
                    break;
                }
            }
            tries = 0;
        }
        progress.receipt(&self.topic, problem)
    }

    /// Puts batches together. What is in doubt comes first, as it was.
    fn batches(&mut self, entries: &[Entry]) -> VecDeque<Vec<usize>> {
        let mut batches = VecDeque::new();
        let in_doubt = match &self.producer {
            None => 0,
            Some(producer) => match producer.in_doubt(entries) {
                Ok(count) => count,
                Err(producer::Other) => {
                    // The numbers of what is in doubt cannot be given to something else.
                    self.producer = None;
                    0
                }
            },
        };
        if in_doubt > 0 {
            batches.push_back((0..in_doubt).collect());
        }
        let (mut batch, mut size) = (Vec::new(), BATCH_OVERHEAD);
        for (index, entry) in entries.iter().enumerate().skip(in_doubt) {
            let more = self.size(entry);
            if !batch.is_empty() && size + more > self.batch_max {
                batches.push_back(std::mem::take(&mut batch));
                size = BATCH_OVERHEAD;
            }
            batch.push(index);
            size += more;
        }
        if !batch.is_empty() {
            batches.push_back(batch);
        }
        batches
    }

    /// Most bytes that a document takes in a batch.
    fn size(&self, entry: &Entry) -> usize {
        let texts = self.key.len() + entry.facts.id.len() + entry.document.len();
        batch::RECORD_OVERHEAD + texts
    }

    /// Sends one batch, and understands what is said of it. Only what still can be used is kept.
    async fn produce(&mut self, batch: &[&Entry]) -> Outcome {
        let (mut leader, is_new) = match self.leader.take() {
            Some(leader) if !leader.broker.expires() => (leader, false),
            _ => match self.find_leader().await {
                Ok(leader) => (leader, true),
                Err(why) => return Outcome::Later(why),
            },
        };
        let address = leader.address.to_string();
        // Brokers close what stood idle; that is no reason to wait.
        let broken = |error: io::Error| {
            let why = format!("producing by {address} broke off: {error}");
            if is_new {
                Outcome::Later(why)
            } else {
                Outcome::AtOnce(why)
            }
        };
        let (request, version) = match self.prepare(&mut leader, batch).await {
            Ok(prepared) => prepared,
            Err(error) => return broken(error),
        };
        let answer = match leader.broker.call(Request::Produce, &request).await {
            Ok(answer) => answer,
            Err(error) => return broken(error),
        };
        let produced = match Produced::read(&mut Input::new(&answer), version) {
            Ok(produced) => produced,
            Err(error) => return broken(error),
        };
        let code = produced.error;
        let words = produced.message.unwrap_or_default();
        let why = format!("{code} {words}").trim_end().to_owned();
        let explained = format!(
            "{address} did not store documents in the topic {:?}: {why}{}",
            self.topic,
            code.advice()
        );
        let meaning = code.meaning();
        if meaning == Meaning::UnknownProducer {
            self.producer = None;
        }
        if let (Some(producer), false) = (&mut self.producer, meaning == Meaning::InDoubt) {
            producer.settle(meaning == Meaning::Stored, batch.len());
        }
        // Also what is in doubt may be so because another broker leads by now.
        if !matches!(meaning, Meaning::MovedLeader | Meaning::InDoubt) {
            self.leader = Some(leader);
        }
        match meaning {
            Meaning::Stored => Outcome::Stored(produced.offset),
            Meaning::TooLarge => Outcome::TooLarge(why),
            Meaning::Malformed => {
                let named = produced.records.into_iter().filter_map(|(place, message)| {
                    let place = usize::try_from(place).ok().filter(|at| *at < batch.len())?;
                    Some((place, message.unwrap_or_else(|| why.clone())))
                });
                Outcome::Malformed(named.collect(), why.clone())
            }
            Meaning::UnknownProducer | Meaning::MovedLeader => Outcome::AtOnce(explained),
            Meaning::NotStored | Meaning::InDoubt => Outcome::Later(explained),
        }
    }

    /// Writes the request, for which there must be a producer, and notes what is in doubt from now.
    async fn prepare(
        &mut self,
        leader: &mut Leader,
        batch: &[&Entry],
    ) -> io::Result<(Vec<u8>, i16)> {
        let version = leader.broker.version(Request::Produce)?;
        let fits = |producer: &Producer| producer.fits(leader.partition, batch.len());
        if !self.producer.as_ref().is_some_and(fits) {
            self.producer = None;
            let id = leader.new_producer().await?;
            self.producer = Some(Producer::new(id, leader.partition));
        }
        let Some(producer) = &mut self.producer else {
            return Err(io::Error::other("there is no producer"));
        };
        let sequence = producer.begin(batch);
        let records = batch::encode(batch, self.key.as_bytes(), sequence, self.compression)?;
        let request = Produced::request(&self.topic, leader.partition, &records, REPLICATION_TIME);
        Ok((request, version))
    }
}

impl Sink for Kafka {
    fn send<'a>(&'a mut self, entries: &'a [Entry]) -> Sending<'a> {
        Box::pin(self.send_all(entries))
    }
}

#[cfg(test)]
mod tests;
