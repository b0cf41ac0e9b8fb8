//! What the sensor says of itself.

use std::io;

use serde::Serialize;

use crate::{
    event::state::{HookReport, ProgramReport, RefusalReport, Started, Statement},
    output::json::Object,
};

/// `sensor`: what a statement says.
///
/// # Errors
///
/// If it cannot be written down.
pub(super) fn sensor(statement: &Statement, fields: &mut Object<'_>) -> io::Result<()> {
    match statement {
        Statement::Started(started) => self::started(started, fields),
        Statement::Lost(lost) => fields.value("lost", lost),
        Statement::Undelivered(undelivered) => fields.value("undelivered", undelivered),
        Statement::Tested => Ok(()),
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
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    blind: &'a [String],
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
            blind: &hook.blind,
            refused: &hook.refused,
        }
    }
}
