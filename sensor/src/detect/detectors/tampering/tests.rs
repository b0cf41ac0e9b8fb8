//! Attacks on the sensor, and its administration.

use bytes::Bytes;

use super::{super::scene::*, *};

fn scene() -> Scene {
    let settings = Settings {
        own: Some(Tgid(600)),
        files: vec!["/var/lib/sensor".to_owned()],
        programs: vec![40],
        ..Settings::default()
    };
    let mut scene = Scene::new(Tampering::new(&settings));
    scene
        .runs(600, 1, "/usr/bin/sensor")
        .runs(700, 1, "/usr/bin/bash");
    scene
}

fn bpf(id: u32, access: BpfAccess) -> Body {
    Body::BpfProgram(Box::new(BpfProgram {
        id,
        program_type: 26,
        attach_type: 0,
        instructions: 10,
        tag: [0; 8],
        overrides_return: false,
        gpl_compatible: true,
        name: Bytes::from_static(b"exec"),
        function: Bytes::new(),
        access,
    }))
}

#[test]
fn commands_that_stop_the_sensor_or_take_its_files() {
    let mut scene = scene();
    let alerts = scene.spawns(700, 800, "/usr/bin/kill", &["kill", "-9", "600"], |_| {});
    assert_eq!(ids(&alerts), ["sensor-stopped"]);
    let alerts = scene.spawns(
        700,
        801,
        "/bin/busybox",
        &["busybox", "pkill", "sensor"],
        |_| {},
    );
    assert_eq!(ids(&alerts), ["sensor-stopped"]);
    let argv = ["rm", "-rf", "/var/lib/sensor/spool"];
    let alerts = scene.spawns(700, 802, "/usr/bin/rm", &argv, |_| {});
    assert_eq!(ids(&alerts), ["sensor-files-changed"]);
    // The executable is known once the sensor did something.
    scene.does(600, bpf(50, BpfAccess::Load));
    let alerts = scene.spawns(
        700,
        803,
        "/usr/bin/mv",
        &["mv", "/usr/bin/sensor", "/x"],
        |_| {},
    );
    assert_eq!(ids(&alerts), ["sensor-files-changed"]);
    let argv = ["bpftool", "link", "detach", "id", "3"];
    let alerts = scene.spawns(700, 804, "/usr/sbin/bpftool", &argv, |_| {});
    assert_eq!(ids(&alerts), ["bpf-detach"]);
}

#[test]
fn access_to_its_memory_and_programs() {
    let mut scene = scene();
    scene.runs(800, 700, "/usr/bin/gdb");
    assert_eq!(
        ids(&scene.traces(800, 600, PTRACE_MODE_ATTACH)),
        ["sensor-traced"]
    );
    scene.does(600, bpf(50, BpfAccess::Load));
    for id in [40, 50] {
        assert_eq!(
            ids(&scene.does(800, bpf(id, BpfAccess::Open))),
            ["sensor-programs-opened"]
        );
    }
}

#[test]
fn other_targets_and_packages_are_normal() {
    let mut scene = scene();
    assert!(
        scene
            .spawns(700, 800, "/usr/bin/kill", &["kill", "601"], |_| {})
            .is_empty()
    );
    let argv = ["systemctl", "restart", "sensor"];
    assert!(
        scene
            .spawns(700, 801, "/usr/bin/systemctl", &argv, |_| {})
            .is_empty()
    );
    scene.spawns(
        700,
        802,
        "/usr/bin/dpkg",
        &["dpkg", "-i", "sensor.deb"],
        |_| {},
    );
    let argv = ["systemctl", "stop", "sensor.service"];
    assert!(
        scene
            .spawns(802, 803, "/usr/bin/systemctl", &argv, |_| {})
            .is_empty()
    );
    // The id means another process in a container.
    scene.runs_contained(810, 1, "/bin/sh");
    assert!(
        scene
            .spawns(810, 811, "/bin/kill", &["kill", "600"], |_| {})
            .is_empty()
    );
}

#[test]
fn who_looks_and_the_sensor_itself_are_normal() {
    let mut scene = scene();
    scene.runs(800, 700, "/usr/bin/ps");
    assert!(scene.traces(800, 600, 1).is_empty());
    assert!(scene.traces(800, 700, PTRACE_MODE_ATTACH).is_empty());
    assert!(scene.does(600, bpf(40, BpfAccess::Open)).is_empty());
    assert!(scene.does(800, bpf(41, BpfAccess::Open)).is_empty());
    assert!(scene.does(800, bpf(42, BpfAccess::Load)).is_empty());
}

#[test]
fn copes_with_anything_and_stays_bounded() {
    withstands(|| Tampering::new(&Settings::default()));
    let mut scene = scene();
    let mut detector = Tampering::new(&Settings {
        own: Some(Tgid(600)),
        ..Settings::default()
    });
    let actor = |scene: &Scene| crate::event::Actor {
        id: process_id(600),
        tid: crate::event::Tid(600),
        uid: 0,
        cgroup: HOST,
        credentials_digest: scene.forgotten(),
        io_worker: false,
    };
    for id in 0..30_000 {
        let actor = actor(&scene);
        let event = scene.event(Some(actor), bpf(id, BpfAccess::Load));
        let observed = Observed {
            event: &event,
            late: false,
            process: None,
            parent: None,
            other: None,
            about: None,
            surroundings: crate::enrich::Surroundings::default(),
        };
        detector.learn(&observed);
    }
    assert_eq!(detector.programs.len(), PROGRAMS_MAX);
    assert_eq!(detector.programs.evicted(), 30_000 - PROGRAMS_MAX as u64);
}
