use std::time::Duration;

use super::super::{
    beaconing::{Beaconing, Settings},
    happenings::Talk,
};
use super::{chance, seconds};
use crate::detect::{
    alert::Alert,
    detectors::scene::{Scene, ids},
};

const HOME: &str = "203.0.113.7:443";

fn scene() -> Scene {
    let mut scene = Scene::new(Beaconing::new(Settings::default()));
    scene.runs(10, 1, "/tmp/implant");
    scene
}

/// Connections with times between them that vary by so many hundredths to both sides.
fn beats(scene: &mut Scene, tgid: u32, beats: usize, interval: u64, jitter: u64) -> Vec<Alert> {
    let mut chance = chance(7);
    let base = interval * 1_000_000;
    let range = base * jitter / 100;
    let connections = (0..beats).flat_map(|_| {
        let gap = base - range + chance(2 * range + 1);
        scene.wait(Duration::from_micros(gap));
        Talk::to(HOME).ends(scene, tgid)
    });
    connections.collect()
}

#[test]
fn a_beacon_like_clockwork_is_said_once() {
    let mut scene = scene();
    let alerts = beats(&mut scene, 10, 1_000, 60, 1);
    assert_eq!(ids(&alerts), ["beaconing"]);
    assert_eq!(alerts[0].evidence_count, 9);
    assert_eq!(
        alerts[0].reason.split(": ").next(),
        Some("/tmp/implant (process 10) connects to 203.0.113.7:443 every 60 s")
    );
}

#[test]
fn a_beacon_that_varies_by_a_fifth_is_found() {
    for interval in [6, 300, 2_700] {
        let alerts = beats(&mut scene(), 10, 60, interval, 20);
        assert_eq!(ids(&alerts), ["beaconing"], "{interval}");
    }
}

#[test]
fn a_beacon_that_misses_some_and_opens_two_at_once_is_found() {
    let mut scene = scene();
    let mut alerts = Vec::new();
    for beat in 0..40 {
        scene.wait(seconds(120));
        if beat % 9 != 0 {
            alerts.extend(Talk::to(HOME).ends(&mut scene, 10));
            alerts.extend(Talk::to(HOME).ends(&mut scene, 10));
        }
    }
    assert_eq!(ids(&alerts), ["beaconing"]);
}

#[test]
fn a_beacon_of_a_new_process_each_time_is_found() {
    let mut scene = Scene::new(Beaconing::new(Settings::default()));
    scene.runs(9, 1, "/usr/bin/bash");
    let mut alerts = Vec::new();
    for child in 100..150 {
        scene.wait(seconds(30));
        scene.spawns(9, child, "/usr/bin/curl", &["curl"], |_| {});
        alerts.extend(Talk::to(HOME).ends(&mut scene, child));
        scene.exits(child, 0);
    }
    assert_eq!(ids(&alerts), ["beaconing"]);
}

#[test]
fn private_addresses_count_if_they_shall() {
    let settings = Settings {
        private: true,
        ..Settings::default()
    };
    for (settings, found) in [(Settings::default(), 0), (settings, 1)] {
        let mut scene = Scene::new(Beaconing::new(settings));
        scene.runs(10, 1, "/usr/bin/probe");
        let alerts = (0..30).flat_map(|_| {
            scene.wait(seconds(15));
            Talk::to("10.0.0.9:80").ends(&mut scene, 10)
        });
        assert_eq!(alerts.count(), found);
    }
}

#[test]
fn what_looks_alike_is_none() {
    let mut scene = scene();
    let mut alerts = Vec::new();
    scene.runs(2_000, 1, "/usr/sbin/cron");
    for (tgid, path) in [
        (11, "/usr/bin/scraper"),
        (12, "/usr/bin/agent"),
        (13, "/usr/bin/resolver"),
        (14, "/usr/bin/backup"),
        (15, "/usr/bin/busy"),
    ] {
        scene.runs(tgid, 1, path);
    }
    for minute in 0..200 {
        scene.wait(seconds(60));
        // Health checks and scrapes of the host itself and of the metadata service.
        alerts.extend(Talk::to("127.0.0.1:9100").ends(&mut scene, 11));
        alerts.extend(Talk::to("169.254.169.254:80").ends(&mut scene, 11));
        // A server that is not there is asked again and again.
        alerts.extend(Talk::refused("203.0.113.8:443").ends(&mut scene, 12));
        // DNS by TCP.
        alerts.extend(Talk::to("203.0.113.9:53").ends(&mut scene, 13));
        // Much is carried.
        let talk = Talk::to("203.0.113.10:443").with(100_000, 3_000);
        alerts.extend(talk.ends(&mut scene, 14));
        // A job of cron's each minute.
        let (job, curl) = (3_000 + 2 * minute, 3_001 + 2 * minute);
        scene.spawns(2_000, job, "/bin/sh", &["sh", "-c"], |_| {});
        scene.spawns(job, curl, "/usr/bin/curl", &["curl"], |_| {});
        alerts.extend(Talk::to("203.0.113.11:443").ends(&mut scene, curl));
        // Work without a pause.
        for _ in 0..20 {
            scene.wait(Duration::from_millis(1_500));
            alerts.extend(Talk::to("203.0.113.12:443").ends(&mut scene, 15));
        }
    }
    assert!(ids(&alerts).is_empty());
}

/// People, and programs that serve them, come by chance: of a thousand destinations for a day, none
/// beats.
#[test]
fn chance_is_no_beacon() {
    let mut chance = chance(3);
    let mut found = 0;
    for mean in [20, 120, 900] {
        for _ in 0..200 {
            let mut scene = scene();
            for _ in 0..100 {
                let share = f64::from(u32::try_from(chance(1_000_000) + 1).unwrap()) / 1e6;
                scene.wait(Duration::from_secs(mean).mul_f64(-share.ln()));
                found += Talk::to(HOME).ends(&mut scene, 10).len();
            }
        }
    }
    assert_eq!(found, 0);
}
