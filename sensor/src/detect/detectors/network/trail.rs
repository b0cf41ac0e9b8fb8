//! The events behind an alert.

use std::{collections::VecDeque, sync::Arc};

use crate::{
    detect::alert::{Alert, EVIDENCE_MAX, RuleDescription},
    event::Origin,
};

/// The events behind an alert that may be raised: how many, and the newest of them.
#[derive(Clone, Debug, Default)]
pub(super) struct Trail {
    events: VecDeque<Origin>,
    count: u64,
}

impl Trail {
    /// One more.
    pub(super) fn add(&mut self, event: Origin) {
        if self.events.len() >= EVIDENCE_MAX {
            self.events.pop_front();
        }
        self.events.push_back(event);
        self.count += 1;
    }

    /// How many there were.
    pub(super) const fn count(&self) -> u64 {
        self.count
    }

    /// The alert that they lead to, at an event that is added to them if it is not the last already.
    pub(super) fn alert(
        &mut self,
        rule: &Arc<RuleDescription>,
        reason: String,
        at: Origin,
    ) -> Alert {
        if self.events.back() != Some(&at) {
            self.add(at);
        }
        Alert {
            evidence: self.events.iter().copied().collect(),
            evidence_count: self.count,
            ..Alert::single(rule.clone(), reason, at)
        }
    }
}
