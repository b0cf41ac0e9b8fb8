//! The entries of one class of severities, in order of place.
//!
//! ```text
//!          acknowledged │ front      │ unread      │ unwritten
//! memory                │ █████████  │             │ █████████
//! disk      ░░░░░░░░░░  │ █████████  │ ██████████  │
//! ```
//!
//! `front` is what the sink gets next, `unread` what is read when `front` is used up, `unwritten` what
//! the disk does not take. While the sink keeps up all is in `front`, and nothing is read.
//!
//! `writing` and `reading` are the ways to the files.

mod reading;
mod writing;

use std::{collections::VecDeque, fs::File};

use super::{
    class::Class,
    counts::Counts,
    memory::Memory,
    reader::Reader,
    record,
    segment::{Position, Segment},
    store::Store,
};
use crate::delivery::entry::Entry;

/// The entries of one class.
#[derive(Debug)]
pub(super) struct Lane {
    class: Class,
    /// The first ones, on disk and in memory.
    front: VecDeque<Held>,
    /// How many are on disk only, behind those.
    unread: u64,
    /// Where the first one of them is, or behind the last.
    unread_from: Position,
    /// What reads there, and in which segment.
    reader: Option<(u64, Reader)>,
    /// The last ones, in memory only.
    unwritten: VecDeque<Entry>,
    /// Bytes that those take on disk.
    unwritten_bytes: u64,
    segments: VecDeque<Segment>,
    /// The last segment's file, if it may be written on.
    writing: Option<File>,
    /// Up to here entries were acknowledged in earlier runs: those are in no count.
    skipped: u64,
}

/// An entry, and where it is on disk.
#[derive(Debug)]
struct Held {
    entry: Entry,
    position: Position,
}

/// What is at an index of a lane.
#[derive(Debug)]
pub(super) enum At<'a> {
    /// An entry.
    Entry(&'a Entry),
    /// One that has to be read first.
    Unread,
    /// Nothing.
    End,
}

impl Lane {
    /// One that has these segments, of which nothing was read.
    pub(super) fn new(class: Class, segments: VecDeque<Segment>, skipped: u64) -> Self {
        Self {
            class,
            front: VecDeque::new(),
            unread: segments.iter().map(|segment| segment.waiting.total()).sum(),
            unread_from: Position::default(),
            reader: None,
            unwritten: VecDeque::new(),
            unwritten_bytes: 0,
            segments,
            writing: None,
            skipped,
        }
    }

    /// Entries that are not acknowledged.
    pub(super) fn len(&self) -> u64 {
        count(self.front.len() + self.unwritten.len()).saturating_add(self.unread)
    }

    /// Bytes on disk, and those that the unwritten ones would take there.
    pub(super) fn bytes(&self) -> u64 {
        let written: u64 = self.segments.iter().map(Segment::bytes).sum();
        written.saturating_add(self.unwritten_bytes)
    }

    /// Whether the first entry is on disk only.
    pub(super) fn is_behind(&self) -> bool {
        self.front.is_empty() && self.unread > 0
    }

    /// The entry at an index.
    pub(super) fn at(&self, index: usize) -> At<'_> {
        if let Some(held) = self.front.get(index) {
            return At::Entry(&held.entry);
        }
        if self.unread > 0 {
            return At::Unread;
        }
        let entry = self.unwritten.get(index.saturating_sub(self.front.len()));
        entry.map_or(At::End, At::Entry)
    }

    /// Adds the last entry.
    pub(super) fn push(&mut self, entry: Entry, memory: &mut Memory) {
        memory.take(&entry);
        self.unwritten_bytes = self.unwritten_bytes.saturating_add(on_disk(&entry));
        self.unwritten.push_back(entry);
    }

    /// Drops the entries up to a place.
    pub(super) fn acknowledge(&mut self, place: u64, memory: &mut Memory) {
        while let Some(held) = pop_if(&mut self.front, |held| held.entry.place <= place) {
            memory.give_back(&held.entry);
            if let Some(segment) = find(&mut self.segments, held.position.segment) {
                segment.waiting.remove(held.entry.facts.severity);
                segment.held.remove(held.entry.facts.severity);
            }
        }
        if !self.front.is_empty() || self.unread > 0 {
            return;
        }
        while let Some(entry) = pop_if(&mut self.unwritten, |entry| entry.place <= place) {
            self.forget_unwritten(&entry, memory);
        }
    }

    /// Drops what is oldest, a whole segment if there is one. False if there is nothing.
    pub(super) fn evict(
        &mut self,
        store: Option<&mut Store>,
        memory: &mut Memory,
        evicted: &mut Counts,
    ) -> bool {
        let Some(segment) = self.segments.iter_mut().find(|each| !each.is_done()) else {
            return self.evict_unwritten(memory, evicted);
        };
        let number = segment.number;
        evicted.add_all(&segment.waiting);
        self.unread = self.unread.saturating_sub(segment.unread().total());
        segment.waiting = Counts::default();
        segment.held = Counts::default();
        while let Some(held) = pop_if(&mut self.front, |held| held.position.segment == number) {
            memory.give_back(&held.entry);
        }
        if let Some(store) = store {
            self.retire(store);
        }
        true
    }

    /// Drops the oldest of those that are in memory only. False if there is none.
    pub(super) fn evict_unwritten(&mut self, memory: &mut Memory, evicted: &mut Counts) -> bool {
        let Some(entry) = self.unwritten.pop_front() else {
            return false;
        };
        evicted.add(entry.facts.severity);
        self.forget_unwritten(&entry, memory);
        true
    }

    /// The place of the last entry that could be dropped from memory and read again, if more than
    /// so many are held.
    pub(super) fn furthest(&self, kept: usize) -> Option<u64> {
        let furthest = self.front.back().filter(|_| self.front.len() > kept)?;
        Some(furthest.entry.place)
    }

    /// Drops that one from memory.
    pub(super) fn drop_furthest(&mut self, memory: &mut Memory) {
        let Some(held) = self.front.pop_back() else {
            return;
        };
        memory.give_back(&held.entry);
        if let Some(segment) = find(&mut self.segments, held.position.segment) {
            segment.held.remove(held.entry.facts.severity);
        }
        self.unread_from = held.position;
        self.unread += 1;
    }

    fn forget_unwritten(&mut self, entry: &Entry, memory: &mut Memory) {
        memory.give_back(entry);
        self.unwritten_bytes = self.unwritten_bytes.saturating_sub(on_disk(entry));
    }
}

fn pop_if<T>(queue: &mut VecDeque<T>, is_wanted: impl Fn(&T) -> bool) -> Option<T> {
    queue.front().filter(|first| is_wanted(first))?;
    queue.pop_front()
}

fn find(segments: &mut VecDeque<Segment>, number: u64) -> Option<&mut Segment> {
    let index = segments.partition_point(|each| each.number < number);
    segments
        .get_mut(index)
        .filter(|found| found.number == number)
}

fn on_disk(entry: &Entry) -> u64 {
    count(record::length(&entry.facts, &entry.document))
}

fn count(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}
