//! What the rules are.

use super::super::finding::Written;
use crate::detect::severity::Severity;

pub(super) const WEB: Written = Written {
    id: "web-server-shell",
    name: "Web server started a shell or a tool",
    severity: Severity::High,
    description: "A web server or what runs its pages (PHP, uWSGI) started a shell, a relay, a downloader or \
                  a tool that tells who and where one is, or became one: a web shell or an exploit.",
    false_positives: &["Applications that run other programs by a shell, as image converters"],
    references: &["https://attack.mitre.org/techniques/T1505/003/"],
    attack: &["persistence", "initial-access", "T1505.003", "T1190"],
};

pub(super) const APPLICATION: Written = Written {
    id: "application-server-shell",
    name: "Application server started a shell or a tool",
    severity: Severity::Medium,
    description: "A service in Java, Python, Node.js, Ruby or alike that had taken a connection started a \
                  shell with a command, a relay, a downloader or a tool that tells who and where one is.",
    false_positives: &["Build servers, and services that run other programs by a shell"],
    references: &["https://attack.mitre.org/techniques/T1190/"],
    attack: &["initial-access", "execution", "T1190", "T1059"],
};

pub(super) const DATABASE: Written = Written {
    id: "database-shell",
    name: "Database started a shell or a tool",
    severity: Severity::High,
    description: "A database's process started a shell, an interpreter, a relay, a downloader or a tool \
                  that tells who and where one is, or became one: COPY FROM PROGRAM, a user-defined \
                  function or an exploit.",
    false_positives: &[
        "Scripts that a database is set up to call, as for archives of another kind",
    ],
    references: &["https://attack.mitre.org/techniques/T1505/001/"],
    attack: &["persistence", "execution", "T1505.001", "T1059.004"],
};
