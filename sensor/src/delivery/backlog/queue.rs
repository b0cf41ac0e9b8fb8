//! The backlog.

use std::{path::Path, time::Duration};

use super::{
    Appended, Gone, Limits, New, Recovery,
    acknowledged::Acknowledged,
    class::Class,
    counts::Counts,
    error::BacklogError,
    health::{Health, Part},
    lane::{At, Lane},
    memory::Memory,
    record::{self, RECORD_BYTES_MAX},
    recovery,
    store::{Disk, Medium, Store},
};
use crate::delivery::entry::Entry;

/// What waits for one sink. For one thread; with a directory its calls wait for files.
#[derive(Debug)]
pub struct Backlog {
    limits: Limits,
    /// In the order of [`Class::ALL`].
    lanes: [Lane; Class::ALL.len()],
    memory: Memory,
    next_place: u64,
    acknowledged: u64,
    /// What turned out to be damaged.
    lost: Counts,
    spool: Option<Spool>,
}

/// What a backlog on disk has beside.
#[derive(Debug)]
struct Spool {
    store: Store,
    acknowledged: Acknowledged,
    health: Health,
    buffer: Vec<u8>,
}

/// A segment is this part of the limit.
const SEGMENTS: u64 = 32;
const SEGMENT_BYTES_MIN: u64 = 64 << 10;
const SEGMENT_BYTES_MAX: u64 = 8 << 20;
/// How long a disk that fails is left alone.
const DISK_REST: Duration = Duration::from_secs(1);

/// Even of a small limit there are some.
const SEGMENTS_MIN: u64 = 4;

impl Backlog {
    /// One that is in memory only.
    #[must_use]
    pub fn in_memory(limits: Limits) -> Self {
        Self {
            limits,
            lanes: Class::ALL.map(|class| Lane::new(class, Default::default(), 0)),
            memory: Memory {
                limit: usize::try_from(limits.bytes).unwrap_or(usize::MAX),
                used: 0,
            },
            next_place: 1,
            acknowledged: 0,
            lost: Counts::default(),
            spool: None,
        }
    }

    /// One that is in a directory, which is made if it is not there, with what an earlier run left.
    /// All of that is read once, to know that it is whole.
    ///
    /// # Errors
    ///
    /// If the directory cannot be had, or another backlog has it.
    pub fn open(directory: &Path, limits: Limits) -> Result<(Self, Recovery), BacklogError> {
        let (mut backlog, recovery) = Self::open_with(directory, limits, Box::new(Disk))?;
        if let Some(spool) = &mut backlog.spool {
            spool.health.set_rest(DISK_REST);
        }
        Ok((backlog, recovery))
    }

    pub(super) fn open_with(
        directory: &Path,
        limits: Limits,
        medium: Box<dyn Medium>,
    ) -> Result<(Self, Recovery), BacklogError> {
        let segment_bytes = (limits.bytes / SEGMENTS)
            .clamp(SEGMENT_BYTES_MIN, SEGMENT_BYTES_MAX)
            .min(limits.bytes / SEGMENTS_MIN);
        let mut store = Store::open(directory, medium, segment_bytes)?;
        let (acknowledged, place, damaged) = Acknowledged::open(&store)?;
        let mut found = recovery::find(&mut store, place)?;
        found.recovery.damaged += damaged;
        let mut recovery = found.recovery;
        let mut backlog = Self {
            limits,
            lanes: found.lanes,
            memory: Memory {
                limit: limits.memory_bytes,
                used: 0,
            },
            next_place: found.last_place.max(place).saturating_add(1),
            acknowledged: place,
            lost: Counts::default(),
            spool: Some(Spool {
                store,
                acknowledged,
                health: Health::default(),
                buffer: Vec::new(),
            }),
        };
        let mut evicted = Counts::default();
        backlog.make_room(&mut evicted);
        recovery.evicted = gone(&evicted);
        recovery.entries = backlog.len();
        recovery.bytes = backlog.bytes();
        Ok((backlog, recovery))
    }

    /// Appends entries. A disk that failed is tried again a second later. Those that are not among the evicted are on disk when it returns, if the disk
    /// does not fail; none of them has to be appended again if it does. Each call tries a disk that
    /// failed again, one without entries too.
    pub fn append(&mut self, new: Vec<New>) -> Appended {
        let first = self.next_place;
        let mut evicted = Counts::default();
        for New { facts, document } in new {
            let entry = Entry {
                place: self.next_place,
                facts,
                document,
            };
            self.next_place = self.next_place.saturating_add(1);
            if self.is_too_long(&entry) {
                evicted.add(entry.facts.severity);
                continue;
            }
            let [informational, low, medium, high] = &mut self.lanes;
            let lane = match Class::of(entry.facts.severity) {
                Class::Informational => informational,
                Class::Low => low,
                Class::Medium => medium,
                Class::High => high,
            };
            lane.push(entry, &mut self.memory);
        }
        self.make_room(&mut evicted);
        if self
            .spool
            .as_ref()
            .is_some_and(|spool| spool.health.rests())
        {
            self.shed(&mut evicted);
        } else {
            let outcome = self.flush();
            self.note(outcome, &mut evicted);
        }
        Appended {
            places: first..self.next_place,
            evicted: gone(&evicted),
            trouble: self.spool.as_mut().and_then(|spool| spool.health.change()),
        }
    }

