//! The broker that leads the partition of our key.

use std::{io, time::Duration};

use tokio::time::sleep;

use super::{
    broker::{Broker, Manner},
    error::Code,
    messages::{Metadata, Node, ProducerId, Request},
    partition,
    wire::Input,
};
use crate::delivery::sinks::connection::Address;

/// A connection to the broker that leads a partition.
pub struct Leader {
    /// The connection.
    pub broker: Broker,
    /// The partition.
    pub partition: i32,
    /// Where the broker is, for a person.
    pub address: Address,
}

/// How often a topic is asked for that is perhaps being made, and how long it is waited in between.
const TOPIC_TRIES: u32 = 3;
const TOPIC_WAIT: Duration = Duration::from_millis(250);

impl Leader {
    /// Asks the broker at an address who leads, and connects to that one.
    ///
    /// # Errors
    ///
    /// If either cannot be reached, there is no such topic, or nobody leads.
    pub async fn find(
        bootstrap: &Address,
        manner: &Manner,
        topic: &str,
        key: &[u8],
    ) -> io::Result<Self> {
        let mut broker = Broker::connect(bootstrap, manner).await?;
        let metadata = describe(&mut broker, topic).await?;
        let count = u32::try_from(metadata.partitions.len()).unwrap_or(0);
        let index = i32::try_from(partition::of_key(key, count)).unwrap_or(0);
        let node = metadata
            .partitions
            .iter()
            .find(|partition| partition.index == index)
            .and_then(|partition| {
                let mut nodes = metadata.nodes.iter();
                nodes.find(|node| node.id == partition.leader)
            })
            .ok_or_else(|| {
                io::Error::other(format!(
                    "nobody leads partition {index} of the topic {topic:?}\n  a broker is down"
                ))
            })?;
        let address = address(node)?;
        if address != *bootstrap {
            broker = Broker::connect(&address, manner).await.map_err(|error| {
                io::Error::new(
                    error.kind(),
                    format!(
                        "{address}, which leads partition {index} of {topic:?}: {error}\n  \
                             brokers must be reachable where they say (`advertised.listeners`)"
                    ),
                )
            })?;
        }
        Ok(Self {
            broker,
            partition: index,
            address,
        })
    }

    /// A new producer.
    ///
    /// # Errors
    ///
    /// If the broker does not permit one, or the connection breaks.
    pub async fn new_producer(&mut self) -> io::Result<ProducerId> {
        let request = ProducerId::request();
        let answer = self.broker.call(Request::InitProducerId, &request).await?;
        ProducerId::read(&mut Input::new(&answer))
    }
}

async fn describe(broker: &mut Broker, topic: &str) -> io::Result<Metadata> {
    let mut tries = 1;
    loop {
        let answer = broker
            .call(Request::Metadata, &Metadata::request(topic))
            .await?;
        let metadata = Metadata::read(&mut Input::new(&answer))?;
        match metadata.error {
            Code::NONE => return Ok(metadata),
            Code::UNKNOWN_TOPIC | Code::LEADER_NOT_AVAILABLE if tries < TOPIC_TRIES => {
                tries += 1;
                sleep(TOPIC_WAIT).await;
            }
            error => error.check(&format!("the topic {topic:?}"))?,
        }
    }
}

fn address(node: &Node) -> io::Result<Address> {
    let port = u16::try_from(node.port).ok().filter(|port| *port != 0);
    match port {
        Some(port) if !node.host.is_empty() => Ok(Address {
            host: node.host.clone(),
            port,
        }),
        _ => Err(io::Error::other(format!(
            "broker {} says it is at {:?}, port {}\n  correct its `advertised.listeners`",
            node.id, node.host, node.port
        ))),
    }
}
