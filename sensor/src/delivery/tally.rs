//! What became of a sink's events.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::{detect::severity::Severity, event::state::Undelivered};

/// Why a receiver does not get an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// It could not be written down in the sink's format.
    Unwritable,
    /// It came faster than the sink's thread could take it in.
    QueueFull,
    /// The backlog was at its limit.
    BacklogFull,
    /// Its file in the spool was damaged, or taken away.
    Damaged,
    /// The receiver will never take it.
    Refused,
    /// The sensor ended before it was out, and there is no spool to keep it.
    Ended,
}

impl Reason {
    /// The word for it in events and diagnostics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unwritable => "unwritable",
            Self::QueueFull => "queue_full",
            Self::BacklogFull => "backlog_full",
            Self::Damaged => "damaged",
            Self::Refused => "refused",
            Self::Ended => "ended",
        }
    }
}

/// Counts what became of a sink's events; shared by those who see it.
#[derive(Debug, Default)]
pub struct Tally(Mutex<Counts>);

/// The counts of a sink. Taken = delivered + undelivered + waiting, but that an event which is given up
/// while it is being sent may count twice.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Documents that the sink wanted.
    pub taken: u64,
    /// Those the receiver has.
    pub delivered: u64,
    /// Those that wait.
    pub waiting: u64,
    /// Those the receiver does not get.
    pub undelivered: BTreeMap<(Reason, Severity), u64>,
    /// What was told of them already.
    told: BTreeMap<(Reason, Severity), u64>,
}

impl Tally {
    /// The counts now.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.lock().clone()
    }

    pub(super) fn taken(&self, count: u64) {
        self.lock().taken += count;
    }

    pub(super) fn delivered(&self, count: u64) {
        self.lock().delivered += count;
    }

    pub(super) fn waiting(&self, count: u64) {
        self.lock().waiting = count;
    }

    pub(super) fn undelivered(&self, reason: Reason, severity: Severity, count: u64) {
        if count > 0 {
            let mut counts = self.lock();
            *counts.undelivered.entry((reason, severity)).or_default() += count;
        }
    }

    /// What was given up since this was asked last.
    pub(super) fn news(&self, sink: &str) -> Vec<Undelivered> {
        let mut counts = self.lock();
        let Counts {
            undelivered, told, ..
        } = &mut *counts;
        let mut news = Vec::new();
        for (key, count) in undelivered {
            let told = told.entry(*key).or_default();
            if *count > *told {
                news.push(Undelivered {
                    sink: sink.to_owned(),
                    reason: key.0.name().to_owned(),
                    severity: key.1.name().to_owned(),
                    count: *count - *told,
                });
                *told = *count;
            }
        }
        news
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_given_up_is_told_once() {
        let tally = Tally::default();
        assert_eq!(tally.news("siem"), []);
        tally.undelivered(Reason::BacklogFull, Severity::Low, 2);
        tally.undelivered(Reason::BacklogFull, Severity::Low, 3);
        tally.undelivered(Reason::Refused, Severity::Low, 0);
        let told = tally.news("siem");
        assert_eq!(told.len(), 1);
        assert_eq!(
            (told[0].reason.as_str(), told[0].count),
            ("backlog_full", 5)
        );
        assert_eq!(tally.news("siem"), []);
        tally.undelivered(Reason::BacklogFull, Severity::Low, 1);
        assert_eq!(tally.news("siem")[0].count, 1);
    }
}
