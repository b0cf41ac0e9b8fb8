use std::time::Duration;

use hyper::StatusCode;
use proptest::prelude::*;
use serde_json::json;

use super::{messages::*, *};
use crate::delivery::{
    doubles::{
        Act, Authority, Collector, Flaw, Identity, Told, Transport, entries, entry, grpc_failure,
        run,
    },
    http::{HeaderSource, Reply},
    sink::Again,
};

fn settings(double: &Collector, transport: OtlpTransport) -> OtlpSettings {
    OtlpSettings {
        http: HttpSettings {
            url: double.server.url(),
            ..HttpSettings::default()
        },
        transport,
        host_name: "web-1".into(),
        ..OtlpSettings::default()
    }
}

fn start(transport: OtlpTransport) -> (Collector, Otlp) {
    let double = Collector::start(match transport {
        OtlpTransport::Grpc => Transport::Two,
        OtlpTransport::Http => Transport::One,
    });
    let sink = Otlp::new(&settings(&double, transport)).unwrap();
    (double, sink)
}

fn again(result: Result<Receipt, Failure>) -> Again {
    match result {
        Err(Failure::Again(again)) => again,
        other => panic!("{other:?}"),
    }
}

/// What the receiver has of `key`.
fn text<'a>(attributes: &'a [KeyValue], key: &str) -> Option<&'a str> {
    let found = attributes.iter().find(|attribute| attribute.key == key)?;
    found.value.as_ref()?.string_value.as_deref()
}

/// From hexadecimal digits.
fn bytes(digits: &str) -> Vec<u8> {
    (0..digits.len() / 2)
        .map(|place| u8::from_str_radix(&digits[2 * place..2 * place + 2], 16).unwrap())
        .collect()
}

#[test]
fn messages_are_those_of_the_protocol() {
    // As the protocol's own implementation in Python writes them.
    let request = bytes(
        "0a630a120a100a09686f73742e6e616d6512030a0168124d0a0b0a0673656e736f72120131123e0901000000000000\
         00100d1a066d656469756d2a040a027b7d32120a086576656e742e696412060a0469642d3159020000000000000062\
         06746573746564",
    );
    let attribute = |key: &str, value: &str| KeyValue {
        key: key.into(),
        value: Some(AnyValue {
            string_value: Some(value.into()),
        }),
    };
    let record = LogRecord {
        time_unix_nano: 1,
        observed_time_unix_nano: 2,
        severity_number: 13,
        severity_text: "medium".into(),
        body: Some(AnyValue {
            string_value: Some("{}".into()),
        }),
        attributes: vec![attribute("event.id", "id-1")],
        event_name: "tested".into(),
    };
    let ours = ExportRequest {
        resource_logs: vec![ResourceLogs {
            resource: Some(Resource {
                attributes: vec![attribute("host.name", "h")],
            }),
            scope_logs: vec![ScopeLogs {
                scope: Some(Scope {
                    name: "sensor".into(),
                    version: "1".into(),
                }),
                log_records: vec![record],
            }],
        }],
    };
    assert_eq!(ExportRequest::decode(&*request).unwrap(), ours);
    assert_eq!(ours.encode_to_vec(), request);
    let response = ExportResponse::decode(&*bytes("0a06080312026e6f")).unwrap();
    let partial = response.partial_success.unwrap();
    assert_eq!(
        (partial.rejected_log_records, &*partial.error_message),
        (3, "no")
    );
}

