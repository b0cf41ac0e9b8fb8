//! Lines in a file.
//!
//! An entry counts as sent when its line is in the kernel's hands, or on the disk if every batch is
//! synchronised. Lines are whole: what an error (a full disk) left of one is cut off again, and a line
//! that a crash tore is ended, so that what comes behind it is read as what it is. It is not cut off:
//! it is evidence, and the file need not have been the sensor's.
//!
//! A file that is full, or of a period that is over, is set aside as `events.log-20261127T101112.345Z`,
//! compressed in the background to `events.log-20261127T101112.345Z.gz`, and removed when there are
//! enough of these or it is old enough. If it cannot be set aside, the lines go on in it, and receipts
//! say why.
//!
//! Others may set it aside as well (logrotate): before each batch it is looked whether the path still
//! names the file that is open.
//!
//! - `open`: what is written to, and what not.
//! - `append`: whole lines only.
//! - `rotation`: when, and the names of what is set aside.
//! - `keeper`: what is done with that, on a thread of its own.

mod append;
mod keeper;
mod open;
mod rotation;

#[cfg(test)]
mod tests;

use std::{io, path::PathBuf, time::Duration};

use append::{Outcome, append};
use keeper::Keeper;
use open::{Open, Regular, Target};
use rustix::io::Errno;

use super::lines::{Lines, some_are_out};
use crate::{
    clock::{WallTime, wall_time},
    delivery::{
        entry::Entry,
        sink::{Failure, Receipt, Sending, Sink},
    },
};

/// How a file is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogFileSettings {
    /// The file. It is made if it is not there; its folder is not.
    pub path: PathBuf,
    /// Permissions of a file that is made, whatever the umask.
    pub mode: u32,
    /// When the file is set aside.
    pub rotation: Rotation,
    /// Whether what is set aside is compressed.
    pub compress: bool,
    /// How much of it is kept.
    pub retention: Retention,
    /// Whether each batch is on the disk before it counts as sent.
    pub synchronise: bool,
    /// Whether the path may name a FIFO or a character device.
    pub special: bool,
}

/// When a file is set aside.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rotation {
    /// Before it has more bytes than this, unless a single line has.
    pub bytes_max: Option<u64>,
    /// When a period is over; periods are counted from 1970, UTC, in whole seconds: a day is a
    /// calendar day.
    pub period: Option<Duration>,
}

/// How much of what was set aside is kept: what is beyond either limit is removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retention {
    /// Most files.
    pub count: Option<usize>,
    /// Longest time since the last line was written to one.
    pub age: Option<Duration>,
}

/// A file, as a sink.
pub struct LogFile {
    settings: LogFileSettings,
    clock: Box<dyn Fn() -> WallTime + Send>,
    keeper: Keeper,
    open: Option<Open>,
    /// When the keeper was last told to look.
    tidied: WallTime,
    /// Why the file was not set aside when it should have been.
    complaint: Option<String>,
}

/// Files get too old while nothing is written as well.
const TIDYING_PERIOD: i64 = 3600 * 1_000_000_000;

impl LogFileSettings {
    /// The usual settings for a path: nothing is set aside.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            mode: 0o640,
            rotation: Rotation::default(),
            compress: true,
            retention: Retention::default(),
            synchronise: false,
            special: false,
        }
    }
}

impl LogFile {
    /// Opens the file.
    ///
    /// # Errors
    ///
    /// If it cannot be written to, or is nothing that should be; says what to do.
    pub fn new(settings: LogFileSettings) -> io::Result<Self> {
        Self::with_clock(settings, Box::new(wall_time))
    }

    fn with_clock(
        settings: LogFileSettings,
        clock: Box<dyn Fn() -> WallTime + Send>,
    ) -> io::Result<Self> {
        let mut file = Self {
            keeper: Keeper::start(settings.compress, settings.retention)?,
            settings,
            clock,
            open: None,
            tidied: WallTime::default(),
            complaint: None,
        };
        match file.ready() {
            // The reader of a FIFO may come later.
            Err(error) if Errno::from_io_error(&error) == Some(Errno::NXIO) => {}
            ready => ready?,
        }
        Ok(file)
    }

