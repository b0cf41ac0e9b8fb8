//! The account: for every kind, *seen = delivered + lost*.

use std::collections::BTreeMap;

use sensor_common::record::Kind;

use crate::{
    event::state::{self, KindTotal, Lost},
    kernel::counters,
};

/// Why a record that was read did not become an event that was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Loss {
    /// It could not be decoded.
    Undecodable,
    /// The event could not be written down in the output's format.
    Unwritable,
    /// The output failed.
    Output,
}

impl Loss {
    /// The reason's name in events and diagnostics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Undecodable => "undecodable",
            Self::Unwritable => "unwritable",
            Self::Output => "output_failed",
        }
    }
}

/// The reason's name where the kernel sent a record that never came.
const UNACCOUNTED: &str = "unaccounted";

/// What became of what was read.
#[derive(Debug, Default)]
pub struct Account {
    delivered: BTreeMap<Kind, u64>,
    /// Written down, and not yet known to be out.
    pending: BTreeMap<Kind, u64>,
    own: BTreeMap<Kind, u64>,
    lost: BTreeMap<(Kind, &'static str), u64>,
    /// What the kernel side counted, as last read.
    kernel: counters::Totals,
    /// Losses that have been stated, the kernel side's included.
    stated: BTreeMap<(Kind, &'static str), u64>,
    late: u64,
    /// What userspace had no room for, by the limit's name.
    limits: BTreeMap<String, u64>,
}

impl Account {
    /// An event has been written down.
    pub fn written(&mut self, kind: Kind) {
        *self.pending.entry(kind).or_default() += 1;
    }

    /// A record was understood that is no event.
    pub fn understood(&mut self, kind: Kind) {
        *self.delivered.entry(kind).or_default() += 1;
    }

    /// An event is the sensor's own doing, and nobody wants to know.
    pub fn own(&mut self, kind: Kind) {
        *self.own.entry(kind).or_default() += 1;
    }

    /// All that has been written down is out.
    pub fn flushed(&mut self) {
        for (kind, count) in std::mem::take(&mut self.pending) {
            *self.delivered.entry(kind).or_default() += count;
        }
    }

    /// What has been written down will never be out; how many events that is.
    pub fn failed(&mut self) -> u64 {
        let mut failed = 0;
        for (kind, count) in std::mem::take(&mut self.pending) {
            *self.lost.entry((kind, Loss::Output.name())).or_default() += count;
            failed += count;
        }
        failed
    }

    /// A record of this kind did not become an event.
    pub fn lost(&mut self, kind: Kind, why: Loss) {
        *self.lost.entry((kind, why.name())).or_default() += 1;
    }

    /// What the kernel side has counted by now.
    pub fn counted(&mut self, totals: counters::Totals) {
        self.kernel = totals;
    }

    /// How many events were written out of order.
    pub const fn set_late(&mut self, late: u64) {
        self.late = late;
    }

    /// What userspace had no room for by now, by the limit's name.
    pub fn set_limits(&mut self, limits: impl IntoIterator<Item = (String, u64)>) {
        self.limits = limits.into_iter().collect();
    }

    /// Whether a hook missed a run because the kernel skipped it.
    #[must_use]
    pub fn skipped(&self, hook: &str) -> bool {
        self.kernel
            .skipped_runs
            .get(hook)
            .is_some_and(|runs| *runs > 0)
    }

    /// What was lost since this was last asked.
    pub fn news(&mut self) -> Vec<Lost> {
        let mut news = Vec::new();
        for ((kind, reason), count) in self.losses() {
            let stated = self.stated.entry((kind, reason)).or_default();
            if count > *stated {
                news.push(Lost::new(kind, reason, count - *stated));
                *stated = count;
            }
        }
        news
    }

    /// All losses so far.
    fn losses(&self) -> BTreeMap<(Kind, &'static str), u64> {
        let mut losses = self.kernel.lost.clone();
        for (key, count) in &self.lost {
            *losses.entry(*key).or_default() += count;
        }
        losses
    }

    /// The account at the end, when the kernel side's counters are final. What the kernel sent and
    /// never came is a loss too.
    #[must_use]
    pub fn close(&mut self) -> state::Totals {
        for kind in Kind::ALL {
            let known = self.delivered(kind) + self.own_doing(kind) + self.total_lost(kind);
            let seen = self.kernel.seen.entry(kind).or_default();
            // A recording that was cut off has events that its last counters do not know of.
            *seen = known.max(*seen);
            if *seen > known {
                *self.lost.entry((kind, UNACCOUNTED)).or_default() += *seen - known;
            }
        }
        self.totals()
    }

    fn delivered(&self, kind: Kind) -> u64 {
        let of = |counts: &BTreeMap<Kind, u64>| counts.get(&kind).copied().unwrap_or(0);
        of(&self.delivered) + of(&self.pending)
    }

    fn own_doing(&self, kind: Kind) -> u64 {
        self.own.get(&kind).copied().unwrap_or(0)
    }

    fn total_lost(&self, kind: Kind) -> u64 {
        self.losses()
            .iter()
            .filter(|((lost, _), _)| *lost == kind)
            .map(|(_, count)| count)
            .sum()
    }

    fn totals(&self) -> state::Totals {
        let losses = self.losses();
        let kinds = Kind::ALL.iter().map(|kind| KindTotal {
            code: kind.name().to_owned(),
            family: kind.family().name().to_owned(),
            seen: self.kernel.seen(*kind),
            delivered: self.delivered(*kind),
            own: self.own_doing(*kind),
            lost: losses
                .iter()
                .filter(|((lost, _), count)| lost == kind && **count > 0)
                .map(|((_, reason), count)| ((*reason).to_owned(), *count))
                .collect(),
        });
        let mut degraded: BTreeMap<String, u64> = owned(&self.kernel.degraded);
        let limits = self.limits.iter().filter(|(_, count)| **count > 0);
        degraded.extend(limits.map(|(name, count)| (name.clone(), *count)));
        state::Totals {
            kinds: kinds
                .filter(|kind| kind.seen > 0 || kind.delivered > 0)
                .collect(),
            late: self.late,
            degraded,
            skipped_runs: owned(&self.kernel.skipped_runs),
        }
    }
}

/// Those counts that are not 0.
fn owned(counts: &BTreeMap<&'static str, u64>) -> BTreeMap<String, u64> {
    counts
        .iter()
        .filter(|(_, count)| **count > 0)
        .map(|(name, count)| ((*name).to_owned(), *count))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(kind: Kind, seen: u64, lost: u64) -> counters::Totals {
        let mut totals = counters::Totals::default();
        totals.seen.insert(kind, seen);
        totals.lost.insert((kind, "ring_full"), lost);
        totals
    }

    #[test]
    fn the_identity_holds_whatever_was_lost_where() {
        let mut account = Account::default();
        account.written(Kind::Connect);
        account.flushed();
        account.written(Kind::Connect);
        assert_eq!(account.failed(), 1);
        account.lost(Kind::Connect, Loss::Undecodable);
        account.counted(seen(Kind::Connect, 10, 5));
        let totals = account.close();
        let connect = totals.kinds.first().unwrap();
        let lost: u64 = connect.lost.values().sum();
        assert_eq!(connect.seen, connect.delivered + lost);
        assert_eq!(connect.delivered, 1);
        assert_eq!(connect.lost.get("unaccounted"), Some(&2));
        assert_eq!(connect.lost.get("ring_full"), Some(&5));
    }

    #[test]
    fn each_loss_is_news_once() {
        let mut account = Account::default();
        account.counted(seen(Kind::Bind, 3, 2));
        assert_eq!(account.news(), [Lost::new(Kind::Bind, "ring_full", 2)]);
        assert!(account.news().is_empty());
        account.counted(seen(Kind::Bind, 9, 5));
        assert_eq!(account.news(), [Lost::new(Kind::Bind, "ring_full", 3)]);
    }
}
