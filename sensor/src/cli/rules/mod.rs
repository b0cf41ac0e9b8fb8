//! `sensor rules`: checks, lists and tests rules in the Sigma format.
//!
//! - `loading`: finds and reads the files.
//! - `check`, `list`, `trials`, `fields`: the commands.
//! - `columns`: text in columns.

mod check;
mod columns;
mod fields;
mod list;
mod loading;
#[cfg(test)]
mod tests;
mod trials;

use std::{
    io::{self, Write as _},
    path::PathBuf,
    process::ExitCode,
};

use clap::{Args, Subcommand};

use super::{FAILED, fail, refuse};

/// The commands of `sensor rules`.
#[derive(Debug, Subcommand)]
pub(super) enum RulesCommand {
    /// Say of each rule whether it works here, and what is wrong with those that do not
    Check(Paths),
    /// List rules
    List {
        #[command(flatten)]
        paths: Paths,
        /// One JSON object for each rule, a line each, instead of a table
        #[arg(long)]
        json: bool,
    },
    /// Run the tests in `NAME.tests.yml` beside each `NAME.yml`
    Test {
        #[command(flatten)]
        paths: Paths,
        /// Fail if a rule lacks a test that matches, or one that does not
        #[arg(long)]
        require_tests: bool,
    },
    /// List the fields that rules of a category, or of service auditd, can ask for
    Fields {
        /// A category as `process_creation`, or `auditd`
        source: String,
    },
}

/// Where rules are.
#[derive(Args, Debug)]
pub(super) struct Paths {
    /// Files, or directories with files named `*.yml` and `*.yaml`
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
}

/// What a command has to say, and how it went.
#[derive(Debug, PartialEq, Eq)]
struct Answer {
    /// For standard output.
    text: String,
    /// Whether all was well.
    is_good: bool,
}

/// Does what the user typed.
pub(super) fn rules(command: &RulesCommand) -> ExitCode {
    let answer = match command {
        RulesCommand::Check(paths) => check::check(&paths.paths),
        RulesCommand::List { paths, json } => found(paths).map(|files| list::list(&files, *json)),
        RulesCommand::Test {
            paths,
            require_tests,
        } => found(paths).map(|files| trials::test(&files, *require_tests)),
        RulesCommand::Fields { source } => fields::fields(source),
    };
    let answer = match answer {
        Ok(answer) => answer,
        Err(error) => return refuse(error),
    };
    if let Err(error) = io::stdout().write_all(answer.text.as_bytes()) {
        return fail(format_args!("cannot write to standard output: {error}"));
    }
    if answer.is_good {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(FAILED)
    }
}

fn found(paths: &Paths) -> Result<loading::Files, String> {
    loading::find(&paths.paths)
}
