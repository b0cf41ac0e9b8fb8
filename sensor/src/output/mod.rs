//! What leaves the sensor: events as documents, and where they go.
//!
//! - [`ecs`], [`ocsf`]: JSON lines for machines.
//! - [`flat`]: ECS as one flat object.
//! - [`cef`]: ArcSight's Common Event Format.
//! - [`pretty`]: columns for people.
//! - [`event_id`], [`subject`], `labels`: what tells documents apart, what they are filed under.
//! - [`arguments`], [`changes`], [`names`], [`socket`], `alerted`, `attack`, `time`: how all say the same.
//! - [`lines`]: the plainest place for them.
//! - `described`, `json`, `scan`: how the first ones are written fast. `uuid`: what is one.

mod alerted;
#[cfg(test)]
mod arbitrary;
pub mod arguments;
mod attack;
pub mod cef;
pub mod changes;
mod described;
pub mod ecs;
pub mod event_id;
pub mod flat;
mod json;
mod labels;
pub mod lines;
pub mod names;
pub mod ocsf;
pub mod pretty;
#[cfg(test)]
mod samples;
mod scan;
pub mod socket;
pub mod subject;
#[cfg(test)]
mod tests;
mod time;
mod uuid;

use std::{env, io};

use serde::{Deserialize, Serialize};

use crate::{
    clock::{WallOffset, WallTime},
    detect::alert::Alert,
    event::state::{Stated, Undelivered},
    host::Host,
    observed::Observed,
};

/// What is written: an event with what is known of the processes in it, an alert, or what the sensor
/// says of itself.
#[derive(Clone, Copy, Debug)]
pub struct Document<'a> {
    /// 1, 2, 3, ... in the order of output.
    pub sequence: u64,
    /// The distance from boot time to wall time when it happened.
    pub wall_offset: WallOffset,
    /// What it says.
    pub content: Content<'a>,
}

/// What a document says.
#[derive(Clone, Copy, Debug)]
pub enum Content<'a> {
    /// Something happened.
    Event(Observed<'a>),
    /// A rule found something.
    Alert(Alerted<'a>),
    /// The sensor says something of itself.
    Statement(&'a Stated),
}

/// What a rule found, and where.
#[derive(Clone, Copy, Debug)]
pub struct Alerted<'a> {
    /// What it found.
    pub alert: &'a Alert,
    /// The event that the alert is raised at, with its processes.
    pub observed: Observed<'a>,
}

/// Where documents go.
pub trait Output {
    /// Takes a document.
    ///
    /// # Errors
    ///
    /// If it cannot be written down; the next one may.
    fn take(&mut self, document: &Document<'_>) -> io::Result<()>;

    /// Whether so much was taken that it should go on its way.
    fn is_full(&self) -> bool {
        false
    }

    /// Everything that was taken goes on its way.
    ///
    /// # Errors
    ///
    /// If it is not out, or not all of it; nothing more will be.
    fn flush(&mut self) -> io::Result<()>;

    /// What was given up on its way since this was asked last.
    fn undelivered(&mut self) -> Vec<Undelivered> {
        Vec::new()
    }
}

impl<O: Output + ?Sized> Output for Box<O> {
    fn take(&mut self, document: &Document<'_>) -> io::Result<()> {
        (**self).take(document)
    }

    fn is_full(&self) -> bool {
        (**self).is_full()
    }

    fn flush(&mut self) -> io::Result<()> {
        (**self).flush()
    }

    fn undelivered(&mut self) -> Vec<Undelivered> {
        (**self).undelivered()
    }
}

/// Writes documents in a format.
pub trait Format: Send {
    /// Appends a document.
    ///
    /// # Errors
    ///
    /// If it cannot be written down; nothing of it is appended then.
    fn write(&mut self, document: &Document<'_>, out: &mut Vec<u8>) -> io::Result<()>;
}

impl Document<'_> {
    /// When it happened; of an alert, what it is raised at.
    #[must_use]
    pub fn time(&self) -> WallTime {
        let moment = match self.content {
            Content::Event(observed) | Content::Alert(Alerted { observed, .. }) => {
                observed.event.origin.time
            }
            Content::Statement(stated) => stated.time,
        };
        self.wall_offset.wall_time(moment)
    }
}

/// A format that the user can ask for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum FormatChoice {
    /// ECS documents, one JSON object a line.
    #[default]
    Json,
    /// What ECS documents say, as flat JSON objects.
    Flat,
    /// ArcSight's Common Event Format.
    Cef,
    /// OCSF events, one JSON object a line.
    Ocsf,
    /// Columns for people.
    Pretty,
}

/// Where documents are looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Terminal {
    /// Columns; none where lines may be of any length.
    pub width: Option<usize>,
    /// Whether it shows colours.
    pub colours: bool,
}

impl Terminal {
    /// What standard output is: only a terminal has a width, and colours unless `NO_COLOR` is set.
    #[must_use]
    pub fn standard_output() -> Self {
        let output = rustix::stdio::stdout();
        if !rustix::termios::isatty(output) {
            return Self::default();
        }
        let size = rustix::termios::tcgetwinsize(output).ok();
        Self {
            // A terminal that does not know its size says 0.
            width: size
                .map(|size| usize::from(size.ws_col))
                .filter(|width| *width > 0),
            // As <https://no-color.org> asks: set, and not empty.
            colours: env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()),
        }
    }
}

/// The format that the user asked for.
#[must_use]
pub fn format(choice: FormatChoice, host: &Host, terminal: Terminal) -> Box<dyn Format> {
    match choice {
        FormatChoice::Json => Box::new(ecs::Ecs::new(host)),
        FormatChoice::Flat => Box::new(flat::Flat::new(host)),
        FormatChoice::Cef => Box::new(cef::Cef::new(host)),
        FormatChoice::Ocsf => Box::new(ocsf::Ocsf::new(host)),
        FormatChoice::Pretty => Box::new(pretty::Pretty::new(terminal)),
    }
}
