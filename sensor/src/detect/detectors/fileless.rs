//! Programs that have no file, or one in memory.
//!
//! A runtime's own copy of itself in memory, and a program that starts itself again after an upgrade
//! unlinked it, are told from these by what they are and who started them.

use std::sync::Arc;

use super::{
    finding::{Written, alert, command, quoted, who},
    programs::{Class, class_of, is_in_shared_memory, is_in_writable_place},
};
use crate::{
    detect::{
        alert::{Alert, RuleDescription},
        detector::Detector,
        severity::Severity,
    },
    enrich::{
        cache::Cache,
        script::{Captured, Script, script},
    },
    event::{Body, Exec, ProcessId},
    observed::Observed,
    process::Image,
};

const FILELESS: Written = Written {
    id: "fileless-execution",
    name: "Program without a file",
    severity: Severity::High,
    description: "The program that was executed is in memory only (memfd), or its file was deleted before.",
    false_positives: &[
        "Programs that copy themselves to memory to protect their file, other than container runtimes",
        "Long-running programs outside of system directories that start themselves again after an upgrade",
    ],
    references: &["https://attack.mitre.org/techniques/T1620/"],
    attack: &["defense-evasion", "execution", "T1620", "T1027.011"],
};

const SHARED_MEMORY: Written = Written {
    id: "execution-from-shared-memory",
    name: "Program or script in shared memory",
    severity: Severity::High,
    description: "A program, or a script or library loader's program, lies in /dev/shm, which is memory \
                  that everybody may write to and nobody installs programs in.",
    false_positives: &["Tests and builds that use /dev/shm as a fast scratch directory"],
    references: &["https://attack.mitre.org/techniques/T1027/011/"],
    attack: &["defense-evasion", "T1027.011", "T1059"],
};

const BY_DESCRIPTOR: Written = Written {
    id: "execution-by-descriptor",
    name: "Program named by a descriptor",
    severity: Severity::Low,
    description: "A program with a file was executed by the number of an open descriptor, which hides \
                  its path from whoever looks at the call.",
    false_positives: &["Programs that check a file before they execute it"],
    references: &["https://attack.mitre.org/techniques/T1620/"],
    attack: &["defense-evasion", "T1620"],
};

/// Processes that run a container runtime and are remembered: each for some milliseconds of its life.
const RUNTIMES_MAX: usize = 1024;

/// Finds programs without a file.
#[derive(Debug)]
pub(super) struct Fileless {
    rules: [Arc<RuleDescription>; 3],
    /// Processes that run a container runtime: some become their own copy without another process
    /// between.
    runtimes: Cache<ProcessId, ()>,
}

impl Fileless {
    pub(super) fn new() -> Self {
        Self {
            rules: [FILELESS.rule(), SHARED_MEMORY.rule(), BY_DESCRIPTOR.rule()],
            runtimes: Cache::new(RUNTIMES_MAX),
        }
    }

    /// Whether it is a container runtime's copy of itself, made so that the container cannot write to
    /// it: by the process itself, or by the one that made this one.
    fn is_runtime(&self, executable: &str, observed: &Observed<'_>) -> bool {
        let is_copy = is_copy(executable);
        let was_runtime = || {
            let id = observed.event.subject();
            id.is_some_and(|id| self.runtimes.peek(&id).is_some())
        };
        let is_made_by_runtime = || {
            maker(observed).is_some_and(|image| {
                is_installed_runtime(image)
                    || image.executable.starts_with("/memfd:runc_cloned:")
                    || image.executable.starts_with("/memfd:crun_cloned:")
            })
        };
        is_copy && (was_runtime() || is_made_by_runtime())
    }

    /// Remembers what the process runs from now on.
    fn remember(&mut self, observed: &Observed<'_>) {
        let Some(process) = observed.process else {
            return;
        };
        match process.image.as_deref() {
            Some(image) if is_installed_runtime(image) => {
                self.runtimes.insert(process.id, ());
            }
            // On the way it executes itself through a mount that nobody else sees, whose path is its root
            // (crun), and perhaps a copy of a copy.
            Some(image) if image.executable == "/" || is_copy(&image.executable) => {}
            _ => self.runtimes.remove(&process.id),
        }
    }

