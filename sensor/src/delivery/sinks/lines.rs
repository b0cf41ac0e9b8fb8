//! Entries as lines.

use crate::delivery::{
    entry::Entry,
    sink::{Again, Failure, Receipt},
};

/// The lines of a batch, one behind the other.
#[derive(Debug, Default)]
pub(super) struct Lines {
    pub(super) bytes: Vec<u8>,
    /// Where each ends, its line feed included.
    pub(super) ends: Vec<usize>,
}

impl Lines {
    pub(super) fn of(entries: &[Entry]) -> Self {
        let mut lines = Self::default();
        for entry in entries {
            lines.bytes.extend(&entry.document[..]);
            lines.bytes.push(b'\n');
            lines.ends.push(lines.bytes.len());
        }
        lines
    }

    /// How many lines are whole in the first so many bytes.
    pub(super) fn whole(&self, bytes: usize) -> usize {
        self.ends.partition_point(|end| *end <= bytes)
    }

    /// Where a line begins; the end of all for one that there is not.
    pub(super) fn begin(&self, line: usize) -> usize {
        let before = line.checked_sub(1);
        before.map_or(0, |before| {
            self.ends.get(before).copied().unwrap_or(self.bytes.len())
        })
    }
}

/// The receipt for a batch whose first entries are out, and not the rest, for this reason.
pub(super) fn some_are_out(
    out: usize,
    total: usize,
    why: String,
    answer: String,
) -> Result<Receipt, Failure> {
    if out == 0 {
        return Err(Failure::again(why));
    }
    Ok(Receipt {
        again: (out..total).collect(),
        delay: Some(Again { why, after: None }),
        ..Receipt::all(answer)
    })
}
