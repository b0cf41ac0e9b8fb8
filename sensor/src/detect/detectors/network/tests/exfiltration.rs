use super::super::{
    exfiltration::{Exfiltration, Settings},
    happenings::Talk,
};
use super::seconds;
use crate::detect::detectors::scene::{Scene, ids};

const MEBIBYTE: u64 = 1_024 * 1_024;
const OUTSIDE: &str = "203.0.113.7:443";

fn scene() -> Scene {
    let mut scene = Scene::new(Exfiltration::new(Settings::default()));
    scene.runs(10, 1, "/usr/bin/program");
    scene
}

/// A process sends so many MiB to an address.
fn sends(scene: &mut Scene, tgid: u32, remote: &str, mebibytes: u64) -> usize {
    let talk = Talk::to(remote).with(mebibytes * MEBIBYTE, 10_000);
    talk.ends(scene, tgid).len()
}

#[test]
fn one_large_connection_is_said() {
    let mut scene = scene();
    let alerts = Talk::to(OUTSIDE)
        .with(100 * MEBIBYTE, MEBIBYTE)
        .ends(&mut scene, 10);
    assert_eq!(ids(&alerts), ["exfiltration-by-volume"]);
    assert_eq!(
        alerts[0].reason,
        "/usr/bin/program (process 10) sent 100 MiB to 203.0.113.7 within an hour, in 1 connections, \
         and received 1 MiB; it was not known to send much."
    );
}

#[test]
fn many_small_connections_are_said_once() {
    let mut scene = scene();
    let found = (0..100).map(|_| {
        scene.wait(seconds(30));
        sends(&mut scene, 10, OUTSIDE, 2)
    });
    assert_eq!(found.sum::<usize>(), 1);
}

#[test]
fn what_is_sent_slower_than_an_hour_is_not_found() {
    let mut scene = scene();
    let found = (0..100).map(|_| {
        scene.wait(seconds(120));
        sends(&mut scene, 10, OUTSIDE, 3)
    });
    assert_eq!(found.sum::<usize>(), 0);
}

#[test]
fn programs_that_move_files_are_said_sooner() {
    let mut scene = scene();
    scene
        .runs(20, 1, "/usr/bin/scp")
        .runs(21, 20, "/usr/bin/ssh");
    scene.runs(22, 1, "/usr/bin/rclone");
    scene
        .runs(23, 1, "/usr/bin/git")
        .runs(24, 23, "/usr/bin/ssh");
    let found = [21, 22, 24].map(|tgid| sends(&mut scene, tgid, OUTSIDE, 20));
    assert_eq!(found, [1, 1, 0]);
}

#[test]
fn far_more_than_usual_is_said() {
    let mut scene = scene();
    for _ in 0..50 {
        scene.wait(seconds(4_000));
        assert_eq!(sends(&mut scene, 10, OUTSIDE, 40), 0);
    }
    scene.wait(seconds(4_000));
    assert_eq!(sends(&mut scene, 10, OUTSIDE, 200), 0);
    scene.wait(seconds(4_000));
    assert_eq!(sends(&mut scene, 10, OUTSIDE, 300), 1);
}

#[test]
fn a_backup_is_said_once_and_is_usual_then() {
    let mut scene = scene();
    scene.runs(20, 1, "/usr/bin/restic");
    let found = (0..20).map(|day| {
        scene.wait(seconds(86_400));
        // Each day at another address of the provider's.
        sends(
            &mut scene,
            20,
            &format!("198.51.100.{day}:443"),
            5_000 + 10 * day,
        )
    });
    assert_eq!(found.collect::<Vec<_>>()[..3], [1, 0, 0]);
}

#[test]
fn what_looks_alike_is_none() {
    let mut scene = scene();
    // A backup to a private address, and to the host itself.
    for remote in [
        "10.0.0.9:22",
        "192.168.1.1:445",
        "[fd00::1]:443",
        "127.0.0.1:9000",
    ] {
        assert_eq!(sends(&mut scene, 10, remote, 10_000), 0);
    }
    // Who talks both ways, and who gets a package.
    for received in [50, 500] {
        let talk = Talk::to(OUTSIDE).with(120 * MEBIBYTE, received * MEBIBYTE);
        assert!(talk.ends(&mut scene, 10).is_empty());
    }
    // Who is asked for something.
    let talk = Talk::from(OUTSIDE, 443).with(10_000 * MEBIBYTE, 0);
    assert!(talk.ends(&mut scene, 10).is_empty());
    // A little to many.
    for host in 1..255 {
        assert_eq!(
            sends(&mut scene, 10, &format!("198.51.100.{host}:443"), 15),
            0
        );
    }
}
