//! What the rules are.

use super::super::finding::Written;
use crate::detect::severity::Severity;

const MODULES: &str = "https://attack.mitre.org/techniques/T1547/006/";
const ROOTKIT: &str = "https://attack.mitre.org/techniques/T1014/";

pub(super) const MODULE: Written = Written {
    id: "kernel-module-by-hand",
    name: "Kernel module loaded by a person",
    severity: Severity::Low,
    description: "A module of the kernel's own was loaded from a session, and by nothing that the host \
                  set going itself.",
    false_positives: &["Administration; packages that load a module when they are installed"],
    references: &[MODULES],
    attack: &["persistence", "T1547.006"],
};

pub(super) const MODULE_UNEXPECTED: Written = Written {
    id: "kernel-module-unexpected",
    name: "Kernel module loaded by an unexpected process",
    severity: Severity::High,
    description: "A module was loaded that is not of the kernel's own build or not signed, by other than \
                  the host's own services; or any module from a container, or by a program that is not \
                  there to load modules.",
    false_positives: &["Modules that are built on the host and loaded by hand"],
    references: &[MODULES, ROOTKIT],
    attack: &["persistence", "defense-evasion", "T1547.006", "T1014"],
};

pub(super) const BPF: Written = Written {
    id: "bpf-load-unexpected",
    name: "BPF program that watches the kernel, by an unexpected process",
    severity: Severity::Medium,
    description: "A BPF program of a type that sees or steers the kernel or the network (kprobe, \
                  tracing, tracepoint, perf event, LSM, XDP, traffic control) was loaded by a program \
                  that is not known to do so.",
    false_positives: &["Tools for observation, security and networking that are not known by name"],
    references: &[ROOTKIT],
    attack: &["defense-evasion", "T1014", "T1205.002"],
};

pub(super) const BPF_OVERRIDE: Written = Written {
    id: "bpf-override",
    name: "BPF program that changes what the kernel returns",
    severity: Severity::Critical,
    description: "A BPF program was loaded that can change the results of the kernel's functions: it can \
                  hide files and processes, and lie to security tools.",
    false_positives: &["Sensors that enforce policies this way; tools that inject faults"],
    references: &[ROOTKIT],
    attack: &["defense-evasion", "T1014", "T1562.001"],
};
