//! A broker that reads strictly, with another implementation of the protocol, and reacts as a test
//! wants.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard},
};

use bytes::{Bytes, BytesMut};
use kafka_protocol::{
    messages::{
        ApiKey, ApiVersionsResponse, BrokerId, InitProducerIdResponse, MetadataRequest,
        MetadataResponse, ProduceRequest, ProduceResponse, SaslAuthenticateRequest,
        SaslAuthenticateResponse, SaslHandshakeRequest, SaslHandshakeResponse,
        api_versions_response::ApiVersion,
        metadata_response::{
            MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
        },
        produce_response::{
            BatchIndexAndErrorMessage, PartitionProduceResponse, TopicProduceResponse,
        },
    },
    protocol::{Decodable, Encodable, StrBytes, decode_request_header_from_buffer},
    records::{Record, RecordBatchDecoder},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};
use tokio_rustls::TlsAcceptor;

use super::super::super::connection::Stream;

/// What the broker does with a batch.
#[derive(Clone, Debug)]
pub enum Reaction {
    /// What a broker does: stores it if its numbers are next, or recognises them.
    Take,
    /// The same, and closes the connection instead of answering.
    TakeAndClose,
    /// Refuses it with this number, and names these records.
    Refuse(i16, &'static [i32]),
    /// Stores it and says this number nevertheless.
    TakeAndSay(i16),
    /// Refuses it if it has more than so many bytes.
    AtMost(usize),
    /// Does not answer.
    Nothing,
    /// Closes the connection.
    Close,
}

/// What a test sees of the broker.
#[derive(Default)]
pub struct Seen {
    pub stored: Vec<Record>,
    pub partitions: Vec<i32>,
    /// Batches that came, in all connections.
    pub batches: usize,
    pub connections: usize,
    /// What showed who the client is.
    pub shown: Vec<Bytes>,
    pub producers: i64,
    /// For each producer the next number, and what it sent last: its first number and its records.
    next: HashMap<i64, (i32, Vec<(i32, usize)>)>,
    /// Violations of the protocol.
    pub wrong: Vec<String>,
}

/// Decides by the number of the batch, from 1.
pub type Script = Box<dyn FnMut(usize) -> Reaction + Send>;

/// How the broker is set up.
#[derive(Clone, Copy)]
pub struct Manner {
    pub partitions: i32,
    /// What it says of the topic.
    pub topic_error: i16,
    /// The highest version of Produce that it knows.
    pub produce: i16,
    pub mechanism: Option<&'static str>,
    /// What it answers to who the client is.
    pub authentication_error: i16,
}

impl Default for Manner {
    fn default() -> Self {
        Self {
            partitions: 6,
            topic_error: 0,
            produce: 13,
            mechanism: None,
            authentication_error: 0,
        }
    }
}

pub struct Double {
    pub address: String,
    seen: Arc<Mutex<Seen>>,
}

struct Serving {
    manner: Manner,
    port: u16,
    seen: Arc<Mutex<Seen>>,
    script: Script,
}

impl Double {
    /// Starts it in the test's runtime.
    pub async fn start(manner: Manner, script: Script) -> Self {
        Self::start_with(manner, None, script).await
    }

    /// The same, with TLS.
    pub async fn start_with(manner: Manner, tls: Option<TlsAcceptor>, script: Script) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Seen::default()));
        let mut serving = Serving {
            manner,
            port: address.port(),
            seen: Arc::clone(&seen),
            script,
        };
        tokio::spawn(async move {
            // One after the other: the sink has one connection at a time.
            while let Ok((plain, _)) = listener.accept().await {
                plain.set_nodelay(true).unwrap();
                serving.seen.lock().unwrap().connections += 1;
                let mut stream: Box<dyn Stream> = match &tls {
                    None => Box::new(plain),
                    Some(tls) => match tls.accept(plain).await {
                        Ok(stream) => Box::new(stream),
                        Err(_) => continue,
                    },
                };
                while let Some(request) = read(&mut stream).await {
                    match serving.answer(request) {
                        Ok(Some(answer)) => {
                            // A client that went away is none of the broker's business.
                            let _ = stream.write_all(&answer).await;
                            let _ = stream.flush().await;
                        }
                        Ok(None) => break,
                        Err(wrong) => {
                            serving.seen.lock().unwrap().wrong.push(wrong);
                            break;
                        }
                    }
                }
            }
        });
        Self {
            address: address.to_string(),
            seen,
        }
    }

    /// What was seen until now, if the client kept to the protocol.
    pub fn seen(&self) -> MutexGuard<'_, Seen> {
        let seen = self.seen.lock().unwrap();
        assert_eq!(seen.wrong, Vec::<String>::new());
        seen
    }
}