    fn judge(&self, exec: &Exec, observed: &Observed<'_>) -> Option<Alert> {
        let [fileless, shared_memory, by_descriptor] = &self.rules;
        let executable = String::from_utf8_lossy(&exec.executable.bytes);
        let filename = exec.filename.to_str();
        let is_memory = exec.file.links == 0 && executable.starts_with("/memfd:");
        let program = script_of(exec).map(String::from_utf8_lossy);
        let script = program.filter(|path| is_in_shared_memory(path) || is_descriptor(path));
        let (rule, what) = if is_memory && !self.is_runtime(&executable, observed) {
            (
                fileless,
                format!("memory ({}) and not a file", quoted(&executable)),
            )
        } else if exec.deleted && !is_memory && !is_restart(exec, &executable, observed) {
            (
                fileless,
                format!("a deleted file ({})", quoted(&executable)),
            )
        } else if is_memory || exec.deleted {
            return None;
        } else if is_in_shared_memory(&executable) {
            (
                shared_memory,
                format!("a file in shared memory ({})", quoted(&executable)),
            )
        } else if let Some(script) = script {
            let rule = if is_in_shared_memory(&script) {
                shared_memory
            } else {
                fileless
            };
            (
                rule,
                format!("{} through {}", quoted(&script), quoted(&executable)),
            )
        } else if is_descriptor(&filename) && !is_careful(observed) {
            (
                by_descriptor,
                format!("the open descriptor {}", quoted(&filename)),
            )
        } else {
            return None;
        };
        let reason = format!(
            "{} executed {what}: {}.",
            who(observed.parent),
            command(exec)
        );
        Some(alert(rule, reason, None, observed.event.origin))
    }
}

/// The file that an interpreter or the dynamic loader was told to run.
fn script_of(exec: &Exec) -> Option<&[u8]> {
    let bytes = &exec.arguments.bytes[..];
    let mut arguments = bytes.strip_suffix(&[0])?.split(|byte| *byte == 0);
    let name = exec.executable.bytes.rsplit(|byte| *byte == b'/').next()?;
    if name.starts_with(b"ld-linux") || name.starts_with(b"ld-musl") || name.starts_with(b"ld-2.") {
        return arguments
            .skip(1)
            .find(|argument| argument.starts_with(b"/"));
    }
    let captured = if exec.arguments.is_truncated() {
        Captured::Cut
    } else {
        Captured::Whole
    };
    let file = (!exec.interpreter.bytes.is_empty()).then_some(&exec.filename.bytes[..]);
    match script(&exec.executable.bytes, &mut arguments, captured, file)? {
        Script::File(path) => Some(path),
        Script::Inline | Script::Module(_) | Script::StandardInput => None,
    }
}

/// Whether a path names an open descriptor by `/proc`. What a shell substitutes is below `/dev/fd`.
fn is_descriptor(path: &str) -> bool {
    path.strip_prefix("/proc/").is_some_and(|rest| {
        rest.split_once('/').is_some_and(|(process, rest)| {
            let is_process = matches!(process, "self" | "thread-self")
                || process.chars().all(|digit| digit.is_ascii_digit());
            is_process && rest.starts_with("fd/")
        })
    })
}

/// Whether an executable is called as runtimes call their copies of themselves.
fn is_copy(executable: &str) -> bool {
    [
        "/memfd:runc_cloned:",
        "/memfd:crun_cloned:",
        "/memfd:lxc",
        "/memfd:clone",
    ]
    .iter()
    .any(|name| executable.starts_with(name))
}

fn is_installed_runtime(image: &Image) -> bool {
    class_of(image) == Some(Class::ContainerRuntime) && !is_in_writable_place(&image.executable)
}

