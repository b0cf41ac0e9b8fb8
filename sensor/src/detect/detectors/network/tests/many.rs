//! Many different keys: what is remembered stays within its limit, and what is not is counted.
//!
//! `cargo xtask bench detect` shows a million of each, and that memory stays as it is.

use std::net::{IpAddr, SocketAddr};

use sensor_common::record::Ring;

use super::super::{
    beaconing::Beaconing,
    dns_tunnelling::DnsTunnelling,
    elevation_guessing::ElevationGuessing,
    exfiltration::Exfiltration,
    happenings::{Talk, question},
    inbound_scan::InboundScan,
    network_sweep::NetworkSweep,
    port_scan::PortScan,
    ssh_guessing::SshGuessing,
};
use crate::{
    clock::BootTime,
    detect::{
        detector::Detector,
        detectors::scene::{HOST, Scene, connection, process_id},
    },
    enrich::Surroundings,
    event::{Actor, Body, Event, Fork, Origin, Tgid, Tid},
    observed::Observed,
    process::Process,
};

/// Some more than three times the largest limit.
const KEYS: u32 = 30_000;

/// Shows a detector an event for each of the keys. Of the process nothing is known but what is
/// given.
fn show(
    detector: &mut impl Detector,
    process: Option<&Process>,
    mut body: impl FnMut(u32, BootTime) -> Body,
) {
    for key in 0..KEYS {
        let time = BootTime(1_000_000_000_000 + u64::from(key) * 1_000);
        let event = Event {
            origin: Origin {
                cpu: 0,
                ring: Ring::Bulk,
                sequence: key.into(),
                time,
            },
            actor: Some(Actor {
                id: process_id(key),
                tid: Tid(key),
                uid: 0,
                cgroup: HOST,
                credentials_digest: 0,
                io_worker: false,
            }),
            body: body(key, time),
        };
        let observed = Observed {
            event: &event,
            late: false,
            process,
            parent: None,
            other: None,
            about: None,
            surroundings: Surroundings::default(),
        };
        detector.inspect(&observed, &mut Vec::new());
    }
}

fn forgotten(detector: &impl Detector) -> u64 {
    let mut total = 0;
    detector.limits(&mut |_, count| total += count);
    total
}

/// A process that runs a program.
fn running(path: &str) -> Process {
    let detector = PortScan::new(Default::default());
    Scene::new(detector).runs(10, 1, path).process(10).clone()
}

/// A connection with another address outside for each key.
fn with(talk: Talk, key: u32) -> Talk {
    let address = IpAddr::from((0x0800_0000 + key).to_be_bytes());
    let remote = SocketAddr::new(address, talk.remote.port());
    Talk { remote, ..talk }
}

#[test]
fn scans_of_many_parties() {
    let mut detector = PortScan::new(Default::default());
    let talk = Talk::refused("10.0.0.9:80");
    show(&mut detector, None, |_, now| Body::Closed(talk.closed(now)));
    assert_eq!(detector.states(), 4_096);
    assert_eq!(forgotten(&detector), u64::from(KEYS) - 4_096);
}

#[test]
fn sweeps_of_many_parties() {
    let mut detector = NetworkSweep::new(Default::default());
    let talk = Talk::refused("10.0.0.9:80");
    show(&mut detector, None, |_, now| Body::Closed(talk.closed(now)));
    assert_eq!(detector.states(), 4_096);
    assert_eq!(forgotten(&detector), u64::from(KEYS) - 4_096);
}

#[test]
fn scans_from_many_addresses() {
    let mut detector = InboundScan::new(Default::default());
    let talk = Talk::from("192.0.2.9:4000", 22).with(0, 0);
    show(&mut detector, None, |key, now| {
        Body::Closed(with(talk, key).closed(now))
    });
    assert_eq!(detector.states(), 4_096);
    assert_eq!(forgotten(&detector), u64::from(KEYS) - 4_096);
}

