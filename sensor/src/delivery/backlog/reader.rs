//! Reads a segment, past whatever is damaged in it.

use std::{fs::File, io, os::unix::fs::FileExt as _};

use super::record::{HEADER_BYTES, Header};
use crate::delivery::entry::Entry;

/// Bytes that are read at once, as a rule.
const READ_BYTES: usize = 64 << 10;

/// Reads a segment from a record on. It holds little more than [`READ_BYTES`], or one record.
#[derive(Debug)]
pub(super) struct Reader {
    file: File,
    buffer: Vec<u8>,
    /// Where in the file the buffer begins.
    start: u64,
    /// Where in the file the next record is expected.
    at: u64,
}

/// What is next in a segment.
#[derive(Debug)]
pub(super) enum Step {
    /// An entry, and where its record is. That need not be as long as it would be written now: a
    /// later sensor's code is not known.
    Record { from: u64, to: u64, entry: Entry },
    /// What is up to here is no record.
    Damaged { from: u64, to: u64 },
    /// Nothing.
    End,
}

impl Reader {
    pub(super) const fn new(file: File, at: u64) -> Self {
        Self {
            file,
            buffer: Vec::new(),
            start: at,
            at,
        }
    }

    /// Where the next record is expected.
    pub(super) const fn at(&self) -> u64 {
        self.at
    }

    /// What is next, in a segment that ends there.
    pub(super) fn next(&mut self, end: u64) -> io::Result<Step> {
        let at = self.at;
        if at >= end {
            return Ok(Step::End);
        }
        let Some(header) = Header::parse(self.window(at, HEADER_BYTES, end)?) else {
            self.at = self.find(end)?;
            return Ok(Step::Damaged {
                from: at,
                to: self.at,
            });
        };
        let length = HEADER_BYTES + header.body;
        let record = self.window(at, length, end)?;
        let is_whole = record.len() == length;
        let entry = record
            .get(HEADER_BYTES..)
            .filter(|_| is_whole)
            .and_then(|body| header.decode(body));
        self.at = if is_whole {
            at.saturating_add(bytes(length))
        } else {
            end
        };
        let (from, to) = (at, self.at);
        Ok(
            entry.map_or(Step::Damaged { from, to }, |entry| Step::Record {
                from,
                to,
                entry,
            }),
        )
    }

    /// Where the next header is, behind one that is damaged.
    fn find(&mut self, end: u64) -> io::Result<u64> {
        let mut at = self.at.saturating_add(1);
        while at < end {
            if Header::parse(self.window(at, HEADER_BYTES, end)?).is_some() {
                return Ok(at);
            }
            // All that is in memory is looked through before more is read.
            let skipped = usize::try_from(at.saturating_sub(self.start)).unwrap_or(usize::MAX);
            let rest = self.buffer.get(skipped..).unwrap_or_default();
            let Some((_, behind)) = rest.split_first() else {
                break;
            };
            let next = Header::find(behind).unwrap_or(behind.len());
            at = at.saturating_add(1).saturating_add(bytes(next));
        }
        Ok(end)
    }

    /// This many bytes from there on; fewer where the segment ends.
    fn window(&mut self, at: u64, length: usize, end: u64) -> io::Result<&[u8]> {
        let left = usize::try_from(end.saturating_sub(at)).unwrap_or(usize::MAX);
        let length = length.min(left);
        let skipped = at
            .checked_sub(self.start)
            .and_then(|skipped| usize::try_from(skipped).ok())
            .filter(|skipped| *skipped <= self.buffer.len());
        let is_there = skipped.is_some_and(|skipped| self.buffer.len() - skipped >= length);
        if !is_there {
            match skipped {
                Some(skipped) => drop(self.buffer.drain(..skipped)),
                None => self.buffer.clear(),
            }
            self.start = at;
            self.fill(length.max(READ_BYTES).min(left))?;
        }
        let skipped = usize::try_from(at.saturating_sub(self.start)).unwrap_or(usize::MAX);
        let there = self.buffer.get(skipped..).unwrap_or_default();
        Ok(there.get(..length).unwrap_or(there))
    }

    /// Reads on until there is so much, or no more.
    fn fill(&mut self, wanted: usize) -> io::Result<()> {
        // One long record does not make every buffer after it long.
        self.buffer.shrink_to(wanted);
        let mut filled = self.buffer.len();
        self.buffer.resize(wanted, 0);
        let outcome = loop {
            let Some(room) = self
                .buffer
                .get_mut(filled..)
                .filter(|room| !room.is_empty())
            else {
                break Ok(());
            };
            match self
                .file
                .read_at(room, self.start.saturating_add(bytes(filled)))
            {
                Ok(0) => break Ok(()),
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => break Err(error),
            }
        };
        self.buffer.truncate(filled);
        outcome
    }
}

/// A length in memory is one on disk.
fn bytes(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}
