//! What the sensor says of itself.

use super::list;
use crate::event::state::{Lost, Started, Statement, Totals, Undelivered};

/// What a statement says.
pub(in super::super) fn statement(statement: &Statement) -> String {
    match statement {
        Statement::Started(started) => self::started(started),
        Statement::Lost(lost) => list(lost.iter().map(self::lost)),
        Statement::Undelivered(undelivered) => list(undelivered.iter().map(self::undelivered)),
        Statement::Tested => "a sink is tried".to_owned(),
        Statement::Stopped(totals) => stopped(totals),
    }
}

fn started(started: &Started) -> String {
    let scope = started.scope.as_deref().unwrap_or("the whole host");
    let unhooked: Vec<_> = started
        .hooks
        .iter()
        .filter(|hook| hook.means.is_none())
        .map(|hook| &hook.event)
        .collect();
    let mut text = format!("watches {scope}");
    if !unhooked.is_empty() {
        text += &format!("; cannot see: {}", list(unhooked));
    }
    text
}

fn lost(lost: &Lost) -> String {
    format!("{} {} ({})", lost.count, lost.code, lost.reason)
}

fn undelivered(undelivered: &Undelivered) -> String {
    format!(
        "{} {} to {} ({})",
        undelivered.count, undelivered.severity, undelivered.sink, undelivered.reason
    )
}

fn stopped(totals: &Totals) -> String {
    let mut seen = 0_u64;
    let mut written = 0_u64;
    let mut reasons = Vec::new();
    for kind in &totals.kinds {
        seen = seen.saturating_add(kind.seen);
        written = written.saturating_add(kind.delivered);
        for (reason, count) in &kind.lost {
            reasons.push(format!("{count} {} ({reason})", kind.code));
        }
    }
    let mut text = format!("stops: {seen} events seen, {written} written, ");
    if reasons.is_empty() {
        text += "none lost";
    } else {
        text += &format!("lost: {}", list(reasons));
    }
    if totals.late > 0 {
        text += &format!(", {} out of order", totals.late);
    }
    text
}
