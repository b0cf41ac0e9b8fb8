//! Which rules of the detectors find nothing for want of a hook.

/// The rules that find nothing where an event is hooked by these means, or not at all: by the hook's name
/// and the means' own, as reports have them.
///
/// Rules that find less, and those by other events, are not among them.
#[must_use]
pub fn blind(hook: &str, means: Option<&str>) -> &'static [&'static str] {
    match (hook, means) {
        ("exec", None) => &[
            "shell-on-socket",
            "fileless-execution",
            "execution-from-shared-memory",
            "execution-by-descriptor",
            "web-server-shell",
            "application-server-shell",
            "database-shell",
            "setuid-out-of-place",
            "setuid-shell",
            "container-escape-command",
            "sensor-stopped",
            "sensor-files-changed",
            "bpf-detach",
            "elevation-brute-force",
            "elevation-brute-force-success",
        ],
        ("exit", None) => &["elevation-brute-force", "elevation-brute-force-success"],
        ("accept", None) => &["bind-shell", "application-server-shell"],
        // No program of a cgroup is asked about unix sockets.
        ("connect", None | Some("cgroup")) => &["container-runtime-socket"],
        ("tcp state", None) => &[
            "inbound-port-scan",
            "beaconing",
            "ssh-brute-force",
            "ssh-brute-force-success",
            "exfiltration-by-volume",
        ],
        // Nor does one see what a datagram holds.
        ("udp send", None | Some("cgroup")) => &["dns-tunnelling"],
        ("namespaces", None) => &["container-enters-host"],
        ("credentials", None) => &[
            "privilege-escalation",
            "forged-credentials",
            "credential-overwrite",
            "unseen-root",
        ],
        ("credentials", Some("stand-in")) => &["privilege-escalation", "forged-credentials"],
        ("ptrace", None) => &[
            "process-injection",
            "process-injection-into-service",
            "container-traces-outside",
            "sensor-traced",
        ],
        ("module load", None) => &["kernel-module-by-hand", "kernel-module-unexpected"],
        ("bpf program", None) => &[
            "bpf-load-unexpected",
            "bpf-override",
            "sensor-programs-opened",
        ],
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::{
        detect::detectors::{Settings, all},
        kernel::hooks::HOOKS,
    };

    #[test]
    fn what_is_blind_is_a_rule() {
        let detectors = all(&Settings::default());
        let rules: BTreeSet<&str> = detectors
            .iter()
            .flat_map(|detector| detector.rules())
            .map(|rule| &*rule.id)
            .collect();
        for hook in HOOKS {
            let means = hook.rungs.iter().map(|rung| Some(rung.means.name()));
            for means in means.chain([None]) {
                for rule in blind(hook.name, means) {
                    assert!(rules.contains(rule), "{} {means:?}: {rule}", hook.name);
                }
            }
        }
    }

    /// A hook that is called otherwise, or whose best means are called so, would be none of these.
    #[test]
    fn every_name_is_a_hooks_and_the_best_means_lack_nothing() {
        for hook in HOOKS {
            let best = hook.rungs.first().map(|rung| rung.means.name());
            assert_eq!(blind(hook.name, best), &[] as &[&str], "{}", hook.name);
        }
        for name in [
            "exec",
            "exit",
            "accept",
            "connect",
            "tcp state",
            "udp send",
            "namespaces",
            "credentials",
            "ptrace",
            "module load",
            "bpf program",
        ] {
            let hook = HOOKS.iter().find(|hook| hook.name == name);
            assert!(hook.is_some(), "{name} is no hook");
            assert!(!blind(name, None).is_empty(), "{name}");
        }
        for (name, means) in [
            ("connect", "cgroup"),
            ("udp send", "cgroup"),
            ("credentials", "stand-in"),
        ] {
            let hook = HOOKS.iter().find(|hook| hook.name == name).unwrap();
            let mut known = hook.rungs.iter().map(|rung| rung.means.name());
            assert!(known.any(|known| known == means), "{name} {means}");
        }
    }
}
