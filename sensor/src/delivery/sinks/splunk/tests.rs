use hyper::StatusCode;
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::delivery::{
    doubles::{self, Act, Scrap, Told, Transport, entries, entry, run},
    http::{Compression, Reply},
    sink::Again,
};

/// A collector, a sink that writes to it, and the file with the token.
struct Pair {
    double: doubles::Splunk,
    token: Scrap,
    settings: SplunkSettings,
}

impl Pair {
    fn new() -> Self {
        let double = doubles::Splunk::start(Transport::One);
        let token = Scrap::new(doubles::Splunk::SECRET);
        let settings = SplunkSettings {
            http: HttpSettings {
                url: double.server.url(),
                ..HttpSettings::default()
            },
            token: token.secret(),
            documents: Documents::Json,
            index: None,
            source: None,
            sourcetype: None,
            host: None,
            acknowledgement: None,
        };
        Self {
            double,
            token,
            settings,
        }
    }

    fn acknowledged(mut self) -> Self {
        self.settings.acknowledgement = Some(Acknowledgement {
            interval: Duration::from_millis(5),
            limit: Duration::from_secs(30),
        });
        self
    }

    fn sink(&self) -> Splunk {
        Splunk::new(&self.settings).unwrap()
    }
}

fn again(result: Result<Receipt, Failure>) -> Again {
    match result {
        Err(Failure::Again(again)) => again,
        other => panic!("{other:?}"),
    }
}

#[test]
fn events_arrive_with_what_is_set() {
    let mut pair = Pair::new();
    pair.settings.http.compression = Compression::Gzip;
    pair.settings.index = Some("main".into());
    pair.settings.source = Some("sensor".into());
    pair.settings.sourcetype = Some("_json".into());
    pair.settings.host = Some("web-1".into());
    let mut sink = pair.sink();
    let receipt = run(sink.send(&entries(20))).unwrap();
    assert!(receipt.answer.contains("Success"), "{receipt:?}");
    let asked = pair.double.server.asked();
    assert_eq!(asked[0].headers["content-encoding"], "gzip");
    let events = pair.double.events();
    assert_eq!(events.len(), 20);
    assert_eq!(
        events[1],
        json!({
            "time": 1_795_491_380.123_456,
            "event": { "n": 2 },
            "host": "web-1",
            "index": "main",
            "source": "sensor",
            "sourcetype": "_json",
        })
    );
    pair.settings.documents = Documents::Text;
    let mut sink = pair.sink();
    run(sink.send(&[entry(3, "CEF:0|a")])).unwrap();
    assert_eq!(pair.double.events()[20]["event"], "CEF:0|a");
}

