use super::super::{
    happenings::Talk,
    inbound_scan::{InboundScan, Settings},
};
use super::seconds;
use crate::detect::detectors::scene::{Scene, ids};

fn scene() -> Scene {
    let mut scene = Scene::new(InboundScan::new(Settings::default()));
    scene.runs(10, 1, "/usr/sbin/server");
    scene
}

fn probe(scene: &mut Scene, remote: &str, port: u16) -> usize {
    Talk::from(remote, port).with(0, 0).ends(scene, 10).len()
}

#[test]
fn a_scan_of_what_is_open_is_said_once() {
    let mut scene = scene();
    let ports = [22, 25, 80, 443, 3306, 5432, 6379, 8080];
    let alerts: usize = ports
        .iter()
        .map(|&port| probe(&mut scene, "192.0.2.9:4000", port))
        .sum();
    assert_eq!(alerts, 1);
}

#[test]
fn a_slow_scan_is_found() {
    let scan = |gap| {
        let mut scene = scene();
        let probes = (0..20).map(|port| {
            scene.wait(seconds(gap));
            probe(&mut scene, "[2001:db8::9]:4000", 100 + port)
        });
        probes.sum::<usize>()
    };
    assert_eq!(scan(149), 1);
    assert_eq!(scan(160), 0);
}

#[test]
fn what_looks_alike_is_none() {
    let mut scene = scene();
    let mut alerts = Vec::new();
    for number in 0..100 {
        // Health checks of two ports by connecting.
        for port in [80, 443] {
            alerts.extend(
                Talk::from("10.0.0.7:4000", port)
                    .with(0, 0)
                    .ends(&mut scene, 10),
            );
        }
        // A monitor that speaks to each of many ports.
        let talk = Talk::from("10.0.0.8:4000", 9_000 + number % 20);
        alerts.extend(talk.ends(&mut scene, 10));
        // Many clients of one port, some of which change their mind.
        let client = format!("198.51.100.{number}:4000");
        alerts.extend(Talk::from(&client, 443).with(0, 0).ends(&mut scene, 10));
        // What the host itself tries is another detector's.
        let own = Talk::from("127.0.0.1:4000", 100 + number).with(0, 0);
        alerts.extend(own.ends(&mut scene, 10));
    }
    assert!(ids(&alerts).is_empty());
}
