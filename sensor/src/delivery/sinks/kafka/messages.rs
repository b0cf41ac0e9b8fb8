//! The requests that are made, and what is answered.

use std::{io, ops::RangeInclusive};

use super::{
    error::Code,
    wire::{Input, Write},
};

/// What can be asked of a broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i16)]
pub enum Request {
    /// To store records.
    Produce = 0,
    /// Who leads the partitions of a topic.
    Metadata = 3,
    /// To agree on how we show who we are.
    SaslHandshake = 17,
    /// Which versions of these it knows.
    ApiVersions = 18,
    /// A new producer, whose records are numbered.
    InitProducerId = 22,
    /// To show who we are.
    SaslAuthenticate = 36,
}

impl Request {
    /// Its number.
    #[must_use]
    pub const fn number(self) -> i16 {
        self as i16
    }

    /// The versions that are written and read here; brokers since 1.0 know them.
    #[must_use]
    pub const fn versions(self) -> RangeInclusive<i16> {
        match self {
            Self::Produce => 3..=8,
            Self::Metadata => 4..=4,
            Self::SaslHandshake => 1..=1,
            Self::ApiVersions | Self::InitProducerId => 0..=0,
            Self::SaslAuthenticate => 0..=1,
        }
    }
}

/// What versions a broker knows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Versions(Vec<(i16, RangeInclusive<i16>)>);

impl Versions {
    /// Reads the answer to a request without content.
    pub fn read(input: &mut Input<'_>) -> io::Result<Self> {
        Code(input.i16()?).check("the versions of the protocol")?;
        let versions = input.list(|input| Ok((input.i16()?, input.i16()?..=input.i16()?)))?;
        Ok(Self(versions))
    }

    /// The highest version that both sides know.
    ///
    /// # Errors
    ///
    /// If there is none.
    pub fn choose(&self, asked: Request) -> io::Result<i16> {
        let ours = asked.versions();
        self.0
            .iter()
            .find(|(number, _)| *number == asked.number())
            .map(|(_, theirs)| (*theirs.start(), *theirs.end().min(ours.end())))
            .filter(|(lowest, version)| version >= lowest && ours.contains(version))
            .map(|(_, version)| version)
            .ok_or_else(|| {
                io::Error::other(format!(
                    "the broker does not know {asked:?} in version {} to {}\n  Kafka 1.0 is the \
                     first that does",
                    ours.start(),
                    ours.end()
                ))
            })
    }
}

/// A broker of a cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    pub id: i32,
    pub host: String,
    pub port: i32,
}

/// A partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Partition {
    pub index: i32,
    /// The broker that leads it; negative if none does.
    pub leader: i32,
}

/// What a cluster says of a topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metadata {
    pub nodes: Vec<Node>,
    pub error: Code,
    pub partitions: Vec<Partition>,
}

impl Metadata {
    /// Asks about a topic. The broker makes it if it is set up to make topics.
    pub fn request(topic: &str) -> Vec<u8> {
        let mut out = Vec::new();
        out.put_length(1);
        out.put_string(topic);
        out.push(1);
        out
    }

    /// Reads the answer.
    pub fn read(input: &mut Input<'_>) -> io::Result<Self> {
        let _throttle = input.i32()?;
        let nodes = input.list(|input| {
            let node = Node {
                id: input.i32()?,
                host: input.string()?.unwrap_or_default(),
                port: input.i32()?,
            };
            let _rack = input.string()?;
            Ok(node)
        })?;
        let _cluster = input.string()?;
        let _controller = input.i32()?;
        let topics = input.list(|input| {
            let error = Code(input.i16()?);
            let _name = input.string()?;
            let _is_internal = input.boolean()?;
            let partitions = input.list(|input| {
                let _error = input.i16()?;
                let partition = Partition {
                    index: input.i32()?,
                    leader: input.i32()?,
                };
                let _replicas = input.list(Input::i32)?;
                let _in_sync = input.list(Input::i32)?;
                Ok(partition)
            })?;
            Ok((error, partitions))
        })?;
        let (error, partitions) = topics
            .into_iter()
            .next()
            .ok_or_else(|| io::Error::other("the broker says nothing of the topic"))?;
        Ok(Self {
            nodes,
            error,
            partitions,
        })
    }
}

/// A producer, as brokers know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProducerId {
    pub id: i64,
    pub epoch: i16,
}

impl ProducerId {
    /// Asks for one, for no transactions.
    pub fn request() -> Vec<u8> {
        let mut out = Vec::new();
        out.put_i16(-1);
        // The time that a transaction may take; there is none.
        out.put_i32(60_000);
        out
    }

    /// Reads the answer.
    pub fn read(input: &mut Input<'_>) -> io::Result<Self> {
        let _throttle = input.i32()?;
        Code(input.i16()?).check("a producer id")?;
        Ok(Self {
            id: input.i64()?,
            epoch: input.i16()?,
        })
    }
}

/// What a broker says of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Produced {
    pub error: Code,
    /// Where the first record stands.
    pub offset: i64,
    /// The records because of which the batch was not taken, by their place in it, and why.
    pub records: Vec<(i32, Option<String>)>,
    pub message: Option<String>,
}

impl Produced {
    /// Asks to store a batch in all replicas that are in sync, within `time` milliseconds.
    pub fn request(topic: &str, partition: i32, batch: &[u8], time: i32) -> Vec<u8> {
        let mut out = Vec::with_capacity(batch.len() + topic.len() + 40);
        out.put_i16(-1);
        out.put_i16(-1);
        out.put_i32(time);
        out.put_length(1);
        out.put_string(topic);
        out.put_length(1);
        out.put_i32(partition);
        out.put_bytes(batch);
        out
    }

    /// Reads the answer.
    pub fn read(input: &mut Input<'_>, version: i16) -> io::Result<Self> {
        let topics = input.list(|input| {
            let _name = input.string()?;
            input.list(|input| {
                let _index = input.i32()?;
                let error = Code(input.i16()?);
                let offset = input.i64()?;
                let _time = input.i64()?;
                if version >= 5 {
                    let _first_offset = input.i64()?;
                }
                let (records, message) = if version >= 8 {
                    let records = input.list(|input| Ok((input.i32()?, input.string()?)))?;
                    (records, input.string()?)
                } else {
                    (Vec::new(), None)
                };
                Ok(Self {
                    error,
                    offset,
                    records,
                    message,
                })
            })
        })?;
        topics
            .into_iter()
            .flatten()
            .next()
            .ok_or_else(|| io::Error::other("the broker says nothing of the batch"))
    }
}

/// Reads what a broker says of a mechanism: the error, and the mechanisms that it takes.
pub fn read_handshake(input: &mut Input<'_>) -> io::Result<(Code, Vec<String>)> {
    let error = Code(input.i16()?);
    let mechanisms = input.list(|input| Ok(input.string()?.unwrap_or_default()))?;
    Ok((error, mechanisms))
}

/// What a broker answers to a message that shows who we are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authenticated {
    pub error: Code,
    pub message: Option<String>,
    pub answer: Vec<u8>,
    /// Milliseconds after which it must be shown anew; 0 if never.
    pub lifetime: i64,
}

impl Authenticated {
    /// Reads the answer.
    pub fn read(input: &mut Input<'_>, version: i16) -> io::Result<Self> {
        Ok(Self {
            error: Code(input.i16()?),
            message: input.string()?,
            answer: input.bytes()?.to_vec(),
            lifetime: if version >= 1 { input.i64()? } else { 0 },
        })
    }
}

#[cfg(test)]
mod tests;
