use super::super::{
    dns_tunnelling::{DnsTunnelling, Settings},
    happenings::{asks, question},
};
use super::{chance, seconds};
use crate::{
    detect::{
        alert::Alert,
        detectors::scene::{Scene, ids},
    },
    event::Body,
};

const A: u16 = 1;
const NULL: u16 = 10;
const TXT: u16 = 16;
const HTTPS: u16 = 65;

fn scene() -> Scene {
    let mut scene = Scene::new(DnsTunnelling::new(Settings::default()));
    scene.runs(10, 1, "/tmp/tunnel");
    scene
}

/// Names of so many characters of data each, asked for with pauses.
fn tunnel(length: usize, kind: u16, count: usize, gap: u64) -> Vec<Alert> {
    let mut scene = scene();
    let mut chance = chance(5);
    let questions = (0..count).flat_map(|_| {
        let digits = b"0123456789abcdef";
        let data = (0..length).map(|_| char::from(digits[usize::try_from(chance(16)).unwrap()]));
        let name = format!("{}.t.evil.example", data.collect::<String>());
        scene.wait(seconds(gap));
        let alerts = asks(&mut scene, 10, &name, kind);
        scene.does(10, Body::DnsAnswer(question(&name, kind)));
        alerts
    });
    questions.collect()
}

#[test]
fn a_quick_tunnel_is_said_once() {
    for (length, kind) in [(60, TXT), (62, NULL), (60, A), (36, TXT)] {
        let alerts = tunnel(length, kind, 1_000, 0);
        assert_eq!(ids(&alerts), ["dns-tunnelling"], "{length} {kind}");
    }
    let alerts = tunnel(60, TXT, 1_000, 0);
    assert_eq!(alerts[0].evidence_count, 30);
    assert_eq!(
        alerts[0].reason,
        "/tmp/tunnel (process 10) was the last to ask for names below evil.example: within 0 s 30 \
         different labels that look encoded, 30 of them by types that carry data, this one TXT; 1830 \
         bytes in the names, 2697 in the answers."
    );
}

#[test]
fn a_slow_tunnel_is_found() {
    assert_eq!(ids(&tunnel(40, TXT, 200, 20)), ["dns-tunnelling"]);
    assert_eq!(ids(&tunnel(50, A, 300, 6)), ["dns-tunnelling"]);
    assert!(tunnel(40, TXT, 200, 22).is_empty());
}

#[test]
fn what_looks_alike_is_none() {
    let mut scene = scene();
    let mut alerts = Vec::new();
    let mut chance = chance(9);
    for number in 0..1_000_u64 {
        scene.wait(seconds(1));
        let digits = chance(u64::MAX);
        let names = [
            // The customer's key of a block list, and an address.
            (
                format!("{number}.2.0.192.3xk9qzv7mf2h8w1nbtl5rjydpc.list.example"),
                A,
            ),
            // A content network: few names, asked for again and again.
            (
                format!("d3f9ab17c2e84f6e0{}.cdn.example", number % 30),
                HTTPS,
            ),
            // Advertisements with a name of their own, now and then.
            (
                if number % 20 == 0 {
                    format!("{digits:016x}{number:016x}.ads.example")
                } else {
                    "www.ads.example".to_owned()
                },
                A,
            ),
            // Policies of many senders of mail.
            (format!("_dmarc.company{number}.example"), TXT),
            (
                format!("selector1-{number}._domainkey.company{number}.example"),
                TXT,
            ),
            // Services of a cluster.
            (format!("orders-{number}.payments.svc.cluster.local"), A),
            // Names of addresses.
            (
                "b.a.9.8.7.6.5.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa".to_owned(),
                12,
            ),
            // A name with a date.
            (
                format!("backup-2024-01-01-{}.storage.example", number % 10),
                A,
            ),
        ];
        for (name, kind) in names {
            alerts.extend(asks(&mut scene, 10, &name, kind));
        }
    }
    assert!(ids(&alerts).is_empty(), "{}", alerts[0].reason);
}

#[test]
fn case_and_repetition_add_nothing() {
    let mut scene = scene();
    for number in 0..1_000 {
        let label = "0a3f9c1e77b2d4a85561c0ffee";
        let label = if number % 2 == 0 {
            label.to_uppercase()
        } else {
            label.to_owned()
        };
        let name = format!("{label}.evil.example");
        assert!(asks(&mut scene, 10, &name, TXT).is_empty());
    }
}