    /// Sees to it that what is open is what the path names.
    fn ready(&mut self) -> io::Result<()> {
        if self
            .open
            .as_ref()
            .is_none_or(|open| !open.is_at(&self.settings.path))
        {
            self.open = None;
            self.open = Some(open::open(&self.settings, (self.clock)())?);
            self.tidied = WallTime::default();
        }
        let now = (self.clock)();
        if now.0.saturating_sub(self.tidied.0) > TIDYING_PERIOD {
            self.tidy(now);
        }
        Ok(())
    }

    fn tidy(&mut self, now: WallTime) {
        if let Some(Target::Regular(file)) = self.open.as_ref().map(|open| &open.target) {
            self.keeper.tidy(&file.path);
        }
        self.tidied = now;
    }

    async fn write(&mut self, entries: &[Entry]) -> Result<Receipt, Failure> {
        let path = self.settings.path.display().to_string();
        let failed = |error: io::Error| match Errno::from_io_error(&error) {
            Some(Errno::NXIO) => format!("cannot write to {path}: nobody reads it"),
            _ => format!("cannot write to {path}: {error}"),
        };
        self.ready()
            .map_err(|error| Failure::again(failed(error)))?;
        let lines = Lines::of(entries);
        let result = match self.open.as_mut().map(|open| &mut open.target) {
            Some(Target::Special(descriptor)) => descriptor.write(&lines).await,
            Some(Target::Regular(_)) => self.append(&lines),
            None => Ok(()),
        };
        let answer = self.answer(&path);
        match result {
            Ok(()) => Ok(Receipt::all(answer)),
            Err((out, error)) => some_are_out(out, entries.len(), failed(error), answer),
        }
    }

    /// Appends lines, to as many files as they take.
    fn append(&mut self, lines: &Lines) -> Result<(), (usize, io::Error)> {
        let mut out = 0;
        while out < lines.ends.len() {
            let fitting = self.fitting(lines, out).map_err(|error| (out, error))?;
            let Some(Target::Regular(file)) = self.open.as_mut().map(|open| &mut open.target)
            else {
                return Err((out, io::Error::other("it is not open")));
            };
            let outcome = append(&mut file.file, lines, out..out + fitting);
            let synchronised = match self.settings.synchronise {
                true => file.file.sync_data(),
                false => Ok(()),
            };
            // Nobody knows what is on the disk then.
            synchronised.map_err(|error| (0, error))?;
            match outcome {
                Outcome::Whole => out += fitting,
                Outcome::Cut { whole, error } => return Err((out + whole, error)),
                Outcome::Torn { whole, error } => {
                    // Opened anew, the half line is ended.
                    self.open = None;
                    return Err((out + whole, error));
                }
            }
        }
        Ok(())
    }

    /// How many of the lines go into the file that is open, which is set aside before if need be.
    fn fitting(&mut self, lines: &Lines, out: usize) -> io::Result<usize> {
        let rest = lines.ends.len() - out;
        let Some(Target::Regular(file)) = self.open.as_ref().map(|open| &open.target) else {
            return Ok(rest);
        };
        let length = file.file.metadata()?.len();
        let now = (self.clock)();
        let fits = self.settings.rotation.fitting(length, lines, out);
        if length == 0 || (fits > 0 && !self.settings.rotation.is_over(file.written, now)) {
            self.written(now);
            return Ok(fits.max(1));
        }
        match rotation::set_aside(&file.path, now) {
            Ok(()) => {
                // Not by way of `ready`: a link would name nothing.
                let made = open::make(&self.settings, &file.path);
                self.complaint = made
                    .err()
                    .map(|error| format!("no file came after it: {error}"));
                self.open = None;
                self.ready()?;
                self.written(now);
                Ok(self.settings.rotation.fitting(0, lines, out).max(1))
            }
            Err(error) => {
                self.complaint = Some(format!("it cannot be set aside: {error}"));
                self.written(now);
                Ok(rest)
            }
        }
    }

    fn written(&mut self, now: WallTime) {
        if let Some(Target::Regular(Regular { written, .. })) =
            self.open.as_mut().map(|open| &mut open.target)
        {
            *written = now;
        }
    }

    fn answer(&self, path: &str) -> String {
        let mut answer = format!("written to {path}");
        for complaint in self.complaint.iter().chain(&self.keeper.complaint()) {
            answer.push_str("; ");
            answer.push_str(complaint);
        }
        answer
    }
}

impl Sink for LogFile {
    fn send<'a>(&'a mut self, entries: &'a [Entry]) -> Sending<'a> {
        Box::pin(self.write(entries))
    }

    fn reopen(&mut self) {
        self.open = None;
    }
}
