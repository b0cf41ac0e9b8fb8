//! Reading the rings.
//!
//! A wake-up is what a record costs most, so the programs send none as long as the reader says
//! that it comes by itself. It does so while there is something to read: every interval it empties
//! all rings. When there was nothing for a while it says that it sleeps, and the next record wakes
//! it. `docs/performance.md` has the figures behind this.

use std::{
    io,
    os::fd::{AsFd, BorrowedFd},
    time::Duration,
};

use aya::maps::{Array, MapData, MapError, RingBuf};
use bytes::{Bytes, BytesMut};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use sensor_common::state::Control;

use crate::clock::{BootTime, boot_time};

/// The rings, and the word by which the reader and the programs agree on wake-ups.
pub struct Rings {
    critical: RingBuf<MapData>,
    bulk: Vec<RingBuf<MapData>>,
    control: Array<MapData, u64>,
    hooked: u32,
    arena: BytesMut,
}

/// What one round of reading gave.
#[derive(Debug, Default)]
pub struct Batch {
    /// The records, in no particular order.
    pub records: Vec<Bytes>,
    /// When the round began.
    pub began: BootTime,
    /// Whether every ring was found empty: then every record that was made before the round began
    /// has been read, in this batch or an earlier one.
    pub is_whole: bool,
}

impl Batch {
    /// What was made before this moment is not waited for any longer: it has been read, or should
    /// have been `patience` nanoseconds ago.
    ///
    /// It is the round's own time that counts, not that of the records: a reader that is held up
    /// between two rings reads of the second what is later than anything that it saw of the first.
    #[must_use]
    pub fn complete_until(&self, patience: u64) -> BootTime {
        if self.is_whole {
            self.began
        } else {
            BootTime(self.began.0.saturating_sub(patience))
        }
    }
}

/// Records are copied out of the rings into blocks of this size.
const ARENA_BYTES: usize = 64 << 10;

/// How often a ring whose next record is being written is looked at again before the round ends.
const BUSY_ROUNDS: u32 = 64;

/// Most bytes that one round takes from a ring, so that a flood cannot keep the reader forever.
const ROUND_BYTES: usize = 8 << 20;

impl Rings {
    pub(super) fn new(
        critical: RingBuf<MapData>,
        bulk: Vec<RingBuf<MapData>>,
        control: Array<MapData, u64>,
    ) -> Self {
        Self {
            critical,
            bulk,
            control,
            hooked: 0,
            arena: BytesMut::new(),
        }
    }

    /// Tells the programs that an event has a hook of its own.
    pub(super) fn announce(&mut self, event: u32) -> Result<(), MapError> {
        self.hooked |= event;
        self.say(0)
    }

    /// Tells the programs that it has none after all.
    pub(super) fn retract(&mut self, event: u32) -> Result<(), MapError> {
        self.hooked &= !event;
        self.say(0)
    }

    /// Tells the programs whether the reader sleeps until it is woken.
    ///
    /// # Errors
    ///
    /// If the kernel refuses the update, which it has no reason to.
    pub fn arm(&mut self, armed: bool) -> Result<(), MapError> {
        self.say(u32::from(armed))
    }

    fn say(&mut self, armed: u32) -> Result<(), MapError> {
        let control = Control {
            armed,
            hooked: self.hooked,
        };
        let word: u64 = zerocopy::transmute!(control);
        self.control.set(0, word, 0)
    }

    /// Waits until a ring has something to read, the bell is rung, or a time is over; whether it
    /// was not the time.
    ///
    /// Unlike an edge-triggered wait, `poll` also looks at what is there when it is called; so a
    /// record that was made while the programs were being told is not slept through.
    ///
    /// # Errors
    ///
    /// If the kernel refuses to wait.
    pub fn wait(&self, longest: Duration, bell: BorrowedFd<'_>) -> io::Result<bool> {
        let timeout = Timespec {
            tv_sec: i64::try_from(longest.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: i64::from(longest.subsec_nanos()),
        };
        let mut fds: Vec<PollFd<'_>> = self
            .fds()
            .chain([bell])
            .map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN))
            .collect();
        match poll(&mut fds, Some(&timeout)) {
            Ok(ready) => Ok(ready > 0),
            Err(rustix::io::Errno::INTR) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    fn fds(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        std::iter::once(&self.critical)
            .chain(&self.bulk)
            .map(AsFd::as_fd)
    }

    /// Empties all rings.
    ///
    /// A record is stamped after its place was reserved, and a ring is read in the order of its
    /// places. So when a ring has been found empty, every record that was stamped before the round
    /// began has been read.
    ///
    /// # Errors
    ///
    /// If the kernel refuses to tell the state of a ring.
    pub fn drain(&mut self, batch: &mut Batch) -> io::Result<()> {
        batch.began = boot_time();
        batch.is_whole = true;
        for ring in std::iter::once(&mut self.critical).chain(&mut self.bulk) {
            batch.is_whole &= empty(ring, &mut self.arena, &mut batch.records)?;
        }
        Ok(())
    }
}

/// Reads a ring until it is empty; whether it came to that.
fn empty(
    ring: &mut RingBuf<MapData>,
    arena: &mut BytesMut,
    records: &mut Vec<Bytes>,
) -> io::Result<bool> {
    let mut taken = 0;
    let mut busy = 0;
    loop {
        while let Some(record) = ring.next() {
            if arena.capacity() < record.len() {
                *arena = BytesMut::with_capacity(ARENA_BYTES.max(record.len()));
            }
            let used = used_bytes(&record);
            arena.extend_from_slice(record.get(..used).unwrap_or(&record));
            records.push(arena.split().freeze());
            taken += record.len();
            if taken > ROUND_BYTES {
                return Ok(false);
            }
        }
        // Nothing to read: either nothing is there, or the next record is still being written.
        if !is_readable(ring)? {
            return Ok(true);
        }
        busy += 1;
        if busy > BUSY_ROUNDS {
            return Ok(false);
        }
        std::hint::spin_loop();
    }
}

/// The bytes in use of a place, which may be larger than its record: the record's first word.
fn used_bytes(place: &[u8]) -> usize {
    place
        .first_chunk()
        .map_or(place.len(), |length| u32::from_ne_bytes(*length) as usize)
}

fn is_readable(ring: &RingBuf<MapData>) -> io::Result<bool> {
    let mut fds = [PollFd::new(ring, PollFlags::IN)];
    match poll(&mut fds, Some(&Timespec::default())) {
        Ok(ready) => Ok(ready > 0),
        Err(rustix::io::Errno::INTR) => Ok(true),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ring_that_is_never_empty_is_waited_for_with_patience() {
        let mut batch = Batch {
            began: BootTime(100),
            ..Batch::default()
        };
        assert_eq!(batch.complete_until(30), BootTime(70));
        assert_eq!(batch.complete_until(300), BootTime(0));
        batch.is_whole = true;
        assert_eq!(batch.complete_until(30), BootTime(100));
    }
}