/// Whether a program that an upgrade unlinked is started again by itself, or by the systemd that it
/// belongs to.
fn is_restart(exec: &Exec, executable: &str, observed: &Observed<'_>) -> bool {
    if is_in_writable_place(executable) || !executable.starts_with('/') {
        return false;
    }
    let Some(maker) = maker(observed) else {
        return false;
    };
    let is_itself = maker.executable == executable;
    let by_link = exec.filename.bytes.starts_with(b"/proc/self/exe")
        || is_descriptor(&exec.filename.to_str());
    let is_systemds = executable.ends_with("/systemd/systemd-executor") && maker.name == "systemd";
    (is_itself && by_link) || is_systemds
}

/// Whether who executes by descriptor is known to do so.
fn is_careful(observed: &Observed<'_>) -> bool {
    let maker = maker(observed);
    maker.is_some_and(|image| {
        matches!(
            class_of(image),
            Some(Class::ServiceManager | Class::ContainerRuntime)
        ) || image.name == "sudo"
    })
}

/// What the process ran before, as far as its parent tells: who starts a program forks first.
fn maker<'a>(observed: &Observed<'a>) -> Option<&'a Image> {
    observed.parent?.image.as_deref()
}

impl Detector for Fileless {
    fn rules(&self) -> &[Arc<RuleDescription>] {
        &self.rules
    }

    fn inspect(&mut self, observed: &Observed<'_>, alerts: &mut Vec<Alert>) {
        if let Body::Exec(exec) = &observed.event.body {
            alerts.extend(self.judge(exec, observed));
            self.remember(observed);
        }
    }

    fn limits(&self, limit: &mut dyn FnMut(&'static str, u64)) {
        limit("fileless_runtimes", self.runtimes.evicted());
    }
}

#[cfg(test)]
mod tests {
    use super::{super::scene::*, *};

    fn scene() -> Scene {
        let mut scene = Scene::new(Fileless::new());
        scene.runs(800, 1, "/usr/bin/bash");
        scene
    }

    fn memory(filename: &'static str) -> impl FnOnce(&mut Exec) {
        move |exec| {
            exec.file.links = 0;
            exec.executable.detached = true;
            exec.filename = text(filename.as_bytes());
        }
    }

    fn deleted(filename: &'static str) -> impl FnOnce(&mut Exec) {
        move |exec| {
            exec.file.links = 0;
            exec.deleted = true;
            exec.filename = text(filename.as_bytes());
        }
    }

    #[test]
    fn programs_in_memory_and_deleted_ones() {
        let mut scene = scene();
        let alerts = scene.spawns(
            800,
            801,
            "/memfd:x",
            &["[kworker]"],
            memory("/proc/self/fd/3"),
        );
        assert_eq!(ids(&alerts), ["fileless-execution"]);
        assert!(
            alerts[0].reason.contains("/memfd:x"),
            "{}",
            alerts[0].reason
        );
        let alerts = scene.spawns(800, 802, "/tmp/x", &["x"], deleted("/proc/self/fd/3"));
        assert_eq!(ids(&alerts), ["fileless-execution"]);
        // The name of a runtime's copy does not make it one.
        let copy = "/memfd:runc_cloned:/proc/self/exe";
        let alerts = scene.spawns(800, 803, copy, &["runc", "init"], memory("/proc/self/exe"));
        assert_eq!(ids(&alerts), ["fileless-execution"]);
    }

    #[test]
    fn programs_and_scripts_in_shared_memory() {
        let mut scene = scene();
        for (number, (executable, argv)) in [
            ("/dev/shm/.x", &["x"][..]),
            ("/usr/bin/python3", &["python3", "/dev/shm/a.py"]),
            ("/usr/lib64/ld-linux-x86-64.so.2", &["ld.so", "/dev/shm/x"]),
        ]
        .into_iter()
        .enumerate()
        {
            let child = 810 + u32::try_from(number).unwrap();
            let alerts = scene.spawns(800, child, executable, argv, |_| {});
            assert_eq!(
                ids(&alerts),
                ["execution-from-shared-memory"],
                "{executable}"
            );
        }
        let argv = ["python3", "/proc/self/fd/3"];
        let alerts = scene.spawns(800, 820, "/usr/bin/python3", &argv, |_| {});
        assert_eq!(ids(&alerts), ["fileless-execution"]);
        let by_number = |exec: &mut Exec| exec.filename = text(b"/proc/self/fd/9");
        let alerts = scene.spawns(800, 821, "/usr/bin/id", &["id"], by_number);
        assert_eq!(ids(&alerts), ["execution-by-descriptor"]);
    }

