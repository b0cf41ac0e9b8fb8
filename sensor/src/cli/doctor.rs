//! `sensor doctor`: what this kernel allows, which hook each event uses, and what is missing.
//!
//! It loads and attaches everything as `sensor run` does, reports, and unloads.

mod text;

use std::{
    io::{self, IsTerminal as _, Write as _},
    process::ExitCode,
};

use anyhow::Result;
use serde::Serialize;

use super::{DoctorArguments, fail, refuse, report, say};
use crate::{
    config::{self, Config},
    event::state::Started,
    host::Host,
    kernel::{load, preflight},
};
use text::Style;

/// What the doctor says to a program.
#[derive(Serialize)]
struct Report<'a> {
    /// `uname -r`
    kernel: &'a str,
    /// `uname -m`
    architecture: &'a str,
    /// Why nothing could be loaded.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(flatten)]
    started: &'a Started,
}

/// Says how this host would be watched.
pub(super) fn doctor(arguments: &DoctorArguments) -> ExitCode {
    let found = match config::find(arguments.config.as_deref()) {
        Ok(found) => found,
        Err(error) => return refuse(error),
    };
    for warning in &found.warnings {
        say(warning);
    }
    let mut config = found.config;
    if let Some(scope) = &arguments.scope_cgroup {
        config.capture.scope_cgroup = Some(scope.clone());
    }
    let host = Host::here();
    let (started, error) = match examine(&config) {
        Ok(started) => (started, None),
        Err(error) => (Started::default(), Some(format!("{error:#}"))),
    };
    let watches = started.hooks.iter().any(|hook| hook.means.is_some());
    let text = if arguments.json {
        let report = Report {
            kernel: &host.kernel,
            architecture: &host.architecture,
            error: error.clone(),
            started: &started,
        };
        match serde_json::to_string_pretty(&report) {
            Ok(json) => json + "\n",
            Err(error) => return fail(error),
        }
    } else {
        text::text(&host, &started, style())
    };
    if let Err(error) = io::stdout().write_all(text.as_bytes()) {
        return fail(format_args!("cannot write to standard output: {error}"));
    }
    match error {
        Some(error) => fail(format_args!("nothing can be watched: {error}")),
        None if !watches => fail("nothing can be watched: this kernel took none of the hooks"),
        None => ExitCode::SUCCESS,
    }
}

/// Loads everything for a moment.
fn examine(config: &Config) -> Result<Started> {
    preflight::check()?;
    let loaded = load::load(&config.options()?)?;
    Ok(report::started(&loaded, config))
}

/// How standard output is written to.
fn style() -> Style {
    if !io::stdout().is_terminal() {
        return Style::default();
    }
    let width = rustix::termios::tcgetwinsize(rustix::stdio::stdout())
        .ok()
        .map(|size| usize::from(size.ws_col))
        .filter(|width| *width > 0);
    Style {
        width,
        colours: std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()),
    }
}
