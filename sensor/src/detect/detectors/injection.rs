//! Processes that reach into others.
//!
//! The kernel asks whether a process may attach to another one, read or write its memory
//! (`process_vm_readv`, `process_vm_writev`), open its `/proc/PID/mem` or take its descriptors
//! (`pidfd_getfd`), and does not tell which of these it is. What is written to `/proc/PID/mem` once it
//! is open is not seen.

use std::sync::Arc;

use sensor_common::privilege::{PTRACE_MODE_ATTACH, PtraceOperation};

use super::{
    finding::{Written, alert, who},
    programs::{Class, class_of, is_in_writable_place, program},
};
use crate::{
    detect::{
        alert::{Alert, RuleDescription},
        detector::Detector,
        severity::Severity,
    },
    event::{Body, Ptrace},
    observed::Observed,
    process::{Image, Process},
};

const INJECTION: Written = Written {
    id: "process-injection",
    name: "Process reached into another one",
    severity: Severity::High,
    description: "A process that is no debugger was given access to write to a process that it did not \
                  start.",
    false_positives: &[
        "Debuggers and profilers that are not known by their names",
        "Programs that snapshot or sandbox their siblings",
    ],
    references: &["https://attack.mitre.org/techniques/T1055/008/"],
    attack: &[
        "defense-evasion",
        "privilege-escalation",
        "T1055.008",
        "T1055.009",
    ],
};

const INTO_SERVICE: Written = Written {
    id: "process-injection-into-service",
    name: "Process reached into one that holds secrets or runs the host",
    severity: Severity::Critical,
    description: "Any process, a debugger too, was given access to write to the service manager, to what \
                  lets people in (sshd, sudo, su, login) or to what keeps keys (ssh-agent, gpg-agent): \
                  this is how passwords are taken as they are typed.",
    false_positives: &["Debugging of these programs themselves"],
    references: &[
        "https://attack.mitre.org/techniques/T1055/008/",
        "https://attack.mitre.org/techniques/T1003/007/",
    ],
    attack: &[
        "credential-access",
        "defense-evasion",
        "T1055.008",
        "T1003.007",
        "T1056",
    ],
};

/// Finds processes that reach into others.
#[derive(Debug)]
pub(super) struct Injection {
    rules: [Arc<RuleDescription>; 2],
}

impl Injection {
    pub(super) fn new() -> Self {
        Self {
            rules: [INJECTION.rule(), INTO_SERVICE.rule()],
        }
    }

    fn judge(&self, ptrace: &Ptrace, observed: &Observed<'_>) -> Option<Alert> {
        let actor = observed.event.actor?;
        if ptrace.operation != PtraceOperation::Access
            || ptrace.mode & PTRACE_MODE_ATTACH == 0
            || actor.id.tgid == ptrace.target.tgid
        {
            return None;
        }
        let [injection, into_service] = &self.rules;
        let image = observed
            .process
            .and_then(|process| process.image.as_deref());
        let target = observed.other.and_then(|target| target.image.as_deref());
        if image.is_some_and(catches_crashes) {
            return None;
        }
        let rule = if target.is_some_and(holds_secrets) && !is_family(image, target) {
            into_service
        } else if image.is_some_and(is_debugger)
            || descends(observed.other, observed)
            || is_same_program(image, target, actor.uid == ptrace.target_uid)
        {
            return None;
        } else {
            injection
        };
        let target = match observed.other {
            Some(target) => who(Some(target)),
            None => format!("process {}", ptrace.target.tgid),
        };
        let reason = format!(
            "{} of user {} was given access to write to {target} of user {}.",
            who(observed.process),
            actor.uid,
            ptrace.target_uid
        );
        Some(alert(rule, reason, None, observed.event.origin))
    }
}

/// Whether a program is there to look into others, and lies where it is installed.
fn is_debugger(image: &Image) -> bool {
    let is_in_memory = ["/tmp/", "/var/tmp/", "/dev/shm/", "/memfd:"]
        .iter()
        .any(|place| image.executable.starts_with(place));
    class_of(image) == Some(Class::Debugger) && !is_in_memory
}

/// Whether a program writes dumps of processes that crashed.
fn catches_crashes(image: &Image) -> bool {
    let is_handler = matches!(
        &*image.name,
        "systemd-coredump" | "apport" | "abrt-hook-ccpp" | "criu"
    );
    is_handler && !is_in_writable_place(&image.executable)
}

/// Whether a process lets people in, keeps keys or runs the host.
fn holds_secrets(image: &Image) -> bool {
    matches!(
        program(image),
        "sshd"
            | "sshd-session"
            | "sshd-auth"
            | "dropbear"
            | "sudo"
            | "sudo-rs"
            | "su"
            | "login"
            | "passwd"
            | "pkexec"
            | "polkitd"
            | "systemd"
            | "init"
            | "systemd-logind"
            | "unix_chkpwd"
            | "ssh-agent"
            | "gpg-agent"
            | "gnome-keyring-daemon"
            | "gnome-keyring-d"
            | "sssd"
            | "sssd_pam"
    )
}