/// A request without its length; none at the end of the connection.
async fn read(stream: &mut Box<dyn Stream>) -> Option<Bytes> {
    let length = stream.read_u32().await.ok()?;
    let mut request = vec![0; length as usize];
    stream.read_exact(&mut request).await.ok()?;
    Some(request.into())
}

fn decode<T: Decodable>(request: &mut Bytes, version: i16) -> Result<T, String> {
    let message = T::decode(request, version).map_err(|error| error.to_string())?;
    if request.is_empty() {
        Ok(message)
    } else {
        Err(format!("{} bytes after a request", request.len()))
    }
}

impl Serving {
    /// The answer; none if the connection is to be closed, empty if nothing is said.
    fn answer(&mut self, mut request: Bytes) -> Result<Option<Vec<u8>>, String> {
        let header = decode_request_header_from_buffer(&mut request).map_err(|e| e.to_string())?;
        if header.client_id.as_deref() != Some(env!("CARGO_PKG_NAME")) {
            return Err(format!("client {:?}", header.client_id));
        }
        let version = header.request_api_version;
        let mut out = BytesMut::new();
        let api = ApiKey::try_from(header.request_api_key).map_err(|()| "no such request")?;
        let encoded = match api {
            ApiKey::ApiVersions => self.versions().encode(&mut out, version),
            ApiKey::Metadata => {
                let request: MetadataRequest = decode(&mut request, version)?;
                self.metadata(&request)?.encode(&mut out, version)
            }
            ApiKey::InitProducerId => {
                let mut seen = self.seen.lock().unwrap();
                seen.producers += 1;
                let producer = seen.producers;
                seen.next.insert(producer, (0, Vec::new()));
                InitProducerIdResponse::default()
                    .with_producer_id(producer.into())
                    .encode(&mut out, version)
            }
            ApiKey::SaslHandshake => {
                let request: SaslHandshakeRequest = decode(&mut request, version)?;
                let known = self.manner.mechanism.unwrap_or_default();
                let error = if *request.mechanism == *known { 0 } else { 33 };
                SaslHandshakeResponse::default()
                    .with_error_code(error)
                    .with_mechanisms(vec![StrBytes::from_static_str(known)])
                    .encode(&mut out, version)
            }
            ApiKey::SaslAuthenticate => {
                let request: SaslAuthenticateRequest = decode(&mut request, version)?;
                self.seen.lock().unwrap().shown.push(request.auth_bytes);
                SaslAuthenticateResponse::default()
                    .with_error_code(self.manner.authentication_error)
                    .encode(&mut out, version)
            }
            ApiKey::Produce => {
                let request: ProduceRequest = decode(&mut request, version)?;
                match self.produce(&request, version)? {
                    Said::Close => return Ok(None),
                    Said::Nothing => return Ok(Some(Vec::new())),
                    Said::Answer(answer) => answer.encode(&mut out, version),
                }
            }
            other => return Err(format!("{other:?} is not asked for by a producer")),
        };
        encoded.map_err(|error| error.to_string())?;
        let mut answer = u32::try_from(out.len() + 4).unwrap().to_be_bytes().to_vec();
        answer.extend_from_slice(&header.correlation_id.to_be_bytes());
        answer.extend_from_slice(&out);
        Ok(Some(answer))
    }

    fn versions(&self) -> ApiVersionsResponse {
        let known = |(key, min, max): (ApiKey, i16, i16)| {
            ApiVersion::default()
                .with_api_key(key as i16)
                .with_min_version(min)
                .with_max_version(max)
        };
        let versions = [
            (ApiKey::Produce, 3, self.manner.produce),
            (ApiKey::Metadata, 0, 13),
            (ApiKey::SaslHandshake, 0, 1),
            (ApiKey::InitProducerId, 0, 5),
            (ApiKey::SaslAuthenticate, 0, 2),
        ];
        ApiVersionsResponse::default().with_api_keys(versions.map(known).to_vec())
    }

