//! Columns, and how they fit.

use std::fmt::Write;

use sensor_common::record::Family;
use unicode_width::UnicodeWidthChar;

use super::{super::Terminal, visible::visible};
use crate::detect::severity::Severity;

/// A line in columns.
pub(super) struct Row {
    /// The time of day.
    pub(super) time: String,
    /// What sort of event it is.
    pub(super) event: &'static str,
    /// The process's name.
    pub(super) process: String,
    /// Its id in brackets, which is shown whole however long the name is.
    pub(super) id: String,
    /// Its user's name or id.
    pub(super) user: String,
    /// What happened; takes the rest of the line.
    pub(super) what: String,
    /// How it is coloured.
    pub(super) tone: Tone,
}

/// How a row is coloured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tone {
    /// The names of the columns.
    Header,
    /// The sensor says something of itself.
    Sensor,
    /// An event of a family.
    Family(Family),
    /// Something was lost.
    Loss,
    /// Something is wrong on the host, as gravely as this.
    Alert(Severity),
}

/// Columns of the terminal that each column of ours takes.
const TIME_WIDTH: usize = 12;
const EVENT_WIDTH: usize = 12;
const PROCESS_WIDTH: usize = 20;
const USER_WIDTH: usize = 8;

/// Stands for what did not fit.
const ELLIPSIS: char = '…';

/// The names of the columns.
pub(super) fn header() -> Row {
    Row {
        time: "UTC".into(),
        event: "EVENT",
        process: "PROCESS".into(),
        id: String::new(),
        user: "USER".into(),
        what: "WHAT".into(),
        tone: Tone::Header,
    }
}

impl Row {
    /// The row, of this time of day.
    pub(super) fn at(self, time: &str) -> Self {
        Self {
            time: time.to_owned(),
            ..self
        }
    }

    /// Appends the row as a line.
    pub(super) fn write(&self, terminal: Terminal, out: &mut Vec<u8>) {
        let mut line = String::new();
        let mut left = terminal.width.unwrap_or(usize::MAX);
        let cells = [
            (&*self.time, "", Some(TIME_WIDTH)),
            (self.event, "", Some(EVENT_WIDTH)),
            (&self.process, &*self.id, Some(PROCESS_WIDTH)),
            (&self.user, "", Some(USER_WIDTH)),
            (&self.what, "", None),
        ];
        for (number, (text, end, width)) in cells.into_iter().enumerate() {
            if number > 0 {
                if left == 0 {
                    break;
                }
                left -= 1;
                line.push(' ');
            }
            let room = width.unwrap_or(left).min(left);
            let shown = fit(&visible(text), room.saturating_sub(end.len())) + end;
            let shown = fit(&shown, room);
            let shown_width = display_width(&shown);
            left -= shown_width;
            let colour = self.tone.colour(number).filter(|_| terminal.colours);
            match colour {
                Some(colour) if !shown.is_empty() => {
                    // Writing to a string cannot fail.
                    let _ = write!(line, "\x1b[{colour}m{shown}\x1b[0m");
                }
                _ => line.push_str(&shown),
            }
            if let Some(width) = width {
                let padding = width.saturating_sub(shown_width).min(left);
                left -= padding;
                line.extend(std::iter::repeat_n(' ', padding));
            }
        }
        out.extend_from_slice(line.trim_end_matches(' ').as_bytes());
        out.push(b'\n');
    }
}

impl Tone {
    /// The parameters of the sequence "select graphic rendition" (ECMA-48) for a column.
    fn colour(self, column: usize) -> Option<&'static str> {
        const TIME: usize = 0;
        const EVENT: usize = 1;
        match (self, column) {
            (Self::Alert(Severity::Critical), _) => Some("1;37;41"),
            (Self::Alert(Severity::High), _) => Some("1;31"),
            (Self::Alert(Severity::Medium), _) => Some("1;33"),
            (Self::Alert(Severity::Low), _) => Some("33"),
            (Self::Alert(Severity::Informational), _) => Some("1"),
            (Self::Loss, _) => Some("1;33"),
            (Self::Header, _) => Some("1"),
            (_, TIME) => Some("2"),
            (Self::Sensor, _) => Some("34"),
            (Self::Family(Family::Exec), EVENT) => Some("32"),
            (Self::Family(Family::Network), EVENT) => Some("36"),
            (Self::Family(Family::Privilege), EVENT) => Some("35"),
            (Self::Family(_), _) => None,
        }
    }
}

/// Appends a line with more of what the row before says, below its second column.
pub(super) fn more(text: &str, terminal: Terminal, out: &mut Vec<u8>) {
    const INDENTED: usize = TIME_WIDTH + 1;
    let room = terminal
        .width
        .unwrap_or(usize::MAX)
        .saturating_sub(INDENTED);
    let shown = fit(&visible(text), room);
    if !shown.is_empty() {
        let mut line = " ".repeat(INDENTED);
        line.push_str(&shown);
        out.extend_from_slice(line.trim_end_matches(' ').as_bytes());
        out.push(b'\n');
    }
}

/// The text, cut where it is wider than it may be.
fn fit(text: &str, width: usize) -> String {
    if display_width(text) <= width {
        return text.to_owned();
    }
    let mut left = width.saturating_sub(1);
    let mut fitted: String = text
        .chars()
        .take_while(|character| {
            let width = character.width().unwrap_or(0);
            let fits = width <= left;
            left = left.saturating_sub(width);
            fits
        })
        .collect();
    if width > 0 {
        fitted.push(ELLIPSIS);
    }
    fitted
}

/// How many columns visible text takes.
fn display_width(text: &str) -> usize {
    text.chars()
        .map(|character| character.width().unwrap_or(0))
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_by_width_not_by_length() {
        assert_eq!(fit("abc", 3), "abc");
        assert_eq!(fit("abcd", 3), "ab…");
        assert_eq!(fit("日本語", 6), "日本語");
        assert_eq!(fit("日本語", 5), "日本…");
        assert_eq!(fit("日本語", 4), "日…");
        assert_eq!(fit("abc", 1), "…");
        assert_eq!(fit("abc", 0), "");
        assert_eq!(fit("", 0), "");
    }
}
