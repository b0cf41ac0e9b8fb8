//! What the rules are.

use super::super::finding::Written;
use crate::detect::severity::Severity;

const REFERENCE: &str = "https://attack.mitre.org/techniques/T1562/001/";
const ATTACK: &[&str] = &["defense-evasion", "T1562.001"];

pub(super) const TRACED: Written = Written {
    id: "sensor-traced",
    name: "Process reached into the sensor",
    severity: Severity::Critical,
    description: "A process was given access to write to the sensor's memory or to take its descriptors.",
    false_positives: &["Debugging of the sensor"],
    references: &[REFERENCE, "https://attack.mitre.org/techniques/T1055/008/"],
    attack: &["defense-evasion", "T1562.001", "T1055.008"],
};

pub(super) const STOPPED: Written = Written {
    id: "sensor-stopped",
    name: "Command that stops the sensor",
    severity: Severity::High,
    description: "kill, pkill, killall, systemctl or service was started with the sensor as what to stop.",
    false_positives: &["Administration of the sensor itself"],
    references: &[REFERENCE],
    attack: ATTACK,
};

pub(super) const FILES: Written = Written {
    id: "sensor-files-changed",
    name: "Command that removes or changes the sensor's files",
    severity: Severity::High,
    description: "A tool that removes, moves, cuts or locks files was started with a file of the sensor's, \
                  or with what is pinned in the BPF file system.",
    false_positives: &["Removal of the sensor by hand; maintenance of other BPF programs' pins"],
    references: &[REFERENCE],
    attack: ATTACK,
};

pub(super) const DETACHED: Written = Written {
    id: "bpf-detach",
    name: "Command that detaches BPF programs or writes to their maps",
    severity: Severity::High,
    description: "bpftool was started to detach a program or a link, or to change a map.",
    false_positives: &["Debugging of BPF programs"],
    references: &[REFERENCE],
    attack: ATTACK,
};

pub(super) const OPENED: Written = Written {
    id: "sensor-programs-opened",
    name: "Foreign process opened the sensor's BPF programs",
    severity: Severity::Medium,
    description: "A process other than the sensor opened one of the sensor's BPF programs by id, which \
                  is needed to read, detach or replace it.",
    false_positives: &["bpftool prog list, and tools that list all BPF programs"],
    references: &[REFERENCE],
    attack: &["defense-evasion", "discovery", "T1562.001", "T1518.001"],
};
