//! The numbers of events, for percentiles.

use std::collections::VecDeque;

use super::{Seen, Window, as_count, as_measure, recent::Recent};
use crate::{clock::BootTime, event::Origin};

/// Most numbers that are kept.
const NUMBERS_MAX: usize = 1024;

/// The numbers of events, at most 1024: of more, the latest.
///
/// A percentile between two of them is interpolated.
pub(in super::super) struct Sample {
    /// Which, 0 to 100.
    percentile: f64,
    /// In the order of their times.
    numbers: VecDeque<(BootTime, f64)>,
    recent: Recent,
}

impl Sample {
    /// No events.
    pub(in super::super) fn new(percentile: f64) -> Self {
        Self {
            percentile,
            numbers: VecDeque::new(),
            recent: Recent::default(),
        }
    }
}

impl Window for Sample {
    fn add(&mut self, seen: &Seen<'_>, oldest: BootTime) -> u64 {
        while self.numbers.front().is_some_and(|(time, _)| *time < oldest) {
            self.numbers.pop_front();
        }
        let Some(number) = seen.number else { return 0 };
        let time = seen.origin.time;
        let at = self
            .numbers
            .partition_point(|(earlier, _)| *earlier <= time);
        self.numbers.insert(at, (time, number));
        self.recent.add(seen.origin, oldest);
        if self.numbers.len() > NUMBERS_MAX {
            self.numbers.pop_front();
            return 1;
        }
        0
    }

    fn measure(&self) -> f64 {
        let mut numbers: Vec<f64> = self.numbers.iter().map(|(_, number)| *number).collect();
        let Some(last) = numbers.len().checked_sub(1) else {
            return f64::NAN;
        };
        let rank = self.percentile / 100.0 * as_measure(as_count(last));
        let below = (0..last)
            .rev()
            .find(|rank_below| as_measure(as_count(*rank_below)) <= rank);
        let below = below.unwrap_or(0);
        let (_, lower, above) = numbers.select_nth_unstable_by(below, f64::total_cmp);
        let lower = *lower;
        let upper = above
            .iter()
            .copied()
            .min_by(f64::total_cmp)
            .unwrap_or(lower);
        lower + (upper - lower) * (rank - as_measure(as_count(below)))
    }

    fn evidence(&self) -> (Vec<Origin>, u64) {
        (self.recent.evidence(), as_count(self.numbers.len()))
    }

    fn bytes(&self) -> usize {
        size_of::<Self>()
            + self.numbers.capacity() * size_of::<(BootTime, f64)>()
            + self.recent.bytes()
    }
}
