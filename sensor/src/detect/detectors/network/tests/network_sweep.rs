use super::super::{
    happenings::{Talk, sends},
    network_sweep::{NetworkSweep, Settings},
};
use super::seconds;
use crate::detect::detectors::scene::{Scene, ids};

fn scene() -> Scene {
    let mut scene = Scene::new(NetworkSweep::new(Settings::default()));
    scene.runs(10, 1, "/usr/bin/masscan");
    scene
}

#[test]
fn a_quick_sweep_is_said_once() {
    let mut scene = scene();
    let mut alerts = Vec::new();
    for host in 1..255 {
        let mut talk = Talk::refused(&format!("10.0.0.{host}:445"));
        // Some listen, and are left alone.
        talk.established = host % 5 == 0;
        alerts.extend(talk.ends(&mut scene, 10));
    }
    assert_eq!(ids(&alerts), ["network-sweep"]);
    assert_eq!(
        alerts[0].reason,
        "/usr/bin/masscan (process 10) and those started with it tried port 445 of 20 addresses, \
         10.0.0.21 the last of them, within 0 s, and nothing came of 16 of them."
    );
}

#[test]
fn a_slow_sweep_with_a_program_for_each_address_is_found() {
    let sweep = |gap| {
        let mut scene = Scene::new(NetworkSweep::new(Settings::default()));
        scene.runs(9, 1, "/usr/bin/bash");
        let tries = (1..60).flat_map(|host| {
            scene.wait(seconds(gap));
            scene.forks(9, 100 + host);
            Talk::refused(&format!("10.0.0.{host}:22")).ends(&mut scene, 100 + host)
        });
        tries.collect::<Vec<_>>()
    };
    assert_eq!(ids(&sweep(31)), ["network-sweep"]);
    assert!(sweep(35).is_empty());
}

#[test]
fn a_sweep_by_udp_is_found() {
    let mut scene = scene();
    let tries = (1..60).flat_map(|host| sends(&mut scene, 10, &format!("10.0.0.{host}:161")));
    assert_eq!(ids(&tries.collect::<Vec<_>>()), ["network-sweep"]);
}

#[test]
fn what_looks_alike_is_none() {
    let mut scene = scene();
    let mut alerts = Vec::new();
    scene.runs(11, 1, "/usr/bin/firefox");
    scene.runs(12, 1, "/usr/bin/prometheus");
    scene.runs(13, 1, "/usr/bin/ansible");
    scene.runs(14, 1, "/usr/sbin/chronyd");
    scene.runs(15, 1, "/usr/bin/game");
    for host in 1..200_u32 {
        // A browser tries IPv6 first, where that does not work, and is quick in all else.
        let talk = Talk::refused(&format!("[2001:db8::{host}]:443"));
        alerts.extend(talk.ends(&mut scene, 11));
        let talk = Talk::to(&format!("198.51.100.{host}:443"));
        alerts.extend(talk.ends(&mut scene, 11));
        // Half of what is scraped is down.
        let remote = format!("10.0.0.{host}:9100");
        let talk = if host % 2 == 0 {
            Talk::to(&remote)
        } else {
            Talk::refused(&remote)
        };
        alerts.extend(talk.ends(&mut scene, 12));
        // Health checks only connect.
        let talk = Talk::to(&format!("10.0.1.{host}:8080")).with(0, 0);
        alerts.extend(talk.ends(&mut scene, 12));
        // All hosts are managed.
        alerts.extend(Talk::to(&format!("10.0.0.{host}:22")).ends(&mut scene, 13));
        // A pool of clocks, and peers of a game.
        alerts.extend(sends(&mut scene, 14, &format!("192.0.2.{host}:123")));
        alerts.extend(sends(&mut scene, 15, &format!("192.0.2.{host}:27015")));
    }
    assert!(ids(&alerts).is_empty());
}
