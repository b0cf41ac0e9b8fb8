//! Modules and programs, and who loads them.

use bytes::Bytes;

use super::{super::scene::*, *};

const OUT_OF_TREE: u64 = 1 << 12 | 1 << 13;

fn scene() -> Scene {
    let settings = Settings {
        own: Some(Tgid(600)),
        ..Settings::default()
    };
    let mut scene = Scene::new(KernelCode::new(&settings));
    scene
        .runs(600, 1, "/usr/bin/sensor")
        .runs(700, 1, "/usr/sbin/sshd")
        .runs(701, 700, "/usr/bin/bash")
        .runs_contained(702, 1, "/bin/sh");
    scene
}

fn module(taints: u64) -> Body {
    Body::ModuleLoad(ModuleLoad {
        name: Bytes::from_static(b"diamorphine"),
        taints,
    })
}

fn bpf(program_type: u32, overrides_return: bool, access: BpfAccess) -> Body {
    Body::BpfProgram(Box::new(BpfProgram {
        id: 7,
        program_type,
        attach_type: 0,
        instructions: 10,
        tag: [0; 8],
        overrides_return,
        gpl_compatible: true,
        name: Bytes::from_static(b"hide"),
        function: Bytes::from_static(b"__x64_sys_getdents64"),
        access,
    }))
}

#[test]
fn a_rootkit_by_hand_from_a_container_and_by_its_own_loader() {
    let mut scene = scene();
    scene.spawns(701, 800, "/usr/bin/kmod", &["insmod", "d.ko"], |_| {});
    let alerts = scene.does(800, module(OUT_OF_TREE));
    assert_eq!(ids(&alerts), ["kernel-module-unexpected"]);
    assert!(
        alerts[0].reason.contains("not signed"),
        "{}",
        alerts[0].reason
    );
    scene.spawns(702, 801, "/sbin/insmod", &["insmod", "d.ko"], |_| {});
    assert_eq!(
        ids(&scene.does(801, module(0))),
        ["kernel-module-unexpected"]
    );
    scene.spawns(701, 802, "/usr/local/bin/x", &["x"], |_| {});
    assert_eq!(
        ids(&scene.does(802, module(0))),
        ["kernel-module-unexpected"]
    );
    scene.spawns(701, 803, "/usr/bin/kmod", &["modprobe", "loop"], |_| {});
    assert_eq!(ids(&scene.does(803, module(0))), ["kernel-module-by-hand"]);
}

#[test]
fn programs_that_watch_and_that_lie() {
    let mut scene = scene();
    scene.spawns(701, 800, "/usr/local/bin/x", &["x"], |_| {});
    let alerts = scene.does(800, bpf(26, false, BpfAccess::Load));
    assert_eq!(ids(&alerts), ["bpf-load-unexpected"]);
    scene.spawns(701, 801, "/usr/bin/bpftrace", &["bpftrace"], |_| {});
    let alerts = scene.does(801, bpf(2, true, BpfAccess::Load));
    assert_eq!(ids(&alerts), ["bpf-override"]);
    assert!(
        alerts[0].reason.contains("getdents64"),
        "{}",
        alerts[0].reason
    );
}

#[test]
fn what_the_host_loads_itself_is_normal() {
    let mut scene = scene();
    scene.runs(800, 1, "/usr/lib/systemd/systemd-udevd");
    assert!(scene.does(800, module(OUT_OF_TREE)).is_empty());
    // The kernel asks for a module.
    scene.spawns(
        2,
        801,
        "/usr/bin/kmod",
        &["/sbin/modprobe", "-q", "nf_tables"],
        |_| {},
    );
    assert!(scene.does(801, module(0)).is_empty());
    // A package with a module of its own is installed in a session.
    scene.spawns(701, 802, "/usr/bin/dpkg", &["dpkg", "-i", "x.deb"], |_| {});
    scene.spawns(802, 803, "/usr/bin/kmod", &["modprobe", "vboxdrv"], |_| {});
    assert!(scene.does(803, module(OUT_OF_TREE)).is_empty());
}

#[test]
fn known_loaders_and_small_programs_are_normal() {
    let mut scene = scene();
    assert!(
        scene.does(600, bpf(26, false, BpfAccess::Load)).is_empty(),
        "the sensor itself"
    );
    scene.runs(800, 1, "/usr/bin/cilium-agent");
    assert!(scene.does(800, bpf(3, false, BpfAccess::Load)).is_empty());
    // Devices of a cgroup, and a filter of a socket.
    assert!(scene.does(1, bpf(15, false, BpfAccess::Load)).is_empty());
    scene.spawns(701, 801, "/usr/local/bin/x", &["x"], |_| {});
    assert!(scene.does(801, bpf(1, false, BpfAccess::Load)).is_empty());
    assert!(scene.does(801, bpf(26, false, BpfAccess::Open)).is_empty());
}

#[test]
fn copes_with_anything() {
    withstands(|| KernelCode::new(&Settings::default()));
}
