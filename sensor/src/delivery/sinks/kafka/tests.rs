use std::{env, fs, path::PathBuf, sync::Arc, time::Duration};

use tokio::time::timeout;

use super::*;
use crate::{
    clock::WallTime,
    delivery::{entry::Facts, secret::SecretSource},
    detect::severity::Severity,
    output::subject::Topic,
};

mod double;
mod doubt;
mod secrecy;

use double::{Double, Reaction};

/// How long what must happen may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

fn entry(place: u64, document: Vec<u8>) -> Entry {
    Entry {
        place,
        facts: Arc::new(Facts {
            id: format!("{place}-a"),
            time: WallTime(1_700_000_000_123_456_789),
            topic: Topic::Sensor("sensor_start"),
            severity: Severity::Low,
        }),
        document: document.into(),
    }
}

fn entries(places: std::ops::RangeInclusive<u64>) -> Vec<Entry> {
    places
        .map(|place| entry(place, format!("{{\"n\":{place}}}").into()))
        .collect()
}

fn settings(brokers: &[&str]) -> KafkaSettings {
    KafkaSettings {
        brokers: brokers.iter().map(|broker| (*broker).to_owned()).collect(),
        topic: "sensor".into(),
        key: "host-1".into(),
        compression: Compression::None,
        tls: None,
        sasl: None,
    }
}

fn sink(double: &Double) -> Kafka {
    Kafka::new(settings(&[&double.address])).unwrap()
}

async fn started(script: impl FnMut(usize) -> Reaction + Send + 'static) -> (Double, Kafka) {
    let double = Double::start(double::Manner::default(), Box::new(script)).await;
    let sink = sink(&double);
    (double, sink)
}

async fn send(sink: &mut Kafka, entries: &[Entry]) -> Result<Receipt, Failure> {
    timeout(PATIENCE, sink.send(entries)).await.unwrap()
}

fn why(failure: Failure) -> String {
    match failure {
        Failure::Again(again) => again.why,
        other => panic!("{other:?}"),
    }
}

/// The places of what is stored, in the order of the partition.
fn places(double: &Double) -> Vec<u64> {
    let seen = double.seen();
    let ids = seen.stored.iter().map(|record| {
        let id = record.headers.values().next().unwrap().clone().unwrap();
        String::from_utf8(id.to_vec()).unwrap()
    });
    ids.map(|id| id.strip_suffix("-a").unwrap().parse().unwrap())
        .collect()
}

fn expected(places: std::ops::RangeInclusive<u64>) -> Vec<u64> {
    places.collect()
}

#[tokio::test]
async fn batches_are_stored_in_order_in_the_partition_of_the_key() {
    let (double, mut sink) = started(|_| Reaction::Take).await;
    let receipt = send(&mut sink, &entries(1..=300)).await.unwrap();
    assert_eq!(
        receipt,
        Receipt::all("topic sensor has 300, the last batch at offset 0")
    );
    send(&mut sink, &entries(301..=303)).await.unwrap();
    assert_eq!(places(&double), expected(1..=303));
    let seen = double.seen();
    assert_eq!((seen.connections, seen.producers), (1, 1));
    let partition = i32::try_from(partition::of_key(b"host-1", 6)).unwrap();
    assert_eq!(seen.partitions, [partition, partition]);
    let record = &seen.stored[6];
    assert_eq!(record.key.as_deref(), Some(&b"host-1"[..]));
    assert_eq!(record.value.as_deref(), Some(&b"{\"n\":7}"[..]));
    assert_eq!(record.timestamp, 1_700_000_000_123);
}

#[tokio::test]
async fn old_brokers_and_compression_are_spoken_to() {
    for produce in [3, 5, 7] {
        let manner = double::Manner {
            produce,
            ..double::Manner::default()
        };
        let double = Double::start(manner, Box::new(|_| Reaction::Take)).await;
        let mut sink = Kafka::new(KafkaSettings {
            compression: Compression::Gzip,
            ..settings(&[&double.address])
        })
        .unwrap();
        send(&mut sink, &entries(1..=20)).await.unwrap();
        assert_eq!(places(&double), expected(1..=20));
    }
}

#[tokio::test]
async fn large_batches_are_divided_and_what_is_too_large_alone_is_refused() {
    let (double, mut sink) = started(|_| Reaction::AtMost(5000)).await;
    let batch: Vec<Entry> = (1..=40)
        .map(|place| entry(place, vec![b'x'; if place == 7 { 6000 } else { 1000 }]))
        .collect();
    let receipt = send(&mut sink, &batch).await.unwrap();
    assert_eq!(receipt.refused.len(), 1);
    assert_eq!(receipt.refused[0].index, 6);
    assert!(receipt.refused[0].why.contains("MESSAGE_TOO_LARGE"));
    let mut stored = expected(1..=40);
    stored.remove(6);
    assert_eq!(places(&double), stored);
    // What brokers take together is learnt.
    let before = double.seen().batches;
    let batch: Vec<Entry> = (41..=60)
        .map(|place| entry(place, vec![b'x'; 1000]))
        .collect();
    let receipt = send(&mut sink, &batch).await.unwrap();
    assert_eq!(receipt.refused, []);
    let batches = double.seen().batches - before;
    assert!((5..=10).contains(&batches), "{batches}");
}

