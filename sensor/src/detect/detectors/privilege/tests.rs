//! Ways to root, made for it and not.

use super::{super::scene::*, *};

fn scene() -> Scene {
    let mut scene = Scene::new(Privilege::new());
    scene.runs_as(800, 1, 1000, "/usr/bin/bash");
    scene
}

/// A file of root's with the setuid bit, executed by user 1000.
fn setuid(exec: &mut Exec) {
    exec.setuid = true;
    exec.file.mode |= 0o4000;
    exec.file.uid = 0;
    exec.credentials = user(0);
    exec.credentials.uid = 1000;
}

#[test]
fn root_by_a_capability() {
    let mut scene = scene();
    let mut capable = user(1000);
    capable.cap_permitted = CAP_SETUID;
    capable.cap_effective = CAP_SETUID;
    scene.add(801, 800, capable, "/usr/bin/python3", |_| {});
    let mut root = user(0);
    root.cap_permitted = CAP_SETUID;
    root.cap_effective = CAP_SETUID;
    root.gid = 1000;
    root.egid = 1000;
    root.sgid = 1000;
    root.fsgid = 1000;
    let alerts = scene.becomes(801, root, Cause::Call);
    assert_eq!(ids(&alerts), ["privilege-escalation"]);
}

#[test]
fn root_by_an_exploit_that_commits() {
    let mut scene = scene();
    let alerts = scene.becomes(800, user(0), Cause::Call);
    assert_eq!(ids(&alerts), ["forged-credentials"]);
    let mut capable = user(1000);
    capable.cap_permitted = ALL_CAPABILITIES;
    scene.runs_as(801, 1, 1000, "/usr/bin/x");
    let alerts = scene.becomes(801, capable, Cause::Call);
    assert_eq!(ids(&alerts), ["forged-credentials"]);
}

#[test]
fn setuid_programs_out_of_place() {
    let mut scene = scene();
    for (number, path) in ["/tmp/.x", "/home/a/rootme", "/dev/shm/x"]
        .into_iter()
        .enumerate()
    {
        let child = 810 + u32::try_from(number).unwrap();
        let alerts = scene.spawns(800, child, path, &["x"], setuid);
        assert_eq!(ids(&alerts), ["setuid-out-of-place"], "{path}");
    }
}

#[test]
fn setuid_shells_and_capable_interpreters() {
    let mut scene = scene();
    let alerts = scene.spawns(800, 810, "/usr/bin/bash", &["bash", "-p"], setuid);
    assert_eq!(ids(&alerts), ["setuid-shell"]);
    let alerts = scene.spawns(800, 811, "/usr/bin/python3.13", &["python3"], |exec| {
        exec.file_capabilities = true;
        exec.credentials.cap_permitted = CAP_SETUID;
    });
    assert_eq!(ids(&alerts), ["setuid-shell"]);
}

#[test]
fn sudo_su_and_daemons_are_normal() {
    let mut scene = scene();
    assert!(
        scene
            .spawns(800, 801, "/usr/bin/sudo", &["sudo", "id"], setuid)
            .is_empty()
    );
    assert!(scene.becomes(801, user(0), Cause::Call).is_empty());
    assert!(scene.execs(801, "/usr/bin/id", &["id"], |_| {}).is_empty());
    // Down, and up to where it was.
    scene.runs(810, 1, "/usr/sbin/cron");
    let mut down = user(0);
    down.euid = 1000;
    down.fsuid = 1000;
    down.cap_effective = 0;
    assert!(scene.becomes(810, down, Cause::Call).is_empty());
    assert!(scene.becomes(810, user(0), Cause::Call).is_empty());
    assert!(scene.becomes(810, user(33), Cause::Call).is_empty());
}

#[test]
fn user_namespaces_and_small_capabilities_are_normal() {
    let mut scene = scene();
    let mut inside = user(1000);
    inside.user_namespace = 4_026_532_999;
    inside.cap_permitted = ALL_CAPABILITIES;
    inside.cap_effective = ALL_CAPABILITIES;
    assert!(scene.becomes(800, inside, Cause::Call).is_empty());
    let mut mapped = inside;
    mapped.uid = 100_000;
    assert!(scene.becomes(800, mapped, Cause::Call).is_empty());
    // A server that may use low ports, and ping.
    scene.runs_as(820, 1, 1000, "/usr/bin/bash");
    let capable = |capability: u64| {
        move |exec: &mut Exec| {
            exec.file_capabilities = true;
            exec.credentials.cap_permitted = capability;
        }
    };
    assert!(
        scene
            .spawns(820, 821, "/usr/bin/node", &["node"], capable(1 << 10))
            .is_empty()
    );
    assert!(
        scene
            .spawns(820, 822, "/usr/bin/ping", &["ping"], capable(1 << 13))
            .is_empty()
    );
    // A file of another user's with the setuid bit makes nobody root.
    let other = |exec: &mut Exec| {
        setuid(exec);
        exec.file.uid = 1001;
    };
    assert!(
        scene
            .spawns(820, 823, "/home/b/x", &["x"], other)
            .is_empty()
    );
}

#[test]
fn copes_with_anything() {
    withstands(Privilege::new);
}
