//! From memory to files.

use super::{Held, Lane, count, on_disk};
use crate::delivery::backlog::{
    BacklogError,
    memory::Memory,
    record,
    segment::{HEADER_BYTES, Position, Segment},
    store::Store,
};

/// Buffers are not kept that are larger than this.
const BUFFER_BYTES: usize = 256 << 10;

impl Lane {
    /// Writes what is unwritten.
    ///
    /// # Errors
    ///
    /// If not all could be written. What was not stays.
    pub(in super::super) fn flush(
        &mut self,
        store: &mut Store,
        buffer: &mut Vec<u8>,
        memory: &mut Memory,
    ) -> Result<(), BacklogError> {
        let mut outcome = Ok(());
        while outcome.is_ok() && !self.unwritten.is_empty() {
            outcome = self.write(store, buffer, memory);
        }
        buffer.clear();
        buffer.shrink_to(BUFFER_BYTES);
        self.retire(store);
        outcome
    }

    /// Writes as much of it as one segment takes, in one piece.
    fn write(
        &mut self,
        store: &mut Store,
        buffer: &mut Vec<u8>,
        memory: &mut Memory,
    ) -> Result<(), BacklogError> {
        let first = self.unwritten.front().map_or(0, on_disk);
        let has_room = self.segments.back().is_some_and(|last| {
            last.length <= HEADER_BYTES || last.length.saturating_add(first) <= store.segment_bytes
        });
        if self.writing.is_none() || !has_room {
            let (number, file) = store.create(self.class)?;
            self.writing = Some(file);
            self.segments.push_back(Segment::new(number));
        }
        let (Some(segment), Some(file)) = (self.segments.back_mut(), &self.writing) else {
            return Ok(());
        };

        buffer.clear();
        if segment.length == 0 {
            buffer.extend(record::segment_header());
        }
        let mut whole = 0;
        for entry in &self.unwritten {
            let length = segment.length.saturating_add(count(buffer.len()));
            if whole > 0 && length.saturating_add(on_disk(entry)) > store.segment_bytes {
                break;
            }
            record::encode(entry, buffer);
            whole += 1;
        }
        if let Err((why, is_cut)) = store.write(file, buffer, segment.length) {
            let path = store.segment_path(self.class, segment.number);
            if !is_cut {
                // Half a record is at its end: nothing may come behind that.
                self.writing = None;
            }
            return Err(BacklogError::write(path, why));
        }

        let mut at = segment.length.max(HEADER_BYTES);
        segment.length = segment.length.saturating_add(count(buffer.len()));
        segment.synced = false;
        for entry in self.unwritten.drain(..whole) {
            let position = Position {
                segment: segment.number,
                at,
            };
            let length = on_disk(&entry);
            at = at.saturating_add(length);
            self.unwritten_bytes = self.unwritten_bytes.saturating_sub(length);
            segment.waiting.add(entry.facts.severity);
            if self.unread == 0 && !memory.is_over() {
                segment.held.add(entry.facts.severity);
                self.front.push_back(Held { entry, position });
                continue;
            }
            if self.unread == 0 {
                self.unread_from = position;
            }
            self.unread += 1;
            memory.give_back(&entry);
        }
        Ok(())
    }

    /// Removes the segments that are done with. The one that is written to is emptied only: a sink
    /// that keeps up would have a file made and removed for each batch.
    pub(in super::super) fn retire(&mut self, store: &mut Store) {
        if !self.segments.iter().any(Segment::is_done) {
            return;
        }
        let last = self.segments.back().map(|last| last.number);
        let mut kept = None;
        if let (Some(segment), Some(file)) = (self.segments.back_mut(), &self.writing)
            && segment.is_done()
            && (segment.length <= HEADER_BYTES || store.cut(file, HEADER_BYTES).is_ok())
        {
            segment.length = segment.length.min(HEADER_BYTES);
            kept = last;
        }
        let reading = self.reader.as_ref().map(|(number, _)| *number);
        let class = self.class;
        let (mut gone_writing, mut gone_reading) = (false, false);
        self.segments.retain(|segment| {
            if !segment.is_done() {
                return true;
            }
            // Even of one that is kept: what the reader has in memory is no more in the file.
            gone_reading |= reading == Some(segment.number);
            if kept == Some(segment.number) {
                return true;
            }
            gone_writing |= last == Some(segment.number);
            store.remove(class, segment.number);
            false
        });
        if gone_writing {
            self.writing = None;
        }
        if gone_reading {
            self.reader = None;
        }
    }

    /// Goes on with the last segment of an earlier run, if it may get longer.
    pub(in super::super) fn go_on(&mut self, store: &Store) {
        let Some(last) = self.segments.back() else {
            return;
        };
        if last.length < store.segment_bytes {
            // Where that fails there will be a new segment.
            self.writing = store.append(self.class, last.number).ok();
        }
    }

    /// Waits until all segments are on the disk itself.
    pub(in super::super) fn sync(&mut self, store: &Store) -> Result<(), BacklogError> {
        for segment in self.segments.iter_mut().filter(|each| !each.synced) {
            let synced = store
                .read(self.class, segment.number)
                .and_then(|file| file.sync_data());
            let path = || store.segment_path(self.class, segment.number);
            synced.map_err(|why| BacklogError::write(path(), why))?;
            segment.synced = true;
        }
        Ok(())
    }
}
