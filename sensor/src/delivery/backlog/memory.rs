//! The memory that a backlog's entries take.

use crate::delivery::entry::Entry;

/// Bytes of entries in memory, and how many there may be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Memory {
    /// Most bytes, beside one entry of each lane.
    pub(super) limit: usize,
    /// Bytes, about.
    pub(super) used: usize,
}

impl Memory {
    pub(super) fn take(&mut self, entry: &Entry) {
        self.used = self.used.saturating_add(entry.size());
    }

    pub(super) fn give_back(&mut self, entry: &Entry) {
        self.used = self.used.saturating_sub(entry.size());
    }

    pub(super) const fn is_over(&self) -> bool {
        self.used > self.limit
    }

    /// What is read ahead at once: a part, so that each lane gets some.
    pub(super) fn portion(&self) -> usize {
        (self.limit / 8).min(256 << 10)
    }

    pub(super) fn has_room_for(&self, bytes: usize) -> bool {
        self.used.saturating_add(bytes) <= self.limit
    }
}
