//! What the sensor says of itself: how many events it is about, and all the rest as JSON.

use std::io;

use super::{
    keys::{self, Key},
    line::Line,
};
use crate::event::state::Statement;

const DETAIL: Key = Key::own("sensorDetail");

/// What a statement says.
///
/// # Errors
///
/// If it cannot be written down.
pub(super) fn statement(statement: &Statement, line: &mut Line<'_>) -> io::Result<()> {
    let (detail, events) = match statement {
        Statement::Started(started) => (serde_json::to_string(started)?, None),
        Statement::Lost(lost) => (
            serde_json::to_string(lost)?,
            Some(sum(lost.iter().map(|lost| lost.count))),
        ),
        Statement::Undelivered(undelivered) => (
            serde_json::to_string(undelivered)?,
            Some(sum(undelivered.iter().map(|one| one.count))),
        ),
        Statement::Tested => (String::new(), None),
        Statement::Stopped(totals) => (serde_json::to_string(totals)?, None),
    };
    if let Some(events) = events {
        line.number(keys::EVENTS, events);
    }
    line.text(DETAIL, &detail);
    Ok(())
}

fn sum(counts: impl Iterator<Item = u64>) -> u64 {
    counts.fold(0, u64::saturating_add)
}
