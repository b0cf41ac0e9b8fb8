use std::time::Duration;

use hyper::StatusCode;
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::delivery::{
    doubles::{self, Act, Scrap, Told, Transport, entries, entry, run},
    http::{Compression, Reply},
    sink::Again,
};

fn settings(double: &doubles::Elasticsearch) -> ElasticsearchSettings {
    ElasticsearchSettings {
        http: HttpSettings {
            url: double.server.url(),
            ..HttpSettings::default()
        },
        index: "logs".into(),
        ..ElasticsearchSettings::default()
    }
}

fn start() -> (doubles::Elasticsearch, Elasticsearch) {
    let double = doubles::Elasticsearch::start(Transport::One, None);
    let sink = Elasticsearch::new(&settings(&double)).unwrap();
    (double, sink)
}

fn again(result: Result<Receipt, Failure>) -> Again {
    match result {
        Err(Failure::Again(again)) => again,
        other => panic!("{other:?}"),
    }
}

#[test]
fn documents_are_created_under_their_ids_once() {
    let (double, mut sink) = start();
    run(async {
        let receipt = sink.send(&entries(3)).await.unwrap();
        assert!(receipt.answer.contains("3 created, 0 known"), "{receipt:?}");
        // As if the answer had got lost.
        let receipt = sink.send(&entries(4)).await.unwrap();
        assert!(receipt.answer.contains("1 created, 3 known"), "{receipt:?}");
        assert!(receipt.refused.is_empty() && receipt.again.is_empty());
    });
    let documents = double.documents();
    assert_eq!(documents.len(), 4);
    assert_eq!(documents["id-3"], json!({ "n": 3 }));
    let query = &double.server.asked()[0].query;
    assert!(query.starts_with("filter_path=errors,"), "{query}");
}

#[test]
fn an_answer_that_got_lost_makes_no_duplicates() {
    let (double, mut sink) = start();
    run(async {
        double.server.script([Act::TakeAndHangUp]);
        again(sink.send(&entries(2)).await);
        assert_eq!(double.documents().len(), 2);
        let receipt = sink.send(&entries(2)).await.unwrap();
        assert!(receipt.answer.contains("0 created, 2 known"), "{receipt:?}");
    });
    assert_eq!(double.documents().len(), 2);
}

#[test]
fn who_it_is_and_which_pipeline_is_said() {
    let password = Scrap::new("secret\n");
    for (authorization, said) in [
        (
            Authorization::Basic {
                user: "elastic".into(),
                password: password.secret(),
            },
            // `elastic:secret`
            "Basic ZWxhc3RpYzpzZWNyZXQ=",
        ),
        (Authorization::ApiKey(password.secret()), "ApiKey secret"),
    ] {
        let double = doubles::Elasticsearch::start(Transport::One, Some(said));
        let mut settings = settings(&double);
        settings.http.compression = Compression::Gzip;
        settings.authorization = authorization;
        settings.pipeline = Some("geo-ip".into());
        let mut sink = Elasticsearch::new(&settings).unwrap();
        run(sink.send(&entries(20))).unwrap();
        assert_eq!(double.documents().len(), 20);
        let asked = double.server.asked();
        assert_eq!(asked[0].headers["content-encoding"], "gzip");
        assert!(asked[0].query.ends_with("&pipeline=geo-ip"));
        settings.authorization = Authorization::Nobody;
        let mut sink = Elasticsearch::new(&settings).unwrap();
        let why = run(async { again(sink.send(&entries(1)).await).why });
        assert!(
            why.contains("security_exception missing authentication"),
            "{why}"
        );
        assert!(why.contains("does not let the sensor in"), "{why}");
    }
}

#[test]
fn each_document_has_a_fate_of_its_own() {
    let (double, mut sink) = start();
    let error = |kind: &str, reason: &str| json!({ "type": kind, "reason": reason });
    for (id, status, error) in [
        (
            "id-2",
            400,
            error("document_parsing_exception", "failed to parse\nfield [n]"),
        ),
        (
            "id-3",
            429,
            error("es_rejected_execution_exception", "queue is full"),
        ),
        (
            "id-4",
            503,
            error("unavailable_shards_exception", "no primary"),
        ),
        ("id-5", 403, error("cluster_block_exception", "read-only")),
        (
            "id-6",
            400,
            error(
                "illegal_argument_exception",
                "pipeline with id [x] does not exist",
            ),
        ),
        ("id-7", 400, json!("MapperParsingException[text of old]")),
        ("id-8", 413, json!({ "type": 7 })),
    ] {
        double.fault(id, status, error);
    }
    let mut batch = entries(9);
    batch[0] = entry(1, "no object");
    let receipt = run(sink.send(&batch)).unwrap();
    let refused: Vec<_> = receipt
        .refused
        .iter()
        .map(|refused| refused.index)
        .collect();
    assert_eq!(refused, [0, 1, 6, 7]);
    assert_eq!(
        receipt.refused[1].why,
        "400 document_parsing_exception failed to parse field [n]"
    );
    assert!(receipt.refused[2].why.contains("text of old"));
    assert_eq!(receipt.again, [2, 3, 4, 5]);
    let delay = receipt.delay.unwrap();
    assert!(delay.why.contains("queue is full"), "{delay:?}");
    assert_eq!(double.documents().len(), 1);
    double.mend();
    let rest: Vec<_> = receipt
        .again
        .iter()
        .map(|index| batch[*index].clone())
        .collect();
    let receipt = run(sink.send(&rest)).unwrap();
    assert!(receipt.again.is_empty());
    assert_eq!(double.documents().len(), 5);
}

