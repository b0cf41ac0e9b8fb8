//! What the sensor says of itself.

use std::io;

use serde::Serialize;

use super::common::Labels;
use crate::{
    event::state::{HookReport, ProgramReport, RefusalReport, Started, Statement},
    output::json::Object,
};

/// The statement's `event.code`.
pub(super) const fn code(statement: &Statement) -> &'static str {
    match statement {
        Statement::Started(_) => "sensor_start",
        Statement::Lost(_) => "events_lost",
        Statement::Stopped(_) => "sensor_stop",
    }
}

/// What a statement is filed under.
pub(super) const fn labels(statement: &Statement) -> Labels {
    let (types, action): (&[&str], _) = match statement {
        Statement::Started(_) => (&["start"], "sensor_started"),
        Statement::Lost(_) => (&["info"], "events_lost"),
        Statement::Stopped(_) => (&["end"], "sensor_stopped"),
    };
    Labels {
        kind: "state",
        category: "host",
        types,
        action,
        dataset: "sensor.state",
    }
}

/// `sensor`: what a statement says.
///
/// # Errors
///
/// If it cannot be written down.
pub(super) fn sensor(statement: &Statement, fields: &mut Object<'_>) -> io::Result<()> {
    match statement {
        Statement::Started(started) => self::started(started, fields),
        Statement::Lost(lost) => fields.value("lost", lost),
        Statement::Stopped(totals) => fields.value("totals", totals),
    }
}

fn started(started: &Started, fields: &mut Object<'_>) -> io::Result<()> {
    let hooks: Vec<_> = started.hooks.iter().map(Hook::of).collect();
    fields.value("hooks", &hooks)?;
    fields.text("scope", started.scope.as_deref().unwrap_or_default());
    fields.value("limits", &started.limits)?;
    if !started.missing_fields.is_empty() {
        fields.value("missing_fields", &started.missing_fields)?;
    }
    Ok(())
}

/// How an event is hooked.
#[derive(Serialize)]
struct Hook<'a> {
    event: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    means: Option<&'a str>,
    #[serde(skip_serializing_if = "<[ProgramReport]>::is_empty")]
    programs: &'a [ProgramReport],
    #[serde(skip_serializing_if = "str::is_empty")]
    missed: &'a str,
    #[serde(skip_serializing_if = "<[RefusalReport]>::is_empty")]
    refused: &'a [RefusalReport],
}

impl<'a> Hook<'a> {
    fn of(hook: &'a HookReport) -> Self {
        Self {
            event: &hook.event,
            means: hook.means.as_deref(),
            programs: &hook.programs,
            missed: &hook.misses,
            refused: &hook.refused,
        }
    }
}
