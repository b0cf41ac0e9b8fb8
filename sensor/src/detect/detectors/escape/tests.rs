//! Ways out of a container, and what containers and the host do every day.

use sensor_common::privilege::NamespaceOperation;

use super::{super::scene::*, *};

const SETNS: NamespaceOperation = NamespaceOperation::Setns;

fn scene() -> Scene {
    let mut scene = Scene::new(Escape::new(&Settings::default()));
    scene
        .runs(700, 1, "/usr/bin/containerd-shim-runc-v2")
        .runs(701, 1, "/usr/bin/bash")
        .runs_contained(800, 700, "/bin/sh");
    scene
}

#[test]
fn into_the_hosts_namespaces() {
    let mut scene = scene();
    scene.spawns(800, 801, "/usr/bin/nsenter", &["nsenter"], |_| {});
    let mut pids = CONTAINER_NAMESPACES;
    pids.pid = HOST_NAMESPACES.pid;
    let alerts = scene.enters(801, pids, SETNS);
    assert_eq!(ids(&alerts), ["container-enters-host"]);
    // The host's mounts are learned from its first process.
    scene.spawns(1, 810, "/usr/bin/true", &["true"], |_| {});
    let mut mounts = pids;
    mounts.mnt = HOST_NAMESPACES.mnt;
    let alerts = scene.enters(801, mounts, SETNS);
    assert_eq!(ids(&alerts), ["container-enters-host"]);
    assert!(
        alerts[0].reason.contains("mount namespace 4026531841"),
        "{}",
        alerts[0].reason
    );
}

#[test]
fn commands_that_lead_out() {
    let mut scene = scene();
    let argv = ["nsenter", "-t", "1", "-m", "sh"];
    let alerts = scene.spawns(800, 801, "/usr/bin/nsenter", &argv, |_| {});
    assert_eq!(ids(&alerts), ["container-escape-command"]);
    let argv = ["mount", "/dev/sda1", "/mnt"];
    let alerts = scene.spawns(800, 802, "/bin/busybox", &argv, |_| {});
    assert_eq!(ids(&alerts), ["container-escape-command"]);
    let argv = ["sh", "-c", "echo /x > /tmp/cg/release_agent"];
    let alerts = scene.spawns(800, 803, "/bin/sh", &argv, |_| {});
    assert_eq!(ids(&alerts), ["container-escape-command"]);
}

#[test]
fn sockets_and_processes_outside() {
    let mut scene = scene();
    let alerts = scene.connects_to_unix(800, "/run/docker.sock");
    assert_eq!(ids(&alerts), ["container-runtime-socket"]);
    let alerts = scene.traces(800, 701, PTRACE_MODE_ATTACH);
    assert_eq!(ids(&alerts), ["container-traces-outside"]);
}

#[test]
fn a_runtime_that_enters_a_container_is_normal() {
    let mut scene = scene();
    scene.forks(700, 801);
    assert!(scene.enters(801, CONTAINER_NAMESPACES, SETNS).is_empty());
    // The same from within the container's cgroup, as runtimes do.
    scene.add(802, 700, user(0), "/usr/bin/runc", |process| {
        process.cgroup = Some(CONTAINER);
        process.namespaces = Some(HOST_NAMESPACES);
    });
    assert!(scene.enters(802, CONTAINER_NAMESPACES, SETNS).is_empty());
    // A container in the host's network goes back and forth.
    scene.add(803, 700, user(0), "/usr/bin/calico-node", |process| {
        process.cgroup = Some(CONTAINER);
        process.namespaces = Some(Namespaces {
            net: HOST_NAMESPACES.net,
            ..CONTAINER_NAMESPACES
        });
    });
    assert!(scene.enters(803, CONTAINER_NAMESPACES, SETNS).is_empty());
    let back = Namespaces {
        net: HOST_NAMESPACES.net,
        ..CONTAINER_NAMESPACES
    };
    assert!(scene.enters(803, back, SETNS).is_empty());
}

#[test]
fn the_host_may_do_all_of_it() {
    let mut scene = scene();
    let argv = ["nsenter", "-t", "1", "-m", "sh"];
    assert!(
        scene
            .spawns(701, 801, "/usr/bin/nsenter", &argv, |_| {})
            .is_empty()
    );
    assert!(scene.connects_to_unix(701, "/run/docker.sock").is_empty());
    assert!(scene.traces(701, 800, PTRACE_MODE_ATTACH).is_empty());
    let argv = ["mount", "/dev/sda1", "/mnt"];
    assert!(
        scene
            .spawns(701, 802, "/usr/bin/mount", &argv, |_| {})
            .is_empty()
    );
}

#[test]
fn what_containers_do_among_themselves_is_normal() {
    let mut scene = scene();
    scene.runs_contained(801, 800, "/usr/bin/gdb");
    assert!(scene.traces(801, 800, PTRACE_MODE_ATTACH).is_empty());
    assert!(scene.traces(800, 701, 1).is_empty(), "it only looks");
    assert!(
        scene
            .connects_to_unix(800, "/run/postgresql/.s.PGSQL.5432")
            .is_empty()
    );
    assert!(
        scene
            .spawns(
                800,
                802,
                "/bin/mount",
                &["mount", "-t", "tmpfs", "x", "/x"],
                |_| {}
            )
            .is_empty()
    );
}

#[test]
fn copes_with_anything() {
    withstands(|| Escape::new(&Settings::default()));
}
