//! Who trusts whom.

use super::*;
use crate::delivery::{
    doubles::{Authority, Flaw, Identity},
    tls,
};

/// What becomes of a batch that is sent over TLS.
fn send(
    server: Identity<'_>,
    trusted: tls::TlsSettings,
    identity: Option<tls::Identity>,
) -> Result<String, String> {
    let double = Lines::start(Transport::Tls(server, &[b"http/1.1"]), &[]);
    let mut settings = settings(&double.server.url());
    settings.http.tls = tls::TlsSettings {
        identity,
        ..trusted
    };
    let mut sink = HttpSink::new(&settings).unwrap();
    match run(sink.send(&entries(1))) {
        Ok(receipt) => {
            assert_eq!(double.lines().len(), 1);
            Ok(receipt.answer)
        }
        Err(Failure::Again(Again { why, .. })) => {
            assert_eq!(double.lines().len(), 0);
            assert!(why.contains(&double.server.url()), "{why}");
            assert!(!why.contains('\n'), "{why}");
            Err(why)
        }
        Err(other) => panic!("{other:?}"),
    }
}

#[test]
fn a_certificate_that_is_not_right_is_refused_and_it_is_said_why() {
    let authority = Authority::new("authority");
    for (flaw, words) in [
        (Flaw::Expired, "its certificate has expired"),
        (Flaw::NotYetValid, "its certificate is not valid yet"),
        (Flaw::OtherName, "its certificate is for another name"),
    ] {
        let certified = authority.certify(flaw);
        let server = Identity {
            certified: &certified,
            clients: None,
        };
        let why = send(server, authority.trusted(), None).unwrap_err();
        assert!(why.contains(words), "{why}");
    }
    let certified = authority.certify(Flaw::None);
    let server = || Identity {
        certified: &certified,
        clients: None,
    };
    send(server(), authority.trusted(), None).unwrap();
    let why = send(server(), Authority::new("another").trusted(), None).unwrap_err();
    assert!(
        why.contains("signed by no authority that is trusted"),
        "{why}"
    );
}

#[test]
fn a_name_of_its_own_can_be_expected() {
    let authority = Authority::new("authority");
    let certified = authority.certify(Flaw::OtherName);
    let server = Identity {
        certified: &certified,
        clients: None,
    };
    let mut trusted = authority.trusted();
    trusted.server_name = Some("other.example".into());
    send(server, trusted, None).unwrap();
}

#[test]
fn the_sensor_has_a_certificate_where_one_is_wanted() {
    for minimum_version in [tls::TlsVersion::V12, tls::TlsVersion::V13] {
        let authority = Authority::new("authority");
        let clients = Authority::new("clients");
        let certified = authority.certify(Flaw::None);
        let trusted = || tls::TlsSettings {
            minimum_version,
            ..authority.trusted()
        };
        let server = || Identity {
            certified: &certified,
            clients: Some(&clients),
        };
        let good = clients.certify(Flaw::None);
        send(server(), trusted(), Some(good.identity())).unwrap();
        let why = send(server(), trusted(), None).unwrap_err();
        assert!(why.contains("wants a certificate of the sensor's"), "{why}");
        let expired = clients.certify(Flaw::Expired);
        let why = send(server(), trusted(), Some(expired.identity())).unwrap_err();
        assert!(
            why.contains("does not trust the sensor's certificate"),
            "{why}"
        );
        let unknown = authority.certify(Flaw::None);
        let why = send(server(), trusted(), Some(unknown.identity())).unwrap_err();
        assert!(
            why.contains("does not trust the sensor's certificate"),
            "{why}"
        );
    }
}

#[test]
fn who_does_not_speak_tls_is_told_apart() {
    let double = Lines::start(Transport::One, &[]);
    let url = double.server.url().replace("http:", "https:");
    let mut settings = settings(&url);
    let authority = Authority::new("authority");
    settings.http.tls = authority.trusted();
    let mut sink = HttpSink::new(&settings).unwrap();
    let why = run(async { again(sink.send(&entries(1)).await).why });
    assert!(why.contains("it does not speak TLS"), "{why}");
    let certified = authority.certify(Flaw::None);
    let server = Identity {
        certified: &certified,
        clients: None,
    };
    let double = Lines::start(Transport::Tls(server, &[]), &[]);
    let mut sink = super::sink(&double.server.url().replace("https:", "http:"));
    let why = run(async { again(sink.send(&entries(1)).await).why });
    assert!(why.contains("no HTTP") || why.contains("closed"), "{why}");
}