#[test]
fn documents_wait_for_an_index_that_is_not_there() {
    let double = doubles::Elasticsearch::start(Transport::One, None);
    let mut settings = settings(&double);
    settings.index = "not-there".into();
    let mut sink = Elasticsearch::new(&settings).unwrap();
    let receipt = run(sink.send(&entries(2))).unwrap();
    assert_eq!(receipt.again, [0, 1]);
    assert!(
        receipt
            .delay
            .unwrap()
            .why
            .contains("no such index [not-there]")
    );
}

#[test]
fn who_does_not_tell_of_each_document_is_believed_only_if_there_are_no_errors() {
    let (double, mut sink) = start();
    double.be_lax();
    run(async {
        let receipt = sink.send(&entries(3)).await.unwrap();
        assert!(receipt.again.is_empty() && receipt.refused.is_empty());
        assert_eq!(double.documents().len(), 3);
        double.fault("id-5", 400, json!({}));
        let why = again(sink.send(&entries(5)).await).why;
        assert!(why.contains("1 documents are spoken of where 5"), "{why}");
    });
}

#[test]
fn refusals_of_the_whole_are_told_apart() {
    let (double, mut sink) = start();
    run(async {
        let error = json!({ "error": { "type": "circuit_breaking_exception", "reason": "full" } });
        let busy = Told::json(429, &error).with("retry-after", "3");
        double.server.script([Act::Answer(busy)]);
        let told = again(sink.send(&entries(2)).await);
        assert_eq!(told.after, Some(Duration::from_secs(3)));
        assert!(
            told.why.contains("circuit_breaking_exception full"),
            "{told:?}"
        );
        double.server.script([Act::Answer(Told::new(413, ""))]);
        let result = sink.send(&entries(2)).await;
        assert!(matches!(result, Err(Failure::TooLarge(_))), "{result:?}");
        double.server.script([Act::Answer(Told::json(400, &error))]);
        let result = sink.send(&entries(2)).await;
        assert!(matches!(result, Err(Failure::Malformed(_))), "{result:?}");
        for odd in ["", "<html>Sign in</html>", "{}", "[]", r#"{"errors":1}"#] {
            double.server.script([Act::Answer(Told::new(200, odd))]);
            let why = again(sink.send(&entries(2)).await).why;
            assert!(why.contains("no answer of `_bulk`"), "{why}");
        }
        // Half a batch has half an answer; of one document no answer is that long.
        double
            .server
            .script([Act::Flood(2 << 20), Act::Flood(2 << 20)]);
        let result = sink.send(&entries(2)).await;
        assert!(matches!(result, Err(Failure::TooLarge(_))), "{result:?}");
        again(sink.send(&entries(1)).await);
        sink.send(&entries(1)).await.unwrap();
    });
}

#[test]
fn names_that_cannot_be_are_refused_at_once() {
    let double = doubles::Elasticsearch::start(Transport::One, None);
    for (index, pipeline) in [
        ("", None),
        ("a/b", None),
        ("a", Some("b&c")),
        ("a", Some("")),
    ] {
        let mut settings = settings(&double);
        settings.index = index.into();
        settings.pipeline = pipeline.map(str::to_owned);
        assert!(Elasticsearch::new(&settings).is_err(), "{settings:?}");
    }
}

/// What is made of an answer to three documents.
fn judge(status: u16, body: &[u8]) -> Result<Receipt, Failure> {
    let reply = Reply {
        address: "http://a:1".into(),
        status: StatusCode::from_u16(status).unwrap(),
        headers: HeaderMap::new(),
        body: body.to_vec().into(),
        trailers: HeaderMap::new(),
        whole: true,
    };
    answer::receipt(&reply, Screened::objects(&entries(3)))
}

/// Something like the items of an answer.
fn item() -> impl Strategy<Value = serde_json::Value> {
    let status = prop_oneof![Just(201_u16), Just(409), Just(429), Just(400), any::<u16>()];
    let error = prop_oneof![
        Just(json!(null)),
        any::<String>().prop_map(|reason| json!({ "type": reason, "reason": reason })),
        any::<String>().prop_map(serde_json::Value::from),
        any::<i64>().prop_map(|number| json!([number])),
    ];
    (status, error)
        .prop_map(|(status, error)| json!({ "create": { "status": status, "error": error } }))
}

proptest! {
    #[test]
    fn no_answer_does_harm(status in 100_u16..1000, body: Vec<u8>) {
        let _ = judge(status, &body);
    }

    #[test]
    fn every_document_has_one_fate(
        items in prop::collection::vec(item(), 0..6),
        errors: bool,
    ) {
        let count = items.len();
        let body = json!({ "errors": errors, "items": items }).to_string();
        match judge(200, body.as_bytes()) {
            Ok(receipt) => {
                let refused = receipt.refused.iter().map(|refused| refused.index);
                let mut all: Vec<_> = refused.chain(receipt.again.iter().copied()).collect();
                let named = all.len();
                all.sort_unstable();
                all.dedup();
                prop_assert_eq!(all.len(), named);
                prop_assert!(all.iter().all(|index| *index < 3));
                prop_assert_eq!(receipt.delay.is_some(), !receipt.again.is_empty());
            }
            Err(_) => prop_assert!(count != 3 && errors),
        }
    }

    #[test]
    fn any_id_is_written_as_it_is(id: String) {
        let double = Target { _index: "logs", _id: &id };
        let line = serde_json::to_string(&Action { create: double }).unwrap();
        prop_assert!(!line.contains('\n'));
        let read: serde_json::Value = serde_json::from_str(&line).unwrap();
        prop_assert_eq!(read["create"]["_id"].as_str(), Some(id.as_str()));
    }
}