    fn metadata(&self, request: &MetadataRequest) -> Result<MetadataResponse, String> {
        let topics = request.topics.as_deref().unwrap_or_default();
        let [topic] = topics else {
            return Err(format!("{} topics", topics.len()));
        };
        let partition = |index| {
            MetadataResponsePartition::default()
                .with_partition_index(index)
                .with_leader_id(BrokerId(1))
        };
        Ok(MetadataResponse::default()
            .with_brokers(vec![
                MetadataResponseBroker::default()
                    .with_node_id(BrokerId(1))
                    .with_host(StrBytes::from_static_str("127.0.0.1"))
                    .with_port(i32::from(self.port)),
            ])
            .with_topics(vec![
                MetadataResponseTopic::default()
                    .with_error_code(self.manner.topic_error)
                    .with_name(topic.name.clone())
                    .with_partitions((0..self.manner.partitions).map(partition).collect()),
            ]))
    }

    fn produce(&mut self, request: &ProduceRequest, version: i16) -> Result<Said, String> {
        let [topic] = &request.topic_data[..] else {
            return Err("not one topic".into());
        };
        let [partition] = &topic.partition_data[..] else {
            return Err("not one partition".into());
        };
        if (request.acks, topic.name.as_str()) != (-1, "sensor") {
            return Err(format!("acks {}, topic {:?}", request.acks, topic.name));
        }
        let mut batch = partition.records.clone().ok_or("no records")?;
        let size = batch.len();
        let records = RecordBatchDecoder::decode(&mut batch).map_err(|error| error.to_string())?;
        let mut seen = self.seen.lock().unwrap();
        seen.batches += 1;
        seen.partitions.push(partition.index);
        let say = |(error, offset): (i16, usize), named: &[i32]| {
            let errors = named.iter().filter(|_| version >= 8).map(|index| {
                BatchIndexAndErrorMessage::default()
                    .with_batch_index(*index)
                    .with_batch_index_error_message(Some(StrBytes::from_static_str("bad")))
            });
            Said::Answer(Box::new(ProduceResponse::default().with_responses(vec![
                TopicProduceResponse::default()
                    .with_name(topic.name.clone())
                    .with_partition_responses(vec![
                        PartitionProduceResponse::default()
                            .with_index(partition.index)
                            .with_error_code(error)
                            .with_base_offset(i64::try_from(offset).unwrap())
                            .with_record_errors(errors.collect()),
                    ]),
            ])))
        };
        let reaction = (self.script)(seen.batches);
        Ok(match reaction {
            Reaction::Take => say(seen.take(records.records), &[]),
            Reaction::TakeAndClose => {
                seen.take(records.records);
                Said::Close
            }
            Reaction::TakeAndSay(error) => {
                seen.take(records.records);
                say((error, 0), &[])
            }
            Reaction::AtMost(most) if size > most => say((10, 0), &[]),
            Reaction::AtMost(_) => say(seen.take(records.records), &[]),
            Reaction::Refuse(error, named) => say((error, 0), named),
            Reaction::Nothing => Said::Nothing,
            Reaction::Close => Said::Close,
        })
    }
}

enum Said {
    Answer(Box<ProduceResponse>),
    Nothing,
    Close,
}

impl Seen {
    /// Does with a batch what a broker does: the error, and where its first record is.
    fn take(&mut self, records: Vec<Record>) -> (i16, usize) {
        let first = records[0].sequence;
        let Some((next, last)) = self.next.get_mut(&records[0].producer_id) else {
            return (59, 0);
        };
        let count = i32::try_from(records.len()).unwrap();
        let known = last.iter().find(|(sequence, _)| *sequence == first);
        if let Some((_, offset)) = known
            && first + count == *next
        {
            return (0, *offset);
        }
        if first != *next {
            return (45, 0);
        }
        let offset = self.stored.len();
        *next += count;
        last.push((first, offset));
        self.stored.extend(records);
        (0, offset)
    }

    /// Brokers forget who produced nothing for long.
    pub fn forget_producers(&mut self) {
        self.next.clear();
    }
}