#[tokio::test]
async fn more_than_a_broker_takes_at_once_is_sent_in_several_batches() {
    let (double, mut sink) = started(|_| Reaction::AtMost(1 << 20)).await;
    let batch: Vec<Entry> = (1..=30)
        .map(|place| entry(place, vec![b'x'; 100_000]))
        .collect();
    let receipt = send(&mut sink, &batch).await.unwrap();
    assert_eq!(receipt.refused, []);
    assert_eq!(places(&double), expected(1..=30));
    assert_eq!(double.seen().batches, 4);
}

#[tokio::test]
async fn records_that_are_named_are_refused_and_the_others_stored() {
    let (double, mut sink) = started(|batch| match batch {
        1 => Reaction::Refuse(87, &[3, 1, 3]),
        _ => Reaction::Take,
    })
    .await;
    let receipt = send(&mut sink, &entries(1..=5)).await.unwrap();
    let refused: Vec<usize> = receipt
        .refused
        .iter()
        .map(|refused| refused.index)
        .collect();
    assert_eq!(refused, [1, 3]);
    assert_eq!(receipt.refused[0].why, "bad");
    assert_eq!(places(&double), [1, 3, 5]);
}

#[tokio::test]
async fn an_unnamed_record_is_found_by_halves() {
    // Old brokers do not name it: all with the second are refused.
    let (double, mut sink) = started(|batch| match batch {
        1 | 2 | 4 => Reaction::Refuse(32, &[]),
        _ => Reaction::Take,
    })
    .await;
    let receipt = send(&mut sink, &entries(1..=4)).await.unwrap();
    let refused: Vec<usize> = receipt
        .refused
        .iter()
        .map(|refused| refused.index)
        .collect();
    assert_eq!(refused, [1]);
    assert_eq!(places(&double), [1, 3, 4]);
}

#[tokio::test]
async fn what_was_stored_before_a_failure_is_not_asked_for_again() {
    let (double, mut sink) = started(|batch| match batch {
        2.. => Reaction::Refuse(29, &[]),
        _ => Reaction::Take,
    })
    .await;
    let batch: Vec<Entry> = (1..=3)
        .map(|place| entry(place, vec![b'x'; 600_000]))
        .collect();
    let receipt = send(&mut sink, &batch).await.unwrap();
    assert_eq!(receipt.again, [1, 2]);
    let why = receipt.delay.unwrap().why;
    assert!(
        why.contains("TOPIC_AUTHORIZATION_FAILED") && why.contains("permit"),
        "{why}"
    );
    assert_eq!(places(&double), [1]);
}

#[tokio::test]
async fn a_topic_that_is_not_there_is_told_with_advice() {
    let manner = double::Manner {
        topic_error: 3,
        ..double::Manner::default()
    };
    let double = Double::start(manner, Box::new(|_| Reaction::Take)).await;
    let why = why(send(&mut sink(&double), &entries(1..=1)).await.unwrap_err());
    assert!(
        why.contains("\"sensor\"") && why.contains("create the topic"),
        "{why}"
    );
    assert!(why.contains(&double.address), "{why}");
}

#[tokio::test]
async fn the_next_broker_is_asked_and_every_reason_told() {
    let (double, _) = started(|_| Reaction::Take).await;
    // Nobody listens on a port that was bound and let go.
    let gone = || {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().to_string()
    };
    let (first, second) = (gone(), gone());
    let mut sink = Kafka::new(settings(&[&first, &double.address, &second])).unwrap();
    send(&mut sink, &entries(1..=1)).await.unwrap();
    assert_eq!(places(&double), [1]);
    let mut lost = Kafka::new(settings(&[&first, &second])).unwrap();
    let why = why(send(&mut lost, &entries(1..=1)).await.unwrap_err());
    assert!(why.contains(&first) && why.contains(&second), "{why}");
}

#[test]
fn settings_that_cannot_work_are_refused() {
    let wrong = |change: fn(&mut KafkaSettings)| {
        let mut settings = settings(&["a"]);
        change(&mut settings);
        Kafka::new(settings).err().unwrap();
    };
    wrong(|settings| settings.brokers.clear());
    wrong(|settings| settings.topic = "a b".into());
    wrong(|settings| settings.topic = String::new());
    wrong(|settings| settings.key = String::new());
    wrong(|settings| settings.key = "x".repeat(1025));
    wrong(|settings| {
        settings.tls = Some(TlsSettings {
            ca_file: Some(PathBuf::from("/nonexistent")),
            ..TlsSettings::default()
        });
    });
}
