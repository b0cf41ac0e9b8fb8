use std::time::Duration;

use super::super::elevation_guessing::{ElevationGuessing, Settings};
use super::seconds;
use crate::{
    detect::{
        alert::Alert,
        detectors::scene::{Scene, ids},
    },
    event::{Body, Exit, ExitStatus},
};

const SHELL: u32 = 10;

struct Host {
    scene: Scene,
    next: u32,
}

/// What comes of a run.
#[derive(Clone, Copy)]
enum Run {
    /// It is refused after a while.
    Refused,
    /// It is refused at once.
    RefusedAtOnce,
    /// It is ended from outside.
    Killed,
    /// It runs something, which ends with an error.
    Runs,
}

impl Host {
    fn new(uid: u32) -> Self {
        let mut scene = Scene::new(ElevationGuessing::new(Settings::default()));
        scene.runs_as(SHELL, 1, uid, "/bin/bash");
        Self { scene, next: 1_000 }
    }

    fn run(&mut self, argv: &[&str], run: Run) -> Vec<Alert> {
        let scene = &mut self.scene;
        let tool = self.next;
        self.next += 3;
        let path = format!("/usr/bin/{}", argv[0]);
        let mut alerts = scene.spawns(SHELL, tool, &path, argv, |_| {});
        // PAM's helper, which is no success.
        let helper = "/usr/sbin/unix_chkpwd";
        alerts.extend(scene.spawns(tool, tool + 1, helper, &[helper], |_| {}));
        alerts.extend(scene.exits(tool + 1, 7));
        match run {
            Run::RefusedAtOnce => {}
            Run::Killed => _ = scene.wait(Duration::from_millis(700)),
            Run::Refused | Run::Runs => _ = scene.wait(seconds(2)),
        }
        if matches!(run, Run::Runs) {
            alerts.extend(scene.spawns(tool, tool + 2, "/usr/bin/grep", &["grep"], |_| {}));
            alerts.extend(scene.exits(tool + 2, 1));
        }
        if matches!(run, Run::Killed) {
            let status = ExitStatus::Signal {
                number: 15,
                core_dumped: false,
            };
            alerts.extend(scene.does(tool, Body::Exit(Exit { status })));
        } else {
            alerts.extend(scene.exits(tool, 1));
        }
        alerts
    }

    fn runs(&mut self, count: usize, gap: u64, argv: &[&str], run: Run) -> Vec<Alert> {
        let runs = (0..count).flat_map(|_| {
            self.scene.wait(seconds(gap));
            self.run(argv, run)
        });
        runs.collect()
    }
}

#[test]
fn guessing_is_said_once() {
    let runs: [(&[&str], Run); 4] = [
        (&["su", "root"], Run::Refused),
        (&["su", "-c", "id"], Run::Killed),
        (&["sudo", "-S", "id"], Run::Refused),
        (&["doas", "sh"], Run::Refused),
    ];
    for (argv, run) in runs {
        let alerts = Host::new(1_000).runs(100, 1, argv, run);
        assert_eq!(ids(&alerts), ["elevation-brute-force"], "{argv:?}");
        assert_eq!(alerts[0].evidence_count, 6);
        let tool = argv[0];
        assert_eq!(
            alerts[0].reason.split(" within").next(),
            Some(&*format!("User 1000 ran 6 tools like {tool}"))
        );
    }
}

#[test]
fn slow_guessing_is_found() {
    let guess = |gap| Host::new(33).runs(60, gap, &["su"], Run::Refused);
    assert_eq!(ids(&guess(110)), ["elevation-brute-force"]);
    assert!(guess(125).is_empty());
}

#[test]
fn success_after_guessing_is_graver() {
    let mut host = Host::new(1_000);
    host.runs(10, 1, &["sudo", "-S", "id"], Run::Refused);
    let alerts = host.run(&["su"], Run::Runs);
    assert_eq!(ids(&alerts), ["elevation-brute-force-success"]);
}

#[test]
fn guesses_by_the_helper_itself_are_found() {
    let mut host = Host::new(1_000);
    let mut alerts = Vec::new();
    for code in [7, 7, 7, 7, 7, 7, 7, 7, 0] {
        let helper = host.next;
        host.next += 1;
        let path = "/usr/sbin/unix_chkpwd";
        alerts.extend(
            host.scene
                .spawns(SHELL, helper, path, &[path, "user"], |_| {}),
        );
        alerts.extend(host.scene.exits(helper, code));
    }
    let expected = ["elevation-brute-force", "elevation-brute-force-success"];
    assert_eq!(ids(&alerts), expected);
}

#[test]
fn what_looks_alike_is_none() {
    let mut host = Host::new(1_000);
    let mut alerts = Vec::new();
    // Typos, and then the password.
    for _ in 0..20 {
        alerts.extend(host.runs(2, 5, &["sudo", "make"], Run::Refused));
        alerts.extend(host.runs(1, 5, &["sudo", "make"], Run::Runs));
        host.scene.wait(seconds(300));
    }
    // What is run ends with an error.
    alerts.extend(host.runs(100, 1, &["sudo", "grep", "x", "y"], Run::Runs));
    alerts.extend(host.runs(100, 1, &["su", "-c", "false"], Run::Runs));
    // A prompt that only asks whether it would be asked.
    alerts.extend(host.runs(100, 1, &["sudo", "-n", "true"], Run::Refused));
    // A monitor's script that may not, and has no terminal.
    alerts.extend(host.runs(100, 1, &["sudo", "smartctl"], Run::RefusedAtOnce));
    assert!(ids(&alerts).is_empty());
    // Root is not asked.
    assert!(
        Host::new(0)
            .runs(100, 1, &["su", "user"], Run::Refused)
            .is_empty()
    );
}
