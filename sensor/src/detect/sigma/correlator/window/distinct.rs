//! How many different values there were.

use std::collections::{BTreeMap, HashMap};

use super::{Seen, Window, as_count, as_measure};
use crate::{
    clock::BootTime,
    detect::{alert::EVIDENCE_MAX, sigma::correlator::digest::Digest},
    event::Origin,
};

/// Most values that are counted.
pub(in super::super) const VALUES_MAX: usize = 10_000;

/// Different values, and when each was last seen: an earlier time of the same value changes no count.
///
/// At most [`VALUES_MAX`]; what comes then takes the place of the one that was not seen for longest.
#[derive(Default)]
pub(in super::super) struct Distinct {
    last_seen: HashMap<Digest, BootTime>,
    by_time: BTreeMap<(BootTime, Digest), Origin>,
    /// The event that was added last.
    last: Option<Origin>,
}

impl Distinct {
    fn forget_first(&mut self) {
        if let Some(((_, value), _)) = self.by_time.pop_first() {
            self.last_seen.remove(&value);
        }
    }
}

impl Window for Distinct {
    fn add(&mut self, seen: &Seen<'_>, oldest: BootTime) -> u64 {
        while let Some(((time, _), _)) = self.by_time.first_key_value() {
            if *time >= oldest {
                break;
            }
            self.forget_first();
        }
        let Some(value) = seen.value else { return 0 };
        let time = seen.origin.time;
        self.last = Some(seen.origin);
        match self.last_seen.get_mut(&value) {
            Some(last) if *last >= time => {}
            Some(last) => {
                self.by_time.remove(&(*last, value));
                *last = time;
                self.by_time.insert((time, value), seen.origin);
            }
            None => {
                self.last_seen.insert(value, time);
                self.by_time.insert((time, value), seen.origin);
            }
        }
        if self.by_time.len() > VALUES_MAX {
            self.forget_first();
            return 1;
        }
        0
    }

    fn measure(&self) -> f64 {
        as_measure(as_count(self.by_time.len()))
    }

    fn evidence(&self) -> (Vec<Origin>, u64) {
        let others = self.by_time.values().rev();
        let others = others.filter(|origin| Some(**origin) != self.last);
        let mut events: Vec<Origin> = others.take(EVIDENCE_MAX - 1).copied().collect();
        events.reverse();
        events.extend(self.last);
        (events, as_count(self.by_time.len()))
    }

    fn bytes(&self) -> usize {
        // Both maps keep some room; a B-tree's nodes are at least half full.
        let value = size_of::<(Digest, BootTime)>() + size_of::<(BootTime, Digest, Origin)>();
        size_of::<Self>() + self.by_time.len() * value * 2
    }
}
