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
use crate::detect::sigma::reading::Placeholders;

/// The commands of `sensor rules`.
#[derive(Debug, Subcommand)]
pub(super) enum RulesCommand {
    /// Say of each rule whether it works here, and what is wrong with those that do not
    Check {
        #[command(flatten)]
        paths: Paths,
        /// Fail also if a rule can never fire here, or has placeholders without values
        #[arg(long)]
        strict: bool,
    },
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
    /// Placeholders as `%name%` stand for what this configuration says [default: for nothing, and rules
    /// that have some are named]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
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
        RulesCommand::Check { paths, strict } => paths
            .placeholders()
            .and_then(|placeholders| check::check(&paths.paths, &placeholders, *strict)),
        RulesCommand::List { paths, json } => paths
            .found()
            .map(|(files, placeholders)| list::list(&files, &placeholders, *json)),
        RulesCommand::Test {
            paths,
            require_tests,
        } => paths
            .found()
            .map(|(files, placeholders)| trials::test(&files, &placeholders, *require_tests)),
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

impl Paths {
    fn placeholders(&self) -> Result<Placeholders, String> {
        loading::placeholders(self.config.as_deref())
    }

    fn found(&self) -> Result<(loading::Files, Placeholders), String> {
        Ok((loading::find(&self.paths)?, self.placeholders()?))
    }
}
