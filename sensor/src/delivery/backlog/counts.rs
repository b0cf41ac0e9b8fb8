//! How many entries there are of each severity.

use crate::detect::severity::Severity;

/// A number for each severity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts([u64; Severity::ALL.len()]);

impl Counts {
    pub(super) fn of(&self, severity: Severity) -> u64 {
        self.each()
            .find(|(each, _)| *each == severity)
            .map_or(0, |(_, count)| count)
    }

    pub(super) fn total(&self) -> u64 {
        self.0.iter().sum()
    }

    pub(super) fn add(&mut self, severity: Severity) {
        self.change(severity, |count| count.saturating_add(1));
    }

    pub(super) fn remove(&mut self, severity: Severity) {
        self.change(severity, |count| count.saturating_sub(1));
    }

    pub(super) fn add_all(&mut self, other: &Self) {
        for (count, more) in self.0.iter_mut().zip(other.0) {
            *count = count.saturating_add(more);
        }
    }

    /// Without the others.
    pub(super) fn minus(&self, others: &Self) -> Self {
        let mut rest = *self;
        for (count, less) in rest.0.iter_mut().zip(others.0) {
            *count = count.saturating_sub(less);
        }
        rest
    }

    /// Every severity with its number, the least grave first.
    pub(super) fn each(&self) -> impl Iterator<Item = (Severity, u64)> {
        Severity::ALL.into_iter().zip(self.0)
    }

    fn change(&mut self, severity: Severity, by: impl Fn(u64) -> u64) {
        for (each, count) in Severity::ALL.into_iter().zip(&mut self.0) {
            if each == severity {
                *count = by(*count);
            }
        }
    }
}
