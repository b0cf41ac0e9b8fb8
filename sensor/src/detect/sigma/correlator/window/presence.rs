//! Of which rules there were events.

use super::{Seen, Window, as_count, as_measure};
use crate::{clock::BootTime, detect::alert::EVIDENCE_MAX, event::Origin};

/// The latest event of each rule: an earlier one of the same rule changes nothing.
pub(in super::super) struct Presence {
    latest: Vec<Option<Origin>>,
    /// The event that was added last.
    last: Option<Origin>,
}

impl Presence {
    /// No events, of so many rules.
    pub(in super::super) fn new(rules: usize) -> Self {
        Self {
            latest: vec![None; rules],
            last: None,
        }
    }
}

impl Window for Presence {
    fn add(&mut self, seen: &Seen<'_>, oldest: BootTime) -> u64 {
        for latest in &mut self.latest {
            *latest = latest.filter(|origin| origin.time >= oldest);
        }
        for position in seen.positions {
            if let Some(latest) = self.latest.get_mut(*position)
                && latest.is_none_or(|earlier| earlier.time <= seen.origin.time)
            {
                *latest = Some(seen.origin);
            }
        }
        self.last = Some(seen.origin);
        0
    }

    /// Of how many rules there were events.
    fn measure(&self) -> f64 {
        as_measure(as_count(self.latest.iter().flatten().count()))
    }

    fn evidence(&self) -> (Vec<Origin>, u64) {
        let others = self.latest.iter().flatten();
        let others = others.filter(|origin| Some(**origin) != self.last);
        let mut events: Vec<Origin> = others.copied().collect();
        events.sort_by_key(|origin| (origin.time, origin.cpu, origin.sequence));
        events.dedup();
        events.extend(self.last);
        let count = events.len();
        events.drain(..count.saturating_sub(EVIDENCE_MAX));
        (events, as_count(count))
    }

    fn bytes(&self) -> usize {
        size_of::<Self>() + self.latest.capacity() * size_of::<Option<Origin>>()
    }
}
