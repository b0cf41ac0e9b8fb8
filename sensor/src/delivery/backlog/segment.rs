//! What is known of a segment without reading it.

use super::{counts::Counts, record::SEGMENT_HEADER_BYTES};

/// A segment's header is there, or nothing.
pub(super) const HEADER_BYTES: u64 = SEGMENT_HEADER_BYTES as u64;

/// A file of entries.
#[derive(Clone, Debug)]
pub(super) struct Segment {
    /// Its place among the segments of all lanes.
    pub(super) number: u64,
    /// Bytes of the file.
    pub(super) length: u64,
    /// Its entries that are not acknowledged.
    pub(super) waiting: Counts,
    /// Those of them that are in memory too.
    pub(super) held: Counts,
    /// Whether it is known to be on the disk itself.
    pub(super) synced: bool,
}

/// Where a record begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Position {
    /// The segment's number.
    pub(super) segment: u64,
    /// The byte in its file.
    pub(super) at: u64,
}

impl Segment {
    /// One that was just made.
    pub(super) fn new(number: u64) -> Self {
        Self {
            number,
            length: 0,
            waiting: Counts::default(),
            held: Counts::default(),
            synced: false,
        }
    }

    /// Its entries that are on disk only.
    pub(super) fn unread(&self) -> Counts {
        self.waiting.minus(&self.held)
    }

    /// Whether none of its entries is wanted any more.
    pub(super) fn is_done(&self) -> bool {
        self.waiting.total() == 0
    }

    /// Bytes that are used for entries.
    pub(super) fn bytes(&self) -> u64 {
        if self.is_done() {
            return 0;
        }
        self.length.saturating_sub(HEADER_BYTES)
    }

    /// Where its first record is.
    pub(super) const fn start(&self) -> Position {
        Position {
            segment: self.number,
            at: HEADER_BYTES,
        }
    }

    /// Where the first record of the next one is, or of the one after that.
    pub(super) const fn end(&self) -> Position {
        Position {
            segment: self.number.saturating_add(1),
            at: HEADER_BYTES,
        }
    }
}
