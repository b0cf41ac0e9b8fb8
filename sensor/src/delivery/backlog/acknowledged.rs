//! How far entries were acknowledged, in a small file.
//!
//! ```text
//! slot   magic 4 │ place 8 │ checksum 4
//! ```
//!
//! There are two slots, written in turn, so that one that is torn is the older one's loss only; the
//! greater place counts.

use std::{fs::File, io, os::unix::fs::FileExt as _};

use super::{
    error::BacklogError,
    record::PLACE_MAX,
    store::{ACKNOWLEDGED, Store},
};

/// The file.
#[derive(Debug)]
pub(super) struct Acknowledged {
    file: File,
    /// Whether the second slot is the next one to be written.
    second: bool,
}

const MAGIC: [u8; 4] = *b"ACK1";
const SLOT_BYTES: usize = 16;

impl Acknowledged {
    /// Opens the file: with it come the place, and how many slots are damaged.
    pub(super) fn open(store: &Store) -> Result<(Self, u64, u64), BacklogError> {
        let file = store.acknowledged()?;
        let mut bytes = [0; 2 * SLOT_BYTES];
        let mut filled = 0;
        while let Some(room) = bytes.get_mut(filled..).filter(|room| !room.is_empty()) {
            match file.read_at(room, u64::try_from(filled).unwrap_or(u64::MAX)) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(why) if why.kind() == io::ErrorKind::Interrupted => {}
                Err(why) => return Err(BacklogError::directory(&store.path(ACKNOWLEDGED), why)),
            }
        }
        let slots = bytes.get(..filled).unwrap_or_default().chunks(SLOT_BYTES);
        let places: Vec<_> = slots.map(parse).collect();
        let damaged = places.iter().filter(|place| place.is_none()).count();
        let newest = places.iter().copied().flatten().max();
        Ok((
            Self {
                file,
                second: newest.is_some() && places.first().copied().flatten() == newest,
            },
            newest.unwrap_or(0),
            u64::try_from(damaged).unwrap_or(u64::MAX),
        ))
    }

    /// Writes down a place.
    pub(super) fn write(&mut self, place: u64, store: &Store) -> Result<(), BacklogError> {
        let at = if self.second { SLOT_BYTES } else { 0 };
        let at = u64::try_from(at).unwrap_or(u64::MAX);
        // Not cut back where it fails: the other slot may be behind.
        let written = self.file.write_all_at(&encode(place), at);
        written.map_err(|why| BacklogError::write(store.path(ACKNOWLEDGED), why))?;
        self.second = !self.second;
        Ok(())
    }

    /// Waits until it is on the disk.
    pub(super) fn sync(&self, store: &Store) -> Result<(), BacklogError> {
        let synced = self.file.sync_data();
        synced.map_err(|why| BacklogError::write(store.path(ACKNOWLEDGED), why))
    }
}

fn encode(place: u64) -> Vec<u8> {
    let mut slot = Vec::with_capacity(SLOT_BYTES);
    slot.extend(MAGIC);
    slot.extend(place.to_le_bytes());
    slot.extend(crc32fast::hash(&slot).to_le_bytes());
    slot
}

fn parse(slot: &[u8]) -> Option<u64> {
    let (place, _) = slot.strip_prefix(&MAGIC)?.split_first_chunk()?;
    let place = u64::from_le_bytes(*place);
    (place <= PLACE_MAX && encode(place) == slot).then_some(place)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_place_is_read_as_it_is_written(place in 0..=PLACE_MAX) {
            prop_assert_eq!(parse(&encode(place)), Some(place));
        }

        #[test]
        fn any_bytes_are_a_place_or_not(bytes: Vec<u8>) {
            let _ = parse(&bytes);
        }
    }
}
