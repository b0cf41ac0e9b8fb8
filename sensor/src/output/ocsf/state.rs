//! What the sensor says of itself.

use std::io;

use crate::{event::state::Statement, output::json::Object};

/// What a person should read.
pub(super) fn message(statement: &Statement) -> String {
    match statement {
        Statement::Started(_) => "The sensor watches".to_owned(),
        Statement::Lost(lost) => {
            let count = sum(lost.iter().map(|lost| lost.count));
            format!("{count} events were lost")
        }
        Statement::Undelivered(undelivered) => {
            let count = sum(undelivered.iter().map(|given_up| given_up.count));
            format!("{count} events were given up on their way to a sink")
        }
        Statement::Tested => "Somebody tries a sink".to_owned(),
        Statement::Stopped(_) => "The sensor stops".to_owned(),
    }
}

/// `unmapped`: all of what a statement says.
///
/// # Errors
///
/// If it cannot be written down.
pub(super) fn unmapped(statement: &Statement, fields: &mut Object<'_>) -> io::Result<()> {
    match statement {
        Statement::Started(started) => {
            fields.value("hooks", &started.hooks)?;
            fields.text("scope", started.scope.as_deref().unwrap_or_default());
            fields.value("limits", &started.limits)?;
            if !started.missing_fields.is_empty() {
                fields.value("missing_fields", &started.missing_fields)?;
            }
            Ok(())
        }
        Statement::Lost(lost) => fields.value("lost", lost),
        Statement::Undelivered(undelivered) => fields.value("undelivered", undelivered),
        Statement::Tested => Ok(()),
        Statement::Stopped(totals) => fields.value("totals", totals),
    }
}

fn sum(counts: impl Iterator<Item = u64>) -> u64 {
    counts.fold(0, u64::saturating_add)
}