    /// The first entries that are not acknowledged, in order of place: at most so many, and so many
    /// bytes of documents, but one if there is one. Fewer if more do not fit into memory.
    ///
    /// # Errors
    ///
    /// If they cannot be read now; it may be tried again.
    pub fn peek(&mut self, entries: usize, bytes: usize) -> Result<Vec<Entry>, BacklogError> {
        let mut taken: Vec<Entry> = Vec::new();
        let mut indices = [0; Class::ALL.len()];
        let mut left = bytes;
        while taken.len() < entries.max(1) {
            // Which is the next is not known before the next one of each lane is.
            match self.read(&indices, taken.is_empty()) {
                Ok(true) => {}
                Err(error) if taken.is_empty() => return Err(error),
                Ok(false) | Err(_) => break,
            }
            let next = self.lanes.iter().zip(&mut indices);
            let next = next.filter_map(|(lane, index)| match lane.at(*index) {
                At::Entry(entry) => Some((entry, index)),
                At::Unread | At::End => None,
            });
            let Some((entry, index)) = next.min_by_key(|(entry, _)| entry.place) else {
                break;
            };
            let rest = left.checked_sub(entry.document.len());
            if rest.is_none() && !taken.is_empty() {
                break;
            }
            taken.push(entry.clone());
            *index += 1;
            let Some(rest) = rest else {
                break;
            };
            left = rest;
        }
        self.retire();
        Ok(taken)
    }

    /// Everything up to this place is done with. That is written down like an entry; if the disk does
    /// not take it, the next run sends them again.
    pub fn acknowledge(&mut self, place: u64) {
        let place = place.min(self.next_place.saturating_sub(1));
        if place <= self.acknowledged {
            return;
        }
        self.acknowledged = place;
        if let Some(spool) = &mut self.spool {
            let written = spool.acknowledged.write(place, &spool.store);
            spool.health.note(Part::Place, written);
        }
        for lane in &mut self.lanes {
            lane.acknowledge(place, &mut self.memory);
            if let Some(spool) = &self.spool
                && lane.is_behind()
            {
                // They are passed over. If they cannot be read now, they are when the next are.
                let _ = lane.read(&spool.store, &mut self.memory, place, &mut self.lost);
                lane.acknowledge(place, &mut self.memory);
            }
        }
        self.retire();
    }