/// Whether both are parts of one login service or of the service manager.
fn is_family(one: Option<&Image>, other: Option<&Image>) -> bool {
    let (Some(one), Some(other)) = (one, other) else {
        return false;
    };
    let is_one_program = one.executable == other.executable;
    let are_parts = one.name.starts_with("sshd") && other.name.starts_with("sshd")
        || one.name.starts_with("systemd") && other.name.starts_with("systemd");
    (is_one_program || are_parts) && !is_in_writable_place(&one.executable)
}

/// Whether a process was started by the one that acts, at any distance.
fn descends(target: Option<&Process>, observed: &Observed<'_>) -> bool {
    let Some(actor) = observed.event.actor else {
        return false;
    };
    target.is_some_and(|target| {
        let is_child = target
            .parent
            .is_some_and(|parent| parent.tgid == actor.id.tgid);
        is_child
            || target
                .lineage
                .ancestors()
                .any(|one| one.id.tgid == actor.id.tgid)
    })
}

/// Whether one user's processes of one program look at each other, as browsers' do.
fn is_same_program(one: Option<&Image>, other: Option<&Image>, is_same_user: bool) -> bool {
    let (Some(one), Some(other)) = (one, other) else {
        return false;
    };
    let runs_anything = matches!(class_of(one), Some(Class::Shell | Class::Interpreter));
    is_same_user
        && !runs_anything
        && !one.executable.is_empty()
        && one.executable == other.executable
}

impl Detector for Injection {
    fn rules(&self) -> &[Arc<RuleDescription>] {
        &self.rules
    }

    fn inspect(&mut self, observed: &Observed<'_>, alerts: &mut Vec<Alert>) {
        if let Body::Ptrace(ptrace) = &observed.event.body {
            alerts.extend(self.judge(ptrace, observed));
        }
    }

    /// It remembers nothing.
    fn limits(&self, _limit: &mut dyn FnMut(&'static str, u64)) {}
}

#[cfg(test)]
mod tests {
    use sensor_common::privilege::{PTRACE_MODE_FSCREDS, PTRACE_MODE_REALCREDS};

    use super::{super::scene::*, *};

    const ATTACH: u32 = PTRACE_MODE_ATTACH | PTRACE_MODE_REALCREDS;
    const READ: u32 = 1 | PTRACE_MODE_FSCREDS;

    fn scene() -> Scene {
        let mut scene = Scene::new(Injection::new());
        scene
            .runs(700, 1, "/usr/sbin/sshd")
            .runs_as(800, 700, 1000, "/usr/bin/bash")
            .runs_as(801, 800, 1000, "/home/a/server")
            .runs_as(802, 1, 1000, "/usr/bin/firefox");
        scene
    }

    #[test]
    fn a_program_that_is_no_debugger() {
        let mut scene = scene();
        scene.runs_as(810, 800, 1000, "/usr/bin/python3");
        let alerts = scene.traces(810, 802, ATTACH);
        assert_eq!(ids(&alerts), ["process-injection"]);
        // By /proc/PID/mem, and by a debugger's name in a temporary place.
        let alerts = scene.traces(810, 801, PTRACE_MODE_ATTACH | PTRACE_MODE_FSCREDS);
        assert_eq!(ids(&alerts), ["process-injection"]);
        scene.runs_as(811, 800, 1000, "/tmp/gdb");
        assert_eq!(ids(&scene.traces(811, 802, ATTACH)), ["process-injection"]);
    }

    #[test]
    fn what_lets_people_in_is_nobodys_to_debug() {
        let mut scene = scene();
        scene
            .runs(810, 800, "/usr/bin/strace")
            .runs(811, 800, "/usr/bin/python3");
        for (actor, target) in [(810, 700), (811, 700), (811, 1)] {
            let alerts = scene.traces(actor, target, ATTACH);
            assert_eq!(
                ids(&alerts),
                ["process-injection-into-service"],
                "{actor} {target}"
            );
        }
    }

    #[test]
    fn debuggers_and_children_of_ones_own_are_normal() {
        let mut scene = scene();
        scene.runs_as(810, 800, 1000, "/usr/bin/gdb");
        assert!(scene.traces(810, 802, ATTACH).is_empty());
        scene
            .runs_as(820, 800, 1000, "/usr/bin/proot")
            .runs_as(821, 820, 1000, "/usr/bin/ls");
        assert!(scene.traces(820, 821, ATTACH).is_empty());
        scene.runs_as(830, 800, 1000, "/usr/bin/firefox");
        assert!(scene.traces(830, 802, ATTACH).is_empty());
    }

    #[test]
    fn who_only_looks_and_who_catches_crashes_is_normal() {
        let mut scene = scene();
        scene.runs(810, 800, "/usr/bin/ps");
        assert!(scene.traces(810, 700, READ).is_empty());
        scene.runs(811, 2, "/usr/lib/systemd/systemd-coredump");
        assert!(scene.traces(811, 700, ATTACH).is_empty());
        scene.runs(812, 700, "/usr/lib/openssh/sshd-session");
        assert!(scene.traces(700, 812, ATTACH).is_empty());
    }

    #[test]
    fn copes_with_anything() {
        withstands(Injection::new);
    }
}
