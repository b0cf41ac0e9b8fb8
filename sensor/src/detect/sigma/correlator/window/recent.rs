//! The latest events of a window, for evidence.

use std::collections::VecDeque;

use crate::{clock::BootTime, detect::alert::EVIDENCE_MAX, event::Origin};

/// The latest events, at most [`EVIDENCE_MAX`], in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct Recent(VecDeque<Origin>);

impl Recent {
    /// Takes in an event, and forgets those that are older than `oldest`.
    pub(super) fn add(&mut self, origin: Origin, oldest: BootTime) {
        self.0.retain(|earlier| earlier.time >= oldest);
        if self.0.len() == EVIDENCE_MAX {
            self.0.pop_front();
        }
        self.0.push_back(origin);
    }

    /// The events, oldest first but for the last one that came.
    pub(super) fn evidence(&self) -> Vec<Origin> {
        let mut events: Vec<Origin> = self.0.iter().copied().collect();
        if let Some((_, earlier)) = events.split_last_mut() {
            earlier.sort_by_key(|origin| origin.time);
        }
        events
    }

    /// How many bytes it takes, roughly.
    pub(super) fn bytes(&self) -> usize {
        self.0.capacity() * size_of::<Origin>()
    }
}
