//! What waits for one sink: a queue, and the spool that survives the sensor.
//!
//! With a directory every entry is appended to a file before it is sent. What was appended is there
//! after the sensor was killed; after a power cut it is what [`Backlog::sync`] waited for. An entry can
//! come twice, if the sensor is killed between sending and acknowledging. Without a directory all is in
//! memory, and gone with the sensor.
//!
//! ```text
//! directory, 0700
//! ├── lock                                        held as long as the backlog is open
//! ├── acknowledged                                the place up to which all is done with
//! ├── informational-0000000000000007.segment      a lane for each class of severities:
//! ├── informational-0000000000000009.segment      its segments in order, its entries in theirs
//! └── high-0000000000000008.segment
//! ```
//!
//! # Policy at limits
//!
//! - More than [`Limits::bytes`]: the oldest of the least severe are evicted, counted, and reported to
//!   whoever appends. On disk a whole segment goes, a thirty-second part of the limit; in memory one
//!   entry after the other. A severer class loses nothing as long as a lesser one has anything. An
//!   entry that alone is more than the limit, or than 32 MiB, is evicted itself.
//! - More than [`Limits::memory_bytes`] of entries waiting: the later ones are on disk only, and are
//!   read when it is their turn.
//! - The disk is full, or fails: a record that is not whole is cut off, and entries wait in memory, up
//!   to `memory_bytes`, until the disk takes them. Then older segments of lesser or the same class go
//!   first if that makes room on the disk, and else the oldest and least severe in memory.
//! - A damaged record: reading goes on behind it. It is counted.
//! - Files that are none of a backlog's, or a later sensor's: left alone, and named.
//!
//! # Parts
//!
//! - `queue`: the backlog. `lane`, `segment`, `class`, `counts`, `memory`: what it is made of.
//! - `record`, `reader`: segments as bytes. `acknowledged`: the file of that name.
//! - `store`: the directory. `recovery`: what an earlier run left there. `health`: whether it works.

mod acknowledged;
mod class;
mod counts;
mod error;
mod health;
mod lane;
mod memory;
mod queue;
mod reader;
mod record;
mod recovery;
mod segment;
mod store;
#[cfg(test)]
mod tests;

use std::{ops::Range, path::PathBuf, sync::Arc};

use bytes::Bytes;

pub use error::BacklogError;
pub use queue::Backlog;

use super::entry::Facts;
use crate::detect::severity::Severity;

/// How much may wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most bytes of entries, with what each takes beside its text: on disk if there is a directory,
    /// else in memory. On disk 16 bytes a segment and two small files come on top.
    pub bytes: u64,
    /// Most bytes of memory for entries that are on disk too, or that the disk does not take. One
    /// entry of each class may come on top. Without a directory it is not used.
    pub memory_bytes: usize,
}

/// A document that a sink is to get.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct New {
    /// What sinks need to know of it.
    pub facts: Arc<Facts>,
    /// The document. UTF-8.
    pub document: Bytes,
}

/// What became of entries.
#[derive(Debug)]
pub struct Appended {
    /// Their places, in the order in which they were given.
    pub places: Range<u64>,
    /// What had to go, of these or of older ones, and was not acknowledged. It may have been sent.
    pub evicted: Vec<Gone>,
    /// Whether the disk began to fail since the last time, or works again.
    pub trouble: Option<Trouble>,
}

/// Entries that are in the backlog no more, and were not acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gone {
    /// Their severity.
    pub severity: Severity,
    /// How many.
    pub count: u64,
}

/// A change of what the disk does.
#[derive(Debug)]
pub enum Trouble {
    /// It fails from now on: what is appended waits in memory.
    Begins(BacklogError),
    /// It works again, and has all that waited.
    Ends,
}

/// What an earlier run left.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recovery {
    /// Entries that wait.
    pub entries: u64,
    /// Their bytes on disk.
    pub bytes: u64,
    /// Places in files where something else was than what had been written: each is the end of a file
    /// that was cut off, or mostly one record.
    pub damaged: u64,
    /// How many bytes those have.
    pub damaged_bytes: u64,
    /// What had to go because the limit was lowered.
    pub evicted: Vec<Gone>,
    /// Files that were left alone, at most [`Self::LEFT_MAX`] of them.
    pub left: Vec<Left>,
    /// How many there are.
    pub left_count: u64,
}

/// A file that is none of a backlog's, or that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Left {
    /// The file.
    pub path: PathBuf,
    /// Why.
    pub why: String,
}

impl New {
    /// Bytes of memory that it takes, about.
    #[must_use]
    pub fn size(&self) -> usize {
        size_of::<Self>() + size_of::<Facts>() + self.facts.id.len() + self.document.len()
    }
}

impl Recovery {
    /// How many files are named.
    pub const LEFT_MAX: usize = 16;

    /// It in a line, if there is anything to say.
    #[must_use]
    pub fn news(&self) -> Option<String> {
        let mut news = Vec::new();
        if self.entries > 0 {
            news.push(format!("{} events wait from the last run", self.entries));
        }
        if self.damaged > 0 {
            news.push(format!(
                "{} places ({} bytes) in the spool were damaged and are passed over",
                self.damaged, self.damaged_bytes
            ));
        }
        if let Some(left) = self.left.first() {
            let others = self.left_count.saturating_sub(1);
            news.push(format!(
                "{} is none of the spool's files and left alone ({}), and {others} others",
                left.path.display(),
                left.why
            ));
        }
        (!news.is_empty()).then(|| news.join("; "))
    }
}
