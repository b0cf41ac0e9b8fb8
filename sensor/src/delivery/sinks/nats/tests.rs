use std::{env, path::PathBuf, sync::Arc, time::Duration};

use proptest::prelude::*;
use tokio::time::timeout;

use super::*;
use crate::{
    clock::WallTime,
    delivery::{entry::Facts, secret::SecretSource},
    detect::severity::Severity,
    output::subject::Topic,
};

mod double;
mod server;

use double::{Double, INFO, Reaction};

/// How long what must happen may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

fn entry(place: u64, document: Vec<u8>) -> Entry {
    Entry {
        place,
        facts: Arc::new(Facts {
            id: format!("{place}-a"),
            time: WallTime(0),
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

fn settings(servers: &[&str]) -> NatsSettings {
    NatsSettings {
        servers: servers.iter().map(|server| (*server).to_owned()).collect(),
        subject: "sensor.{code}".into(),
        inbox_prefix: "_INBOX".into(),
        authentication: Authentication::None,
        tls: None,
    }
}

fn sink(double: &Double) -> Nats {
    Nats::new(settings(&[&double.address])).unwrap()
}

async fn send(sink: &mut Nats, entries: &[Entry]) -> Result<Receipt, Failure> {
    timeout(PATIENCE, sink.send(entries)).await.unwrap()
}

fn why(failure: Failure) -> String {
    match failure {
        Failure::Again(again) => again.why,
        other => panic!("{other:?}"),
    }
}

fn ids(double: &Double) -> Vec<String> {
    let seen = double.seen();
    seen.stored.iter().map(|stored| stored.id.clone()).collect()
}

fn expected_ids(places: std::ops::RangeInclusive<u64>) -> Vec<String> {
    places.map(|place| format!("{place}-a")).collect()
}

#[tokio::test]
async fn batches_are_stored_in_order_on_one_connection() {
    let double = Double::start(INFO, Box::new(|_, _| Reaction::Store)).await;
    let mut sink = sink(&double);
    let receipt = send(&mut sink, &entries(1..=2000)).await.unwrap();
    assert_eq!(receipt, Receipt::all("stream S has 2000"));
    send(&mut sink, &entries(2001..=2003)).await.unwrap();
    assert_eq!(ids(&double), expected_ids(1..=2003));
    let seen = double.seen();
    assert_eq!(seen.connections, 1);
    assert_eq!(seen.stored[6].subject, "sensor.sensor_start");
    assert_eq!(seen.stored[6].document, b"{\"n\":7}");
    assert_eq!(seen.connects[0]["headers"], true);
    assert_eq!(seen.connects[0]["verbose"], false);
}

#[tokio::test]
async fn large_documents_with_line_ends_are_stored_and_larger_ones_refused() {
    let double = Double::start(INFO, Box::new(|_, _| Reaction::Store)).await;
    let mut sink = sink(&double);
    let most = 1_048_576 - wire::overhead("1-a");
    let batch = [
        entry(1, b"\r\n".repeat(most / 2)),
        entry(2, vec![b'x'; most + 1]),
        entry(3, b"{}".to_vec()),
    ];
    let receipt = send(&mut sink, &batch).await.unwrap();
    assert_eq!(receipt.refused.len(), 1);
    assert_eq!(receipt.refused[0].index, 1);
    assert!(receipt.refused[0].why.contains("max_payload"));
    assert_eq!(receipt.again, [0; 0]);
    let seen = double.seen();
    assert_eq!(seen.stored[0].document, batch[0].document);
    assert_eq!(seen.stored[1].id, "3-a");
}

#[tokio::test]
async fn each_answer_is_for_its_own_document() {
    let script = |_, message| match message {
        2 => Reaction::Say(r#"{"error":{"code":400,"err_code":10054,"description":"too large"}}"#),
        3 => Reaction::Say(r#"{"error":{"code":503,"err_code":10077,"description":"full"}}"#),
        5 => Reaction::NoResponders,
        6 => Reaction::Say("who are you?"),
        _ => Reaction::Store,
    };
    let double = Double::start(INFO, Box::new(script)).await;
    let mut sink = sink(&double);
    let receipt = send(&mut sink, &entries(1..=7)).await.unwrap();
    assert_eq!(receipt.answer, "stream S has 3");
    assert_eq!(receipt.refused[0].index, 1);
    assert_eq!(receipt.refused.len(), 1);
    assert_eq!(receipt.again, [2, 4, 5]);
    assert!(receipt.delay.unwrap().why.starts_with("full"));
    assert_eq!(ids(&double), ["1-a", "4-a", "7-a"]);
}

#[tokio::test]
async fn a_missing_stream_is_a_reason_to_try_again_and_says_what_to_do() {
    let double = Double::start(INFO, Box::new(|_, _| Reaction::NoResponders)).await;
    let failure = send(&mut sink(&double), &entries(1..=3)).await.unwrap_err();
    assert!(why(failure).contains("create a JetStream stream"));
}

#[tokio::test]
async fn what_a_break_left_unanswered_is_sent_again_and_stored_once() {
    let script = |connection, message| match (connection, message) {
        (1, 3) => Reaction::StoreAndClose,
        _ => Reaction::Store,
    };
    let double = Double::start(INFO, Box::new(script)).await;
    let mut sink = sink(&double);
    let batch = entries(1..=5);
    // The acknowledgements of the first two may be lost with the connection, or not.
    match send(&mut sink, &batch).await {
        Ok(receipt) => {
            assert!(receipt.again.ends_with(&[2, 3, 4]));
            assert!(receipt.delay.unwrap().why.contains(&double.address));
        }
        Err(failure) => assert!(why(failure).contains(&double.address)),
    }
    let receipt = send(&mut sink, &batch).await.unwrap();
    assert_eq!(receipt, Receipt::all("stream S has 5"));
    assert_eq!(ids(&double), expected_ids(1..=5));
}

#[tokio::test]
async fn a_connection_that_was_closed_between_batches_costs_no_failure() {
    let script = |connection, message| match (connection, message) {
        (1, 2) => Reaction::Close,
        _ => Reaction::Store,
    };
    let double = Double::start(INFO, Box::new(script)).await;
    let mut sink = sink(&double);
    send(&mut sink, &entries(1..=1)).await.unwrap();
    let receipt = send(&mut sink, &entries(2..=3)).await.unwrap();
    assert_eq!(receipt, Receipt::all("stream S has 2"));
    assert_eq!(ids(&double), expected_ids(1..=3));
    assert_eq!(double.seen().connections, 2);
}

#[tokio::test]
async fn a_call_that_is_dropped_leaves_the_sink_usable() {
    let script = |connection, message| match (connection, message) {
        (1, 2..) => Reaction::Nothing,
        _ => Reaction::Store,
    };
    let double = Double::start(INFO, Box::new(script)).await;
    let mut sink = sink(&double);
    let batch = entries(1..=4);
    {
        let mut sending = sink.send(&batch);
        // Polled until the server has all and keeps silent about some.
        let silence = async {
            loop {
                tokio::task::yield_now().await;
                if double.seen().messages == 4 {
                    break;
                }
            }
        };
        tokio::select! {
            _ = &mut sending => panic!("nobody answered"),
            () = silence => {}
        }
    }
    let receipt = send(&mut sink, &batch).await.unwrap();
    assert_eq!(receipt, Receipt::all("stream S has 4"));
    assert_eq!(ids(&double), expected_ids(1..=4));
}

#[tokio::test]
async fn an_answer_that_is_repeated_is_not_taken_for_another() {
    let script = |connection, message| match (connection, message) {
        (1, 2) => Reaction::Repeat,
        _ => Reaction::Store,
    };
    let double = Double::start(INFO, Box::new(script)).await;
    let mut sink = sink(&double);
    send(&mut sink, &entries(1..=1)).await.unwrap();
    let batch = entries(2..=2);
    // An answer that comes again is read at once, as the others are.
    timeout(Duration::from_millis(300), sink.send(&batch))
        .await
        .unwrap_err();
    send(&mut sink, &batch).await.unwrap();
    assert_eq!(ids(&double), expected_ids(1..=2));
}

#[tokio::test]
async fn complaints_are_passed_on_with_advice() {
    let words = "Permissions Violation for Publish to \"sensor.x\"";
    let double = Double::start(INFO, Box::new(move |_, _| Reaction::Complain(words))).await;
    let failure = send(&mut sink(&double), &entries(1..=2)).await.unwrap_err();
    let why = why(failure);
    assert!(why.contains("Permissions Violation for Publish"), "{why}");
    assert!(why.contains("permit"), "{why}");
}

#[tokio::test]
async fn a_token_is_shown_and_never_told() {
    let path = env::temp_dir().join(format!("sensor-nats-token-{}", std::process::id()));
    std::fs::write(&path, "s3cr3t\n").unwrap();
    let double = Double::start(INFO, Box::new(|_, _| Reaction::Complain("no"))).await;
    let mut sink = Nats::new(NatsSettings {
        authentication: Authentication::Token(SecretSource::File(path.clone())),
        ..settings(&[&double.address])
    })
    .unwrap();
    let failure = send(&mut sink, &entries(1..=1)).await.unwrap_err();
    assert!(!why(failure).contains("s3cr3t"));
    assert_eq!(double.seen().connects[0]["auth_token"], "s3cr3t");
    // It is read anew for each connection.
    std::fs::remove_file(&path).unwrap();
    let failure = send(&mut sink, &entries(1..=1)).await.unwrap_err();
    assert!(why(failure).contains(&path.display().to_string()));
}

#[tokio::test]
async fn servers_that_do_not_fit_are_refused_in_words() {
    for (info, word) in [
        (r#"{"headers":false,"max_payload":9}"#, "headers"),
        (
            r#"{"headers":true,"max_payload":9,"tls_required":true}"#,
            "TLS only",
        ),
        ("{", "no NATS server"),
    ] {
        let double = Double::start(info, Box::new(|_, _| Reaction::Store)).await;
        let failure = send(&mut sink(&double), &entries(1..=1)).await.unwrap_err();
        let why = why(failure);
        assert!(why.contains(word) && why.contains(&double.address), "{why}");
    }
}

#[tokio::test]
async fn the_next_server_is_tried_and_every_reason_told() {
    let double = Double::start(INFO, Box::new(|_, _| Reaction::Store)).await;
    // Nobody listens on a port that was bound and let go.
    let gone = || {
        std::net::TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .to_string()
    };
    let (first, second) = (gone(), gone());
    let mut sink = Nats::new(settings(&[&first, &double.address, &second])).unwrap();
    send(&mut sink, &entries(1..=1)).await.unwrap();
    assert_eq!(ids(&double), expected_ids(1..=1));
    let mut lost = Nats::new(settings(&[&first, &second])).unwrap();
    let why = why(send(&mut lost, &entries(1..=1)).await.unwrap_err());
    assert!(why.contains(&first) && why.contains(&second), "{why}");
}

#[test]
fn settings_that_cannot_work_are_refused() {
    let wrong = |change: fn(&mut NatsSettings)| {
        let mut settings = settings(&["a"]);
        change(&mut settings);
        Nats::new(settings).err().unwrap();
    };
    wrong(|settings| settings.servers.clear());
    wrong(|settings| settings.subject = "a b".into());
    wrong(|settings| settings.inbox_prefix = "a.{code}".into());
    wrong(|settings| {
        settings.tls = Some(TlsSettings {
            ca_file: Some(PathBuf::from("/nonexistent")),
            ..TlsSettings::default()
        });
    });
}

#[test]
fn a_receipt_says_what_became_of_each() {
    let outcomes = vec![
        Some(Outcome::Refused("r".into())),
        None,
        Some(Outcome::Stored("S".into())),
    ];
    let receipt = receipt(outcomes, Some("broken".into())).unwrap();
    assert_eq!(receipt.again, [1]);
    assert_eq!(receipt.refused[0].index, 0);
    assert_eq!(receipt.delay.unwrap().why, "broken");
}

/// What a server may do to a message before it is acknowledged.
fn mishap() -> impl Strategy<Value = Reaction> {
    prop_oneof![
        6 => Just(Reaction::Store),
        1 => Just(Reaction::StoreAndClose),
        1 => Just(Reaction::Close),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn whatever_breaks_all_is_stored_once_and_in_order(
        mishaps in prop::collection::vec(mishap(), 0..30),
        sizes in prop::collection::vec(1_u64..8, 1..6),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut mishaps = mishaps.into_iter();
            let script = move |_, _| mishaps.next().unwrap_or(Reaction::Store);
            let double = Double::start(INFO, Box::new(script)).await;
            let mut sink = sink(&double);
            let mut place = 0;
            for size in sizes {
                let mut left = entries(place + 1..=place + size);
                place += size;
                while !left.is_empty() {
                    if let Ok(receipt) = send(&mut sink, &left).await {
                        assert_eq!(receipt.refused, []);
                        left = receipt.again.iter().map(|index| left[*index].clone()).collect();
                    }
                }
            }
            assert_eq!(ids(&double), expected_ids(1..=place));
        });
    }
}
