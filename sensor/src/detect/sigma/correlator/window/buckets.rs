//! How many events there were, and the sum and the average of their numbers.

use std::{collections::VecDeque, time::Duration};

use super::{Seen, Window, as_measure, recent::Recent};
use crate::{clock::BootTime, event::Origin};

/// Most moments that are kept apart. Up to so many, counts are exact.
const MOMENTS_MAX: usize = 1024;

/// Into how many parts the time is divided when there are more.
const PARTS: u64 = 512;

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Measure {
    /// How many events there are.
    Count,
    /// The sum of their numbers.
    Sum,
    /// The average of their numbers.
    Average,
}

/// Events by their moments.
///
/// With more than 1024 moments, those within the same 512th of the time are taken together, as if
/// all were at the last of them: an event then counts for up to a 512th of the time too long, and
/// none too short.
pub(in super::super) struct Buckets {
    measure: Measure,
    /// Length of a part, in nanoseconds.
    part: u64,
    /// In the order of their times.
    buckets: VecDeque<Bucket>,
    count: u64,
    recent: Recent,
}

#[derive(Clone, Copy, Debug)]
struct Bucket {
    time: BootTime,
    count: u64,
    sum: f64,
}

impl Buckets {
    /// No events, for a time.
    pub(in super::super) fn new(measure: Measure, timespan: Duration) -> Self {
        let timespan = u64::try_from(timespan.as_nanos()).unwrap_or(u64::MAX);
        Self {
            measure,
            part: (timespan / PARTS).max(1),
            buckets: VecDeque::new(),
            count: 0,
            recent: Recent::default(),
        }
    }

    fn sum(&self) -> f64 {
        // Added anew each time: what is added and later subtracted leaves an error behind.
        self.buckets.iter().map(|bucket| bucket.sum).sum()
    }

    fn merge_parts(&mut self) {
        let part = self.part;
        let mut merged: VecDeque<Bucket> = VecDeque::new();
        for bucket in self.buckets.drain(..) {
            match merged.back_mut() {
                Some(last) if last.time.0 / part == bucket.time.0 / part => {
                    last.time = bucket.time;
                    last.count += bucket.count;
                    last.sum += bucket.sum;
                }
                _ => merged.push_back(bucket),
            }
        }
        self.buckets = merged;
    }
}

impl Window for Buckets {
    fn add(&mut self, seen: &Seen<'_>, oldest: BootTime) -> u64 {
        while let Some(first) = self.buckets.front().filter(|first| first.time < oldest) {
            self.count -= first.count;
            self.buckets.pop_front();
        }
        if self.buckets.len() >= MOMENTS_MAX {
            self.merge_parts();
        }
        let time = seen.origin.time;
        let at = self.buckets.partition_point(|bucket| bucket.time <= time);
        self.buckets.insert(
            at,
            Bucket {
                time,
                count: 1,
                sum: seen.number.unwrap_or(0.0),
            },
        );
        self.count += 1;
        self.recent.add(seen.origin, oldest);
        0
    }

    fn measure(&self) -> f64 {
        match self.measure {
            Measure::Count => as_measure(self.count),
            Measure::Sum => self.sum(),
            Measure::Average => self.sum() / as_measure(self.count.max(1)),
        }
    }

    fn evidence(&self) -> (Vec<Origin>, u64) {
        (self.recent.evidence(), self.count)
    }

    fn bytes(&self) -> usize {
        size_of::<Self>() + self.buckets.capacity() * size_of::<Bucket>() + self.recent.bytes()
    }
}
