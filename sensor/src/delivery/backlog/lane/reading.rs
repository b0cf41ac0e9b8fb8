//! From files to memory.

use std::io;

use super::{Held, Lane};
use crate::delivery::backlog::{
    BacklogError,
    class::Class,
    counts::Counts,
    memory::Memory,
    reader::{Reader, Step},
    segment::{Position, Segment},
    store::Store,
};

impl Lane {
    /// Reads what comes behind `front`: at least one entry, then a portion as long as there is room.
    /// What turns out to be damaged, or gone, is lost.
    ///
    /// # Errors
    ///
    /// If it cannot be read now.
    pub(in super::super) fn read(
        &mut self,
        store: &Store,
        memory: &mut Memory,
        acknowledged: u64,
        lost: &mut Counts,
    ) -> Result<(), BacklogError> {
        let mut bytes = 0;
        while self.unread > 0 && (bytes == 0 || (bytes < memory.portion() && !memory.is_over())) {
            let from = self.unread_from.segment;
            let index = self.segments.partition_point(|each| each.number < from);
            let Some(segment) = self.segments.get_mut(index) else {
                self.unread = 0;
                break;
            };
            if segment.number != from {
                self.unread_from = segment.start();
            }
            if segment.unread().total() == 0 {
                self.unread_from = segment.end();
                continue;
            }
            let step = Self::step(
                &mut self.reader,
                store,
                self.class,
                segment,
                self.unread_from,
            );
            match step {
                Ok(Step::Record { from, to, entry }) => {
                    self.unread_from.at = to;
                    let severity = entry.facts.severity;
                    if entry.place <= self.skipped || segment.unread().of(severity) == 0 {
                        continue;
                    }
                    self.unread -= 1;
                    if entry.place <= acknowledged {
                        segment.waiting.remove(severity);
                        continue;
                    }
                    segment.held.add(severity);
                    memory.take(&entry);
                    bytes = bytes.saturating_add(entry.size());
                    let position = Position {
                        segment: segment.number,
                        at: from,
                    };
                    self.front.push_back(Held { entry, position });
                }
                Ok(Step::Damaged { to, .. }) => self.unread_from.at = to,
                Ok(Step::End) => {
                    self.unread = self.unread.saturating_sub(give_up(segment, lost));
                }
                Err(why) if is_lasting(&why) => {
                    self.unread = self.unread.saturating_sub(give_up(segment, lost));
                }
                Err(why) => {
                    let path = store.segment_path(self.class, segment.number);
                    return Err(BacklogError::read(path, why));
                }
            }
        }
        if self.unread == 0 {
            self.reader = None;
        }
        Ok(())
    }

    /// What is next in a segment, with the reader that is there already if it fits.
    fn step(
        reader: &mut Option<(u64, Reader)>,
        store: &Store,
        class: Class,
        segment: &Segment,
        from: Position,
    ) -> io::Result<Step> {
        let is_there = reader
            .as_ref()
            .is_some_and(|(number, reader)| *number == from.segment && reader.at() == from.at);
        if !is_there {
            let file = store.read(class, segment.number)?;
            *reader = Some((segment.number, Reader::new(file, from.at)));
        }
        match reader {
            Some((_, reader)) => reader.next(segment.length),
            None => Ok(Step::End),
        }
    }
}

/// Counts what cannot be read any more of a segment: how many are lost.
fn give_up(segment: &mut Segment, lost: &mut Counts) -> u64 {
    let gone = segment.unread();
    lost.add_all(&gone);
    segment.waiting = segment.held;
    gone.total()
}

/// Whether it is of no use to try again: the file is gone or unreadable, or the disk is broken there.
fn is_lasting(why: &io::Error) -> bool {
    const EIO: i32 = rustix::io::Errno::IO.raw_os_error();
    why.kind() == io::ErrorKind::NotFound
        || why.kind() == io::ErrorKind::Other
        || why.raw_os_error() == Some(EIO)
}