#[test]
fn documents_become_records() {
    for transport in [OtlpTransport::Grpc, OtlpTransport::Http] {
        for compression in [Compression::None, Compression::Gzip] {
            let (double, _) = start(transport);
            let mut settings = settings(&double, transport);
            settings.http.compression = compression;
            settings.headers = vec![Header {
                name: "x-tenant".into(),
                value: HeaderSource::Literal("blue".into()),
            }];
            let mut sink = Otlp::new(&settings).unwrap();
            run(async {
                sink.send(&entries(2)).await.unwrap();
                sink.send(&[entry(3, "plain text")]).await.unwrap();
            });
            let records = double.records();
            assert_eq!(records.len(), 3);
            let (resource, record) = &records[1];
            assert_eq!(text(&resource.attributes, "service.name"), Some("sensor"));
            assert_eq!(text(&resource.attributes, "host.name"), Some("web-1"));
            assert_eq!(text(&resource.attributes, "host.id"), None);
            assert_eq!(text(&record.attributes, "event.id"), Some("id-2"));
            assert_eq!(text(&record.attributes, "event.name"), Some("tested"));
            assert_eq!(record.event_name, "tested");
            assert_eq!(record.time_unix_nano, 1_795_491_380_123_456_789);
            assert!(record.observed_time_unix_nano > 1_700_000_000_000_000_000);
            assert_eq!(
                (record.severity_number, &*record.severity_text),
                (13, "medium")
            );
            let body = |record: &LogRecord| record.body.clone().unwrap().string_value.unwrap();
            assert_eq!(body(record), r#"{"n":2}"#);
            assert_eq!(body(&records[2].1), "plain text");
            let asked = double.server.asked();
            assert_eq!(asked[0].headers["x-tenant"], "blue");
            assert_eq!(double.server.connections(), 1);
        }
    }
}

#[test]
fn what_was_rejected_is_counted_right() {
    for transport in [OtlpTransport::Grpc, OtlpTransport::Http] {
        let (double, mut sink) = start(transport);
        run(async {
            double.reject(1, "too old\n(by a year)");
            let receipt = sink.send(&entries(3)).await.unwrap();
            assert_eq!(receipt.refused.len(), 1);
            let why = &receipt.refused[0].why;
            assert_eq!(
                why,
                "1 of 3 records, this one or others: too old (by a year)"
            );
            assert!(receipt.again.is_empty());
            // All of them are known.
            double.reject(5, "too old");
            let receipt = sink.send(&entries(3)).await.unwrap();
            let refused: Vec<_> = receipt
                .refused
                .iter()
                .map(|refused| refused.index)
                .collect();
            assert_eq!(refused, [0, 1, 2]);
            assert_eq!(receipt.refused[0].why, "too old");
            // A warning, and nonsense.
            for count in [0, -1] {
                double.reject(count, "use the other port");
                let receipt = sink.send(&entries(3)).await.unwrap();
                assert!(receipt.refused.is_empty());
                assert!(receipt.answer.contains("use the other port"));
            }
        });
    }
}

#[test]
fn codes_of_grpc_are_told_apart_as_the_specification_has_it() {
    let (double, mut sink) = start(OtlpTransport::Grpc);
    // `RetryInfo` of 7.5 seconds, in a status that `googleapis` wrote.
    let details =
        "CA4SBGJ1c3kaNgoodHlwZS5nb29nbGVhcGlzLmNvbS9nb29nbGUucnBjLlJldHJ5SW5mbxIKCggIBxCAyrXuAQ==";
    run(async {
        for details in [details, details.trim_end_matches('=')] {
            for code in [8, 14] {
                let told = grpc_failure(code, "busy", Some(details.into()));
                double.server.script([Act::Answer(told)]);
                let told = again(sink.send(&entries(1)).await);
                assert_eq!(told.after, Some(Duration::from_millis(7500)));
                assert!(told.why.contains("busy"), "{told:?}");
            }
        }
        for code in 1..=16 {
            let told = grpc_failure(code, "be\nso", None);
            double.server.script([Act::Answer(told)]);
            let failure = sink.send(&entries(1)).await.unwrap_err();
            let why = match (code, failure) {
                (1 | 4 | 5 | 7 | 10 | 11 | 12 | 14 | 15 | 16, Failure::Again(again)) => again.why,
                (8, Failure::TooLarge(why)) => why,
                (2 | 3 | 6 | 9 | 13, Failure::Malformed(why)) => why,
                other => panic!("{other:?}"),
            };
            assert!(why.contains(&format!("code {code}: be so")), "{why}");
            assert!(why.contains(&double.server.url()), "{why}");
        }
        // What stands before it, and is no gRPC.
        for (status, words) in [(502, "502"), (404, "URL"), (200, "no status of gRPC")] {
            double
                .server
                .script([Act::Answer(Told::new(status, "<html>"))]);
            let why = again(sink.send(&entries(1)).await).why;
            assert!(why.contains(words), "{why}");
        }
        sink.send(&entries(1)).await.unwrap();
    });
    assert_eq!(double.records().len(), 1);
}

#[test]
fn statuses_of_http_are_told_apart_as_the_specification_has_it() {
    let (double, mut sink) = start(OtlpTransport::Http);
    let status = Status {
        code: 3,
        message: "not\nso".into(),
        details: Vec::new(),
    };
    run(async {
        for code in [401, 403, 404, 408, 429, 502, 503, 504] {
            let told = Told::new(code, status.encode_to_vec()).with("retry-after", "3");
            double.server.script([Act::Answer(told)]);
            let told = again(sink.send(&entries(1)).await);
            let after = (code > 404).then_some(Duration::from_secs(3));
            assert_eq!(told.after, after, "{code}");
            assert!(told.why.contains("not so"), "{told:?}");
        }
        for code in [400, 500, 501] {
            double.server.script([Act::Answer(Told::new(code, ""))]);
            let result = sink.send(&entries(1)).await;
            assert!(matches!(result, Err(Failure::Malformed(_))), "{result:?}");
        }
        double.server.script([Act::Answer(Told::new(413, ""))]);
        let result = sink.send(&entries(1)).await;
        assert!(matches!(result, Err(Failure::TooLarge(_))), "{result:?}");
        double
            .server
            .script([Act::Answer(Told::new(200, "<html>Sign in</html>"))]);
        let why = again(sink.send(&entries(1)).await).why;
        assert!(why.contains("no answer of OTLP"), "{why}");
        for (body, refused) in [
            (json!({}), 0),
            (json!({ "partialSuccess": {} }), 0),
            (
                json!({ "partialSuccess": { "rejectedLogRecords": "1" } }),
                1,
            ),
            (
                json!({ "partialSuccess": { "rejectedLogRecords": 2, "errorMessage": "x" } }),
                2,
            ),
        ] {
            double.server.script([Act::Answer(Told::json(200, &body))]);
            let receipt = sink.send(&entries(2)).await.unwrap();
            assert_eq!(receipt.refused.len(), refused, "{body}");
        }
    });
}

#[test]
fn a_call_that_is_dropped_or_breaks_off_leaves_the_sink_usable() {
    let (double, mut sink) = start(OtlpTransport::Grpc);
    run(async {
        let batch = entries(1);
        double.server.script([Act::Silence]);
        tokio::select! {
            result = sink.send(&batch) => panic!("{result:?}"),
            () = double.server.heard(1) => {}
        }
        double.server.script([Act::HangUp]);
        again(sink.send(&batch).await);
        let half = Told::new(200, "one half and another");
        double.server.script([Act::BreakOff(half)]);
        again(sink.send(&batch).await);
        double.server.script([Act::Flood(4 << 20)]);
        again(sink.send(&batch).await);
        sink.send(&batch).await.unwrap();
    });
    assert_eq!(double.records().len(), 1);
}

#[test]
fn grpc_needs_http_2_over_tls_too() {
    let authority = Authority::new("authority");
    let certified = authority.certify(Flaw::None);
    let cases: [(&[&[u8]], Option<&str>); 3] = [
        (&[b"h2"], None),
        (
            &[b"http/1.1"],
            Some("does not speak the version of HTTP that is needed"),
        ),
        (&[], Some("does not speak HTTP/2 over TLS")),
    ];
    for (alpn, words) in cases {
        let identity = Identity {
            certified: &certified,
            clients: None,
        };
        let double = Collector::start(Transport::Tls(identity, alpn));
        let mut settings = settings(&double, OtlpTransport::Grpc);
        settings.http.tls = authority.trusted();
        let mut sink = Otlp::new(&settings).unwrap();
        let result = run(sink.send(&entries(1)));
        match words {
            None => {
                result.unwrap();
                assert_eq!(double.records().len(), 1);
            }
            Some(words) => {
                let why = again(result).why;
                assert!(
                    why.contains(words) && why.contains(&double.server.url()),
                    "{why}"
                );
            }
        }
    }
}

#[test]
fn who_speaks_http_1_only_is_told_apart() {
    let double = Collector::start(Transport::One);
    let mut sink = Otlp::new(&settings(&double, OtlpTransport::Grpc)).unwrap();
    let why = run(async { again(sink.send(&entries(1)).await).why });
    assert!(why.contains(&double.server.url()), "{why}");
    assert!(!why.contains('\n'), "{why}");
}

proptest! {
    #[test]
    fn no_answer_does_harm(
        status in 100_u16..1000,
        body: Vec<u8>,
        json: bool,
        code in prop::option::of(any::<u16>()),
        details: Vec<u8>,
        whole: bool,
    ) {
        let mut headers = HeaderMap::new();
        if json {
            headers.insert("content-type", HeaderValue::from_static("application/json"));
        }
        if let Some(code) = code {
            headers.insert("grpc-status", HeaderValue::from(code % 20));
        }
        if let Ok(details) = HeaderValue::from_bytes(&details) {
            headers.insert("grpc-message", details.clone());
            headers.insert("grpc-status-details-bin", details);
        }
        let reply = Reply {
            address: "http://a:1".into(),
            status: StatusCode::from_u16(status).unwrap(),
            headers,
            body: body.into(),
            trailers: HeaderMap::new(),
            whole,
        };
        for receipt in [answer::over_http(&reply, 3), answer::over_grpc(&reply, 3)]
            .into_iter()
            .flatten()
        {
            prop_assert!(receipt.refused.iter().all(|refused| refused.index < 3));
        }
    }
}
