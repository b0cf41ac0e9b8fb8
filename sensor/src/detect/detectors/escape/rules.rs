//! What the rules are.

use super::super::finding::Written;
use crate::detect::severity::Severity;

const REFERENCE: &str = "https://attack.mitre.org/techniques/T1611/";

pub(super) const ENTERS_HOST: Written = Written {
    id: "container-enters-host",
    name: "Container process in the host's namespaces",
    severity: Severity::Critical,
    description: "A process of a container entered the mount or pid namespace of the host.",
    false_positives: &["Privileged pods that maintain their node with nsenter"],
    references: &[REFERENCE],
    attack: &["privilege-escalation", "T1611"],
};

pub(super) const COMMAND: Written = Written {
    id: "container-escape-command",
    name: "Command that leads out of a container",
    severity: Severity::High,
    description: "A program in a container was started with arguments that name a known way out: the \
                  host's first process as nsenter's target, the host's root directory, the kernel's \
                  core_pattern, a cgroup's release_agent, a container runtime's socket, a disk.",
    false_positives: &[
        "Privileged pods that maintain their node",
        "Containers that run containers (CI), which have a runtime's socket",
    ],
    references: &[REFERENCE],
    attack: &["privilege-escalation", "T1611"],
};

pub(super) const SOCKET: Written = Written {
    id: "container-runtime-socket",
    name: "Container talks to a container runtime",
    severity: Severity::Medium,
    description: "A process in a container connected to the socket of Docker, containerd, CRI-O or \
                  Podman: who may do so is root on the host.",
    false_positives: &[
        "Containers that watch or manage others (monitoring, reverse proxies, CI)",
        "Containers that run a container runtime of their own",
    ],
    references: &[REFERENCE, "https://attack.mitre.org/techniques/T1610/"],
    attack: &["privilege-escalation", "execution", "T1611", "T1610"],
};

pub(super) const TRACES: Written = Written {
    id: "container-traces-outside",
    name: "Container process reached into a process outside",
    severity: Severity::Critical,
    description: "A process of a container was given access to write to a process of the host or of \
                  another container that is not of its pod.",
    false_positives: &["Profilers that run in a privileged container"],
    references: &[REFERENCE, "https://attack.mitre.org/techniques/T1055/008/"],
    attack: &["privilege-escalation", "T1611", "T1055.008"],
};