#[test]
fn connections_to_many_addresses() {
    let mut detector = Beaconing::new(Default::default());
    let process = running("/usr/bin/crawler");
    let talk = Talk::to("192.0.2.9:443");
    show(&mut detector, Some(&process), |key, now| {
        Body::Closed(with(talk, key).closed(now))
    });
    assert_eq!(detector.states(), 8_192);
    assert_eq!(forgotten(&detector), u64::from(KEYS) - 8_192);
}

#[test]
fn uploads_of_many_programs() {
    let mut detector = Exfiltration::new(Default::default());
    let talk = Talk::to("203.0.113.7:443");
    show(&mut detector, None, |_, now| Body::Closed(talk.closed(now)));
    assert_eq!(detector.states(), 1_024);
    assert_eq!(forgotten(&detector), u64::from(KEYS) - 1_024);
    // And of one to as many addresses.
    let mut detector = Exfiltration::new(Default::default());
    let process = running("/usr/bin/crawler");
    let talk = Talk::to("192.0.2.9:443");
    show(&mut detector, Some(&process), |key, now| {
        Body::Closed(with(talk, key).closed(now))
    });
    assert_eq!(detector.states(), 1);
    assert_eq!(forgotten(&detector), u64::from(KEYS) - 16);
}

#[test]
fn questions_below_many_domains() {
    let mut detector = DnsTunnelling::new(Default::default());
    let dns = question("0a3f9c1e77b2d4a85561.aaaaaaa.example", 16);
    let before = 12 + 1 + 20 + 1;
    show(&mut detector, None, |key, _| {
        let mut message = dns.message.bytes.to_vec();
        for (place, digit) in message[before..][..7].iter_mut().enumerate() {
            *digit += u8::try_from(key / 10_u32.pow(u32::try_from(place).unwrap()) % 10).unwrap();
        }
        let mut dns = dns.clone();
        dns.message.bytes = message.into();
        Body::DnsQuestion(dns)
    });
    assert_eq!(detector.states(), 4_096);
    assert_eq!(forgotten(&detector), u64::from(KEYS) - 4_096);
}

#[test]
fn logins_from_many_addresses() {
    let mut detector = SshGuessing::new(Default::default());
    let process = running("/usr/sbin/sshd");
    let talk = Talk::from("192.0.2.9:4000", 22).with(9, 2_000);
    let taken = connection("192.0.2.9:4000");
    // Each is taken, given a process, and fails; the server is another one each time.
    show(&mut detector, Some(&process), |key, now| match key % 3 {
        0 => {
            let mut taken = taken.clone();
            taken.endpoints.remote.address = Some(with(talk, key / 3).remote.ip());
            Body::Accept(taken)
        }
        1 => Body::Fork(Fork {
            child: process_id(key),
            parent: process_id(key - 1),
            namespace_pid: Tgid(key),
        }),
        _ => Body::Closed(with(talk, key / 3).closed(now)),
    });
    // Each event begins a state: a server that waits, a process of a login, a source.
    assert_eq!(detector.states(), 2 * 8_192 + 4_096);
    assert_eq!(forgotten(&detector), u64::from(KEYS) - 2 * 8_192 - 4_096);
}

#[test]
fn runs_of_many_processes() {
    let mut detector = ElevationGuessing::new(Default::default());
    let process = running("/usr/bin/su");
    let scene = &mut Scene::new(PortScan::new(Default::default()));
    scene.runs_as(10, 1, 1_000, "/usr/bin/su");
    let exec = scene.exec(10, "/usr/bin/su", &["su"], |_| {});
    show(&mut detector, Some(&process), |key, _| match key % 2 {
        0 => Body::Exec(Box::new(exec.clone())),
        _ => Body::Fork(Fork {
            child: process_id(key),
            parent: process_id(key - 1),
            namespace_pid: Tgid(key),
        }),
    });
    // Each event begins a state: a run, a process that it made.
    assert_eq!(detector.states(), 2 * 4_096);
    assert_eq!(forgotten(&detector), u64::from(KEYS) - 2 * 4_096);
}
