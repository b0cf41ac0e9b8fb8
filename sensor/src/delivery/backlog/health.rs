//! Whether the disk works.

use std::time::{Duration, Instant};

use super::{Trouble, error::BacklogError};

/// What fails, and what is to be said of it.
#[derive(Debug, Default)]
pub(super) struct Health {
    /// How long a disk that fails is left alone: each try writes all that waits.
    rest: Duration,
    rests_until: Option<Instant>,
    entries: bool,
    place: bool,
    change: Option<Trouble>,
}

/// What is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// Entries.
    Entries,
    /// How far they were acknowledged.
    Place,
}

impl Health {
    /// Whether the disk failed so recently that it is not tried yet.
    pub(super) fn rests(&self) -> bool {
        self.rests_until.is_some_and(|until| Instant::now() < until)
    }

    pub(super) const fn set_rest(&mut self, rest: Duration) {
        self.rest = rest;
    }

    /// Takes down what became of writing.
    pub(super) fn note(&mut self, part: Part, outcome: Result<(), BacklogError>) {
        let was_failing = self.entries || self.place;
        let fails = outcome.is_err();
        if part == Part::Entries {
            self.rests_until = fails.then(|| Instant::now() + self.rest);
        }
        match part {
            Part::Entries => self.entries = fails,
            Part::Place => self.place = fails,
        }
        match outcome {
            Err(error) if !was_failing => self.change = Some(Trouble::Begins(error)),
            Ok(()) if was_failing && !self.entries && !self.place => {
                // What nobody was told of need not be taken back.
                self.change = match self.change {
                    Some(Trouble::Begins(_)) => None,
                    _ => Some(Trouble::Ends),
                };
            }
            _ => {}
        }
    }

    /// What changed since the last time.
    pub(super) fn change(&mut self) -> Option<Trouble> {
        self.change.take()
    }
}
