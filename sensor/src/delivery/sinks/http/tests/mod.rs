//! Posts to a receiver of lines, and whatever may go wrong with a connection on the way.

mod connection;
mod trust;
mod wire;

use std::time::Duration;

use super::*;
use crate::delivery::{
    doubles::{Act, Lines, Scrap, Told, Transport, entries, entry, run},
    http::{Compression, HeaderSource},
    sink::Again,
};

fn settings(url: &str) -> HttpSinkSettings {
    HttpSinkSettings {
        http: HttpSettings {
            url: format!("{url}/ingest"),
            ..HttpSettings::default()
        },
        ..HttpSinkSettings::default()
    }
}

fn sink(url: &str) -> HttpSink {
    HttpSink::new(&settings(url)).unwrap()
}

/// Why something is to be tried again.
fn again(result: Result<Receipt, Failure>) -> Again {
    match result {
        Err(Failure::Again(again)) => again,
        other => panic!("{other:?}"),
    }
}

#[test]
fn documents_arrive_in_their_order_one_on_a_line() {
    let double = Lines::start(
        Transport::One,
        &[
            ("authorization", "Bearer s3cr3t"),
            ("x-tenant", "blue"),
            ("content-type", "text/plain"),
        ],
    );
    let token = Scrap::new("s3cr3t\n");
    let batch = entries(100);
    for compression in [Compression::None, Compression::Gzip] {
        let mut settings = settings(&double.server.url());
        settings.http.compression = compression;
        settings.authorization = Authorization::Bearer(token.secret());
        settings.content_type = "text/plain".into();
        settings.headers = vec![Header {
            name: "X-Tenant".into(),
            value: HeaderSource::Literal("blue".into()),
        }];
        let mut sink = HttpSink::new(&settings).unwrap();
        let receipt = run(sink.send(&batch)).unwrap();
        assert!(receipt.answer.contains("204"), "{}", receipt.answer);
        assert!(receipt.refused.is_empty() && receipt.again.is_empty());
    }
    let expected = (1..=100).chain(1..=100);
    let expected = expected.map(|number| format!(r#"{{"n":{number}}}"#));
    assert_eq!(double.lines(), expected.collect::<Vec<_>>());
    let asked = double.server.asked();
    assert_eq!(asked[0].headers.get("content-encoding"), None);
    assert_eq!(asked[1].headers["content-encoding"], "gzip");
}

#[test]
fn what_would_be_two_lines_is_refused_alone() {
    let double = Lines::start(Transport::One, &[]);
    let batch = [entry(1, "a"), entry(2, "b\nc"), entry(3, "d")];
    let mut sink = sink(&double.server.url());
    let receipt = run(async {
        let receipt = sink.send(&batch).await.unwrap();
        // There is nothing to send here.
        let alone = sink.send(&batch[1..2]).await.unwrap();
        assert_eq!(alone.refused.len(), 1);
        receipt
    });
    assert_eq!(double.lines(), ["a", "d"]);
    assert_eq!(receipt.refused.len(), 1);
    assert_eq!(receipt.refused[0].index, 1);
    assert_eq!(double.server.asked().len(), 1);
}

#[test]
fn statuses_are_told_apart() {
    let double = Lines::start(Transport::One, &[]);
    let address = double.server.url();
    let mut sink = sink(&address);
    run(async {
        for (told, after) in [
            (
                Told::new(429, "slow down").with("retry-after", "7"),
                Some(7),
            ),
            (Told::new(503, "").with("retry-after", "0"), Some(0)),
            (Told::new(503, "later").with("retry-after", "later"), None),
            (Told::new(500, "a\nb"), None),
            (Told::new(504, ""), None),
            (Told::new(408, ""), None),
            (Told::new(401, ""), None),
            (Told::new(403, ""), None),
            (Told::new(404, "<html>"), None),
            (
                Told::new(302, "").with("location", "http://elsewhere"),
                None,
            ),
        ] {
            let status = told.status.to_string();
            double.server.script([Act::Answer(told)]);
            let Again { why, after: asked } = again(sink.send(&entries(1)).await);
            assert_eq!(asked, after.map(Duration::from_secs), "{status}");
            assert!(why.contains(&status) && why.contains(&address), "{why}");
            assert!(!why.contains('\n'), "{why}");
        }
        double
            .server
            .script([Act::Answer(Told::new(413, "too much"))]);
        let result = sink.send(&entries(2)).await;
        assert!(matches!(result, Err(Failure::TooLarge(why)) if why.contains("too much")));
        double.server.script([Act::Answer(Told::new(400, "odd"))]);
        let result = sink.send(&entries(2)).await;
        assert!(matches!(result, Err(Failure::Malformed(why)) if why.contains("odd")));
        sink.send(&entries(1)).await.unwrap();
    });
    assert_eq!(double.lines().len(), 1);
}

#[test]
fn settings_that_cannot_be_right_are_refused_at_once() {
    for change in [
        |settings: &mut HttpSinkSettings| settings.http.url = "ftp://a".into(),
        |settings: &mut HttpSinkSettings| settings.content_type = "a\nb".into(),
        |settings: &mut HttpSinkSettings| {
            settings.http.url = "https://a".into();
            settings.http.tls.ca_file = Some("/nowhere/ca.pem".into());
        },
    ] {
        let mut settings = settings("http://localhost:1");
        change(&mut settings);
        assert!(HttpSink::new(&settings).is_err(), "{settings:?}");
    }
}
