//! The log sources and fields that are about something that the sensor does not see, and what they
//! would need.

/// What rules of a category would need.
const CATEGORIES: [(&str, &str); 20] = [
    ("file_event", "which files are made or written"),
    ("file_access", "which files are opened"),
    ("file_change", "of which files the times are changed"),
    ("file_delete", "which files are deleted"),
    ("file_rename", "which files are renamed"),
    (
        "file_executable_detected",
        "which files are made executable",
    ),
    ("image_load", "which libraries processes map"),
    (
        "create_remote_thread",
        "threads that are made in other processes, which Linux does not have",
    ),
    (
        "process_tampering",
        "how an image in memory differs from its file",
    ),
    ("pipe_created", "which named pipes are made"),
    (
        "raw_access_thread",
        "which disks are read around the file system",
    ),
    ("clipboard_capture", "what is copied to the clipboard"),
    ("antivirus", "what an antivirus says"),
    ("application", "what applications write to their logs"),
    ("database", "what is asked of databases"),
    ("firewall", "what a firewall let through or refused"),
    ("proxy", "which URLs a proxy was asked for"),
    ("webserver", "which requests a web server was sent"),
    ("edr", "what another agent says"),
    ("sysmon_status", "how Sysmon itself fares"),
];

/// What rules of a service would need.
const SERVICES: [(&str, &str); 10] = [
    ("sshd", "the log of sshd"),
    ("sudo", "the log of sudo"),
    ("su", "the log of su"),
    ("auth", "the log of logins, `auth.log` or `secure`"),
    ("syslog", "the system's log"),
    ("cron", "the log of cron"),
    ("systemd", "the journal"),
    ("clamav", "the log of ClamAV"),
    ("vsftpd", "the log of vsftpd"),
    ("guacamole", "the log of Guacamole"),
];

/// What fields would need that events do not have, whatever they are events of.
const FIELDS: [(&[&str], &str); 8] = [
    (
        &["name", "nametype", "cwd", "CWD", "objtype"],
        "which files a call touches",
    ),
    (
        &["key"],
        "what the administrator's own audit rules are called",
    ),
    (
        &[
            "OriginalFileName",
            "Description",
            "Product",
            "Company",
            "FileVersion",
        ],
        "what only programs for Windows say of themselves",
    ),
    (
        &["IntegrityLevel", "LogonGuid", "GrantedAccess", "CallTrace"],
        "what only Windows has",
    ),
    (
        &["md5", "sha1", "Imphash", "imphash"],
        "a digest that is not made; SHA-256 is",
    ),
    (
        &["QueryResults", "answer"],
        "the answer, which comes later: `category: dns_answer` has it",
    ),
    (
        &["QueryStatus"],
        "how it went, which comes later: `category: dns_answer` has it",
    ),
    (
        &["ImageLoaded", "TargetFilename"],
        "which file it is, which is not told",
    ),
];

/// What a field would need that events do not have; none if it is not known.
pub(super) fn field(name: &str) -> Option<&'static str> {
    let of_name = FIELDS.iter().find(|(names, _)| names.contains(&name));
    of_name.map(|(_, what)| *what)
}

/// Why there are no events of a log source.
pub(super) fn reason(category: Option<&str>, service: Option<&str>) -> String {
    let needs = |what: &str| format!("it needs data that the sensor does not capture: {what}");
    let known = |names: &[(&str, &'static str)], wanted: &str| {
        let found = names.iter().find(|(name, _)| *name == wanted);
        found.map(|(_, what)| *what)
    };
    match (category, service) {
        (None, None) => needs("the texts of all logs of the system"),
        (Some(category), Some(service)) => format!(
            "category `{category}` of service `{service}` is nothing that the sensor has events of"
        ),
        (Some(category), None) => known(&CATEGORIES, category).map_or_else(
            || format!("category `{category}` is nothing that the sensor has events of"),
            needs,
        ),
        (None, Some(service)) => known(&SERVICES, service)
            .map_or_else(|| needs(&format!("the log of service `{service}`")), needs),
    }
}

/// Every log source that is known and cannot be had, and what it would need, for people.
#[cfg(test)]
pub(super) fn all() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    let categories = CATEGORIES
        .iter()
        .map(|(name, what)| ("category", *name, *what));
    categories.chain(
        SERVICES
            .iter()
            .map(|(name, what)| ("service", *name, *what)),
    )
}
