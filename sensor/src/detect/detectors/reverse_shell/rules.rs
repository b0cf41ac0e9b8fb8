//! What the rules are.

use super::super::finding::Written;
use crate::detect::severity::Severity;

pub(super) const REVERSE: Written = Written {
    id: "reverse-shell",
    name: "Shell connected to another host",
    severity: Severity::High,
    description: "A shell or an interpreter takes its commands from a connection that the host opened: \
                  its standard streams are a socket, or pipes or a terminal of a process that is \
                  connected.",
    false_positives: &[
        "Agents that feed scripts to a shell's standard input (CI runners, remote management)",
        "Administration by socat or ncat with a program of their own",
    ],
    references: &["https://attack.mitre.org/techniques/T1059/004/"],
    attack: &["execution", "command-and-control", "T1059.004", "T1095"],
};

pub(super) const BIND: Written = Written {
    id: "bind-shell",
    name: "Shell behind a listening port",
    severity: Severity::High,
    description: "A shell or an interpreter takes its commands from a connection that another host \
                  opened, and is no login.",
    false_positives: &["Services of inetd's kind that are shells on purpose"],
    references: &["https://attack.mitre.org/techniques/T1059/004/"],
    attack: &["execution", "persistence", "T1059.004", "T1205"],
};

pub(super) const ON_SOCKET: Written = Written {
    id: "shell-on-socket",
    name: "Shell that reads commands from a socket",
    severity: Severity::Medium,
    description: "A shell's standard input and output are sockets and it runs neither a script nor a \
                  command of its arguments; no connection is known that they could be.",
    false_positives: &["Programs that give their children pairs of unix sockets instead of pipes"],
    references: &["https://attack.mitre.org/techniques/T1059/004/"],
    attack: &["execution", "T1059.004"],
};
