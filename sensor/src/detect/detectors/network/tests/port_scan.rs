use super::super::{
    happenings::{Talk, sends},
    port_scan::{PortScan, Settings},
};
use super::seconds;
use crate::detect::{
    alert::EVIDENCE_MAX,
    detectors::scene::{Scene, ids},
};

fn scene() -> Scene {
    let mut scene = Scene::new(PortScan::new(Settings::default()));
    scene.runs(10, 1, "/usr/bin/nmap");
    scene
}

#[test]
fn a_quick_scan_is_said_once() {
    let mut scene = scene();
    let mut alerts = Vec::new();
    for port in 1..1_000 {
        let mut talk = Talk::refused(&format!("192.0.2.9:{port}"));
        // A few are open, and say what they are.
        talk.established = port % 10 == 0;
        alerts.extend(talk.ends(&mut scene, 10));
    }
    assert_eq!(ids(&alerts), ["port-scan"]);
    let alert = &alerts[0];
    assert_eq!(alert.evidence.len(), EVIDENCE_MAX);
    assert_eq!(alert.evidence_count, 20);
    assert_eq!(
        alert.reason,
        "/usr/bin/nmap (process 10) and those started with it tried 20 ports of 192.0.2.9, from 1 to \
         20, within 0 s, and nothing came of 20 of them."
    );
    // After a calm time it is news again.
    scene.wait(seconds(700));
    let again: Vec<_> = (1..30)
        .flat_map(|port| Talk::refused(&format!("192.0.2.9:{port}")).ends(&mut scene, 10))
        .collect();
    assert_eq!(ids(&again), ["port-scan"]);
}

#[test]
fn a_slow_scan_is_found() {
    let scan = |gap| {
        let mut scene = scene();
        let tries = (1..60).flat_map(|port| {
            scene.wait(seconds(gap));
            Talk::refused(&format!("[2001:db8::9]:{port}")).ends(&mut scene, 10)
        });
        tries.collect::<Vec<_>>()
    };
    assert_eq!(ids(&scan(31)), ["port-scan"]);
    // Slower ones are not.
    assert!(scan(35).is_empty());
}

#[test]
fn a_shell_with_a_program_for_each_port_is_found() {
    let mut scene = Scene::new(PortScan::new(Settings::default()));
    scene.runs(9, 1, "/usr/bin/bash");
    let mut alerts = Vec::new();
    for child in 100..200 {
        scene.forks(9, child);
        scene.execs(child, "/usr/bin/nc", &["nc", "-z"], |_| {});
        alerts.extend(Talk::refused(&format!("10.0.0.9:{child}")).ends(&mut scene, child));
        scene.exits(child, 1);
    }
    assert_eq!(ids(&alerts), ["port-scan"]);
}

#[test]
fn a_scan_by_udp_is_found() {
    let mut scene = scene();
    let tries = (100..200).flat_map(|port| sends(&mut scene, 10, &format!("10.0.0.9:{port}")));
    assert_eq!(ids(&tries.collect::<Vec<_>>()), ["port-scan"]);
}

#[test]
fn what_looks_alike_is_none() {
    let mut scene = scene();
    let mut alerts = Vec::new();
    scene.runs(11, 1, "/usr/bin/lftp");
    scene.runs(12, 1, "/usr/bin/traceroute");
    scene.runs(13, 1, "/usr/bin/wait-for-it");
    scene.runs(14, 1, "/usr/bin/test-of-servers");
    scene.runs(15, 1, "/usr/sbin/pbx");
    for number in 0..90_u16 {
        // FTP: a port for each file.
        let talk = Talk::to(&format!("192.0.2.9:{}", 50_000 + number)).with(0, 100_000);
        alerts.extend(talk.ends(&mut scene, 11));
        // One port for each hop.
        let hop = format!("192.0.2.9:{}", 33_434 + number);
        alerts.extend(sends(&mut scene, 12, &hop));
        // A server that is awaited.
        alerts.extend(Talk::refused("10.0.0.9:5432").ends(&mut scene, 13));
        // Servers on ports of their own, awaited.
        let own = format!("127.0.0.1:{}", 40_000 + number);
        alerts.extend(Talk::refused(&own).ends(&mut scene, 14));
        // A media stream for each call.
        let stream = format!("192.0.2.9:{}", 16_384 + 2 * number);
        alerts.extend(sends(&mut scene, 15, &stream));
    }
    assert!(ids(&alerts).is_empty());
}

/// Nothing of what belongs to others makes a scan.
#[test]
fn parties_count_for_themselves() {
    let mut scene = Scene::new(PortScan::new(Settings::default()));
    for tgid in 100..200 {
        scene.runs(tgid, 1, "/usr/bin/client");
        let talk = Talk::refused(&format!("10.0.0.9:{tgid}"));
        assert!(talk.ends(&mut scene, tgid).is_empty());
    }
}