    #[test]
    fn runtimes_upgrades_and_systemd_are_normal() {
        let mut scene = scene();
        scene.runs(810, 1, "/usr/sbin/runc");
        let copy = "/memfd:runc_cloned:/proc/self/exe";
        assert!(
            scene
                .spawns(810, 811, copy, &["runc", "init"], memory("/proc/self/exe"))
                .is_empty()
        );
        // An upgrade came between: the program that runs has no file any longer.
        scene.runs(820, 1, "/opt/google/chrome/chrome");
        let chrome = "/opt/google/chrome/chrome";
        assert!(
            scene
                .spawns(820, 821, chrome, &["chrome"], deleted("/proc/self/exe"))
                .is_empty()
        );
        let executor = "/usr/lib/systemd/systemd-executor";
        assert!(
            scene
                .spawns(1, 822, executor, &["x"], deleted("/proc/self/fd/9"))
                .is_empty()
        );
        let by_number = |exec: &mut Exec| exec.filename = text(b"/proc/self/fd/9");
        assert!(scene.spawns(1, 823, executor, &["x"], by_number).is_empty());
    }

    #[test]
    fn a_runtime_that_becomes_its_own_copy_is_normal_and_nobody_else_is() {
        let mut scene = scene();
        let copy = "/memfd:crun_cloned:/proc/self/exe";
        let argv = ["crun", "run", "x"];
        scene.spawns(800, 830, "/usr/bin/crun", &argv, |_| {});
        scene.execs(830, "/", &argv, |exec| exec.executable.detached = true);
        assert!(
            scene
                .execs(830, copy, &argv, memory("/proc/self/exe"))
                .is_empty()
        );
        assert!(
            scene
                .execs(830, copy, &argv, memory("/proc/self/exe"))
                .is_empty()
        );
        // Another process, one that was a runtime before, and a runtime that anybody may have put there.
        scene.spawns(800, 831, "/usr/bin/crun", &argv, |_| {});
        scene.spawns(800, 832, "/usr/bin/crun", &argv, |_| {});
        scene.execs(832, "/usr/bin/python3", &["python3"], |_| {});
        scene.spawns(800, 833, "/tmp/crun", &argv, |_| {});
        for (process, alerts) in [
            (
                834,
                scene.spawns(800, 834, copy, &argv, memory("/proc/self/exe")),
            ),
            (832, scene.execs(832, copy, &argv, memory("/proc/self/exe"))),
            (833, scene.execs(833, copy, &argv, memory("/proc/self/exe"))),
        ] {
            assert_eq!(ids(&alerts), ["fileless-execution"], "{process}");
        }
    }

    #[test]
    fn runtimes_that_are_remembered_are_bounded() {
        let mut scene = scene();
        for number in 0..RUNTIMES_MAX + 5 {
            let child = 1_000 + u32::try_from(number).unwrap();
            scene.spawns(800, child, "/usr/bin/crun", &["crun"], |_| {});
        }
        assert_eq!(scene.forgotten(), 5);
    }

    #[test]
    fn ordinary_programs_and_what_shells_substitute_are_normal() {
        let mut scene = scene();
        assert!(
            scene
                .spawns(800, 801, "/usr/bin/ls", &["ls", "/dev/shm/x"], |_| {})
                .is_empty()
        );
        assert!(
            scene
                .spawns(800, 802, "/bin/bash", &["bash", "/dev/fd/63"], |_| {})
                .is_empty()
        );
        assert!(
            scene
                .spawns(800, 803, "/bin/sh", &["sh", "/usr/bin/x"], |_| {})
                .is_empty()
        );
    }

    #[test]
    fn copes_with_anything() {
        withstands(Fileless::new);
    }
}
