//! `sensor config`: checks the configuration, or shows it.

use std::{
    io::{self, Write as _},
    path::Path,
    process::ExitCode,
};

use super::{WRONG_USAGE, fail};
use crate::config::{ConfigError, DEFAULT_FILE, Found, find};

/// Says every error of a configuration, or that there is none.
pub(super) fn check(file: Option<&Path>) -> ExitCode {
    let Found { file, warnings, .. } = match find(file) {
        Ok(found) => found,
        Err(error) => return refuse(&error),
    };
    // A line of its own for each, beginning with the file: editors and CI find the place.
    for warning in warnings {
        let _ = writeln!(io::stderr(), "{warning}");
    }
    print(&match file {
        Some(file) => format!("{}: no errors\n", file.display()),
        None => format!("there is no {DEFAULT_FILE}: the defaults are in force\n"),
    })
}

/// Writes the configuration in force.
pub(super) fn show(file: Option<&Path>) -> ExitCode {
    match find(file) {
        Ok(found) => print(&explained(&found)),
        Err(error) => refuse(&error),
    }
}

fn explained(found: &Found) -> String {
    let origin = match &found.file {
        Some(file) => format!("From {}", file.display()),
        None => format!("The defaults: there is no {DEFAULT_FILE}"),
    };
    // The name of a file may have any character in it, and a comment ends with its line.
    let origin = origin.replace(char::is_control, "?");
    format!("# {origin}.\n{}", found.config.show())
}

fn refuse(error: &ConfigError) -> ExitCode {
    let _ = writeln!(io::stderr(), "{error}");
    ExitCode::from(WRONG_USAGE)
}

fn print(text: &str) -> ExitCode {
    match io::stdout().write_all(text.as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(format_args!("cannot write to standard output: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use crate::config::{Config, read};

    use super::*;

    #[test]
    fn what_is_shown_is_a_configuration_wherever_it_comes_from() {
        for file in [None, Some("/etc/a\nb.toml".into())] {
            let shown = explained(&Found {
                file,
                ..Found::default()
            });
            let reading = read(&shown);
            assert_eq!(reading.problems, [], "{shown}");
            assert_eq!(reading.config, Config::default());
        }
    }
}
