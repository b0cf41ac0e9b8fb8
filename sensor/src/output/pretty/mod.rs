//! Columns for people.
//!
//! Whoever runs a program on the host chooses its name and its arguments. They are shown to somebody
//! with privileges, on a terminal that obeys what it is sent: nothing that a terminal could obey gets
//! through (`visible`).
//!
//! - `row`: columns, and how they fit.
//! - `what`: what happened, in words.
//! - `units`: numbers as people write them.

mod row;
#[cfg(test)]
mod tests;
mod units;
mod visible;
mod what;

use std::io;

use self::row::{Row, Tone};
use super::{Alerted, Content, Document, Format, Terminal, time::Calendar};
use crate::detect::severity::Severity;
use crate::event::{
    Body, Event, Verdict,
    state::{Stated, Statement},
};
use crate::observed::Observed;

/// Writes columns.
#[derive(Debug)]
pub struct Pretty {
    terminal: Terminal,
    calendar: Calendar,
    has_header: bool,
}

impl Pretty {
    /// Columns that fit a terminal.
    #[must_use]
    pub fn new(terminal: Terminal) -> Self {
        Self {
            terminal,
            calendar: Calendar::default(),
            has_header: false,
        }
    }
}

impl Format for Pretty {
    fn write(&mut self, document: &Document<'_>, out: &mut Vec<u8>) -> io::Result<()> {
        if !self.has_header {
            self.has_header = true;
            row::header().write(self.terminal, out);
        }
        let time = self.calendar.timestamp(document.time());
        let row = match &document.content {
            Content::Event(observed) => of_event(observed),
            Content::Alert(alerted) => of_alert(alerted),
            Content::Statement(stated) => of_statement(stated),
        };
        row.at(time.time_of_day()).write(self.terminal, out);
        if let Content::Alert(alerted) = &document.content {
            row::more(&what::deed_and_line(alerted), self.terminal, out);
        }
        Ok(())
    }
}

fn of_event(observed: &Observed<'_>) -> Row {
    let event = observed.event;
    Row {
        time: String::new(),
        event: label(event),
        process: what::subject(observed),
        id: event
            .subject()
            .map(|id| format!("[{}]", id.tgid))
            .unwrap_or_default(),
        user: what::user(observed),
        what: what::what(observed),
        tone: tone(event),
    }
}

/// The event that it is raised at, but for what it says of it.
fn of_alert(alerted: &Alerted<'_>) -> Row {
    Row {
        event: "ALERT",
        what: what::found(alerted),
        tone: Tone::Alert(alerted.alert.rule.severity),
        ..of_event(&alerted.observed)
    }
}

fn of_statement(stated: &Stated) -> Row {
    let (event, tone) = match &stated.statement {
        Statement::Started(_) => ("sensor", Tone::Sensor),
        Statement::Stopped(totals) if totals.kinds.iter().all(|kind| kind.lost.is_empty()) => {
            ("sensor", Tone::Sensor)
        }
        Statement::Tested => ("sensor", Tone::Sensor),
        Statement::Stopped(_) => ("sensor", Tone::Loss),
        Statement::Lost(_) | Statement::Undelivered(_) => ("LOST", Tone::Loss),
    };
    Row {
        time: String::new(),
        event,
        process: String::new(),
        id: String::new(),
        user: String::new(),
        what: what::statement(&stated.statement),
        tone,
    }
}

/// The kind's name, shortened where it is long.
fn label(event: &Event) -> &'static str {
    match &event.body {
        Body::CredentialDivergence(divergence) if divergence.verdict == Verdict::Overwritten => {
            "ALERT"
        }
        Body::CredentialChange(_) | Body::CredentialDivergence(_) => "credentials",
        _ => event.kind().name(),
    }
}

fn tone(event: &Event) -> Tone {
    match &event.body {
        Body::CredentialDivergence(divergence) if divergence.verdict == Verdict::Overwritten => {
            Tone::Alert(Severity::Critical)
        }
        _ => Tone::Family(event.kind().family()),
    }
}
