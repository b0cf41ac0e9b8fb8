//! What the rules are.

use super::super::finding::Written;
use crate::detect::severity::Severity;

pub(super) const BY_CALL: Written = Written {
    id: "privilege-escalation",
    name: "Root by a call",
    severity: Severity::High,
    description: "A process none of whose ids was root's made itself root by a call, with a capability \
                  that its program or its user was given: not by sudo, su, pkexec or another setuid \
                  program, and not in a user namespace.",
    false_positives: &["Services that run with CAP_SETUID and change to the user that they serve"],
    references: &["https://attack.mitre.org/techniques/T1548/001/"],
    attack: &["privilege-escalation", "T1548.001"],
};

pub(super) const FORGED: Written = Written {
    id: "forged-credentials",
    name: "Credentials that no call can commit",
    severity: Severity::Critical,
    description: "A task committed ids or capabilities that it had no right to: code in the kernel \
                  called commit_creds for it, as exploits do.",
    false_positives: &[
        "Kernels with modules of security vendors that grant privileges by themselves",
    ],
    references: &["https://attack.mitre.org/techniques/T1068/"],
    attack: &["privilege-escalation", "T1068"],
};

pub(super) const OUT_OF_PLACE: Written = Written {
    id: "setuid-out-of-place",
    name: "Privileged program in a place that everybody may write to",
    severity: Severity::High,
    description: "A file with the setuid bit and root as owner, or with capabilities, was executed out of \
                  /tmp, /var/tmp, /dev/shm, /run/user or a home, and gave its privileges.",
    false_positives: &["The sandbox helper of programs built on Chromium below a home"],
    references: &["https://attack.mitre.org/techniques/T1548/001/"],
    attack: &["privilege-escalation", "persistence", "T1548.001"],
};

pub(super) const SHELL: Written = Written {
    id: "setuid-shell",
    name: "Shell or interpreter with root's privileges by its file",
    severity: Severity::High,
    description: "A shell, an interpreter or a tool that runs or writes whatever it is told gained \
                  root's id by the setuid bit of its file, or capabilities that are as good.",
    false_positives: &["Interpreters that were given a capability on purpose"],
    references: &[
        "https://gtfobins.github.io/",
        "https://attack.mitre.org/techniques/T1548/001/",
    ],
    attack: &["privilege-escalation", "persistence", "T1548.001"],
};