#[test]
fn an_event_that_is_not_understood_is_refused_alone() {
    let pair = Pair::new();
    let mut sink = pair.sink();
    let batch = [entry(1, "{}"), entry(2, r#""""#), entry(3, "{}")];
    let receipt = run(sink.send(&batch)).unwrap();
    assert_eq!(receipt.refused.len(), 1);
    assert_eq!(receipt.refused[0].index, 1);
    assert_eq!(
        receipt.refused[0].why,
        "Event field cannot be blank, code 13"
    );
    assert_eq!(receipt.again, [0, 2]);
    let batch = [entry(1, "{}"), entry(2, "{nonsense")];
    let receipt = run(sink.send(&batch)).unwrap();
    assert_eq!(receipt.refused[0].index, 1);
    assert!(
        receipt.refused[0]
            .why
            .contains("Invalid data format, code 6")
    );
    assert_eq!(receipt.again, [0]);
    assert!(pair.double.events().is_empty());
}

#[test]
fn codes_say_what_to_do() {
    let mut pair = Pair::new();
    pair.settings.index = Some("other".into());
    let mut sink = pair.sink();
    let (double, token) = (&pair.double, &pair.token);
    run(async {
        let why = again(sink.send(&entries(1)).await).why;
        assert!(
            why.contains("code 7") && why.contains("allow it for the token"),
            "{why}"
        );
        token.write("b0221cd8-c4b4-465a-9a3c-273e3a75aa28");
        for (told, words) in [
            (
                doubles::Splunk::code(403, 1, "Token disabled"),
                "enable the token",
            ),
            (
                doubles::Splunk::code(401, 3, "Invalid authorization"),
                "not let the sensor in",
            ),
            (
                doubles::Splunk::code(403, 4, "Invalid token"),
                "correct the token",
            ),
            (
                doubles::Splunk::code(500, 8, "Internal server error"),
                "Internal server error",
            ),
            (
                doubles::Splunk::code(400, 10, "Data channel is missing"),
                "set `acknowledgement` too",
            ),
            (
                doubles::Splunk::code(400, 11, "Invalid data channel"),
                "channel",
            ),
            (
                doubles::Splunk::code(400, 14, "ACK is disabled"),
                "turn indexer acknowledgement on",
            ),
            (
                doubles::Splunk::code(503, 23, "Server is shutting down"),
                "shutting down",
            ),
            (
                doubles::Splunk::code(200, 17, "HEC is healthy"),
                "no answer to events",
            ),
            (
                Told::new(404, "<html>404</html>"),
                "is the URL the right one?",
            ),
            (
                Told::new(200, "<html>Sign in</html>"),
                "no answer of a collector",
            ),
        ] {
            double.server.script([Act::Answer(told)]);
            let why = again(sink.send(&entries(1)).await).why;
            assert!(
                why.contains(words) && why.contains(&double.server.url()),
                "{why}"
            );
            assert!(!why.contains('\n'), "{why}");
        }
        let busy = doubles::Splunk::code(503, 9, "Server is busy").with("retry-after", "5");
        double.server.script([Act::Answer(busy)]);
        let told = again(sink.send(&entries(1)).await);
        assert_eq!(told.after, Some(Duration::from_secs(5)));
        assert!(told.why.contains("Server is busy, code 9"), "{told:?}");
        double
            .server
            .script([Act::Answer(Told::new(413, "Content-Length too large"))]);
        let result = sink.send(&entries(1)).await;
        assert!(matches!(result, Err(Failure::TooLarge(_))), "{result:?}");
        let odd = doubles::Splunk::code(400, 6, "Invalid data format");
        double.server.script([Act::Answer(odd)]);
        let result = sink.send(&entries(1)).await;
        assert!(matches!(result, Err(Failure::Malformed(_))), "{result:?}");
    });
    assert!(double.events().is_empty());
}

#[test]
fn events_count_when_they_are_indexed() {
    let pair = Pair::new().acknowledged();
    pair.double.acknowledge(3);
    let mut sink = pair.sink();
    run(async {
        for _ in 0..2 {
            let receipt = sink.send(&entries(2)).await.unwrap();
            assert!(receipt.answer.contains("indexed"), "{receipt:?}");
        }
    });
    assert_eq!(pair.double.events().len(), 4);
    let asked = pair.double.server.asked();
    // For each batch, events once and the acknowledgement three times, all on one channel.
    assert_eq!(asked.len(), 8);
    let channel = &asked[0].headers["x-splunk-request-channel"];
    assert!(
        asked
            .iter()
            .all(|asked| asked.headers["x-splunk-request-channel"] == channel)
    );
    assert_eq!(pair.double.server.connections(), 1);
}

#[test]
fn events_that_are_not_indexed_in_time_are_sent_again() {
    let mut pair = Pair::new().acknowledged();
    pair.settings.acknowledgement = Some(Acknowledgement {
        interval: Duration::from_millis(5),
        limit: Duration::from_millis(30),
    });
    pair.double.acknowledge(u32::MAX);
    let mut sink = pair.sink();
    let why = run(async { again(sink.send(&entries(1)).await).why });
    assert!(why.contains("has not indexed events within 30ms"), "{why}");
    pair.double.acknowledge(1);
    run(sink.send(&entries(1))).unwrap();
}

#[test]
fn a_wait_that_is_dropped_leaves_the_sink_usable() {
    let pair = Pair::new().acknowledged();
    pair.double.acknowledge(u32::MAX);
    let mut sink = pair.sink();
    run(async {
        let batch = entries(1);
        tokio::select! {
            result = sink.send(&batch) => panic!("{result:?}"),
            () = pair.double.server.heard(4) => {}
        }
        pair.double.acknowledge(1);
        sink.send(&entries(1)).await.unwrap();
    });
}

#[test]
fn without_the_acknowledgement_that_is_wanted_no_more_is_sent_after_the_first_batch() {
    let pair = Pair::new().acknowledged();
    let mut sink = pair.sink();
    run(async {
        let receipt = sink.send(&entries(1)).await.unwrap();
        assert!(
            receipt.answer.contains("without an acknowledgement"),
            "{receipt:?}"
        );
        for _ in 0..2 {
            let why = again(sink.send(&entries(1)).await).why;
            assert!(why.contains("turn indexer acknowledgement on"), "{why}");
        }
        assert_eq!(pair.double.events().len(), 1);
        pair.double.acknowledge(1);
        sink.send(&entries(1)).await.unwrap();
    });
    assert_eq!(pair.double.events().len(), 2);
}

#[test]
fn a_token_with_acknowledgement_wants_it_set() {
    let pair = Pair::new();
    pair.double.acknowledge(1);
    let mut sink = pair.sink();
    let why = run(async { again(sink.send(&entries(1)).await).why });
    assert!(
        why.contains("code 10") && why.contains("set `acknowledgement` too"),
        "{why}"
    );
    assert!(pair.double.events().is_empty());
}

proptest! {
    #[test]
    fn no_answer_does_harm(
        status in 100_u16..1000,
        body in prop_oneof![
            any::<Vec<u8>>(),
            (any::<u32>(), any::<Option<u64>>(), any::<String>()).prop_map(|(code, index, text)| {
                let code = code % 30;
                json!({ "code": code, "invalid-event-number": index, "text": text })
                    .to_string()
                    .into_bytes()
            }),
        ],
    ) {
        let reply = Reply {
            address: "http://a:1".into(),
            status: StatusCode::from_u16(status).unwrap(),
            headers: HeaderMap::new(),
            body: body.into(),
            trailers: HeaderMap::new(),
            whole: true,
        };
        let _ = answer::failure_of(&reply);
        let _ = answer::is_disabled(&reply);
        if let Ok(Accepted::Parts(receipt)) = answer::read(&reply, 3) {
            prop_assert_eq!(receipt.refused.len() + receipt.again.len(), 3);
            prop_assert!(receipt.refused[0].index < 3);
        }
    }
}
