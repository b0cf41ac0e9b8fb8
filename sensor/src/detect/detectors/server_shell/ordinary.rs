//! Shell commands that servers run every day.

/// What chains commands or hides them: with any of these a command is not ordinary.
const CHAINS: [char; 10] = [';', '|', '$', '`', '\n', '#', '(', '{', '<', '\\'];

/// The command of `sh -c COMMAND`, if that is what it is.
pub(super) fn inline(arguments: &[String]) -> Option<&str> {
    let mut arguments = arguments.iter().skip(1);
    arguments.by_ref().find(|argument| {
        argument.starts_with('-') && !argument.starts_with("--") && argument.ends_with('c')
    })?;
    arguments
        .find(|argument| *argument != "--")
        .map(|command| &**command)
}

/// Whether a web server's command hands mail to the mail system, or a log to the program that turns logs
/// over.
pub(super) fn of_web_server(command: &str) -> bool {
    const PROGRAMS: [&str; 8] = [
        "sendmail",
        "msmtp",
        "ssmtp",
        "exim4",
        "postdrop",
        "mini_sendmail",
        "rotatelogs",
        "cronolog",
    ];
    is_single(command) && PROGRAMS.contains(&program(command))
}

/// Whether a database's command moves write-ahead logs or copies a cluster's node.
pub(super) fn of_database(command: &str) -> bool {
    const ARCHIVERS: [&str; 9] = [
        "cp",
        "test",
        "rsync",
        "gzip",
        "pgbackrest",
        "wal-g",
        "barman-wal-archive",
        "barman-cloud-wal-archive",
        "envdir",
    ];
    let program = program(command);
    // A chain of two is usual: test ! -f X && cp Y X.
    let archives = ARCHIVERS.contains(&program)
        && (command.contains("pg_wal/") || command.contains("pg_xlog/"));
    is_single(command) && (archives || program.starts_with("wsrep_sst_"))
}

fn is_single(command: &str) -> bool {
    !command.contains(CHAINS)
}

/// The name of the program that a command begins with.
fn program(command: &str) -> &str {
    let mut words = command.split_whitespace();
    let first = match words.next() {
        Some("exec") => words.next(),
        first => first,
    };
    let path = first.unwrap_or_default();
    super::super::programs::base_name(path.trim_matches(['"', '\'']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_what_follows_the_option() {
        let of = |line: &[&str]| {
            let arguments: Vec<String> = line.iter().map(|&word| word.to_owned()).collect();
            inline(&arguments).map(str::to_owned)
        };
        assert_eq!(of(&["sh", "-c", "id"]).as_deref(), Some("id"));
        assert_eq!(of(&["sh", "-ec", "--", "id"]).as_deref(), Some("id"));
        assert_eq!(of(&["sh", "-i"]), None);
        assert_eq!(of(&["sh", "script"]), None);
    }

    #[test]
    fn a_chain_is_not_ordinary() {
        assert!(of_web_server("/usr/sbin/sendmail -t -i -f a@b.example"));
        assert!(!of_web_server("/usr/sbin/sendmail -t; id"));
        assert!(!of_web_server("id # /usr/sbin/sendmail"));
        assert!(of_database("test ! -f /a/1 && cp pg_wal/1 /a/1"));
        assert!(of_database("wsrep_sst_rsync --role 'donor'"));
        assert!(!of_database("cp /etc/passwd /tmp/x"));
        assert!(!of_database("curl http://a.example/pg_wal/1"));
    }
}
