//! Against another implementation, which is made from the protocol's own description.

use kafka_protocol::{
    messages::{
        BrokerId, InitProducerIdRequest, InitProducerIdResponse, MetadataRequest, MetadataResponse,
        ProduceRequest, ProduceResponse, SaslAuthenticateResponse, SaslHandshakeResponse,
        TopicName,
        metadata_response::{
            MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
        },
        produce_response::{
            BatchIndexAndErrorMessage, PartitionProduceResponse, TopicProduceResponse,
        },
    },
    protocol::{Decodable, Encodable, StrBytes},
};
use proptest::prelude::*;

use super::*;

fn encoded(message: &impl Encodable, version: i16) -> Vec<u8> {
    let mut out = bytes::BytesMut::new();
    message.encode(&mut out, version).unwrap();
    out.to_vec()
}

fn decoded<T: Decodable>(request: Vec<u8>, version: i16) -> T {
    let mut input = bytes::Bytes::from(request);
    let message = T::decode(&mut input, version).unwrap();
    assert!(input.is_empty());
    message
}

#[test]
fn requests_are_what_another_implementation_reads() {
    let metadata: MetadataRequest = decoded(Metadata::request("t"), 4);
    let topic = &metadata.topics.unwrap()[0];
    assert_eq!(topic.name.as_ref().unwrap().as_str(), "t");
    assert!(metadata.allow_auto_topic_creation);

    let producer: InitProducerIdRequest = decoded(ProducerId::request(), 0);
    assert_eq!(producer.transactional_id, None);

    for version in Request::Produce.versions() {
        let produce: ProduceRequest = decoded(Produced::request("t", 3, b"abc", 9), version);
        assert_eq!((produce.acks, produce.timeout_ms), (-1, 9));
        assert_eq!(produce.transactional_id, None);
        assert_eq!(produce.topic_data[0].name.as_str(), "t");
        let partition = &produce.topic_data[0].partition_data[0];
        assert_eq!(partition.index, 3);
        assert_eq!(partition.records.as_deref(), Some(&b"abc"[..]));
    }
}

#[test]
fn answers_of_another_implementation_are_read() {
    let metadata = MetadataResponse::default()
        .with_brokers(vec![
            MetadataResponseBroker::default()
                .with_node_id(BrokerId(7))
                .with_host(StrBytes::from_static_str("h"))
                .with_port(9092)
                .with_rack(Some(StrBytes::from_static_str("r"))),
        ])
        .with_topics(vec![
            MetadataResponseTopic::default()
                .with_error_code(3)
                .with_name(Some(TopicName(StrBytes::from_static_str("t"))))
                .with_partitions(vec![
                    MetadataResponsePartition::default()
                        .with_partition_index(1)
                        .with_leader_id(BrokerId(7))
                        .with_replica_nodes(vec![BrokerId(7), BrokerId(8)]),
                    MetadataResponsePartition::default()
                        .with_partition_index(0)
                        .with_leader_id(BrokerId(-1)),
                ]),
        ]);
    let read = Metadata::read(&mut Input::new(&encoded(&metadata, 4))).unwrap();
    let expected = Metadata {
        nodes: vec![Node {
            id: 7,
            host: "h".into(),
            port: 9092,
        }],
        error: Code::UNKNOWN_TOPIC,
        partitions: vec![
            Partition {
                index: 1,
                leader: 7,
            },
            Partition {
                index: 0,
                leader: -1,
            },
        ],
    };
    assert_eq!(read, expected);

    for version in Request::Produce.versions() {
        let mut partition = PartitionProduceResponse::default()
            .with_index(3)
            .with_error_code(87)
            .with_base_offset(5);
        if version >= 8 {
            partition = partition
                .with_error_message(Some(StrBytes::from_static_str("m")))
                .with_record_errors(vec![
                    BatchIndexAndErrorMessage::default().with_batch_index(2),
                ]);
        }
        let produce = ProduceResponse::default().with_responses(vec![
            TopicProduceResponse::default().with_partition_responses(vec![partition]),
        ]);
        let read = Produced::read(&mut Input::new(&encoded(&produce, version)), version).unwrap();
        let expected = Produced {
            error: Code(87),
            offset: 5,
            records: if version >= 8 {
                vec![(2, Some(String::new()))]
            } else {
                vec![]
            },
            message: (version >= 8).then(|| "m".into()),
        };
        // The default message of the other implementation may be none.
        assert_eq!(
            (read.error, read.offset, &read.message),
            (expected.error, 5, &expected.message)
        );
        assert_eq!(read.records.len(), expected.records.len());
    }

    let producer = InitProducerIdResponse::default()
        .with_producer_id(9.into())
        .with_producer_epoch(2);
    let read = ProducerId::read(&mut Input::new(&encoded(&producer, 0))).unwrap();
    assert_eq!(read, ProducerId { id: 9, epoch: 2 });

    let handshake = SaslHandshakeResponse::default()
        .with_error_code(33)
        .with_mechanisms(vec![StrBytes::from_static_str("PLAIN")]);
    let read = read_handshake(&mut Input::new(&encoded(&handshake, 1))).unwrap();
    assert_eq!(read, (Code::UNSUPPORTED_MECHANISM, vec!["PLAIN".into()]));

    for version in Request::SaslAuthenticate.versions() {
        let mut answer = SaslAuthenticateResponse::default()
            .with_error_code(58)
            .with_error_message(Some(StrBytes::from_static_str("m")))
            .with_auth_bytes(bytes::Bytes::from_static(b"a"));
        if version >= 1 {
            answer = answer.with_session_lifetime_ms(6);
        }
        let answer = encoded(&answer, version);
        let read = Authenticated::read(&mut Input::new(&answer), version).unwrap();
        let expected = Authenticated {
            error: Code(58),
            message: Some("m".into()),
            answer: b"a".to_vec(),
            lifetime: if version >= 1 { 6 } else { 0 },
        };
        assert_eq!(read, expected);
    }
}

#[test]
fn the_highest_version_that_both_know_is_chosen() {
    let known = |range| Versions(vec![(Request::Produce.number(), range)]);
    assert_eq!(known(0..=5).choose(Request::Produce).unwrap(), 5);
    assert_eq!(known(3..=13).choose(Request::Produce).unwrap(), 8);
    assert_eq!(known(8..=13).choose(Request::Produce).unwrap(), 8);
    for too_new_or_old in [0..=2, 9..=13] {
        let error = known(too_new_or_old).choose(Request::Produce).unwrap_err();
        assert!(error.to_string().contains("Produce"), "{error}");
    }
    known(0..=5).choose(Request::Metadata).unwrap_err();
}

proptest! {
    #[test]
    fn no_answer_makes_it_panic(bytes: Vec<u8>, version in 3_i16..=8) {
        let _ = Versions::read(&mut Input::new(&bytes));
        let _ = Metadata::read(&mut Input::new(&bytes));
        let _ = Produced::read(&mut Input::new(&bytes), version);
        let _ = ProducerId::read(&mut Input::new(&bytes));
        let _ = read_handshake(&mut Input::new(&bytes));
        let _ = Authenticated::read(&mut Input::new(&bytes), version);
    }
}