    /// Entries that are not acknowledged.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.lanes.iter().map(Lane::len).sum()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes that they take, as [`Limits::bytes`] counts them.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        if self.spool.is_none() {
            return u64::try_from(self.memory.used).unwrap_or(u64::MAX);
        }
        self.lanes.iter().map(Lane::bytes).sum()
    }

    /// Entries that could not be read back since this was asked last: their files were damaged, or
    /// taken away.
    pub fn lost(&mut self) -> Vec<Gone> {
        gone(&std::mem::take(&mut self.lost))
    }

    /// Drops what is in memory only: all of a backlog without a directory, else what the disk did not
    /// take. The rest waits for the next run.
    pub fn drop_unwritten(&mut self) -> Vec<Gone> {
        let mut dropped = Counts::default();
        let Self { lanes, memory, .. } = self;
        for lane in lanes {
            while lane.evict_unwritten(memory, &mut dropped) {}
        }
        gone(&dropped)
    }

    /// Waits until all that was appended and acknowledged is on the disk itself.
    ///
    /// # Errors
    ///
    /// If the disk does not take it.
    pub fn sync(&mut self) -> Result<(), BacklogError> {
        self.flush()?;
        self.note(Ok(()), &mut Counts::default());
        let Some(spool) = &self.spool else {
            return Ok(());
        };
        for lane in &mut self.lanes {
            lane.sync(&spool.store)?;
        }
        spool.acknowledged.sync(&spool.store)?;
        spool.store.sync()
    }

    /// Bytes of memory for entries, about.
    #[cfg(test)]
    pub(super) const fn memory_used(&self) -> usize {
        self.memory.used
    }

    fn is_too_long(&self, entry: &Entry) -> bool {
        let length = if self.spool.is_none() {
            entry.size()
        } else {
            record::length(&entry.facts, &entry.document)
        };
        (self.spool.is_some() && length > RECORD_BYTES_MAX)
            || u64::try_from(length).unwrap_or(u64::MAX) > self.limits.bytes
    }

    /// Evicts until the limit is kept.
    fn make_room(&mut self, evicted: &mut Counts) {
        while self.bytes() > self.limits.bytes && self.evict(evicted) {}
    }

    /// Evicts the oldest of the least severe. False if there is nothing.
    fn evict(&mut self, evicted: &mut Counts) -> bool {
        let Self {
            lanes,
            memory,
            spool,
            ..
        } = self;
        lanes.iter_mut().any(|lane| {
            let store = spool.as_mut().map(|spool| &mut spool.store);
            lane.evict(store, memory, evicted)
        })
    }

    /// Writes what is in memory only, the severest first.
    fn flush(&mut self) -> Result<(), BacklogError> {
        let mut outcome = Ok(());
        let Some(spool) = &mut self.spool else {
            return outcome;
        };
        for lane in self.lanes.iter_mut().rev() {
            let flushed = lane.flush(&mut spool.store, &mut spool.buffer, &mut self.memory);
            outcome = outcome.and(flushed);
        }
        outcome
    }

    /// While the disk rests, what it does not take may not use more memory than there is for it.
    fn shed(&mut self, evicted: &mut Counts) {
        while self.memory.is_over() {
            if self.drop_furthest(&[0; Class::ALL.len()]) {
                continue;
            }
            let Self { lanes, memory, .. } = self;
            let mut lanes = lanes.iter_mut();
            if !lanes.any(|lane| lane.evict_unwritten(memory, evicted)) {
                break;
            }
        }
    }

    /// Takes down what became of writing. What the disk does not take may not use more memory than
    /// there is for it.
    fn note(&mut self, mut outcome: Result<(), BacklogError>, evicted: &mut Counts) {
        while outcome.is_err() && self.memory.is_over() {
            let is_full = outcome.as_ref().is_err_and(BacklogError::is_full);
            if self.drop_furthest(&[0; Class::ALL.len()]) {
                continue;
            }
            if is_full {
                // A segment that goes may make room.
                if !self.evict(evicted) {
                    break;
                }
                outcome = self.flush();
                continue;
            }
            let Self { lanes, memory, .. } = self;
            let mut lanes = lanes.iter_mut();
            if !lanes.any(|lane| lane.evict_unwritten(memory, evicted)) {
                break;
            }
        }
        if let Some(spool) = &mut self.spool {
            spool.health.note(Part::Entries, outcome);
        }
    }

    /// Reads the next entry of each lane whose next one is on disk only, and some after it. False if
    /// there is no room in memory for more; with `must` one of each is read all the same.
    fn read(
        &mut self,
        indices: &[usize; Class::ALL.len()],
        must: bool,
    ) -> Result<bool, BacklogError> {
        // In this lane nothing is held that could be dropped, and in the others not the next one.
        let kept = indices.map(|index| index + 1);
        for number in 0..self.lanes.len() {
            let (Some(lane), Some(index)) = (self.lanes.get(number), indices.get(number)) else {
                continue;
            };
            if !matches!(lane.at(*index), At::Unread) {
                continue;
            }
            let portion = self.memory.portion();
            while !self.memory.has_room_for(portion) && self.drop_furthest(&kept) {}
            if !must && self.memory.is_over() {
                return Ok(false);
            }
            let (Some(lane), Some(spool)) = (self.lanes.get_mut(number), &self.spool) else {
                continue;
            };
            lane.read(
                &spool.store,
                &mut self.memory,
                self.acknowledged,
                &mut self.lost,
            )?;
        }
        Ok(true)
    }

    /// Drops from memory what is needed last, of what is on disk too; in each lane so many are kept.
    /// False if there is nothing.
    fn drop_furthest(&mut self, kept: &[usize; Class::ALL.len()]) -> bool {
        let lanes = self.lanes.iter_mut().zip(kept);
        let lanes = lanes.filter_map(|(lane, kept)| Some((lane.furthest(*kept)?, lane)));
        let Some((_, lane)) = lanes.max_by_key(|(place, _)| *place) else {
            return false;
        };
        lane.drop_furthest(&mut self.memory);
        true
    }

    /// Removes segments that are done with.
    fn retire(&mut self) {
        if let Some(spool) = &mut self.spool {
            for lane in &mut self.lanes {
                lane.retire(&mut spool.store);
            }
        }
    }
}

/// Those that are any.
fn gone(counts: &Counts) -> Vec<Gone> {
    let some = counts.each().filter(|(_, count)| *count > 0);
    some.map(|(severity, count)| Gone { severity, count })
        .collect()
}
