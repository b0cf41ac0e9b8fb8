use std::time::Duration;

use sensor_common::privilege::Cause;

use super::super::{
    happenings::Talk,
    ssh_guessing::{Settings, SshGuessing},
};
use super::seconds;
use crate::{
    detect::{
        alert::Alert,
        detectors::scene::{Scene, ids, user},
    },
    event::Tgid,
};

const SERVER: u32 = 10;

/// What becomes of a login.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Login {
    Fails,
    /// A person's, with a shell.
    Person,
    /// Root's, with a shell.
    Root,
    /// A person's, whom the server itself serves files.
    Files,
}

struct Host {
    scene: Scene,
    /// The next process id and port.
    next: u32,
}

impl Host {
    fn new() -> Self {
        let mut scene = Scene::new(SshGuessing::new(Settings::default()));
        scene.runs(SERVER, 1, "/usr/sbin/sshd");
        Self { scene, next: 1_000 }
    }

    /// A connection from an address, as OpenSSH 9.8 and later serve it: the server makes a process,
    /// which makes one without privileges for the login.
    fn login(&mut self, address: &str, login: Login) -> Vec<Alert> {
        let scene = &mut self.scene;
        let (main, child) = (self.next, self.next + 1);
        self.next += 2;
        let peer = format!("{address}:{main}");
        let mut alerts = scene.accepts(SERVER, &peer);
        let session = "/usr/lib/openssh/sshd-session";
        alerts.extend(scene.spawns(SERVER, main, session, &[session], |_| {}));
        alerts.extend(scene.forks(main, child));
        alerts.extend(scene.becomes(child, user(105), Cause::Exec));
        if login != Login::Fails {
            alerts.extend(scene.exits(child, 0));
            self.session(main, login, &mut alerts);
        }
        let talk = Talk {
            lasted: Duration::from_secs(5),
            ..Talk::from(&peer, 22).with(3_000, 2_500)
        };
        alerts.extend(talk.ends(&mut self.scene, SERVER));
        alerts.extend(self.scene.exits(main, 255));
        alerts
    }

    fn session(&mut self, main: u32, login: Login, alerts: &mut Vec<Alert>) {
        let scene = &mut self.scene;
        let shell = self.next;
        self.next += 1;
        alerts.extend(scene.forks(main, shell));
        if login != Login::Root {
            alerts.extend(scene.becomes(shell, user(1_000), Cause::Exec));
        }
        if login != Login::Files {
            let leads = |exec: &mut crate::event::Exec| exec.session_id = Tgid(shell);
            alerts.extend(scene.execs(shell, "/bin/bash", &["-bash"], leads));
        }
    }

    fn logins(&mut self, count: usize, gap: u64, login: Login) -> Vec<Alert> {
        let logins = (0..count).flat_map(|_| {
            self.scene.wait(seconds(gap));
            self.login("192.0.2.9", login)
        });
        logins.collect()
    }
}

#[test]
fn guessing_is_said_once() {
    let mut host = Host::new();
    let alerts = host.logins(100, 1, Login::Fails);
    assert_eq!(ids(&alerts), ["ssh-brute-force"]);
    assert_eq!(alerts[0].evidence_count, 10);
    assert!(
        alerts[0]
            .reason
            .starts_with("10 connections from 192.0.2.9 ")
    );
}

#[test]
fn slow_guessing_is_found() {
    assert_eq!(
        ids(&Host::new().logins(100, 60, Login::Fails)),
        ["ssh-brute-force"]
    );
    assert!(Host::new().logins(100, 70, Login::Fails).is_empty());
}

#[test]
fn success_after_guessing_is_graver() {
    for login in [Login::Person, Login::Root, Login::Files] {
        let mut host = Host::new();
        host.logins(20, 1, Login::Fails);
        let alerts = host.login("192.0.2.9", login);
        assert_eq!(ids(&alerts), ["ssh-brute-force-success"]);
    }
}

#[test]
fn what_looks_alike_is_none() {
    let mut host = Host::new();
    // A typo or two, each time.
    let mut alerts = Vec::new();
    for _ in 0..30 {
        alerts.extend(host.logins(2, 10, Login::Fails));
        alerts.extend(host.logins(1, 10, Login::Person));
        host.scene.wait(seconds(120));
    }
    // Automation, and transfers of files by the server itself.
    alerts.extend(host.logins(100, 1, Login::Root));
    alerts.extend(host.logins(100, 1, Login::Person));
    alerts.extend(host.logins(100, 1, Login::Files));
    // Checks whether the port is open, and which version it is.
    for (port, bytes) in (5_000..5_200).zip([0, 30].into_iter().cycle()) {
        let peer = format!("192.0.2.10:{port}");
        alerts.extend(host.scene.accepts(SERVER, &peer));
        alerts.extend(host.scene.forks(SERVER, port));
        let talk = Talk::from(&peer, 22).with(40, bytes);
        alerts.extend(talk.ends(&mut host.scene, SERVER));
        alerts.extend(host.scene.exits(port, 255));
    }
    // Tunnels that last.
    for port in 6_000..6_100 {
        let talk = Talk {
            lasted: Duration::from_secs(1_000),
            ..Talk::from(&format!("192.0.2.11:{port}"), 22).with(9_000, 9_000)
        };
        alerts.extend(talk.ends(&mut host.scene, SERVER));
    }
    // Another server.
    host.scene.runs(11, 1, "/usr/sbin/nginx");
    for port in 7_000..7_100 {
        let talk = Talk::from(&format!("192.0.2.12:{port}"), 443).with(9_000, 9_000);
        alerts.extend(talk.ends(&mut host.scene, 11));
    }
    assert!(ids(&alerts).is_empty());
}

#[test]
fn guesses_from_everywhere_are_told_apart() {
    let mut host = Host::new();
    for source in 0..200 {
        assert!(
            host.login(&format!("198.51.100.{source}"), Login::Fails)
                .is_empty()
        );
    }
}
